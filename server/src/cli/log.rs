//! This file is about `keyward log`: reading the log, and checking all of it against its public key.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use keyward_client::{Client, wire};
use keyward_log::{Checkpoint, Note, Tile, TileKind, Tree, parse_entry_bundle};

use super::remote::{Remote, show};
use super::say;
use crate::keyfiles;

/// `keyward log`.
#[derive(Debug, Args)]
pub(crate) struct Log {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read every entry, rebuild the tree, and hold it against the signed checkpoint.
    Verify {
        /// The file of the log's public key (`log.pub`).
        #[arg(long)]
        key: PathBuf,
    },
    /// Print the newest checkpoint.
    Checkpoint,
    /// Print events, oldest first.
    Events {
        /// After this position.
        #[arg(long)]
        after: Option<u64>,
        /// At most so many, to 500; `next_cursor` is where more of them begin.
        #[arg(long, default_value_t = 500, conflicts_with = "follow")]
        limit: u32,
        /// Go on as they happen.
        #[arg(long)]
        follow: bool,
    },
}

pub(crate) fn run(log: &Log) -> anyhow::Result<ExitCode> {
    let client = log.remote.client()?;
    super::runtime()?.block_on(async {
        match &log.command {
            Command::Verify { key } => verify(&client, key).await?,
            Command::Checkpoint => say(client.checkpoint().await?.trim_end()),
            Command::Events { after, limit, follow: false } => {
                let which = wire::ListEvents { after: *after, limit: Some(*limit) };
                show(&client.list_events(&which).await?)?;
            }
            Command::Events { after, follow: true, .. } => {
                let mut events = client.follow_events(*after).await?;
                while let Some(event) = events.next().await? {
                    say(&serde_json::to_string(&event)?);
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn verify(client: &Client, key: &Path) -> anyhow::Result<()> {
    let key = keyfiles::read_public(key)?;
    let note: Note = client.checkpoint().await?.parse().context("the checkpoint")?;
    let checkpoint =
        Checkpoint::open(&note, &key, key.name().as_str()).context("the checkpoint: NOT VALID")?;
    let mut tree = Tree::new();
    while tree.size() < checkpoint.size() {
        let width = (checkpoint.size() - tree.size()).min(u64::from(Tile::FULL_WIDTH));
        let tile = Tile::new(
            TileKind::Entries,
            tree.size() / u64::from(Tile::FULL_WIDTH),
            u16::try_from(width).unwrap_or(Tile::FULL_WIDTH),
        )?;
        let bytes = client.tile(&tile.to_string()).await?;
        for leaf in parse_entry_bundle(&bytes, tile.width()).with_context(|| format!("{tile}: NOT VALID"))? {
            tree.append(leaf.hash());
        }
    }
    ensure!(
        tree.root() == *checkpoint.root(),
        "NOT VALID: the entries do not lead to the root that the checkpoint signs"
    );
    say(&format!("valid: {} events in {}", checkpoint.size(), checkpoint.origin()));
    Ok(())
}
