//! This file is about removing many keys: say what would go, let the caller confirm just that, and carry it
//! out as a job that a restart takes up again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

use crate::account::Role;
use crate::command::{Answer, Named, Page};
use crate::error::Error;
use crate::event::{Happened, Reason, Subject};
use crate::filter::Filter;
use crate::id::{AccountId, Id, KeyId, RemovalId};
use crate::key::{Found, Head, Tombstone};
use crate::keyward::{About, Environment, Keyward, Origin};
use crate::load::Learnt;
use crate::pages::Pages;
use crate::permit::{Permit, Reach};
use crate::record;
use crate::removal::{InUse, Plan, Progress, Removal, Selection, UsedWithin};
use crate::store::{CommitError, List, Logged, Position, RecordKind, Store, Stored};
use crate::verifiers::Uncovered;

/// How many of the keys in use a plan names.
const NAMED: usize = 100;
/// How many events are read at once.
const EVENTS: usize = 4096;
/// How long is waited before what could not be removed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// A removal that is being carried out.
#[derive(Debug)]
pub(crate) struct Job {
    removed: AtomicU64,
    /// Who goes on accepting the keys that it has removed.
    uncovered: Uncovered,
}

/// The keys that a selection means.
struct Selected {
    filter: Filter,
    heads: Vec<Head>,
    protected: u64,
}

