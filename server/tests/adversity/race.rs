//! This file is about a removal racing everything else: verifies, updates, rotations, other removals.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Barrier, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::client::{Client, Dice, signing_key};
use crate::harness::{Answer, Server, folder};

/// How many keys are removed while others look at them.
const REMOVALS: usize = 10_000;
/// How many keys that never leave are removed while others use them.
const CRYPTO_REMOVALS: usize = 2_000;
/// Threads that issue, and then remove; what arrives together shares a sync.
const REMOVERS: usize = 24;
const VERIFIERS: usize = 4;
const UPDATERS: usize = 2;

/// A key of the race, and when, on the race's own clock, the answer to its removal was there; 0 before that.
struct Runner {
    id: String,
    /// Keys that never leave have none.
    secret: Option<String>,
    removed: AtomicU64,
}

impl Runner {
    /// Whether it still works: is accepted, or signs.
    fn works(&self, client: &mut Client) -> bool {
        match &self.secret {
            Some(secret) => client.accepts(secret).expect("an answer"),
            None => client.signs(&self.id).expect("an answer").is_some(),
        }
    }
}

#[test]
fn no_verify_that_begins_after_the_answer_to_a_removal_is_accepted() {
    let ask = |name| json!({ "kind": "secret", "name": name });
    nothing_works_after_the_answer("removals against verifies and updates", REMOVALS, ask);
}

#[test]
fn no_use_that_begins_after_the_answer_to_a_removal_succeeds() {
    let ask = |name: String| signing_key(&name);
    nothing_works_after_the_answer("removals against signatures and updates", CRYPTO_REMOVALS, ask);
}

fn nothing_works_after_the_answer(story: &str, removals: usize, ask: impl Fn(String) -> Value + Sync) {
    let mut dice = Dice::new(story);
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let keys = issue(&server, removals, ask);
    let race =
        Race { keys, next: AtomicUsize::new(0), clock: AtomicU64::new(1), over: AtomicBool::new(false) };
    let accepted = Mutex::new(Vec::new());
    let refused = AtomicUsize::new(0);
    thread::scope(|scope| {
        let others: Vec<_> = (0..VERIFIERS)
            .map(|_| (dice.split(), Client::new(&server)))
            .map(|(dice, client)| scope.spawn(|| race.verify(dice, client, &accepted, &refused)))
            .collect();
        let updaters: Vec<_> = (0..UPDATERS)
            .map(|_| (dice.split(), Client::new(&server)))
            .map(|(dice, client)| scope.spawn(|| race.update(dice, client)))
            .collect();
        let removers: Vec<_> = (0..REMOVERS)
            .map(|_| Client::new(&server))
            .map(|client| scope.spawn(|| race.remove(client)))
            .collect();
        let removed = removers.into_iter().try_for_each(thread::ScopedJoinHandle::join);
        race.over.store(true, SeqCst);
        others.into_iter().chain(updaters).for_each(|other| other.join().expect("no thread panics"));
        removed.expect("no thread panics");
    });
    let accepted = accepted.into_inner().expect("no thread panicked");
    for (number, began) in &accepted {
        let removed = race.keys[*number].removed.load(SeqCst);
        assert!(
            removed == 0 || *began < removed,
            "key {number}: removed at {removed}, accepted a verify of {began}"
        );
    }
    // Otherwise nothing raced. How many meet depends on the machine; on a quiet one it is some hundreds.
    assert!(accepted.len() >= 20, "only {} verifies were early", accepted.len());
    assert!(refused.load(SeqCst) >= 20, "only {} verifies were late", refused.load(SeqCst));
    let mut client = Client::new(&server);
    for key in &race.keys {
        assert!(!key.works(&mut client), "{} still works", key.id);
    }
}

struct Race {
    keys: Vec<Runner>,
    /// The key that is removed next.
    next: AtomicUsize,
    clock: AtomicU64,
    over: AtomicBool,
}

impl Race {
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, SeqCst)
    }

    fn remove(&self, mut client: Client) {
        while let Some(key) = self.keys.get(self.next.fetch_add(1, SeqCst)) {
            remove(&mut client, &key.id);
            key.removed.store(self.now(), SeqCst);
        }
    }

    /// A key close to where removals are under way.
    fn near(&self, dice: &mut Dice) -> usize {
        let place = self.next.load(SeqCst) + dice.below(2 * REMOVERS);
        place.saturating_sub(2 * REMOVERS + REMOVERS / 2).min(self.keys.len() - 1)
    }

    fn verify(
        &self,
        mut dice: Dice,
        mut client: Client,
        accepted: &Mutex<Vec<(usize, u64)>>,
        refused: &AtomicUsize,
    ) {
        let mut seen = Vec::new();
        while !self.over.load(SeqCst) {
            let number = self.near(&mut dice);
            let began = self.now();
            if self.keys[number].works(&mut client) {
                seen.push((number, began));
            } else {
                refused.fetch_add(1, SeqCst);
            }
        }
        accepted.lock().expect("no thread panicked").extend(seen);
    }

    fn update(&self, mut dice: Dice, mut client: Client) {
        while !self.over.load(SeqCst) {
            let number = self.near(&mut dice);
            let path = format!("/v1/keys/{}", self.keys[number].id);
            let patch = json!({ "name": format!("seen {}", self.now()) });
            let answer = client.call("PATCH", &path, Some(&patch)).expect("an answer");
            assert!(matches!(answer.status, 200 | 410), "{}", answer.body);
        }
    }
}

