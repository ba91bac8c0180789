//! This file is about what a verifier holds: the keys, what they share, and how their owners stand.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use ipnet::IpNet;
use keyward_verifier::frame::{self, Change, KeyRow, OwnerRow, OwnerStanding};
use keyward_verifier::lease::Moment;
use keyward_verifier::{At, Fingerprint, Place, Profiles, Row, Table};
use zeroize::Zeroizing;

use super::Removed;
use super::clock::Time;
use super::judge::{Key, Needs, Verdict};
use crate::id::Id;
use crate::wire::Refusal;

/// Longest text that can be a key, in bytes: whatever is longer is refused unread.
const LONGEST: usize = 4096;

/// The most keys to lay a table out for, whatever a server says: it grows beyond.
const MOST: usize = 1 << 27;

/// An account or an organization.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) id: u128,
    standing: AtomicU8,
}

impl Owner {
    /// One of which nothing was told: it stands suspended.
    pub(crate) fn unknown(id: u128) -> Self {
        Self { id, standing: AtomicU8::new(OwnerStanding::Suspended as u8) }
    }

    fn standing(&self) -> u8 {
        self.standing.load(Ordering::Acquire)
    }
}

/// What many keys share.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) organization: Arc<Owner>,
    pub(crate) account: Arc<Owner>,
    pub(crate) scopes: Vec<String>,
    pub(crate) networks: Vec<IpNet>,
    /// Whether its uses are counted, which only the server can do.
    pub(crate) is_limited: bool,
}

impl PartialEq for Profile {
    fn eq(&self, other: &Self) -> bool {
        self.account.id == other.account.id
            && self.organization.id == other.organization.id
            && self.scopes == other.scopes
            && self.networks == other.networks
            && self.is_limited == other.is_limited
    }
}

impl Eq for Profile {}

impl Hash for Profile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.account.id.hash(state);
        self.scopes.hash(state);
        self.networks.hash(state);
    }
}

/// Every key of a verifier.
pub(super) struct Replica {
    table: Table,
    /// Until when these keys may be accepted; 0: not at all.
    deadline: AtomicU64,
    profiles: Profiles<Profile>,
    owners: Mutex<HashMap<u128, Arc<Owner>>>,
    /// What the server's numbers of profiles stand for: indexes of `profiles`, each used once by its number.
    numbers: Mutex<HashMap<u32, u32>>,
}

