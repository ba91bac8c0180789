//! This file is about `keyward store` and `keyward recover`: looking after a store.

use std::path::Path;
use std::process::ExitCode;

use anyhow::ensure;
use keyward_core::id::Id;
use keyward_core::keyward::{Keyward, Origin};
use keyward_core::seal::{Root, WrappedSlot};
use keyward_core::secret::Secret;
use keyward_store::{Opens, Options, Standing, restore};

use super::serve::options;
use super::{Recover, Store as Command, inside, say};
use crate::config::Config;
use crate::environment::World;
use crate::{Storage, keyfiles};

/// The way out for whoever owns the machine.
pub(crate) const NEW_OWNER: &str = "stop the server and run `keyward recover --new-owner`";

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(file) => check_all(&Config::read(&file.config)?),
        Command::Backup { remote, to, slots, config } => {
            let (records, events, file, has_slots) = if let Some(to) = to {
                let store = open(&Config::read(&config.config)?)?;
                let written = store.backup(to, slots.as_deref())?;
                (written.records, written.events, to.display().to_string(), slots.is_some())
            } else {
                let written = super::runtime()?.block_on(remote.client()?.back_up())?;
                (written.records, written.events, written.file, written.slots.is_some())
            };
            say(&format!("{records} records and {events} events in {file}"));
            if !has_slots {
                say("the slots are not in it: without them nothing in it can be used");
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Restore { config, from, slots } => {
            let config = Config::read(&config.config)?;
            let keys = keyfiles::read(&config)?;
            let roots = keys.roots.read()?;
            let opens = |id: Id, slot: &WrappedSlot| opens(&roots, id, slot);
            let slots: Option<(&Path, Opens<'_>)> =
                slots.as_deref().map(|slots| (slots, &opens as Opens<'_>));
            let read = restore(&config.data, from, slots, &keys.signer.verifier_key())?;
            if read.unopened > 0 {
                say(&format!(
                    "{} slots are from before the last re-rooting and do not open: their keys can only be removed",
                    read.unopened
                ));
            }
            say(&format!(
                "{} records, {} events and {} slots in {}",
                read.records,
                read.events,
                read.slots,
                config.data.display()
            ));
            if slots.is_none() {
                say(&format!("no key in it can be used. To issue new ones: {NEW_OWNER}"));
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Reroot { remote, offline, config } => {
            let (number, slots) = if *offline {
                reroot(&Config::read(&config.config)?)?
            } else {
                let epoch = super::runtime()?.block_on(remote.client()?.reroot())?;
                (epoch.number, epoch.slots)
            };
            let slots = slots.unwrap_or_default();
            say(&format!(
                "epoch {number}: {slots} slots are wrapped under its root, and no older root is left"
            ));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Re-roots a store that no server has open; the epoch and how many slots it has.
fn reroot(config: &Config) -> anyhow::Result<(u32, Option<u64>)> {
    let keys = keyfiles::read(config)?;
    let store = Storage::open(&config.data, keys.signer, options(config))?;
    ensure!(store.standing() == Standing::Ready, "{}", store.standing());
    super::runtime()?.block_on(async {
        let keyward = Keyward::start(store, World::new(keys.roots), keys.pepper, 0).await.map_err(inside)?;
        let epoch = keyward.reroot(None, &Origin::default()).await.map_err(inside)?;
        Ok((epoch.number, epoch.finished.map(|finished| finished.slots)))
    })
}

fn open(config: &Config) -> anyhow::Result<Storage> {
    let keys = keyfiles::read(config)?;
    Ok(Storage::open(&config.data, keys.signer, options(config))?)
}

/// Whether a record's slot opens under one of these roots.
fn opens(roots: &[Root], id: Id, slot: &WrappedSlot) -> bool {
    roots.iter().any(|root| root.epoch() == slot.epoch() && root.unwrap(slot, id).is_ok())
}

fn check_all(config: &Config) -> anyhow::Result<ExitCode> {
    let keys = keyfiles::read(config)?;
    // Without roots everything but the slots can still be checked.
    let roots = keys.roots.read();
    let store = Storage::open(&config.data, keys.signer, options(config))?;
    let opens = |id: Id, slot: &WrappedSlot| roots.as_ref().map_or(true, |roots| opens(roots, id, slot));
    let mut findings: Vec<String> = store.check(&opens)?.iter().map(ToString::to_string).collect();
    if let Err(error) = &roots {
        findings.push(format!("{error:#}: whether slots open was not checked"));
    }
    if store.standing() != Standing::Ready {
        findings.push(store.standing().to_string());
    }
    for finding in &findings {
        say(finding);
    }
    if findings.is_empty() {
        say("nothing is wrong");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

pub(crate) fn recover(recover: &Recover) -> anyhow::Result<ExitCode> {
    let config = Config::read(&recover.config.config)?;
    let is_ready = open(&config)?.standing() == Standing::Ready;
    match (recover.new_owner, is_ready) {
        (false, false) => accept_loss(&config)?,
        (false, true) => say(&format!(
            "this store has everything that its anchor knows of: there is nothing to accept. If no owner has a secret that \
            works: {NEW_OWNER}"
        )),
        (true, true) => new_owner(&config)?,
        (true, false) => anyhow::bail!(
            "this store is locked: put the newest copy back, or run `keyward recover --accept-loss`, which gives the first \
            owner a new secret, too"
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends every key of a store that has lost removals, writes that down, and gives the first owner a new key.
///
/// The anchor is made to agree last: cut short before that, the store is still locked, and this can be run again.
fn accept_loss(config: &Config) -> anyhow::Result<()> {
    let (ended, secret) = end_every_key(config)?;
    let store = open(config)?;
    super::runtime()?.block_on(store.accept_loss())?;
    say(&format!(
        "{ended} keys were ended. The first owner's new secret, shown this once:\n\n    {}",
        secret.expose()
    ));
    Ok(())
}

/// Gives an owner of the first organization a new key: who owns the machine owns the store.
fn new_owner(config: &Config) -> anyhow::Result<()> {
    let keys = keyfiles::read(config)?;
    let store = Storage::open(&config.data, keys.signer, options(config))?;
    let secret = super::runtime()?.block_on(async {
        let keyward = Keyward::start(store, World::new(keys.roots), keys.pepper, 0).await.map_err(inside)?;
        keyward.new_owner().await.map_err(inside)
    })?;
    say(&format!("An owner's new secret, shown this once:\n\n    {}", secret.expose()));
    Ok(())
}

/// Opens the store as if it had no anchor, for it would take no commit, and closes it again.
fn end_every_key(config: &Config) -> anyhow::Result<(u64, Secret)> {
    let keys = keyfiles::read(config)?;
    let store = Storage::open(&config.data, keys.signer, Options { anchor: None, ..options(config) })?;
    super::runtime()?.block_on(async {
        let keyward = Keyward::start(store, World::new(keys.roots), keys.pepper, 0).await.map_err(inside)?;
        keyward.begin_epoch().await.map_err(inside)
    })
}
