//! This file is about a request of a transcript, and what is shown of an operation: a call that goes well, one that names
//! what is not there, and one that is misshapen.

/// A request.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) headers: Vec<String>,
    pub(super) body: Option<String>,
    /// The header field that says who asks, which is not shown; a credential that travels elsewhere is.
    pub(super) credential: Option<String>,
}

/// What is shown of an operation.
pub(super) struct Shown {
    pub(super) ok: Call,
    pub(super) missing: Option<Call>,
    pub(super) malformed: Call,
    /// What else is worth seeing, after the first five, by whoever may.
    pub(super) more: Vec<(&'static str, Call)>,
    /// Whether it belongs to nobody, so that a stranger is answered like everybody.
    pub(super) is_everybodys: bool,
}

impl Call {
    pub(super) fn with(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }

    /// The same request, with this header field as its credential.
    pub(super) fn signed(self, header: String) -> Self {
        Self { credential: Some(header), ..self }
    }
}

impl Shown {
    pub(super) fn more(mut self, title: &'static str, call: Call) -> Self {
        self.more.push((title, call));
        self
    }

    pub(super) fn for_everybody(self) -> Self {
        Self { is_everybodys: true, ..self }
    }
}

pub(super) fn bare(method: &'static str, path: impl Into<String>) -> Call {
    Call { method, path: path.into(), headers: Vec::new(), body: None, credential: None }
}

/// With a body as it stands, to show what JSON of ours cannot be.
#[expect(clippy::needless_pass_by_value, reason = "a call reads best with its body written where it is sent")]
pub(super) fn sent(method: &'static str, path: impl Into<String>, body: impl ToString) -> Call {
    let body = Some(body.to_string());
    Call { body, ..bare(method, path) }.with("Content-Type: application/json")
}

pub(super) fn shows(ok: Call, missing: impl Into<Option<Call>>, malformed: Call) -> Shown {
    Shown { ok, missing: missing.into(), malformed, more: Vec::new(), is_everybodys: false }
}
