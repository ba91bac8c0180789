//! This file is about (f): what it costs to be spoken to in another system's words. The same work, natively and in every
//! dialect, on one server.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::keyward::{Keyward, expect_status};
use crate::load::http;
use crate::measure::Board;
use crate::report::{Bound, Section, Target, figures};
use crate::scenarios::{Bench, progress};

const NATIVE: &str = "native";
const INTSERV: &str = "IntServ";
/// Connections that ask.
const CONNECTIONS: usize = 64;
/// Keys of each owner whose keys are looked up.
const OWNED: usize = 10;

/// A method, a path and a body.
type Asked = (&'static str, String, String);

/// A language, with credentials and somebody to make keys for.
struct Language {
    name: &'static str,
    /// The header field of its credential, where it has one.
    credential: String,
    /// The request that makes a key; the number makes it differ from all others.
    issue: Box<dyn Fn(usize) -> Asked>,
    /// What a key is removed by, in the answer to that.
    id: fn(&Value) -> String,
    remove: Box<dyn Fn(&str) -> Asked>,
    /// The request that looks up an owner's keys, if there is one.
    look_up: Option<Asked>,
}

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut boards: [Board; 3] = Default::default();
    if let Some(program) = &bench.keyward {
        let folder = bench.folder("dialects")?;
        let keyward = Keyward::start(program, &folder.join("data"), None, &folder)?;
        let languages = languages(&keyward)?;
        measure(bench, &keyward, &languages, &mut boards)?;
    }
    let [look_ups, issues, removals] = &boards;
    let native = |_: &str| NATIVE.to_owned();
    Ok(Section {
        title: "(f) The same work in other systems' words",
        method: vec![format!(
            "One server, {CONNECTIONS} keep-alive connections of one thread; {} rounds, in each of which all languages take \
             turns, beginning with another one each time; each run ends after {} s or with its last request, and the next one \
             begins when the server is calm again. Looking up is listing the keys of an owner who has {OWNED} (cielo24: asking \
             for the account's key again; IntServ has no such call), before anything else is made. Then every language makes \
             {} keys and removes them. All are one commit each, but IntServ's issue, which makes a person and a badge. \
             cielo24's keys can be shown again, so that a secret more is sealed; Resolver names users and keys by numbers, \
             which are looked up first. The processor time is that of the whole server, with what its store tidies up, over \
             all rounds together; it judges, because rates of durable work vary with the disk.",
            rounds(bench),
            bench.plan.seconds,
            figures::whole(bench.plan.dialect_keys as f64),
        )],
        tables: vec![
            figures::costs("Looking up an owner's keys", look_ups, NATIVE, native),
            figures::costs("Issuing", issues, NATIVE, native),
            figures::costs("Removing", removals, NATIVE, native),
        ],
        targets: vec![
            target(
                "looking keys up in another system's words, processor time, of the native call's",
                look_ups,
            ),
            target("issuing in another system's words, processor time, of the native call's", issues),
            target("removing in another system's words, processor time, of the native call's", removals),
        ],
        missing: bench.missing_keyward(),
    })
}

/// The dialect that adds most, of those whose call does the same.
fn target(promise: &'static str, board: &Board) -> Target {
    let others = board.series().iter().filter(|series| ![NATIVE, INTSERV].contains(&series.name.as_str()));
    let worst = others.filter_map(|series| board.cpu_ratio(&series.name, NATIVE));
    Target { promise, measured: worst.reduce(f64::max), bound: Bound::AtMost(1.1), unit: "" }
}

fn measure(
    bench: &Bench,
    keyward: &Keyward,
    languages: &[Language],
    [look_ups, issues, removals]: &mut [Board; 3],
) -> Result<()> {
    let limit = Duration::from_secs(bench.plan.seconds);
    let ask = |requests: &[Vec<u8>], hear: &dyn Fn(&http::Answer<'_>) -> Result<()>| {
        let load = || http::run(keyward.http, CONNECTIONS, requests, limit, |_, answer| hear(answer));
        keyward.process.under(load)
    };
    let number = RefCell::new(0);
    let issue = |language: &Language, count: usize| {
        let first = number.replace_with(|number| *number + count);
        let requests: Vec<_> =
            (first..first + count).map(|number| bytes(language, &(language.issue)(number))).collect();
        let ids = RefCell::new(Vec::with_capacity(count));
        let reading = ask(&requests, &|answer| {
            ok(answer)?;
            ids.borrow_mut().push((language.id)(&serde_json::from_slice(answer.body)?));
            Ok(())
        })?;
        anyhow::Ok((reading, ids.into_inner()))
    };
    for language in languages {
        issue(language, OWNED)?;
    }
    for round in 1..=rounds(bench) {
        progress(&format!("(f) looking up, round {round}"));
        for language in in_turn(languages, round) {
            let Some(look_up) = &language.look_up else { continue };
            let requests = vec![bytes(language, look_up); bench.plan.dialect_keys];
            look_ups.record(language.name, ask(&requests, &ok)?);
        }
    }
    for round in 1..=rounds(bench) {
        progress(&format!("(f) issuing and removing, round {round}"));
        for language in in_turn(languages, round) {
            let (reading, ids) = issue(language, bench.plan.dialect_keys)?;
            issues.record(language.name, reading);
            rustix::fs::sync();
            let requests: Vec<_> = ids.iter().map(|id| bytes(language, &(language.remove)(id))).collect();
            removals.record(language.name, ask(&requests, &ok)?);
        }
    }
    Ok(())
}

