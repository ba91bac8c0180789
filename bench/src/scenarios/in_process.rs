//! This file is about (b): a verify inside the calling process, nanoseconds a call and bytes a key.

use crate::report::{Bound, Section, Target};

/// The section's frame; it has no figures yet.
pub(super) fn run() -> Section {
    let target = |promise, bound, unit| Target { promise, measured: None, bound, unit };
    Section {
        title: "(b) Verify inside the process",
        method: Vec::new(),
        tables: Vec::new(),
        targets: vec![
            target("in-process verify at 1 M keys, median", Bound::AtMost(200.0), " ns"),
            target("the verifier's memory a key", Bound::AtMost(64.0), " bytes"),
        ],
        missing: Some("this scenario is not written yet.".to_owned()),
    }
}
