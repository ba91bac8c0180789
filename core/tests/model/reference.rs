//! This file is about the model: what the documents promise of keys, accounts and organizations, over plain
//! vectors and without a store. It shares no rule with the core: a reader can hold it against
//! `docs/lifecycle.md` and `docs/permissions.md`.

use std::collections::BTreeSet;

use keyward_core::account::Role;
use keyward_core::event::Reason;
use keyward_core::id::{AccountId, KeyId, OrganizationId, RemovalId};

/// How far something is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Life {
    Active,
    Suspended,
    Removed,
}

/// How a key's secret is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Of our own format, made here.
    Own,
    /// Made elsewhere, brought along as its text (or learned from a slow hash).
    Text,
    /// Made elsewhere, brought along as its SHA-512.
    Sha512,
    /// Made elsewhere, brought along as a slow hash, and not used since.
    Slow,
}

#[derive(Clone, Debug)]
pub(crate) struct Organization {
    pub(crate) id: OrganizationId,
    pub(crate) operator: bool,
    pub(crate) life: Life,
    pub(crate) version: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) organization: usize,
    pub(crate) parent: Option<usize>,
    pub(crate) role: Role,
    pub(crate) life: Life,
    pub(crate) version: u64,
    pub(crate) name: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) text: String,
    pub(crate) how: How,
    pub(crate) account: usize,
    pub(crate) life: Life,
    pub(crate) version: u64,
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) environment: &'static str,
    pub(crate) metadata: String,
    pub(crate) expires_at: Option<u64>,
    pub(crate) not_before: Option<u64>,
    pub(crate) remove_at: Option<u64>,
    /// Why it is to be removed then.
    pub(crate) remove_for: Reason,
    pub(crate) protected: bool,
    /// Usable from 10.0.0.0/8 only.
    pub(crate) fenced: bool,
    /// Uses in all.
    pub(crate) uses: Option<u64>,
    pub(crate) spent: u64,
    pub(crate) supersedes: Option<KeyId>,
    pub(crate) created_at: u64,
    pub(crate) removed: Option<(u64, Reason)>,
    pub(crate) removed_by: Option<RemovalId>,
}

/// Which keys are meant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) account: Option<usize>,
    pub(crate) environment: Option<&'static str>,
    pub(crate) suspended: Option<bool>,
    pub(crate) key: Option<usize>,
}

/// Work that was begun and is not done.
#[derive(Clone, Debug)]
pub(crate) enum Pending {
    /// The keys of an account that was removed.
    OfAccount(usize),
    /// The keys of an organization that was removed.
    OfOrganization(usize),
    /// A removal of many keys.
    Job(Job),
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: RemovalId,
    /// Who began it: it reaches no further than they did.
    pub(crate) seat: Seat,
    pub(crate) reason: Reason,
    /// What it is to remove, each and its account as they were when that was confirmed.
    pub(crate) keys: Vec<(usize, u64, u64)>,
}

/// Who asks, as far as it matters.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) account: usize,
    pub(crate) organization: usize,
    pub(crate) role: Role,
    pub(crate) rights: BTreeSet<String>,
    pub(crate) operator: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Account,
    Organization,
    Everywhere,
}

/// Why not: the name of the error's variant, and of the field where one is named.
pub(crate) type No = &'static str;

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) now: u64,
    pub(crate) organizations: Vec<Organization>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) keys: Vec<Key>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) finished: Vec<RemovalId>,
    /// Events since the last look: record, type, version.
    pub(crate) events: Vec<(u128, String, u64)>,
}

/// The words that are rights on Keyward.
const RIGHTS: [&str; 6] = ["admin", "keys:read", "keys:issue", "keys:update", "keys:remove", "keys:verify"];

pub(crate) fn rights(scopes: &[String]) -> BTreeSet<String> {
    scopes.iter().filter(|scope| RIGHTS.contains(&scope.as_str())).cloned().collect()
}

