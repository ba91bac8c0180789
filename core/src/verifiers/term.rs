//! This file is about the term: one reign of one server over the log, durable before any verifier is served in it. A restarted
//! server learns from it that verifiers may hold leases that it does not know of, how long those can last, and who goes on
//! without one.

use std::time::Duration;

use keyward_verifier::lease::{Incarnation, Join, Mode, Position, Term};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::event::{Happened, Subject};
use crate::id::Id;
use crate::keyward::{About, Environment, Keyward, Origin};
use crate::record::{decode, encode};
use crate::store::{CommitError, Record, RecordKind, Store};

/// How many verifiers that go on without a lease are remembered, and how many of one organization: each takes 104 bytes at
/// most, and all have to fit into [`Record::BODY_LIMIT`].
const STALE: (usize, usize) = (500, 50);

/// The one record of its kind.
const ID: Id = Id::from_bits(u128::from_be_bytes(*b"keyward the term"));

#[derive(Serialize, Deserialize)]
struct Row {
    term: u64,
    /// The longest lease of this term and all before.
    longest_lease_millis: u64,
    /// Who goes on accepting keys when its lease has run out.
    stale: Vec<StaleRow>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StaleRow {
    incarnation: u128,
    name: String,
    organization: Option<u128>,
}

impl StaleRow {
    /// Whether it is a run of the same verifier.
    pub(super) fn is_namesake(&self, join: &Join) -> bool {
        (&self.name, self.organization) == (&join.name, join.organization)
    }

    pub(super) fn is(&self, run: Incarnation) -> bool {
        self.incarnation == run.0
    }

    fn join(self) -> Join {
        Join {
            incarnation: Incarnation(self.incarnation),
            name: self.name,
            organization: self.organization,
            mode: Mode::Full,
            serve_stale: true,
            seen: Position(0),
        }
    }
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Takes over from a server that served verifiers before, if one did.
    pub(crate) async fn take_over_verifiers(&self) -> Result<(), Error> {
        if self.store.fetch(ID).await?.is_some() { self.serve_verifiers().await } else { Ok(()) }
    }

    /// Begins a term of this server's own, unless it has begun.
    pub(super) async fn serve_verifiers(&self) -> Result<(), Error> {
        while !self.verifiers.is_serving() {
            let (version, before) = self.term().await?;
            let (term, longest) = (before.term + 1, Duration::from_millis(before.longest_lease_millis));
            let longest_now = longest.max(self.verifiers.limits().lease).as_millis();
            let longest_lease_millis = u64::try_from(longest_now).unwrap_or(u64::MAX);
            let row = Row { term, longest_lease_millis, stale: before.stale };
            match self.commit_term(version + 1, Happened::Created, &row).await {
                Ok(()) => {
                    let stale: Vec<Join> = row.stale.into_iter().map(StaleRow::join).collect();
                    self.verifiers.begin(Term(term), longest, &stale, self.environment.moment());
                }
                // Another task of this server was quicker.
                Err(CommitError::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Makes it durable that a verifier goes on without a lease, before it joins: no restart may forget it. A later run takes the
    /// place of an earlier one of its name.
    pub(super) async fn remember_stale(&self, join: &Join) -> Result<(), Error> {
        let new = StaleRow {
            incarnation: join.incarnation.0,
            name: join.name.clone(),
            organization: join.organization,
        };
        loop {
            let (version, mut row) = self.term().await?;
            if row.stale.contains(&new) {
                return Ok(());
            }
            row.stale.retain(|old| !old.is_namesake(join));
            let theirs = row.stale.iter().filter(|old| old.organization == new.organization).count();
            if row.stale.len() >= STALE.0 || theirs >= STALE.1 {
                return Err(Error::Unavailable { inside: "too many verifiers serve stale".to_owned() });
            }
            row.stale.push(new.clone());
            match self.commit_term(version + 1, Happened::Updated, &row).await {
                Err(CommitError::Stale) => {}
                done => return Ok(done?),
            }
        }
    }

    /// Forgets runs that go on without a lease no more: they have left, or a later one of their name has come that stops with
    /// its lease.
    pub(super) async fn forget_stale(&self, is_over: impl Fn(&StaleRow) -> bool) -> Result<(), Error> {
        loop {
            let (version, mut row) = self.term().await?;
            let before = row.stale.len();
            row.stale.retain(|old| !is_over(old));
            if row.stale.len() == before {
                return Ok(());
            }
            match self.commit_term(version + 1, Happened::Updated, &row).await {
                Err(CommitError::Stale) => {}
                done => return Ok(done?),
            }
        }
    }

    /// What is durable of the term, and the version of that.
    async fn term(&self) -> Result<(u64, Row), Error> {
        match self.store.fetch(ID).await? {
            None => Ok((0, Row { term: 0, longest_lease_millis: 0, stale: Vec::new() })),
            Some(stored) => Ok((stored.record.version, decode(ID, &stored.record.body)?)),
        }
    }

    async fn commit_term(&self, version: u64, happened: Happened, row: &Row) -> Result<(), CommitError> {
        let unwritten = |error: Error| CommitError::NotWritten(format!("{error:?}"));
        let operator = self.operator().await.map_err(unwritten)?;
        let (kind, names, lists) = (RecordKind::Term, Vec::new(), Vec::new());
        let body = encode(row).map_err(unwritten)?;
        let record = Record { id: ID, kind, version, body, names, lists };
        let subject = Subject::Term;
        let about =
            About { subject, happened, id: ID, organization: operator.id, version, salt: self.random() };
        self.commit_open(None, about, Ok(record), |_| Vec::new(), &Origin::default()).await.map(|_| ())
    }
}
