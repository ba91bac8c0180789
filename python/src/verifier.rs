//! This file is about the verifier: the SDK's, with a runtime of its own, that lets other Python threads run while it waits.

use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use keyward_client as sdk;
use keyward_client::wire::Secret;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;

use crate::errors::{AskServer, Unavailable, failed, refused};
use crate::key::{Key, Removed};

/// How often a wait looks whether the program was interrupted.
const LOOK: Duration = Duration::from_millis(100);

/// A verifier in this process.
#[pyclass(frozen, module = "keyward")]
pub(crate) struct Verifier {
    verifier: sdk::Verifier,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

#[pymethods]
impl Verifier {
    #[new]
    #[pyo3(signature = (url, secret, *, name, ca_file=None, online=false, serve_stale=false, anchor=None, log_key=None, on_remove=None))]
    #[expect(clippy::too_many_arguments, reason = "they are named where it is called")]
    fn new(
        url: &str,
        secret: String,
        name: String,
        ca_file: Option<PathBuf>,
        online: bool,
        serve_stale: bool,
        anchor: Option<PathBuf>,
        log_key: Option<&str>,
        on_remove: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let secret = Secret::new(secret);
        let client = match ca_file {
            Some(file) => sdk::Client::with_ca_file(url, &secret, &file),
            None => sdk::Client::new(url, &secret),
        };
        let mut options = sdk::VerifierOptions::named(name);
        if online {
            options = options.online();
        }
        if serve_stale {
            options = options.serve_stale();
        }
        if let Some(file) = anchor {
            options = options.anchor(file);
        }
        if let Some(key) = log_key {
            let key =
                key.trim_end().parse().map_err(|_| PyValueError::new_err("log_key: not a log's key"))?;
            options = options.log_key(key);
        }
        if let Some(call) = on_remove {
            options = options.on_remove(move |removed| tell(&call, removed));
        }
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| PyOSError::new_err(error.to_string()))?;
        let started = {
            let _inside = runtime.enter();
            client.and_then(|client| sdk::Verifier::start(client, options))
        };
        let verifier = started.map_err(|error| failed(&error))?;
        Ok(Self { verifier, runtime: Some(runtime) })
    }

    /// Waits until it may accept keys.
    #[pyo3(signature = (timeout=None))]
    fn ready(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        if self.wait_until(py, timeout, self.verifier.ready())? {
            return Ok(());
        }
        let why = self.verifier.trouble().unwrap_or_else(|| "no lease yet".to_owned());
        Err(PyTimeoutError::new_err(why))
    }

    /// Waits until it may not accept keys, or might not for a while since this was called.
    #[pyo3(signature = (timeout=None))]
    fn lapsed(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<()> {
        let lapsed = self.wait_until(py, timeout, self.verifier.lapsed())?;
        if lapsed { Ok(()) } else { Err(PyTimeoutError::new_err("the lease runs")) }
    }

    #[pyo3(signature = (secret, scopes=Vec::new(), address=None))]
    fn verify(
        &self,
        py: Python<'_>,
        secret: &str,
        scopes: Vec<String>,
        address: Option<&str>,
    ) -> PyResult<Key> {
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let needs = sdk::Needs { scopes: &scopes, address: parsed(address)? };
        told(py, self.verifier.verify(secret, &needs))
    }

    #[pyo3(signature = (secret, scopes=Vec::new(), address=None))]
    fn check(
        &self,
        py: Python<'_>,
        secret: &str,
        scopes: Vec<String>,
        address: Option<&str>,
    ) -> PyResult<Key> {
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let needs = sdk::Needs { scopes: &scopes, address: parsed(address)? };
        let checked = self.wait(py, self.verifier.check(secret, &needs))?;
        told(py, checked.map_err(|error| failed(&error))?)
    }

    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        self.wait(py, self.verifier.leave())
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, py: Python<'_>, _raised: &Bound<'_, pyo3::types::PyTuple>) -> PyResult<()> {
        self.leave(py)
    }

    #[getter]
    fn is_available(&self) -> bool {
        self.verifier.is_available()
    }

    #[getter]
    fn trouble(&self) -> Option<String> {
        self.verifier.trouble()
    }

    fn __len__(&self) -> usize {
        self.verifier.len()
    }
}

impl Verifier {
    /// Waits for an event, for so many seconds at most, while other Python threads run; whether it came.
    fn wait_until(
        &self,
        py: Python<'_>,
        timeout: Option<f64>,
        event: impl Future<Output = ()> + Send,
    ) -> PyResult<bool> {
        let mut left = timeout.map(Duration::try_from_secs_f64).transpose();
        let left = left.as_mut().map_err(|error| PyValueError::new_err(error.to_string()))?;
        let mut event = pin!(event);
        loop {
            let slice = left.map_or(LOOK, |left| left.min(LOOK));
            if self.wait(py, async { self::timeout(slice, event.as_mut()).await.is_ok() })? {
                return Ok(true);
            }
            py.check_signals()?;
            if let Some(left) = left {
                *left = left.saturating_sub(slice);
                if left.is_zero() {
                    return Ok(false);
                }
            }
        }
    }

    /// Waits while other Python threads run.
    fn wait<T: Send>(&self, py: Python<'_>, future: impl Future<Output = T> + Send) -> PyResult<T> {
        if Handle::try_current().is_ok() {
            // On the thread that calls `on_remove`: it would wait for itself.
            return Err(PyRuntimeError::new_err("on_remove may not wait: hand it to another thread"));
        }
        let runtime = self.runtime.as_ref().ok_or_else(|| Unavailable::new_err("it has ended"))?;
        Ok(py.detach(|| runtime.block_on(future)))
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        // Waiting for its thread could last for ever: that may wait to call `on_remove` until this one lets it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Calls `on_remove`. What it raises is printed: nobody could handle it.
fn tell(call: &Py<PyAny>, removed: sdk::Removed) {
    // None: Python is about to end.
    Python::try_attach(|py| {
        if let Err(error) = call.call1(py, (Removed(removed),)) {
            error.write_unraisable(py, Some(call.bind(py)));
        }
    });
}

fn told(py: Python<'_>, verdict: sdk::Verdict) -> PyResult<Key> {
    match verdict {
        sdk::Verdict::Valid(key) => Ok(Key(key)),
        sdk::Verdict::Refused(refusal) => Err(refused(py, refusal)),
        sdk::Verdict::Ask => Err(AskServer::new_err("only the server can tell")),
        sdk::Verdict::Unavailable => Err(Unavailable::new_err("no lease")),
    }
}

fn parsed(address: Option<&str>) -> PyResult<Option<IpAddr>> {
    let parsed = address.map(str::parse).transpose();
    parsed.map_err(|_| PyValueError::new_err("address: not an IP address"))
}