impl Seat {
    /// Judges a verb by the grid: which roles it takes, which right, and how far it then reaches.
    pub(crate) fn may(&self, verb: &str) -> Result<Reach, No> {
        let right = match verb {
            "issue" | "import" | "rotate" => "keys:issue",
            "find" | "list" => "keys:read",
            "update" | "suspend" | "resume" => "keys:update",
            "verify" => "keys:verify",
            "remove" => "keys:remove",
            _ => "accounts:write",
        };
        let reach = match self.role {
            Role::Owner => Some(Reach::Organization),
            Role::Admin => (!verb.ends_with("_organization")).then_some(Reach::Organization),
            Role::Member => {
                let below = matches!(verb, "create_account" | "remove_account");
                (below || !verb.contains('_') && verb != "import").then_some(Reach::Account)
            }
            Role::Auditor => matches!(verb, "find" | "list").then_some(Reach::Organization),
        };
        let held = self.rights.contains("admin") || self.rights.contains(right);
        let operators_only = matches!(verb, "create_organization" | "remove_organization");
        let reach = reach.filter(|_| held && (self.operator || !operators_only)).ok_or("Forbidden")?;
        Ok(if self.operator && self.role == Role::Owner { Reach::Everywhere } else { reach })
    }

    /// Whether it may end another key than its own.
    pub(crate) fn may_end(&self) -> bool {
        ["admin", "keys:remove"].iter().any(|right| self.rights.contains(*right))
    }

    pub(crate) fn may_give(&self, scopes: &[String]) -> Result<(), No> {
        let held = self.rights.contains("admin") || rights(scopes).is_subset(&self.rights);
        held.then_some(()).ok_or("Forbidden")
    }

    pub(crate) fn may_touch(&self, role: Role) -> Result<(), No> {
        (role != Role::Owner || self.role == Role::Owner).then_some(()).ok_or("Forbidden")
    }
}

impl Model {
    pub(crate) fn event(&mut self, id: u128, what: impl Into<String>, version: u64) {
        self.events.push((id, what.into(), version));
    }

    pub(crate) fn organization_of(&self, key: usize) -> usize {
        self.accounts[self.keys[key].account].organization
    }

    pub(crate) fn covers(&self, seat: &Seat, reach: Reach, account: usize) -> bool {
        match reach {
            Reach::Everywhere => true,
            Reach::Organization => self.accounts[account].organization == seat.organization,
            Reach::Account => {
                let may_less = matches!(self.accounts[account].role, Role::Member | Role::Auditor);
                account == seat.account || may_less && self.is_below(account, seat.account)
            }
        }
    }

    /// An account and those above it, upwards.
    pub(crate) fn chain(&self, account: usize) -> Vec<usize> {
        let mut chain = vec![account];
        while let Some(parent) = self.accounts[chain[chain.len() - 1]].parent {
            chain.push(parent);
        }
        chain
    }

    pub(crate) fn is_below(&self, account: usize, ancestor: usize) -> bool {
        account != ancestor && self.chain(account).contains(&ancestor)
    }

    pub(crate) fn below(&self, account: usize) -> Vec<usize> {
        (0..self.accounts.len()).filter(|at| self.is_below(*at, account)).collect()
    }

    /// How an account stands: whoever is stopped stops all below.
    pub(crate) fn stands(&self, account: usize) -> Life {
        self.chain(account).into_iter().map(|at| self.accounts[at].life).max().unwrap()
    }

    /// What stands above a key.
    pub(crate) fn above(&self, account: usize) -> Life {
        self.stands(account).max(self.organizations[self.accounts[account].organization].life)
    }

    /// Judges whether the organization of an account keeps an active owner without these.
    pub(crate) fn keeps_owner(&self, account: usize, leaving: &[usize]) -> Result<(), No> {
        let is_owner = |at: &usize| {
            let one = &self.accounts[*at];
            let theirs = one.organization == self.accounts[account].organization;
            theirs && one.role == Role::Owner && self.stands(*at) == Life::Active
        };
        let owners: Vec<usize> = (0..self.accounts.len()).filter(is_owner).collect();
        let left = owners.iter().filter(|at| !leaving.contains(at)).count();
        if left == 0 && !owners.is_empty() { Err("WrongState") } else { Ok(()) }
    }

