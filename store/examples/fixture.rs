//! This file is about the store that `tests/embedded/formats.rs` opens: it writes the one of this version.
//!
//! `cargo run -p keyward-store --example fixture -- store/tests/fixtures/vN`. Run it once for each new format, into
//! a new folder, and never again for a released one.
#![expect(clippy::unwrap_used, reason = "a tool for developers; it stops at an error")]
#![expect(dead_code, reason = "the tests use more of the fixture")]

#[path = "../tests/conformance/fixture.rs"]
mod fixture;

use std::fs::OpenOptions;
use std::path::PathBuf;

use fixture::{change, creation, id, list, name, record, replay, run, signer, slot};
use keyward_core::store::{Change, Record, SlotChange, Spend, Store};
use keyward_store::{Embedded, Options};

fn main() {
    let target = PathBuf::from(std::env::args().nth(1).unwrap());
    let (folder, anchor) = (target.join("store"), target.join("anchor"));
    std::fs::create_dir_all(&target).unwrap();
    let options = || Options { anchor: Some(anchor.clone()), ..Options::default() };
    let store = Embedded::create(&folder, signer(), options()).unwrap();
    run(async {
        for number in 0..300 {
            store.commit(creation(number)).await.unwrap();
        }
        let named = Record { names: vec![name(1)], lists: vec![list(7)], ..record(0, 2) };
        let kept =
            Change { replay: Some(replay(3, 1_900_000_000_000)), ..change(named, SlotChange::Fill(slot(9))) };
        store.commit(kept).await.unwrap();
        store.commit(change(record(1, 2), SlotChange::Erase)).await.unwrap();
        store.spend(Spend { id: id(5), cost: 4, limit: 10 }).await.unwrap();
        store.note(vec![(id(6), vec![1, 2, 3])]).await.unwrap();
    });
    store.close();
    // Opening cuts the unused end of the engine's journal off, which is 64 MiB long; the slot file's goes here.
    Embedded::open(&folder, signer(), options()).unwrap().close();
    let slots = OpenOptions::new().write(true).open(folder.join("slots")).unwrap();
    slots.set_len(4096 + 301 * 64).unwrap();
}
