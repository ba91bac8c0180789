//! `keyward bench window`, held against systems whose window is known: a few lines of shell, and Keyward itself.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{PROGRAM, Server, folder};

/// Two live keys are two files. Some systems leave `KEY.1`, `KEY.2`, ... behind, each good for one more verify: removing a
/// folder is atomic, so that none of them is good for two.
const CREATE: &str = "mktemp key.XXXXXX";
const VERIFY: &str = "test -e {key} || rmdir {key}.1 || rmdir {key}.2 || rmdir {key}.3";
const REMOVE: &str = "rm {key}";

/// Measures; the rows.
fn measured(folder: &Path, options: &[&str]) -> Vec<Value> {
    let mut program = Command::new(PROGRAM);
    program.current_dir(folder).args(["bench", "window", "--json", "--trials", "2", "--askers", "2"]);
    let output = program.args(["--quiet", "0.1"]).args(options).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    printed["rows"].as_array().expect("rows").clone()
}

/// A row's counts: trials, unavailable, accepts, trials with accepts, trials that go on.
fn counts(row: &Value) -> [u64; 5] {
    ["trials", "unavailable", "accepts", "accepted_trials", "going_on"]
        .map(|name| row[name].as_u64().expect("a count"))
}

#[test]
fn a_system_that_forgets_at_once_has_no_window() {
    let folder = folder();
    let system = ["--create", CREATE, "--verify", VERIFY, "--remove", REMOVE, "--restart", "true"];
    let rows = measured(folder.path(), &system);
    assert_eq!([counts(&rows[0]), counts(&rows[1])], [[2, 0, 0, 0, 0]; 2]);
    assert!(rows.iter().all(|row| row["asks"].as_u64() > Some(0) && row["max_seconds"] == 0.0), "{rows:?}");
}

#[test]
fn a_system_that_never_forgets_is_accepted_until_the_end() {
    let folder = folder();
    let system = ["--create", CREATE, "--verify", VERIFY, "--remove", "true", "--limit", "0.5"];
    let rows = measured(folder.path(), &system);
    let [trials, unavailable, accepts, accepted_trials, going_on] = counts(&rows[0]);
    assert_eq!((trials, unavailable, accepted_trials, going_on), (2, 0, 2, 2));
    assert_eq!(Some(accepts), rows[0]["asks"].as_u64());
    assert!(rows[0]["median_seconds"].as_f64() > Some(0.0), "{rows:?}");
}

#[test]
fn what_a_restart_brings_back_is_counted_until_it_is_gone() {
    let folder = folder();
    let system = ["--create", CREATE, "--verify", VERIFY, "--remove", REMOVE];
    let rows =
        measured(folder.path(), &[&system[..], &["--restart", "mkdir {key}.1 {key}.2 {key}.3"]].concat());
    assert_eq!(rows.iter().map(|row| &row["after"]).collect::<Vec<_>>(), ["the removal", "a restart"]);
    assert_eq!(counts(&rows[0]), [2, 0, 0, 0, 0]);
    let [trials, unavailable, accepts, accepted_trials, going_on] = counts(&rows[1]);
    assert_eq!((trials, unavailable, accepted_trials, going_on), (2, 0, 2, 0));
    // Three in each trial, less what the two asks took that were under way since before the removal's answer.
    assert!((2..=6).contains(&accepts), "{rows:?}");
}

#[test]
fn what_a_backup_brings_back_is_counted() {
    let folder = folder();
    let system = ["--create", CREATE, "--verify", VERIFY, "--remove", REMOVE, "--limit", "0.5"];
    let backup = ["--backup", "cp {key} {key}.old", "--restore", "mv {key}.old {key}"];
    let rows = measured(folder.path(), &[&system[..], &backup].concat());
    assert_eq!(rows.iter().map(|row| &row["after"]).collect::<Vec<_>>(), ["the removal", "a restore"]);
    let [trials, unavailable, accepts, accepted_trials, going_on] = counts(&rows[1]);
    assert_eq!((trials, unavailable, accepted_trials, going_on), (2, 0, 2, 2));
    assert!(accepts > 0);
}

#[test]
fn a_system_that_does_not_come_back_has_proved_nothing() {
    let folder = folder();
    let system = ["--create", CREATE, "--verify", VERIFY, "--remove", REMOVE, "--patience", "3"];
    let rows = measured(folder.path(), &[&system[..], &["--restart", "rm -f key.*"]].concat());
    assert_eq!(counts(&rows[1]), [1, 1, 0, 0, 0]);
}

#[test]
fn what_is_accepted_of_a_system_that_does_not_come_back_counts() {
    let folder = folder();
    let system = ["--create", CREATE, "--verify", VERIFY, "--remove", REMOVE, "--patience", "3"];
    let restart = "rm -f key.*; mkdir {key}.1 {key}.2 {key}.3";
    let rows = measured(folder.path(), &[&system[..], &["--restart", restart]].concat());
    let [trials, unavailable, accepts, accepted_trials, _] = counts(&rows[1]);
    assert_eq!((trials, unavailable, accepted_trials), (1, 0, 1));
    assert!((1..=3).contains(&accepts), "{rows:?}");
}

/// Every key ends at the restart, as keys with a short life do meanwhile; the control does not.
#[test]
fn a_control_that_outlives_the_keys_tells_an_end_from_a_failure() {
    let folder = folder();
    let system = ["--create", CREATE, "--control", "mktemp control.XXXXXX", "--verify", VERIFY];
    let options = ["--remove", "true", "--limit", "0.5", "--restart", "rm -f key.*"];
    let rows = measured(folder.path(), &[&system[..], &options].concat());
    let [trials, unavailable, _, accepted_trials, going_on] = counts(&rows[0]);
    assert_eq!((trials, unavailable, accepted_trials, going_on), (2, 0, 2, 2));
    let [trials, unavailable, .., going_on] = counts(&rows[1]);
    assert_eq!((trials, unavailable, going_on), (2, 0, 0));
}

#[test]
fn keyward_itself_has_no_window() {
    let (data, here) = (folder(), folder());
    let server = Server::start(data.path());
    let curl = format!("curl -sf -H 'Authorization: Bearer {}' {}/v1/keys", server.owner, server.http);
    let body = r#"-H 'Content-Type: application/json' -d '{"kind":"secret","name":"window"}'"#;
    let words = r#"sed 's/.*"id":"\([^"]*\)".*"secret":"\([^"]*\)".*/\1 \2/'"#;
    let rows = measured(
        here.path(),
        &[
            "--create",
            &format!("{curl} {body} | {words}"),
            "--verify-url",
            &format!("{}/v1/forward-auth", server.http),
            "--verify-header",
            &format!("Keyward-Credential: {}", server.owner),
            "--verify-header",
            "Authorization: Bearer {key}",
            "--remove",
            &format!("{curl}/{{id}} -X DELETE"),
        ],
    );
    assert_eq!(counts(&rows[0]), [2, 0, 0, 0, 0]);
    assert!(rows[0]["asks"].as_u64() > Some(0));
}
