//! `docs/errors.md`: what every error looks like in every dialect. The page is compared on every run; with
//! `UPDATE_DOCS=1` it is written.

use std::fmt::Write;
use std::path::Path;

use keyward_dialects::Dialect;

use crate::samples::{dialect, errors, name, send};

const HEAD: &str = "# Errors on the wire

Written by a test of the `dialects` crate from the fault tables; `UPDATE_DOCS=1 cargo test -p keyward-dialects`
writes it again. The names in the first column are those of `core/src/error.rs`.

";

#[test]
fn the_page_says_what_the_fault_tables_do() {
    let mut page = HEAD.to_owned();
    table(&mut page, &dialect());
    for vendor in keyward_dialects::vendors().unwrap_or_else(|error| panic!("{error:?}")) {
        vendors_table(&mut page, &vendor);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/errors.md is out of date: run with UPDATE_DOCS=1");
}

/// In the form of another system: status and body as they go out.
fn vendors_table(page: &mut String, dialect: &Dialect) {
    let sent = send("GET", "/v1/keys");
    writeln!(page, "\n## {}\n\n| error | status | body |\n|---|---|---|", dialect.name).unwrap();
    for error in errors() {
        let response = (dialect.fault)(&error, &sent.request(), "request-1");
        let body = String::from_utf8(response.body).unwrap();
        let body = body.trim_end().replace('|', "\\|");
        writeln!(page, "| {} | {} | `{body}` |", name(&error), response.status.as_u16()).unwrap();
    }
}

fn table(page: &mut String, dialect: &Dialect) {
    let sent = send("GET", "/v1/keys");
    writeln!(page, "## {}\n\n| error | status | code | header fields | detail |", dialect.name).unwrap();
    page.push_str("|---|---|---|---|---|\n");
    for error in errors() {
        let response = (dialect.fault)(&error, &sent.request(), "request-1");
        let problem: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        let headers = response.headers.iter().filter(|(name, _)| *name != "content-type");
        let headers: Vec<String> =
            headers.map(|(name, value)| format!("`{name}: {}`", value.to_str().unwrap())).collect();
        writeln!(
            page,
            "| {} | {} | `{}` | {} | {} |",
            name(&error),
            response.status.as_u16(),
            problem["code"].as_str().unwrap(),
            headers.join(" "),
            problem["detail"].as_str().unwrap(),
        )
        .unwrap();
    }
}
