//! This file is about a valid key, and about what is no longer to be accepted.

use keyward_client as sdk;
use pyo3::prelude::*;

/// A valid key.
#[pyclass(frozen, module = "keyward")]
pub(crate) struct Key(pub(crate) sdk::Key);

#[pymethods]
impl Key {
    #[getter]
    fn id(&self) -> String {
        self.0.id().to_string()
    }

    #[getter]
    fn account_id(&self) -> String {
        self.0.account().to_string()
    }

    #[getter]
    fn organization_id(&self) -> String {
        self.0.organization().to_string()
    }

    #[getter]
    fn scopes(&self) -> Vec<String> {
        self.0.scopes().to_vec()
    }

    #[getter]
    fn expires_at(&self) -> Option<u64> {
        self.0.expires_at()
    }

    fn has_scope(&self, scope: &str) -> bool {
        self.0.has_scope(scope)
    }

    fn __repr__(&self) -> String {
        format!("<Key {}>", self.0.id())
    }
}

/// What is no longer to be accepted: a key, or every key of an account or an organization.
#[pyclass(frozen, module = "keyward")]
pub(crate) struct Removed(pub(crate) sdk::Removed);

#[pymethods]
impl Removed {
    #[getter]
    fn key_id(&self) -> Option<String> {
        match self.0 {
            sdk::Removed::Key(id) => Some(id.to_string()),
            sdk::Removed::Owner(_) => None,
        }
    }

    fn concerns(&self, key: &Key) -> bool {
        self.0.concerns(&key.0)
    }
}
