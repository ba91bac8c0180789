//! This file is about the term: one reign of one server over the log, durable before any verifier is served in it. A restarted
//! server learns from it that verifiers may hold leases that it does not know of, and how long those can last.

use std::time::Duration;

use keyward_verifier::lease::Term;
use serde::{Deserialize, Serialize};

use crate::account::Organization;
use crate::error::Error;
use crate::event::{Happened, Subject};
use crate::id::{Id, OrganizationId};
use crate::keyward::{About, Environment, Keyward, Origin};
use crate::record::{decode, encode};
use crate::store::{CommitError, List, Record, RecordKind, Store};

/// The one record of its kind: its version is the term.
const ID: Id = Id::from_bits(u128::from_be_bytes(*b"keyward the term"));

#[derive(Serialize, Deserialize)]
struct Row {
    /// The longest lease of this term and all before.
    longest_lease_millis: u64,
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Takes over from a server that served verifiers before, if one did.
    pub(crate) async fn take_over_verifiers(&self) -> Result<(), Error> {
        if self.store.fetch(ID).await?.is_some() { self.serve_verifiers().await } else { Ok(()) }
    }

    /// Begins a term of this server's own, unless it has begun.
    pub(super) async fn serve_verifiers(&self) -> Result<(), Error> {
        while !self.verifiers.is_serving() {
            let (before, longest) = match self.store.fetch(ID).await? {
                None => (0, Duration::ZERO),
                Some(stored) => {
                    let row: Row = decode(ID, &stored.record.body)?;
                    (stored.record.version, Duration::from_millis(row.longest_lease_millis))
                }
            };
            let term = before + 1;
            let longest_now = longest.max(self.verifiers.limits().lease).as_millis();
            let row = Row { longest_lease_millis: u64::try_from(longest_now).unwrap_or(u64::MAX) };
            let (kind, names, lists) = (RecordKind::Term, Vec::new(), Vec::new());
            let record = Record { id: ID, kind, version: term, body: encode(&row)?, names, lists };
            let (subject, happened) = (Subject::Term, Happened::Created);
            let organization = self.operator().await?;
            let about = About { subject, happened, id: ID, organization, version: term, salt: self.random() };
            match self.commit_open(None, about, Ok(record), |_| Vec::new(), &Origin::default()).await {
                Ok(_) => self.verifiers.begin(Term(term), longest, self.environment.moment()),
                // Another task of this server was quicker.
                Err(CommitError::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The operator's organization: the first one of every store.
    async fn operator(&self) -> Result<OrganizationId, Error> {
        let everyone = List { kind: RecordKind::Organization, owner: List::EVERYONE };
        let first = self.store.page(everyone, None, 1).await?;
        let stored = first.first().ok_or_else(|| Error::internal("a store without an operator"))?;
        Ok(Organization::from_record(&stored.record)?.id)
    }
}
