//! This file is about door credentials: one identification is one live key, it opens what was granted to it, and a removed
//! one opens nothing, whoever it is handed on to.

#[path = "doors/levels.rs"]
mod levels;

use std::future::Future as _;
use std::task::{Context, Poll, Waker};

use keyward_core::access::{
    AccessPatch, DOOR_EVENTS, Door, DoorRead, Identification, LEVELS, NewAccess, PERSONS, Pin,
};
use keyward_core::command::{Answer, Ask, Command, Draft, Ending, Named, Page, Patch, Shown};
use keyward_core::error::Error;
use keyward_core::event::Reason;
use keyward_core::id::{KeyId, ResourceId};
use keyward_core::key::{Key, Material};
use keyward_core::keyward::{Idempotency, Origin};
use keyward_core::permit::{Caller, Verb};
use keyward_core::removal::Selection;
use keyward_core::resource::{NewResource, Resource};
use keyward_core::scope::Scopes;
use keyward_core::secret::Label;
use keyward_core::verbs::verify::{Refusal, Verdict};

use crate::house::{Core, House, ask};
use crate::world::{Shared, finish, start};

struct Scene {
    house: House,
    core: Core<Shared>,
}

impl Scene {
    fn new() -> Self {
        let house = House::new(1, 0);
        let core = finish(start(house.store.clone(), &house.world)).unwrap();
        Self { house, core }
    }

    fn restart(&mut self) {
        self.core = finish(start(self.house.store.clone(), &self.house.world)).unwrap();
    }

    fn run_as(&self, caller: &Caller, command: Command) -> Result<Answer, Error> {
        let verb = command.verb();
        finish(ask(&self.core, caller, verb, command, None))
    }

    fn run(&self, command: Command) -> Result<Answer, Error> {
        self.run_as(&self.house.owner, command)
    }

    fn issue(&self, new: NewAccess) -> Result<Key, Error> {
        match self.run(Command::IssueAccess(Box::new(new)))? {
            Answer::IssuedAccess(key) => Ok(*key),
            _ => panic!("a door credential"),
        }
    }

    fn find(&self, identification: &str) -> Result<KeyId, Error> {
        match self.run(Command::FindAccess(read(identification)))? {
            Answer::Found(key) => Ok(key.head.id),
            _ => panic!("a key"),
        }
    }

    fn remove(&self, key: KeyId) {
        let (reason, if_match) = (Reason::Compromised, None);
        let remove = Command::Remove(
            key.into(),
            Ending { reason, if_match, end_sessions: false, ..Ending::default() },
        );
        self.run(remove).unwrap_or_else(|error| panic!("{error:?}"));
    }

    fn read_as(&self, caller: &Caller, read: DoorRead) -> Result<KeyId, Refusal> {
        let ask =
            Ask { shown: Shown::AtDoor(Box::new(read)), scopes: Scopes::default(), address: None, cost: 1 };
        match self.run_as(caller, Command::Verify(Box::new(ask))) {
            Ok(Answer::Verdict(verdict)) => match *verdict {
                Verdict::Valid(valid) => Ok(valid.key),
                Verdict::Refused(refusal) => Err(refusal),
            },
            other => panic!("a verdict: {:?}", other.err()),
        }
    }

    fn at_door(&self, read: DoorRead) -> Result<KeyId, Refusal> {
        self.read_as(&self.house.owner, read)
    }

    fn make(&self, collection: &'static str) -> ResourceId {
        let new = NewResource { collection, ..NewResource::default() };
        match self.run(Command::CreateResource(Box::new(new))) {
            Ok(Answer::Resource(resource)) => resource.id,
            other => panic!("a resource: {:?}", other.err()),
        }
    }

    fn events(&self) -> Vec<Resource> {
        let page = Page { after: None, limit: Page::LIMIT };
        let list = Command::ListResources { collection: DOOR_EVENTS, account: None, parent: None, page };
        match self.run(list) {
            Ok(Answer::Resources(events, None)) => events,
            other => panic!("events: {:?}", other.err()),
        }
    }
}