impl Selected {
    /// What names the plan: these keys, for this reason.
    fn hash(&self, reason: Reason) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(b"keyward-plan/v2\n");
        context.update(reason.word().as_bytes());
        context.update(b"\n");
        self.heads.iter().for_each(|head| context.update(&head.id.id().bytes()));
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }
}

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn plan_removal(
        &self,
        permit: &Permit,
        selection: Selection,
        reason: Reason,
    ) -> Result<Answer, Error> {
        let selected = self.select(permit, selection).await?;
        let now = self.environment.now();
        let mut used_within = UsedWithin::default();
        let mut in_use = Vec::new();
        for head in &selected.heads {
            let usage = self.usage_of(head.id.id()).await?;
            let Some(last_used_at) = usage.last_used_at else { continue };
            let age = now.seconds().saturating_sub(last_used_at.seconds());
            used_within.hour += u64::from(age < 3600);
            used_within.day += u64::from(age < 24 * 3600);
            if age < 7 * 24 * 3600 {
                used_within.week += 1;
                in_use.push(InUse { key: head.id, last_used_at, clients: usage.clients });
            }
        }
        in_use.sort_by_key(|one| std::cmp::Reverse(one.last_used_at));
        in_use.truncate(NAMED);
        Ok(Answer::Plan(Box::new(Plan {
            total: selected.heads.len() as u64,
            protected: selected.protected,
            in_use,
            used_within,
            hash: selected.hash(reason),
        })))
    }

    pub(crate) async fn start_removal(
        self: &Arc<Self>,
        permit: &Permit,
        selection: Selection,
        reason: Reason,
        plan_hash: Option<[u8; 32]>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        // Read first: a key that is changed from here on is not the one that the plan named.
        let position = self.live.position();
        let selected = self.select(permit, selection).await?;
        match plan_hash {
            Some(hash) if hash != selected.hash(reason) => return Err(Error::PlanChanged),
            None if selected.heads.len() > 1 => {
                return Err(Error::invalid("plan_hash", "of the plan: see dry_run"));
            }
            Some(_) | None => {}
        }
        let mut filter = selected.filter;
        if permit.reach() == Reach::Account {
            // A restart takes the removal up by its filter alone: it must reach no further than the caller does.
            filter.account.get_or_insert(permit.caller().account);
        }
        let mut removal = Removal {
            id: self.new_id().into(),
            organization: permit.caller().organization,
            actor: permit.caller().key,
            total: selected.heads.len() as u64,
            filter,
            spares_owners: permit.may_appoint(Role::Owner).is_err(),
            reason,
            created_at: self.environment.now(),
            finished_at: None,
            removed: 0,
            position,
            salt: self.random(),
            version: 1,
        };
        self.commit_removal(Some(permit), &removal, Happened::Created, origin).await?;
        let (receipts, uncovered) = (Vec::new(), Vec::new());
        let progress = Progress { removal: removal.clone(), removed: 0, receipts, next: None, uncovered };
        removal.version += 1;
        self.carry_out(removal, selected.heads);
        Ok(Answer::Removal(Box::new(progress)))
    }

    pub(crate) async fn find_removal(
        &self,
        permit: &Permit,
        id: RemovalId,
        page: Page,
    ) -> Result<Answer, Error> {
        // Looked for first: what is not running any more is written down as finished.
        let running = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).get(&id).map(Arc::clone);
        let stored = self.store.fetch(id.id()).await?.ok_or(Error::NotFound)?;
        if stored.record.kind != RecordKind::Removal {
            return Err(Error::NotFound);
        }
        let removal = Removal::from_record(&stored.record)?;
        // A removal that is not of one account's keys belongs to the organization as a whole.
        let account = removal.filter.account.unwrap_or(Id::from_bits(0).into());
        self.covers(permit, removal.organization, account)?;
        let (removed, uncovered) = match running {
            Some(job) => (job.removed.load(Ordering::Acquire), job.uncovered.names()),
            None => (removal.removed, self.uncovered_of(&removal, stored.position)),
        };
        let (receipts, next) = self.receipts_of(&removal, page).await?;
        Ok(Answer::Removal(Box::new(Progress { removal, removed, receipts, next, uncovered })))
    }

    /// Who goes on accepting what a removal has removed that came to its end at this position.
    fn uncovered_of(&self, removal: &Removal, position: Position) -> Vec<String> {
        // Who reaches further removes keys of other organizations, an account's at a time.
        let organization = removal.filter.account.map_or(removal.organization, |account| {
            self.live.directory.account(account, removal.organization).organization.id
        });
        self.uncovered(organization, position)
    }

    /// The keys that a removal has removed: their events carry its id as their request.
    async fn receipts_of(
        &self,
        removal: &Removal,
        page: Page,
    ) -> Result<(Vec<Tombstone>, Option<Id>), Error> {
        // A cursor here is a position in the log, not an id.
        let mut from = page.after.map_or(removal.position, |after| low_bits(after).saturating_add(1));
        let mut receipts = Vec::new();
        for _ in 0..Page::LIMIT {
            let events = self.store.events(from, Page::LIMIT).await?;
            for logged in &events {
                from = logged.position + 1;
                if is_of(removal, logged) {
                    receipts.extend(self.tombstone(logged.event.id()).await?);
                }
                if receipts.len() == page.limit {
                    return Ok((receipts, Some(Id::from_bits(u128::from(logged.position)))));
                }
            }
            if events.len() < Page::LIMIT {
                return Ok((receipts, None));
            }
        }
        Ok((receipts, Some(Id::from_bits(u128::from(from.saturating_sub(1))))))
    }

    async fn select(&self, permit: &Permit, selection: Selection) -> Result<Selected, Error> {
        match selection {
            Selection::One(named) => self.select_one(permit, &named).await,
            Selection::Account(account) => {
                self.load_account(permit, account).await?;
                self.select_many(permit, Filter { account: Some(account), ..Filter::default() }).await
            }
            Selection::Filter(filter) => {
                if let Some(account) = filter.account {
                    self.load_account(permit, account).await?;
                }
                self.select_many(permit, filter).await
            }
        }
    }

    async fn select_one(&self, permit: &Permit, named: &Named) -> Result<Selected, Error> {
        let id = self.named(permit, named).await?;
        let stored = self.fetch_key(permit, id).await?;
        let head = self.covered(permit, &stored)?.live()?.head;
        self.may_change(permit, &head)?;
        if head.protected {
            return Err(Error::Protected);
        }
        let filter =
            Filter { account: Some(head.account), handle: Some(head.handle.clone()), ..Filter::default() };
        Ok(Selected { filter, heads: vec![head], protected: 0 })
    }

    async fn select_many(&self, permit: &Permit, filter: Filter) -> Result<Selected, Error> {
        let mut selected = Selected { heads: Vec::new(), protected: 0, filter };
        let Some(owner) = self.list_owner(permit, selected.filter.account) else { return Ok(selected) };
        let list = List { kind: RecordKind::Key, owner };
        let mut pages = Pages::of(&self.store, list);
        while let Some(page) = pages.next().await? {
            for stored in page {
                if let Some(head) = self.fitting_head(&selected.filter, &stored).await?
                    && self.covers(permit, head.organization, head.account).is_ok()
                {
                    if head.protected || self.may_change(permit, &head).is_err() {
                        selected.protected += 1;
                    } else {
                        selected.heads.push(head);
                    }
                }
            }
        }
        Ok(selected)
    }

    /// The head of a living key that fits a filter.
    async fn fitting_head(&self, filter: &Filter, stored: &Stored) -> Result<Option<Head>, Error> {
        let Found::Live(sealed) = record::key::read(&stored.record)? else { return Ok(None) };
        let last_used = match filter.unused_since {
            Some(_) => self.usage_of(stored.record.id).await?.last_used_at,
            None => None,
        };
        if !filter.fits_head(&sealed.head, last_used) {
            return Ok(None);
        }
        if filter.reads_heads_only() {
            return Ok(Some(sealed.head));
        }
        // Without its slot nobody can tell any more.
        let Some(secret) = self.secret_of(stored).await? else { return Ok(None) };
        let key = sealed.open(&secret)?;
        Ok(filter.fits_traits(&key).then_some(key.head))
    }

    /// Removes the keys, then writes down that it is done.
    fn carry_out(self: &Arc<Self>, removal: Removal, heads: Vec<Head>) {
        let job = Arc::new(Job { removed: removal.removed.into(), uncovered: Uncovered::noting() });
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).insert(removal.id, Arc::clone(&job));
        let keyward = Arc::clone(self);
        self.environment.spawn(async move {
            let (request, uncovered) = (removal.id.id().bits(), job.uncovered.clone());
            let origin = Origin { request, uncovered, ..Origin::default() };
            let mut left = heads;
            loop {
                left = keyward.remove_heads(left, removal.reason, &origin, &job.removed).await;
                if left.is_empty() {
                    break;
                }
                keyward.environment.pause(AGAIN).await;
            }
            // Not finished, it is taken up again at the next start.
            let _ = keyward.finish(removal, &job).await;
        });
    }

    async fn finish(&self, mut removal: Removal, job: &Job) -> Result<(), CommitError> {
        removal.removed = job.removed.load(Ordering::Acquire);
        removal.finished_at = Some(self.environment.now());
        let id = removal.id;
        self.commit_removal(None, &removal, Happened::Finished, &Origin::default()).await?;
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        Ok(())
    }

    /// Removes everything below an owner that is gone, in the background: each key is refused already.
    pub(crate) fn sweep_owner(self: &Arc<Self>, owner: Id, origin: &Origin) {
        let keyward = Arc::clone(self);
        // Whoever asked for it is answered by then.
        let origin = Origin { idempotency: None, uncovered: Uncovered::default(), ..origin.clone() };
        self.environment.spawn(async move {
            while keyward.sweep_below(owner, &origin).await.is_err() {
                keyward.environment.pause(AGAIN).await;
            }
        });
    }

    async fn sweep_below(&self, owner: Id, origin: &Origin) -> Result<(), Error> {
        self.end_accounts_below(owner, origin).await?;
        let below = self.live.directory.below(owner.into()).into_iter().map(AccountId::id);
        for owner in std::iter::once(owner).chain(below) {
            let list = List { kind: RecordKind::Key, owner };
            self.sweep_now(list, None, Reason::OwnerLeft, origin).await?;
        }
        Ok(())
    }

    /// Removes every key of a list, but one that is spared; how many it was.
    pub(crate) async fn sweep_now(
        &self,
        list: List,
        spared: Option<KeyId>,
        reason: Reason,
        origin: &Origin,
    ) -> Result<u64, Error> {
        let removed = AtomicU64::new(0);
        let mut pages = Pages::of(&self.store, list);
        while let Some(page) = pages.next().await? {
            let mut heads = Vec::with_capacity(page.len());
            for stored in &page {
                if let Found::Live(sealed) = record::key::read(&stored.record)?
                    && spared != Some(sealed.head.id)
                {
                    // Protection keeps a key from mistakes; it does not outlive the key's owner.
                    heads.push(Head { protected: false, ..sealed.head });
                }
            }
            if let Some(head) = self.remove_heads(heads, reason, origin, &removed).await.first() {
                return Err(Error::Unavailable { inside: format!("{} could not be removed", head.id) });
            }
        }
        Ok(removed.into_inner())
    }

    /// Takes up what the last stop cut off: keys whose place was taken, what was made for keys, unfinished removals, and keys
    /// whose owner is gone.
    pub(crate) async fn take_up(self: &Arc<Self>, learnt: Learnt) -> Result<(), Error> {
        self.end_left_over().await?;
        self.take_up_provisional(&learnt.referred).await?;
        let unfinished = List { kind: RecordKind::Removal, owner: List::EVERYONE };
        for stored in self.store.page(unfinished, None, usize::MAX).await? {
            let mut removal = Removal::from_record(&stored.record)?;
            let heads = self.left_of(&removal).await?;
            removal.removed = self.removed_by(&removal).await?;
            removal.version += 1;
            self.carry_out(removal, heads);
        }
        for owner in learnt.gone {
            self.sweep_owner(owner, &Origin::default());
        }
        Ok(())
    }

    /// How many keys a removal has removed: their events carry its id as their request.
    async fn removed_by(&self, removal: &Removal) -> Result<u64, Error> {
        let (mut from, mut removed) = (removal.position, 0);
        loop {
            let events = self.store.events(from, EVENTS).await?;
            removed += events.iter().filter(|logged| is_of(removal, logged)).count() as u64;
            match events.last() {
                Some(last) => from = last.position + 1,
                // The sessions that the keys had opened ended with them, and were not planned.
                None => return Ok(removed.min(removal.total)),
            }
        }
    }

    /// What a removal has not removed yet. A key that was changed since is left, whether or not the plan named it: what it
    /// was then is not known any more, and nothing goes that nobody has confirmed.
    async fn left_of(&self, removal: &Removal) -> Result<Vec<Head>, Error> {
        let owner = removal.filter.account.map_or(removal.organization.id(), |account| account.id());
        let list = List { kind: RecordKind::Key, owner };
        let (mut pages, mut left, mut spared) = (Pages::of(&self.store, list), Vec::new(), HashMap::new());
        while let Some(page) = pages.next().await? {
            for stored in &page {
                if stored.position >= removal.position {
                    continue;
                }
                let Some(head) = self.fitting_head(&removal.filter, stored).await? else { continue };
                if head.protected
                    || removal.spares_owners && self.is_spared(removal, &head, &mut spared).await?
                {
                    continue;
                }
                left.push(head);
            }
        }
        Ok(left)
    }

    /// Whether an account's keys are not for who began a removal, as far as that is known: it is an owner's, or has changed
    /// since and may have been. `known` holds the accounts that were asked about.
    async fn is_spared(
        &self,
        removal: &Removal,
        head: &Head,
        known: &mut HashMap<AccountId, bool>,
    ) -> Result<bool, Error> {
        if let Some(is_spared) = known.get(&head.account) {
            return Ok(*is_spared);
        }
        let account = self.store.fetch(head.account.id()).await?;
        let has_changed = account.is_none_or(|stored| stored.position >= removal.position);
        let role = self.live.directory.account(head.account, head.organization).role();
        let is_spared = has_changed || role == Role::Owner;
        known.insert(head.account, is_spared);
        Ok(is_spared)
    }

    async fn commit_removal(
        &self,
        permit: Option<&Permit>,
        removal: &Removal,
        happened: Happened,
        origin: &Origin,
    ) -> Result<(), CommitError> {
        let about = About {
            subject: Subject::Removal,
            happened,
            id: removal.id.id(),
            organization: removal.organization,
            version: removal.version,
            salt: removal.salt,
        };
        self.commit_open(permit, about, removal.to_record(), |_| Vec::new(), origin).await.map(|_| ())
    }
}

/// Whether an event is the end of a key by this removal.
fn is_of(removal: &Removal, logged: &Logged) -> bool {
    logged.event.subject == Subject::Key && logged.event.details.request == removal.id.id().bits()
}

/// A position that travels as an id.
fn low_bits(id: Id) -> u64 {
    u64::try_from(id.bits() & u128::from(u64::MAX)).unwrap_or(u64::MAX)
}
