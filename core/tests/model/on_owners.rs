//! This file is about the steps on accounts and organizations.

use keyward_core::account::Role;
use keyward_core::command::{AccountPatch, Answer, Command, KeyPolicy, NewAccount, OrganizationPatch};
use keyward_core::permit::Verb;

use super::{Play, agree};
use crate::reference::{Account, Life, No, Organization, Pending, Reach, Seat};
use crate::steps::{Match, Policy, Step};

impl Play {
    pub(super) fn on_owners(&mut self, step: &Step) {
        match step {
            Step::CreateAccount { by, organization, below, role } => {
                self.create_account(*by, *organization, *below, *role);
            }
            Step::ChangeAccount { by, account, role, suspended, only } => {
                self.change_account(*by, self.account(*account), *role, *suspended, *only);
            }
            Step::RemoveAccount { by, account, policy } => {
                self.remove_account(*by, self.account(*account), *policy);
            }
            Step::CreateOrganization { by } => self.create_organization(*by),
            Step::ChangeOrganization { by, organization, suspended } => {
                self.change_organization(*by, self.organization(*organization), *suspended);
            }
            Step::RemoveOrganization { by, organization } => {
                self.remove_organization(*by, self.organization(*organization));
            }
            _ => unreachable!("no step on an owner: {step:?}"),
        }
    }

    fn organization(&self, organization: u8) -> usize {
        usize::from(organization) % self.model.organizations.len()
    }

    /// The caller, if it reaches an organization that was not removed.
    fn reach(&self, by: u8, verb: &str, organization: usize) -> Result<Seat, No> {
        let (seat, reach) = self.seat(by, verb)?;
        let reached = reach == Reach::Everywhere || seat.organization == organization;
        reached.then_some(seat).ok_or("NotFound")
    }

    fn create_account(&mut self, by: u8, organization: Option<u8>, below: Option<u8>, role: Role) {
        let name = format!("account {}", self.model.accounts.len());
        let parent = below.map(|below| self.account(below));
        let want = self.seat(by, "create_account").and_then(|(seat, reach)| {
            let organization = organization.map_or(seat.organization, |place| self.organization(place));
            self.reach(by, "create_account", organization)?;
            seat.may_touch(role)?;
            // A member makes members below its own.
            if reach == Reach::Account && (parent.is_none() || role != Role::Member) {
                return Err("Forbidden");
            }
            if self.model.organizations[organization].life == Life::Removed {
                return Err("NotFound");
            }
            if let Some(parent) = parent {
                if !self.model.covers(&seat, reach, parent) || self.model.above(parent) == Life::Removed {
                    return Err("NotFound");
                }
                let fits = self.model.accounts[parent].organization == organization
                    && self.model.chain(parent).len() < 16;
                return fits.then_some(organization).ok_or("Invalid parent_id");
            }
            Ok(organization)
        });
        let organization = organization.map(|place| self.model.organizations[self.organization(place)].id);
        let above = parent.map(|parent| self.model.accounts[parent].id);
        let new = NewAccount { organization, parent: above, name: name.clone(), role };
        let got = self.ask(by, Verb::CreateAccount, Command::CreateAccount(new));
        if let Some((answer, organization)) = agree("create account", got, want) {
            let Answer::Account(made) = answer else { panic!("an account") };
            self.model.event(made.id.id().bits(), "account.created", 1);
            let (id, life) = (made.id, Life::Active);
            self.model.accounts.push(Account { id, organization, parent, role, life, version: 1, name });
        }
    }

    /// Whether the caller may stop all that would stop with an account.
    fn may_stop(&self, seat: &Seat, reach: Reach, at: usize) -> Result<(), No> {
        seat.may_touch(self.model.accounts[at].role)?;
        let mut below = self.model.below(at);
        below.retain(|at| self.model.above(*at) != Life::Removed);
        let may = |at: &usize| {
            self.model.covers(seat, reach, *at) && seat.may_touch(self.model.accounts[*at].role).is_ok()
        };
        if below.iter().all(may) { Ok(()) } else { Err("Forbidden") }
    }

