//! This file is about what is done to organizations, and about the very first one.

use std::sync::Arc;

use crate::account::{Organization, Role, Standing};
use crate::command::{Answer, Draft, Issue, OrganizationPatch, Page};
use crate::error::Error;
use crate::event::{Happened, Reason, Subject};
use crate::id::{AccountId, OrganizationId};
use crate::key::Key;
use crate::keys::{TRIES, Ties};
use crate::keyward::{About, Environment, Keyward, Origin};
use crate::permit::{Permit, Reach};
use crate::scope::Scopes;
use crate::secret::{Format, Label, Secret};
use crate::store::{CommitError, List, Name, RecordKind, Store};
use crate::verbs::issue::check_name;

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Makes the first organization, its first owner, and the key that the owner signs in with.
    ///
    /// # Errors
    /// [`Error::WrongState`] if there is an organization already.
    pub async fn found(&self, organization: &str, owner: &str) -> Result<(Key, Secret), Error> {
        let everyone = List { kind: RecordKind::Organization, owner: List::EVERYONE };
        if !self.store.page(everyone, None, 1).await?.is_empty() {
            return Err(Error::WrongState { why: "the store has its first organization" });
        }
        let origin = Origin::default();
        let organization = self.new_organization(organization.to_owned(), true).await?;
        self.commit_organization(None, &organization, Happened::Created, &origin).await?;
        let account = self.new_account(organization.id, None, owner.to_owned(), Role::Owner).await?;
        self.commit_account(None, &account, Happened::Created, &origin).await?;
        self.first_key(organization.id, account.id, owner).await
    }

    /// A key with every right, made by the server itself.
    async fn first_key(
        &self,
        organization: OrganizationId,
        account: AccountId,
        name: &str,
    ) -> Result<(Key, Secret), Error> {
        let label = |text| Label::parse(text).ok_or_else(|| Error::internal("a label of our own"));
        let issue = Issue {
            account: None,
            format: Format::Keyward(label("kw")?),
            environment: label("live")?,
            protected: false,
            recoverable: false,
            numbered: false,
            draft: Draft { name: name.to_owned(), scopes: Scopes::parse(["admin"])?, ..Draft::default() },
        };
        self.create(None, (organization, account), &issue, Ties::default(), &Origin::default()).await
    }

    /// Begins a new epoch after a loss: every key that the store holds ends, because any of them may have been
    /// removed in what is lost; that is written down; and the first owner gets a new key. How many keys ended.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; it can be called again.
    pub async fn begin_epoch(&self) -> Result<(u64, Secret), Error> {
        let everyone = List { kind: RecordKind::Organization, owner: List::EVERYONE };
        let mut ended = 0;
        for stored in self.store.page(everyone, None, usize::MAX).await? {
            let organization = Organization::from_record(&stored.record)?;
            let keys = List { kind: RecordKind::Key, owner: organization.id.id() };
            ended += self.sweep_now(keys, None, Reason::Unspecified, &Origin::default()).await?;
        }
        let mut operator = self.operator().await?;
        operator.version += 1;
        self.commit_organization(None, &operator, Happened::Epoch, &Origin::default()).await?;
        Ok((ended, self.new_owner().await?))
    }

    /// A new key for an owner of the operator's organization, who is made where there is none: the way out where nobody is
    /// left who could issue one. Whoever can call this owns the machine.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; it can be called again.
    pub async fn new_owner(&self) -> Result<Secret, Error> {
        const NAME: &str = "recovered";
        let operator = self.operator().await?;
        let account = match self.live.directory.owners(operator.id).into_iter().min() {
            Some(owner) => owner,
            None => {
                let name = format!("{NAME} {}", self.environment.now());
                let account = self.new_account(operator.id, None, name, Role::Owner).await?;
                self.commit_account(None, &account, Happened::Created, &Origin::default()).await?;
                account.id
            }
        };
        let (_, secret) = self.first_key(operator.id, account, NAME).await?;
        Ok(secret)
    }

    /// The first organization, which the server itself belongs to.
    pub(crate) async fn operator(&self) -> Result<Organization, Error> {
        let everyone = List { kind: RecordKind::Organization, owner: List::EVERYONE };
        for stored in self.store.page(everyone, None, usize::MAX).await? {
            let organization = Organization::from_record(&stored.record)?;
            if organization.operator {
                return Ok(organization);
            }
        }
        Err(Error::WrongState { why: "the store has no first organization" })
    }

    pub(crate) async fn find_organization(
        &self,
        permit: &Permit,
        id: OrganizationId,
    ) -> Result<Answer, Error> {
        Ok(Answer::Organization(Box::new(self.load_organization(permit, id).await?)))
    }

    pub(crate) async fn create_organization(
        &self,
        permit: &Permit,
        name: String,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let organization = self.new_organization(name, false).await?;
        self.commit_organization(Some(permit), &organization, Happened::Created, origin).await?;
        Ok(Answer::Organization(Box::new(organization)))
    }

    /// An organization that the permit reaches and that was not removed.
    pub(crate) async fn load_organization(
        &self,
        permit: &Permit,
        id: OrganizationId,
    ) -> Result<Organization, Error> {
        let organization = self.load_organization_ever(permit, id).await?;
        match organization.standing {
            Standing::Removed { .. } => Err(Error::NotFound),
            Standing::Active | Standing::Suspended => Ok(organization),
        }
    }

    async fn load_organization_ever(
        &self,
        permit: &Permit,
        id: OrganizationId,
    ) -> Result<Organization, Error> {
        permit.covers_organization(id)?;
        let stored = self.store.fetch(id.id()).await?.ok_or(Error::NotFound)?;
        if stored.record.kind != RecordKind::Organization {
            return Err(Error::NotFound);
        }
        Organization::from_record(&stored.record)
    }

    pub(crate) async fn list_organizations(&self, permit: &Permit, page: Page) -> Result<Answer, Error> {
        if permit.reach() != Reach::Everywhere {
            let own = self.load_organization(permit, permit.caller().organization).await?;
            return Ok(Answer::Organizations(vec![own], None));
        }
        let list = List { kind: RecordKind::Organization, owner: List::EVERYONE };
        let records = self.store.page(list, page.after, page.limit).await?;
        let next = (records.len() == page.limit).then(|| records.last().map(|last| last.record.id)).flatten();
        let organizations: Result<Vec<Organization>, Error> =
            records.iter().map(|stored| Organization::from_record(&stored.record)).collect();
        let mut organizations = organizations?;
        organizations.retain(|one| !matches!(one.standing, Standing::Removed { .. }));
        Ok(Answer::Organizations(organizations, next))
    }

    fn organization_names(&self, id: OrganizationId, name: &str) -> Vec<Name> {
        let number = self.pepper.number(RecordKind::Organization, id.id().number());
        vec![self.pepper.name("organization", List::EVERYONE, name.as_bytes()), number]
    }

    async fn new_organization(&self, name: String, operator: bool) -> Result<Organization, Error> {
        check_name(&name)?;
        let id = self.free_id(RecordKind::Organization).await?.into();
        Ok(Organization {
            id,
            names: self.organization_names(id, &name),
            name,
            operator,
            hold: None,
            standing: Standing::Active,
            created_at: self.environment.now(),
            salt: self.random(),
            version: 1,
        })
    }

    pub(crate) async fn update_organization(
        &self,
        permit: &Permit,
        id: OrganizationId,
        patch: OrganizationPatch,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        for _ in 0..TRIES {
            let mut organization = self.load_organization(permit, id).await?;
            if if_match.is_some_and(|version| version != organization.version) {
                return Err(Error::Stale);
            }
            if let Some(name) = &patch.name {
                check_name(name)?;
                organization.names = self.organization_names(organization.id, name);
                organization.name.clone_from(name);
            }
            let suspended = patch.suspended.or(patch.hold.map(|_| true));
            let happened = match (suspended, organization.standing) {
                (Some(true), Standing::Active) => Happened::Suspended,
                (Some(false), Standing::Suspended) => Happened::Resumed,
                _ => Happened::Updated,
            };
            if let Some(suspended) = suspended {
                if suspended && organization.operator {
                    return Err(Error::WrongState { why: "the operator's organization cannot be suspended" });
                }
                organization.standing = if suspended { Standing::Suspended } else { Standing::Active };
                organization.hold = patch.hold.filter(|_| suspended);
            }
            organization.version += 1;
            match self.commit_organization(Some(permit), &organization, happened, origin).await {
                Ok(()) => return Ok(Answer::Organization(Box::new(organization))),
                Err(CommitError::Stale) if if_match.is_none() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::changes_too_fast(&id))
    }

    pub(crate) async fn remove_organization(
        self: &Arc<Self>,
        permit: &Permit,
        id: OrganizationId,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        for _ in 0..TRIES {
            let mut organization = self.load_organization_ever(permit, id).await?;
            if let Standing::Removed { .. } = organization.standing {
                self.record_in_force(id, id.id(), origin).await?;
                return Ok(Answer::OrganizationRemoved(id));
            }
            if if_match.is_some_and(|version| version != organization.version) {
                return Err(Error::Stale);
            }
            if organization.operator {
                return Err(Error::WrongState { why: "the operator's organization cannot be removed" });
            }
            let at = self.environment.now();
            organization.standing = Standing::Removed { at, reason: Reason::Unspecified };
            organization.names.clear();
            organization.version += 1;
            let happened = Happened::Removed(Reason::Unspecified);
            match self.commit_organization(Some(permit), &organization, happened, origin).await {
                Ok(()) => {}
                Err(CommitError::Stale) if if_match.is_none() => continue,
                Err(error) => return Err(error.into()),
            }
            self.sweep_owner(id.id(), origin);
            return Ok(Answer::OrganizationRemoved(id));
        }
        Err(Error::changes_too_fast(&id))
    }

    async fn commit_organization(
        &self,
        permit: Option<&Permit>,
        organization: &Organization,
        happened: Happened,
        origin: &Origin,
    ) -> Result<(), CommitError> {
        let about = About {
            subject: Subject::Organization,
            happened,
            id: organization.id.id(),
            organization: organization.id,
            version: organization.version,
            salt: organization.salt,
        };
        let applied = organization.clone();
        self.commit_open(
            permit,
            about,
            organization.to_record(),
            move |live| vec![live.directory.set_organization(&applied).into()],
            origin,
        )
        .await
        .map(|_| ())
    }
}
