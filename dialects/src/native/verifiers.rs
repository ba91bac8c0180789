//! This file is about verifiers of others: who accepts keys besides the server, and the stream that one joins by.

use keyward_client::wire;
use keyward_core::command::Command;
use keyward_core::error::Error;
use keyward_core::verifiers::{Covered, Verifier};
use keyward_verifier::lease::{Mode, Standing};

use super::body;
use crate::dialect::{Form, Params, Parsed, Request};

pub(super) fn list(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    Ok(Command::ListVerifiers.into())
}

pub(super) fn stream_form(request: &Request<'_>) -> Result<Form, Error> {
    body::no_query(request).map(|()| Form::Verifier)
}

pub(super) fn show(verifiers: &[Verifier], position: u64) -> wire::Verifiers {
    let show = |verifier: &Verifier| wire::Verifier {
        name: verifier.name.clone(),
        incarnation: format!("{:032x}", verifier.incarnation),
        organization_id: verifier.organization.map(|organization| organization.to_string()),
        mode: match verifier.mode {
            Mode::Full => wire::VerifierMode::Full,
            Mode::Hot => wire::VerifierMode::Hot,
            Mode::Online => wire::VerifierMode::Online,
        },
        serve_stale: verifier.serve_stale,
        standing: match verifier.standing {
            Standing::Present => wire::VerifierStanding::Present,
            Standing::Gone => wire::VerifierStanding::Gone,
            Standing::Superseded => wire::VerifierStanding::Superseded,
            Standing::Lied => wire::VerifierStanding::Lied,
        },
        position: verifier.position,
        lag: position.saturating_sub(verifier.position),
        lease_millis: u64::try_from(verifier.lease.as_millis()).unwrap_or(u64::MAX),
    };
    wire::Verifiers { data: verifiers.iter().map(show).collect(), position }
}

pub(super) fn covered(covered: &Covered) -> wire::Covered {
    wire::Covered {
        name: covered.name.clone(),
        incarnation: format!("{:032x}", covered.incarnation),
        acknowledged_at: covered.acknowledged_at.map(|at| at.to_string()),
        lease_ran_out_at: covered.ran_out_at.map(|at| at.to_string()),
    }
}
