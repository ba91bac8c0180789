//! This file is about `keyward access-level`: what doors are of, from a terminal.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use keyward_client::{Client, wire};

use super::remote::{Page, Remote, show};
use super::say;

/// `keyward access-level`.
#[derive(Debug, Args)]
pub(crate) struct AccessLevel {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create an access level.
    Create {
        /// What it is called.
        name: String,
        /// The name of the verifier that controls its doors.
        #[arg(long)]
        verifier: Option<String>,
        /// Whose it is to be; by default the caller's account.
        #[arg(long)]
        account: Option<String>,
    },
    /// Print an access level.
    Find {
        /// Its id.
        id: String,
    },
    /// Print access levels, a page at a time.
    List {
        /// Of this account; by default all of the caller's organization.
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        page: Page,
    },
    /// Change an access level.
    Update {
        /// Its id.
        id: String,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// The name of the verifier that controls its doors; empty for none.
        #[arg(long)]
        verifier: Option<String>,
        /// Only at this version.
        #[arg(long)]
        version: Option<u64>,
    },
    /// Remove an access level for ever, so that it opens nothing, whatever keys name it; print the receipt's id.
    Remove {
        /// Its id.
        id: String,
        /// Only at this version.
        #[arg(long)]
        version: Option<u64>,
    },
}

pub(crate) fn run(level: &AccessLevel) -> anyhow::Result<ExitCode> {
    let client = level.remote.client()?;
    super::runtime()?.block_on(carry_out(&client, &level.command))?;
    Ok(ExitCode::SUCCESS)
}

async fn carry_out(client: &Client, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Create { name, verifier, account } => {
            let level = wire::CreateAccessLevel {
                name: name.clone(),
                verifier: verifier.clone(),
                account_id: account.clone(),
            };
            show(&client.create_access_level(&level).await?)
        }
        Command::Find { id } => show(&client.find_access_level(id).await?),
        Command::List { account, page } => {
            let wire::Page { limit, cursor } = page.into();
            let which = wire::ListAccessLevels { limit, cursor, account_id: account.clone() };
            show(&client.list_access_levels(&which).await?)
        }
        Command::Update { id, name, verifier, version } => {
            let verifier = verifier.clone().map(|name| Some(name).filter(|name| !name.is_empty()));
            let patch = wire::UpdateAccessLevel { name: name.clone(), verifier };
            show(&client.update_access_level(id, &patch, *version).await?)
        }
        Command::Remove { id, version } => {
            say(&client.remove_access_level(id, *version).await?);
            Ok(())
        }
    }
}
