//! This file is about the seat of one connected verifier: what it is told next, and what it is answered.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use keyward_log::{Checkpoint, Note};
use keyward_verifier::frame::{
    Answer as Found, Change as Told, Changes, Granted, Hello, Lookup, OwnerRow, Reason, ServerFrame, Shown,
    VerifierFrame, Welcomed,
};
use keyward_verifier::lease::{Incarnation, Join, JoinError, Mode, Position as Reached, Refused};

use super::Notice;
use crate::error::Error;
use crate::id::OrganizationId;
use crate::keyward::{Environment, Keyward};
use crate::live::Profile;
use crate::permit::{Permit, Reach, Verb};
use crate::receipts::checkpoint_of;
use crate::store::Store;

/// How many rows go into one frame: about a quarter of what one may hold.
const ROWS: usize = 1500;
/// How many changes go into one frame: about two thirds of what one may hold.
const CHANGES: usize = 4096;
/// How many events are read at once.
const EVENTS: usize = 1024;

/// The place of one connected verifier. It leaves with the value; its lease runs on.
pub struct Seat<S: Store, E: Environment> {
    keyward: Arc<Keyward<S, E>>,
    who: Incarnation,
    name: Arc<str>,
    organization: Option<OrganizationId>,
    phase: Phase,
    /// Up to where it was told everything.
    told: Reached,
    /// How long the log was that it was shown last.
    shown: u64,
    /// What it knows a profile's number for.
    profiles: HashMap<u32, Arc<Profile>>,
    /// Whose standing it was told.
    owners: HashSet<u128>,
}

/// What it is being told.
#[derive(Clone, Copy)]
enum Phase {
    /// The rows of the table, part by part.
    Rows { part: usize },
    /// What changed while they were read, up to there.
    Since { to: Reached },
    /// Whatever changes.
    Changes,
}

impl<S: Store, E: Environment> Seat<S, E> {
    /// Lets a verifier join; its seat, and what it is told first.
    ///
    /// # Errors
    /// The [`Reason`] to end the connection with.
    pub async fn take(
        keyward: &Arc<Keyward<S, E>>,
        permit: &Permit,
        hello: &Hello,
    ) -> Result<(Self, ServerFrame), Reason> {
        let organization = match permit.reach() {
            Reach::Everywhere => None,
            Reach::Organization => Some(permit.caller().organization),
            Reach::Account => return Err(Reason::Forbidden),
        };
        if permit.verb() != Verb::JoinVerifiers {
            return Err(Reason::Forbidden);
        }
        keyward.serve_verifiers().await.map_err(|_| Reason::NotServing)?;
        let seen = keyward.seen(hello).await?;
        let (now, verifiers) = (keyward.environment.moment(), &keyward.verifiers);
        let join = Join {
            incarnation: hello.incarnation,
            name: hello.name.clone(),
            organization: organization.map(|whose| whose.id().bits()),
            mode: hello.mode,
            serve_stale: hello.serve_stale,
            seen: Reached(seen).max(hello.position),
        };
        let turn = verifiers.turn.lock().await;
        // An earlier run that comes back is refused, and must not take the durable place of the one that has its name.
        verifiers.may_join(&join, now).map_err(reason_of)?;
        if join.serve_stale {
            keyward.remember_stale(&join).await.map_err(|_| Reason::NotServing)?;
        }
        let (term, until) = verifiers.join(&join, now).map_err(reason_of)?;
        let mut seat = Self {
            keyward: Arc::clone(keyward),
            who: hello.incarnation,
            name: hello.name.as_str().into(),
            organization,
            phase: Phase::Changes,
            told: until,
            shown: seen,
            profiles: HashMap::new(),
            owners: HashSet::new(),
        };
        if !join.serve_stale {
            // Only now that it has their name: a crash in between would leave them unknown.
            let forgotten = keyward.forget_stale(|run| run.is_namesake(&join)).await;
            forgotten.map_err(|_| Reason::NotServing)?;
        }
        drop(turn);
        let resumes = hello.position.0 > 0 && verifiers.remembers(hello.position) && hello.mode == Mode::Full;
        match (resumes, hello.mode) {
            (true, _) => seat.told = hello.position,
            (false, Mode::Full) => seat.phase = Phase::Rows { part: 0 },
            // Nothing is loaded: what it keeps it will ask for.
            (false, Mode::Hot | Mode::Online) => seat.phase = Phase::Since { to: until },
        }
        let shown = seat.show().await.map_err(|_| Reason::NotServing)?;
        let lease_millis = u32::try_from(verifiers.limits().lease.as_millis()).unwrap_or(u32::MAX);
        let position = seat.told;
        let keys = match seat.phase {
            Phase::Rows { .. } => keyward.live().keys_of(organization),
            Phase::Since { .. } | Phase::Changes => 0,
        };
        let shown = shown.unwrap_or_else(|| Shown { proof: Vec::new(), note: hello.anchor.clone() });
        Ok((seat, ServerFrame::Welcome(Welcomed { term, lease_millis, position, resumes, keys, shown })))
    }

