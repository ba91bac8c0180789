//! This file is about comparing: everything that callers can see of the core, against the model.

use std::collections::BTreeMap;

use keyward_core::command::{Answer, Command, Page};
use keyward_core::filter::{Filter, StateFilter};
use keyward_core::id::KeyId;
use keyward_core::key::{Found, Head, Key as CoreKey, State, Tombstone};
use keyward_core::keyward::{Environment, Origin};
use keyward_core::permit::{Caller, Verb};
use keyward_core::store::Store;
use keyward_core::time::Timestamp;

use crate::play::{Play, agree, ask, words};
use crate::reference::{How, Life, Reach, Seat};
use crate::world::finish;

impl Play {
    /// Compares all that can be seen now.
    pub(crate) fn compare(&mut self) {
        for looker in 0..self.lookers.len() {
            let (caller, seat) = self.lookers[looker].clone();
            let reach = seat.may("verify").unwrap();
            self.every_secret(&caller, &seat, reach);
            self.every_key(&caller, &seat, reach);
            self.every_list(&caller, &seat, reach);
            self.every_account(&caller, &seat, reach);
        }
        self.finished_removals();
        self.events();
        let in_table = |key: &&crate::reference::Key| key.life != Life::Removed && key.how != How::Slow;
        assert_eq!(self.core.live().len(), self.model.keys.iter().filter(in_table).count());
    }

    fn look(
        &self,
        caller: &Caller,
        verb: Verb,
        command: Command,
    ) -> Result<Answer, keyward_core::error::Error> {
        finish(self.core.execute(&caller.permit(verb).unwrap(), command, &Origin::default()))
            .map(|done| done.answer)
    }

    fn every_secret(&mut self, caller: &Caller, seat: &Seat, reach: Reach) {
        for at in 0..self.model.keys.len() {
            let text = self.model.keys[at].text.clone();
            // Looking must not teach slow hashes, or nothing would stay slow.
            if self.model.would_learn(seat, reach, &text) {
                continue;
            }
            let want = self.model.verify(seat, reach, &text, None, 0);
            let answer = self.look(caller, Verb::Verify, ask(&text, None, 0)).unwrap();
            self.same_verdict(&text, answer, want);
        }
    }

    fn every_key(&self, caller: &Caller, seat: &Seat, reach: Reach) {
        for (at, key) in self.model.keys.iter().enumerate() {
            let want = match key.life {
                _ if !self.model.covers(seat, reach, key.account) => Err("NotFound"),
                Life::Removed => Err("Gone"),
                Life::Active | Life::Suspended => Ok(()),
            };
            let got = self.look(caller, Verb::Find, Command::Find(key.id));
            if let Some((Answer::Found(found), ())) = agree("find", got, want) {
                self.same_key(&found, at);
            }
        }
    }

    /// Compares a key as it is shown.
    pub(crate) fn same_key(&self, shown: &CoreKey, at: usize) {
        let key = &self.model.keys[at];
        let Head { id, organization, account, environment, state, remove_at, protected, version, .. } =
            &shown.head;
        let owner = &self.model.accounts[key.account];
        assert_eq!((*id, *account, *version), (key.id, owner.id, key.version));
        assert_eq!(*organization, self.model.organizations[owner.organization].id);
        assert_eq!(environment.as_str(), key.environment);
        assert_eq!(*state == State::Suspended, key.life == Life::Suspended);
        assert_eq!((remove_at.map(Timestamp::millis), *protected), (key.remove_at, key.protected));
        assert_eq!(shown.head.created_at.millis(), key.created_at);
        let traits = &shown.traits;
        assert_eq!((&traits.name, words(&traits.scopes)), (&key.name, key.scopes.clone()));
        assert_eq!(traits.metadata.as_str(), key.metadata);
        assert_eq!(traits.expires_at.map(Timestamp::millis), key.expires_at);
        assert_eq!(traits.not_before.map(Timestamp::millis), key.not_before);
        assert_eq!(traits.uses, key.uses.map(|uses| uses.saturating_sub(key.spent)));
        assert_eq!((traits.ip_allow.len(), traits.supersedes), (usize::from(key.fenced), key.supersedes));
    }

