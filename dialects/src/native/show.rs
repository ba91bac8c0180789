//! This file is about how things of the core look on the wire.

use keyward_client::wire;
use keyward_core::account::{Account, Organization};
use keyward_core::command::Removed;
use keyward_core::epoch::Epoch;
use keyward_core::event::{Happened, Subject};
use keyward_core::id::{AccountId, EpochId, Id, KeyId, OrganizationId, ReceiptId, RemovalId, ResourceId};
use keyward_core::key::{Found, Key, Material, Tombstone};
use keyward_core::removal::{Plan, Progress};
use keyward_core::store::{Backup, Logged};
use keyward_core::time::Timestamp;
use keyward_core::usage::{Client, Usage, Who};
use keyward_core::verifiers::Covered;

use super::{access, crypto, fields, verifiers, words};

pub(super) fn key(key: &Key) -> wire::Key {
    key_with(key, false)
}

/// A key that was just issued: what is shown once is.
pub(super) fn new_key(key: &Key) -> wire::Key {
    key_with(key, true)
}

fn key_with(key: &Key, once: bool) -> wire::Key {
    let (head, traits) = (&key.head, &key.traits);
    let (is_recoverable, access, crypto) = match &traits.material {
        Material::Secret(secret) => (secret.recoverable.is_some(), None, None),
        Material::Access(access) => (false, Some(access::shown(access, once)), None),
        Material::Crypto(crypto) => (false, None, Some(crypto::shown(crypto))),
    };
    wire::Key {
        id: head.id.to_string(),
        kind: words::kind(head.kind),
        organization_id: head.organization.to_string(),
        account_id: head.account.to_string(),
        name: traits.name.clone(),
        handle: head.handle.to_string(),
        environment: head.environment.as_str().to_owned(),
        state: words::state(head.state),
        scopes: traits.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        // What is kept is the text of an object.
        metadata: wire::Metadata(serde_json::from_str(traits.metadata.as_str()).unwrap_or_default()),
        tags: traits.tags.clone(),
        created_at: head.created_at.to_string(),
        not_before: time(traits.not_before),
        expires_at: time(traits.expires_at),
        remove_at: time(head.remove_at),
        ip_allow: traits.ip_allow.iter().map(ToString::to_string).collect(),
        rate_limit: traits
            .rate_limit
            .map(|limit| wire::RateLimit { limit: limit.limit, window_seconds: limit.window_seconds }),
        uses_left: traits.uses,
        protected: head.protected,
        recoverable: is_recoverable,
        supersedes: traits.supersedes.map(|id| id.to_string()),
        access,
        crypto,
        version: head.version,
    }
}

pub(super) fn tombstone(tombstone: &Tombstone) -> wire::Tombstone {
    wire::Tombstone {
        id: tombstone.id.to_string(),
        kind: words::kind(tombstone.kind),
        organization_id: tombstone.organization.to_string(),
        account_id: tombstone.account.to_string(),
        handle: tombstone.handle.to_string(),
        environment: tombstone.environment.as_str().to_owned(),
        state: wire::State::Removed,
        created_at: tombstone.created_at.to_string(),
        removed_at: tombstone.removed_at.to_string(),
        reason: words::reason(tombstone.reason),
        receipt_id: ReceiptId::from(tombstone.id.id()).to_string(),
        version: tombstone.version,
    }
}

pub(super) fn found(found: &Found<Key>) -> wire::FoundKey {
    match found {
        Found::Live(live) => wire::FoundKey::Live(Box::new(key(live))),
        Found::Removed(removed) => wire::FoundKey::Removed(Box::new(tombstone(removed))),
    }
}

pub(super) fn removed(removed: &Removed, uncovered: &[String]) -> wire::Removed {
    let id = ReceiptId::from(removed.tombstone.id.id());
    wire::Removed {
        key: tombstone(&removed.tombstone),
        receipt: removed.receipt.as_ref().map(|proof| receipt(id, proof, &[])),
        uncovered: uncovered.to_vec(),
    }
}

pub(super) fn receipt(id: ReceiptId, receipt: &impl ToString, covered: &[Covered]) -> wire::Receipt {
    let verifiers = covered.iter().map(verifiers::covered).collect();
    wire::Receipt { id: id.to_string(), proof: receipt.to_string(), verifiers }
}

pub(super) fn plan(plan: &Plan) -> wire::Plan {
    let in_use = plan.in_use.iter().map(|used| wire::InUse {
        key_id: used.key.to_string(),
        last_used_at: used.last_used_at.to_string(),
        clients: used.clients.iter().map(client).collect(),
    });
    wire::Plan {
        total: plan.total,
        protected: plan.protected,
        used_within: wire::UsedWithin {
            hour: plan.used_within.hour,
            day: plan.used_within.day,
            week: plan.used_within.week,
        },
        in_use: in_use.collect(),
        plan_hash: hex::encode(plan.hash),
    }
}

