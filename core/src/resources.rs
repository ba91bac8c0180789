//! This file is about what is done to resources. Whether a key opens one is judged by its scopes, and whose it is by the
//! permit's reach, as with everything else.

use crate::command::{Answer, Page};
use crate::error::Error;
use crate::event::{Happened, Reason, Subject};
use crate::id::{AccountId, Id, ResourceId};
use crate::keyward::{About, Environment, Keyward, Origin};
use crate::permit::{Permit, Reach};
use crate::resource::{NewResource, Resource, ResourcePatch};
use crate::store::{CommitError, List, RecordKind, Store};
use crate::verbs::issue::check_name;

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
        self.commit_resource(permit, &resource, Happened::Created, origin).await?;
        Ok(Answer::Resource(Box::new(resource)))
    }

    pub(crate) async fn find_resource(
        &self,
        permit: &Permit,
        collection: &str,
        id: ResourceId,
    ) -> Result<Answer, Error> {
        Ok(Answer::Resource(Box::new(self.open_resource(permit, collection, id).await?)))
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
        collection: &str,
        id: ResourceId,
        patch: ResourcePatch,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let if_match = patch.content.as_ref().and_then(|new| new.if_match);
        let updated_at = self.environment.now();
        let decide = |resource: &mut Resource| {
            if if_match.is_some_and(|version| version != resource.version) {
                return Err(Error::Stale);
            }
            if let Some(name) = &patch.name {
                self.rename(resource, Some(name.clone()))?;
            }
            if let Some(new) = &patch.content {
                resource.content.clone_from(&new.content);
            }
            resource.updated_at = updated_at;
            Ok(())
        };
        self.change_resource(permit, (collection, id), Happened::Updated, origin, decide).await
    }

    pub(crate) async fn remove_resource(
        &self,
        permit: &Permit,
        collection: &str,
        id: ResourceId,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let now = self.environment.now();
        let happened = Happened::Removed(Reason::Unspecified);
        let decide = |resource: &mut Resource| {
            resource.removed_at = Some(now);
            resource.names.clear();
            Ok(())
        };
        self.change_resource(permit, (collection, id), happened, origin, decide).await
    }

    /// Loads a resource, decides, commits; again from the start if somebody else was quicker. Whether that is one too many for
    /// a caller who named a version, the decision says.
    async fn change_resource(
        &self,
        permit: &Permit,
        (collection, id): (&str, ResourceId),
        happened: Happened,
        origin: &Origin,
        decide: impl Fn(&mut Resource) -> Result<(), Error>,
    ) -> Result<Answer, Error> {
        for _ in 0..TRIES {
            let mut resource = self.open_resource(permit, collection, id).await?;
            decide(&mut resource)?;
            resource.version += 1;
            match self.commit_resource(permit, &resource, happened, origin).await {
                Ok(()) => return Ok(Answer::Resource(Box::new(resource))),
                Err(CommitError::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Unavailable { inside: format!("{id} changes too fast") })
    }

    /// A resource of a collection that the permit reaches and the caller's key opens.
    async fn open_resource(
        &self,
        permit: &Permit,
        collection: &str,
        id: ResourceId,
    ) -> Result<Resource, Error> {
        let resource = self.load_resource(permit, id).await;
        let parent = resource.as_ref().ok().and_then(|resource| resource.parent);
        let ids: Vec<Id> = std::iter::once(id).chain(parent).map(ResourceId::id).collect();
        // Before it is said whether there is one: what a key does not open does not exist for it.
        permit.may_open(collection, &ids)?;
        resource
            .and_then(|found| if found.collection == collection { Ok(found) } else { Err(Error::NotFound) })
    }

    pub(crate) async fn load_resource(&self, permit: &Permit, id: ResourceId) -> Result<Resource, Error> {
        let stored = self.store.fetch(id.id()).await?.ok_or(Error::NotFound)?;
        if stored.record.kind != RecordKind::Resource {
            return Err(Error::NotFound);
        }
        let resource = Resource::from_record(&stored.record)?;
        self.covers(permit, resource.organization, resource.account)?;
        if resource.removed_at.is_some() { Err(Error::NotFound) } else { Ok(resource) }
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
        let about = About {
            subject: Subject::Resource,
            happened,
            id: resource.id.id(),
            organization: resource.organization,
            version: resource.version,
            salt: resource.salt,
        };
        let owners = [
            Some(resource.organization.id()),
            Some(resource.account.id()),
            resource.parent.map(ResourceId::id),
        ];
        let lists = match resource.removed_at {
            None => {
                owners.into_iter().flatten().map(|owner| self.list_of(owner, &resource.collection)).collect()
            }
            Some(_) => Vec::new(),
        };
        self.commit_open(Some(permit), about, resource.to_record(lists), |_| Vec::new(), origin)
            .await
            .map(|_| ())
    }
}
