//! This file is about playing a run: each step is asked of the core and judged by the model, and both must come
//! to the same.

mod on_keys;
mod on_many;
mod on_owners;

use std::collections::BTreeSet;
use std::sync::Arc;

use keyward_core::account::Role;
use keyward_core::command::{Answer, Command};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::id::KeyId;
use keyward_core::keyward::{Environment, Keyward, Origin};
use keyward_core::permit::{Caller, Verb};

use crate::reference::{Account, How, Key, Life, Model, No, Organization, Reach, Seat};
use crate::steps::{Match, Sketch, Step};
use crate::world::{Shared, World, finish, start};

/// The core and the model, side by side.
pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) core: Arc<Keyward<Shared, World>>,
    pub(crate) model: Model,
    /// Callers of the beginning, who look at everything after each step: an owner of the operator's
    /// organization, an owner and a member of the other one.
    pub(crate) lookers: Vec<(Caller, Seat)>,
    pub(crate) seen: u64,
    /// Keys that were brought along as slow hashes: their handle is the beginning of their secret.
    slow: BTreeSet<KeyId>,
}

/// Roles in the operator's organization and in the other one, in the order of the founders' keys; the first is
/// the one that the store begins with.
const FOUNDERS: [(u8, Role, usize); 6] = [
    (0, Role::Admin, 1),
    (0, Role::Member, 3),
    (1, Role::Owner, 1),
    (1, Role::Admin, 1),
    (1, Role::Member, 1),
    (1, Role::Auditor, 5),
];

impl Play {
    /// Two organizations, and a key for every role.
    pub(crate) fn new(seed: u64) -> Self {
        let world = World::new(seed);
        let store = Shared::new();
        let core = finish(start(store, &world)).unwrap();
        let mut play = Self {
            world,
            core,
            model: Model::default(),
            lookers: Vec::new(),
            seen: 0,
            slow: BTreeSet::new(),
        };
        play.found();
        play.step(&Step::CreateOrganization { by: 0 });
        for (place, (organization, role, scopes)) in FOUNDERS.into_iter().enumerate() {
            let organization = Some(organization);
            play.step(&Step::CreateAccount { by: 0, organization, below: None, role });
            let account = Some(u8::try_from(place + 1).unwrap());
            let sketch = Sketch { scopes, ..Sketch::default() };
            play.step(&Step::Issue { by: 0, account, sketch });
        }
        for founder in [0, 3, 5] {
            let key = play.model.keys[founder].clone();
            let caller = play.core.authenticate(&key.text, None).unwrap();
            play.lookers.push((caller, play.model.authenticate(&key.text).unwrap()));
        }
        play
    }

    fn found(&mut self) {
        let (key, secret) = finish(self.core.found("acme", "ann")).unwrap();
        let model = &mut self.model;
        model.now = self.world.now().millis();
        let id = key.head.organization;
        model.organizations.push(Organization { id, operator: true, life: Life::Active, version: 1 });
        model.event(id.id().bits(), "organization.created", 1);
        let account = Account {
            id: key.head.account,
            organization: 0,
            parent: None,
            role: Role::Owner,
            life: Life::Active,
            version: 1,
            name: "ann".to_owned(),
        };
        model.event(account.id.id().bits(), "account.created", 1);
        model.accounts.push(account);
        model.event(key.head.id.id().bits(), "key.created", 1);
        let draft = Key {
            name: "ann".to_owned(),
            scopes: vec!["admin".to_owned()],
            metadata: "{}".to_owned(),
            ..self.blank(0, &Sketch::default())
        };
        self.model.keys.push(Key { id: key.head.id, text: secret.expose().to_owned(), ..draft });
    }

    /// Does one step on both sides, and compares all that can be seen.
    pub(crate) fn step(&mut self, step: &Step) {
        self.model.now = self.world.now().millis();
        match step {
            Step::Advance { millis } => {
                self.world.advance(*millis);
                self.model.now = self.world.now().millis();
            }
            Step::RemoveDue => self.remove_due(),
            Step::Work => {
                self.world.work();
                self.model.work();
            }
            Step::Restart => self.restart(),
            Step::RemoveMany { by, many, confirm } => self.remove_many(*by, many, *confirm),
            Step::CreateAccount { .. }
            | Step::ChangeAccount { .. }
            | Step::RemoveAccount { .. }
            | Step::CreateOrganization { .. }
            | Step::ChangeOrganization { .. }
            | Step::RemoveOrganization { .. } => self.on_owners(step),
            Step::Issue { .. }
            | Step::Import { .. }
            | Step::Update { .. }
            | Step::Suspend { .. }
            | Step::Resume { .. }
            | Step::Rotate { .. }
            | Step::Remove { .. }
            | Step::Use { .. } => self.on_keys(step),
        }
        self.compare();
    }

