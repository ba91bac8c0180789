//! This file is about the end: killed at any moment, or told to stop, nothing that was answered is lost.

use std::io::{self, Write as _};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use serde_json::json;

use super::client::{Client, Dice, signing_key};
use super::program::{is_whole, keyward};
use crate::harness::{Server, folder};

const ROUNDS: usize = 16;
const CLIENTS: usize = 8;

/// A key, and what shows that it is there.
struct Key {
    id: String,
    proof: Proof,
}

enum Proof {
    /// The secret is accepted.
    Secret(String),
    /// It makes this signature again, which it never left for.
    Signature(String),
}

impl Key {
    /// Makes one; an error if the server is gone.
    fn make(client: &mut Client, dice: &mut Dice) -> io::Result<Self> {
        let ask = match dice.below(4) {
            0 => signing_key("load"),
            _ => json!({ "kind": "secret", "name": "load" }),
        };
        let issued = client.call("POST", "/v1/keys", Some(&ask))?;
        assert_eq!(issued.status, 201, "{}", issued.body);
        let issued = issued.json();
        let id = issued["key"]["id"].as_str().expect("text").to_owned();
        let proof = match issued["secret"].as_str() {
            Some(secret) => Proof::Secret(secret.to_owned()),
            None => Proof::Signature(client.signs(&id)?.expect("it is there")),
        };
        Ok(Self { id, proof })
    }

    /// Whether it is there, as what it was; not that it is unknown.
    fn lives(&self, client: &mut Client) -> bool {
        match &self.proof {
            Proof::Secret(secret) => {
                let ask = json!({ "secret": secret });
                let verdict = client.call("POST", "/v1/keys/verify", Some(&ask)).expect("an answer").json();
                let lives = verdict["valid"] == true;
                let known = if lives { verdict["key_id"] == *self.id } else { verdict["code"] == "removed" };
                assert!(known, "{} is lost: {verdict}", self.id);
                lives
            }
            Proof::Signature(first) => {
                let now = client.signs(&self.id).expect("an answer");
                assert!(now.as_ref().is_none_or(|now| now == first), "{} is another key", self.id);
                now.is_some()
            }
        }
    }
}

/// What the clients know.
#[derive(Default)]
struct Known {
    /// Answered, and nothing asked about it since.
    live: Vec<Key>,
    /// Removed, and that was answered.
    removed: Vec<Key>,
    /// Its removal was asked for, and no answer came.
    perhaps: Vec<Key>,
}

#[test]
fn a_server_killed_at_any_moment_has_lost_nothing_that_it_answered() {
    let mut dice = Dice::new("killed under load");
    let folder = folder();
    let known = Mutex::new(Known::default());
    for round in 0..ROUNDS {
        let server = Server::configured(folder.path(), |_| {});
        holds(&server, &mut known.lock().expect("no panic"));
        let moment = 1 + dice.below(400);
        let (answered, answers) = channel();
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                let (dice, known, answered) = (dice.split(), &known, answered.clone());
                let client = Client::connect(server.http.trim_start_matches("http://"), &server.owner);
                scope.spawn(move || keep_busy(client.expect("it listens"), dice, known, &answered));
            }
            for _ in 0..moment {
                answers.recv().expect("a client");
            }
            server.kill();
        });
        // Every other time the server is the first to see what it left.
        if round % 2 == 0 {
            is_whole(folder.path());
        }
    }
    let server = Server::configured(folder.path(), |_| {});
    let mut known = known.into_inner().expect("no panic");
    holds(&server, &mut known);
    assert!(known.removed.len() > 100 && known.live.len() > 100, "too little was done");
    let key = folder.path().join("keys/log.pub");
    for Key { id, .. } in known.removed.iter().rev().take(10) {
        let receipt = folder.path().join("receipt");
        let name = id.replace("key_", "rcpt_");
        let answer = server.call("GET", &format!("/v1/receipts/{name}"), None);
        std::fs::write(&receipt, &answer.body).expect("it can be written");
        let paths = [receipt.to_str(), key.to_str()].map(|path| path.expect("text"));
        let done = keyward(&["receipt", "check", paths[0], "--key", paths[1]]);
        assert_eq!(done.code, Some(0), "{done:?} {}", answer.body);
    }
    assert_eq!(server.stop().code(), Some(0));
    is_whole(folder.path());
}

