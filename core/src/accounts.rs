//! This file is about what is done to accounts. Whatever takes rights from an account takes them from all of
//! its keys, and from the accounts below it and theirs, in the same commit, because every key is judged with all of them.

mod remove;

use crate::account::{Account, Role, Standing};
use crate::command::{AccountPatch, Answer, NewAccount, Page};
use crate::error::Error;
use crate::event::{Happened, Subject};
use crate::id::{AccountId, OrganizationId};
use crate::keys::TRIES;
use crate::keyward::{About, Environment, Keyward, Origin};
use crate::live::Stands;
use crate::permit::{Permit, Reach};
use crate::store::{CommitError, List, Name, RecordKind, Store};
use crate::verbs::issue::check_name;

/// How many accounts may be above another: each use of an account's by one above it walks through them.
const DEPTH: usize = 16;

impl<S: Store, E: Environment> Keyward<S, E> {
    /// An account that the permit reaches and that was not removed, nor its organization.
    pub(crate) async fn load_account(&self, permit: &Permit, id: AccountId) -> Result<Account, Error> {
        let account = self.load_account_ever(permit, id).await?;
        // What was removed above it took it along, though its record does not say so, or not yet.
        let above = self.live.directory.account(account.id, account.organization).stands();
        let is_gone = above == Stands::Removed || matches!(account.standing, Standing::Removed { .. });
        if is_gone { Err(Error::NotFound) } else { Ok(account) }
    }

    async fn load_account_ever(&self, permit: &Permit, id: AccountId) -> Result<Account, Error> {
        let stored = self.store.fetch(id.id()).await?.ok_or(Error::NotFound)?;
        if stored.record.kind != RecordKind::Account {
            return Err(Error::NotFound);
        }
        let account = Account::from_record(&stored.record)?;
        self.covers(permit, account.organization, account.id)?;
        Ok(account)
    }

    pub(crate) async fn find_account(&self, permit: &Permit, id: AccountId) -> Result<Answer, Error> {
        Ok(Answer::Account(Box::new(self.load_account(permit, id).await?)))
    }

    pub(crate) async fn find_account_named(&self, permit: &Permit, name: &str) -> Result<Answer, Error> {
        let owner = permit.caller().organization.id();
        let holder = self.store.holder(self.pepper.name("account", owner, name.as_bytes())).await?;
        self.find_account(permit, holder.ok_or(Error::NotFound)?.into()).await
    }

    pub(crate) async fn list_accounts(
        &self,
        permit: &Permit,
        organization: Option<OrganizationId>,
        page: Page,
    ) -> Result<Answer, Error> {
        let organization = organization.unwrap_or(permit.caller().organization);
        permit.covers_organization(organization)?;
        if permit.reach() == Reach::Account {
            let own = self.load_account(permit, permit.caller().account).await?;
            return Ok(Answer::Accounts(vec![own], None));
        }
        let list = List { kind: RecordKind::Account, owner: organization.id() };
        let records = self.store.page(list, page.after, page.limit).await?;
        let next = (records.len() == page.limit).then(|| records.last().map(|last| last.record.id)).flatten();
        let accounts: Result<Vec<Account>, Error> =
            records.iter().map(|stored| Account::from_record(&stored.record)).collect();
        let mut accounts = accounts?;
        let is_there = |account: &Account| {
            self.live.directory.account(account.id, account.organization).stands() != Stands::Removed
        };
        accounts.retain(is_there);
        Ok(Answer::Accounts(accounts, next))
    }

    pub(crate) async fn create_account(
        &self,
        permit: &Permit,
        new: NewAccount,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let organization = new.organization.unwrap_or(permit.caller().organization);
        permit.covers_organization(organization)?;
        permit.may_appoint(new.role)?;
        // Whoever reaches no further than an account makes others below it only, and none that may do more.
        if permit.reach() == Reach::Account && (new.parent.is_none() || new.role != Role::Member) {
            return Err(Error::Forbidden);
        }
        self.load_organization(permit, organization).await?;
        if let Some(parent) = new.parent {
            let parent = self.load_account(permit, parent).await?;
            if parent.organization != organization {
                return Err(Error::invalid("parent_id", "an account of the same organization"));
            }
            if self.live.directory.depth(parent.id) >= DEPTH {
                return Err(Error::invalid("parent_id", "below fewer than 16 others"));
            }
        }
        let account = self.new_account(organization, new.parent, new.name, new.role).await?;
        self.commit_account(Some(permit), &account, Happened::Created, origin).await?;
        Ok(Answer::Account(Box::new(account)))
    }

