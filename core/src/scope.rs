//! This file is about scopes: words that a key carries. Most mean something only to whoever asks about the
//! key; twelve are *rights* on Keyward itself.

use std::fmt;

use crate::error::Error;

/// What a key may do on Keyward, as far as its account's role allows it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Right {
    /// Read keys and their usage.
    KeysRead = 1,
    /// Issue and import keys, and rotate them.
    KeysIssue = 1 << 1,
    /// Change, suspend and resume keys.
    KeysUpdate = 1 << 2,
    /// Remove keys.
    KeysRemove = 1 << 3,
    /// Ask whether a key is valid.
    KeysVerify = 1 << 4,
    /// Use cryptographic keys.
    KeysUse = 1 << 5,
    /// Read accounts and organizations.
    AccountsRead = 1 << 6,
    /// Create, change and remove accounts and organizations.
    AccountsWrite = 1 << 7,
    /// Read events.
    LogRead = 1 << 8,
    /// Join as a verifier.
    VerifiersJoin = 1 << 9,
    /// See who accepts keys.
    VerifiersRead = 1 << 10,
    /// All of the above.
    Admin = 1 << 11,
}

impl Right {
    /// Every right, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::KeysRead,
        Self::KeysIssue,
        Self::KeysUpdate,
        Self::KeysRemove,
        Self::KeysVerify,
        Self::KeysUse,
        Self::AccountsRead,
        Self::AccountsWrite,
        Self::LogRead,
        Self::VerifiersJoin,
        Self::VerifiersRead,
        Self::Admin,
    ];

    /// The scope that grants it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::KeysRead => "keys:read",
            Self::KeysIssue => "keys:issue",
            Self::KeysUpdate => "keys:update",
            Self::KeysRemove => "keys:remove",
            Self::KeysVerify => "keys:verify",
            Self::KeysUse => "keys:use",
            Self::AccountsRead => "accounts:read",
            Self::AccountsWrite => "accounts:write",
            Self::LogRead => "log:read",
            Self::VerifiersJoin => "verifiers:join",
            Self::VerifiersRead => "verifiers:read",
            Self::Admin => "admin",
        }
    }
}

/// The scope of a key that may act as other accounts of its organization. No right: `admin` does not hold it, and only
/// owners of the operator's organization give it.
pub const IMPERSONATE: &str = "impersonate";

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(u16);

impl Rights {
    /// True if the set holds the right, or `admin`, which holds all.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & (right as u16 | Right::Admin as u16) != 0
    }

    /// True if whoever holds this set holds every right of the other.
    #[must_use]
    pub const fn cover(self, other: Self) -> bool {
        self.0 & Right::Admin as u16 != 0 || other.0 & !self.0 == 0
    }
}

/// One scope: 1 to 64 of `a-z 0-9 : . _ - * /`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(Box<str>);

impl Scope {
    /// Reads a scope.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b":._-*/".contains(&b));
        fits.then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The scopes of a key: sorted, each once, at most 64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// The set of these scopes.
    ///
    /// # Errors
    /// [`Error::Invalid`] above 64 scopes.
    pub fn new(mut scopes: Vec<Scope>) -> Result<Self, Error> {
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.len() > 64 {
            return Err(Error::invalid("scopes", "at most 64 scopes"));
        }
        Ok(Self(scopes))
    }

    /// Reads a list of scopes.
    ///
    /// # Errors
    /// [`Error::Invalid`] if one is no scope, or there are more than 64.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let scopes = texts.into_iter().map(Scope::parse).collect::<Option<Vec<_>>>();
        let must = || Error::invalid("scopes", "scopes of 1 to 64 characters from a-z 0-9 : . _ - * /");
        Self::new(scopes.ok_or_else(must)?)
    }

    /// The scopes, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// True if every scope of the other is here.
    #[must_use]
    pub fn cover(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| self.0.binary_search(scope).is_ok())
    }

    /// True if this one is here.
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        self.0.binary_search_by(|known| known.as_str().cmp(scope)).is_ok()
    }

    /// The rights among them.
    #[must_use]
    pub fn rights(&self) -> Rights {
        let held = Right::ALL.into_iter().filter(|r| self.0.iter().any(|s| s.as_str() == r.word()));
        Rights(held.fold(0, |bits, right| bits | right as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::{Right, Scopes};

    #[test]
    fn rights_are_scopes_with_a_reserved_word() {
        let scopes = Scopes::parse(["orders:read", "keys:remove"]).unwrap();
        assert!(scopes.rights().has(Right::KeysRemove));
        assert!(!scopes.rights().has(Right::KeysRead));
    }

    #[test]
    fn admin_holds_and_covers_every_right() {
        let admin = Scopes::parse(["admin"]).unwrap().rights();
        let one = Scopes::parse(["log:read"]).unwrap().rights();
        assert!(Right::ALL.into_iter().all(|right| admin.has(right)));
        assert!(admin.cover(one) && !one.cover(admin) && one.cover(one));
    }

    #[test]
    fn a_set_covers_its_parts_only() {
        let set = Scopes::parse(["b", "a", "a"]).unwrap();
        assert!(set.cover(&Scopes::parse(["a"]).unwrap()));
        assert!(!set.cover(&Scopes::parse(["a", "c"]).unwrap()));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for wrong in ["", "A", "a b", "ä", &"x".repeat(65)] {
            assert!(Scopes::parse([wrong]).is_err(), "{wrong}");
        }
        let many: Vec<String> = (0..65).map(|n| n.to_string()).collect();
        assert!(Scopes::parse(many.iter().map(String::as_str)).is_err());
    }
}
