//! This file is about the peers that are written for Node.js: two instances of one service on one PostgreSQL database, as services
//! are run that must not stop. Keys are made and removed at the first and presented to the second.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Calls, System};
use crate::peers::postgres::server::Server;
use crate::peers::redis;
use crate::process::{self, Process};

/// What of a peer differs from the others.
#[derive(Clone, Copy)]
pub(in super::super) struct Peer {
    /// Its name, for its database and its files.
    pub(in super::super) name: &'static str,
    /// Its program.
    pub(in super::super) script: &'static str,
    /// Whether its tokens are JWTs; only one of them has tokens.
    pub(in super::super) has_jwts: bool,
    /// Whether its keys are in Redis.
    pub(in super::super) has_redis: bool,
}

/// A peer that runs.
pub(in super::super) struct Node<'a> {
    peer: Peer,
    scripts: &'a Path,
    folder: PathBuf,
    postgres: &'a Server,
    trust_seconds: u64,
    instances: [SocketAddr; 2],
    redis: Option<SocketAddr>,
    /// Redis stands last, so that it is stopped last.
    processes: Vec<Process>,
}

/// Redis as it is installed keeps snapshots.
const SNAPSHOTS: [&str; 2] = ["--save", "3600 1 300 100 60 10000"];

impl<'a> Node<'a> {
    /// Makes the peer a database, and starts it.
    pub(in super::super) fn set_up(
        peer: Peer,
        scripts: &'a Path,
        folder: PathBuf,
        postgres: &'a Server,
        trust_seconds: u64,
    ) -> Result<Self> {
        process::output(postgres.client("createdb").arg(peer.name))?;
        fs::create_dir(folder.join("redis"))?;
        let instances = [process::free_address()?, process::free_address()?];
        let redis = peer.has_redis.then(process::free_address).transpose()?;
        let processes = Vec::new();
        let mut node = Self { peer, scripts, folder, postgres, trust_seconds, instances, redis, processes };
        node.start()?;
        Ok(node)
    }

    fn start_instance(&self, name: &'static str, address: SocketAddr) -> Result<Process> {
        let [first, _] = self.instances;
        let mut command = process::command("node");
        command.arg(self.scripts.join(self.peer.script));
        command.env("PORT", address.port().to_string()).env("FIRST_PORT", first.port().to_string());
        command.env("SECONDS", self.trust_seconds.to_string());
        let database = format!("postgres://bench@{}/{}", self.postgres.address, self.peer.name);
        command.env("DATABASE_URL", database).env("SECRETS", self.folder.join("secrets.json"));
        if let Some(redis) = self.redis {
            command.env("REDIS_URL", format!("redis://{redis}"));
        }
        if self.peer.has_jwts {
            command.env("TOKENS", "jwt");
        }
        let mut process = Process::start(name, command, &self.folder)?;
        process.wait_for_port(address)?;
        Ok(process)
    }

    fn dump(&self) -> PathBuf {
        self.folder.join("postgres.dump")
    }

    fn snapshot(&self) -> PathBuf {
        self.folder.join("redis.rdb")
    }
}

impl System for Node<'_> {
    fn calls(&self) -> Calls {
        let [first, second] = self.instances;
        let create = format!("curl -sSf -X POST http://{first}/create");
        Calls {
            control: self.peer.has_jwts.then(|| format!("{create}?seconds=3600")),
            create,
            verify_url: format!("http://{second}/verify"),
            verify_headers: Vec::new(),
            remove: format!("curl -sSf -X POST 'http://{first}/remove?id={{id}}'"),
        }
    }

    fn stop(&mut self) {
        self.processes.clear();
    }

    fn start(&mut self) -> Result<()> {
        let [first, second] = self.instances;
        let redis = self
            .redis
            .map(|redis| redis::serve(&self.folder.join("redis"), redis, &SNAPSHOTS))
            .transpose()?;
        // The first makes the tables.
        let first = self.start_instance("first", first)?;
        let second = self.start_instance("second", second)?;
        self.processes.extend([second, first].into_iter().chain(redis));
        Ok(())
    }

    fn back_up(&mut self) -> Result<()> {
        let mut dump = self.postgres.client("pg_dump");
        process::output(dump.args(["--format=custom", "--file"]).arg(self.dump()).arg(self.peer.name))?;
        if let Some(redis) = self.redis {
            let mut copy = process::command("redis-cli");
            copy.args(["-h", &redis.ip().to_string(), "-p", &redis.port().to_string(), "--rdb"]);
            process::output(copy.arg(self.snapshot()))?;
        }
        Ok(())
    }

    fn put_back(&mut self) -> Result<()> {
        let mut restore = self.postgres.client("pg_restore");
        restore.args(["--clean", "--if-exists", "--exit-on-error", "--dbname", self.peer.name]);
        process::output(restore.arg(self.dump()))?;
        if self.redis.is_some() {
            fs::copy(self.snapshot(), self.folder.join("redis/dump.rdb"))?;
        }
        Ok(())
    }
}
