//! This file is about setting up: organizations, accounts and credentials as a file declares them. Applying it again
//! changes nothing that is there already and brings nothing back that was ended since; no secret stands in it: it names the
//! files that hold them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use keyward_client::wire::SecretFormat;
use keyward_core::access::LEVELS;
use keyward_core::account::{Account, Organization, Role, Standing};
use keyward_core::command::{Answer, Command, Draft, Given, Import, Issue, NewAccount, Page};
use keyward_core::error::Error;
use keyward_core::filter::{Filter, StateFilter};
use keyward_core::id::{AccountId, OrganizationId};
use keyward_core::keyward::{Keyward, Origin};
use keyward_core::permit::Caller;
use keyward_core::resource::NewResource;
use keyward_core::scope::Scopes;
use keyward_core::secret::{Format, Handle, Label, Presented, Secret};
use keyward_core::store::{List, RecordKind, Store, Stored};
use keyward_dialects::encedo::SetUp;
use keyward_dialects::native;
use serde::Deserialize;
use serde_json::Map;
use tracing::warn;
use zeroize::Zeroizing;

use crate::app::App;
use crate::cli::{inside, write_secret};
use crate::environment::World;

/// What is to be there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bootstrap {
    /// The file of the first owner's secret: written when the store is made, read when there is more to set up.
    pub(crate) owner_secret_file: PathBuf,
    /// The organizations, by name.
    #[serde(default, rename = "organization")]
    pub(crate) organizations: Vec<OrganizationPlan>,
}

/// An organization that is to be there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrganizationPlan {
    /// Its name.
    pub(crate) name: String,
    /// Its accounts, parents before their children.
    #[serde(default, rename = "account")]
    pub(crate) accounts: Vec<AccountPlan>,
}

/// An account that is to be there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountPlan {
    /// Its name, and the login of its password.
    pub(crate) name: String,
    /// `owner`, `admin`, `member` or `auditor`.
    pub(crate) role: String,
    /// The name of the account that acts for it.
    pub(crate) parent: Option<String>,
    /// The file of its password. One that is set already stays.
    pub(crate) password_file: Option<PathBuf>,
    /// Its keys.
    #[serde(default, rename = "key")]
    pub(crate) keys: Vec<KeyPlan>,
    /// The unit of Encedo HEM that acts by the first of its keys.
    pub(crate) unit: Option<UnitPlan>,
    /// The access levels that it makes, with the first of its keys.
    #[serde(default, rename = "access_level")]
    pub(crate) access_levels: Vec<LevelPlan>,
}

/// A unit of Encedo HEM that is to be somebody's. One that is already stays as it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitPlan {
    /// The host that clients know it by.
    pub(crate) hostname: String,
    /// The name of its user.
    pub(crate) user: String,
    /// The file of what the user signs in with.
    pub(crate) user_passphrase_file: PathBuf,
    /// The file of what signs in for configuration alone.
    pub(crate) master_passphrase_file: PathBuf,
    /// Whether anybody may look for keys by the beginning of their description.
    #[serde(default)]
    pub(crate) allow_keysearch: bool,
}

/// An access level that is to be there: what doors open, by the verifier that controls them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LevelPlan {
    /// Its name.
    pub(crate) name: String,
    /// The verifier at its doors.
    pub(crate) verifier: String,
}

/// A key that is to be there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyPlan {
    /// What people call it.
    pub(crate) name: String,
    /// What it may be used for.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    /// The file of its secret: what is there is brought along; if there is none, a secret is made and written there.
    pub(crate) secret_file: PathBuf,
    /// How a secret that is made is written; not given: in our own format.
    pub(crate) format: Option<SecretFormat>,
}

/// Who carries it out, on what.
struct Setter<'a, S> {
    app: &'a App<S>,
    keyward: &'a Arc<Keyward<S, World>>,
    caller: Caller,
    /// What relative paths are relative to.
    folder: &'a Path,
}

impl Bootstrap {
    /// Reads the file.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
        toml::from_str(&text).with_context(|| format!("{}", file.display()))
    }

    /// The file of the key that a unit of Encedo HEM acts by, if one is to be there.
    pub(crate) fn unit_key(&self) -> Option<&Path> {
        let accounts = self.organizations.iter().flat_map(|organization| &organization.accounts);
        let first =
            accounts.filter(|account| account.unit.is_some()).find_map(|account| account.keys.first());
        first.map(|key| key.secret_file.as_path())
    }

    /// Makes what is not there yet and never was, as this owner.
    pub(crate) async fn apply<S: Store>(
        &self,
        app: &App<S>,
        owner: Caller,
        folder: &Path,
    ) -> anyhow::Result<()> {
        let keyward = app.keyward().context("it is locked")?;
        let setter = Setter { app, keyward, caller: owner, folder };
        let mut organizations = organizations(keyward.store()).await?;
        for plan in &self.organizations {
            let Some(organization) = setter.organization(&plan.name, &mut organizations).await? else {
                continue;
            };
            let mut accounts = accounts(keyward.store(), organization).await?;
            for plan in &plan.accounts {
                let Some(id) = setter.account(organization, plan, &mut accounts).await? else { continue };
                let done = setter.credentials(id, plan, &accounts).await;
                done.with_context(|| format!("account {}", plan.name))?;
            }
        }
        Ok(())
    }
}

