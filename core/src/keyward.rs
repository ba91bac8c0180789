//! This file is about the whole: one value that holds the store, what is live, and the keys to both, and that
//! carries out commands. What each command does stands in the file of its subject.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::account::{Account, Organization};
use crate::command::{Answer, Command, Removed};
use crate::error::Error;
use crate::event::{Details, Event, Happened, Subject};
use crate::id::{Id, KeyId, OrganizationId, RemovalId};
use crate::key::Found;
use crate::live::Live;
use crate::permit::{Caller, Permit};
use crate::record;
use crate::removals::Job;
use crate::seal::{Pepper, Root, SlotSecret};
use crate::secret::Secret;
use crate::store::{RecordKind, Store, Stored};
use crate::time::Timestamp;
use crate::usage::Notes;

/// What the program lends to the core: the one clock, the one source of randomness, and hands.
pub trait Environment: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Fills a buffer with random bytes fit for keys.
    fn fill(&self, bytes: &mut [u8]);

    /// Whether a text is what a slow hash (`$2b$...`, `$argon2id$...`) was taken of. Takes a tenth of a
    /// second of a core, so it must not be done on a thread that serves others; a hash that is not understood
    /// fits nothing.
    fn check_slow_hash(&self, hash: String, text: Secret) -> impl Future<Output = bool> + Send;

    /// Carries on with something while the caller goes on.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static);
}

/// A key server without a network: commands in, answers out.
pub struct Keyward<S, E> {
    pub(crate) store: S,
    pub(crate) environment: E,
    pub(crate) live: Arc<Live>,
    pub(crate) root: Root,
    pub(crate) pepper: Pepper,
    pub(crate) notes: Notes,
    /// Keys that are to be removed by themselves, the next one first. May name keys that no longer are.
    pub(crate) due: Arc<Mutex<BTreeSet<(Timestamp, KeyId)>>>,
    pub(crate) jobs: Mutex<HashMap<RemovalId, Arc<Job>>>,
    last_id: Mutex<Id>,
}

/// What is known of the request that brings a command.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The request's id; it stands in the events that come of it.
    pub request: u128,
    /// Where it came from.
    pub address: Option<IpAddr>,
    /// The caller's idempotency key.
    pub idempotency: Option<Idempotency>,
}

