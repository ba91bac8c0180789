//! This file is about commands that a running server carries out: where it is, whose secret is shown, and how
//! answers are printed.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use keyward_client::{Client, wire};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::say;

/// The longest body, in bytes.
const LONGEST: u64 = 1 << 20;

/// Which server, and who asks.
#[derive(Clone, Debug, Args)]
pub(crate) struct Remote {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8080", env = "KEYWARD_URL", global = true)]
    url: String,
    /// The file of the secret to sign in with. A secret on a command line would be seen by everyone.
    #[arg(long, env = "KEYWARD_SECRET_FILE", default_value = "owner.secret", global = true)]
    secret_file: PathBuf,
    /// The file of a certificate authority (PEM), for a server whose certificate nobody else vouches for.
    #[arg(long, env = "KEYWARD_CA_FILE", global = true)]
    ca_file: Option<PathBuf>,
}

impl Remote {
    /// The client for it.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let text = std::fs::read_to_string(&self.secret_file)
            .map(Zeroizing::new)
            .with_context(|| format!("{}", self.secret_file.display()))?;
        let secret = wire::Secret::new(text.trim().to_owned());
        Ok(match &self.ca_file {
            Some(file) => Client::with_ca_file(&self.url, &secret, file)?,
            None => Client::new(&self.url, &secret)?,
        })
    }
}

/// Which page of a list.
#[derive(Debug, Args)]
pub(crate) struct Page {
    /// At most so many.
    #[arg(long)]
    limit: Option<u32>,
    /// From where the last page ended.
    #[arg(long)]
    cursor: Option<String>,
}

impl From<&Page> for wire::Page {
    fn from(page: &Page) -> Self {
        Self { limit: page.limit, cursor: page.cursor.clone() }
    }
}

/// Prints an answer.
pub(crate) fn show(answer: &impl Serialize) -> anyhow::Result<()> {
    say(&serde_json::to_string_pretty(answer)?);
    Ok(())
}

/// Prints what something has become, and warns of whoever goes on as if nothing had been taken from it.
pub(crate) fn show_changed(changed: &wire::Changed<impl Serialize>) -> anyhow::Result<()> {
    show(changed)?;
    warn_of(&changed.uncovered);
    Ok(())
}

/// Prints the receipt's id of what was removed, and warns as well.
pub(crate) fn say_removed(receipt: &wire::Changed<String>) {
    say(receipt);
    warn_of(&receipt.uncovered);
}

/// Warns of verifiers that may go on accepting what was taken away. It is done all the same, so the status is that of success.
#[expect(clippy::print_stderr, reason = "the command line talks to people")]
pub(crate) fn warn_of(uncovered: &[String]) {
    if !uncovered.is_empty() {
        eprintln!(
            "keyward: done, but these verifiers may go on accepting what was taken away, until they have heard of it: {}",
            uncovered.join(", ")
        );
    }
}

/// Reads what the API takes as a body: a JSON object, or the name of a file with one, or `-` for standard input.
pub(crate) fn document<T: DeserializeOwned>(given: &str) -> anyhow::Result<T> {
    let mut text = Zeroizing::new(String::new());
    if given.trim_start().starts_with('{') {
        text.push_str(given);
    } else if given == "-" {
        std::io::stdin().take(LONGEST).read_to_string(&mut text)?;
    } else {
        let file = std::fs::File::open(given).with_context(|| given.to_owned())?;
        file.take(LONGEST).read_to_string(&mut text).with_context(|| given.to_owned())?;
    }
    serde_json::from_str(&text).context("what is given")
}

/// Reads a word of the API (a role, a reason, ...) as the API does.
pub(crate) fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|error| error.to_string())
}

/// A value, as the API writes it.
pub(crate) fn json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
