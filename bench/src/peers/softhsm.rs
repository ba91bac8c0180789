//! This file is about SoftHSM2 through PKCS#11: P-256 keys as token objects, made and destroyed one after the other.
//!
//! It runs as a child of this program, because its library learns from the environment where its token is.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::measure::{Latencies, Reading};
use crate::process;

/// Where Debian's package `softhsm2` puts it.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// The names of the curve: prime256v1 (RFC 5480) in DER.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const PIN: &str = "4711";

/// A token in a folder.
pub(crate) struct Token {
    config: PathBuf,
}

/// What one run gave, in nanoseconds.
#[derive(Serialize, Deserialize)]
struct Told {
    made: (u64, u64, u64),
    destroyed: (u64, u64, u64),
    count: u64,
}

impl Token {
    /// Whether the library is here.
    pub(crate) fn is_installed() -> bool {
        Path::new(MODULE).exists()
    }

    /// Makes an empty token.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let (config, tokens) = (folder.join("softhsm2.conf"), folder.join("tokens"));
        std::fs::create_dir_all(&tokens)?;
        std::fs::write(&config, format!("directories.tokendir = {}\n", tokens.display()))?;
        let mut make = process::command("softhsm2-util");
        make.args(["--init-token", "--free", "--label", "bench", "--pin", PIN, "--so-pin", "1234"]);
        process::output(make.env("SOFTHSM2_CONF", &config))?;
        Ok(Self { config })
    }

    /// Makes so many key pairs, then destroys them; how long each took.
    pub(crate) fn run(&self, count: u64) -> Result<[Reading; 2]> {
        let mut child = process::command(std::env::current_exe()?);
        child.args(["soft-hsm", "--count", &count.to_string()]).env("SOFTHSM2_CONF", &self.config);
        let Told { made, destroyed, count } = serde_json::from_str(&process::output(&mut child)?)?;
        let nanos = std::time::Duration::from_nanos;
        Ok([made, destroyed].map(|(elapsed, p50, p99)| Reading {
            operations: count,
            elapsed: nanos(elapsed),
            p50: nanos(p50),
            p99: nanos(p99),
            cpu: None,
        }))
    }
}

/// What the child does.
pub(crate) fn serve(count: u64) -> Result<()> {
    let library = Pkcs11::new(MODULE)?;
    library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    let slot = *library.get_slots_with_initialized_token()?.first().context("no token")?;
    let session = library.open_rw_session(slot)?;
    session.login(UserType::User, Some(&AuthPin::from(PIN)))?;
    let public = [Attribute::Token(true), Attribute::Verify(true), Attribute::EcParams(P256.to_vec())];
    let private =
        [Attribute::Token(true), Attribute::Private(true), Attribute::Sensitive(true), Attribute::Sign(true)];
    let mut pairs = Vec::new();
    let mut made = Latencies::new()?;
    let began = clock::now();
    for _ in 0..count {
        let one = clock::now();
        pairs.push(session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?);
        made.record(one.elapsed());
    }
    let made_in = began.elapsed();
    let mut destroyed = Latencies::new()?;
    let began = clock::now();
    for (public, private) in pairs {
        let one = clock::now();
        session.destroy_object(private)?;
        session.destroy_object(public)?;
        destroyed.record(one.elapsed());
    }
    let told = |elapsed: std::time::Duration, latencies: &Latencies| {
        let nanos = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        (nanos(elapsed), nanos(latencies.quantile(0.5)), nanos(latencies.quantile(0.99)))
    };
    let told = Told { made: told(made_in, &made), destroyed: told(began.elapsed(), &destroyed), count };
    println!("{}", serde_json::to_string(&told)?);
    Ok(())
}
