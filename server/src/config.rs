//! This file is about the configuration: one TOML file. What it does not name has a default, what it names and
//! we do not know is refused. Secrets are named by file, never by value.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use keyward_core::epoch::Rhythm;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::languages::Languages;

/// The shortest limit of a head that hyper knows, in bytes.
const LEAST_HEAD: usize = 8192;

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The folder of the store: records, slots and the log. One process at a time.
    pub data: PathBuf,
    /// The folder of the keys that open the store and sign the log (roots, `names.key`, `log.key`), which `keyward init`
    /// makes. Keep it apart from backups of the store.
    pub keys: PathBuf,
    /// The file that remembers the newest checkpoint, so that an old copy of the store is noticed. Best on
    /// another disk than the store. Without it, a restored folder brings removed keys back.
    pub anchor: Option<PathBuf>,
    /// Where to listen.
    #[serde(default)]
    pub listen: Listen,
    /// The certificate for TLS.
    pub tls: Option<Tls>,
    /// What wraps the roots that rest in the folder of keys, and how often they are replaced. With neither a credential
    /// nor a token, they rest in files that only their owner may read. After a change, the next re-rooting moves the
    /// root over; until then what wrapped the last one must stay configured.
    #[serde(default)]
    pub roots: Roots,
    /// The PKCS#11 token that new roots are wrapped in: each under an AES key of its own, which never leaves the token and
    /// is destroyed with the root.
    pub pkcs11: Option<Pkcs11>,
    /// Where backups go that the running server is asked for (`keyward store backup --url ...`). Without it, there are none.
    pub backups: Option<Backups>,
    /// What one client may take.
    #[serde(default)]
    pub limits: Limits,
    /// What is written to standard error.
    #[serde(default)]
    pub logging: Logging,
    /// Where traces go. Without it there are none.
    pub traces: Option<Traces>,
    /// The unit of Encedo HEM that this server is, if it is one.
    pub encedo: Option<Encedo>,
    /// The language that is spoken under a host name whatever the path, so that every answer there is in its form:
    /// `"keys.example.com" = "discue"`; `cielo24`, `discue`, `encedo`, `intserv`, `resolver` or `native`. Under any other name the path
    /// decides.
    #[serde(default)]
    pub hosts: BTreeMap<String, String>,
    /// Where the calls of discue's clients are, if not at `/v1` or at no prefix.
    pub discue: Option<Discue>,
    /// How much memory the store's cache may take, in bytes.
    #[serde(default = "default_cache")]
    pub cache_bytes: u64,
}

/// Where to listen: for requests on one of `http` and `https` at least.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    /// Address and port for plain HTTP; port 0 takes a free one. Secrets cross it in clear: for a loopback or
    /// behind a proxy that ends TLS.
    pub http: Option<SocketAddr>,
    /// Address and port for TLS 1.3; port 0 takes a free one.
    pub https: Option<SocketAddr>,
    /// Address and port for `/metrics`, `/healthz` and `/readyz` alone, over plain HTTP and without a credential, for whoever
    /// watches over the server: on a loopback or an inner network. Elsewhere `/metrics` is for callers who may read the log.
    pub metrics: Option<SocketAddr>,
}

/// The certificate for TLS.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The file of the certificate chain, PEM, the server's own first.
    pub certificate: PathBuf,
    /// The file of its private key, PEM.
    pub private_key: PathBuf,
}

/// What wraps the roots, and how often they are replaced.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Roots {
    /// The name of the systemd credential that new roots are wrapped under: a file of 64 hex digits in
    /// `$CREDENTIALS_DIRECTORY`.
    pub credential: Option<String>,
    /// After how many removals every slot is wrapped under a new root; 0 for never.
    pub reroot_after_removals: u64,
    /// After how many hours, if anything was removed since the last time; 0 for never.
    pub reroot_after_hours: u64,
}

impl Default for Roots {
    fn default() -> Self {
        Self { credential: None, reroot_after_removals: 10_000, reroot_after_hours: 24 }
    }
}

impl Roots {
    /// How often roots are replaced.
    pub(crate) const fn rhythm(&self) -> Rhythm {
        Rhythm { removals: self.reroot_after_removals, seconds: self.reroot_after_hours.saturating_mul(3600) }
    }
}

/// Where backups of the running store go.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backups {
    /// The folder for everything but the slots: without slots, nothing in a backup can be used.
    pub folder: PathBuf,
    /// The folder for copies of the slots, which are as secret as the store itself: keep it apart from the other one, and
    /// each copy no longer than until the next re-rooting. Without it, none are made.
    pub slots: Option<PathBuf>,
}

/// The PKCS#11 token that new roots are wrapped in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, clap::Args)]
#[serde(deny_unknown_fields)]
#[group(id = "pkcs11", requires_all = ["module", "token", "pin_file"])]
pub(crate) struct Pkcs11 {
    /// The library that speaks to the token.
    #[arg(long = "pkcs11-module", required = false)]
    pub module: PathBuf,
    /// The label of the token.
    #[arg(long = "pkcs11-token", required = false)]
    pub token: String,
    /// The file of the user's PIN.
    #[arg(long = "pkcs11-pin-file", required = false)]
    pub pin_file: PathBuf,
}

/// The unit of Encedo HEM that this server is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encedo {
    /// The file of the secret of the key that the unit acts by: of an account of its own, in an organization of its own, with
    /// the role `admin` and the scope `admin`. Its keys are what clients of Encedo HEM see.
    pub key_file: PathBuf,
}

