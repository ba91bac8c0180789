//! This file is about PostgreSQL over TCP: a removal is one statement that deletes the key and inserts a line into
//! the audit table, prepared beforehand, and so one transaction and one round trip, the best it can do.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, Statement};

use crate::load::{self, Turns};
use crate::measure::Reading;
use crate::peers::{RECORD_BYTES, Removes};

pub(crate) mod server;

use server::Server;

/// The statement that removes a key.
const REMOVE: &str = "WITH gone AS (DELETE FROM keys WHERE id = $1 RETURNING id) \
                      INSERT INTO audit (key_id, event) SELECT id, 'removed' FROM gone";

/// A running server and how to reach it.
pub(crate) struct Postgres {
    _server: Server,
    options: String,
    runtime: Runtime,
    /// The prepared keys that have not been handed out: from here, so many.
    fresh: (i64, usize),
}

impl Postgres {
    /// Makes a database cluster in the folder, with tables, and starts the server on it.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let server = Server::start(folder)?;
        let options = format!("host=127.0.0.1 port={} user=bench dbname=postgres", server.address.port());
        let postgres = Self { _server: server, options, runtime: load::runtime()?, fresh: (0, 0) };
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
        let (client, connection) =
            tokio_postgres::connect(&self.options, NoTls).await.context("PostgreSQL lets nobody in")?;
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
