//! This file is about the command line: what can be said, and who does it.

pub(crate) mod access_level;
pub(crate) mod account;
pub(crate) mod bench;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod encedo;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod log;
pub(crate) mod receipt;
pub(crate) mod remote;
pub(crate) mod serve;
pub(crate) mod store;
pub(crate) mod verifier;

use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::thread::CapabilitySet;

/// A key server: issues keys, checks them, and removes them for good.
#[derive(Debug, Parser)]
#[command(name = "keyward", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new store with its keys, its first organization and owner, and print and keep the owner's secret.
    Init(Init),
    /// Serve.
    Serve(ConfigFile),
    /// Serve a throw-away store with everything set up, and print what to try.
    Demo(Demo),
    /// Issue, find, change, verify and remove keys on a running server.
    Key(key::Key),
    /// Create, find, change and remove accounts on a running server.
    Account(account::Account),
    /// Create, find, change and remove organizations on a running server.
    Organization(account::Organization),
    /// Create, find, change and remove what doors are of, on a running server.
    AccessLevel(access_level::AccessLevel),
    /// Look at who accepts keys of a running server in its place.
    Verifier(verifier::Verifier),
    /// Read the log of a running server, and check all of it.
    Log(log::Log),
    /// Speak to a unit of Encedo HEM.
    #[command(subcommand)]
    Encedo(encedo::Encedo),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Look at receipts, offline.
    #[command(subcommand)]
    Receipt(Receipt),
    /// Look after a store.
    #[command(subcommand)]
    Store(Store),
    /// Measure how long removed keys are accepted; prepare what other measurements need.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Accept that a restored store has lost removals: ends every key that it holds, and unlocks it.
    Recover(Recover),
}

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file.
    #[arg(long, default_value = "keyward.toml", env = "KEYWARD_CONFIG")]
    pub(crate) config: PathBuf,
}

/// What to make.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder to make it in; it gets `keyward.toml`, `owner.secret`, `data`, `keys` and `anchor`.
    #[arg(long, default_value = ".")]
    pub(crate) folder: PathBuf,
    /// What the first organization is called.
    #[arg(long, default_value = "default")]
    pub(crate) organization: String,
    /// What the first owner is called.
    #[arg(long, default_value = "owner")]
    pub(crate) owner: String,
    /// The name of the log, which receipts carry; by custom a host name and a path of one's own.
    #[arg(long, default_value = "keyward.example/log")]
    pub(crate) log_name: String,
    /// Where to listen for plain HTTP.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// The name of a systemd credential to wrap the roots under.
    #[arg(long, conflicts_with = "pkcs11")]
    pub(crate) credential: Option<String>,
    /// The PKCS#11 token to wrap the roots in.
    #[command(flatten)]
    pub(crate) pkcs11: Option<crate::config::Pkcs11>,
    /// A file of organizations, accounts and credentials that are to be there. Given again for a folder that was made
    /// before, it adds what is missing and changes nothing else; no server may have the store open then.
    #[arg(long)]
    pub(crate) bootstrap: Option<PathBuf>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How to show it.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Print exactly one JSON line once it is ready, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to listen for plain HTTP.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Where to listen for TLS.
    #[arg(long, default_value = "127.0.0.1:8443")]
    pub(crate) listen_tls: SocketAddr,
    /// Keep the store in this folder, and start from it again; without it, it is thrown away at the end.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Read it, say what is wrong with it, and print what is in force.
    Check(ConfigFile),
}

/// What to do with receipts.
#[derive(Debug, Subcommand)]
pub(crate) enum Receipt {
    /// Check a receipt against the public key of the log; needs no server and no network.
    Check {
        /// The receipt, or `-` for standard input.
        file: PathBuf,
        /// The file of the log's public key (`log.pub`).
        #[arg(long)]
        key: PathBuf,
    },
}

/// What to do with a store.
#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Read all of it and say what is damaged.
    Check(ConfigFile),
    /// Write records and log to one file. Slots are not in it: without them nothing in it can be used.
    ///
    /// Without `--to` the running server does it and goes on serving, into the folders that its configuration names (`[backups]`);
    /// it takes the secret of an operator's owner. With it, this process does, of a store that no server has open.
    Backup {
        #[command(flatten)]
        remote: remote::Remote,
        /// The file to write here, of the stopped store that `--config` names.
        #[arg(long)]
        to: Option<PathBuf>,
        /// Also write the slots, to a file of their own. It is as secret as the store itself.
        #[arg(long, requires = "to")]
        slots: Option<PathBuf>,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Put a backup into an empty data folder.
    Restore {
        #[command(flatten)]
        config: ConfigFile,
        /// The file to read.
        #[arg(long)]
        from: PathBuf,
        /// The file of the slots.
        #[arg(long)]
        slots: Option<PathBuf>,
    },
    /// Wrap every slot under a new root and destroy the old one: from then on every older copy of the slots, in backups,
    /// snapshots or a thief's hands, is noise. A server does the same by itself, by time and by count (`[roots]` in the
    /// configuration).
    ///
    /// Without `--offline` the running server does it and goes on serving; it takes the secret of an operator's owner.
    /// With it, this process does, on a store that no server has open.
    Reroot {
        #[command(flatten)]
        remote: remote::Remote,
        /// Do it here, on the stopped store that `--config` names.
        #[arg(long)]
        offline: bool,
        #[command(flatten)]
        config: ConfigFile,
    },
}