    /// An account and all below it.
    fn whole(&self, at: usize) -> Vec<usize> {
        std::iter::once(at).chain(self.model.below(at)).collect()
    }

    /// An account that the caller may change.
    fn may_change_account(&self, by: u8, verb: &str, at: usize) -> Result<(Seat, Reach), No> {
        let (seat, reach) = self.seat(by, verb)?;
        let covered = self.model.covers(&seat, reach, at);
        covered.then_some((seat, reach)).ok_or("NotFound")
    }

    fn change_account(
        &mut self,
        by: u8,
        at: usize,
        role: Option<Role>,
        suspended: Option<bool>,
        only: Match,
    ) {
        let account = self.model.accounts[at].clone();
        let want = self.may_change_account(by, "update_account", at).and_then(|(seat, reach)| {
            if self.model.above(at) == Life::Removed {
                return Err("NotFound");
            }
            if matches!(only, Match::Other) {
                return Err("Stale");
            }
            seat.may_touch(account.role)?;
            role.map_or(Ok(()), |role| seat.may_touch(role))?;
            if suspended == Some(true) {
                self.may_stop(&seat, reach, at)?;
                return self.model.keeps_owner(at, &self.whole(at));
            }
            let steps_down = account.role == Role::Owner && role.is_some_and(|role| role != Role::Owner);
            if steps_down { self.model.keeps_owner(at, &[at]) } else { Ok(()) }
        });
        let patch = AccountPatch { name: None, role, suspended };
        let if_match = Self::version(only, account.version);
        let command = Command::UpdateAccount { account: account.id, patch, if_match };
        let got = self.ask(by, Verb::UpdateAccount, command);
        if agree("update account", got, want).is_some() {
            let (life, happened) = changed(account.life, suspended);
            let (role, version) = (role.unwrap_or(account.role), account.version + 1);
            self.model.event(account.id.id().bits(), format!("account.{happened}"), version);
            self.model.accounts[at] = Account { role, life, version, ..account };
        }
    }

    fn remove_account(&mut self, by: u8, at: usize, policy: Policy) {
        let account = self.model.accounts[at].clone();
        let want = self.may_remove_account(by, at, policy);
        let policy = match policy {
            Policy::Remove => KeyPolicy::Remove,
            Policy::Refuse => KeyPolicy::Refuse,
            Policy::Transfer(heir) => KeyPolicy::Transfer(self.model.accounts[self.account(heir)].id),
        };
        let command = Command::RemoveAccount { account: account.id, policy, if_match: None };
        let got = self.ask(by, Verb::RemoveAccount, command);
        let Some((_, Some(heir))) = agree("remove account", got, want) else { return };
        if let Some(heir) = heir {
            for key in self.model.living(|model, key| model.keys[key].account == at) {
                self.model.keys[key].account = heir;
                self.model.bump(key, "key.updated");
            }
            for child in self.model.below(at) {
                let Account { id, parent, life, version, .. } = self.model.accounts[child].clone();
                if parent == Some(at) && life != Life::Removed {
                    (self.model.accounts[child].parent, self.model.accounts[child].version) =
                        (Some(heir), version + 1);
                    self.model.event(id.id().bits(), "account.updated", version + 1);
                }
            }
        }
        self.model.accounts[at].life = Life::Removed;
        self.model.accounts[at].version += 1;
        self.model.event(account.id.id().bits(), "account.removed unspecified", account.version + 1);
        self.model.pending.push(Pending::OfAccount(at));
    }

