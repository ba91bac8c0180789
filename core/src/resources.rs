//! This file is about what is done to resources. Whether a key opens one is judged by its scopes, and whose it is by the
//! permit's reach, as with everything else.

use std::collections::HashSet;

use crate::command::{Answer, Page};
use crate::error::Error;
use crate::event::{Happened, Reason, Subject};
use crate::id::{AccountId, Id, ResourceId};
use crate::keyward::{About, Environment, Keyward, Origin};
use crate::permit::{Permit, Reach};
use crate::resource::{NewResource, Resource, ResourcePatch};
use crate::store::{CommitError, List, RecordKind, Store};
use crate::verbs::issue::check_name;

/// The list of what was made for keys that may not be there yet.
const PROVISIONAL: List = List { kind: RecordKind::Resource, owner: List::EVERYONE };

/// How often a change is tried again after somebody else was quicker.
const TRIES: usize = 16;

impl<S: Store, E: Environment> Keyward<S, E> {
    pub(crate) async fn create_resource(
        &self,
        permit: &Permit,
        new: NewResource,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        permit.may_open(new.collection, &new.parent.map(ResourceId::id).into_iter().collect::<Vec<_>>())?;
        self.make_resource(permit, new, origin).await
    }

    /// Makes something that the caller's key need not open itself.
    pub(crate) async fn make_resource(
        &self,
        permit: &Permit,
        new: NewResource,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let caller = permit.caller();
        let (organization, account) = match new.account {
            Some(other) => {
                self.load_account(permit, other).await.map(|account| (account.organization, account.id))?
            }
            None => (caller.organization, caller.account),
        };
        if let Some(parent) = new.parent {
            self.load_resource(permit, parent).await?;
        }
        let now = self.environment.now();
        let mut resource = Resource {
            id: self.new_id().into(),
            organization,
            account,
            collection: new.collection.to_owned(),
            parent: new.parent,
            name: None,
            content: new.content,
            created_at: now,
            updated_at: now,
            removed_at: None,
            salt: self.random(),
            version: 1,
            names: Vec::new(),
        };
        self.rename(&mut resource, new.name)?;
        let lists = self.lists_of(&resource).into_iter().chain(new.is_provisional.then_some(PROVISIONAL));
        self.commit_listed(Some(permit), &resource, lists.collect(), Happened::Created, origin).await?;
        Ok(Answer::Resource(Box::new(resource)))
    }

    /// Lets what was made for a key stay, because the key is there.
    pub(crate) async fn settle(&self, id: ResourceId, origin: &Origin) -> Result<(), Error> {
        self.conclude(id, Happened::Updated, |_| {}, origin).await
    }

    /// Takes up what was made for keys: it stays where its key is there, and goes where a stop came first.
    pub(crate) async fn take_up_provisional(&self, referred: &HashSet<ResourceId>) -> Result<(), Error> {
        for id in self.provisional().await? {
            if referred.contains(&id) {
                self.settle(id, &Origin::default()).await?;
            } else {
                let (now, happened) = (self.environment.now(), Happened::Removed(Reason::Unspecified));
                self.conclude(id, happened, |resource| resource.end(now), &Origin::default()).await?;
            }
        }
        Ok(())
    }

    /// What was made for keys that may not be there.
    pub(crate) async fn provisional(&self) -> Result<Vec<ResourceId>, Error> {
        let page = self.store.page(PROVISIONAL, None, usize::MAX).await?;
        Ok(page.into_iter().map(|stored| stored.record.id.into()).collect())
    }

    /// Ends the time in which a resource is provisional, if it is. Any change does: it stands in that list no more.
    async fn conclude(
        &self,
        id: ResourceId,
        happened: Happened,
        decide: impl Fn(&mut Resource),
        origin: &Origin,
    ) -> Result<(), Error> {
        for _ in 0..TRIES {
            let Some(stored) = self.store.fetch(id.id()).await? else { return Ok(()) };
            if !stored.record.lists.contains(&PROVISIONAL) {
                return Ok(());
            }
            let mut resource = Resource::from_record(&stored.record)?;
            decide(&mut resource);
            resource.version += 1;
            let lists = self.lists_of(&resource);
            match self.commit_listed(None, &resource, lists, happened, origin).await {
                Err(CommitError::Stale) => {}
                done => return done.map_err(Error::from),
            }
        }
        Err(Error::changes_too_fast(&id))
    }

    pub(crate) async fn find_resource(
        &self,
        permit: &Permit,
        collection: &str,
        id: ResourceId,
    ) -> Result<Answer, Error> {
        let resource = self.open_resource(permit, collection, id).await?.living()?;
        Ok(Answer::Resource(Box::new(resource)))
    }

    pub(crate) async fn list_resources(
        &self,
        permit: &Permit,
        collection: &str,
        (account, parent): (Option<AccountId>, Option<ResourceId>),
        page: Page,
    ) -> Result<Answer, Error> {
        permit.may_open(collection, &parent.map(ResourceId::id).into_iter().collect::<Vec<_>>())?;
        if let Some(parent) = parent {
            self.load_resource(permit, parent).await?;
        }
        let owner = match (parent, account, permit.reach()) {
            (Some(parent), ..) => parent.id(),
            (None, Some(account), _) => self.load_account(permit, account).await?.id.id(),
            (None, None, Reach::Account) => permit.caller().account.id(),
            (None, None, Reach::Organization | Reach::Everywhere) => permit.caller().organization.id(),
        };
        let records = self.store.page(self.list_of(owner, collection), page.after, page.limit).await?;
        let next = (records.len() == page.limit).then(|| records.last().map(|last| last.record.id)).flatten();
        let resources: Result<Vec<Resource>, Error> =
            records.iter().map(|stored| Resource::from_record(&stored.record)).collect();
        Ok(Answer::Resources(resources?, next))
    }