    /// What it is told next; waits until there is something. Nothing is lost if it is not waited for to the end.
    ///
    /// # Errors
    /// The [`Reason`] to end the connection with.
    pub async fn next(&mut self) -> Result<Vec<ServerFrame>, Reason> {
        loop {
            let published = self.keyward.verifiers.published.listen();
            let frames = match self.phase {
                Phase::Rows { part } => self.rows(part),
                Phase::Since { to } if self.told >= to => {
                    self.phase = Phase::Changes;
                    vec![ServerFrame::Loaded(self.told)]
                }
                Phase::Since { .. } | Phase::Changes => self.changes()?,
            };
            if !frames.is_empty() {
                return Ok(frames);
            }
            if let Phase::Changes = self.phase {
                published.await;
            }
        }
    }

    /// What it is answered.
    ///
    /// # Errors
    /// The [`Reason`] to end the connection with.
    pub async fn heard(&mut self, frame: VerifierFrame) -> Result<Vec<ServerFrame>, Reason> {
        let (now, verifiers) = (self.keyward.environment.moment(), &self.keyward.verifiers);
        let granted = match frame {
            VerifierFrame::Hello(_) => return Err(Reason::Malformed),
            VerifierFrame::Renew(number) => verifiers.renew(self.who, number, now),
            VerifierFrame::Acknowledge(position) if position > self.told => Err(verifiers.lied(self.who)),
            VerifierFrame::Acknowledge(position) => verifiers.acknowledged(self.who, position, now),
            VerifierFrame::Lookup(lookup) => return Ok(self.look_up(&lookup)),
            VerifierFrame::Uses(uses) => {
                self.keyward.note_uses(&self.name, self.organization, &uses).await;
                return Ok(Vec::new());
            }
            VerifierFrame::Goodbye => {
                let _turn = verifiers.turn.lock().await;
                verifiers.left(self.who, true);
                let forgotten = self.keyward.forget_stale(|run| run.is(self.who)).await;
                forgotten.map_err(|_| Reason::NotServing)?;
                return Err(Reason::Unknown);
            }
        };
        let granted = granted.map_err(|refused| reason_of(JoinError::Refused(refused)))?;
        let Some(grant) = granted else { return Ok(Vec::new()) };
        // With a lease it is shown how far the log is: what it remembers of that is an anchor.
        let shown = self.show().await.map_err(|_| Reason::NotServing)?;
        let granted = Granted { grant, unix_millis: self.keyward.environment.now().millis() };
        Ok(shown.map(ServerFrame::Shown).into_iter().chain([ServerFrame::Grant(granted)]).collect())
    }

    /// The rows of one part of the table, then the next part's turn.
    fn rows(&mut self, part: usize) -> Vec<ServerFrame> {
        let live = self.keyward.live();
        self.phase = if part + 1 < live.parts() {
            Phase::Rows { part: part + 1 }
        } else {
            Phase::Since { to: self.keyward.verifiers.state().until }
        };
        let rows = live.show(part, self.organization);
        let mut frames = Vec::new();
        for rows in rows.chunks(ROWS) {
            rows.iter().for_each(|(row, profile)| self.introduce(row.profile, profile, &mut frames));
            frames.push(ServerFrame::Rows(rows.iter().map(|(row, _)| *row).collect()));
        }
        frames
    }

    /// What changed since it was told last.
    fn changes(&mut self) -> Result<Vec<ServerFrame>, Reason> {
        let read = |events| self.keyward.verifiers.read(self.told, events, self.organization);
        let (mut to, mut notices) = read(EVENTS).ok_or(Reason::TooSlow)?;
        if notices.iter().map(|notices| notices.len()).sum::<usize>() > CHANGES {
            (to, notices) = read(1).ok_or(Reason::TooSlow)?;
        }
        if to == self.told {
            return Ok(Vec::new());
        }
        let mut frames = Vec::new();
        let mut changes = Vec::new();
        for notice in notices.iter().flat_map(|notices| notices.iter()) {
            match notice {
                Notice::Key(row, profile) => {
                    self.introduce(row.profile, profile, &mut frames);
                    changes.push(Told::Key(*row));
                }
                Notice::Other(told) => changes.push(*told),
            }
        }
        // Only how the accounts below one stand can be too much for a frame. That is told in parts, of which the last one
        // moves on.
        let last = changes.split_off(changes.len() / CHANGES * CHANGES);
        let part = |part: &[Told]| Changes { after: self.told, to: self.told, changes: part.to_vec() };
        frames.extend(changes.chunks(CHANGES).map(|changes| ServerFrame::Changes(part(changes))));
        frames.push(ServerFrame::Changes(Changes { after: self.told, to, changes: last }));
        self.told = to;
        Ok(frames)
    }

