//! This file is about the whole: one value that holds the store, what is live, and the keys to both, and that
//! carries out commands. What each command does stands in the file of its subject.

mod callers;
mod origin;

use std::collections::{BTreeSet, HashMap};
use std::future::{Future, poll_fn, ready};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use keyward_verifier::lease::Limits;
pub use keyward_verifier::lease::Moment;
use zeroize::Zeroizing;

pub use self::origin::{Idempotency, Origin};
use crate::command::{Answer, Command, Done};
use crate::epochs::{Epochs, begun};
use crate::error::Error;
use crate::event::{Details, Event, Happened, Subject};
use crate::id::{Id, KeyId, OrganizationId, RemovalId};
use crate::keys::remove::Leaving;
use crate::keys::sole::Successions;
use crate::live::{Live, Whose};
use crate::permit::Permit;
use crate::record;
use crate::removals::Job;
use crate::roots::Roots;
use crate::seal::{Pepper, Root, SlotSecret};
use crate::secret::Presented;
use crate::store::{Apply, Change, CommitError, Position, Record, RecordKind, SlotChange, Store, Stored};
use crate::time::Timestamp;
use crate::usage::Notes;
use crate::verifiers::{Notice, Uncovered, Verifiers};

/// What the program lends to the core: the one clock, the one source of randomness, the place where roots rest, and
/// hands.
pub trait Environment: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Timestamp;

    /// The reading of a clock that nobody sets and that goes on while the machine is suspended (`CLOCK_BOOTTIME`).
    fn moment(&self) -> Moment;

    /// Waits.
    fn pause(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// Gives the thread to whoever waits for it, requests that have just come in among them.
    fn give_way(&self) -> impl Future<Output = ()> + Send {
        let mut has_waited = false;
        poll_fn(move |context| {
            if std::mem::replace(&mut has_waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    /// Fills a buffer with random bytes fit for keys.
    fn fill(&self, bytes: &mut [u8]);

    /// Whether a text is what a slow hash (`$2b$...`, `$argon2id$...`) was taken of. Takes a tenth of a
    /// second of a core, so it must not be done on a thread that serves others; a hash that is not understood
    /// fits nothing.
    fn check_slow_hash(&self, hash: String, text: Zeroizing<String>) -> impl Future<Output = bool> + Send;

    /// The same for a password. Whoever signs in waits for nobody who presents imported keys.
    fn check_password(&self, hash: String, text: Zeroizing<String>) -> impl Future<Output = bool> + Send {
        self.check_slow_hash(hash, text)
    }

    /// A slow hash of a password, with a new salt (`$argon2id$...`); `None` if the library refuses, which it does not
    /// below 4 GiB.
    fn hash_password(&self, text: Zeroizing<String>) -> impl Future<Output = Option<String>> + Send;

    /// The scopes of which an account has one key at a time: the languages that are spoken say which.
    fn sole_scopes(&self) -> &'static [&'static str] {
        &[]
    }

    /// Every root that rests somewhere, the oldest epoch first: one, or two where a re-rooting was cut off.
    fn roots(&self) -> impl Future<Output = Result<Vec<Root>, Error>> + Send;

    /// Makes the root of an epoch, or reads the one that rests there already; durable when it returns.
    fn create_root(&self, epoch: u32) -> impl Future<Output = Result<Root, Error>> + Send;

    /// Destroys every root of an older epoch, and whatever could still unwrap a copy of it; durable when it returns.
    fn destroy_roots_before(&self, epoch: u32) -> impl Future<Output = Result<(), Error>> + Send;

    /// Carries on with something while the caller goes on.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static);
}

/// A key server without a network: commands in, answers out.
pub struct Keyward<S, E> {
    pub(crate) store: S,
    pub(crate) environment: E,
    pub(crate) live: Arc<Live>,
    pub(crate) verifiers: Arc<Verifiers>,
    pub(crate) roots: Arc<Roots>,
    pub(crate) epochs: Arc<Epochs>,
    pub(crate) pepper: Pepper,
    pub(crate) notes: Notes,
    pub(crate) leaving: Leaving,
    pub(crate) successions: Successions,
    /// Held by whoever changes or removes an account: whether an owner is left, and who is below whom, is judged over many.
    pub(crate) account_turn: futures_util::lock::Mutex<()>,
    /// Held by whoever writes a backup.
    pub(crate) backup_turn: futures_util::lock::Mutex<()>,
    /// Keys that are to be removed by themselves, the next one first. May name keys that no longer are.
    pub(crate) due: Arc<Mutex<BTreeSet<(Timestamp, KeyId)>>>,
    pub(crate) jobs: Mutex<HashMap<RemovalId, Arc<Job>>>,
    unusable: OnceLock<Vec<KeyId>>,
    last_id: Mutex<Id>,
    /// Whether it was found to be behind what others have seen of its log.
    pub(crate) locked: AtomicBool,
    /// Itself, for work that goes on after the call that began it.
    pub(crate) this: Weak<Self>,
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Reads from the store what is live, and takes up what was begun before the last stop. See [`Self::unusable`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`] if the store cannot be read, a record is damaged, or no slot opens:
    /// a server that does not know all of its keys serves none.
    pub async fn start(
        store: S,
        environment: E,
        pepper: Pepper,
        expected: usize,
    ) -> Result<Arc<Self>, Error> {
        let mut seed = [0; 16];
        environment.fill(&mut seed);
        let roots = begun(&store, &pepper, environment.roots().await?).await?;
        let mut memory = [0; 32];
        environment.fill(&mut memory);
        let memory = SlotSecret::new(memory).sealer()?;
        let keyward = Arc::new_cyclic(|this| Self {
            live: Arc::new(Live::new(u128::from_le_bytes(seed), expected, memory)),
            store,
            environment,
            roots: Arc::new(roots),
            epochs: Arc::default(),
            pepper,
            notes: Notes::default(),
            leaving: Leaving::default(),
            successions: Successions::default(),
            account_turn: futures_util::lock::Mutex::new(()),
            backup_turn: futures_util::lock::Mutex::new(()),
            due: Arc::default(),
            jobs: Mutex::default(),
            unusable: OnceLock::new(),
            last_id: Mutex::new(Id::from_bits(0)),
            locked: AtomicBool::new(false),
            verifiers: Arc::new(Verifiers::new(Limits::default())),
            this: Weak::clone(this),
        });
        let mut learnt = keyward.load().await?;
        let _ = keyward.unusable.set(std::mem::take(&mut learnt.unusable));
        keyward.take_over_verifiers().await?;
        keyward.take_up(learnt).await?;
        Ok(keyward)
    }

    /// What is live right now.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The keys whose slot was damaged at the start: each can be removed, and not used.
    #[must_use]
    pub fn unusable(&self) -> &[KeyId] {
        self.unusable.get().map_or(&[], Vec::as_slice)
    }

    /// Whether a text is the secret of a live key, whatever that may do.
    #[must_use]
    pub fn knows(&self, presented: &Presented<'_>) -> bool {
        self.live.find(presented, Whose::Anyone, &self.pepper).is_some()
    }

    /// Everything about verifiers on other machines.
    #[must_use]
    pub fn verifiers(&self) -> &Verifiers {
        &self.verifiers
    }

    /// Whether it accepts nothing, because it is behind what others have seen of its log.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.locked.load(Ordering::Acquire)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The environment.
    #[must_use]
    pub fn environment(&self) -> &E {
        &self.environment
    }

    /// Carries out a command. What it changed is durable when it returns, and in force at every verifier but those whom it names.
    ///
    /// # Errors
    /// Any [`Error`]; unless it is [`Error::Unavailable`], nothing was done.
    pub async fn execute(
        self: &Arc<Self>,
        permit: &Permit,
        command: Command,
        origin: &Origin,
    ) -> Result<Done, Error> {
        // What comes a hundred thousand times a second takes the shortest way; neither takes anything away.
        if let Command::Verify(ask) = &command {
            return self.verify(permit, ask).await.map(Done::from);
        }
        if let Command::Exercise { key, exercise } = &command
            && let Some(exercised) = self.exercise_at_hand(permit, key, exercise, origin)?
        {
            return Ok(exercised.into());
        }
        let origin = &Origin { uncovered: Uncovered::noting(), ..origin.clone() };
        let answer = match &origin.idempotency {
            None => self.dispatch(permit, command, origin).await?,
            Some(_) => Box::pin(self.execute_once(permit, command, origin)).await?,
        };
        Ok(Done { answer, uncovered: origin.uncovered.names() })
    }

    /// Carries out a command that may be asked for twice.
    async fn execute_once(
        self: &Arc<Self>,
        permit: &Permit,
        command: Command,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        if let Some(answer) = self.replayed(permit, &command, origin).await? {
            return Ok(answer);
        }
        match self.dispatch(permit, command.clone(), origin).await {
            // Whether it was done, the next one will see.
            Err(error @ (Error::Unavailable { .. } | Error::Internal { .. })) => Err(error),
            // Two came at once under one idempotency key: what the other one did may be what stood in the way.
            Err(error) => self.replayed(permit, &command, origin).await?.ok_or(error),
            done => done,
        }
    }

    /// Begins what a command asks for. Each in a box of its own size: in one future of all, the smallest would be as large as
    /// the largest, and moved as such.
    #[expect(clippy::too_many_lines, reason = "one arm a command: in parts it would not be seen to be whole")]
    fn dispatch<'a>(
        self: &'a Arc<Self>,
        permit: &'a Permit,
        command: Command,
        origin: &'a Origin,
    ) -> BoxFuture<'a, Result<Answer, Error>> {
        match command {
            Command::Issue(issue) => self.issue(permit, *issue, origin).boxed(),
            Command::IssueAccess(new) => self.issue_access(permit, *new, origin).boxed(),
            Command::IssueCrypto(new) => self.issue_crypto(permit, *new, origin).boxed(),
            Command::FindCrypto(lookup) => async move { self.find_crypto(permit, &lookup).await }.boxed(),
            Command::Exercise { key, exercise } => {
                async move { self.exercise(permit, &key, &exercise, origin).await }.boxed()
            }
            Command::FindAccess(identification) => {
                async move { self.find_access(permit, &identification).await }.boxed()
            }
            Command::Import(import) => self.import(permit, *import, origin).boxed(),
            Command::Find(key) => self.find(permit, key).boxed(),
            Command::HasKey { secret, is_ours } => self.has_key(permit, secret, is_ours).boxed(),
            Command::FindInForce(key) => self.find_in_force(permit, key, origin).boxed(),
            Command::FindKeyName(key) => self.find_key_name(permit, key).boxed(),
            Command::Reveal(key) => self.reveal(permit, key).boxed(),
            Command::List { filter, page } => async move { self.list(permit, &filter, page).await }.boxed(),
            Command::CountRemoved(kind) => ready(Ok(self.count_removed(permit, kind))).boxed(),
            Command::Update { key, patch, if_match } => {
                async move { self.update(permit, key, &patch, if_match, origin).await }.boxed()
            }
            Command::Suspend { key, remove_at, if_match } => {
                self.suspend(permit, key, remove_at, if_match, origin).boxed()
            }
            Command::Resume { key, if_match } => self.resume(permit, key, if_match, origin).boxed(),
            Command::Rotate { key, overlap_seconds, if_match } => {
                self.rotate(permit, key, overlap_seconds, if_match, origin).boxed()
            }
            Command::Verify(ask) => async move { self.verify(permit, &ask).await }.boxed(),
            Command::Remove(named, ending) => {
                async move { self.remove(permit, &named, ending, origin).await }.boxed()
            }
            Command::PlanRemoval { selection, reason } => {
                self.plan_removal(permit, *selection, reason).boxed()
            }
            Command::StartRemoval { selection, reason, plan_hash } => {
                self.start_removal(permit, *selection, reason, plan_hash, origin).boxed()
            }
            Command::FindRemoval { removal, page } => self.find_removal(permit, removal, page).boxed(),
            Command::ReadUsage(key) => self.read_usage(permit, key).boxed(),
            Command::FindReach(key) => self.find_reach(permit, key).boxed(),
            Command::ListVerifiers => ready(Ok(self.list_verifiers(permit))).boxed(),
            Command::Reroot => {
                async move { Ok(Answer::Rerooted(Box::new(self.reroot(Some(permit), origin).await?))) }
                    .boxed()
            }
            Command::BackUp => self.back_up().boxed(),
            Command::ReadReceipt(receipt) => self.read_receipt(permit, receipt).boxed(),
            Command::ListEvents { from, limit } => self.list_events(permit, from, limit).boxed(),
            Command::ReadCheckpoint => {
                async move { Ok(Answer::Checkpoint(self.store.checkpoint().await?)) }.boxed()
            }
            Command::ReadTile(tile) => self.read_tile(tile).boxed(),
            Command::ListEventsSince { since, limit } => async move {
                let from = self.position_at(since).await?;
                self.list_events(permit, from, limit).await
            }
            .boxed(),
            Command::FindAccount(account) => self.find_account(permit, account).boxed(),
            Command::FindNumbered { kind, number } => self.find_numbered(permit, kind, number).boxed(),
            Command::FindAccountNamed(name) => {
                async move { self.find_account_named(permit, &name).await }.boxed()
            }
            Command::SetPassword { account, login, password } => {
                async move { self.set_password(permit, account, login.as_deref(), password, origin).await }
                    .boxed()
            }
            Command::Renew(session) => self.renew(permit, session, origin).boxed(),
            Command::CreateResource(new) => self.create_resource(permit, *new, origin).boxed(),
            Command::FindResource { collection, resource } => {
                self.find_resource(permit, collection, resource).boxed()
            }
            Command::ListResources { collection, account, parent, page } => {
                self.list_resources(permit, collection, (account, parent), page).boxed()
            }
            Command::UpdateResource { collection, resource, patch, if_match } => {
                self.update_resource(permit, (collection, resource), *patch, if_match, origin).boxed()
            }
            Command::RemoveResource { collection, resource, if_match } => {
                self.remove_resource(permit, (collection, resource), if_match, origin).boxed()
            }
            Command::ListAccounts { organization, page } => {
                self.list_accounts(permit, organization, page).boxed()
            }
            Command::CreateAccount(new) => self.create_account(permit, new, origin).boxed(),
            Command::UpdateAccount { account, patch, if_match } => {
                self.update_account(permit, account, patch, if_match, origin).boxed()
            }
            Command::RemoveAccount { account, policy, if_match } => {
                self.remove_account(permit, account, policy, if_match, origin).boxed()
            }
            Command::FindOrganization(organization) => self.find_organization(permit, organization).boxed(),
            Command::ListOrganizations(page) => self.list_organizations(permit, page).boxed(),
            Command::CreateOrganization { name } => self.create_organization(permit, name, origin).boxed(),
            Command::UpdateOrganization { organization, patch, if_match } => {
                self.update_organization(permit, organization, patch, if_match, origin).boxed()
            }
            Command::RemoveOrganization { organization, if_match } => {
                self.remove_organization(permit, organization, if_match, origin).boxed()
            }
        }
    }

    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.environment.fill(&mut bytes);
        bytes
    }

    /// An id above every one that this node has made, so that lists are in the order of creation even within a
    /// millisecond (RFC 9562, section 6.2).
    pub(crate) fn new_id(&self) -> Id {
        let drawn = Id::new(self.environment.now(), self.random());
        let mut last = self.last_id.lock().unwrap_or_else(PoisonError::into_inner);
        let above = Id::from_bits(last.bits().saturating_add(1));
        *last = drawn.max(above);
        *last
    }

    /// An id whose number nothing of this kind has. Should somebody take it before the commit, the commit says so.
    pub(crate) async fn free_id(&self, kind: RecordKind) -> Result<Id, Error> {
        loop {
            let id = self.new_id();
            if self.store.holder(self.pepper.number(kind, id.number())).await?.is_none() {
                return Ok(id);
            }
        }
    }

    /// The secret that opens a record. Where a re-rooting has come between reading its slot and now, the slot is read
    /// again: the root that it was wrapped under may be destroyed.
    pub(crate) async fn slot_secret(&self, stored: &Stored) -> Result<SlotSecret, Error> {
        let unusable = Error::WrongState { why: "its slot is missing or damaged: it can only be removed" };
        self.secret_of(stored).await?.ok_or(unusable)
    }

    /// The same; `None` where its slot was not restored, or is damaged.
    pub(crate) async fn secret_of(&self, stored: &Stored) -> Result<Option<SlotSecret>, Error> {
        let id = stored.record.id;
        let mut read = stored.slot;
        while let Some(slot) = read {
            if let Ok(secret) = self.roots.unwrap(&slot, id) {
                return Ok(Some(secret));
            }
            let newer = self.store.fetch(id).await?.ok_or(Error::NotFound)?;
            record::key::read(&newer.record)?.live()?;
            if newer.slot == read {
                return Ok(None);
            }
            read = newer.slot;
        }
        Ok(None)
    }

    /// Commits a record that nothing seals, with its event, and with what is to happen in memory once it is durable.
    pub(crate) async fn commit_open(
        &self,
        permit: Option<&Permit>,
        about: About,
        record: Result<Record, Error>,
        apply: impl FnOnce(&Live) -> Vec<Notice> + Send + 'static,
        origin: &Origin,
    ) -> Result<Position, CommitError> {
        let kept = record.and_then(|record| {
            let replay = self.replay_of(permit, &record, about.organization, None, origin)?;
            Ok((record, replay))
        });
        let (record, replay) = kept?;
        let event = self.event(about, permit, origin);
        let apply = self.applied(about.organization, apply);
        self.commit(Change { record, slot: SlotChange::Keep, event, replay, apply }, origin).await
    }

    /// What is done in memory when a change is durable: here first, then at every verifier.
    pub(crate) fn applied(
        &self,
        organization: OrganizationId,
        apply: impl FnOnce(&Live) -> Vec<Notice> + Send + 'static,
    ) -> Apply {
        let (live, verifiers) = (Arc::clone(&self.live), Arc::clone(&self.verifiers));
        Box::new(move |position| {
            let notices = apply(&live);
            live.advance(position);
            verifiers.publish(position, organization, notices);
        })
    }

    /// An event about something that is now at this version.
    pub(crate) fn event(&self, about: About, permit: Option<&Permit>, origin: &Origin) -> Event {
        Event {
            at: self.environment.now(),
            subject: about.subject,
            happened: about.happened,
            version: about.version,
            opening: keyward_log::Opening { salt: about.salt, id: about.id.bytes() },
            details: Details {
                organization: about.organization,
                actor: permit.map(|permit| permit.caller().key),
                acting_as: permit
                    .map(Permit::caller)
                    .filter(|caller| caller.impersonates)
                    .map(|caller| caller.account),
                request: origin.request,
            },
        }
    }
}

/// What an event says beside who, when and in which request.
#[derive(Clone, Copy)]
pub(crate) struct About {
    pub(crate) subject: Subject,
    pub(crate) happened: Happened,
    pub(crate) id: Id,
    pub(crate) organization: OrganizationId,
    pub(crate) version: u64,
    pub(crate) salt: [u8; 16],
}