pub(super) fn progress(progress: &Progress) -> wire::RemovalProgress {
    let removal = &progress.removal;
    wire::RemovalProgress {
        removal: wire::Removal {
            id: removal.id.to_string(),
            organization_id: removal.organization.to_string(),
            reason: words::reason(removal.reason),
            total: removal.total,
            removed: progress.removed,
            created_at: removal.created_at.to_string(),
            finished_at: time(removal.finished_at),
            version: removal.version,
        },
        receipts: wire::List {
            data: progress.receipts.iter().map(tombstone).collect(),
            next_cursor: progress.next.map(fields::cursor),
        },
        uncovered: progress.uncovered.clone(),
    }
}

pub(super) fn usage(usage: &Usage) -> wire::Usage {
    let counts = |counts: &std::collections::BTreeMap<u64, u64>| {
        let hour = |hour: u64| Timestamp::from_millis(hour.saturating_mul(3_600_000)).to_string();
        counts.iter().map(|(at, count)| wire::HourlyCount { hour: hour(*at), count: *count }).collect()
    };
    wire::Usage {
        last_used_at: time(usage.last_used_at),
        accepted: counts(&usage.accepted),
        refused: counts(&usage.refused),
        clients: usage.clients.iter().map(client).collect(),
    }
}

fn client(client: &Client) -> wire::Client {
    let (address, verifier) = match &client.who {
        Who::Address(address) => (Some(*address), None),
        Who::Verifier(name) => (None, Some(name.to_string())),
    };
    wire::Client { address, verifier, last_seen_at: client.last_seen_at.to_string() }
}

pub(super) fn account(account: &Account) -> wire::Account {
    wire::Account {
        id: account.id.to_string(),
        organization_id: account.organization.to_string(),
        parent_id: account.parent.map(|id| id.to_string()),
        name: account.name.clone(),
        role: words::role(account.role),
        state: words::standing(account.standing),
        created_at: account.created_at.to_string(),
        version: account.version,
    }
}

pub(super) fn organization(organization: &Organization) -> wire::Organization {
    wire::Organization {
        id: organization.id.to_string(),
        name: organization.name.clone(),
        operator: organization.operator,
        state: words::standing(organization.standing),
        hold: organization.hold.map(words::hold),
        created_at: organization.created_at.to_string(),
        version: organization.version,
    }
}

pub(super) fn epoch(epoch: &Epoch) -> wire::Epoch {
    wire::Epoch {
        id: epoch.id.to_string(),
        number: epoch.number,
        created_at: epoch.created_at.to_string(),
        finished_at: time(epoch.finished.map(|finished| finished.at)),
        slots: epoch.finished.map(|finished| finished.slots),
    }
}

pub(super) fn backup(backup: &Backup) -> wire::Backup {
    let slots = backup.slots.as_ref();
    wire::Backup {
        file: backup.file.clone(),
        records: backup.records,
        events: backup.events,
        slots: slots.map(|copy| wire::SlotCopy { file: copy.file.clone(), slots: copy.slots }),
    }
}

pub(super) fn event(logged: &Logged) -> wire::Event {
    let event = &logged.event;
    let details = &event.details;
    wire::Event {
        position: logged.position,
        event_type: event.event_type().to_string(),
        at: event.at.to_string(),
        subject_id: subject_id(event.subject, event.id()),
        version: event.version,
        reason: match event.happened {
            Happened::Removed(reason) => Some(words::reason(reason)),
            Happened::Created
            | Happened::CreatedWith(_)
            | Happened::Updated
            | Happened::Suspended
            | Happened::Resumed
            | Happened::Finished
            | Happened::Epoch
            | Happened::Enforced { .. } => None,
        },
        organization_id: details.organization.to_string(),
        actor_key_id: details.actor.map(|key| key.to_string()),
        acting_account_id: details.acting_as.map(|account| account.to_string()),
        request_id: (details.request != 0).then(|| format!("{:032x}", details.request)),
        leaf: event.leaf(),
    }
}

fn subject_id(subject: Subject, id: Id) -> Option<String> {
    match subject {
        Subject::Key => Some(KeyId::from(id).to_string()),
        Subject::Account => Some(AccountId::from(id).to_string()),
        Subject::Organization => Some(OrganizationId::from(id).to_string()),
        Subject::Removal => Some(RemovalId::from(id).to_string()),
        Subject::Epoch => Some(EpochId::from(id).to_string()),
        Subject::Resource => Some(ResourceId::from(id).to_string()),
        Subject::Log | Subject::Term => None,
    }
}

fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}
