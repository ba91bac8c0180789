//! Access levels that are removed: what they opened is shut, whatever keys name them.

use keyward_core::access::{AccessPatch, LEVELS};
use keyward_core::command::{Answer, Command, Patch};
use keyward_core::error::Error;
use keyward_core::id::{KeyId, ResourceId};
use keyward_core::verbs::verify::Refusal;

use super::{DoorRead, NewAccess, Pin, Scene, door, new};

impl Scene {
    fn end(&self, level: ResourceId, if_match: Option<u64>) -> Result<bool, Error> {
        let remove = Command::RemoveResource { collection: LEVELS, resource: level, if_match };
        match self.run(remove)? {
            Answer::ResourceRemoved(_, again) => Ok(again),
            _ => panic!("a removed level"),
        }
    }

    fn grant(&self, key: KeyId, levels: Vec<ResourceId>) -> Result<(), Error> {
        let access = AccessPatch { levels: Some(levels), ..AccessPatch::default() };
        let patch = Box::new(Patch { access: Some(access), ..Patch::default() });
        self.run(Command::Update { key, patch, if_match: None }).map(|_| ())
    }
}

#[test]
fn a_removed_level_opens_nothing_and_its_keys_open_what_else_they_may() {
    let mut scene = Scene::new();
    let (office, cellar) = (scene.make(LEVELS), scene.make(LEVELS));
    let with = NewAccess { pin: Pin::parse("1234"), levels: vec![office, cellar], ..new(Some("EM:7")) };
    let key = scene.issue(with).unwrap().head.id;
    let at = |level| DoorRead { pin: Pin::parse("1234"), level: Some(level), ..door("EM:7") };
    assert_eq!((scene.at_door(at(office)), scene.at_door(at(cellar))), (Ok(key), Ok(key)));
    assert_eq!(scene.end(office, Some(7)), Err(Error::Stale));
    assert_eq!(scene.at_door(at(office)), Ok(key), "nothing was done");

    for (was_before, restarted) in [(false, false), (true, false), (true, true)] {
        if restarted {
            scene.restart();
        }
        assert_eq!(scene.end(office, None), Ok(was_before));
        assert_eq!(scene.at_door(at(office)), Err(Refusal::LevelNotGranted));
        assert_eq!(scene.at_door(at(cellar)), Ok(key));
        // Still the PIN first: nobody learns by a wrong one what a badge opens.
        let wrong = DoorRead { pin: Pin::parse("9999"), ..at(office) };
        assert_eq!(scene.at_door(wrong), Err(Refusal::WrongPin));
    }
    // It cannot be granted any more, and what names it can be changed in all else.
    let refused = |done: Result<(), Error>| matches!(done, Err(Error::Invalid { field, .. }) if field == "access.levels");
    assert!(refused(scene.grant(key, vec![office])));
    assert!(refused(scene.issue(NewAccess { levels: vec![office], ..new(Some("EM:8")) }).map(|_| ())));
    assert_eq!(scene.grant(key, vec![cellar]), Ok(()));
    // A name that is free again is another level.
    let another = scene.make(LEVELS);
    assert_eq!(scene.at_door(at(another)), Err(Refusal::LevelNotGranted));
}