/// Issues and removes until the server is gone.
fn keep_busy(mut client: Client, mut dice: Dice, known: &Mutex<Known>, answered: &Sender<()>) {
    let known = || known.lock().expect("no panic");
    loop {
        let Ok(made) = Key::make(&mut client, &mut dice) else { return };
        known().live.push(made);
        let _ = answered.send(());
        if dice.below(3) == 0 {
            continue;
        }
        let key = {
            let mut known = known();
            let place = dice.below(known.live.len());
            known.live.swap_remove(place)
        };
        match client.call("DELETE", &format!("/v1/keys/{}", key.id), None) {
            Err(_) => return known().perhaps.push(key),
            Ok(removed) => assert_eq!(removed.status, 204, "{}", removed.body),
        }
        known().removed.push(key);
        let _ = answered.send(());
    }
}

/// Fails unless everything is as the clients know it. What they could not know is settled from here on.
fn holds(server: &Server, known: &mut Known) {
    let mut client = Client::new(server);
    for key in &known.live {
        assert!(key.lives(&mut client), "{} is lost", key.id);
    }
    for key in std::mem::take(&mut known.perhaps) {
        if key.lives(&mut client) { known.live.push(key) } else { known.removed.push(key) }
    }
    for key in &known.removed {
        assert!(!key.lives(&mut client), "{} came back", key.id);
    }
}

#[test]
fn told_to_stop_it_answers_what_it_has_begun() {
    const KEYS: usize = 400;
    let mut dice = Dice::new("stopped under load");
    let folder = folder();
    let server = Server::configured(folder.path(), |config| {
        let limits = config["limits"].as_table_mut().expect("a table");
        // If anything waits for this, the test gives up.
        limits.insert("shutdown_seconds".to_owned(), 3600.into());
    });
    let keys: Vec<_> = (0..KEYS).map(|number| server.issue(&number.to_string())).collect();
    // They would all stay for longer.
    let _idle: Vec<_> = (0..20).map(|_| server.connect()).collect();
    let mut kept = Client::new(&server);
    kept.call("GET", "/healthz", None).expect("an answer");
    let mut follower = Client::new(&server);
    follower.follow("/v1/events?after=0").expect("it takes it");

    let (answered, answers) = channel();
    let outcomes: Mutex<Vec<(usize, bool)>> = Mutex::default();
    let address = server.http.trim_start_matches("http://").to_owned();
    let owner = server.owner.clone();
    let moment = 1 + dice.below(KEYS / 2);
    let ended = thread::scope(|scope| {
        for share in 0..CLIENTS {
            let (answered, outcomes, keys) = (answered.clone(), &outcomes, &keys);
            let mut client = Client::connect(&address, &owner).expect("it listens");
            scope.spawn(move || {
                for number in (share..KEYS).step_by(CLIENTS) {
                    let removed = client.call("DELETE", &format!("/v1/keys/{}", keys[number].0), None);
                    let status = removed.as_ref().map(|answer| answer.status).ok();
                    assert!(matches!(status, None | Some(204)), "{status:?}");
                    outcomes.lock().expect("no panic").push((number, status.is_some()));
                    if status.is_none() {
                        return;
                    }
                    let _ = answered.send(());
                }
            });
        }
        for _ in 0..moment {
            answers.recv().expect("a client");
        }
        server.stop()
    });
    assert_eq!(ended.code(), Some(0));

    let server = Server::configured(folder.path(), |_| {});
    let outcomes = outcomes.into_inner().expect("no panic");
    assert!(outcomes.iter().any(|(_, was_answered)| !was_answered), "it stopped after everything was done");
    let mut client = Client::new(&server);
    for (number, was_answered) in outcomes {
        let valid = client.accepts(&keys[number].1).expect("an answer");
        assert_eq!(valid, !was_answered, "key {number}: answered is done, and what is done is answered");
    }
    assert_eq!(server.stop().code(), Some(0));
    is_whole(folder.path());
}

#[test]
fn whoever_never_ends_a_request_cannot_keep_it_from_stopping() {
    let folder = folder();
    let server = Server::configured(folder.path(), |config| {
        config["limits"].as_table_mut().expect("a table").insert("shutdown_seconds".to_owned(), 1.into());
    });
    let (id, _) = server.issue("never");
    let mut held = Vec::new();
    for part in [
        "DELETE ",
        "DELETE /v1/keys HTTP/1.1\r\nHost: x\r\n",
        "POST /v1/keys HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
    ] {
        let mut stream = server.connect();
        stream.write_all(part.as_bytes()).expect("it takes it");
        held.push(stream);
    }
    assert_eq!(server.call("DELETE", &format!("/v1/keys/{id}"), None).status, 204);
    assert_eq!(server.stop().code(), Some(0));
}