/// What to recover from.
#[derive(Debug, Args)]
pub(crate) struct Recover {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// Say that you know that removals may be lost, and that every key in this store will end for that.
    #[arg(long, required_unless_present = "new_owner", conflicts_with = "new_owner")]
    pub(crate) accept_loss: bool,
    /// Give an owner of the first organization a new secret, because nobody has one that works: the last one was removed,
    /// or the store was restored without its slots. Nothing else changes.
    #[arg(long)]
    pub(crate) new_owner: bool,
}

/// What a shell says of a program that wrote to a pipe that nobody reads any more: 128, and the number of that signal.
const PIPE: i32 = 141;

/// Writes a line to standard output. Where nobody reads it any more, as behind `head`, that is the end.
pub(crate) fn say(line: &str) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{line}") {
        if error.kind() != ErrorKind::BrokenPipe {
            complain(&error.into());
        }
        std::process::exit(PIPE);
    }
}

/// Says why a command failed.
#[expect(clippy::print_stderr, reason = "the command line talks to people")]
pub(crate) fn complain(error: &anyhow::Error) {
    eprintln!("keyward: {error:#}");
}

/// The runtime: as many threads as there are cores to use.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Says an error of the core to whoever runs the program; both halves, for it is their own server.
pub(crate) fn inside(error: keyward_core::error::Error) -> anyhow::Error {
    use keyward_core::error::Error;
    match error {
        Error::Internal { inside } | Error::Unavailable { inside } => anyhow::anyhow!(inside),
        other @ (Error::Anonymous
        | Error::BadCredential
        | Error::OnHold(_)
        | Error::Forbidden
        | Error::NotFound
        | Error::Gone(_)
        | Error::Invalid { .. }
        | Error::Malformed(_)
        | Error::BadHead { .. }
        | Error::HeadTooLarge
        | Error::Stale
        | Error::Taken { .. }
        | Error::WrongState { .. }
        | Error::Protected
        | Error::Rejected
        | Error::PlanChanged
        | Error::IdempotencyMismatch
        | Error::TooLarge { .. }
        | Error::NoRoute
        | Error::WrongMethod { .. }
        | Error::UnsupportedType { .. }
        | Error::Slow { .. }
        | Error::Guessed { .. }
        | Error::TimedOut
        | Error::Locked) => anyhow::anyhow!("{other:?}"),
    }
}

/// Keeps to itself what it has: files that others may not read, no core image on disk, and no other process of the same
/// user that looks into its memory.
pub(crate) fn keep_private() {
    // The store, its backups and the copies of slots are made by libraries, with what the system allows.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    // A system that refuses has nothing to offer instead; the allocator wipes what is given back either way.
    let _ = rlimit::setrlimit(rlimit::Resource::CORE, 0, 0);
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    // Where nothing limits it, nothing is swapped out either. Below a limit, the next allocation past it would fail.
    if may_lock_all_memory() {
        let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT);
    }
}

/// Whether nothing limits how much memory may be locked: there is no limit, or it is not for this process (`mlock(2)`).
fn may_lock_all_memory() -> bool {
    let limit = rlimit::getrlimit(rlimit::Resource::MEMLOCK);
    let held = rustix::thread::capabilities(None);
    limit.is_ok_and(|(soft, _)| soft == rlimit::INFINITY)
        || held.is_ok_and(|held| held.effective.contains(CapabilitySet::IPC_LOCK))
}

/// Every connection is a descriptor: asks the system for as many as it gives.
pub(crate) fn raise_descriptor_limit() {
    // What cannot be raised stays as it is; connections above it wait.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}

/// Writes a secret to a file that only its owner may read.
pub(crate) fn write_secret(
    file: &std::path::Path,
    secret: &keyward_core::secret::Secret,
) -> anyhow::Result<()> {
    crate::keyfiles::write_new(file, secret.expose().as_bytes(), 0o600)
}
