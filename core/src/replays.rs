//! This file is about answering the same request the same way: what is kept of an answer, and how it is given
//! again. A kept answer holds the record as it was committed; what was secret in it is sealed under the
//! record's own slot, so a removed key's first answer is as unreadable as the key.

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::account::{Account, Organization};
use crate::command::{Answer, Command, Page};
use crate::epoch::Epoch;
use crate::error::Error;
use crate::id::{Id, OrganizationId};
use crate::key::{Found, Head, Kind};
use crate::keyward::{Environment, Idempotency, Keyward, Origin};
use crate::permit::Permit;
use crate::record;
use crate::resource::Resource;
use crate::seal::{Binding, SlotSecret};
use crate::secret::Secret;
use crate::store::{List, Record, RecordKind, Replay, Store};
use crate::time::Timestamp;

/// For how long an answer is kept.
const KEPT_SECONDS: u64 = 24 * 3600;

#[derive(Serialize, Deserialize)]
struct Kept {
    id: u128,
    organization: u128,
    version: u64,
    body: Vec<u8>,
    shown: Option<Vec<u8>>,
}

/// The answer that was given to a request.
pub(crate) struct KeptAnswer(Replay);

impl KeptAnswer {
    /// The same, as what to keep of a request that it answers too.
    pub(crate) fn of(self, permit: &Permit, idempotency: &Idempotency, now: Timestamp) -> Replay {
        let id = replay_id(permit, &idempotency.key);
        Replay { id, expires_at: now.plus_seconds(KEPT_SECONDS), ..self.0 }
    }

    /// Whether it is about this record.
    pub(crate) fn is_about(&self, id: Id) -> bool {
        let kept: Result<Kept, _> = postcard::from_bytes(&self.0.answer);
        kept.is_ok_and(|kept| kept.id == id.bits())
    }
}

impl Idempotency {
    /// The name of one step of a request that takes several. No caller can give it: a header field holds no line feed.
    pub(crate) fn step(&self, name: &str) -> Self {
        Self { key: format!("{}\n{name}", self.key), ..*self }
    }
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// The answer that this very request got before, if it carries an idempotency key and came before.
    pub(crate) async fn replayed(
        &self,
        permit: &Permit,
        command: &Command,
        origin: &Origin,
    ) -> Result<Option<Answer>, Error> {
        let Some(kept) = self.kept(permit, origin).await? else { return Ok(None) };
        let answer = self.answer_again(permit, &kept, origin).await?;
        if let (Command::Rotate { key, .. }, Answer::Issued(successor, _)) = (command, &answer) {
            // What took a right away is the end of the old key.
            self.record_in_force(successor.head.organization, key.id(), origin).await?;
        }
        if let Answer::Issued(key, _) | Answer::Key(key) = &answer {
            self.finish_succession(permit, key, origin).await?;
        }
        Ok(Some(answer))
    }

    /// What is kept of the answer to this very request.
    pub(crate) async fn kept(&self, permit: &Permit, origin: &Origin) -> Result<Option<KeptAnswer>, Error> {
        let Some(idempotency) = &origin.idempotency else { return Ok(None) };
        let id = replay_id(permit, &idempotency.key);
        let Some(replay) = self.store.replay(id, self.environment.now()).await? else { return Ok(None) };
        if replay.request != self.sealed_request(&idempotency.request) {
            return Err(Error::IdempotencyMismatch);
        }
        Ok(Some(KeptAnswer(replay)))
    }