fn read(text: &str) -> Identification {
    Identification::badge(text).or_else(|| Identification::code(text)).unwrap()
}

fn new(identification: Option<&str>) -> NewAccess {
    NewAccess {
        account: None,
        environment: Label::parse("live").unwrap(),
        protected: false,
        identification: identification.map(read),
        pin: None,
        levels: Vec::new(),
        person: None,
        draft: Draft { name: "badge".to_owned(), ..Draft::default() },
    }
}

fn door(identification: &str) -> DoorRead {
    DoorRead { identification: read(identification), pin: None, level: None, door: None }
}

fn code_of(key: &Key) -> String {
    let Material::Access(access) = &key.traits.material else { panic!("a door credential") };
    access.identification.text().to_string()
}

#[test]
fn a_removed_badge_opens_nothing_and_may_be_handed_on() {
    let mut scene = Scene::new();
    let first = scene.issue(new(Some("EM:1234567890"))).unwrap().head.id;
    assert_eq!(scene.at_door(door("0x00499602D2")), Ok(first));
    assert_eq!(scene.find("0001234567890"), Ok(first));
    scene.remove(first);
    assert_eq!(scene.at_door(door("EM:1234567890")), Err(Refusal::Unknown));
    assert_eq!(scene.find("EM:1234567890"), Err(Error::NotFound));
    scene.restart();
    assert_eq!(scene.at_door(door("EM:1234567890")), Err(Refusal::Unknown));
    assert!(matches!(scene.run(Command::Find(first)), Err(Error::Gone(_))));
    let second = scene.issue(new(Some("0x00499602d2"))).unwrap().head.id;
    assert_ne!(first, second);
    scene.restart();
    assert_eq!(scene.at_door(door("EM:1234567890")), Ok(second));
    scene.remove(first);
    assert_eq!(
        scene.at_door(door("EM:1234567890")),
        Ok(second),
        "removing the old one again ends nothing new"
    );
}

#[test]
fn one_identification_is_one_live_key_part_by_part() {
    let scene = Scene::new();
    let badge = scene.issue(new(Some("EM:1|MC:2"))).unwrap().head.id;
    for taken in ["EM:1", "MC:2", "MC:2|MD:3", "MC:2|EM:1"] {
        let again = scene.issue(new(Some(taken)));
        assert_eq!(again.err(), Some(Error::Taken { what: "identification" }), "{taken}");
    }
    let other = scene.issue(new(Some("MD:3"))).unwrap().head.id;
    for (read, found) in [
        ("EM:1", Ok(badge)),
        ("MC:2", Ok(badge)),
        ("MC:2|EM:1", Ok(badge)),
        ("MD:3", Ok(other)),
        ("EM:1|MD:3", Err(())),
    ] {
        assert_eq!(
            scene.at_door(door(read)).map_err(|refusal| assert_eq!(refusal, Refusal::Unknown)),
            found,
            "{read}"
        );
        assert_eq!(scene.find(read).map_err(|error| assert_eq!(error, Error::NotFound)), found, "{read}");
    }
    scene.remove(badge);
    for read in ["EM:1", "MC:2", "EM:1|MC:2"] {
        assert_eq!(scene.at_door(door(read)), Err(Refusal::Unknown), "{read}");
    }
    assert_eq!(scene.at_door(door("MD:3")), Ok(other));
}

#[test]
fn a_code_is_made_where_none_is_given() {
    let scene = Scene::new();
    let (first, second) = (scene.issue(new(None)).unwrap(), scene.issue(new(None)).unwrap());
    assert_eq!(code_of(&first).len(), 8);
    assert_ne!(code_of(&first), code_of(&second));
    assert_eq!(scene.at_door(door(&code_of(&first))), Ok(first.head.id));
    // The same digits as a badge's are another credential.
    assert!(scene.issue(new(Some("MC:0012345678"))).is_ok());
    let key = Identification::code("0012345678").unwrap();
    assert_eq!(scene.at_door(DoorRead { identification: key, ..door("EM:1") }), Err(Refusal::Unknown));
}

