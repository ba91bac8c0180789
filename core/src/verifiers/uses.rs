//! This file is about uses that verifiers report: keys that were used at verifiers only are in use, too.

use std::sync::Arc;

use keyward_verifier::frame::KeyUses;

use crate::id::{Id, OrganizationId};
use crate::key::{Found, Kind};
use crate::keyward::{Environment, Keyward};
use crate::record;
use crate::store::{RecordKind, Store};
use crate::time::Timestamp;
use crate::usage::{Client, Usage, Who};

impl<S: Store, E: Environment> Keyward<S, E> {
    /// Notes how a verifier of this organization, or of all, saw keys used. What it says of others' is not heard, and nothing else
    /// rests on it: the worst that a verifier can do by lying is to make its own organization's keys look used.
    pub(super) async fn note_uses(
        &self,
        verifier: &Arc<str>,
        organization: Option<OrganizationId>,
        uses: &[KeyUses],
    ) {
        for used in uses {
            let id = Id::from_bits(used.key);
            if self.is_judged_by(organization, id).await {
                self.notes.merge(id, &usage(verifier, used, self.environment.now()));
            }
        }
    }

    /// Whether verifiers of an organization judge a key, or did before it was removed.
    async fn is_judged_by(&self, organization: Option<OrganizationId>, id: Id) -> bool {
        let Ok(Some(stored)) = self.store.fetch(id).await else { return false };
        if stored.record.kind != RecordKind::Key {
            return false;
        }
        let (whose, kind, idles) = match record::key::read(&stored.record) {
            Ok(Found::Live(sealed)) => {
                let head = sealed.head;
                // A use moves the end of such a session, so only this server tells of its uses.
                (
                    head.organization,
                    head.kind,
                    head.session.is_some_and(|session| session.idle_seconds.is_some()),
                )
            }
            Ok(Found::Removed(tombstone)) => (tombstone.organization, tombstone.kind, false),
            Err(_) => return false,
        };
        kind == Kind::Secret && !idles && organization.is_none_or(|theirs| theirs == whose)
    }
}

/// What was seen at a verifier.
fn usage(verifier: &Arc<str>, used: &KeyUses, now: Timestamp) -> Usage {
    let accepted_at = Timestamp::from_millis(now.millis().saturating_sub(u64::from(used.seconds_ago) * 1000));
    let mut usage = Usage::default();
    usage.count(accepted_at, used.accepted.into(), true);
    usage.count(now, used.refused.into(), false);
    let last_seen_at = if used.accepted > 0 && used.refused == 0 { accepted_at } else { now };
    usage.seen(Client { who: Who::Verifier(Arc::clone(verifier)), last_seen_at });
    usage
}
