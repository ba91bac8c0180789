//! This file is about the connections of a gateway: each is cut when the key of what it carries is removed.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use keyward_client::{Key, Removed};

/// Removals that may come while one request is judged; whoever sees more is cut, whatever its key is.
const MANY: usize = 1024;

/// Every open connection. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Lines {
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    lines: HashMap<u64, Weak<Line>>,
    next: u64,
}

/// One connection. It carries one request at a time, as HTTP/1.1 does.
pub(crate) struct Line {
    number: u64,
    socket: TcpStream,
    carries: Mutex<Carries>,
    lines: Lines,
}

enum Carries {
    Nothing,
    /// A request whose key is being judged, and what was removed since that began: the judgement may be older.
    Unjudged(Vec<Removed>),
    Key(Key),
}

impl Lines {
    /// Takes a connection in, by another handle of its socket.
    pub(crate) fn open(&self, socket: TcpStream) -> Arc<Line> {
        let mut open = held(&self.open);
        let number = open.next;
        open.next += 1;
        let carries = Mutex::new(Carries::Nothing);
        let line = Arc::new(Line { number, socket, carries, lines: self.clone() });
        open.lines.insert(number, Arc::downgrade(&line));
        line
    }

    /// Cuts what this removal concerns. When it returns, nothing more passes: the removal is not answered before that.
    pub(crate) fn removed(&self, removed: Removed) {
        for line in self.all() {
            line.removed(removed);
        }
    }

    /// Cuts everything: without a lease nobody knows what was removed.
    pub(crate) fn cut(&self) {
        for line in self.all() {
            line.cut();
        }
    }

    fn all(&self) -> Vec<Arc<Line>> {
        held(&self.open).lines.values().filter_map(Weak::upgrade).collect()
    }
}

impl Line {
    /// A request begins; what it is follows.
    pub(crate) fn begin(&self) {
        *held(&self.carries) = Carries::Unjudged(Vec::new());
    }

    /// The request has this key. False: it was removed meanwhile.
    pub(crate) fn carry(&self, key: &Key) -> bool {
        let mut carries = held(&self.carries);
        let is_current = match &*carries {
            Carries::Unjudged(since) => !since.iter().any(|removed| removed.concerns(key)),
            Carries::Nothing | Carries::Key(_) => false,
        };
        if is_current {
            *carries = Carries::Key(key.clone());
        }
        is_current
    }

    fn removed(&self, removed: Removed) {
        let is_over = match &mut *held(&self.carries) {
            Carries::Nothing => false,
            Carries::Unjudged(since) => {
                since.push(removed);
                since.len() > MANY
            }
            Carries::Key(key) => removed.concerns(key),
        };
        if is_over {
            self.cut();
        }
    }

    fn cut(&self) {
        // One that is cut already cannot be cut again.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        held(&self.lines.open).lines.remove(&self.number);
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