    pub(crate) async fn update_resource(
        &self,
        permit: &Permit,
        (collection, id): (&str, ResourceId),
        patch: ResourcePatch,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        for _ in 0..TRIES {
            let mut resource = self.open_resource(permit, collection, id).await?.living()?;
            if let Some(name) = &patch.name {
                self.rename(&mut resource, Some(name.clone()))?;
            }
            if let Some(content) = &patch.content {
                resource.content.clone_from(content);
            }
            resource.updated_at = self.environment.now();
            if self.commit_next(permit, &mut resource, Happened::Updated, if_match, origin).await? {
                return Ok(Answer::Resource(Box::new(resource)));
            }
        }
        Err(Error::changes_too_fast(&id))
    }

    pub(crate) async fn remove_resource(
        &self,
        permit: &Permit,
        (collection, id): (&str, ResourceId),
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        for _ in 0..TRIES {
            let mut resource = self.open_resource(permit, collection, id).await?;
            if resource.removed_at.is_some() {
                // Removing twice is no error: the same answer, the same receipt, and no earlier than the first.
                self.record_in_force(resource.organization, id.id(), origin).await?;
                return Ok(Answer::ResourceRemoved(Box::new(resource), true));
            }
            resource.end(self.environment.now());
            let happened = Happened::Removed(Reason::Unspecified);
            if self.commit_next(permit, &mut resource, happened, if_match, origin).await? {
                return Ok(Answer::ResourceRemoved(Box::new(resource), false));
            }
        }
        Err(Error::changes_too_fast(&id))
    }

    /// Commits the next version of a resource as it was decided; `false` if somebody else was quicker, which is one too many for
    /// a caller who named a version.
    async fn commit_next(
        &self,
        permit: &Permit,
        resource: &mut Resource,
        happened: Happened,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<bool, Error> {
        if if_match.is_some_and(|version| version != resource.version) {
            return Err(Error::Stale);
        }
        resource.version += 1;
        match self.commit_resource(permit, resource, happened, origin).await {
            Ok(()) => Ok(true),
            Err(CommitError::Stale) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A resource of a collection, or what is left of it, that the permit reaches and the caller's key opens.
    async fn open_resource(
        &self,
        permit: &Permit,
        collection: &str,
        id: ResourceId,
    ) -> Result<Resource, Error> {
        let resource = self.load_resource_ever(permit, id).await;
        let parent = resource.as_ref().ok().and_then(|resource| resource.parent);
        let ids: Vec<Id> = std::iter::once(id).chain(parent).map(ResourceId::id).collect();
        // Before it is said whether there is one: what a key does not open does not exist for it.
        permit.may_open(collection, &ids)?;
        resource
            .and_then(|found| if found.collection == collection { Ok(found) } else { Err(Error::NotFound) })
    }

    pub(crate) async fn load_resource(&self, permit: &Permit, id: ResourceId) -> Result<Resource, Error> {
        self.load_resource_ever(permit, id).await?.living()
    }

    async fn load_resource_ever(&self, permit: &Permit, id: ResourceId) -> Result<Resource, Error> {
        let stored = self.store.fetch(id.id()).await?.ok_or(Error::NotFound)?;
        if stored.record.kind != RecordKind::Resource {
            return Err(Error::NotFound);
        }
        let resource = Resource::from_record(&stored.record)?;
        self.covers(permit, resource.organization, resource.account)?;
        Ok(resource)
    }

    /// Whether something that a key names is there still. Nobody asks by whose permit: the key was given it.
    pub(crate) async fn is_there(&self, id: ResourceId) -> Result<bool, Error> {
        let Some(stored) = self.store.fetch(id.id()).await? else { return Ok(false) };
        Ok(Resource::from_record(&stored.record)?.removed_at.is_none())
    }

    fn rename(&self, resource: &mut Resource, name: Option<String>) -> Result<(), Error> {
        if let Some(name) = &name {
            check_name(name)?;
        }
        let owner = resource.organization.id();
        let unique = name.as_ref().map(|name| {
            let text = format!("{} {name}", resource.collection);
            self.pepper.name("resource", owner, text.as_bytes())
        });
        resource.names = unique.into_iter().collect();
        resource.name = name;
        Ok(())
    }

    fn list_of(&self, owner: Id, collection: &str) -> List {
        let name = self.pepper.name("resources", owner, collection.as_bytes());
        List { kind: RecordKind::Resource, owner: Id::from_bits(u128::from_be_bytes(name.0)) }
    }

    async fn commit_resource(
        &self,
        permit: &Permit,
        resource: &Resource,
        happened: Happened,
        origin: &Origin,
    ) -> Result<(), CommitError> {
        self.commit_listed(Some(permit), resource, self.lists_of(resource), happened, origin).await
    }

    /// Where a resource stands.
    fn lists_of(&self, resource: &Resource) -> Vec<List> {
        if resource.removed_at.is_some() {
            return Vec::new();
        }
        let owners = [
            Some(resource.organization.id()),
            Some(resource.account.id()),
            resource.parent.map(ResourceId::id),
        ];
        owners.into_iter().flatten().map(|owner| self.list_of(owner, &resource.collection)).collect()
    }

    async fn commit_listed(
        &self,
        permit: Option<&Permit>,
        resource: &Resource,
        lists: Vec<List>,
        happened: Happened,
        origin: &Origin,
    ) -> Result<(), CommitError> {
        let about = About {
            subject: Subject::Resource,
            happened,
            id: resource.id.id(),
            organization: resource.organization,
            version: resource.version,
            salt: resource.salt,
        };
        self.commit_open(permit, about, resource.to_record(lists), |_| Vec::new(), origin).await.map(|_| ())
    }
}
