//! This file is about `keyward receipt check`: what anyone can do with a receipt and the log's public key.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use keyward_core::id::{AccountId, EpochId, Id, KeyId, OrganizationId, RemovalId, ResourceId};
use keyward_log::{Leaf, Receipt};

use super::{Receipt as Command, say};
use crate::keyfiles;

/// The longest file that is looked at, in bytes.
const LONGEST: u64 = 1 << 20;

pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Check { file, key } = command;
    let receipt: Receipt = read(file)?.parse().with_context(|| format!("{}", file.display()))?;
    let key = keyfiles::read_public(key)?;
    let origin = key.name().to_string();
    for entry in receipt.check(&key, &origin).with_context(|| format!("{}: NOT VALID", file.display()))? {
        say(&format!("valid: event {} of {} in {origin}", entry.index(), entry.checkpoint().size()));
        say(&format!("  {}", entry.leaf()));
        for opening in entry.openings() {
            let id = Id::from_bits(u128::from_be_bytes(opening.id));
            say(&format!("  {} is {}", opening.commitment(), named(entry.leaf(), id)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a leaf is about, as everything else prints it.
fn named(leaf: &Leaf, id: Id) -> String {
    let subject = leaf.as_str().split([' ', '.']).nth(1).unwrap_or_default();
    match subject {
        "account" => AccountId::from(id).to_string(),
        "organization" => OrganizationId::from(id).to_string(),
        "resource" => ResourceId::from(id).to_string(),
        "epoch" => EpochId::from(id).to_string(),
        "removal" => RemovalId::from(id).to_string(),
        "key" => KeyId::from(id).to_string(),
        // The log's own events, and those of its terms, are about nothing that has an id elsewhere.
        own => format!("the {own}'s own"),
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(LONGEST).read_to_string(&mut text)?;
    } else {
        let opened = std::fs::File::open(file).with_context(|| format!("{}", file.display()))?;
        opened.take(LONGEST).read_to_string(&mut text).with_context(|| format!("{}", file.display()))?;
    }
    Ok(text)
}
