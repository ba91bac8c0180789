//! This file is about Keyward as `docs/operating.md` sets it up: `keyward init`, `keyward serve`, `keyward store backup`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Calls, System};
use crate::process::{self, Process};

/// A server, and a gateway that verifies for itself if there is one.
pub(in super::super) struct Keyward {
    program: PathBuf,
    folder: PathBuf,
    server: SocketAddr,
    gateway: Option<SocketAddr>,
    secret: String,
    /// The gateway stands first, so that it is stopped first.
    processes: Vec<Process>,
}

impl Keyward {
    /// Makes a store in the folder and serves it; `with_gateway` also starts a gateway, which is then what keys are presented to.
    pub(in super::super) fn set_up(program: &Path, folder: PathBuf, with_gateway: bool) -> Result<Self> {
        let server = process::free_address()?;
        let mut init = process::command(program);
        init.args(["init", "--json", "--listen", &server.to_string(), "--folder"]).arg(&folder);
        let made: Value = serde_json::from_str(&process::output(&mut init)?)?;
        let secret =
            made.pointer("/secret").and_then(Value::as_str).context("init gave no secret")?.to_owned();
        fs::write(folder.join("owner.secret"), &secret)?;
        let gateway = with_gateway.then(process::free_address).transpose()?;
        let program = program.to_owned();
        let mut keyward = Self { program, folder, server, gateway, secret, processes: Vec::new() };
        keyward.start()?;
        Ok(keyward)
    }

    /// Runs `keyward store` about this store.
    fn store(&self, verb: &str, file: &str) -> Result<()> {
        let mut command = process::command(&self.program);
        command.args(["store", verb, "--config"]).arg(self.folder.join("keyward.toml"));
        command.arg(file).arg(self.folder.join("records.backup"));
        process::output(command.arg("--slots").arg(self.folder.join("slots.copy"))).map(drop)
    }
}

impl System for Keyward {
    fn calls(&self) -> Calls {
        let url = format!("http://{}", self.server);
        let curl = format!("curl -sSf -H 'Authorization: Bearer {}' {url}/v1/keys", self.secret);
        let body = r#"-H 'Content-Type: application/json' -d '{"kind":"secret","name":"window"}'"#;
        let id_and_secret = r#"sed 's/.*"id":"\([^"]*\)".*"secret":"\([^"]*\)".*/\1 \2/'"#;
        let verify_url = self
            .gateway
            .map_or_else(|| format!("{url}/v1/forward-auth"), |gateway| format!("http://{gateway}/"));
        Calls {
            create: format!("{curl} {body} | {id_and_secret}"),
            control: None,
            verify_url,
            verify_headers: vec![format!("Keyward-Credential: {}", self.secret)],
            remove: format!("{curl}/{{id}} -X DELETE"),
        }
    }

    fn stop(&mut self) {
        self.processes.clear();
    }

    fn start(&mut self) -> Result<()> {
        let mut command = process::command(&self.program);
        command.args(["serve", "--config"]).arg(self.folder.join("keyward.toml"));
        let mut server = Process::start("keyward", command, &self.folder)?;
        server.wait_for_port(self.server)?;
        self.processes.push(server);
        if let Some(address) = self.gateway {
            let mut command = process::command(std::env::current_exe()?);
            command.args(["gateway", "--listen", &address.to_string()]);
            command.args(["--url", &format!("http://{}", self.server), "--secret-file"]);
            command.arg(self.folder.join("owner.secret"));
            let mut gateway = Process::start("gateway", command, &self.folder)?;
            gateway.wait_for_port(address)?;
            self.processes.insert(0, gateway);
        }
        Ok(())
    }

    fn back_up(&mut self) -> Result<()> {
        self.stop();
        for file in ["records.backup", "slots.copy"] {
            // It is not there the first time.
            let _ = fs::remove_file(self.folder.join(file));
        }
        self.store("backup", "--to")?;
        self.start()
    }

    fn put_back(&mut self) -> Result<()> {
        fs::remove_dir_all(self.folder.join("data"))?;
        self.store("restore", "--from")
    }
}
