//! This file is about keys of another organization: they are answered like keys that there are not, and with as much work.

use keyward_core::command::{Command, Draft, Ending, Issue, Named, Patch};
use keyward_core::error::Error;
use keyward_core::id::{Id, KeyId};
use keyward_core::secret::{Alphabet, Format};
use keyward_core::store::RecordKind;

use crate::house::{Core, House, ask, known};
use crate::world::{Shared, finish, start};

/// Every command that names a key, by an id and its number.
fn commands(key: KeyId) -> Vec<Command> {
    let patch = Box::new(Patch { name: Some("mine".to_owned()), ..Patch::default() });
    vec![
        Command::Find(key),
        Command::FindKeyName(key),
        Command::Reveal(key),
        Command::FindNumbered { kind: RecordKind::Key, number: key.id().number() },
        Command::Update { key, patch, if_match: None },
        Command::Suspend { key, remove_at: None, if_match: None },
        Command::Resume { key, if_match: None },
        Command::Rotate { key, overlap_seconds: 0, if_match: None },
        Command::ReadUsage(key),
        Command::FindReach(key),
        Command::ReadReceipt(key.id().into()),
        Command::Remove(Named::Id(key), Ending::default()),
        Command::Remove(Named::Number(key.id().number()), Ending::default()),
    ]
}

/// Whoever measured how long the answer takes could tell which ids are another organization's.
#[test]
fn a_strangers_key_is_found_missing_by_as_many_reads_as_one_that_is_not_there() {
    let house = House::new(1, 0);
    let core: Core<Shared> = finish(start(house.store.clone(), &house.world)).unwrap();
    let issue = Issue {
        account: Some(house.account.id),
        format: Format::Plain { alphabet: Alphabet::Alphanumeric, public: 20, private: 40, hint: 0 },
        numbered: true,
        draft: Draft { name: "theirs".to_owned(), ..Draft::default() },
        ..*match house.issue() {
            Command::Issue(issue) => issue,
            _ => panic!("an issue"),
        }
    };
    let issue = Command::Issue(Box::new(issue));
    let theirs = known(finish(ask(&core, &house.owner, issue.verb(), issue, None)).unwrap()).id;
    let stranger = house.other_owner(&core);
    let nobodys = KeyId::from(Id::from_bits(theirs.id().bits() ^ 1 << 3));
    for (command, missing) in commands(theirs).into_iter().zip(commands(nobodys)) {
        let verb = command.verb();
        let reads = |command: Command| {
            let before = house.store.fetched();
            let done = finish(ask(&core, &stranger, verb, command, None));
            assert_eq!(done.err(), Some(Error::NotFound), "{verb:?}");
            house.store.fetched() - before
        };
        let (of_theirs, of_missing) = (reads(command), reads(missing));
        assert_eq!(of_theirs, of_missing, "{verb:?}");
        assert!(of_theirs > 0, "{verb:?}");
    }
}
