//! This file is about what may happen in a run: one step each, drawn so that most of it is possible and some is
//! not.

use keyward_core::account::Role;
use keyward_core::event::Reason;
use proptest::prelude::*;

/// What a new key is to be like. Times are seconds from now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sketch {
    pub(crate) scopes: usize,
    pub(crate) expires_in: Option<i64>,
    pub(crate) starts_in: Option<i64>,
    pub(crate) uses: Option<u64>,
    pub(crate) protected: bool,
    pub(crate) fenced: bool,
    pub(crate) test: bool,
}

/// The scopes that a [`Sketch`] names by their place.
pub(crate) const SCOPES: [&[&str]; 6] = [
    &["orders"],
    &["admin"],
    &["orders", "stock"],
    &["keys:issue", "keys:read", "orders"],
    &["keys:remove", "keys:update", "keys:verify"],
    &["keys:read", "keys:verify"],
];

/// Which version a caller says it read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Match {
    Any,
    Current,
    Other,
}

/// What an update says.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Name,
    Scopes(usize),
    Expires(Option<i64>),
    Uses(Option<u64>),
    Protected(bool),
    Fenced(bool),
}

/// Which keys a removal of many means.
#[derive(Clone, Debug)]
pub(crate) enum Many {
    Secret(u8),
    Handle(u8),
    Account(u8),
    Filter { account: Option<u8>, test: Option<bool>, suspended: Option<bool> },
}

/// What the caller confirms.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Confirm {
    Plan,
    Nothing,
    SomethingElse,
}

/// What becomes of an account's keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Policy {
    Remove,
    Transfer(u8),
    Refuse,
}

/// One step. `by` is the key that asks; keys, accounts and organizations are places in the model's vectors,
/// taken around.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Issue { by: u8, account: Option<u8>, sketch: Sketch },
    Import { by: u8, account: Option<u8>, text: u8, how: u8, sketch: Sketch },
    Update { by: u8, key: u8, edit: Edit, only: Match },
    Suspend { by: u8, key: u8, remove_in: Option<i64>, only: Match },
    Resume { by: u8, key: u8, only: Match },
    Rotate { by: u8, key: u8, overlap: u64, only: Match },
    Remove { by: u8, key: u8, reason: Reason, only: Match },
    Use { by: u8, key: u8, scoped: bool, cost: u32 },
    RemoveMany { by: u8, many: Many, confirm: Confirm },
    CreateAccount { by: u8, organization: Option<u8>, below: Option<u8>, role: Role },
    ChangeAccount { by: u8, account: u8, role: Option<Role>, suspended: Option<bool>, only: Match },
    RemoveAccount { by: u8, account: u8, policy: Policy },
    CreateOrganization { by: u8 },
    ChangeOrganization { by: u8, organization: u8, suspended: Option<bool> },
    RemoveOrganization { by: u8, organization: u8 },
    Advance { millis: u64 },
    RemoveDue,
    Work,
    Restart,
}

/// A run.
pub(crate) fn runs(length: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..length)
}

fn by() -> impl Strategy<Value = u8> {
    // The founders ask most: later keys have few rights, and may be gone.
    prop_oneof![2 => Just(0), 8 => 0..7_u8, 1 => any::<u8>()]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![6 => on_keys(), 2 => on_many(), 2 => on_owners(), 2 => by_itself()]
}

fn on_keys() -> impl Strategy<Value = Step> {
    let key = any::<u8>;
    prop_oneof![
        4 => (by(), account(), sketch()).prop_map(|(by, account, sketch)| Step::Issue { by, account, sketch }),
        3 => (by(), account(), 0..4_u8, 0..3_u8, sketch())
            .prop_map(|(by, account, text, how, sketch)| Step::Import { by, account, text, how, sketch }),
        3 => (by(), key(), edit(), only()).prop_map(|(by, key, edit, only)| Step::Update { by, key, edit, only }),
        2 => (by(), key(), prop::option::of(-1..8_i64), only())
            .prop_map(|(by, key, remove_in, only)| Step::Suspend { by, key, remove_in, only }),
        2 => (by(), key(), only()).prop_map(|(by, key, only)| Step::Resume { by, key, only }),
        3 => (by(), key(), prop_oneof![Just(0), Just(0), 1..8_u64, Just(2_592_001)], only())
            .prop_map(|(by, key, overlap, only)| Step::Rotate { by, key, overlap, only }),
        3 => (by(), key(), prop::sample::select(Reason::ALL.to_vec()), only())
            .prop_map(|(by, key, reason, only)| Step::Remove { by, key, reason, only }),
        3 => (by(), key(), any::<bool>(), 0..3_u32)
            .prop_map(|(by, key, scoped, cost)| Step::Use { by, key, scoped, cost }),
    ]
}