    fn account_names(&self, id: AccountId, organization: OrganizationId, name: &str) -> Vec<Name> {
        let number = self.pepper.number(RecordKind::Account, id.id().number());
        vec![self.pepper.name("account", organization.id(), name.as_bytes()), number]
    }

    pub(crate) async fn new_account(
        &self,
        organization: OrganizationId,
        parent: Option<AccountId>,
        name: String,
        role: Role,
    ) -> Result<Account, Error> {
        check_name(&name)?;
        let id = self.free_id(RecordKind::Account).await?.into();
        Ok(Account {
            id,
            organization,
            parent,
            names: self.account_names(id, organization, &name),
            name,
            role,
            standing: Standing::Active,
            created_at: self.environment.now(),
            salt: self.random(),
            version: 1,
        })
    }

    pub(crate) async fn update_account(
        &self,
        permit: &Permit,
        id: AccountId,
        patch: AccountPatch,
        if_match: Option<u64>,
        origin: &Origin,
    ) -> Result<Answer, Error> {
        let _turn = self.account_turn.lock().await;
        for _ in 0..TRIES {
            let mut account = self.load_account(permit, id).await?;
            if if_match.is_some_and(|version| version != account.version) {
                return Err(Error::Stale);
            }
            permit.may_appoint(account.role)?;
            if let Some(role) = patch.role {
                permit.may_appoint(role)?;
            }
            let steps_down =
                account.role == Role::Owner && patch.role.is_some_and(|role| role != Role::Owner);
            let stops = patch.suspended == Some(true);
            if stops {
                self.may_stop(permit, &account)?;
            }
            if stops || steps_down {
                self.keeps_owner(&account, stops)?;
            }
            account.role = patch.role.unwrap_or(account.role);
            if let Some(name) = &patch.name {
                check_name(name)?;
                account.names = self.account_names(account.id, account.organization, name);
                account.name.clone_from(name);
            }
            let happened = match (patch.suspended, account.standing) {
                (Some(true), Standing::Active) => Happened::Suspended,
                (Some(false), Standing::Suspended) => Happened::Resumed,
                _ => Happened::Updated,
            };
            if let Some(suspended) = patch.suspended {
                account.standing = if suspended { Standing::Suspended } else { Standing::Active };
            }
            account.version += 1;
            match self.commit_account(Some(permit), &account, happened, origin).await {
                Ok(()) => return Ok(Answer::Account(Box::new(account))),
                Err(CommitError::Stale) if if_match.is_none() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::changes_too_fast(&id))
    }

    /// Judges whether the caller may stop an account together with those below it, or end them.
    fn may_stop(&self, permit: &Permit, account: &Account) -> Result<(), Error> {
        permit.may_appoint(account.role)?;
        for below in self.live.directory.below(account.id) {
            let facts = self.live.directory.account(below, account.organization);
            if facts.stands() != Stands::Removed {
                self.covers(permit, account.organization, below).map_err(|_| Error::Forbidden)?;
                permit.may_appoint(facts.role())?;
            }
        }
        Ok(())
    }

    /// Judges whether an organization keeps an active owner when an account is none any more, nor those below it if they are
    /// stopped as well. Nobody else could make another one.
    fn keeps_owner(&self, account: &Account, and_below: bool) -> Result<(), Error> {
        let directory = &self.live.directory;
        let leaves = |id: AccountId| id == account.id || and_below && directory.is_below(id, account.id);
        let (leaving, staying): (Vec<_>, Vec<_>) =
            directory.owners(account.organization).into_iter().partition(|id| leaves(*id));
        if staying.is_empty() && !leaving.is_empty() {
            return Err(Error::WrongState { why: "no active owner would be left: make another one first" });
        }
        Ok(())
    }

    pub(crate) async fn commit_account(
        &self,
        permit: Option<&Permit>,
        account: &Account,
        happened: Happened,
        origin: &Origin,
    ) -> Result<(), CommitError> {
        let about = About {
            subject: Subject::Account,
            happened,
            id: account.id.id(),
            organization: account.organization,
            version: account.version,
            salt: account.salt,
        };
        let applied = account.clone();
        self.commit_open(
            permit,
            about,
            account.to_record(),
            move |live| live.directory.set_account(&applied).into_iter().map(Into::into).collect(),
            origin,
        )
        .await
        .map(|_| ())
    }
}
