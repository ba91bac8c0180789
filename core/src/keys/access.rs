//! This file is about what is done to door credentials in their own way: they are made with an identification or get one,
//! found by it, and read at doors.

use serde_json::{Map, Value};

use super::TRIES;
use crate::access::{
    Access, Code, DOOR_EVENTS, Door, DoorRead, Identification, LEVELS, NewAccess, Opens, PERSONS,
    check_levels,
};
use crate::command::{Answer, Ask};
use crate::error::Error;
use crate::id::{Id, KeyId, ResourceId};
use crate::key::{Material, Place};
use crate::keyward::{Environment, Keyward, Origin};
use crate::live::Details;
use crate::permit::Permit;
use crate::resource::NewResource;
use crate::secret::Handle;
use crate::store::{CommitError, Spend, Store};
use crate::usage::Use;
use crate::verbs;
use crate::verbs::issue::Birth;
use crate::verbs::verify::{Entry, Refusal};

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn issue_access(
        &self,
        permit: &Permit,
        new: NewAccess,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        permit.may_give(&new.draft.scopes)?;
        let account = self.owner(permit, new.account).await?;
        self.may_refer(permit, &new.levels, new.person).await?;
        for _ in 0..TRIES {
            let drawn = || Identification::Code(Code::generate(&mut |bytes| self.environment.fill(bytes)));
            let identification = new.identification.clone().unwrap_or_else(drawn);
            let id: KeyId = self.new_id().into();
            let handle = Handle::from(id);
            let parts = identification.names(&self.pepper, account.organization);
            let opens = Opens {
                pin: new.pin.as_ref().map(|pin| pin.digest(&self.pepper, id)),
                levels: new.levels.clone(),
                person: new.person,
            };
            let birth = Birth {
                id,
                organization: account.organization,
                account: account.id,
                place: Place::Parts,
                environment: new.environment.clone(),
                protected: new.protected,
                names: std::iter::once(handle.name(&self.pepper)).chain(parts).collect(),
                handle,
                material: Material::Access(Access { identification, opens }),
                salt: self.random(),
                supersedes: None,
                session: None,
            };
            let key = verbs::issue::issue(birth, new.draft.clone(), self.environment.now())?;
            match self.commit_new(Some(permit), &key, None, origin).await {
                Ok(_) => {
                    if let Some(person) = new.person {
                        self.settle(person, &Origin { idempotency: None, ..origin.clone() }).await?;
                    }
                    return Ok(Answer::IssuedAccess(Box::new(key)));
                }
                // Somebody has this code: draw again.
                Err(CommitError::NameTaken(_)) if new.identification.is_none() => {}
                Err(CommitError::NameTaken(_)) => return Err(Error::Taken { what: "identification" }),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::internal("no free code was drawn"))
    }

    /// Judges what a door credential refers to: levels and a person that exist for the caller.
    pub(crate) async fn may_refer(
        &self,
        permit: &Permit,
        levels: &[ResourceId],
        person: Option<ResourceId>,
    ) -> Result<(), Error> {
        check_levels(levels)?;
        for level in levels {
            self.refer(permit, LEVELS, *level, "access.levels").await?;
        }
        match person {
            Some(person) => self.refer(permit, PERSONS, person, "access.person").await,
            None => Ok(()),
        }
    }

    async fn refer(
        &self,
        permit: &Permit,
        collection: &str,
        id: ResourceId,
        field: &str,
    ) -> Result<(), Error> {
        let absent = || Error::invalid(field, "the id of something that exists");
        match self.load_resource(permit, id).await {
            Ok(resource) if resource.collection == collection => Ok(()),
            Ok(_) | Err(Error::NotFound) => Err(absent()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn find_access(
        &self,
        permit: &Permit,
        identification: &Identification,
    ) -> Result<Answer, Error> {
        let id = self.holder_of(permit, identification).await?;
        self.find(permit, id.into()).await
    }

    /// The living key of the caller's organization that has every part of an identification.
    pub(crate) async fn holder_of(
        &self,
        permit: &Permit,
        identification: &Identification,
    ) -> Result<Id, Error> {
        let mut holder = None;
        for name in identification.names(&self.pepper, permit.caller().organization) {
            let id = self.store.holder(name).await?.ok_or(Error::NotFound)?;
            if holder.is_some_and(|other| other != id) {
                return Err(Error::NotFound);
            }
            holder = Some(id);
        }
        holder.ok_or(Error::NotFound)
    }

    /// Judges a read at a door of the caller's organization, and writes it down where it says which door.
    pub(super) async fn judge_at_door(
        &self,
        permit: &Permit,
        read: &DoorRead,
        ask: &Ask,
    ) -> Result<Result<(Entry, Details), Refusal>, Error> {
        let parts = read.identification.names(&self.pepper, permit.caller().organization);
        let found = self.live.find_parts(&parts).and_then(|(entry, details)| {
            let account = &entry.profile.account;
            self.covers(permit, account.organization.id, account.id).ok()?;
            let opens = details.opens()?;
            Some((entry, details, opens))
        });
        let Some((entry, details, mut opens)) = found else {
            self.write_down(permit, read, None, Err(Refusal::Unknown)).await?;
            return Ok(Err(Refusal::Unknown));
        };
        if let Some(level) = read.level.filter(|level| opens.levels.contains(level))
            && !self.is_there(level).await?
        {
            // The key goes on naming a level that was removed; it opens nothing from that answer on.
            opens.levels.retain(|granted| *granted != level);
        }
        let now = self.environment.now();
        let pin = read.pin.as_ref().map(|pin| pin.digest(&self.pepper, entry.key));
        let opens_it = || self.live.judge_opens(entry.key, &opens, read.level, pin.as_ref(), now);
        let at_door = entry.answer(ask, now).and_then(|()| opens_it());
        let judged = match at_door {
            Ok(()) => self.count(&entry, &details, ask.cost, now).await?,
            refused => refused,
        };
        self.notes.add(entry.key.id(), Use { at: now, address: ask.address, accepted: judged.is_ok() });
        self.write_down(permit, read, Some((entry.key, opens.person)), judged).await?;
        Ok(judged.map(|()| (entry, details)))
    }

    /// Writes a read at a door down, if it says which door; never what was read, which is a secret.
    async fn write_down(
        &self,
        permit: &Permit,
        read: &DoorRead,
        known: Option<(KeyId, Option<ResourceId>)>,
        judged: Result<(), Refusal>,
    ) -> Result<(), Error> {
        let Some(Door { name, verifier }) = &read.door else { return Ok(()) };
        let person = known.and_then(|(_, person)| person);
        let fields = [
            ("number", Some(self.next_read(permit).await?.into())),
            ("verdict", Some(judged.err().map_or("valid", Refusal::word).into())),
            ("type", Some(read.identification.word().into())),
            ("pin", Some(read.pin.is_some().into())),
            ("door", name.as_deref().map(Value::from)),
            ("verifier", verifier.as_deref().map(Value::from)),
            ("key", known.map(|(key, _)| key.to_string().into())),
            ("person", person.map(|person| person.to_string().into())),
        ];
        let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let content: Map<String, Value> = given.collect();
        let event = NewResource { collection: DOOR_EVENTS, content, ..NewResource::default() };
        self.make_resource(permit, event, &Origin::default()).await?;
        Ok(())
    }

    /// The number of the next read at a door of this organization, from 1.
    async fn next_read(&self, permit: &Permit) -> Result<u64, Error> {
        let spend = Spend { id: permit.caller().organization.id(), cost: 1, limit: u64::MAX };
        Ok(self.store.spend(spend).await?.map_or(u64::MAX, |left| u64::MAX - left))
    }
}
