//! This file is about Redis with `appendfsync always`: every answer waits for the append-only file.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio::runtime::Runtime;

use crate::load::{self, Turns};
use crate::measure::Reading;
use crate::peers::{RECORD_BYTES, Removes};
use crate::process::{self, Process};

/// A running server and how to reach it.
pub(crate) struct Redis {
    _process: Process,
    client: redis::Client,
    runtime: Runtime,
    /// The prepared keys that have not been handed out: from here, so many.
    fresh: (usize, usize),
}

impl Redis {
    /// Starts the server on an empty folder, without snapshots and without rewriting its file meanwhile.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let persistence = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
        let without_rewriting = ["--auto-aof-rewrite-percentage", "0"];
        let address = process::free_address()?;
        let process = serve(folder, address, &[&persistence[..], &without_rewriting].concat())?;
        let client = redis::Client::open(format!("redis://{address}/"))?;
        Ok(Self { _process: process, client, runtime: load::runtime()?, fresh: (0, 0) })
    }

    async fn connect(&self) -> Result<MultiplexedConnection> {
        // The crate gives up after half a second by default, which a slow disk may well take.
        let patient = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(60)));
        Ok(self.client.get_multiplexed_async_connection_with_config(&patient).await?)
    }
}

/// Starts the server on what the folder holds.
pub(crate) fn serve(folder: &Path, address: SocketAddr, options: &[&str]) -> Result<Process> {
    let mut command = process::command("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--dir"]).arg(folder);
    command.args(options);
    let mut process = Process::start("redis", command, folder)?;
    process.wait_for_port(address)?;
    Ok(process)
}

async fn remove_one(connection: &mut MultiplexedConnection, id: usize) -> Result<()> {
    let mut transaction = redis::pipe();
    transaction.atomic();
    transaction.cmd("DEL").arg(id);
    transaction.cmd("XADD").arg("audit").arg("*").arg("key").arg(id).arg("event").arg("removed");
    let (removed, _position): (u64, String) = transaction.query_async(connection).await?;
    ensure!(removed == 1, "key {id} is not there");
    Ok(())
}

impl Removes for Redis {
    fn name(&self) -> &'static str {
        "Redis"
    }

    fn prepare(&mut self, count: usize) -> Result<()> {
        let first = self.fresh.0 + self.fresh.1;
        self.runtime.block_on(async {
            let mut connection = self.connect().await?;
            let ids: Vec<usize> = (first..first + count).collect();
            for chunk in ids.chunks(1_000) {
                let mut sets = redis::pipe();
                for id in chunk {
                    sets.cmd("SET").arg(id).arg(&[0x5a_u8; RECORD_BYTES]).ignore();
                }
                sets.exec_async(&mut connection).await?;
            }
            anyhow::Ok(())
        })?;
        self.fresh = (first, count);
        Ok(())
    }

    fn remove(&mut self, clients: usize, limit: Duration) -> Result<Reading> {
        let (first, count) = self.fresh;
        self.runtime.block_on(async {
            let connections = try_join_all((0..clients).map(|_| self.connect())).await?;
            let turns = Turns::new(count, limit);
            let turns = &turns;
            load::clients(connections.into_iter().map(|mut connection| {
                load::client(turns, async move |turn| remove_one(&mut connection, first + turn).await)
            }))
            .await
        })
    }
}