    /// A kept answer, once the last change of what it is about is in force.
    pub(crate) async fn answer_again(
        &self,
        permit: &Permit,
        kept: &KeptAnswer,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let kept: Kept = postcard::from_bytes(&kept.0.answer).map_err(Error::internal)?;
        let id = Id::from_bits(kept.id);
        let stored = self.store.fetch(id).await?.ok_or(Error::NotFound)?;
        // Who asked first may still be waiting for it.
        self.in_force(Id::from_bits(kept.organization).into(), stored.position, origin).await;
        let then = Record { version: kept.version, body: kept.body, ..stored.record.clone() };
        match stored.record.kind {
            RecordKind::Organization => Ok(Answer::Organization(Box::new(Organization::from_record(&then)?))),
            RecordKind::Account => Ok(Answer::Account(Box::new(Account::from_record(&then)?))),
            RecordKind::Resource => Ok(Answer::Resource(Box::new(Resource::from_record(&then)?))),
            RecordKind::Term | RecordKind::Enforcement | RecordKind::Tombstone => {
                Err(Error::internal("an answer that nobody was given"))
            }
            RecordKind::Epoch => Ok(Answer::Rerooted(Box::new(Epoch::from_record(&stored.record)?))),
            RecordKind::Removal => {
                self.find_removal(permit, id.into(), Page { after: None, limit: Page::DEFAULT }).await
            }
            RecordKind::Key => {
                if let Found::Removed(tombstone) = record::key::read(&stored.record)? {
                    return Err(Error::Gone(Box::new(tombstone)));
                }
                let slot = self.slot_secret(&stored).await?;
                let key = record::key::read(&then)?.live()?.open(&slot)?;
                let Some(shown) = kept.shown else {
                    let again = match key.head.kind {
                        Kind::Access if key.head.version == 1 => Answer::IssuedAccess,
                        Kind::Crypto if key.head.version == 1 => Answer::IssuedCrypto,
                        Kind::Secret | Kind::Access | Kind::Crypto => Answer::Key,
                    };
                    return Ok(again(Box::new(key)));
                };
                let organization = OrganizationId::from(Id::from_bits(kept.organization));
                let text = slot.open(&shown, Binding { organization, id, version: 0 })?;
                let secret = str::from_utf8(&text).map_err(Error::internal).and_then(Secret::import)?;
                Ok(Answer::Issued(Box::new(key), secret))
            }
        }
    }

    /// What to keep of an answer that is a key, and its secret where it is shown. Nothing where nobody asked.
    pub(crate) fn replay_of_key(
        &self,
        permit: Option<&Permit>,
        record: &Record,
        head: &Head,
        slot: &SlotSecret,
        shown: Option<&Secret>,
        origin: &Origin,
    ) -> Result<Option<Replay>, Error> {
        if permit.is_none() || origin.idempotency.is_none() {
            return Ok(None);
        }
        // Version 0 is no record's, so the text opens as nothing else.
        let binding = Binding { organization: head.organization, id: record.id, version: 0 };
        let shown = match shown {
            Some(secret) => Some(slot.seal(secret.expose().as_bytes(), binding, self.random())?),
            None => None,
        };
        self.replay_of(permit, record, head.organization, shown, origin)
    }

    /// What to keep of an answer that is a record. Nothing where nobody asked.
    pub(crate) fn replay_of(
        &self,
        permit: Option<&Permit>,
        record: &Record,
        organization: OrganizationId,
        shown: Option<Vec<u8>>,
        origin: &Origin,
    ) -> Result<Option<Replay>, Error> {
        let (Some(permit), Some(idempotency)) = (permit, &origin.idempotency) else { return Ok(None) };
        let kept = Kept {
            id: record.id.bits(),
            organization: organization.id().bits(),
            version: record.version,
            body: record.body.clone(),
            shown,
        };
        Ok(Some(Replay {
            id: replay_id(permit, &idempotency.key),
            request: self.sealed_request(&idempotency.request),
            answer: postcard::to_allocvec(&kept).map_err(Error::internal)?,
            expires_at: self.environment.now().plus_seconds(KEPT_SECONDS),
        }))
    }
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// A hash of a request as it is kept. A request may say a PIN or a door's code, and whoever has its plain hash can try
    /// them all.
    fn sealed_request(&self, request: &[u8; 32]) -> [u8; 32] {
        self.pepper.mac("request", List::EVERYONE, request)
    }
}

/// Names a kept answer: callers do not share their idempotency keys.
fn replay_id(permit: &Permit, key: &str) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(b"keyward-idempotency/v1\n");
    context.update(&permit.caller().key.id().bytes());
    context.update(key.as_bytes());
    let mut id = [0; 32];
    id.copy_from_slice(context.finish().as_ref());
    id
}
