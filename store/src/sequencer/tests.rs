use std::collections::HashMap;

use keyward_core::id::Id;
use keyward_core::store::{CommitError, Name};
use keyward_core::time::Timestamp;
use keyward_log::{Checkpoint, Hash, KeyName, Note, Signer};

use super::{Claim, Sequencer, State};

#[derive(Default)]
struct Known {
    versions: HashMap<Id, u64>,
    names: HashMap<Name, Id>,
    answers: HashMap<[u8; 32], Timestamp>,
}

impl State for Known {
    fn version(&self, id: Id) -> Result<Option<u64>, CommitError> {
        Ok(self.versions.get(&id).copied())
    }

    fn holder(&self, name: Name) -> Result<Option<Id>, CommitError> {
        Ok(self.names.get(&name).copied())
    }

    fn is_answered(&self, id: &[u8; 32], now: Timestamp) -> Result<bool, CommitError> {
        Ok(self.answers.get(id).is_some_and(|until| now < *until))
    }
}

const ID: Id = Id::from_bits(1);

fn claim(version: u64, names: &[Name]) -> Claim<'_> {
    Claim { id: ID, version, names, replay: None, at: Timestamp::from_millis(1000) }
}

#[test]
fn only_the_next_version_may_happen() {
    let mut known = Known::default();
    assert_eq!(claim(1, &[]).judge(&known), Ok(()));
    known.versions.insert(ID, 4);
    for (version, expected) in [(0, false), (1, false), (4, false), (5, true), (6, false), (u64::MAX, false)]
    {
        assert_eq!(claim(version, &[]).judge(&known).is_ok(), expected, "{version} after 4");
    }
}

#[test]
fn a_name_is_refused_to_others_only() {
    let mut known = Known::default();
    let [mine, theirs, free] = [1, 2, 3].map(|byte| Name([byte; 16]));
    known.names.extend([(mine, ID), (theirs, Id::from_bits(2))]);
    assert_eq!(claim(1, &[mine, free]).judge(&known), Ok(()));
    assert_eq!(claim(1, &[free, theirs]).judge(&known), Err(CommitError::NameTaken(theirs)));
}

#[test]
fn an_answer_is_looked_for_first_and_expires() {
    let mut known = Known::default();
    known.answers.insert([1; 32], Timestamp::from_millis(1001));
    let repeated = Claim { replay: Some(&[1; 32]), ..claim(7, &[]) };
    assert_eq!(repeated.judge(&known), Err(CommitError::AlreadyAnswered));
    let later = Claim { at: Timestamp::from_millis(1001), ..repeated };
    assert_eq!(later.judge(&known), Err(CommitError::Stale));
}

#[test]
fn what_was_taken_back_leaves_no_trace() {
    let signer = || Signer::new(KeyName::new("store.test/log").unwrap(), &[7; 32].into()).unwrap();
    let mut sequencer = Sequencer::new(signer());
    let mut straight = Sequencer::new(signer());
    for round in 0..600_u64 {
        let mark = sequencer.mark();
        for lost in 0..round % 4 {
            sequencer.place(Hash::leaf(&lost.to_be_bytes()));
        }
        sequencer.rewind(mark);
        let leaf = Hash::leaf(&round.to_be_bytes());
        assert_eq!(sequencer.place(leaf), straight.place(leaf));
    }
    let note: Note = sequencer.checkpoint().unwrap().parse().unwrap();
    let signed = Checkpoint::open(&note, &signer().verifier_key(), "store.test/log").unwrap();
    assert_eq!((signed.size(), *signed.root()), (600, straight.root()));
}
