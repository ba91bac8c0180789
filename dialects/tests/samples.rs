//! Things of the core to render, with ids that are easy to know again.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keyward_core::account::{Account, Hold, Organization, Role, Standing};
use keyward_core::command::{Answer, Command, Done, Removed};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::id::Id;
use keyward_core::key::{
    Head, Key, Kind, Material, Place, Proof, RateLimit, Scheme, SecretMaterial, State, Tombstone, Traits,
};
use keyward_core::metadata::Metadata;
use keyward_core::permit::Caller;
use keyward_core::scope::Scopes;
use keyward_core::secret::{Digest, Handle, Label};
use keyward_core::time::Timestamp;
use keyward_dialects::encedo::Unit;
use keyward_dialects::{Dialect, Parsed, Request, Response, native};

pub(crate) const KEY: &str = "key_00000000000000000000000001";
pub(crate) const ACCOUNT: &str = "acct_00000000000000000000000003";
pub(crate) const ORGANIZATION: &str = "org_00000000000000000000000002";

/// A request that owns what a [`Request`] borrows.
pub(crate) struct Sent {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) prefix: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) tls: bool,
    pub(crate) unit: Arc<Unit>,
}

pub(crate) fn send(method: &str, target: &str) -> Sent {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Sent {
        method: method.parse().unwrap(),
        path: path.to_owned(),
        prefix: String::new(),
        query: query.to_owned(),
        headers: HeaderMap::new(),
        body: Vec::new(),
        tls: true,
        unit: Arc::new(Unit::new(Box::new(|| Timestamp::from_millis(1000)), Box::new(|bytes| bytes.fill(7)))),
    }
}

impl Sent {
    pub(crate) fn json(self, body: &str) -> Self {
        let body = body.as_bytes().to_vec();
        Self { body, ..self }.header("content-type", "application/json")
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            path: &self.path,
            prefix: &self.prefix,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
            tls: self.tls,
            unit: &self.unit,
        }
    }

    /// What the native API takes it for.
    pub(crate) fn parsed(&self) -> Result<Parsed, Error> {
        let dialect = dialect();
        let (route, params) = dialect.route(&self.method, &self.path)?;
        (route.parse)(&self.request(), &params)
    }

    pub(crate) fn command(&self) -> Command {
        self.parsed().unwrap_or_else(|error| panic!("{error:?}")).command
    }

    pub(crate) fn error(&self) -> Error {
        match self.parsed() {
            Ok(_) => panic!("{} {} was taken", self.method, self.path),
            Err(error) => error,
        }
    }

    /// The field that it is refused for, and what it must be.
    pub(crate) fn invalid(&self) -> (String, String) {
        let error = self.error();
        let Error::Invalid { field, must } = error else { panic!("{error:?}") };
        (field, must)
    }

    /// How the native API renders what came of it.
    pub(crate) fn answered(&self, done: &Done) -> Response {
        let dialect = dialect();
        let (route, _) = dialect.route(&self.method, &self.path).unwrap_or_else(|error| panic!("{error:?}"));
        (route.render)(done, &self.request())
    }
}

pub(crate) fn dialect() -> Dialect {
    native::dialect().unwrap_or_else(|error| panic!("{error:?}"))
}

pub(crate) fn json(response: &Response) -> serde_json::Value {
    assert_eq!(response.headers["content-type"], "application/json");
    serde_json::from_slice(&response.body).unwrap()
}