/// Where the calls of discue's clients are, if not at `/v1` or at no prefix.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Discue {
    /// What stands in front of every path, where clients are set up for such a deployment: `/queue/api` answers
    /// `/queue/api/v1/api_keys` and `/queue/api/api_keys`, and every path below it is in this language. `/v1` alone and nothing are
    /// always answered too. It must not be a path of another call.
    pub prefix: String,
}

/// What one client may take.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// The longest body, in bytes. A streamed import is not limited in all, only by the line.
    pub body_bytes: usize,
    /// The longest request head, in bytes; at least 8192.
    pub head_bytes: usize,
    /// How many connections are served at once; the others wait to be accepted.
    pub connections: u32,
    /// How long a request's head may take to arrive, and how long an unused connection is kept, in seconds.
    pub head_seconds: u64,
    /// How long a request's body may take to arrive, and how long a client may take nothing of its answer, in seconds.
    pub body_seconds: u64,
    /// How long a TLS handshake may take, in seconds.
    pub handshake_seconds: u64,
    /// How long requests that are under way may take to finish when the server stops, in seconds. A removal
    /// that has been committed is always in force, whether its answer could be sent or not.
    pub shutdown_seconds: u64,
    /// How many wrong credentials an address (a /64 network for IPv6) may present in a minute.
    pub guesses_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            head_bytes: 16 << 10,
            connections: 16_384,
            head_seconds: 60,
            body_seconds: 30,
            handshake_seconds: 10,
            shutdown_seconds: 30,
            guesses_per_minute: 60,
        }
    }
}

/// What is written to standard error, as JSON, one object a line.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Logging {
    /// `error`, `warn`, `info`, `debug` (a line a request) or `trace`.
    pub level: Level,
}

/// How much is written.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// What broke.
    Error,
    /// And what may break.
    Warn,
    /// And what the server does.
    #[default]
    Info,
    /// And every request.
    Debug,
    /// And what libraries say.
    Trace,
}

impl Default for Logging {
    fn default() -> Self {
        Self { level: Level::Info }
    }
}

/// Where traces go: a span for every request and for each command in it, by OTLP over HTTP.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Traces {
    /// The collector's address for traces, such as `http://127.0.0.1:4318/v1/traces`. Over `https` with a certificate that
    /// this system trusts.
    pub endpoint: String,
    /// Which part of all traces is kept, from 0 to 1. A request that comes with a `traceparent` is traced if that says so.
    #[serde(default = "default_ratio")]
    pub ratio: f64,
}

fn default_ratio() -> f64 {
    1.0
}

fn default_cache() -> u64 {
    256 << 20
}

impl Config {
    /// Reads a configuration file. Relative paths in it are relative to its folder.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| anyhow::anyhow!("{}: {error}; `keyward init` makes one", path.display()))?;
        let mut config: Self =
            toml::from_str(&text).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        config.absolute(folder);
        config.check().map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        Ok(config)
    }

    fn absolute(&mut self, folder: &Path) {
        let own = [&mut self.data, &mut self.keys];
        let tls = self.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.private_key]);
        let token = self.pkcs11.iter_mut().flat_map(|token| [&mut token.module, &mut token.pin_file]);
        let unit = self.encedo.iter_mut().map(|unit| &mut unit.key_file);
        let kept =
            self.backups.iter_mut().flat_map(|kept| std::iter::once(&mut kept.folder).chain(&mut kept.slots));
        let anchor = self.anchor.iter_mut();
        for path in own.into_iter().chain(anchor).chain(tls).chain(token).chain(kept).chain(unit) {
            // As people write it: without the `.` between.
            *path = folder.join(&*path).components().collect();
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        let anchor_inside = self.anchor.as_ref().is_some_and(|anchor| anchor.starts_with(&self.data));
        let mut kept = self.backups.iter().flat_map(|kept| std::iter::once(&kept.folder).chain(&kept.slots));
        let backups_inside = kept.any(|folder| folder.starts_with(&self.data));
        let limits = &self.limits;
        let zero = limits.body_bytes == 0
            || limits.connections == 0
            || limits.head_seconds == 0
            || limits.body_seconds == 0
            || limits.handshake_seconds == 0;
        let ratio = self.traces.as_ref().map(|traces| traces.ratio);
        let rules = [
            (self.listen.http.is_none() && self.listen.https.is_none(), "listen: name http, https or both"),
            (
                self.listen.https.is_some() && self.tls.is_none(),
                "listen.https needs tls.certificate and tls.private_key",
            ),
            (anchor_inside, "anchor: must not lie inside data, it would be put back together with it"),
            (backups_inside, "backups: must not lie inside data, they would be lost together with it"),
            (
                self.pkcs11.is_some() && self.roots.credential.is_some(),
                "pkcs11 and roots.credential: one of the two wraps the roots",
            ),
            (zero, "limits: must not be 0"),
            (ratio.is_some_and(|ratio| !(0.0..=1.0).contains(&ratio)), "traces.ratio: from 0 to 1"),
            (limits.head_bytes < LEAST_HEAD, "limits.head_bytes: at least 8192"),
        ];
        match rules.into_iter().find(|(broken, _)| *broken) {
            Some((_, why)) => Err(anyhow::anyhow!(why)),
            None => Languages::new(self).map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests;
