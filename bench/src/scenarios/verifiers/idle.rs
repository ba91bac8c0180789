//! This file is about what verifiers cost a server when nothing changes: renewals, and nothing else.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::clock;
use crate::keyward::Keyward;
use crate::scenarios::{Bench, progress};
use crate::verifiers::Verifiers;

/// Several leases, and enough for processor time that is counted in ticks of 10 ms.
const LOOKED_AT_FOR: Duration = Duration::from_secs(15);

/// The server's processor time as a share of one core.
pub(super) fn measure(bench: &Bench, program: &Path) -> Result<f64> {
    progress(&format!("(h) {} idle verifiers", bench.plan.idle_verifiers));
    let folder = bench.folder("idle")?;
    let keyward = Keyward::start(program, &folder.join("data"), None, &folder)?;
    let _verifiers = Verifiers::start(&keyward, None, "idle", bench.plan.idle_verifiers, &folder)?;
    let (began, before) = (clock::now(), keyward.process.cpu()?);
    clock::pause(LOOKED_AT_FOR);
    let taken = keyward.process.cpu()?.saturating_sub(before);
    Ok(taken.as_secs_f64() / began.elapsed().as_secs_f64())
}