/// What has a name, or had it until it was removed.
pub(crate) struct Known<T> {
    pub(crate) name: String,
    pub(crate) id: T,
    is_gone: bool,
}

impl<T> Known<T> {
    fn new(name: String, id: T, standing: Standing) -> Self {
        Self { name, id, is_gone: matches!(standing, Standing::Removed { .. }) }
    }
}

/// What is called so now, or else what was.
pub(crate) fn named<'a, T>(known: &'a [Known<T>], name: &str) -> Option<&'a Known<T>> {
    known.iter().filter(|known| known.name == name).min_by_key(|known| known.is_gone)
}

/// Every organization. No command shows the removed ones.
pub(crate) async fn organizations<S: Store>(store: &S) -> anyhow::Result<Vec<Known<OrganizationId>>> {
    let list = List { kind: RecordKind::Organization, owner: List::EVERYONE };
    let stored = store.page(list, None, usize::MAX).await?;
    let read = |stored: &Stored| Organization::from_record(&stored.record).map_err(inside);
    let known = |one: Organization| Known::new(one.name, one.id, one.standing);
    stored.iter().map(|stored| read(stored).map(known)).collect()
}

/// Every account of an organization.
async fn accounts<S: Store>(
    store: &S,
    organization: OrganizationId,
) -> anyhow::Result<Vec<Known<AccountId>>> {
    let list = List { kind: RecordKind::Account, owner: organization.id() };
    let stored = store.page(list, None, usize::MAX).await?;
    let read = |stored: &Stored| Account::from_record(&stored.record).map_err(inside);
    let known = |one: Account| Known::new(one.name, one.id, one.standing);
    stored.iter().map(|stored| read(stored).map(known)).collect()
}

