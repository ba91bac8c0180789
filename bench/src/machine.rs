//! This file is about the machine and the programs that were measured: what stands at the head of the report.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{peers, process};

/// What a reader needs to know to compare the figures with their own.
pub(crate) struct Machine {
    /// Pairs of what and which.
    pub(crate) facts: Vec<(&'static str, String)>,
}

impl Machine {
    /// Looks at the machine; `scratch` is the folder that the stores write to.
    pub(crate) fn look(scratch: &Path) -> Result<Self> {
        let cores = std::thread::available_parallelism()?.get();
        if cores < 2 {
            bail!("two cores are needed: one for the server, one for the load generator");
        }
        let processor = first_field("/proc/cpuinfo", "model name")?;
        let memory_kib: u64 = first_field("/proc/meminfo", "MemTotal")?
            .split_ascii_whitespace()
            .next()
            .and_then(|number| number.parse().ok())
            .context("unreadable /proc/meminfo")?;
        Ok(Self {
            facts: vec![
                ("processor", format!("{processor}, {cores} cores")),
                ("memory", format!("{} GiB", (memory_kib + (1 << 19)) >> 20)),
                ("system", format!("{}, Linux {}", distribution(), text("/proc/sys/kernel/osrelease"))),
                ("file system of the stores", file_system(scratch)?),
                ("load average at the start", text("/proc/loadavg").chars().take(14).collect()),
                ("nginx", version(Command::new("/usr/sbin/nginx").arg("-v"))),
                ("wrk", version(Command::new("wrk").arg("-v"))),
                (
                    "PostgreSQL",
                    version(Command::new(peers::postgres::server::program("postgres")).arg("--version")),
                ),
                ("Redis", version(Command::new("redis-server").arg("--version"))),
                ("SQLite", rusqlite::version().to_owned()),
                ("Node.js", version(Command::new("node").args(["-p", "process.versions.node"]))),
            ],
        })
    }
}

/// The kind of file system under a folder. One in memory is refused: there a sync costs nothing, and every figure
/// about removals would be a lie.
fn file_system(folder: &Path) -> Result<String> {
    let kinds = process::output(Command::new("findmnt").args(["-n", "-o", "FSTYPE", "-T"]).arg(folder))?;
    // Where one is mounted over another, the last line is the one that is seen.
    let kind = kinds.lines().last().context("findmnt names no file system")?.trim();
    if kind == "tmpfs" || kind == "ramfs" {
        bail!(
            "{} is a {kind}, which keeps nothing: name a folder on a disk with --scratch",
            folder.display()
        );
    }
    Ok(kind.to_owned())
}

/// The value of the first line `NAME : VALUE` of a file.
fn first_field(path: &str, name: &str) -> Result<String> {
    let content = fs::read_to_string(path)?;
    let fields = content.lines().filter_map(|line| line.split_once(':'));
    let mut values =
        fields.filter(|(field, _)| field.trim() == name).map(|(_, value)| value.trim().to_owned());
    values.next().with_context(|| format!("{path} names no {name}"))
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn distribution() -> String {
    let release = text("/etc/os-release");
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("unknown").trim_matches('"').to_owned()
}

/// The first number with a dot in what a program says about itself (some say it on standard error, wrk with an
/// exit status of its own).
fn version(command: &mut Command) -> String {
    let Ok(output) = command.output() else { return "not installed".to_owned() };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let mut words = said.split(|c: char| c.is_whitespace() || c == '/' || c == '=');
    let number = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'));
    number.unwrap_or("unknown").to_owned()
}
