//! This file is about `keyward bench window`: for how long a removed key goes on being accepted, seen from outside.
//!
//! In each trial a key is made and asked for without pause by several askers; it is removed; and every ask that *began* after
//! the removal was answered and was accepted all the same counts. A second key, the control, is never removed: it has to be
//! accepted at the end of each trial, or else nothing was learnt, because a system that is down refuses everything.

mod report;
mod system;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use self::report::{Row, Trial};
use self::system::{Made, System};
use self::watch::{Patience, Watch};
use super::super::{runtime, say};

/// How to reach the system, and how long to look.
///
/// All commands are run by `sh -c`. `{key}` stands for the last word that the create command printed, `{id}` for the first word
/// of that line. They stand on command lines, which others on this machine can read: measure with keys that open nothing.
#[derive(Debug, Args)]
pub(crate) struct Window {
    /// Makes a key and prints it.
    #[arg(long, value_name = "COMMAND")]
    create: String,
    /// Makes the control, for systems whose keys end by themselves: one that outlives the measurement. By default the same.
    #[arg(long, value_name = "COMMAND")]
    control: Option<String>,
    /// Presents a key; status 0 says that it was accepted.
    #[arg(long, value_name = "COMMAND", required_unless_present = "verify_url")]
    verify: Option<String>,
    /// Presents a key with `GET` to this http:// address instead; a status of 200 to 299 says that it was accepted. Asks much
    /// more often than a command can.
    #[arg(long, value_name = "URL", conflicts_with = "verify")]
    verify_url: Option<String>,
    /// A header field of that request, `Name: value`; may be given more than once.
    #[arg(long, value_name = "FIELD", requires = "verify_url")]
    verify_header: Vec<String>,
    /// Removes a key, and ends when that was answered.
    #[arg(long, value_name = "COMMAND")]
    remove: String,
    /// Restarts the system. With it, trials are made in which it is restarted after the removal.
    #[arg(long, value_name = "COMMAND")]
    restart: Option<String>,
    /// Backs the system up.
    #[arg(long, value_name = "COMMAND", requires = "restore")]
    backup: Option<String>,
    /// Puts the backup back. With it, trials are made in which a backup from before the removal is put back after it.
    #[arg(long, value_name = "COMMAND", requires = "backup")]
    restore: Option<String>,
    /// How many trials of each sort.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    trials: u32,
    /// How many ask at once.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=256))]
    askers: u32,
    /// A trial ends when nothing was accepted for so many seconds. Longer than the time for which the system might change its
    /// mind.
    #[arg(long, default_value = "1", value_name = "SECONDS", value_parser = seconds)]
    quiet: Duration,
    /// A trial ends after so many seconds even if the key is still accepted.
    #[arg(long, default_value = "120", value_name = "SECONDS", value_parser = seconds)]
    limit: Duration,
    /// How many seconds a command, or the system's return, may take.
    #[arg(long, default_value = "60", value_name = "SECONDS", value_parser = seconds)]
    patience: Duration,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// What happens after a removal, before the key is asked for the last time.
enum Then<'a> {
    Nothing,
    Restart(&'a str),
    /// With the command that made the backup.
    Restore(&'a str, &'a str),
}

pub(super) fn run(window: &Window) -> anyhow::Result<ExitCode> {
    let rows = runtime()?.block_on(measure(window))?;
    say(&if window.json { report::json(&rows)? } else { report::table(&rows) });
    Ok(ExitCode::SUCCESS)
}

async fn measure(window: &Window) -> anyhow::Result<Vec<Row>> {
    let system = Arc::new(System::new(window)?);
    let control = system.create(window.control.as_ref().unwrap_or(&window.create)).await?;
    anyhow::ensure!(system.comes_to_accept(&control).await, "a new key was never accepted");
    let mut rows = vec![row(window, &system, &control, "the removal", &Then::Nothing).await?];
    if let Some(restart) = &window.restart {
        rows.push(row(window, &system, &control, "a restart", &Then::Restart(restart)).await?);
    }
    if let (Some(backup), Some(restore)) = (&window.backup, &window.restore) {
        rows.push(row(window, &system, &control, "a restore", &Then::Restore(backup, restore)).await?);
    }
    Ok(rows)
}

async fn row(
    window: &Window,
    system: &Arc<System>,
    control: &Made,
    after: &'static str,
    then: &Then<'_>,
) -> anyhow::Result<Row> {
    let mut trials = Vec::new();
    for _ in 0..window.trials {
        let trial = trial(window, system, control, then).await?;
        let is_lost = !trial.is_back;
        trials.push(trial);
        if is_lost {
            // A system that does not come back cannot be asked for a further key.
            break;
        }
    }
    Ok(Row::of(after, &trials))
}

async fn trial(
    window: &Window,
    system: &Arc<System>,
    control: &Made,
    then: &Then<'_>,
) -> anyhow::Result<Trial> {
    let made = Arc::new(system.create(&window.create).await?);
    anyhow::ensure!(system.comes_to_accept(&made).await, "a new key was never accepted");
    match then {
        Then::Nothing | Then::Restart(_) => {}
        Then::Restore(backup, _) => system.carry_out(backup, &made).await?,
    }
    let patience = Patience { quiet: window.quiet, limit: window.limit };
    let mut watch = Watch::start(system, &made, window.askers, patience);
    system.carry_out(&window.remove, &made).await?;
    watch.removal_was_answered();
    match then {
        Then::Nothing => {}
        Then::Restart(command) | Then::Restore(_, command) => system.carry_out(command, &made).await?,
    }
    let is_back = system.comes_to_accept(control).await;
    let seen = watch.end().await?;
    Ok(Trial { seen, is_back: is_back && system.comes_to_accept(control).await })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
