//! This file is about the log as a stranger reads it: with published code that is not ours, from the bytes served.

use std::cell::RefCell;

use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{TileHashReader, TileReader, tlog};

use super::scene::{Scene, no, text};

/// A checkpoint that the log's key has signed: its size and its root.
fn checkpoint(scene: &Scene) -> (u64, [u8; 32]) {
    let answer = scene.call("GET", "/v1/log/checkpoint", None);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    let verifier = StandardVerifier::new(&scene.log_key()).expect("the log's public key");
    let note = Note::from_bytes(answer.body.as_bytes()).expect("a signed note");
    let (signed, unsigned) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).expect("it is signed");
    assert_eq!((signed.len(), unsigned.len()), (1, 0));
    let text = String::from_utf8(note.text().to_vec()).expect("text");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("keyward.example/log"));
    let size = lines.next().and_then(|line| line.parse().ok()).expect("a size");
    let root = tlog::Hash::parse_hash(lines.next().expect("a root")).expect("a hash");
    (size, root.0)
}

/// Tiles as the server serves them.
struct Served<'a> {
    scene: &'a Scene,
    fetched: RefCell<usize>,
}

fn bytes(scene: &Scene, path: &str) -> Vec<u8> {
    let head = format!(
        "GET /v1/log/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
        scene.owner
    );
    let answer = scene.raw_bytes(head.as_bytes());
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{path}: {}", String::from_utf8_lossy(&answer));
    answer[end + 4..].to_vec()
}

impl TileReader for Served<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog::Error> {
        *self.fetched.borrow_mut() += tiles.len();
        // Theirs has the height in the path, as Go's checksum database does.
        Ok(tiles.iter().map(|tile| bytes(self.scene, &tile.path().replacen("tile/8/", "tile/", 1))).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

/// The leaves of a bundle (C2SP tlog-tiles): each behind its length, two bytes, big-endian.
fn leaves(mut bundle: &[u8]) -> Vec<String> {
    let mut leaves = Vec::new();
    while let [high, low, rest @ ..] = bundle {
        let (leaf, left) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        leaves.push(String::from_utf8(leaf.to_vec()).expect("text"));
        bundle = left;
    }
    assert!(bundle.is_empty());
    leaves
}

#[test]
fn every_event_is_in_the_tree_that_the_checkpoint_signs() {
    let mut scene = Scene::new();
    let items: Vec<Value> =
        (0..600).map(|n| json!({ "name": "x", "secret": format!("item-number-{n:06}") })).collect();
    assert_eq!(scene.call("POST", "/v1/keys/import", Some(json!(items))).status, 200);
    let key = scene.held(json!({}));
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    for restarted in [false, true] {
        if restarted {
            scene.restart();
        }
        let (size, root) = checkpoint(&scene);
        assert_eq!(size, 605);
        let mut all = Vec::new();
        for path in ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/93"] {
            all.extend(leaves(&bytes(&scene, path)));
        }
        assert_eq!(all.len(), 605);
        let mut events = Vec::new();
        for after in ["", "&after=499"] {
            let page = scene.read(&format!("/v1/events?limit=500{after}"));
            events.extend(page["data"].as_array().expect("data").iter().map(|event| text(&event["leaf"])));
        }
        assert_eq!(all, events, "the public halves, in order");

        let served = Served { scene: &scene, fetched: RefCell::default() };
        let reader = TileHashReader::new(size, tlog::Hash(root), &served);
        for position in [0, 2, 255, 256, 511, 512, 603, 604] {
            // The reader refuses tiles that do not hash to the signed root.
            let proof = tlog::prove_record(size, position, &reader).expect("a proof");
            let leaf = tlog::record_hash(all[usize::try_from(position).expect("small")].as_bytes());
            tlog::check_record(&proof, size, tlog::Hash(root), position, leaf).expect("it is in the tree");
        }
        assert!(*served.fetched.borrow() > 0);
    }
}

#[test]
fn the_log_only_grows() {
    let mut scene = Scene::new();
    let (before, old_root) = checkpoint(&scene);
    (0..300).for_each(|_| drop(scene.held(json!({}))));
    scene.restart();
    let (after, root) = checkpoint(&scene);
    assert_eq!(after, before + 300);
    let served = Served { scene: &scene, fetched: RefCell::default() };
    let reader = TileHashReader::new(after, tlog::Hash(root), &served);
    let proof = tlog::prove_tree(after, before, &reader).expect("a proof");
    tlog::check_tree(&proof, after, tlog::Hash(root), before, tlog::Hash(old_root))
        .expect("the old tree is its beginning");
}

#[test]
fn tiles_are_cached_for_ever_and_there_are_no_others() {
    let scene = Scene::new();
    for missing in ["tile/0/001", "tile/1/000", "tile/0/000.p/4", "tile/entries/000", "tile/63/000"] {
        assert_eq!(
            scene.refused("GET", &format!("/v1/log/{missing}"), Value::Null),
            no(404, "not_found"),
            "{missing}"
        );
    }
    for odd in
        ["tile/0/1", "tile/64/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/data/000", "tile/0/../0/000"]
    {
        assert_eq!(
            scene.refused("GET", &format!("/v1/log/{odd}"), Value::Null),
            no(400, "invalid_field"),
            "{odd}"
        );
    }
    let tile = scene.call("GET", "/v1/log/tile/0/000.p/3", None);
    assert!(
        tile.header("cache-control").is_some_and(|value| value.contains("immutable")),
        "{:?}",
        tile.headers
    );
    let checkpoint = scene.call("GET", "/v1/log/checkpoint", None);
    assert_eq!(checkpoint.header("cache-control"), Some("no-cache"));
}
