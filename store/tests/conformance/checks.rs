//! This file is about what every store must do: one function for each sentence of the contract.

mod answers;
mod epochs;
mod log;
mod races;
mod records;

use keyward_core::id::Id;
use keyward_core::store::{Position, Record, Store, Stored};

pub(crate) use self::answers::*;
pub(crate) use self::epochs::*;
pub(crate) use self::log::*;
pub(crate) use self::races::*;
pub(crate) use self::records::*;
use crate::fixture::list;

fn same(stored: &Stored, change: &Record, position: Position) {
    assert_eq!(stored.record, *change);
    assert_eq!(stored.position, position);
}

async fn ids<S: Store>(store: &S, owner: u64, after: Option<Id>, limit: usize) -> Vec<Id> {
    let page = store.page(list(owner), after, limit).await.unwrap();
    page.into_iter().map(|stored| stored.record.id).collect()
}