#[test]
fn a_code_is_no_secret_to_sign_in_with() {
    let scene = Scene::new();
    let key = scene.issue(NewAccess {
        draft: Draft { scopes: Scopes::parse(["admin"]).unwrap(), ..new(None).draft },
        ..new(None)
    });
    let key = key.unwrap();
    for text in [code_of(&key), key.head.handle.to_string(), key.head.id.to_string()] {
        assert_eq!(scene.core.authenticate(&text, None).err(), Some(Error::BadCredential));
    }
}

#[test]
fn a_door_wants_pin_level_and_state() {
    let mut scene = Scene::new();
    let (office, cellar) = (scene.make(LEVELS), scene.make(LEVELS));
    let pin = |text: &str| Pin::parse(text);
    let with = NewAccess { pin: pin("1234"), levels: vec![office], ..new(Some("EM:7")) };
    let key = scene.issue(with).unwrap().head.id;
    let read = DoorRead { pin: pin("1234"), level: Some(office), ..door("EM:7") };
    assert_eq!(scene.at_door(read.clone()), Ok(key));
    assert_eq!(
        scene.at_door(DoorRead { level: Some(cellar), ..read.clone() }),
        Err(Refusal::LevelNotGranted)
    );
    assert_eq!(scene.at_door(DoorRead { pin: None, ..read.clone() }), Err(Refusal::WrongPin));
    assert_eq!(scene.at_door(DoorRead { pin: pin("1235"), ..read.clone() }), Err(Refusal::WrongPin));
    scene.restart();
    assert_eq!(scene.at_door(read.clone()), Ok(key));

    let access = AccessPatch { pin: Some(None), levels: Some(vec![cellar]), person: None };
    let patch = Box::new(Patch { access: Some(access), ..Patch::default() });
    scene.run(Command::Update { key, patch, if_match: None }).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(scene.at_door(read.clone()), Err(Refusal::NoPin));
    let read = DoorRead { pin: None, level: Some(cellar), ..read };
    assert_eq!(scene.at_door(read.clone()), Ok(key));

    let suspend = Command::Suspend { key, remove_at: None, if_match: None };
    scene.run(suspend).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(scene.at_door(read.clone()), Err(Refusal::Suspended));
    scene.run(Command::Resume { key, if_match: None }).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(scene.at_door(read), Ok(key));
    let rotate = Command::Rotate { key, overlap_seconds: 0, if_match: None };
    assert!(matches!(scene.run(rotate), Err(Error::WrongState { .. })));
}

/// Whoever could ask found a PIN of four digits by asking ten thousand times.
#[test]
fn wrong_pins_are_judged_a_few_at_once_and_then_one_a_minute() {
    let scene = Scene::new();
    let with_pin = |text: &str, pin| NewAccess { pin: Pin::parse(pin), ..new(Some(text)) };
    let key = scene.issue(with_pin("EM:7", "1234")).unwrap().head.id;
    let other = scene.issue(with_pin("EM:8", "1234")).unwrap().head.id;
    let type_in = |text: &str, pin: &str| scene.at_door(DoorRead { pin: Pin::parse(pin), ..door(text) });
    let guesses: Vec<Refusal> = (0..8).filter_map(|n| type_in("EM:7", &format!("000{n}")).err()).collect();
    assert_eq!(guesses, [[Refusal::WrongPin; 5].as_slice(), &[Refusal::RateLimited; 3]].concat());
    // Not even a right one is told from a wrong one.
    assert_eq!(type_in("EM:7", "1234"), Err(Refusal::RateLimited));
    // What is not a guess is none, and another badge is another's.
    assert_eq!(scene.at_door(door("EM:7")), Err(Refusal::WrongPin));
    assert_eq!(type_in("EM:8", "1234"), Ok(other));
    // Its owner waits for a minute, and what is right costs nothing.
    scene.house.world.advance(60 * 1000);
    for _ in 0..20 {
        assert_eq!(type_in("EM:7", "1234"), Ok(key));
    }
    assert_eq!(type_in("EM:7", "9999"), Err(Refusal::WrongPin));
    assert_eq!(type_in("EM:7", "1234"), Err(Refusal::RateLimited));
    // A new key of the same badge is judged from the start.
    scene.remove(key);
    let again = scene.issue(with_pin("EM:7", "4321")).unwrap().head.id;
    assert_eq!(type_in("EM:7", "4321"), Ok(again));
}

