//! This file is about `keyward account` and `keyward organization`: who owns keys, from a terminal.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use keyward_client::{Client, wire};

use zeroize::Zeroizing;

use super::remote::{Page, Remote, say_removed, show, show_changed, word};
use crate::bootstrap::read_secret;

/// The most that is read of standard input in search of a password, in bytes.
const LONGEST: u64 = 4096;

/// `keyward account`.
#[derive(Debug, Args)]
pub(crate) struct Account {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: OfAccount,
}

/// `keyward organization`.
#[derive(Debug, Args)]
pub(crate) struct Organization {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: OfOrganization,
}

#[derive(Debug, Subcommand)]
enum OfAccount {
    /// Create an account.
    Create {
        /// What it is called.
        name: String,
        /// `owner`, `admin`, `member` or `auditor`.
        #[arg(long, default_value = "member", value_parser = word::<wire::Role>)]
        role: wire::Role,
        /// Whose it is to be; by default the caller's organization.
        #[arg(long)]
        organization: Option<String>,
        /// The account that acts for it.
        #[arg(long)]
        parent: Option<String>,
    },
    /// Print an account.
    Find {
        /// Its id.
        id: String,
    },
    /// Print accounts, a page at a time.
    List {
        /// Of this organization; by default the caller's.
        #[arg(long)]
        organization: Option<String>,
        #[command(flatten)]
        page: Page,
    },
    /// Change an account.
    Update {
        /// Its id.
        id: String,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// A new role.
        #[arg(long, value_parser = word::<wire::Role>)]
        role: Option<wire::Role>,
        /// Stop all of its keys (`true`), or let them work again (`false`).
        #[arg(long)]
        suspended: Option<bool>,
        /// Only at this version.
        #[arg(long)]
        version: Option<u64>,
    },
    /// Give an account a password, or another one.
    Password {
        /// Its id.
        id: String,
        /// What it signs in under; by default what the account is called.
        #[arg(long)]
        login: Option<String>,
        /// The file of the password; by default it is read from standard input. On a command line everyone would see it.
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// Remove an account for ever, and print the receipt's id.
    Remove {
        /// Its id.
        id: String,
        /// What becomes of its keys: `remove_keys`, `transfer_to` or `refuse`.
        #[arg(long, value_parser = word::<wire::KeyPolicy>)]
        policy: wire::KeyPolicy,
        /// The account that gets them.
        #[arg(long)]
        transfer_to: Option<String>,
        /// Only at this version.
        #[arg(long)]
        version: Option<u64>,
    },
}

#[derive(Debug, Subcommand)]
enum OfOrganization {
    /// Create an organization.
    Create {
        /// What it is called.
        name: String,
    },
    /// Print an organization.
    Find {
        /// Its id.
        id: String,
    },
    /// Print organizations, a page at a time.
    List {
        #[command(flatten)]
        page: Page,
    },
    /// Change an organization.
    Update {
        /// Its id.
        id: String,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// Stop all keys below it (`true`), or let them work again (`false`).
        #[arg(long)]
        suspended: Option<bool>,
        /// Stop them, and say why where a dialect has words for it: `payment` or `locked`.
        #[arg(long, conflicts_with = "suspended", value_parser = word::<wire::Hold>)]
        hold: Option<wire::Hold>,
        /// Only at this version.
        #[arg(long)]
        version: Option<u64>,
    },
    /// Remove an organization for ever, with all below it, and print the receipt's id.
    Remove {
        /// Its id.
        id: String,
        /// Only at this version.
        #[arg(long)]
        version: Option<u64>,
    },
}

pub(crate) fn run(account: &Account) -> anyhow::Result<ExitCode> {
    let client = account.remote.client()?;
    super::runtime()?.block_on(of_account(&client, &account.command))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run_organization(organization: &Organization) -> anyhow::Result<ExitCode> {
    let client = organization.remote.client()?;
    super::runtime()?.block_on(of_organization(&client, &organization.command))?;
    Ok(ExitCode::SUCCESS)
}

/// A password, from a file or from standard input, without the line's end.
fn password(file: Option<&Path>) -> anyhow::Result<wire::Secret> {
    let text = match file {
        Some(file) => read_secret(file)?.with_context(|| format!("{}: not there", file.display()))?,
        None => {
            let mut text = Zeroizing::new(String::new());
            std::io::stdin().take(LONGEST).read_to_string(&mut text)?;
            text
        }
    };
    Ok(wire::Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

async fn of_account(client: &Client, command: &OfAccount) -> anyhow::Result<()> {
    match command {
        OfAccount::Create { name, role, organization, parent } => {
            let account = wire::CreateAccount {
                name: name.clone(),
                role: *role,
                organization_id: organization.clone(),
                parent_id: parent.clone(),
            };
            show(&client.create_account(&account).await?)
        }
        OfAccount::Find { id } => show(&client.find_account(id).await?),
        OfAccount::List { organization, page } => {
            let wire::Page { limit, cursor } = page.into();
            let which = wire::ListAccounts { limit, cursor, organization_id: organization.clone() };
            show(&client.list_accounts(&which).await?)
        }
        OfAccount::Update { id, name, role, suspended, version } => {
            let patch = wire::UpdateAccount { name: name.clone(), role: *role, suspended: *suspended };
            show_changed(&client.update_account(id, &patch, *version).await?)
        }
        OfAccount::Password { id, login, file } => {
            let given = wire::SetPassword { password: password(file.as_deref())?, login: login.clone() };
            show_changed(&client.set_password(id, &given).await?)
        }
        OfAccount::Remove { id, policy, transfer_to, version } => {
            let keys = wire::RemoveAccount { policy: *policy, transfer_to: transfer_to.clone() };
            say_removed(&client.remove_account(id, &keys, *version).await?);
            Ok(())
        }
    }
}

async fn of_organization(client: &Client, command: &OfOrganization) -> anyhow::Result<()> {
    match command {
        OfOrganization::Create { name } => show(&client.create_organization(name).await?),
        OfOrganization::Find { id } => show(&client.find_organization(id).await?),
        OfOrganization::List { page } => show(&client.list_organizations(&page.into()).await?),
        OfOrganization::Update { id, name, suspended, hold, version } => {
            let patch = wire::UpdateOrganization { name: name.clone(), suspended: *suspended, hold: *hold };
            show_changed(&client.update_organization(id, &patch, *version).await?)
        }
        OfOrganization::Remove { id, version } => {
            say_removed(&client.remove_organization(id, *version).await?);
            Ok(())
        }
    }
}
