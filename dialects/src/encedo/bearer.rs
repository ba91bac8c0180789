//! This file is about bearers: what a client shows after it has signed in. They are signed under a key that is new at every
//! start, so a restart ends them all.

use serde_json::json;

use super::encoding::{decode, encode};
use super::jwt::{self, Jwt};
use super::kid::Kid;
use super::unit::Unit;

/// Who signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Whoever knows the unit's passphrase.
    User,
    /// Whoever knows the passphrase for emergencies.
    Master,
    /// A paired app, by the kid of its key.
    App(Kid),
}

impl Who {
    /// The subject of a bearer.
    fn subject(self) -> String {
        match self {
            Self::User => "U".to_owned(),
            Self::Master => "M".to_owned(),
            Self::App(kid) => encode(kid.bytes()),
        }
    }

    fn parse(subject: &str) -> Option<Self> {
        match subject {
            "U" => Some(Self::User),
            "M" => Some(Self::Master),
            other => Kid::from_bytes(&decode(other)?).map(Self::App),
        }
    }
}

/// A session.
#[derive(Clone, Debug)]
pub(super) struct Bearer {
    pub(super) who: Who,
    /// What it is for.
    pub(super) scope: String,
    /// When it was opened: a moment of its unit's.
    pub(super) opened: u64,
}

/// For how long a session lasts if nothing is said, in seconds.
pub(super) const LIFE_SECONDS: u64 = 8 * 3600;

/// The longest scope, in characters.
const SCOPE: usize = 127;
/// The longest context, in characters.
const CONTEXT: usize = 63;

/// What a session is to be like.
pub(super) struct Plan<'a> {
    pub(super) who: Who,
    pub(super) scope: &'a str,
    pub(super) context: Option<&'a str>,
    /// Seconds since 1970; 0: [`LIFE_SECONDS`] from now.
    pub(super) expires: u64,
}

/// A session that was just opened.
pub(super) struct Session {
    /// Its bearer.
    pub(super) token: String,
    /// When it was opened: a moment of its unit's.
    pub(super) opened: u64,
}

impl Plan<'_> {
    /// Opens the session. `None` for a scope or context that no session may have.
    pub(super) fn open(&self, unit: &Unit) -> Option<Session> {
        let fits = |text: &str, most| text.chars().count() <= most && !text.chars().any(char::is_control);
        let is_good = !self.scope.is_empty() && fits(self.scope, SCOPE);
        (is_good && self.context.is_none_or(|context| fits(context, CONTEXT))).then_some(())?;
        let now = unit.now().seconds();
        let opened = unit.moment();
        let jti: Vec<u8> = opened.to_be_bytes().into_iter().chain(unit.random::<8>()).collect();
        let mut claims = json!({
            "scope": self.scope,
            "sub": self.who.subject(),
            "iat": now,
            "exp": if self.expires == 0 { now.saturating_add(LIFE_SECONDS) } else { self.expires },
            "jti": encode(&jti),
        });
        if let (Some(context), Some(claims)) = (self.context, claims.as_object_mut()) {
            claims.insert("ctx".to_owned(), context.into());
        }
        Some(Session { token: jwt::write(&claims, &*unit.session_key()), opened })
    }
}

impl Bearer {
    /// The session of a bearer that is ours and has not ended.
    pub(super) fn read(text: &str, key: &[u8; 32], now_seconds: u64) -> Option<Self> {
        let jwt = Jwt::read(text).filter(|jwt| jwt.is_under(key))?;
        let jti = decode(jwt.text("jti")?)?;
        (now_seconds < jwt.number("exp")?).then_some(())?;
        Some(Self {
            who: Who::parse(jwt.text("sub")?)?,
            scope: jwt.text("scope")?.to_owned(),
            opened: jti.first_chunk().map(|moment| u64::from_be_bytes(*moment))?,
        })
    }
}