    /// Says whose keys these are and what they may, unless it was said.
    fn introduce(&mut self, number: u32, profile: &Arc<Profile>, frames: &mut Vec<ServerFrame>) {
        if self.profiles.get(&number).is_some_and(|known| Arc::ptr_eq(known, profile)) {
            return;
        }
        let account = &profile.account;
        let owners = [account.organization.row(), account.row()];
        let new: Vec<OwnerRow> = owners.into_iter().filter(|owner| self.owners.insert(owner.owner)).collect();
        if !new.is_empty() {
            frames.push(ServerFrame::Owners(new));
        }
        frames.push(ServerFrame::Profile(number, profile.told()));
        self.profiles.insert(number, Arc::clone(profile));
    }

    fn look_up(&mut self, lookup: &Lookup) -> Vec<ServerFrame> {
        let mut frames = Vec::new();
        // Read before the table: what is found there is at least as new.
        let position = self.keyward.verifiers.state().until;
        let found = self.keyward.live().look_up(lookup, &self.keyward.pepper, self.organization);
        let row = found.map(|(row, profile)| {
            self.introduce(row.profile, &profile, &mut frames);
            row
        });
        frames.push(ServerFrame::Answer(Found { number: lookup.number, position, row }));
        frames
    }

    /// The newest checkpoint and the proof that its log goes on from what was shown before, if there is anything new.
    async fn show(&mut self) -> Result<Option<Shown>, Error> {
        let (keyward, since) = (&self.keyward, self.shown);
        let note = keyward.store.checkpoint().await?;
        let size = checkpoint_of(&note)?.size();
        if size <= since {
            return Ok(None);
        }
        let proof = keyward.prove_growth(since, size).await?;
        self.shown = size;
        Ok(Some(Shown { proof: proof.iter().map(|hash| hash.0).collect(), note }))
    }
}

impl<S: Store, E: Environment> Drop for Seat<S, E> {
    fn drop(&mut self) {
        self.keyward.verifiers.left(self.who, false);
    }
}

impl<S: Store, E: Environment> Keyward<S, E> {
    /// How long a log a verifier has seen: proved by this log's own signature.
    async fn seen(&self, hello: &Hello) -> Result<u64, Reason> {
        if hello.anchor.is_empty() {
            return Ok(0);
        }
        let note: Note = hello.anchor.parse().map_err(|_| Reason::OtherLog)?;
        note.open(&self.store.log_key()).map_err(|_| Reason::OtherLog)?;
        let seen: Checkpoint = note.unverified_text().parse().map_err(|_| Reason::OtherLog)?;
        let size = self.checkpoint().await.map_err(|_| Reason::NotServing)?.size();
        let same = seen.size() <= size
            && self.root_at(seen.size()).await.map_err(|_| Reason::NotServing)? == *seen.root();
        if same {
            return Ok(seen.size());
        }
        // This log has signed what it does not hold: it was put back, or has two ends.
        self.lock(hello.anchor.clone()).await;
        Err(Reason::OtherLog)
    }

    /// Accepts and signs nothing from now on, nor after a restart: by this checkpoint somebody has seen more of this log than is
    /// here, so removals are missing.
    async fn lock(&self, proof: String) {
        self.locked.store(true, Ordering::Release);
        // A store that cannot keep it is locked until it ends; then the proof has to be shown again.
        let _ = self.store.lock(proof).await;
    }
}

const fn reason_of(error: JoinError) -> Reason {
    match error {
        JoinError::ServerBehind => Reason::OtherLog,
        JoinError::Full => Reason::Full,
        JoinError::IncarnationTaken => Reason::Superseded,
        JoinError::Refused(Refused::Unknown) => Reason::Unknown,
        JoinError::Refused(Refused::Superseded) => Reason::Superseded,
        JoinError::Refused(Refused::Lied) => Reason::Lied,
        JoinError::Refused(Refused::Deposed) => Reason::NotServing,
    }
}
