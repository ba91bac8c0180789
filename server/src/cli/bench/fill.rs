//! This file is about `keyward bench fill`: a store of many keys, made faster than any client could.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use keyward_core::access::{Identification, NewAccess};
use keyward_core::command::{Answer, Command, Draft, Issue};
use keyward_core::keyward::Origin;
use keyward_core::permit::Verb;
use keyward_core::secret::{Alphabet, Format, Label};

use crate::cli::serve::{log_to_standard_error, options};
use crate::cli::{demo, init, inside, runtime, say};
use crate::config::{Level, Listen};
use crate::environment::World;
use crate::{Storage, keyfiles};

/// How many keys are issued at once.
const UNDER_WAY: usize = 4096;
/// How many keys the sample holds at most.
const SAMPLE: u64 = 100_000;

/// What kind of keys the store is filled with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Secrets of our own format, found by their handle.
    #[default]
    Keyward,
    /// Secrets of another format, found by their digest.
    Foreign,
    /// Badges, found by what a door reads.
    Badge,
}

pub(super) fn run(data: &Path, keys: u64, kind: Kind, sample: &Path) -> anyhow::Result<ExitCode> {
    log_to_standard_error(Level::Warn);
    runtime()?.block_on(fill(data, keys, kind, sample))?;
    say(&format!("{keys} keys in {}", data.display()));
    Ok(ExitCode::SUCCESS)
}

async fn fill(folder: &Path, keys: u64, kind: Kind, sample: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    let config = init::config(&folder, Listen::default());
    let owner = demo::secret(&config, &folder).await?;
    let key_files = keyfiles::read(&config)?;
    let store = Storage::open(&config.data, key_files.signer, options(&config))?;
    let expected = usize::try_from(keys)?;
    let started =
        keyward_core::keyward::Keyward::start(store, World::new(key_files.roots), key_files.pepper, expected);
    let keyward = started.await.map_err(inside)?;
    let permit = keyward.authenticate(owner.expose(), None).and_then(|caller| caller.permit(Verb::Issue));
    let permit = &permit.map_err(inside)?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(sample)?);
    let every = keys.div_ceil(SAMPLE).max(1);
    let mut issued = stream::iter(0..keys)
        .map(|number| {
            let keyward = Arc::clone(&keyward);
            async move {
                let done = keyward.execute(permit, new(kind, number)?, &Origin::default()).await;
                anyhow::Ok((number, done.map_err(inside)?.answer))
            }
        })
        .buffer_unordered(UNDER_WAY);
    while let Some((number, answer)) = issued.try_next().await? {
        if number % every == 0 {
            if let Answer::Issued(_, secret) = answer {
                writeln!(file, "{}", secret.expose())?;
            } else {
                writeln!(file, "{}", badge(number))?;
            }
        }
    }
    Ok(file.flush()?)
}

fn new(kind: Kind, number: u64) -> anyhow::Result<Command> {
    let label = |text| Label::parse(text).ok_or_else(|| anyhow::anyhow!("{text}: no label"));
    let environment = label("live")?;
    let draft = Draft { name: format!("bench-{number}"), ..Draft::default() };
    let format = match kind {
        Kind::Keyward => Format::Keyward(label("kw")?),
        Kind::Foreign => Format::Plain { alphabet: Alphabet::Alphanumeric, public: 0, private: 40, hint: 0 },
        Kind::Badge => {
            return Ok(Command::IssueAccess(Box::new(NewAccess {
                account: None,
                environment,
                protected: false,
                identification: Identification::badge(&badge(number)),
                pin: None,
                levels: Vec::new(),
                person: None,
                draft,
            })));
        }
    };
    Ok(Command::Issue(Box::new(Issue {
        account: None,
        format,
        environment,
        protected: false,
        recoverable: false,
        numbered: false,
        draft,
    })))
}

/// What a door reads of a badge.
fn badge(number: u64) -> String {
    format!("EM:{number}")
}
