//! This file is about the package for Python: the SDK's verifier, which judges keys in the own process.

mod errors;
mod key;
mod verifier;

use pyo3::prelude::*;

/// Verifies Keyward's keys in the own process.
#[pymodule]
fn keyward(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<key::Key>()?;
    module.add_class::<key::Removed>()?;
    module.add_class::<verifier::Verifier>()?;
    errors::add(module)
}