/// What is thrown at a key at the same time as its removal.
const RIVALS: [(&str, &str, &str); 6] = [
    ("POST", "/rotate", r#"{"overlap_seconds":0}"#),
    ("POST", "/rotate", r#"{"overlap_seconds":3600}"#),
    ("POST", "/suspend", "{}"),
    ("POST", "/resume", "{}"),
    ("PATCH", "", r#"{"name":"renamed","expires_at":null}"#),
    ("DELETE", "", ""),
];

#[test]
fn whatever_a_removal_races_the_key_has_ended_when_it_is_answered() {
    const ROUNDS: usize = 200;
    let mut dice = Dice::new("removals against every other change");
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let keys = issue(&server, ROUNDS, |name| json!({ "kind": "secret", "name": name }));
    let mut successors = Vec::new();
    for key in &keys {
        let rivals: Vec<_> = (0..3).map(|_| RIVALS[dice.below(RIVALS.len())]).collect();
        let start = Barrier::new(rivals.len() + 1);
        let (receipt, others) = thread::scope(|scope| {
            let others: Vec<_> = rivals
                .iter()
                .map(|rival| {
                    let (client, start) = (Client::new(&server), &start);
                    scope.spawn(move || challenge(client, start, &key.id, *rival))
                })
                .collect();
            let mut client = Client::new(&server);
            start.wait();
            let receipt = remove(&mut client, &key.id);
            // Judged while the others may still be on their way.
            assert!(!key.works(&mut client), "{} against {rivals:?}", key.id);
            (receipt, others.into_iter().map(|other| other.join().expect("no panic")).collect::<Vec<_>>())
        });
        let mut client = Client::new(&server);
        assert!(!key.works(&mut client), "{} against {rivals:?}", key.id);
        for ((_, path, _), answer) in rivals.iter().zip(&others) {
            assert!(
                matches!(answer.status, 200 | 201 | 204 | 409 | 410),
                "{path}: {} {}",
                answer.status,
                answer.body
            );
            if answer.status == 201 {
                successors.push(answer.json()["key"]["id"].as_str().expect("text").to_owned());
            }
            if answer.status == 204 {
                assert_eq!(answer.header("keyward-receipt"), Some(&*receipt), "{}", key.id);
            }
        }
        let after =
            client.call("POST", &format!("/v1/keys/{}/resume", key.id), Some(&json!({}))).expect("an answer");
        assert_eq!(after.status, 410, "{}", after.body);
    }
    no_others_live(&server, successors);
}

/// A rotation that lost left no successor behind: nobody knows its secret, but it would be a live key.
fn no_others_live(server: &Server, mut known: Vec<String>) {
    let mut live = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.call("GET", &format!("/v1/keys?state=active&limit=500{cursor}"), None).json();
        let keys = page["data"].as_array().expect("a list").iter();
        live.extend(keys.map(|key| key["id"].as_str().expect("text").to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    // The owner's own key is the one that was not issued here.
    let owner = server.verify(&server.owner)["key_id"].as_str().expect("text").to_owned();
    live.retain(|id| *id != owner);
    live.sort();
    known.sort();
    assert_eq!(live, known);
}

fn challenge(
    mut client: Client,
    start: &Barrier,
    id: &str,
    (method, path, body): (&str, &str, &str),
) -> Answer {
    let body: Option<Value> = (!body.is_empty()).then(|| serde_json::from_str(body).expect("JSON"));
    start.wait();
    client.call(method, &format!("/v1/keys/{id}{path}"), body.as_ref()).expect("an answer")
}

/// Removes a key; the name of its receipt.
fn remove(client: &mut Client, id: &str) -> String {
    let removed = client.call("DELETE", &format!("/v1/keys/{id}"), None).expect("an answer");
    assert_eq!(removed.status, 204, "{}", removed.body);
    removed.header("keyward-receipt").expect("a receipt").to_owned()
}

fn issue(server: &Server, count: usize, ask: impl Fn(String) -> Value + Sync) -> Vec<Runner> {
    let one = |client: &mut Client, number: usize| {
        let ask = ask(format!("runner {number}"));
        let issued = client.call("POST", "/v1/keys", Some(&ask)).expect("an answer");
        assert_eq!(issued.status, 201, "{}", issued.body);
        let issued = issued.json();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let id = text(&issued["key"]["id"]).expect("text");
        Runner { id, secret: text(&issued["secret"]), removed: AtomicU64::new(0) }
    };
    thread::scope(|scope| {
        let issuers: Vec<_> = (0..REMOVERS)
            .map(|share| {
                let one = &one;
                scope.spawn(move || {
                    let mut client = Client::new(server);
                    (share..count)
                        .step_by(REMOVERS)
                        .map(|number| one(&mut client, number))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        issuers.into_iter().flat_map(|issuer| issuer.join().expect("no panic")).collect()
    })
}