impl<S: Store> Setter<'_, S> {
    async fn run(&self, command: Command) -> anyhow::Result<Answer> {
        self.attempt(command).await.map_err(inside)
    }

    async fn attempt(&self, command: Command) -> Result<Answer, Error> {
        let permit = self.caller.permit(command.verb())?;
        Ok(self.keyward.execute(&permit, command, &Origin::default()).await?.answer)
    }

    /// Sets up a credential, unless it was one before: nothing that was removed comes back.
    async fn once(&self, name: &str, command: Command) -> anyhow::Result<()> {
        match self.attempt(command).await {
            Err(Error::Taken { what }) => {
                warn!(of = name, "a {what} that is or was somebody's already is not set up again");
                Ok(())
            }
            done => done.map(|_| ()).map_err(inside),
        }
    }

    /// The organization of this name; `None` if it was removed.
    async fn organization(
        &self,
        name: &str,
        all: &mut Vec<Known<OrganizationId>>,
    ) -> anyhow::Result<Option<OrganizationId>> {
        if let Some(known) = named(all, name) {
            return Ok((!known.is_gone).then_some(known.id));
        }
        let create = Command::CreateOrganization { name: name.to_owned() };
        let Answer::Organization(made) = self.run(create).await? else { bail!("no organization") };
        let id = made.id;
        all.push(Known::new(made.name, id, made.standing));
        Ok(Some(id))
    }

    /// The account that is planned; `None` if it was removed, or the one above it was.
    async fn account(
        &self,
        organization: OrganizationId,
        plan: &AccountPlan,
        all: &mut Vec<Known<AccountId>>,
    ) -> anyhow::Result<Option<AccountId>> {
        if let Some(known) = named(all, &plan.name) {
            return Ok((!known.is_gone).then_some(known.id));
        }
        let role = Role::parse(&plan.role).with_context(|| format!("account {}: no such role", plan.name))?;
        let parent = match &plan.parent {
            Some(parent) => {
                let known = named(all, parent).with_context(|| format!("account {parent} is not there"))?;
                if known.is_gone {
                    return Ok(None);
                }
                Some(known.id)
            }
            None => None,
        };
        let new = NewAccount { organization: Some(organization), parent, name: plan.name.clone(), role };
        let Answer::Account(made) = self.run(Command::CreateAccount(new)).await? else {
            bail!("no account");
        };
        let id = made.id;
        all.push(Known::new(made.name, id, made.standing));
        Ok(Some(id))
    }

    async fn credentials(
        &self,
        account: AccountId,
        plan: &AccountPlan,
        all: &[Known<AccountId>],
    ) -> anyhow::Result<()> {
        if let Some(file) = &plan.password_file {
            // One that was removed stays gone, whether its account went with it or not.
            let namesakes = all.iter().filter(|known| known.name == plan.name).map(|known| known.id);
            let namesakes: Vec<AccountId> = namesakes.collect();
            self.password(account, &namesakes, &plan.name, &self.folder.join(file)).await?;
        }
        for key in &plan.keys {
            self.key(account, key).await.with_context(|| format!("key {}", key.name))?;
        }
        if plan.access_levels.is_empty() && plan.unit.is_none() {
            return Ok(());
        }
        let first = plan.keys.first();
        let first = first.context("access levels and units are made with a key of the account: name one")?;
        let secret =
            read_secret(&self.folder.join(&first.secret_file))?.context("its secret is not there")?;
        let Ok(caller) = self.keyward.authenticate(&secret, None) else {
            warn!(key = first.name, account = plan.name, "no longer accepted: nothing is set up with it");
            return Ok(());
        };
        let maker = Setter { caller, ..*self };
        maker.access_levels(&plan.access_levels).await?;
        match &plan.unit {
            Some(unit) => maker.unit(unit).await,
            None => Ok(()),
        }
    }

    async fn unit(&self, plan: &UnitPlan) -> anyhow::Result<()> {
        let passphrase = |file: &Path| {
            let file = self.folder.join(file);
            read_secret(&file)?.with_context(|| format!("{}: not there", file.display()))
        };
        let plan = SetUp {
            hostname: plan.hostname.clone(),
            user: plan.user.clone(),
            user_passphrase: passphrase(&plan.user_passphrase_file)?,
            master_passphrase: passphrase(&plan.master_passphrase_file)?,
            allow_keysearch: plan.allow_keysearch,
        };
        crate::unit::set_up(self.app, self.keyward, &self.caller, plan).await
    }

    async fn access_levels(&self, plans: &[LevelPlan]) -> anyhow::Result<()> {
        let page = Page { after: None, limit: Page::LIMIT };
        let list = Command::ListResources { collection: LEVELS, account: None, parent: None, page };
        let Answer::Resources(known, _) = self.run(list).await? else { bail!("no list of access levels") };
        for plan in plans {
            if known.iter().any(|level| level.name.as_ref() == Some(&plan.name)) {
                continue;
            }
            let content = Map::from_iter([("verifier".to_owned(), plan.verifier.as_str().into())]);
            let name = Some(plan.name.clone());
            let new = NewResource { collection: LEVELS, name, content, ..NewResource::default() };
            self.run(Command::CreateResource(Box::new(new))).await?;
        }
        Ok(())
    }

    /// Sets the password of an account, unless one of its namesakes has one of this login, or had it: a login is free again
    /// for others, and is not this file's to give a second time.
    async fn password(
        &self,
        account: AccountId,
        namesakes: &[AccountId],
        login: &str,
        file: &Path,
    ) -> anyhow::Result<()> {
        let handle = Handle::parse(&login.to_ascii_lowercase());
        for namesake in namesakes {
            let of = |state| Filter {
                account: Some(*namesake),
                state,
                handle: handle.clone(),
                ..Filter::default()
            };
            if self.has_any(of(None)).await? {
                return Ok(());
            }
            if self.has_any(of(Some(StateFilter::Removed))).await? {
                warn!(of = login, "a password that was removed is not set up again");
                return Ok(());
            }
        }
        let password = read_secret(file)?.with_context(|| format!("{}: not there", file.display()))?;
        self.once(login, Command::SetPassword { account: Some(account), login: None, password }).await
    }

    /// Whether some key fits.
    async fn has_any(&self, filter: Filter) -> anyhow::Result<bool> {
        let mut after = None;
        loop {
            let (filter, page) = (Box::new(filter.clone()), Page { after, limit: 1 });
            let listed = self.run(Command::List { filter, page }).await?;
            let Answer::Keys(found, next) = listed else { bail!("no list of keys") };
            // A page looks at so many, and says where it stopped.
            if !found.is_empty() || next.is_none() {
                return Ok(!found.is_empty());
            }
            after = next;
        }
    }

    async fn key(&self, account: AccountId, plan: &KeyPlan) -> anyhow::Result<()> {
        let file = self.folder.join(&plan.secret_file);
        let scopes = Scopes::parse(plan.scopes.iter().map(String::as_str)).map_err(inside)?;
        let draft = Draft { name: plan.name.clone(), scopes, ..Draft::default() };
        let label = |text| Label::parse(text).context("a label of our own");
        let environment = label("live")?;
        let Some(text) = read_secret(&file)? else {
            let format = match plan.format {
                Some(given) => native::format(given).map_err(inside)?,
                None => Format::Keyward(label("kw")?),
            };
            let issue = Issue {
                account: Some(account),
                format,
                environment,
                protected: false,
                recoverable: false,
                numbered: plan.format.is_some(),
                draft,
            };
            let Answer::Issued(_, secret) = self.run(Command::Issue(Box::new(issue))).await? else {
                bail!("no key");
            };
            return write_secret(&file, &secret);
        };
        if Presented::read(&text).is_some_and(|presented| self.keyward.knows(&presented)) {
            return Ok(());
        }
        let given = Given::Text(Secret::import(&text).map_err(inside)?);
        let import =
            Import { account: Some(account), environment, protected: false, given, handle: None, draft };
        self.once(&plan.name, Command::Import(Box::new(import))).await
    }
}

/// What a secret's file holds; `None` if there is no such file.
pub(crate) fn read_secret(file: &Path) -> anyhow::Result<Option<Zeroizing<String>>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{}", file.display())),
    }
}