#[test]
fn a_right_pin_for_another_level_is_no_wrong_pin() {
    let scene = Scene::new();
    let (office, cellar) = (scene.make(LEVELS), scene.make(LEVELS));
    let with = NewAccess { pin: Pin::parse("1234"), levels: vec![office], ..new(Some("EM:7")) };
    let key = scene.issue(with).unwrap().head.id;
    let at = |level| DoorRead { pin: Pin::parse("1234"), level: Some(level), ..door("EM:7") };
    for _ in 0..20 {
        assert_eq!(scene.at_door(at(cellar)), Err(Refusal::LevelNotGranted));
    }
    assert_eq!(scene.at_door(at(office)), Ok(key));
}

#[test]
fn a_credential_refers_to_what_exists_for_the_caller() {
    let scene = Scene::new();
    let (level, person) = (scene.make(LEVELS), scene.make(PERSONS));
    let refused = |new| match scene.issue(new) {
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("{:?}", other.err()),
    };
    assert_eq!(refused(NewAccess { levels: vec![level, person], ..new(Some("EM:7")) }), "access.levels");
    assert_eq!(refused(NewAccess { person: Some(level), ..new(Some("EM:7")) }), "access.person");
    assert_eq!(refused(NewAccess { levels: vec![level; 65], ..new(Some("EM:7")) }), "access.levels");
    assert!(
        scene.issue(NewAccess { levels: vec![level], person: Some(person), ..new(Some("EM:7")) }).is_ok()
    );
    let other = scene.house.other_owner(&scene.core);
    let theirs = NewAccess { levels: vec![level], ..new(Some("EM:8")) };
    let done = scene.run_as(&other, Command::IssueAccess(Box::new(theirs)));
    assert!(matches!(done.err(), Some(Error::Invalid { field, .. }) if field == "access.levels"));
}

#[test]
fn another_organizations_badge_is_unknown() {
    let scene = Scene::new();
    let ours = scene.issue(new(Some("EM:7"))).unwrap().head.id;
    let other = scene.house.other_owner(&scene.core);
    assert_eq!(scene.read_as(&other, door("EM:7")), Err(Refusal::Unknown));
    assert_eq!(scene.run_as(&other, Command::FindAccess(read("EM:7"))).err(), Some(Error::NotFound));
    assert_eq!(scene.run_as(&other, Command::Find(ours)).err(), Some(Error::NotFound));
    // It may have the same badge, and the two never meet.
    let theirs = scene.run_as(&other, Command::IssueAccess(Box::new(new(Some("EM:7")))));
    let Ok(Answer::IssuedAccess(theirs)) = theirs else { panic!("a door credential") };
    assert_eq!(scene.read_as(&other, door("EM:7")), Ok(theirs.head.id));
    scene.remove(ours);
    assert_eq!(scene.read_as(&other, door("EM:7")), Ok(theirs.head.id));
    assert_eq!(scene.at_door(door("EM:7")), Err(Refusal::Unknown));
}

#[test]
fn it_is_removed_by_what_a_door_knows_it_by() {
    let scene = Scene::new();
    scene.issue(new(Some("EM:7"))).unwrap();
    let start = || Command::StartRemoval {
        selection: Box::new(Selection::One(Named::Access(read("0x0000000007")))),
        reason: Reason::Unspecified,
        plan_hash: None,
    };
    assert!(matches!(scene.run(start()), Ok(Answer::Removal(_))));
    scene.house.world.work();
    assert_eq!(scene.at_door(door("EM:7")), Err(Refusal::Unknown));
    assert_eq!(scene.run(start()).err(), Some(Error::NotFound));
}

