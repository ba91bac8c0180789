//! This file is about what is raised when there is no key to give back.

use keyward_client::Error;
use keyward_client::wire::Refusal;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyModule;

create_exception!(keyward, Refused, PyException, "The key is not valid for what was asked; `code` says why.");
create_exception!(keyward, Unavailable, PyException, "Nobody can tell now: neither valid nor invalid.");
create_exception!(keyward, AskServer, Unavailable, "Only the server can tell: see `Verifier.check`.");

/// Adds them to the module.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("Refused", py.get_type::<Refused>())?;
    module.add("Unavailable", py.get_type::<Unavailable>())?;
    module.add("AskServer", py.get_type::<AskServer>())
}

/// A refusal, with its code in the words of the API.
pub(crate) fn refused(py: Python<'_>, refusal: Refusal) -> PyErr {
    let code = code(refusal);
    let error = Refused::new_err(code);
    match error.value(py).setattr("code", code) {
        Ok(()) => error,
        Err(other) => other,
    }
}

/// A call that brought no answer.
pub(crate) fn failed(error: &Error) -> PyErr {
    match error {
        Error::Setup(_) => PyValueError::new_err(error.to_string()),
        _ => Unavailable::new_err(error.to_string()),
    }
}

const fn code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed => "malformed",
        Refusal::Unknown => "unknown",
        Refusal::Removed => "removed",
        Refusal::Suspended => "suspended",
        Refusal::Expired => "expired",
        Refusal::NotYetValid => "not_yet_valid",
        Refusal::InsufficientScope => "insufficient_scope",
        Refusal::AddressNotAllowed => "address_not_allowed",
        Refusal::RateLimited => "rate_limited",
        Refusal::UsedUp => "used_up",
        Refusal::WrongPin => "wrong_pin",
        Refusal::NoPin => "no_pin",
        Refusal::LevelNotGranted => "level_not_granted",
    }
}