/// A request that may be sent twice and must be done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The key that the caller gave it.
    pub key: String,
    /// A hash of the request, to notice another one under the same key.
    pub request: [u8; 32],
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Reads from the store what is live, and takes up what was begun before the last stop.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Internal`] if the store cannot be read or a record does not open:
    /// a server that does not know all of its keys serves none.
    pub async fn start(
        store: S,
        environment: E,
        root: Root,
        pepper: Pepper,
        expected: usize,
    ) -> Result<Arc<Self>, Error> {
        let mut seed = [0; 8];
        environment.fill(&mut seed);
        let keyward = Arc::new(Self {
            live: Arc::new(Live::new(u64::from_le_bytes(seed), expected)),
            store,
            environment,
            root,
            pepper,
            notes: Notes::default(),
            due: Arc::default(),
            jobs: Mutex::default(),
            last_id: Mutex::new(Id::from_bits(0)),
        });
        keyward.load().await?;
        keyward.take_up().await?;
        Ok(keyward)
    }

    async fn load(&self) -> Result<(), Error> {
        let failure: Mutex<Option<Error>> = Mutex::new(None);
        let keep = |result: Result<(), Error>| {
            if let Err(error) = result {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        };
        let organization = |stored: Stored| {
            keep(Organization::from_record(&stored.record).map(|o| self.live.directory.set_organization(&o)));
        };
        let account = |stored: Stored| {
            keep(Account::from_record(&stored.record).map(|a| self.live.directory.set_account(&a)));
        };
        let key = |stored: Stored| keep(self.load_key(&stored));
        // Read first: what is scanned afterwards is at least as new.
        if let Some(last) = self.checkpoint().await?.size().checked_sub(1) {
            self.live.advance(last);
        }
        self.store.scan(RecordKind::Organization, &organization).await?;
        self.store.scan(RecordKind::Account, &account).await?;
        self.store.scan(RecordKind::Key, &key).await?;
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn load_key(&self, stored: &Stored) -> Result<(), Error> {
        if let Found::Live(sealed) = record::key::read(&stored.record)? {
            // Restored without its slot: it can be seen and removed, not used.
            let Some(slot) = stored.slot else { return Ok(()) };
            let secret = self.root.unwrap(&slot, stored.record.id).map_err(|_| {
                let id = KeyId::from(stored.record.id);
                Error::internal(format!(
                    "the slot of {id} does not open: configure the root.key that `keyward init` made for this \
                     store, or restore the slots from a copy"
                ))
            })?;
            let key = sealed.open(&secret)?;
            if let Some(at) = key.head.remove_at {
                self.due.lock().unwrap_or_else(PoisonError::into_inner).insert((at, key.head.id));
            }
            self.live.admit(&key)?;
        }
        Ok(())
    }

    /// What is live right now.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
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

    /// Turns a presented secret into the caller that it proves.
    ///
    /// # Errors
    /// [`Error::BadCredential`] whatever is wrong with it; [`Error::Slow`] for one that is used too often.
    pub fn authenticate(&self, secret: &str, address: Option<IpAddr>) -> Result<Caller, Error> {
        self.live.authenticate(secret, address, self.environment.now(), &self.pepper)
    }

    /// Carries out a command. What it changed is durable and in force, at every verifier, when it returns.
    ///
    /// # Errors
    /// Any [`Error`]; unless it is [`Error::Unavailable`], nothing was done.
    pub async fn execute(
        self: &Arc<Self>,
        permit: Permit,
        command: Command,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        // The one that comes a hundred thousand times a second takes the shortest way.
        if let Command::Verify(ask) = &command {
            return self.verify(&permit, ask).await;
        }
        if origin.idempotency.is_none() {
            return Box::pin(self.dispatch(permit, command, origin)).await;
        }
        Box::pin(self.execute_once(permit, command, origin)).await
    }

    /// Carries out a command that may be asked for twice.
    async fn execute_once(
        self: &Arc<Self>,
        permit: Permit,
        command: Command,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        if let Some(answer) = self.replayed(&permit, &command, origin).await? {
            return Ok(answer);
        }
        match self.dispatch(permit, command.clone(), origin).await {
            // Two came at once under one idempotency key, and the other one was first.
            Err(Error::IdempotencyMismatch) => {
                self.replayed(&permit, &command, origin).await?.ok_or(Error::IdempotencyMismatch)
            }
            done => done,
        }
    }

    async fn dispatch(
        self: &Arc<Self>,
        permit: Permit,
        command: Command,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        match command {
            Command::Issue(issue) => self.issue(&permit, *issue, origin).await,
            Command::Import(import) => self.import(&permit, *import, origin).await,
            Command::Find(key) => self.find(&permit, key).await,
            Command::List { filter, page } => self.list(&permit, &filter, page).await,
            Command::Update { key, patch, if_match } => {
                self.update(&permit, key, &patch, if_match, origin).await
            }
            Command::Suspend { key, remove_at, if_match } => {
                self.suspend(&permit, key, remove_at, if_match, origin).await
            }
            Command::Resume { key, if_match } => self.resume(&permit, key, if_match, origin).await,
            Command::Rotate { key, overlap_seconds, if_match } => {
                self.rotate(&permit, key, overlap_seconds, if_match, origin).await
            }
            Command::Verify(ask) => self.verify(&permit, &ask).await,
            Command::Remove { key, reason, if_match, prove } => {
                let (tombstone, position) = self.remove(&permit, key, reason, if_match, origin).await?;
                let receipt = if prove { Some(self.prove(position).await?) } else { None };
                Ok(Answer::Removed(Box::new(Removed { tombstone, receipt })))
            }
            Command::PlanRemoval(selection) => self.plan_removal(&permit, *selection).await,
            Command::StartRemoval { selection, reason, plan_hash } => {
                self.start_removal(&permit, *selection, reason, plan_hash, origin).await
            }
            Command::FindRemoval { removal, page } => self.find_removal(&permit, removal, page).await,
            Command::ReadUsage(key) => self.read_usage(&permit, key).await,
            Command::ReadReceipt(receipt) => self.read_receipt(&permit, receipt).await,
            Command::ListEvents { from, limit } => self.list_events(&permit, from, limit).await,
            Command::ReadCheckpoint => Ok(Answer::Checkpoint(self.store.checkpoint().await?)),
            Command::ReadTile(tile) => self.read_tile(tile).await,
            Command::FindAccount(account) => self.find_account(&permit, account).await,
            Command::ListAccounts { organization, page } => {
                self.list_accounts(&permit, organization, page).await
            }
            Command::CreateAccount(new) => self.create_account(&permit, new, origin).await,
            Command::UpdateAccount { account, patch, if_match } => {
                self.update_account(&permit, account, patch, if_match, origin).await
            }
            Command::RemoveAccount { account, policy, if_match } => {
                self.remove_account(&permit, account, policy, if_match, origin).await
            }
            Command::FindOrganization(organization) => self.find_organization(&permit, organization).await,
            Command::ListOrganizations(page) => self.list_organizations(&permit, page).await,
            Command::CreateOrganization { name } => self.create_organization(&permit, name, origin).await,
            Command::UpdateOrganization { organization, patch, if_match } => {
                self.update_organization(&permit, organization, patch, if_match, origin).await
            }
            Command::RemoveOrganization { organization, if_match } => {
                self.remove_organization(&permit, organization, if_match, origin).await
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

    pub(crate) fn slot_secret(&self, stored: &Stored) -> Result<SlotSecret, Error> {
        let slot = stored
            .slot
            .as_ref()
            .ok_or(Error::WrongState { why: "its slot was not restored: it can only be removed" })?;
        Ok(self.root.unwrap(slot, stored.record.id)?)
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
