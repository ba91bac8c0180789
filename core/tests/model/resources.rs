//! This file is about resources: what opens them, and whose they are.

use keyward_core::command::{Answer, Command, Draft, Issue, Page};
use keyward_core::error::Error;
use keyward_core::permit::{Caller, Verb};
use keyward_core::resource::{NewResource, Resource, ResourcePatch};
use keyward_core::scope::Scopes;
use keyward_core::secret::{Format, Label};
use serde_json::{Map, Value, json};

use crate::house::{Core, House, ask, known};
use crate::world::{Shared, finish, start};

const QUEUES: &str = "queues";

fn scene() -> (House, Core<Shared>) {
    let house = House::new(1, 0);
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    (house, core)
}

/// Somebody of the house's account whose key has these scopes.
fn holder(core: &Core<Shared>, house: &House, scopes: &[&str]) -> Caller {
    let scopes = Scopes::parse(scopes.iter().copied()).unwrap_or_else(|error| panic!("{error:?}"));
    let issue = Issue {
        account: Some(house.account.id),
        format: Format::Keyward(Label::parse("kw").unwrap()),
        environment: Label::parse("live").unwrap(),
        protected: false,
        recoverable: false,
        numbered: false,
        draft: Draft { name: "worker".to_owned(), scopes, ..Draft::default() },
    };
    let issued = finish(ask(core, &house.owner, Verb::Issue, Command::Issue(Box::new(issue)), None));
    core.authenticate(&known(issued.unwrap_or_else(|error| panic!("{error:?}"))).text, None).unwrap()
}

fn content(text: &str) -> Map<String, Value> {
    json!({ "text": text }).as_object().cloned().unwrap_or_default()
}

fn run(core: &Core<Shared>, caller: &Caller, command: Command) -> Result<Answer, Error> {
    let verb = command.verb();
    finish(ask(core, caller, verb, command, None))
}

fn create(core: &Core<Shared>, caller: &Caller, name: &str) -> Result<Box<Resource>, Error> {
    let name = Some(name.to_owned());
    let new = NewResource { collection: QUEUES, name, content: content("a"), ..NewResource::default() };
    match run(core, caller, Command::CreateResource(Box::new(new)))? {
        Answer::Resource(resource) => Ok(resource),
        _ => panic!("a resource"),
    }
}

fn listed(core: &Core<Shared>, caller: &Caller) -> usize {
    let page = Page { after: None, limit: Page::LIMIT };
    match run(core, caller, Command::ListResources { collection: QUEUES, account: None, parent: None, page })
    {
        Ok(Answer::Resources(resources, None)) => resources.len(),
        other => panic!("no list: {:?}", other.err()),
    }
}

#[test]
fn a_resource_is_made_read_changed_and_ended_across_a_restart() {
    let (house, core) = scene();
    let made = create(&core, &house.owner, "mail").unwrap_or_else(|error| panic!("{error:?}"));
    let patch = Box::new(ResourcePatch { name: Some("post".to_owned()), content: Some(content("b")) });
    let update = Command::UpdateResource { collection: QUEUES, resource: made.id, patch, if_match: None };
    assert!(run(&core, &house.owner, update).is_ok());
    let core = finish(start(house.store.clone(), &house.world)).unwrap();
    let find = Command::FindResource { collection: QUEUES, resource: made.id };
    let Ok(Answer::Resource(found)) = run(&core, &house.owner, find.clone()) else { panic!("a resource") };
    assert_eq!((found.name.as_deref(), &found.content), (Some("post"), &content("b")));
    assert!(create(&core, &house.owner, "mail").is_ok(), "the first name is free again");
    assert!(matches!(create(&core, &house.owner, "post"), Err(Error::Taken { .. })));
    assert_eq!(listed(&core, &house.owner), 2);
    let remove = Command::RemoveResource { collection: QUEUES, resource: made.id, if_match: None };
    for was_before in [false, true] {
        let removed = run(&core, &house.owner, remove.clone());
        assert!(matches!(removed, Ok(Answer::ResourceRemoved(_, again)) if again == was_before));
    }
    assert_eq!(run(&core, &house.owner, find).err(), Some(Error::NotFound));
    assert_eq!(listed(&core, &house.owner), 1);
}

#[test]
fn a_scope_opens_its_collection_its_part_and_nothing_else() {
    let (house, core) = scene();
    let writer = holder(&core, &house, &["queues:write"]);
    let one = create(&core, &writer, "one").unwrap_or_else(|error| panic!("{error:?}"));
    let two = create(&core, &writer, "two").unwrap_or_else(|error| panic!("{error:?}"));
    let part = format!("queues:read/{}", one.id);
    let find = |caller: &Caller, id| {
        run(&core, caller, Command::FindResource { collection: QUEUES, resource: id }).map(|_| ())
    };
    let (reader, of_one, other) = (
        holder(&core, &house, &["queues:read"]),
        holder(&core, &house, &[&part]),
        holder(&core, &house, &["messages:write", "keys:read"]),
    );
    assert_eq!((find(&reader, one.id), find(&reader, two.id)), (Ok(()), Ok(())));
    assert_eq!((find(&of_one, one.id), find(&of_one, two.id)), (Ok(()), Err(Error::Forbidden)));
    assert_eq!(find(&other, one.id), Err(Error::Forbidden));
    for caller in [&reader, &of_one, &other] {
        assert!(matches!(create(&core, caller, "three"), Err(Error::Forbidden)));
        let remove = Command::RemoveResource { collection: QUEUES, resource: one.id, if_match: None };
        assert_eq!(run(&core, caller, remove).err(), Some(Error::Forbidden));
    }
    assert_eq!(find(&writer, two.id), Ok(()), "who may write may read");
}

#[test]
fn another_accounts_resource_does_not_exist_for_a_member() {
    let (house, core) = scene();
    let owners = create(&core, &house.owner, "owners").unwrap_or_else(|error| panic!("{error:?}"));
    let member = holder(&core, &house, &["queues:write"]);
    let find = Command::FindResource { collection: QUEUES, resource: owners.id };
    assert_eq!(run(&core, &member, find).err(), Some(Error::NotFound));
    assert_eq!(listed(&core, &member), 0);
}