    /// Judges what needs no question. The table keeps whole seconds, and errs towards refusing.
    fn judge(&self, key: &Key) -> Result<(), No> {
        match self.above(key.account) {
            Life::Removed => return Err("Removed"),
            Life::Suspended => return Err("Suspended"),
            Life::Active => {}
        }
        if key.life == Life::Suspended {
            return Err("Suspended");
        }
        let ends = [key.expires_at, key.remove_at].into_iter().flatten().min();
        if ends.is_some_and(|end| self.now >= end / 1000 * 1000) {
            return Err("Expired");
        }
        if key.not_before.is_some_and(|start| self.now < start.div_ceil(1000) * 1000) {
            return Err("NotYetValid");
        }
        if key.fenced { Err("AddressNotAllowed") } else { Ok(()) }
    }

    fn lives(&self, text: &str, how: How) -> Option<usize> {
        self.keys.iter().position(|key| key.life != Life::Removed && key.how == how && key.text == text)
    }

    /// The key that a text opens, without asking slow hashes: of an organization, or of any.
    pub(crate) fn holder(&self, text: &str, whose: Option<usize>) -> Option<usize> {
        let is_theirs = |at: &usize| {
            whose.is_none_or(|whose| self.accounts[self.keys[*at].account].organization == whose)
        };
        [How::Own, How::Text, How::Sha512].into_iter().find_map(|how| self.lives(text, how).filter(is_theirs))
    }

    /// The key that a text opens for whoever has this seat, if any.
    pub(crate) fn holder_for(&self, seat: &Seat, reach: Reach, text: &str) -> Option<usize> {
        let whose = match reach {
            Reach::Everywhere => None,
            Reach::Organization | Reach::Account => Some(seat.organization),
        };
        self.holder(text, whose)
    }

    /// True if showing this text now would teach the digest of a slowly hashed key.
    pub(crate) fn would_learn(&self, seat: &Seat, reach: Reach, text: &str) -> bool {
        self.holder_for(seat, reach, text).is_none() && self.lives(text, How::Slow).is_some()
    }

    fn learn(&mut self, seat: &Seat, reach: Reach, text: &str) {
        let taken = self.keys.iter().any(|key| key.how == How::Text && key.text == text);
        let slow = self.would_learn(seat, reach, text).then(|| self.lives(text, How::Slow)).flatten();
        let slow = slow.filter(|key| self.covers(seat, reach, self.keys[*key].account));
        // A digest that a removed key claims stays claimed: what was removed never works again.
        if let Some(key) = slow.filter(|_| !taken) {
            self.keys[key].how = How::Text;
            self.bump(key, "key.updated");
        }
    }

    /// What a verifier says, and what comes of saying it.
    pub(crate) fn verify(
        &mut self,
        seat: &Seat,
        reach: Reach,
        text: &str,
        scope: Option<&str>,
        cost: u64,
    ) -> Result<usize, No> {
        self.learn(seat, reach, text);
        let Some(at) = self.holder_for(seat, reach, text) else {
            // Nothing lives of a slow hash that was never learned; of all others a digest stays claimed.
            let known = |key: &&Key| key.text == text && key.life == Life::Removed && key.how != How::Slow;
            let may_know = self.keys.iter().filter(known).any(|key| self.covers(seat, reach, key.account));
            return Err(if may_know { "Removed" } else { "Unknown" });
        };
        let key = &self.keys[at];
        if !self.covers(seat, reach, key.account) {
            return Err("Unknown");
        }
        self.judge(key)?;
        if scope.is_some_and(|scope| !key.scopes.iter().any(|held| held == scope)) {
            return Err("InsufficientScope");
        }
        if key.uses.is_some_and(|uses| key.spent + cost.max(1) > uses) {
            return Err("UsedUp");
        }
        if self.keys[at].uses.is_some() {
            self.keys[at].spent += cost;
        }
        Ok(at)
    }

    /// Who a secret proves to be.
    pub(crate) fn authenticate(&self, text: &str) -> Result<Seat, No> {
        let key = &self.keys[self.holder(text, None).ok_or("BadCredential")?];
        self.judge(key).map_err(|_| "BadCredential")?;
        Ok(self.seat(key.account, &key.scopes))
    }

