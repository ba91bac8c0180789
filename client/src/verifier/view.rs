//! This file is about what a verify reads, taken all at once: a shared pointer costs two locked instructions each time that it is
//! looked at, so there is one.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use keyward_verifier::Uses;

use super::replica::Replica;

/// The keys, with the lease to accept them, and the page that uses are counted on.
pub(super) struct View {
    pub(super) replica: Arc<Replica>,
    pub(super) page: Arc<Uses>,
}

/// The view of now. The stream's task alone replaces it.
pub(super) struct Views(ArcSwap<View>);

impl Views {
    pub(super) fn new(replica: Replica) -> Self {
        Self(ArcSwap::from_pointee(View { replica: Arc::new(replica), page: Arc::default() }))
    }

    #[inline]
    pub(super) fn load(&self) -> Guard<Arc<View>> {
        self.0.load()
    }

    /// Begins anew with other keys, which have no lease yet; those that it had before, whose lease has ended for good: whoever
    /// took them before may accept nothing by them, whatever lease comes for the new ones.
    pub(super) fn begin_anew(&self, replica: Replica) -> Arc<Replica> {
        let View { replica: before, page } = &**self.load();
        before.trust(0);
        self.0.store(Arc::new(View { replica: Arc::new(replica), page: Arc::clone(page) }));
        Arc::clone(before)
    }

    /// Begins another page; the one before, on which somebody may write still.
    pub(super) fn turn(&self) -> Arc<Uses> {
        let View { replica, page } = &**self.load();
        self.0.store(Arc::new(View { replica: Arc::clone(replica), page: Arc::new(page.successor()) }));
        Arc::clone(page)
    }
}

#[cfg(test)]
mod tests {
    use keyward_verifier::lease::Moment;

    use super::{Arc, Replica, Views};

    /// A verify was held up when it had taken its view, from before the keys were loaded anew until there was a lease again.
    #[test]
    fn no_lease_is_for_keys_that_were_replaced() {
        let (views, now) = (Views::new(Replica::new(1, 0)), Moment::from_nanos(5));
        views.load().replica.trust(9);
        let taken = views.load();
        assert!(taken.replica.may_accept(now));
        let before = views.begin_anew(Replica::new(2, 0));
        assert!(!taken.replica.may_accept(now) && !before.may_accept(now));
        views.load().replica.trust(9);
        assert!(views.load().replica.may_accept(now) && !taken.replica.may_accept(now));
    }

    #[test]
    fn a_page_outlives_the_keys_and_the_keys_a_page() {
        let views = Views::new(Replica::new(1, 0));
        let page = Arc::clone(&views.load().page);
        let replica = views.begin_anew(Replica::new(2, 0));
        assert!(Arc::ptr_eq(&page, &views.turn()));
        assert!(!Arc::ptr_eq(&page, &views.load().page));
        assert!(!Arc::ptr_eq(&replica, &views.load().replica));
        let replica = Arc::clone(&views.load().replica);
        let _ = views.turn();
        assert!(Arc::ptr_eq(&replica, &views.load().replica));
    }
}
