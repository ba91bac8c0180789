//! This file is about the programs that we start: each ends with us, whatever happens to us.
//!
//! [`Process`] is a guard: dropping it ends the program by its own process id. Should we be killed ourselves, the
//! kernel ends it (`setpriv --pdeathsig`). What it says goes to a file, whose end is quoted when it fails.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::clock;
use crate::measure::Reading;

#[cfg(test)]
mod tests;

/// How long a program may take until it answers on its port.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How long a program may take to end when it is asked to; then it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A program that took at most a tick of the processor for so long is calm.
const CALM: Duration = Duration::from_millis(200);

/// How finely the kernel says what a program took.
const TICK: Duration = Duration::from_millis(10);

/// How long a program may go on tidying up.
const CALM_WITHIN: Duration = Duration::from_secs(20);

/// A running program, ended when dropped.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    stop: Signal,
    log: PathBuf,
}

impl Process {
    /// Starts a program; its standard error (and output, unless it is already piped) goes to `NAME.log` in the
    /// given folder.
    pub(crate) fn start(name: &'static str, mut command: Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("no log for {name}"))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        Self::spawn(name, command, log)
    }

    /// Starts a program and waits for the first line on its standard output.
    pub(crate) fn start_and_read_line(
        name: &'static str,
        mut command: Command,
        folder: &Path,
        within: Duration,
    ) -> Result<(Self, String)> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("no log for {name}"))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let mut process = Self::spawn(name, command, log)?;
        let output = process.child.stdout.take().context("the output is piped")?;
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = String::new();
            let read = output.read_line(&mut line).map(|_| line);
            // The receiver is gone only when it no longer waits.
            let _ = send.send(read);
            // Whatever else it prints is read and dropped, so that it never waits for us.
            let _ = std::io::copy(&mut output, &mut std::io::sink());
        });
        match receive.recv_timeout(within) {
            Ok(Ok(line)) if !line.trim().is_empty() => Ok((process, line)),
            Ok(_) => Err(process.failure("ended without a line")),
            Err(_) => Err(process.failure("printed no line in time")),
        }
    }

    /// Starts a program that is talked with over its standard input and output.
    pub(crate) fn start_and_talk(
        name: &'static str,
        mut command: Command,
        folder: &Path,
    ) -> Result<(Self, ChildStdin, BufReader<ChildStdout>)> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("no log for {name}"))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
        let mut process = Self::spawn(name, command, log)?;
        let input = process.child.stdin.take().context("the input is piped")?;
        let output = process.child.stdout.take().context("the output is piped")?;
        Ok((process, input, BufReader::new(output)))
    }

    fn spawn(name: &'static str, mut command: Command, log: PathBuf) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("{name} does not start"))?;
        Ok(Self { name, child, stop: Signal::TERM, log })
    }

    /// Ends the program by this signal instead of SIGTERM.
    pub(crate) fn stopped_by(mut self, signal: Signal) -> Self {
        self.stop = signal;
        self
    }

    /// Waits until the program takes connections.
    pub(crate) fn wait_for_port(&mut self, address: SocketAddr) -> Result<()> {
        let deadline = clock::now() + READY_WITHIN;
        while TcpStream::connect(address).is_err() {
            if self.child.try_wait()?.is_some() {
                return Err(self.failure("ended before it took connections"));
            }
            if clock::now() > deadline {
                return Err(self.failure("takes no connections"));
            }
            clock::pause(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Stops the program as if its machine had been suspended, until it is continued.
    pub(crate) fn suspend(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::STOP)?)
    }

    /// Lets a suspended program go on.
    pub(crate) fn resume(&self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::CONT)?)
    }

    /// The processor time that the program has taken so far, user and system, all its threads.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        cpu_of_stat(&stat).with_context(|| format!("processor time of {}", self.name))
    }

    /// What a load gave, with the processor time that the program took for it, tidying up afterwards included.
    pub(crate) fn under(&self, load: impl FnOnce() -> Result<Reading>) -> Result<Reading> {
        let before = self.cpu()?;
        let mut reading = load()?;
        reading.cpu = Some(self.cpu_when_calm()?.saturating_sub(before));
        Ok(reading)
    }

    /// The processor time that the program has taken once it does nothing any more.
    fn cpu_when_calm(&self) -> Result<Duration> {
        let deadline = clock::now() + CALM_WITHIN;
        let mut last = self.cpu()?;
        loop {
            clock::pause(CALM);
            let cpu = self.cpu()?;
            if cpu.saturating_sub(last) <= TICK || clock::now() > deadline {
                return Ok(cpu);
            }
            last = cpu;
        }
    }

    /// An error that quotes the end of what the program said.
    fn failure(&self, what: &str) -> anyhow::Error {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let end = lines.get(lines.len().saturating_sub(10)..).unwrap_or_default().join("\n");
        anyhow!("{} {what}; it said:\n{end}", self.name)
    }

    fn has_ended_within(&mut self, limit: Duration) -> bool {
        let deadline = clock::now() + limit;
        while clock::now() < deadline {
            match self.child.try_wait() {
                Ok(None) => clock::pause(Duration::from_millis(5)),
                Ok(Some(_)) | Err(_) => return true,
            }
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // What is suspended would not hear; errors mean that it is gone already, which is what is wanted.
        let _ = self.resume();
        let _ = kill_process(Pid::from_child(&self.child), self.stop);
        if !self.has_ended_within(STOP_WITHIN) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A command that dies with us.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=KILL").arg(program);
    command
}

/// A command that dies with us and runs on one core only.
pub(crate) fn pinned(core: usize, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = command("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

/// Starts this program as its own child `name`, which listens, on one core only if asked to; and where it does.
pub(crate) fn listening_child(
    name: &'static str,
    core: Option<usize>,
    folder: &Path,
) -> Result<(Process, SocketAddr)> {
    let (address, program) = (free_address()?, std::env::current_exe()?);
    let mut command = core.map_or_else(|| command(&program), |core| pinned(core, &program));
    command.args([name, "--listen", &address.to_string()]);
    let mut process = Process::start(name, command, folder)?;
    process.wait_for_port(address)?;
    Ok((process, address))
}

/// Runs a program to its end; what it printed on standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = command.output().with_context(|| format!("{shown} does not start"))?;
    if !output.status.success() {
        bail!("{shown} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("{shown} printed no text"))
}

/// A loopback address that was free a moment ago, for programs that cannot pick one themselves.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}

/// User and system time from a line of `/proc/PID/stat` (proc(5): fields 14 and 15, in ticks of 10 ms, which is
/// what every Linux on x86-64 and arm64 uses).
fn cpu_of_stat(stat: &str) -> Option<Duration> {
    // The second field, the program's name in parentheses, may hold anything; count from behind it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis(10 * (user + system)))
}