#[test]
fn a_read_is_written_down_where_it_says_which_door_and_never_what_was_read() {
    let scene = Scene::new();
    let person = scene.make(PERSONS);
    let key = scene.issue(NewAccess { person: Some(person), ..new(Some("EM:1234567890")) }).unwrap().head.id;
    let front = Door { name: Some("Front".to_owned()), verifier: Some("abc123-001".to_owned()) };
    let read = |identification: &str| DoorRead { door: Some(front.clone()), ..door(identification) };
    assert_eq!(scene.at_door(door("EM:1234567890")), Ok(key));
    assert!(scene.events().is_empty(), "no door was named");
    assert_eq!(scene.at_door(read("EM:1234567890")), Ok(key));
    scene.remove(key);
    assert_eq!(scene.at_door(read("EM:1234567890")), Err(Refusal::Unknown));
    let told: Vec<_> =
        scene.events().into_iter().map(|event| serde_json::Value::from(event.content)).collect();
    assert_eq!(
        told,
        [
            serde_json::json!({
                "number": 1, "verdict": "valid", "type": "proximity", "pin": false, "door": "Front",
                "verifier": "abc123-001", "key": key.to_string(), "person": person.to_string(),
            }),
            serde_json::json!({
                "number": 2, "verdict": "unknown", "type": "proximity", "pin": false, "door": "Front",
                "verifier": "abc123-001",
            }),
        ]
    );
}

/// Makes a person and then a key for it, one command after the other as a dialect does.
async fn add(core: &Core<Shared>, owner: &Caller) -> (ResourceId, KeyId) {
    let person = NewResource { collection: PERSONS, is_provisional: true, ..NewResource::default() };
    let create = Command::CreateResource(Box::new(person));
    let made = ask(core, owner, create.verb(), create, None).await;
    let Ok(Answer::Resource(person)) = made else { panic!("a person") };
    let issue = Command::IssueAccess(Box::new(NewAccess { person: Some(person.id), ..new(Some("EM:7")) }));
    let made = ask(core, owner, issue.verb(), issue, None).await;
    let Ok(Answer::IssuedAccess(key)) = made else { panic!("a key") };
    (person.id, key.head.id)
}

/// The store was cut off between the two, and somebody stayed who carried nothing and whom no call shows.
#[test]
fn wherever_adding_is_cut_off_nobody_stays_who_carries_nothing() {
    let mut turns = 0;
    loop {
        let mut scene = Scene::new();
        let core = finish(start(scene.house.store.clone().yielding(), &scene.house.world)).unwrap();
        let mut adding = Box::pin(add(&core, &scene.house.owner));
        let mut context = Context::from_waker(Waker::noop());
        let done = (0..turns).find_map(|_| match adding.as_mut().poll(&mut context) {
            Poll::Ready(made) => Some(made),
            Poll::Pending => None,
        });
        drop(adding);
        let persons = |scene: &Scene| {
            let page = Page { after: None, limit: Page::LIMIT };
            let list = Command::ListResources { collection: PERSONS, account: None, parent: None, page };
            let Ok(Answer::Resources(persons, None)) = scene.run(list) else { panic!("persons") };
            persons.iter().map(|person| person.id).collect::<Vec<_>>()
        };
        scene.restart();
        let carries = scene.find("EM:7").is_ok();
        assert_eq!(persons(&scene).len(), usize::from(carries), "after {turns} turns");
        if let Some((person, key)) = done {
            scene.remove(key);
            scene.restart();
            assert_eq!(persons(&scene), [person], "who has carried a key may carry another one");
            break;
        }
        turns += 1;
    }
    assert!(turns > 4, "it was cut off in between");
}

#[test]
fn asked_for_twice_it_is_made_once_and_answered_alike() {
    let scene = Scene::new();
    let again = || {
        let once = Idempotency { key: "once".to_owned(), request: [1; 32] };
        let origin = Origin { idempotency: Some(once), ..Origin::default() };
        let permit = scene.house.owner.permit(Verb::Issue).unwrap();
        let done = finish(scene.core.execute(&permit, Command::IssueAccess(Box::new(new(None))), &origin));
        let Answer::IssuedAccess(key) = done.unwrap_or_else(|error| panic!("{error:?}")).answer else {
            panic!("a door credential")
        };
        (key.head.id, code_of(&key))
    };
    assert_eq!(again(), again());
}
