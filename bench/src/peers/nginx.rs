//! This file is about nginx answering `return 204`: the most HTTP requests that one core of this machine can take.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::SERVER_CORE;
use crate::process::{self, Process};

/// A running nginx.
pub(crate) struct Nginx {
    /// Its guard.
    pub(crate) process: Process,
    /// Where it listens.
    pub(crate) url: String,
}

impl Nginx {
    /// Starts nginx as one process (no master) on the server's core, without logs and without closing
    /// connections.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let address = process::free_address()?;
        let folder = folder.join("nginx");
        fs::create_dir(&folder)?;
        let configuration = folder.join("nginx.conf");
        fs::write(&configuration, configuration_for(&address.to_string(), &folder.display().to_string()))?;
        let mut command = process::pinned(SERVER_CORE, "/usr/sbin/nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(&configuration).args(["-e", "stderr"]);
        let mut process = Process::start("nginx", command, &folder)?;
        process.wait_for_port(address)?;
        Ok(Self { process, url: format!("http://{address}/") })
    }
}

fn configuration_for(address: &str, folder: &str) -> String {
    format!(
        "daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {address};
        location / {{ return 204; }}
    }}
}}
"
    )
}