impl Replica {
    /// Nothing, laid out for so many keys. `seed` is random.
    pub(super) fn new(seed: u64, keys: u64) -> Self {
        Self {
            table: Table::new(seed, usize::try_from(keys).map_or(MOST, |keys| keys.min(MOST))),
            deadline: AtomicU64::new(0),
            profiles: Profiles::new(),
            owners: Mutex::default(),
            numbers: Mutex::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// Whether these keys may be accepted at this moment; whoever looks them up afterwards, even at a place that was asked for
    /// before, sees at least all that was changed before this was granted.
    #[inline]
    pub(super) fn may_accept(&self, now: Moment) -> bool {
        now < self.deadline()
    }

    pub(super) fn deadline(&self) -> Moment {
        Moment::from_nanos(self.deadline.load(Ordering::Acquire))
    }

    /// Until when they may be accepted from now on, in nanoseconds of [`Moment`]s; until when they were before.
    pub(super) fn trust(&self, deadline: u64) -> u64 {
        self.deadline.swap(deadline, Ordering::AcqRel)
    }

    /// Says that all keys are in.
    pub(super) fn settle(&self) {
        self.table.settle();
    }

    /// What a profile's number stands for from now on. What cannot be read is as if it had not been told.
    pub(super) fn number(&self, number: u32, told: &frame::Profile) {
        let index = self.read(told).and_then(|profile| self.profiles.acquire(profile));
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match index {
            Some(index) => numbers.insert(number, index),
            None => numbers.remove(&number),
        };
        if let Some(before) = before {
            self.profiles.release(before);
        }
    }

    /// Takes a key in, in place of what it was before. False: it is not accepted, because its profile was not told or there is
    /// no room.
    pub(super) fn admit(&self, row: &KeyRow) -> bool {
        let Some(index) = self.index(row.profile).filter(|index| self.profiles.share(*index)) else {
            self.end(row.place, row.fingerprint, row.key);
            return false;
        };
        match self.table.insert(self.place(row.place, row.fingerprint), row.fingerprint, &row.row(index), &[])
        {
            Ok(replaced) => {
                self.release(&replaced);
                true
            }
            Err(_) => {
                self.profiles.release(index);
                self.end(row.place, row.fingerprint, row.key);
                false
            }
        }
    }

    /// How an owner stands from now on.
    pub(super) fn stand(&self, row: &OwnerRow) {
        self.owner(row.owner).standing.store(row.standing as u8, Ordering::Release);
    }

    /// Applies a change; what is no longer to be accepted by it.
    pub(super) fn apply(&self, change: &Change) -> Option<Removed> {
        match change {
            Change::Key(row) => {
                let is_admitted = self.admit(row);
                (row.suspended || !is_admitted).then_some(Removed::Key(Id::key(row.key)))
            }
            Change::End { key, fingerprint, place } => {
                self.end(*place, *fingerprint, *key);
                Some(Removed::Key(Id::key(*key)))
            }
            Change::Owner(row) => {
                self.stand(row);
                (row.standing != OwnerStanding::Active).then_some(Removed::Owner(row.owner))
            }
        }
    }

    /// What was accepted by the table before, and is not to be accepted by this one.
    pub(super) fn lacks(&self, before: &Self) -> Vec<Removed> {
        let mut lacks = Vec::new();
        for part in 0..before.table.parts() {
            before.table.show(part, |place, fingerprint, old| {
                let new = self.find(Some(self.at(place)), fingerprint, Some);
                let stays = new.is_some_and(|new| {
                    new.id == old.id
                        && new.flags & KeyRow::FLAG_SUSPENDED <= old.flags & KeyRow::FLAG_SUSPENDED
                });
                if !stays {
                    lacks.push(Removed::Key(Id::key(old.id)));
                }
            });
        }
        let is_active = |owner: &Owner| owner.standing() == OwnerStanding::Active as u8;
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let before = before.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let was_active = |owner: &&Arc<Owner>| before.get(&owner.id).is_some_and(|old| is_active(old));
        let ended = owners.values().filter(|owner| !is_active(owner)).filter(was_active);
        lacks.extend(ended.map(|owner| Removed::Owner(owner.id)));
        lacks
    }

    /// Judges a presented secret, whose [place](place_in) was asked for if it tells one; what is told of a known key is counted.
    pub(super) fn judge(
        &self,
        secret: &str,
        at: Option<At<'_>>,
        needs: &Needs<'_>,
        time: Time,
        count: impl Fn(u128, &Verdict),
    ) -> Verdict {
        let Some(digest) = digest_of(secret) else { return Verdict::Refused(Refusal::Malformed) };
        let found = self.find(at, Fingerprint::from(&*digest), |row| {
            Some((row, self.profiles.with(row.profile, Arc::clone)?))
        });
        match found {
            None => Verdict::Refused(Refusal::Unknown),
            Some((row, profile)) => judge(&row, profile, needs, time, count),
        }
    }

    /// Asks for the memory that judging a secret of this place will read.
    #[inline]
    pub(super) fn at(&self, place: Place) -> At<'_> {
        self.table.at(place)
    }

    /// What `resolve` makes of the row that stands under a fingerprint, at this place or where a text does not tell its own.
    #[inline]
    fn find<R>(
        &self,
        at: Option<At<'_>>,
        fingerprint: Fingerprint,
        resolve: impl Fn(Row) -> Option<R>,
    ) -> Option<R> {
        let find = |at: At<'_>| at.find_with(fingerprint, |row, _| resolve(row)).flatten();
        at.and_then(find).or_else(|| find(self.table.at(self.table.place_of(fingerprint))))
    }

    /// Where a row stands.
    fn place(&self, told: Option<Place>, fingerprint: Fingerprint) -> Place {
        told.unwrap_or_else(|| self.table.place_of(fingerprint))
    }

    fn end(&self, place: Option<Place>, fingerprint: Fingerprint, key: u128) {
        let ended = self.table.remove(self.place(place, fingerprint), key);
        self.release(&ended.into_iter().map(|(_, row)| row).collect::<Vec<_>>());
    }

    fn release(&self, ended: &[Row]) {
        for row in ended {
            self.profiles.release(row.profile);
        }
    }

    fn owner(&self, id: u128) -> Arc<Owner> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(owners.entry(id).or_insert_with(|| Arc::new(Owner::unknown(id))))
    }

