//! This file is about PostgreSQL as a program: a database cluster of its own in a folder, reached over TCP.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Signal, geteuid};

use crate::clock;
use crate::process::{self, Process};

/// How long it may take until it lets clients in.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Settings that differ from the defaults. The first two are the defaults and stand here because all depends on
/// them; the last keep the server quiet while others are measured.
const SETTINGS: [&str; 8] = [
    "fsync=on",
    "synchronous_commit=on",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "shared_buffers=512MB",
    "max_wal_size=16GB",
    "checkpoint_timeout=1h",
    "autovacuum=off",
];

/// A running server.
pub(crate) struct Server {
    _process: Process,
    /// Where it listens; its user is `bench` and needs no password.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Makes a database cluster in the folder and starts the server on it.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let data = folder.join("postgres");
        fs::create_dir(&data)?;
        if geteuid().is_root() {
            let (user, group) = postgres_user()?;
            chown(&data, Some(user), Some(group))?;
        }
        let mut init = as_postgres("initdb");
        init.args(["--auth=trust", "--username=bench", "--no-locale", "--encoding=UTF8", "-D"]).arg(&data);
        process::output(&mut init)?;

        let address = process::free_address()?;
        let mut command = as_postgres("postgres");
        command.arg("-D").arg(&data).args(["-p", &address.port().to_string()]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        // SIGINT is the fast shutdown: it does not wait for clients (PostgreSQL manual, 19.5).
        let mut process = Process::start("postgres", command, folder)?.stopped_by(Signal::INT);
        process.wait_for_port(address)?;
        let server = Self { _process: process, address };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// It refuses connections for a moment after it has opened its port.
    fn wait_until_ready(&self) -> Result<()> {
        let deadline = clock::now() + READY_WITHIN;
        while !self.client("pg_isready").arg("--quiet").status()?.success() {
            ensure!(clock::now() < deadline, "PostgreSQL lets nobody in");
            clock::pause(Duration::from_millis(50));
        }
        Ok(())
    }

    /// A client program of PostgreSQL that is about this server.
    pub(crate) fn client(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        let (host, port) = (self.address.ip().to_string(), self.address.port().to_string());
        command.args(["--username", "bench", "--host", &host, "--port", &port]);
        command
    }
}

/// Where a program of PostgreSQL is: Debian keeps them by version, outside the path.
pub(crate) fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.max_by_key(|version| {
        version.file_name().to_str().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0)
    });
    newest.map_or_else(|| PathBuf::from(name), |version| version.path().join("bin").join(name))
}

/// A program of PostgreSQL, under the user `postgres` when we are root, as which it refuses to run. Should we be
/// killed, it gets its fast shutdown too: killed itself, it would leave a segment of shared memory behind.
fn as_postgres(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=INT");
    if geteuid().is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    // Where we stand may be closed to that user.
    command.arg(program(name)).current_dir("/");
    command
}

/// The ids of the user and the group `postgres`.
fn postgres_user() -> Result<(u32, u32)> {
    let id = |option: &str| -> Result<u32> {
        let printed = process::output(Command::new("id").args([option, "postgres"]))?;
        printed.trim().parse().context("id prints no number")
    };
    Ok((id("-u")?, id("-g")?))
}