    pub(crate) fn seat(&self, account: usize, scopes: &[String]) -> Seat {
        let Account { organization, role, .. } = self.accounts[account];
        let operator = self.organizations[organization].operator;
        Seat { account, organization, role, rights: rights(scopes), operator }
    }

    pub(crate) fn bump(&mut self, key: usize, what: &str) {
        self.keys[key].version += 1;
        let (id, version) = (self.keys[key].id.id().bits(), self.keys[key].version);
        self.event(id, what, version);
    }

    pub(crate) fn end(&mut self, key: usize, reason: Reason, by: Option<RemovalId>) {
        assert_ne!(self.keys[key].life, Life::Removed, "nothing leads out of removed");
        let now = self.now;
        let key_now = &mut self.keys[key];
        (key_now.life, key_now.removed, key_now.removed_by) = (Life::Removed, Some((now, reason)), by);
        self.bump(key, &format!("key.removed {}", reason.word()));
    }

    pub(crate) fn living(&self, fits: impl Fn(&Self, usize) -> bool) -> Vec<usize> {
        let living = (0..self.keys.len()).filter(|at| self.keys[*at].life != Life::Removed);
        living.filter(|at| fits(self, *at)).collect()
    }

    pub(crate) fn fits(&self, filter: &Filter, at: usize) -> bool {
        let key = &self.keys[at];
        filter.account.is_none_or(|account| account == key.account)
            && filter.environment.is_none_or(|environment| environment == key.environment)
            && filter.suspended.is_none_or(|wanted| wanted == (key.life == Life::Suspended))
            && filter.key.is_none_or(|wanted| wanted == at)
    }

    /// Does what waits.
    pub(crate) fn work(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::OfAccount(account) => {
                    let below = self.below(account);
                    for at in &below {
                        let Account { id, life, version, .. } = self.accounts[*at].clone();
                        if life != Life::Removed {
                            (self.accounts[*at].life, self.accounts[*at].version) =
                                (Life::Removed, version + 1);
                            self.event(id.id().bits(), "account.removed owner_left", version + 1);
                        }
                    }
                    let theirs = |model: &Self, key: usize| {
                        let owner = model.keys[key].account;
                        owner == account || below.contains(&owner)
                    };
                    let keys = self.living(theirs);
                    keys.into_iter().for_each(|key| self.end(key, Reason::OwnerLeft, None));
                }
                Pending::OfOrganization(organization) => {
                    let keys = self.living(|model, key| model.organization_of(key) == organization);
                    keys.into_iter().for_each(|key| self.end(key, Reason::OwnerLeft, None));
                }
                Pending::Job(job) => {
                    for (key, ..) in job.keys {
                        if self.keys[key].life != Life::Removed && !self.keys[key].protected {
                            self.end(key, job.reason, Some(job.id));
                        }
                    }
                    self.event(job.id.id().bits(), "removal.finished", 2);
                    self.finished.push(job.id);
                }
            }
        }
    }

    /// A stop and a start: work that waited is found again in what was written down.
    pub(crate) fn restart(&mut self) {
        let waiting = std::mem::take(&mut self.pending);
        let mut jobs = Vec::new();
        for pending in waiting {
            let Pending::Job(mut job) = pending else { continue };
            // What was changed meanwhile is left: nobody has confirmed that as it is now.
            job.keys.retain(|(at, version, of_account)| {
                let (key, account) = (&self.keys[*at], &self.accounts[self.keys[*at].account]);
                let may_touch = job.seat.role == Role::Owner || account.version == *of_account;
                key.version == *version && may_touch && job.seat.may_touch(account.role).is_ok()
            });
            jobs.push(job);
        }
        jobs.sort_by_key(|job| job.id);
        self.pending = jobs.into_iter().map(Pending::Job).collect();
        let accounts = (0..self.accounts.len()).filter(|at| self.accounts[*at].life == Life::Removed);
        let sweeps: Vec<Pending> = accounts.map(Pending::OfAccount).collect();
        self.pending.extend(sweeps);
        let removed = |at: &usize| self.organizations[*at].life == Life::Removed;
        let sweeps: Vec<Pending> =
            (0..self.organizations.len()).filter(removed).map(Pending::OfOrganization).collect();
        self.pending.extend(sweeps);
    }
}
