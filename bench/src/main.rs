//! This file is about the command `keyward-bench`: it measures Keyward beside its floors and its peers, in one run on
//! one machine, and writes `docs/speed.md`. `bench/run` installs what it needs and starts it.
//!
//! Everything stays on loopback and in a scratch folder, and is bounded in time and in number.

#![expect(clippy::print_stdout, reason = "the report is what this program is for")]
#![expect(clippy::print_stderr, reason = "what is going on is told beside the report")]

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand};

mod clock;
mod keyward;
mod load;
mod machine;
mod measure;
mod partition;
mod peers;
mod process;
mod report;
mod scenarios;
mod verifiers;

use machine::Machine;
use report::Report;
use scenarios::{Bench, Plan, Scenario, progress};

/// The core that servers are pinned to when they are.
const SERVER_CORE: usize = 0;

/// The core that the load generator is pinned to then.
const LOAD_CORE: usize = 1;

/// Measures Keyward beside its floors and its peers.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Short runs on small stores, only to see that everything works; no figures to judge by.
    #[arg(long)]
    quick: bool,
    /// Only these scenarios, for example `a,c`.
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<Scenario>,
    /// The program to measure; by default the `keyward` beside this one. Without it, floors and peers only.
    #[arg(long)]
    keyward: Option<PathBuf>,
    /// Write the report to this file as well.
    #[arg(long)]
    out: Option<PathBuf>,
    /// A date to put into the report.
    #[arg(long)]
    date: Option<String>,
    /// A folder on a disk for all that is written meanwhile.
    #[arg(long, default_value = "/var/tmp")]
    scratch: PathBuf,
    /// The folder of the peers that are written for Node.js, after `npm ci`.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/window-peers"))]
    node_peers: PathBuf,
    /// How many removals the verifiers are tried with, instead of so many as take a few minutes.
    #[arg(long)]
    trials: Option<usize>,
    #[command(subcommand)]
    child: Option<Child>,
}

/// What this program does as its own child.
#[derive(Subcommand)]
enum Child {
    /// Answer every HTTP request with 204.
    #[command(name = "axum-204", hide = true)]
    Axum204 {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Send back what comes in.
    #[command(hide = true)]
    Echo {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Let only requests pass whose key a verifier accepts.
    #[command(hide = true)]
    Gateway {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
        /// The server.
        #[arg(long)]
        url: String,
        /// The file of the secret to join with.
        #[arg(long)]
        secret_file: PathBuf,
    },
    /// Sign and encrypt with keys at hand.
    #[command(hide = true)]
    Library {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Make and destroy keys in a token.
    #[command(hide = true)]
    SoftHsm {
        /// How many.
        #[arg(long)]
        count: u64,
    },
    /// Verify with so many verifiers, as standard input says.
    #[command(hide = true)]
    Verifiers {
        /// The server.
        #[arg(long)]
        url: String,
        /// What their names begin with.
        #[arg(long)]
        name: String,
        /// How many.
        #[arg(long)]
        count: usize,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.child {
        Some(Child::Axum204 { listen }) => peers::axum_204::serve(listen),
        Some(Child::Echo { listen }) => peers::echo::serve(listen),
        Some(Child::Gateway { listen, url, secret_file }) => {
            verifiers::gateway::serve(listen, &url, &secret_file)
        }
        Some(Child::Library { listen }) => peers::library::serve(listen),
        Some(Child::SoftHsm { count }) => peers::softhsm::serve(count),
        Some(Child::Verifiers { url, name, count }) => verifiers::child::serve(&url, &name, count),
        None => measure(arguments),
    }
}

fn measure(arguments: Arguments) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("keyward-bench-").tempdir_in(&arguments.scratch)?;
    // PostgreSQL may run under a user of its own, who has to reach its folder in here.
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755))?;
    let machine = Machine::look(scratch.path())?;
    let plan = if arguments.quick { Plan::QUICK } else { Plan::FULL };
    let bench = Bench {
        plan: Plan { trials: arguments.trials.unwrap_or(plan.trials), ..plan },
        keyward: keyward_program(arguments.keyward)?,
        scratch: scratch.path().to_owned(),
        node_peers: arguments.node_peers,
    };
    let scenarios = if arguments.only.is_empty() { Scenario::ALL.to_vec() } else { arguments.only };
    let mut sections = Vec::new();
    for scenario in scenarios {
        let section = scenario.run(&bench).with_context(|| format!("scenario {scenario:?}"))?;
        println!("{}", section.markdown());
        sections.push(section);
    }
    let plan = match arguments.quick {
        true => {
            "**A quick run: it shows that everything works, its figures are not to judge by.**".to_owned()
        }
        false => format!("{} rounds, {} s a run.", bench.plan.rounds, bench.plan.seconds),
    };
    let text = Report { machine, date: arguments.date, plan, sections }.markdown();
    match arguments.out {
        Some(out) => write(&out, &text),
        None => Ok(()),
    }
}

/// The program to measure: the one that was named, which has to be there, or the one beside us, if there is one.
fn keyward_program(named: Option<PathBuf>) -> Result<Option<PathBuf>> {
    if let Some(program) = named {
        ensure!(program.is_file(), "{} is not there", program.display());
        return Ok(Some(fs::canonicalize(program)?));
    }
    let beside = std::env::current_exe()?.with_file_name("keyward");
    Ok(beside.is_file().then_some(beside))
}

fn write(out: &Path, text: &str) -> Result<()> {
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(out, text).with_context(|| format!("{} cannot be written", out.display()))?;
    progress(&format!("written: {}", out.display()));
    Ok(())
}
