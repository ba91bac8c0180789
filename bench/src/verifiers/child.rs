//! This file is about the process that verifiers run in: it starts them, says when they are ready, and then answers one line
//! for each line that it is told.

use std::io::BufRead as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use futures_util::future::join_all;
use keyward_client::{Client, Needs, Verdict, Verifier, VerifierOptions, wire};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde::Serialize;

use super::{Held, Ready, Told};
use crate::{clock, measure};

/// Runs until standard input ends. Its first line is the secret to join with.
pub(crate) fn serve(url: &str, name: &str, count: usize) -> Result<()> {
    raise_descriptor_limit()?;
    let mut lines = std::io::stdin().lock().lines();
    let secret = lines.next().context("no secret")??;
    let client = Client::new(url, &wire::Secret::new(secret))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let began = clock::now();
    let verifiers: Vec<Verifier> = runtime.block_on(async {
        let start =
            |number| Verifier::start(client.clone(), VerifierOptions::named(format!("{name}-{number}")));
        let verifiers: Vec<Verifier> = (0..count).map(start).collect::<Result<_, _>>()?;
        join_all(verifiers.iter().map(Verifier::ready)).await;
        anyhow::Ok(verifiers)
    })?;
    say(&Ready { micros: u64::try_from(began.elapsed().as_micros())? })?;
    for line in lines {
        let line = line?;
        match line.split_once(' ') {
            Some(("ask", secret)) => say(&ask(&verifiers, secret))?,
            Some(("time", file)) => say(&time(verifiers.first().context("no verifier")?, Path::new(file))?)?,
            Some(_) | None => bail!("no such order"),
        }
    }
    Ok(())
}

fn ask(verifiers: &[Verifier], secret: &str) -> Told {
    let mut told = Told::default();
    for verifier in verifiers {
        match verifier.verify(secret, &Needs::default()) {
            Verdict::Valid(_) => told.valid += 1,
            Verdict::Refused(_) | Verdict::Ask => told.refused += 1,
            Verdict::Unavailable => told.unavailable += 1,
        }
    }
    told
}

fn time(verifier: &Verifier, file: &Path) -> Result<Held> {
    let text = std::fs::read_to_string(file)?;
    let secrets: Vec<&str> = text.lines().collect();
    let needs = Needs::default();
    let (median, slowest) =
        measure::calls(&secrets, |secret| verifier.verify(secret, &needs).valid().is_some())?;
    Ok(Held {
        keys: verifier.len(),
        bytes: verifier.bytes(),
        verify_nanos: u64::try_from(median.as_nanos())?,
        slowest_nanos: u64::try_from(slowest.as_nanos())?,
    })
}

fn say(answer: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(answer)?);
    Ok(())
}

/// Every verifier is a descriptor.
fn raise_descriptor_limit() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