fn on_many() -> impl Strategy<Value = Step> {
    let many = prop_oneof![
        any::<u8>().prop_map(Many::Secret),
        any::<u8>().prop_map(Many::Handle),
        any::<u8>().prop_map(Many::Account),
        (prop::option::of(any::<u8>()), any::<Option<bool>>(), any::<Option<bool>>())
            .prop_map(|(account, test, suspended)| Many::Filter { account, test, suspended }),
    ];
    let confirm =
        prop_oneof![6 => Just(Confirm::Plan), 1 => Just(Confirm::Nothing), 1 => Just(Confirm::SomethingElse)];
    (by(), many, confirm).prop_map(|(by, many, confirm)| Step::RemoveMany { by, many, confirm })
}

fn on_owners() -> impl Strategy<Value = Step> {
    let role = || prop::sample::select(Role::ALL.to_vec());
    let policy =
        prop_oneof![Just(Policy::Remove), any::<u8>().prop_map(Policy::Transfer), Just(Policy::Refuse)];
    prop_oneof![
        4 => (by(), prop::option::of(any::<u8>()), prop::option::of(any::<u8>()), role()).prop_map(
            |(by, organization, below, role)| Step::CreateAccount { by, organization, below, role }
        ),
        4 => (by(), any::<u8>(), prop::option::of(role()), any::<Option<bool>>(), only()).prop_map(
            |(by, account, role, suspended, only)| Step::ChangeAccount { by, account, role, suspended, only }
        ),
        3 => (by(), any::<u8>(), policy)
            .prop_map(|(by, account, policy)| Step::RemoveAccount { by, account, policy }),
        1 => by().prop_map(|by| Step::CreateOrganization { by }),
        2 => (by(), any::<u8>(), any::<Option<bool>>())
            .prop_map(|(by, organization, suspended)| Step::ChangeOrganization { by, organization, suspended }),
        1 => (by(), any::<u8>())
            .prop_map(|(by, organization)| Step::RemoveOrganization { by, organization }),
    ]
}

fn by_itself() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..4000_u64).prop_map(|millis| Step::Advance { millis }),
        2 => Just(Step::RemoveDue),
        3 => Just(Step::Work),
        2 => Just(Step::Restart),
    ]
}

fn account() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![1 => Just(None), 2 => any::<u8>().prop_map(Some)]
}

fn only() -> impl Strategy<Value = Match> {
    prop_oneof![6 => Just(Match::Any), 1 => Just(Match::Current), 1 => Just(Match::Other)]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        Just(Edit::Name),
        (0..SCOPES.len()).prop_map(Edit::Scopes),
        prop::option::of(-1..8_i64).prop_map(Edit::Expires),
        prop::option::of(0..5_u64).prop_map(Edit::Uses),
        any::<bool>().prop_map(Edit::Protected),
        any::<bool>().prop_map(Edit::Fenced),
    ]
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let some = prop::bool::weighted(0.2);
    (
        prop_oneof![3 => Just(0), 2 => 0..SCOPES.len()],
        prop::option::weighted(0.3, -1..8_i64),
        prop::option::weighted(0.2, -2..4_i64),
        prop::option::weighted(0.2, 0..4_u64),
        (some, some, some),
    )
        .prop_map(|(scopes, expires_in, starts_in, uses, (protected, fenced, test))| Sketch {
            scopes,
            expires_in,
            starts_in,
            uses,
            protected,
            fenced,
            test,
        })
}