    /// `None` for one that was removed before; otherwise who inherits its keys.
    fn may_remove_account(&self, by: u8, at: usize, policy: Policy) -> Result<Option<Option<usize>>, No> {
        let (seat, reach) = self.may_change_account(by, "remove_account", at)?;
        // A member ends accounts below its own.
        if reach == Reach::Account && at == seat.account {
            return Err("Forbidden");
        }
        let account = &self.model.accounts[at];
        if account.life == Life::Removed {
            return Ok(None);
        }
        self.may_stop(&seat, reach, at)?;
        self.model.keeps_owner(at, &self.whole(at))?;
        let keys = self.model.living(|model, key| model.keys[key].account == at);
        let below = self.model.below(at).into_iter().filter(|at| self.model.above(*at) != Life::Removed);
        let is_alone = keys.is_empty() && below.count() == 0;
        match policy {
            Policy::Remove => Ok(Some(None)),
            Policy::Refuse if is_alone => Ok(Some(None)),
            Policy::Refuse => Err("WrongState"),
            Policy::Transfer(heir) => {
                let heir = self.account(heir);
                if !self.model.covers(&seat, reach, heir) || self.model.above(heir) == Life::Removed {
                    return Err("NotFound");
                }
                seat.may_touch(self.model.accounts[heir].role)?;
                let kin = self.model.accounts[heir].organization == account.organization
                    && !self.whole(at).contains(&heir);
                let highest = self.model.chain(heir).len();
                let levels = |below: usize| self.model.chain(below).len() - self.model.chain(at).len();
                let fits = self.model.below(at).into_iter().all(|below| highest + levels(below) <= 16);
                if kin && fits { Ok(Some(Some(heir))) } else { Err("Invalid transfer_to") }
            }
        }
    }

    fn create_organization(&mut self, by: u8) {
        let name = format!("organization {}", self.model.organizations.len());
        let want = self.seat(by, "create_organization");
        let got = self.ask(by, Verb::CreateOrganization, Command::CreateOrganization { name });
        if let Some((answer, _)) = agree("create organization", got, want) {
            let Answer::Organization(made) = answer else { panic!("an organization") };
            self.model.event(made.id.id().bits(), "organization.created", 1);
            let made = Organization { id: made.id, operator: false, life: Life::Active, version: 1 };
            self.model.organizations.push(made);
        }
    }

    fn change_organization(&mut self, by: u8, at: usize, suspended: Option<bool>) {
        let organization = self.model.organizations[at].clone();
        let want = self.reach(by, "update_organization", at).and_then(|_| {
            if organization.life == Life::Removed {
                return Err("NotFound");
            }
            let stops_all = organization.operator && suspended == Some(true);
            if stops_all { Err("WrongState") } else { Ok(()) }
        });
        let patch = OrganizationPatch { name: None, suspended, hold: None };
        let command = Command::UpdateOrganization { organization: organization.id, patch, if_match: None };
        let got = self.ask(by, Verb::UpdateOrganization, command);
        if agree("update organization", got, want).is_some() {
            let (life, happened) = changed(organization.life, suspended);
            let version = organization.version + 1;
            self.model.event(organization.id.id().bits(), format!("organization.{happened}"), version);
            self.model.organizations[at] = Organization { life, version, ..organization };
        }
    }

    fn remove_organization(&mut self, by: u8, at: usize) {
        let organization = self.model.organizations[at].clone();
        let want = self.reach(by, "remove_organization", at).and(match organization {
            Organization { life: Life::Removed, .. } => Ok(false),
            Organization { operator: true, .. } => Err("WrongState"),
            Organization { .. } => Ok(true),
        });
        let command = Command::RemoveOrganization { organization: organization.id, if_match: None };
        let got = self.ask(by, Verb::RemoveOrganization, command);
        if let Some((_, true)) = agree("remove organization", got, want) {
            let version = organization.version + 1;
            self.model.event(organization.id.id().bits(), "organization.removed unspecified", version);
            self.model.organizations[at].life = Life::Removed;
            self.model.organizations[at].version = version;
            self.model.pending.push(Pending::OfOrganization(at));
        }
    }
}

/// Where a change of standing leads, and what it is called.
fn changed(life: Life, suspended: Option<bool>) -> (Life, &'static str) {
    match (life, suspended) {
        (Life::Active, Some(true)) => (Life::Suspended, "suspended"),
        (Life::Suspended, Some(false)) => (Life::Active, "resumed"),
        (life, _) => (life, "updated"),
    }
}