/// More than elsewhere: a store tidies up in lumps, which have to even out.
const fn rounds(bench: &Bench) -> usize {
    bench.plan.rounds * 3
}

/// All, beginning with another one each round.
fn in_turn(languages: &[Language], round: usize) -> impl Iterator<Item = &Language> {
    languages.iter().cycle().skip(round % languages.len()).take(languages.len())
}

fn ok(answer: &http::Answer<'_>) -> Result<()> {
    match answer.status {
        200 | 201 | 204 => Ok(()),
        _ => expect_status(answer, 200),
    }
}

fn bytes(language: &Language, (method, path, body): &Asked) -> Vec<u8> {
    http::request_with(method, path, &language.credential, body)
}

fn languages(keyward: &Keyward) -> Result<Vec<Language>> {
    let account = keyward.create_account("bench")?;
    let token = keyward.ready("/intserv/token")?;
    let (user, password) = (keyward.ready("/cielo24/username")?, keyward.ready("/cielo24/password")?);
    let login = format!("/api/account/login?v=1&username={user}&password={password}");
    let session = found(&keyward.ask("GET", &login, "", "")?, "/api_token")?;
    let body = json!({ "email": keyward.ready("/resolver/email")?, "password": keyward.ready("/resolver/password")? });
    let signed_in = keyward.ask("POST", "/user/authenticate", "", &body.to_string())?;
    let resolver = format!("Authorization: bearer {}", found(&signed_in, "/token")?);
    let me = keyward.ask("GET", "/user/users/me", &resolver, "")?;
    let me = me.pointer("/id").and_then(Value::as_u64).context("a number")?;
    let cielo24 = move |call: &str| format!("/api/account/{call}&v=1&api_token={session}");
    let (generate, remove) = (cielo24.clone(), cielo24.clone());
    let owner = account.clone();
    Ok(vec![
        Language {
            name: NATIVE,
            credential: format!("Authorization: Bearer {}", keyward.secret),
            issue: Box::new(move |_| {
                let body = json!({ "kind": "secret", "name": "bench", "account_id": account });
                ("POST", "/v1/keys".to_owned(), body.to_string())
            }),
            id: |made| found(made, "/key/id").unwrap_or_default(),
            remove: Box::new(|id| ("DELETE", format!("/v1/keys/{id}"), String::new())),
            look_up: Some(("GET", format!("/v1/keys?account_id={owner}"), String::new())),
        },
        Language {
            name: "cielo24",
            credential: String::new(),
            issue: Box::new(move |_| ("GET", generate("generate_api_key?force_new=true"), String::new())),
            id: |made| found(made, "/ApiKey").unwrap_or_default(),
            remove: Box::new(move |key| {
                ("GET", remove(&format!("remove_api_key?api_securekey={key}")), String::new())
            }),
            look_up: Some(("GET", cielo24("generate_api_key?"), String::new())),
        },
        Language {
            name: "discue",
            credential: format!("X-API-KEY: {}", keyward.ready("/discue/api_key")?),
            issue: Box::new(|_| ("POST", "/v1/api_keys".to_owned(), "{}".to_owned())),
            id: |made| found(made, "/_links/self/href").unwrap_or_default(),
            remove: Box::new(|path| ("DELETE", path.to_owned(), String::new())),
            look_up: Some(("GET", "/v1/api_keys".to_owned(), String::new())),
        },
        Language {
            name: INTSERV,
            credential: format!("Authorization: Bearer {token}"),
            issue: Box::new(|number| {
                let badge = json!({ "type": "proximity", "identification": format!("EM:{number}") });
                ("POST", "/v1/accesskeys/add".to_owned(), json!({ "key": badge }).to_string())
            }),
            id: |made| found(made, "/id").unwrap_or_default(),
            remove: Box::new(|id| {
                ("POST", "/v1/accesskeys/remove".to_owned(), json!({ "id": id }).to_string())
            }),
            look_up: None,
        },
        Language {
            name: "Resolver",
            credential: resolver,
            issue: Box::new(move |_| {
                let body = json!({ "orgUserId": me, "name": "bench" });
                ("POST", "/user/apiKey".to_owned(), body.to_string())
            }),
            id: |made| made.pointer("/id").map(Value::to_string).unwrap_or_default(),
            remove: Box::new(|id| ("DELETE", format!("/user/apiKey/{id}"), String::new())),
            look_up: Some(("GET", format!("/user/apiKey/user/{me}"), String::new())),
        },
    ])
}

fn found(answer: &Value, pointer: &str) -> Result<String> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("no {pointer}"))
}