pub(crate) fn key() -> Key {
    Key {
        head: Head {
            id: Id::from_bits(1).into(),
            organization: Id::from_bits(2).into(),
            account: Id::from_bits(3).into(),
            kind: Kind::Secret,
            handle: Handle::parse("kw_live_0123456789").unwrap(),
            place: Place::Handle,
            environment: Label::parse("live").unwrap(),
            state: State::Active,
            remove_at: None,
            remove_for: Reason::Retired,
            protected: false,
            session: None,
            created_at: Timestamp::from_millis(1000),
            salt: [5; 16],
            version: 7,
            names: Vec::new(),
        },
        traits: Traits {
            name: "ci \"quoted\"".to_owned(),
            scopes: Scopes::parse(["orders:read"]).unwrap_or_else(|error| panic!("{error:?}")),
            metadata: Metadata::parse(r#"{"team":"blue"}"#).unwrap_or_else(|error| panic!("{error:?}")),
            tags: vec!["a".to_owned()],
            not_before: None,
            expires_at: Some(Timestamp::from_millis(1_900_000_000_000)),
            ip_allow: vec!["10.0.0.0/8".parse().unwrap()],
            rate_limit: Some(RateLimit { limit: 5, window_seconds: 60 }),
            uses: None,
            supersedes: None,
            updated_at: Timestamp::from_millis(1000),
            material: Material::Secret(SecretMaterial {
                proof: Proof::Digest(Scheme::Sha256, Digest::of(b"x")),
                hint: String::new(),
                recoverable: None,
            }),
        },
    }
}

/// The answer to a removal.
pub(crate) fn removed(again: bool) -> Answer {
    let tombstone = tombstone();
    Answer::Removed(Box::new(Removed { tombstone, again, receipt: None }))
}

/// Whether the language that asked for a removal has this key.
pub(crate) fn has(asked: &[Command], caller: &Caller, key: &Key) -> bool {
    let [Command::Remove(_, ending)] = asked else { panic!("a removal") };
    (ending.is_ours)(caller, &key.head)
}

pub(crate) fn tombstone() -> Tombstone {
    Tombstone {
        id: Id::from_bits(1).into(),
        organization: Id::from_bits(2).into(),
        account: Id::from_bits(3).into(),
        kind: Kind::Secret,
        handle: Handle::parse("kw_live_0123456789").unwrap(),
        environment: Label::parse("live").unwrap(),
        created_at: Timestamp::from_millis(1000),
        removed_at: Timestamp::from_millis(2000),
        reason: Reason::Compromised,
        salt: [5; 16],
        version: 8,
    }
}

pub(crate) fn account() -> Account {
    Account {
        id: Id::from_bits(3).into(),
        organization: Id::from_bits(2).into(),
        parent: None,
        name: "builds".to_owned(),
        role: Role::Member,
        standing: Standing::Suspended,
        created_at: Timestamp::from_millis(1000),
        salt: [5; 16],
        version: 4,
        names: Vec::new(),
    }
}

pub(crate) fn organization() -> Organization {
    Organization {
        id: Id::from_bits(2).into(),
        name: "acme".to_owned(),
        operator: false,
        hold: None,
        standing: Standing::Active,
        created_at: Timestamp::from_millis(1000),
        salt: [5; 16],
        version: 1,
        names: Vec::new(),
    }
}

/// Every error of the core, once.
pub(crate) fn errors() -> Vec<Error> {
    vec![
        Error::Anonymous,
        Error::BadCredential,
        Error::OnHold(Hold::Payment),
        Error::OnHold(Hold::Locked),
        Error::Forbidden,
        Error::NotFound,
        Error::Gone(Box::new(tombstone())),
        Error::invalid("expires_at", "in the future"),
        Error::Malformed("not JSON: EOF while parsing a value at line 1 column 0".to_owned()),
        Error::BadHead { why: "a request must name one host" },
        Error::HeadTooLarge,
        Error::Stale,
        Error::Taken { what: "name" },
        Error::WrongState { why: "the key is suspended" },
        Error::Protected,
        Error::Rejected,
        Error::PlanChanged,
        Error::IdempotencyMismatch,
        Error::TooLarge { limit: 1_048_576 },
        Error::NoRoute,
        Error::WrongMethod { allowed: vec!["GET", "POST"] },
        Error::UnsupportedType { wanted: "application/json" },
        Error::Slow { retry_after_seconds: 3, limit: 10 },
        Error::Guessed { retry_after_seconds: 3 },
        Error::TimedOut,
        Error::Unavailable { inside: "INSIDE".to_owned() },
        Error::Locked,
        Error::Internal { inside: "INSIDE".to_owned() },
    ]
}

/// The name of an error: an exhaustive match, so that a new one is missed in [`errors`] by a test.
pub(crate) fn name(error: &Error) -> &'static str {
    match error {
        Error::Anonymous => "Anonymous",
        Error::BadCredential => "BadCredential",
        Error::OnHold(Hold::Payment) => "OnHold, payment",
        Error::OnHold(Hold::Locked) => "OnHold, locked",
        Error::Forbidden => "Forbidden",
        Error::NotFound => "NotFound",
        Error::Gone(_) => "Gone",
        Error::Invalid { .. } => "Invalid",
        Error::Malformed(_) => "Malformed",
        Error::BadHead { .. } => "BadHead",
        Error::HeadTooLarge => "HeadTooLarge",
        Error::Stale => "Stale",
        Error::Taken { .. } => "Taken",
        Error::WrongState { .. } => "WrongState",
        Error::Protected => "Protected",
        Error::Rejected => "Rejected",
        Error::PlanChanged => "PlanChanged",
        Error::IdempotencyMismatch => "IdempotencyMismatch",
        Error::TooLarge { .. } => "TooLarge",
        Error::NoRoute => "NoRoute",
        Error::WrongMethod { .. } => "WrongMethod",
        Error::UnsupportedType { .. } => "UnsupportedType",
        Error::Slow { .. } => "Slow",
        Error::Guessed { .. } => "Guessed",
        Error::TimedOut => "TimedOut",
        Error::Unavailable { .. } => "Unavailable",
        Error::Locked => "Locked",
        Error::Internal { .. } => "Internal",
    }
}
