//! This file is about words: the closed lists of the core and those of the wire, one to one.

use keyward_client::wire;
use keyward_core::account::{Hold, Role, Standing};
use keyward_core::event::Reason;
use keyward_core::filter::StateFilter;
use keyward_core::key::{Kind, State};

pub(super) const fn kind(kind: Kind) -> wire::Kind {
    match kind {
        Kind::Secret => wire::Kind::Secret,
        Kind::Access => wire::Kind::Access,
        Kind::Crypto => wire::Kind::Crypto,
    }
}

pub(super) const fn read_kind(kind: wire::Kind) -> Kind {
    match kind {
        wire::Kind::Secret => Kind::Secret,
        wire::Kind::Access => Kind::Access,
        wire::Kind::Crypto => Kind::Crypto,
    }
}

pub(super) const fn state(state: State) -> wire::State {
    match state {
        State::Active => wire::State::Active,
        State::Suspended => wire::State::Suspended,
    }
}

pub(super) const fn standing(standing: Standing) -> wire::State {
    match standing {
        Standing::Active => wire::State::Active,
        Standing::Suspended => wire::State::Suspended,
        Standing::Removed { .. } => wire::State::Removed,
    }
}

pub(super) const fn read_state(state: wire::State) -> StateFilter {
    match state {
        wire::State::Active => StateFilter::Active,
        wire::State::Suspended => StateFilter::Suspended,
        wire::State::Removed => StateFilter::Removed,
    }
}

pub(super) const fn role(role: Role) -> wire::Role {
    match role {
        Role::Owner => wire::Role::Owner,
        Role::Admin => wire::Role::Admin,
        Role::Member => wire::Role::Member,
        Role::Auditor => wire::Role::Auditor,
    }
}

pub(super) const fn read_role(role: wire::Role) -> Role {
    match role {
        wire::Role::Owner => Role::Owner,
        wire::Role::Admin => Role::Admin,
        wire::Role::Member => Role::Member,
        wire::Role::Auditor => Role::Auditor,
    }
}

pub(super) const fn reason(reason: Reason) -> wire::Reason {
    match reason {
        Reason::Unspecified => wire::Reason::Unspecified,
        Reason::Retired => wire::Reason::Retired,
        Reason::Compromised => wire::Reason::Compromised,
        Reason::Superseded => wire::Reason::Superseded,
        Reason::OwnerLeft => wire::Reason::OwnerLeft,
    }
}

/// A reason; not given: unspecified.
pub(super) fn read_reason(reason: Option<wire::Reason>) -> Reason {
    match reason.unwrap_or_default() {
        wire::Reason::Unspecified => Reason::Unspecified,
        wire::Reason::Retired => Reason::Retired,
        wire::Reason::Compromised => Reason::Compromised,
        wire::Reason::Superseded => Reason::Superseded,
        wire::Reason::OwnerLeft => Reason::OwnerLeft,
    }
}

/// Why an organization is stopped.
pub(super) const fn hold(hold: Hold) -> wire::Hold {
    match hold {
        Hold::Payment => wire::Hold::Payment,
        Hold::Locked => wire::Hold::Locked,
    }
}

/// Reads it.
pub(super) const fn read_hold(word: wire::Hold) -> Hold {
    match word {
        wire::Hold::Payment => Hold::Payment,
        wire::Hold::Locked => Hold::Locked,
    }
}
