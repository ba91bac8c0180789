//! This file is about `keyward bench fill`: a store of many keys, made faster than any client could.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use keyward_core::command::{Answer, Command, Draft, Issue};
use keyward_core::keyward::Origin;
use keyward_core::permit::Verb;
use keyward_core::secret::{Format, Label, Secret};

use crate::cli::serve::{log_to_standard_error, options};
use crate::cli::{demo, init, inside, runtime, say};
use crate::config::{Level, Listen};
use crate::environment::World;
use crate::{Storage, keyfiles};

/// How many keys are issued at once.
const UNDER_WAY: usize = 4096;
/// How many secrets the sample holds at most.
const SAMPLE: u64 = 100_000;

pub(super) fn run(data: &Path, keys: u64, sample: &Path) -> anyhow::Result<ExitCode> {
    log_to_standard_error(Level::Warn);
    runtime()?.block_on(fill(data, keys, sample))?;
    say(&format!("{keys} keys in {}", data.display()));
    Ok(ExitCode::SUCCESS)
}

async fn fill(folder: &Path, keys: u64, sample: &Path) -> anyhow::Result<()> {
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
                let issue = Command::Issue(Box::new(issue(number)?));
                let answer = keyward.execute(permit, issue, &Origin::default()).await.map_err(inside)?;
                anyhow::Ok((number, answer))
            }
        })
        .buffer_unordered(UNDER_WAY);
    while let Some((number, answer)) = issued.try_next().await? {
        if let Answer::Issued(_, secret) = answer
            && number % every == 0
        {
            write_line(&mut file, &secret)?;
        }
    }
    Ok(file.flush()?)
}

fn write_line(file: &mut impl std::io::Write, secret: &Secret) -> anyhow::Result<()> {
    Ok(writeln!(file, "{}", secret.expose())?)
}

fn issue(number: u64) -> anyhow::Result<Issue> {
    let label = |text| Label::parse(text).ok_or_else(|| anyhow::anyhow!("{text}: no label"));
    Ok(Issue {
        account: None,
        format: Format::Keyward(label("kw")?),
        environment: label("live")?,
        protected: false,
        recoverable: false,
        draft: Draft { name: format!("bench-{number}"), ..Draft::default() },
    })
}
