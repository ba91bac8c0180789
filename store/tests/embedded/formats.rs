//! This file is about formats: a store that an older version wrote opens, for ever.

use std::path::Path;

use keyward_core::store::{Spend, Store};
use keyward_core::time::Timestamp;
use keyward_store::{Embedded, Options, Standing};

use crate::crashes::copy;
use crate::fixture::{id, list, name, opened, replay, run, signer, slot};

/// The root over the events of `tests/fixtures/v1`, as it was signed when they were written.
const ROOT: &str = "BkC14XzZ60Ny4TjhK85FUicTa5EiaOfdC2iv3SoIhcM=";

#[test]
fn version_1_opens() {
    let kept = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1"), kept.path());
    let folder = kept.path().join("store");
    let options = Options { anchor: Some(kept.path().join("anchor")), ..Options::default() };
    let store = Embedded::open(&folder, signer(), options).unwrap();
    assert_eq!(store.standing(), Standing::Ready);
    assert_eq!(store.check(&|_, _| true).unwrap(), []);
    run(async {
        let checkpoint = opened(&store.checkpoint().await.unwrap());
        assert_eq!((checkpoint.size(), checkpoint.root().to_string().as_str()), (302, ROOT));
        let kept = store.fetch(id(0)).await.unwrap().unwrap();
        assert_eq!((kept.record.version, kept.record.body.as_slice()), (2, &b"record 0 at version 2"[..]));
        assert_eq!((kept.position, kept.slot, kept.record.names), (300, Some(slot(9)), vec![name(1)]));
        let removed = store.fetch(id(1)).await.unwrap().unwrap();
        assert_eq!((removed.record.version, removed.position, removed.slot), (2, 301, None));
        assert_eq!(store.holder(name(1)).await.unwrap(), Some(id(0)));
        assert_eq!(store.page(list(7), None, 10).await.unwrap().len(), 1);
        let answer = store.replay([3; 32], Timestamp::from_millis(0)).await.unwrap();
        assert_eq!(answer, Some(replay(3, 1_900_000_000_000)));
        assert_eq!(store.spend(Spend { id: id(5), cost: 0, limit: 10 }).await, Ok(Some(6)));
        assert_eq!(store.noted(id(6)).await.unwrap(), Some(vec![1, 2, 3]));
        store.commit(crate::fixture::creation(1000)).await.unwrap();
    });
}