    fn every_list(&self, caller: &Caller, seat: &Seat, reach: Reach) {
        for state in
            [None, Some(StateFilter::Active), Some(StateFilter::Suspended), Some(StateFilter::Removed)]
        {
            let wanted = |life| match state {
                None => life != Life::Removed,
                Some(StateFilter::Active) => life == Life::Active,
                Some(StateFilter::Suspended) => life == Life::Suspended,
                Some(StateFilter::Removed) => life == Life::Removed,
            };
            let within = |at: &usize| {
                let own = self.model.organization_of(*at) == seat.organization;
                let account = self.model.keys[*at].account;
                let listed = reach != Reach::Account || account == seat.account;
                own && listed && self.model.covers(seat, reach, account)
            };
            let all = (0..self.model.keys.len()).filter(within);
            let want: BTreeMap<KeyId, usize> = all
                .filter(|at| wanted(self.model.keys[*at].life))
                .map(|at| (self.model.keys[at].id, at))
                .collect();
            let mut found = Vec::new();
            let mut page = Page { after: None, limit: 7 };
            loop {
                let filter = Box::new(Filter { state, ..Filter::default() });
                let answer = self.look(caller, Verb::List, Command::List { filter, page }).unwrap();
                let Answer::Keys(keys, next) = answer else { panic!("keys") };
                found.extend(keys);
                page.after = next;
                if next.is_none() {
                    break;
                }
            }
            let ids: Vec<KeyId> = found.iter().map(id_of).collect();
            assert!(ids.iter().eq(want.keys()), "{state:?}: {ids:?}, not {want:?}");
            for one in found {
                match one {
                    Found::Live(key) => self.same_key(&key, want[&key.head.id]),
                    Found::Removed(tombstone) => self.same_tombstone(&tombstone, want[&tombstone.id]),
                }
            }
        }
    }

    fn same_tombstone(&self, shown: &Tombstone, at: usize) {
        let key = &self.model.keys[at];
        let removed = key.removed.map(|(when, reason)| (Timestamp::from_millis(when), reason));
        assert_eq!(Some((shown.removed_at, shown.reason)), removed);
        assert_eq!((shown.version, shown.account), (key.version, self.model.accounts[key.account].id));
    }

    fn every_account(&self, caller: &Caller, seat: &Seat, reach: Reach) {
        for (at, account) in self.model.accounts.iter().enumerate() {
            let hidden = !self.model.covers(seat, reach, at) || self.model.above(at) == Life::Removed;
            let want = if hidden { Err("NotFound") } else { Ok(()) };
            let Ok(permit) = caller.permit(Verb::ReadAccounts) else { continue };
            let got =
                finish(self.core.execute(&permit, Command::FindAccount(account.id), &Origin::default()));
            if let Some((Answer::Account(found), ())) =
                agree("find account", got.map(|done| done.answer), want)
            {
                assert_eq!(
                    (found.role, found.version, &found.name),
                    (account.role, account.version, &account.name)
                );
                let suspended = matches!(found.standing, keyward_core::account::Standing::Suspended);
                assert_eq!(suspended, account.life == Life::Suspended);
            }
        }
    }

    /// A finished removal of many lists just the keys that it removed.
    fn finished_removals(&self) {
        let Some((caller, _)) = self.lookers.first().cloned() else { return };
        for removal in &self.model.finished {
            let page = Page { after: None, limit: Page::LIMIT };
            let answer = self.look(&caller, Verb::Find, Command::FindRemoval { removal: *removal, page });
            let Answer::Removal(progress) = answer.unwrap() else { panic!("a removal") };
            assert!(progress.removal.finished_at.is_some());
            let mut listed: Vec<KeyId> = progress.receipts.iter().map(|one| one.id).collect();
            listed.sort();
            let by = |key: &&crate::reference::Key| key.removed_by == Some(*removal);
            let mut want: Vec<KeyId> = self.model.keys.iter().filter(by).map(|key| key.id).collect();
            want.sort();
            assert_eq!(listed, want, "the keys that {removal} removed");
        }
    }

    /// The log has one more event for each change, and no other; those of one step in any order.
    fn events(&mut self) {
        let logged = finish(self.core.store().events(self.seen, usize::MAX)).unwrap();
        let mut got = Vec::new();
        for one in logged {
            assert_eq!(one.position, self.seen, "positions grow by one");
            self.seen += 1;
            assert!(one.event.at <= self.world.now());
            let reason = one.event.leaf().split(' ').nth(5).map(|word| format!(" {word}"));
            let what = format!("{}{}", one.event.event_type(), reason.unwrap_or_default());
            got.push((one.event.id().bits(), what, one.event.version));
        }
        let mut want = std::mem::take(&mut self.model.events);
        got.sort();
        want.sort();
        assert_eq!(got, want, "events");
        assert_eq!(self.core.live().position(), self.seen, "what the verifier says it has applied");
    }
}

fn id_of(found: &Found<CoreKey>) -> KeyId {
    match found {
        Found::Live(key) => key.head.id,
        Found::Removed(tombstone) => tombstone.id,
    }
}
