//! This file is about the steps on single keys.

use keyward_core::command::{Answer, Ask, Command, Draft, Ending, Given, Import, Issue, Patch, Shown};
use keyward_core::event::Reason;
use keyward_core::key::Scheme;
use keyward_core::metadata::Metadata;
use keyward_core::permit::Verb;
use keyward_core::scope::Scopes;
use keyward_core::secret::{Format, Handle, Label, Secret};
use keyward_core::time::Timestamp;
use keyward_core::verbs::verify::Verdict;

use super::{Play, agree};
use crate::reference::{How, Key, Life, No, Reach, Seat, rights};
use crate::steps::{Edit, Match, SCOPES, Sketch, Step};
use crate::world::slow_hash;

/// What has changed about a key, and what is written down about it.
type Changed = Result<(Key, &'static str), No>;

impl Play {
    pub(super) fn on_keys(&mut self, step: &Step) {
        match step {
            Step::Issue { by, account, sketch } => self.issue(*by, *account, sketch),
            Step::Import { by, account, text, how, sketch } => {
                self.import(*by, *account, *text, *how, sketch);
            }
            Step::Update { by, key, edit, only } => self.update(*by, self.target(*key), edit, *only),
            Step::Suspend { by, key, remove_in, only } => {
                self.suspend(*by, self.target(*key), *remove_in, *only);
            }
            Step::Resume { by, key, only } => self.resume(*by, self.target(*key), *only),
            Step::Rotate { by, key, overlap, only } => self.rotate(*by, self.target(*key), *overlap, *only),
            Step::Remove { by, key, reason, only } => self.remove(*by, self.target(*key), *reason, *only),
            Step::Use { by, key, scoped, cost } => self.use_key(*by, self.target(*key), *scoped, *cost),
            _ => unreachable!("no step on a key: {step:?}"),
        }
    }

    fn owner(&self, seat: &Seat, reach: Reach, account: Option<u8>) -> Result<usize, No> {
        let account = account.map_or(seat.account, |account| self.account(account));
        if !self.model.covers(seat, reach, account) || self.model.above(account) == Life::Removed {
            return Err("Invalid account_id");
        }
        seat.may_touch(self.model.accounts[account].role)?;
        Ok(account)
    }

    fn issue(&mut self, by: u8, account: Option<u8>, sketch: &Sketch) {
        let want = self.seat(by, "issue").and_then(|(seat, reach)| {
            let key = self.blank(0, sketch);
            seat.may_give(&key.scopes)?;
            let account = self.owner(&seat, reach, account)?;
            self.check(&key, self.model.now)?;
            Ok(Key { account, ..key })
        });
        let draft = self.blank(0, sketch);
        let issue = Issue {
            account: account.map(|account| self.model.accounts[self.account(account)].id),
            format: Format::Keyward(Label::parse("kw").unwrap()),
            environment: Label::parse(draft.environment).unwrap(),
            protected: sketch.protected,
            recoverable: false,
            numbered: false,
            draft: draft_of(&draft),
        };
        let got = self.ask(by, Verb::Issue, Command::Issue(Box::new(issue)));
        if let Some((answer, key)) = agree("issue", got, want) {
            self.born(answer, key);
        }
    }

    fn born(&mut self, answer: Answer, key: Key) {
        let Answer::Issued(issued, secret) = answer else { panic!("a key and its secret") };
        let (id, text) = (issued.head.id, secret.expose().to_owned());
        assert!(self.model.keys.iter().all(|other| other.id != id && other.text != text));
        self.model.event(id.id().bits(), "key.created", 1);
        self.model.keys.push(Key { id, text, ..key });
    }

    fn import(&mut self, by: u8, account: Option<u8>, text: u8, how: u8, sketch: &Sketch) {
        let text = format!("foreign{text}-abcdefghijkl");
        let (how, given, handle) = match how {
            0 => (How::Text, Given::Text(Secret::import(&text).unwrap()), None),
            1 => (How::Sha512, Given::Digest(Scheme::Sha512, Scheme::Sha512.digest(&text)), None),
            _ => (How::Slow, Given::Slow(slow_hash(&text)), Handle::parse(&text[..8])),
        };
        let draft = self.blank(0, sketch);
        let import = Import {
            account: account.map(|account| self.model.accounts[self.account(account)].id),
            environment: Label::parse(draft.environment).unwrap(),
            protected: sketch.protected,
            given,
            handle: handle.clone(),
            draft: draft_of(&draft),
        };
        let want = self.seat(by, "import").and_then(|(seat, reach)| {
            seat.may_give(&draft.scopes)?;
            let account = self.owner(&seat, reach, account)?;
            let any = |fits: &dyn Fn(usize, &Key) -> bool| {
                self.model.keys.iter().enumerate().any(|(at, key)| key.text == text && fits(at, key))
            };
            // A text tells all of its digests, whoever brought one of them along.
            if how == How::Text && any(&|_, key| key.how != How::Slow) {
                return Err("Taken");
            }
            self.check(&draft, self.model.now)?;
            // Whoever was brought along as a slow hash holds its handle for ever, also when it was learned.
            let taken = match how {
                How::Slow => any(&|at, _| self.is_slow(at)),
                How::Text | How::Sha512 | How::Own => any(&|_, key| key.how == how),
            };
            if taken { Err("Taken") } else { Ok(Key { account, how, text: text.clone(), ..draft }) }
        });
        let got = self.ask(by, Verb::Import, Command::Import(Box::new(import)));
        if let Some((answer, key)) = agree("import", got, want) {
            let Answer::Key(imported) = answer else { panic!("a key") };
            self.model.event(imported.head.id.id().bits(), "key.created", 1);
            self.model.keys.push(Key { id: imported.head.id, ..key });
            if handle.is_some() {
                self.slow.insert(imported.head.id);
            }
        }
    }

    /// What a key may be like.
    fn check(&self, key: &Key, now: u64) -> Result<(), No> {
        if key.expires_at.is_some_and(|end| end <= now) {
            return Err("Invalid expires_at");
        }
        if key.not_before.zip(key.expires_at).is_some_and(|(start, end)| start >= end) {
            return Err("Invalid not_before");
        }
        let counted_caller = key.uses.is_some() && !rights(&key.scopes).is_empty();
        if key.uses == Some(0) || counted_caller { Err("Invalid uses_left") } else { Ok(()) }
    }

    /// A living key that the caller may change, at the version that it names.
    fn may_change(&self, by: u8, verb: &str, at: usize, only: Match) -> Result<(Seat, Key), No> {
        let (seat, reach) = self.seat(by, verb)?;
        let key = &self.model.keys[at];
        if !self.model.covers(&seat, reach, key.account) {
            return Err("NotFound");
        }
        if key.life == Life::Removed {
            return Err("Gone");
        }
        seat.may_touch(self.model.accounts[key.account].role)?;
        if matches!(only, Match::Other) { Err("Stale") } else { Ok((seat, key.clone())) }
    }

    fn changed(
        &mut self,
        what: &str,
        at: usize,
        got: Result<Answer, keyward_core::error::Error>,
        want: Changed,
    ) {
        if let Some((answer, (key, happened))) = agree(what, got, want) {
            let Answer::Key(shown) = answer else { panic!("{what}: a key") };
            self.model.keys[at] = key;
            self.model.bump(at, happened);
            self.same_key(&shown, at);
        }
    }

    fn update(&mut self, by: u8, at: usize, edit: &Edit, only: Match) {
        let mut patch = Patch::default();
        let (now, mut check_from) = (self.model.now, 0);
        let mut after = self.model.keys[at].clone();
        match edit {
            Edit::Name => after.name = format!("{}'", after.name),
            Edit::Scopes(which) => after.scopes = SCOPES[*which].iter().map(|s| (*s).to_owned()).collect(),
            Edit::Expires(seconds) => {
                (after.expires_at, check_from) = (seconds.map(|seconds| self.after(seconds)), now);
                patch.expires_at = Some(after.expires_at.map(Timestamp::from_millis));
            }
            Edit::Uses(left) => {
                // What is said is how many are left; what is kept is how many there are in all.
                after.uses = left.map(|left| left + after.spent);
                patch.uses = Some(*left);
            }
            Edit::Protected(protected) => {
                after.protected = *protected;
                patch.protected = Some(*protected);
            }
            Edit::Fenced(fenced) => {
                after.fenced = *fenced;
                patch.ip_allow = Some(draft_of(&after).ip_allow);
            }
        }
        patch.name = matches!(edit, Edit::Name).then(|| after.name.clone());
        patch.scopes = matches!(edit, Edit::Scopes(_)).then(|| draft_of(&after).scopes);
        let want = self.seat(by, "update").and_then(|(seat, _)| {
            let mut after = after.clone();
            if patch.scopes.is_some() {
                seat.may_give(&after.scopes)?;
            }
            self.may_change(by, "update", at, only)?;
            self.check(&after, check_from)?;
            if matches!(edit, Edit::Protected(true)) && after.remove_at.take().is_some_and(|end| end <= now) {
                return Err("WrongState");
            }
            Ok((after, "key.updated"))
        });
        let (key, if_match) = self.named(at, only);
        let got = self.ask(by, Verb::Update, Command::Update { key, patch: Box::new(patch), if_match });
        self.changed("update", at, got, want);
    }

    fn suspend(&mut self, by: u8, at: usize, remove_in: Option<i64>, only: Match) {
        let remove_at = remove_in.map(|seconds| self.after(seconds));
        let now = self.model.now;
        let may_end = || remove_at.map_or(Ok(()), |_| self.may_end(by, "suspend", at));
        let want = may_end().and_then(|()| self.may_change(by, "suspend", at, only)).and_then(|(_, key)| {
            if key.remove_at.is_some_and(|end| end <= now) {
                return Err("WrongState");
            }
            if remove_at.is_some_and(|end| end <= now) {
                return Err("Invalid remove_at");
            }
            if remove_at.is_some() && key.protected {
                return Err("Protected");
            }
            let retired = match remove_at {
                Some(end) => Key { remove_at: Some(end), remove_for: Reason::Retired, ..key },
                None => key,
            };
            Ok((Key { life: Life::Suspended, ..retired }, "key.suspended"))
        });
        let (key, if_match) = self.named(at, only);
        let remove_at = remove_at.map(Timestamp::from_millis);
        let got = self.ask(by, Verb::Suspend, Command::Suspend { key, remove_at, if_match });
        self.changed("suspend", at, got, want);
    }

    fn resume(&mut self, by: u8, at: usize, only: Match) {
        let now = self.model.now;
        let want = self.may_change(by, "resume", at, only).and_then(|(_, key)| {
            // A retirement can be called off until its time has come.
            let over = key.remove_at.is_some_and(|end| end <= now);
            if over {
                return Err("WrongState");
            }
            Ok((Key { life: Life::Active, remove_at: None, ..key }, "key.resumed"))
        });
        let (key, if_match) = self.named(at, only);
        let got = self.ask(by, Verb::Resume, Command::Resume { key, if_match });
        self.changed("resume", at, got, want);
    }

    fn rotate(&mut self, by: u8, at: usize, overlap: u64, only: Match) {
        let may_end = self.may_end(by, "rotate", at);
        let want = may_end.and_then(|()| self.may_rotate(by, at, overlap, only));
        let (key, if_match) = self.named(at, only);
        let got = self.ask(by, Verb::Rotate, Command::Rotate { key, overlap_seconds: overlap, if_match });
        if let Some((answer, successor)) = agree("rotate", got, want) {
            self.born(answer, successor);
            if overlap == 0 {
                return self.model.end(at, Reason::Superseded, None);
            }
            let end = self.model.now + overlap * 1000;
            let old = &mut self.model.keys[at];
            old.remove_at = Some(old.remove_at.map_or(end, |earlier| earlier.min(end)));
            old.remove_for = Reason::Superseded;
            self.model.bump(at, "key.updated");
        }
    }

    /// Whether the caller may do a verb that ends a key for ever: its own, or with the right to remove.
    fn may_end(&self, by: u8, verb: &str, at: usize) -> Result<(), No> {
        let (seat, _) = self.seat(by, verb)?;
        if seat.may_end() || self.asker(by) == at { Ok(()) } else { Err("Forbidden") }
    }

    fn may_rotate(&self, by: u8, at: usize, overlap: u64, only: Match) -> Result<Key, No> {
        let (seat, key) = match self.may_change(by, "rotate", at, only) {
            Err("Stale") => {
                let (seat, key) = self.may_change(by, "rotate", at, Match::Any)?;
                return seat.may_give(&key.scopes).and(Err("Stale"));
            }
            may => may?,
        };
        seat.may_give(&key.scopes)?;
        if key.life == Life::Suspended {
            return Err("WrongState");
        }
        if key.protected {
            return Err("Protected");
        }
        if overlap > 30 * 86_400 {
            return Err("Invalid overlap_seconds");
        }
        let left = key.uses.map(|uses| uses.saturating_sub(key.spent));
        let successor = Key {
            how: How::Own,
            version: 1,
            remove_at: None,
            uses: left,
            spent: 0,
            supersedes: Some(key.id),
            created_at: self.model.now,
            ..key
        };
        self.check(&successor, self.model.now)?;
        Ok(successor)
    }

    fn remove(&mut self, by: u8, at: usize, reason: Reason, only: Match) {
        let want = match self.may_change(by, "remove", at, only) {
            // Removing twice is no error.
            Err("Gone") => Ok(false),
            Err(no) => Err(no),
            Ok((_, key)) if key.protected => Err("Protected"),
            Ok(_) => Ok(true),
        };
        let (key, if_match) = self.named(at, only);
        let got = self.ask(
            by,
            Verb::Remove,
            Command::Remove(key.into(), Ending { reason, if_match, ..Ending::default() }),
        );
        if let Some((answer, now)) = agree("remove", got, want) {
            let Answer::Removed(removed) = answer else { panic!("a tombstone") };
            if now {
                self.model.end(at, reason, None);
            }
            let key = &self.model.keys[at];
            let (when, why) = key.removed.unwrap();
            assert_eq!(removed.again, !now);
            let tombstone = removed.tombstone;
            assert_eq!((tombstone.id, tombstone.version), (key.id, key.version));
            assert_eq!((tombstone.removed_at.millis(), tombstone.reason), (when, why));
        }
    }

    fn use_key(&mut self, by: u8, at: usize, scoped: bool, cost: u32) {
        let text = self.model.keys[at].text.clone();
        let scope = scoped.then_some("stock");
        let want = self
            .seat(by, "verify")
            .map(|(seat, reach)| self.model.verify(&seat, reach, &text, scope, u64::from(cost)));
        let got = self.ask(by, Verb::Verify, ask(&text, scope, cost));
        if let Some((answer, want)) = agree("verify", got, want) {
            self.same_verdict(&text, answer, want);
        }
    }

    pub(crate) fn same_verdict(&self, text: &str, answer: Answer, want: Result<usize, No>) {
        let Answer::Verdict(verdict) = answer else { panic!("a verdict") };
        match (*verdict, want) {
            (Verdict::Refused(refusal), Err(no)) => assert_eq!(format!("{refusal:?}"), no, "{text}"),
            (Verdict::Valid(valid), Ok(at)) => {
                let key = &self.model.keys[at];
                let account = &self.model.accounts[key.account];
                assert_eq!((valid.key, valid.details.name()), (key.id, key.name.as_str()));
                assert_eq!(valid.profile.account.id, account.id);
                assert_eq!(valid.profile.account.role(), account.role);
                assert_eq!(words(&valid.profile.scopes), key.scopes);
                assert_eq!(valid.details.metadata(), key.metadata);
            }
            (Verdict::Refused(refusal), Ok(_)) => panic!("{text}: refused as {refusal:?}, should be valid"),
            (Verdict::Valid(_), Err(no)) => panic!("{text}: valid, should be refused as {no}"),
        }
    }

    fn named(&self, at: usize, only: Match) -> (keyward_core::id::KeyId, Option<u64>) {
        let key = &self.model.keys[at];
        (key.id, Self::version(only, key.version))
    }
}

/// The question whether a text is valid.
pub(crate) fn ask(text: &str, scope: Option<&str>, cost: u32) -> Command {
    let scopes = Scopes::parse(scope).unwrap();
    Command::Verify(Box::new(Ask {
        shown: Shown::Secret(text.to_owned().into()),
        scopes,
        address: None,
        cost,
    }))
}

pub(crate) fn words(scopes: &Scopes) -> Vec<String> {
    scopes.iter().map(|scope| scope.as_str().to_owned()).collect()
}

fn draft_of(key: &Key) -> Draft {
    Draft {
        name: key.name.clone(),
        scopes: Scopes::parse(key.scopes.iter().map(String::as_str)).unwrap(),
        metadata: Metadata::parse(&key.metadata).unwrap(),
        tags: Vec::new(),
        not_before: key.not_before.map(Timestamp::from_millis),
        expires_at: key.expires_at.map(Timestamp::from_millis),
        ip_allow: if key.fenced { vec!["10.0.0.0/8".parse().unwrap()] } else { Vec::new() },
        rate_limit: None,
        uses: key.uses,
    }
}
