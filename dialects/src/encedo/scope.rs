//! This file is about scopes: what a session must be for.

use super::bearer::Bearer;
use super::kid::Kid;

/// What the use of one key needs, in front of its kid.
const USE: &str = "keymgmt:use:";

/// What a session must be for, one of several.
#[derive(Clone, Copy, Debug)]
pub(super) enum Needs {
    /// Nobody needs a session.
    Nothing,
    /// Any session will do.
    AnySession,
    /// A session for one of these; its scope begins so.
    OneOf(&'static [&'static str]),
    /// The same, or one for the use of just this key.
    OneOfOrUse(&'static [&'static str]),
    /// A session for the use of just this key.
    Use,
}

impl Needs {
    /// Whether a session is for it. No session is for the use of a kid that cannot be read.
    pub(super) fn suffices(self, bearer: &Bearer, kid: Option<Kid>) -> bool {
        let begins = |all: &[&str]| all.iter().any(|one| bearer.scope.starts_with(one));
        let uses = || kid.is_some() && used_key(&bearer.scope) == kid;
        match self {
            Self::Nothing | Self::AnySession => true,
            Self::OneOf(all) => begins(all),
            Self::OneOfOrUse(all) => begins(all) || uses(),
            Self::Use => uses(),
        }
    }
}

/// The key that a scope is for the use of.
pub(super) fn used_key(scope: &str) -> Option<Kid> {
    scope.strip_prefix(USE).and_then(Kid::parse)
}