    /// What a profile's number stands for; `None`: nothing that was told, or that can be read.
    pub(super) fn profile(&self, number: u32) -> Option<Arc<Profile>> {
        self.profiles.with(self.index(number)?, Arc::clone)
    }

    fn index(&self, number: u32) -> Option<u32> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).get(&number).copied()
    }

    fn read(&self, told: &frame::Profile) -> Option<Profile> {
        let network = |network: &frame::Network| IpNet::new(network.address, network.prefix).ok();
        Some(Profile {
            organization: self.owner(told.organization),
            account: self.owner(told.account),
            scopes: told.scopes.clone(),
            // One that cannot be read would let more in: then the key is not taken.
            networks: told.networks.iter().map(network).collect::<Option<_>>()?,
            is_limited: told.rate_limit.is_some(),
        })
    }
}

/// What a presented secret is found by; `None` for what is too long to be one.
pub(super) fn digest_of(secret: &str) -> Option<Zeroizing<[u8; 32]>> {
    let digest = (secret.len() <= LONGEST).then(|| digest(&SHA256, secret.as_bytes()))?;
    digest.as_ref().first_chunk().copied().map(Zeroizing::new)
}

/// Where a text says that its key stands, if it is one of our own format. For a text in another, nothing stands there.
#[inline]
pub(super) fn place_in(secret: &str) -> Option<Place> {
    let (_, body) = secret.rsplit_once('_')?;
    body.as_bytes().first_chunk().map(Place::of_chars)
}

/// Judges a known key, and has it counted what is told of it.
pub(super) fn judge(
    row: &Row,
    profile: Arc<Profile>,
    needs: &Needs<'_>,
    time: Time,
    count: impl Fn(u128, &Verdict),
) -> Verdict {
    let told = decide(row, profile, needs, time);
    count(row.id, &told);
    told
}

/// In the order in which the server judges.
fn decide(row: &Row, profile: Arc<Profile>, needs: &Needs<'_>, time: Time) -> Verdict {
    let stands = profile.account.standing().max(profile.organization.standing());
    if stands == OwnerStanding::Removed as u8 {
        return Verdict::Refused(Refusal::Removed);
    }
    if stands != OwnerStanding::Active as u8 || row.flags & KeyRow::FLAG_SUSPENDED != 0 {
        return Verdict::Refused(Refusal::Suspended);
    }
    if row.expires_at.is_some_and(|end| time.may_be_past(end)) {
        return Verdict::Refused(Refusal::Expired);
    }
    if row.not_before.is_some_and(|start| time.may_be_before(start)) {
        return Verdict::Refused(Refusal::NotYetValid);
    }
    if !is_allowed(&profile.networks, needs.address) {
        return Verdict::Refused(Refusal::AddressNotAllowed);
    }
    if !needs.scopes.iter().all(|needed| profile.scopes.iter().any(|own| own == needed)) {
        return Verdict::Refused(Refusal::InsufficientScope);
    }
    if profile.is_limited || row.flags & KeyRow::FLAG_ASK != 0 {
        return Verdict::Ask;
    }
    Verdict::Valid(Key {
        id: Id::key(row.id),
        profile,
        expires_at: row.expires_at.map(|millis| millis / 1000),
    })
}

fn is_allowed(networks: &[IpNet], address: Option<IpAddr>) -> bool {
    // What listens on IPv6 sees clients of IPv4 as `::ffff:192.0.2.1`.
    let address = address.map(|address| address.to_canonical());
    networks.is_empty() || address.is_some_and(|address| networks.iter().any(|net| net.contains(&address)))
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        let networks = ["127.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        let allowed = |text: &str| is_allowed(&networks, Some(text.parse().unwrap()));
        assert!(allowed("127.0.0.1") && allowed("::ffff:127.0.0.1") && allowed("2001:db8::1"));
        assert!(!allowed("::ffff:192.0.2.1") && !allowed("::127.0.0.1") && !allowed("::1"));
        assert!(!is_allowed(&networks, None) && is_allowed(&[], None));
    }
}
