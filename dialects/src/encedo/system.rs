//! This file is about the unit itself: how it is, what it is, and starting anew.

mod config;

use std::sync::Arc;

use keyward_core::error::Error;
use serde_json::{Map, Value, json};

pub(super) use self::config::{configure, show};
use super::answers::{Flow, done, say};
use super::audit::Event;
use super::encoding::{encode, encode_url_safe};
use super::gate::Admitted;
use super::page::without_port;
use super::state::Loaded;
use super::{keys, logging};

/// The state of the device's own tests: none has failed.
const NO_FAILURE: u64 = 0;
/// What there is no sensor for, and no context.
const NONE: u64 = 0;
/// How many keys the vendor's smaller device has room for; here there is always room for so many more.
const FREE_SLOTS: u64 = 8192;

/// How it is. Anybody may ask, over plain HTTP too.
pub(super) fn status(admitted: &Arc<Admitted>) -> Flow {
    let ask = &admitted.ask;
    let now = ask.unit.now();
    let mut shown = Map::from_iter([
        ("ctx".to_owned(), NONE.into()),
        ("uptime".to_owned(), ask.unit.uptime_seconds().into()),
        ("temp".to_owned(), NONE.into()),
        ("fls_state".to_owned(), NO_FAILURE.into()),
        ("ts".to_owned(), now.to_string().into()),
        ("time".to_owned(), now.seconds().into()),
    ]);
    if !ask.tls {
        shown.insert("https".to_owned(), true.into());
    }
    if admitted.loaded().is_ok_and(|loaded| loaded.owner.is_none()) {
        shown.insert("inited".to_owned(), false.into());
    }
    // Clients go on under the name that they are told.
    if let Some(owner) = ask.unit.owner().as_ref()
        && !without_port(&ask.host).eq_ignore_ascii_case(without_port(&owner.hostname))
    {
        shown.insert("hostname".to_owned(), owner.hostname.as_str().into());
    }
    say(&Value::Object(shown))
}

/// What it is. The vendor's tools look for the kind of device in `hwv`, and for a build that may be damaged in `fwv`.
pub(super) fn version(_: &Arc<Admitted>) -> Flow {
    let version = env!("CARGO_PKG_VERSION");
    say(&json!({ "hwv": "keyward-PPA", "fwv": version, "blv": version, "fws": version, "fwk": version }))
}

/// What a client is to take to the vendor's service, which is not needed here: whatever it brings back will do.
pub(super) fn check_out(admitted: &Arc<Admitted>) -> Flow {
    say(&json!({ "check": encode(&admitted.ask.unit.random::<32>()) }))
}

pub(super) fn check_in(admitted: &Arc<Admitted>) -> Flow {
    let is_named = admitted.ask.fields()?.names().any(|name| name == "checked");
    is_named.then_some(()).ok_or_else(|| Error::invalid("checked", "given"))?;
    say(&json!({ "status": "OK" }))
}

/// Ends every session and begins a new file of the log.
pub(super) fn restart(admitted: &Arc<Admitted>) -> Flow {
    let unit = &admitted.ask.unit;
    unit.end_sessions();
    logging::begin(unit, admitted.loaded()?, Some(Event::Restarted), done)
}

pub(super) fn self_test(admitted: &Arc<Admitted>) -> Flow {
    let now = admitted.ask.unit.now().seconds();
    Ok(keys::fold(
        0_u64,
        |total, _| *total += 1,
        move |total| {
            Ok(keys::count_removed(move |deleted| {
                say(&json!({
                    "fls_state": NO_FAILURE,
                    "selftest_ts": now,
                    "repo_stats": {
                        "total": total,
                        "deleted": deleted,
                        "invalid": NONE,
                        "fragmented": NONE,
                        "freeslots": FREE_SLOTS,
                    },
                }))
            }))
        },
    ))
}

/// Proves that it is this unit.
pub(super) fn attestation(admitted: &Arc<Admitted>) -> Flow {
    let nonce = admitted.ask.unit.random::<32>();
    attest(admitted.loaded()?, &nonce, |genuine| say(&json!({ "genuine": genuine })))
}

/// The vendor's factory may; nobody here.
pub(super) fn provision(_: &Arc<Admitted>) -> Flow {
    Err(Error::Forbidden)
}

/// Who the unit is and something that was just drawn, as JSON, signed by the key of its log: two parts with a dot between them.
pub(super) fn attest(
    loaded: &Loaded,
    nonce: &[u8],
    next: impl FnOnce(String) -> Flow + Send + 'static,
) -> Flow {
    let state = &loaded.state;
    let statement = json!({
        "instanceid": hex::encode(state.instance),
        "eid": state.eid_text(),
        "key": encode(&state.signer_public),
        "nonce": encode(nonce),
    });
    let statement = encode_url_safe(statement.to_string().as_bytes());
    Ok(keys::sign(state.signer()?, statement.as_bytes(), {
        let statement = statement.clone();
        move |signature| next(format!("{statement}.{}", encode_url_safe(&signature)))
    }))
}
