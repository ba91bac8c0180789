//! This file is about PostgreSQL over TCP: a removal is one statement that deletes the key and inserts a line into
//! the audit table, prepared beforehand, and so one transaction and one round trip, the best it can do.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use rustix::process::{Signal, geteuid};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, Statement};

use crate::load::{self, Turns};
use crate::measure::Reading;
use crate::peers::{RECORD_BYTES, Removes};
use crate::process::{self, Process};

/// The statement that removes a key.
const REMOVE: &str = "WITH gone AS (DELETE FROM keys WHERE id = $1 RETURNING id) \
                      INSERT INTO audit (key_id, event) SELECT id, 'removed' FROM gone";

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

/// A running server and how to reach it.
pub(crate) struct Postgres {
    _process: Process,
    options: String,
    runtime: Runtime,
    /// The prepared keys that have not been handed out: from here, so many.
    fresh: (i64, usize),
}

impl Postgres {
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
        let options = format!("host=127.0.0.1 port={} user=bench dbname=postgres", address.port());
        let postgres = Self { _process: process, options, runtime: load::runtime()?, fresh: (0, 0) };
        postgres.runtime.block_on(async {
            let client = postgres.connect().await?;
            let tables = "CREATE TABLE keys (id bigint PRIMARY KEY, record bytea NOT NULL);
                          CREATE TABLE audit (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                              key_id bigint NOT NULL, event text NOT NULL, at timestamptz DEFAULT now());";
            client.batch_execute(tables).await.context("no tables")
        })?;
        Ok(postgres)
    }

    async fn connect(&self) -> Result<Client> {
        // The server refuses connections for a moment after it has opened its port.
        let mut attempts = 0;
        let (client, connection) = loop {
            match tokio_postgres::connect(&self.options, NoTls).await {
                Ok(connected) => break connected,
                Err(error) if attempts == 100 => return Err(error).context("PostgreSQL lets nobody in"),
                Err(_) => crate::clock::pause(Duration::from_millis(100)),
            }
            attempts += 1;
        };
        tokio::spawn(connection);
        Ok(client)
    }

    async fn client(&self) -> Result<(Client, Statement)> {
        let client = self.connect().await?;
        let statement = client.prepare(REMOVE).await?;
        Ok((client, statement))
    }
}

impl Removes for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn prepare(&mut self, count: usize) -> Result<()> {
        let first = self.fresh.0 + i64::try_from(self.fresh.1)?;
        let last = first + i64::try_from(count)? - 1;
        let record = "5a".repeat(RECORD_BYTES);
        self.runtime.block_on(async {
            let fill = format!(
                "INSERT INTO keys SELECT id, '\\x{record}' FROM generate_series({first}, {last}) AS id;
                 VACUUM ANALYZE keys; CHECKPOINT;"
            );
            let client = self.connect().await?;
            for statement in fill.split(';').filter(|statement| !statement.trim().is_empty()) {
                client.execute(statement, &[]).await?;
            }
            anyhow::Ok(())
        })?;
        self.fresh = (first, count);
        Ok(())
    }

    fn remove(&mut self, clients: usize, limit: Duration) -> Result<Reading> {
        let (first, count) = self.fresh;
        self.runtime.block_on(async {
            let connected = try_join_all((0..clients).map(|_| self.client())).await?;
            let turns = Turns::new(count, limit);
            let turns = &turns;
            load::clients(connected.into_iter().map(|(client, statement)| {
                load::client(turns, async move |turn| {
                    let id = first + i64::try_from(turn)?;
                    let written = client.execute(&statement, &[&id]).await?;
                    ensure!(written == 1, "key {id} is not there");
                    Ok(())
                })
            }))
            .await
        })
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