    /// Another core over the same store: nothing that can be seen changes.
    fn restart(&mut self) {
        drop(self.world.take_work());
        self.model.restart();
        self.core = finish(start(self.core.store().clone(), &self.world)).unwrap();
    }

    fn remove_due(&mut self) {
        let now = self.model.now;
        let due = self.model.living(|model, at| model.keys[at].remove_at.is_some_and(|end| end <= now));
        assert_eq!(finish(self.core.remove_due()).unwrap(), due.len(), "keys that were due");
        for key in due {
            self.model.end(key, self.model.keys[key].remove_for, None);
        }
    }

    /// Asks the core as whoever holds a key's secret.
    fn ask(&self, by: u8, verb: Verb, command: Command) -> Result<Answer, Error> {
        let caller = self.core.authenticate(&self.model.keys[self.asker(by)].text, None)?;
        finish(self.core.execute(&caller.permit(verb)?, command, &Origin::default())).map(|done| done.answer)
    }

    /// What the model makes of whoever holds a key's secret.
    fn seat(&self, by: u8, verb: &str) -> Result<(Seat, Reach), No> {
        let seat = self.model.authenticate(&self.model.keys[self.asker(by)].text)?;
        let reach = seat.may(verb)?;
        Ok((seat, reach))
    }

    fn asker(&self, by: u8) -> usize {
        usize::from(by) % self.model.keys.len()
    }

    /// A key, seldom a founder's.
    fn target(&self, key: u8) -> usize {
        let (founders, all) = (FOUNDERS.len() + 1, self.model.keys.len());
        let key = usize::from(key);
        if key < 32 || all <= founders { key % all } else { founders + key % (all - founders) }
    }

    fn account(&self, account: u8) -> usize {
        usize::from(account) % self.model.accounts.len()
    }

    fn after(&self, seconds: i64) -> u64 {
        // Whole seconds, so that what is kept in whole seconds is exact.
        (self.model.now / 1000).checked_add_signed(seconds).unwrap() * 1000
    }

    fn version(only: Match, version: u64) -> Option<u64> {
        match only {
            Match::Any => None,
            Match::Current => Some(version),
            Match::Other => Some(version + 1),
        }
    }

    /// A key as a sketch describes it; who it is comes from the core.
    fn blank(&self, account: usize, sketch: &Sketch) -> Key {
        Key {
            id: keyward_core::id::Id::from_bits(0).into(),
            text: String::new(),
            how: How::Own,
            account,
            life: Life::Active,
            version: 1,
            name: format!("key {}", self.model.keys.len()),
            scopes: crate::steps::SCOPES[sketch.scopes].iter().map(|&scope| scope.to_owned()).collect(),
            environment: if sketch.test { "test" } else { "live" },
            metadata: format!(r#"{{"number":{}}}"#, self.model.keys.len()),
            expires_at: sketch.expires_in.map(|seconds| self.after(seconds)),
            not_before: sketch.starts_in.map(|seconds| self.after(seconds)),
            remove_at: None,
            remove_for: Reason::Retired,
            protected: sketch.protected,
            fenced: sketch.fenced,
            uses: sketch.uses,
            spent: 0,
            supersedes: None,
            created_at: self.model.now,
            removed: None,
            removed_by: None,
        }
    }
}

/// Holds the core's answer against the model's: both Ok, or both the same refusal.
pub(crate) use self::on_keys::{ask, words};

pub(crate) fn agree<T, U>(what: &str, got: Result<T, Error>, want: Result<U, No>) -> Option<(T, U)> {
    match (got, want) {
        (Ok(got), Ok(want)) => Some((got, want)),
        (Err(got), Err(want)) => {
            assert_eq!(no(&got), want, "{what}");
            None
        }
        (Ok(_), Err(want)) => panic!("{what}: the core did it, the model says {want}"),
        (Err(got), Ok(_)) => panic!("{what}: the core says {got:?}, the model did it"),
    }
}

fn no(error: &Error) -> String {
    if let Error::Invalid { field, .. } = error {
        return format!("Invalid {field}");
    }
    format!("{error:?}").chars().take_while(|c| c.is_ascii_alphanumeric()).collect()
}
