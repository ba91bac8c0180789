//! This file is about walking a list of records to its end, a page at a time.

use crate::id::Id;
use crate::store::{List, ReadError, Store, Stored};

/// How many records are read at once.
const PAGE: usize = 1000;

/// A walk over a list.
pub(crate) struct Pages<'a, S> {
    store: &'a S,
    list: List,
    after: Option<Id>,
    is_over: bool,
}

impl<'a, S: Store> Pages<'a, S> {
    /// From the beginning of the list.
    pub(crate) const fn of(store: &'a S, list: List) -> Self {
        Self { store, list, after: None, is_over: false }
    }

    /// The next records; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Stored>>, ReadError> {
        if self.is_over {
            return Ok(None);
        }
        let page = self.store.page(self.list, self.after, PAGE).await?;
        self.after = page.last().map(|last| last.record.id);
        self.is_over = page.len() < PAGE;
        Ok(Some(page))
    }
}
