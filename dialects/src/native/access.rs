//! This file is about door credentials on the wire: what is said of one, and what was read at a door.

use keyward_client::wire;
use keyward_core::access::{Access, AccessPatch, Door, DoorRead, Identification, NewAccess, Pin};
use keyward_core::command::Draft;
use keyward_core::error::Error;
use keyward_core::id::{AccountId, ResourceId};
use keyward_core::verbs::issue::is_name;

use super::fields;

/// A door credential to make; what makes it a key beside that is `key`'s.
pub(super) fn new(given: &wire::IssueAccess, key: &wire::IssueKey, draft: Draft) -> Result<NewAccess, Error> {
    if key.prefix.is_some() || key.format.is_some() || key.recoverable {
        return Err(Error::invalid(
            "prefix",
            "absent, as format and recoverable: a door credential has no secret that is written",
        ));
    }
    let identification = match (&given.identification, given.access_type) {
        (Some(text), access_type) => Some(identification(access_type, text)?),
        (None, wire::AccessType::Code) => None,
        (None, wire::AccessType::Proximity) => return Err(Error::invalid("access.identification", "given")),
    };
    Ok(NewAccess {
        account: fields::maybe_id("account_id", key.account_id.as_deref(), AccountId::parse)?,
        environment: fields::label("environment", key.environment.as_deref(), "live")?,
        protected: key.protected,
        identification,
        pin: maybe_pin(given.pin.as_ref())?,
        levels: levels(&given.levels)?,
        person: fields::maybe_id("access.person", given.person.as_deref(), ResourceId::parse)?,
        draft,
    })
}

pub(super) fn patch(given: &wire::UpdateAccess) -> Result<AccessPatch, Error> {
    let person =
        |text: &Option<String>| fields::maybe_id("access.person", text.as_deref(), ResourceId::parse);
    Ok(AccessPatch {
        pin: given.pin.as_ref().map(|pin| maybe_pin(pin.as_ref())).transpose()?,
        levels: given.levels.as_deref().map(levels).transpose()?,
        person: given.person.as_ref().map(person).transpose()?,
    })
}

/// What was read at a door.
pub(super) fn read(given: wire::AtDoor) -> Result<DoorRead, Error> {
    for (field, text) in [("access.door", &given.door), ("access.verifier", &given.verifier)] {
        if text.as_ref().is_some_and(|text| !is_name(text)) {
            return Err(Error::invalid(field, "1 to 200 bytes, no control characters"));
        }
    }
    let names_door = given.door.is_some() || given.verifier.is_some();
    Ok(DoorRead {
        identification: identification(given.access_type, &given.identification)?,
        pin: maybe_pin(given.pin.as_ref())?,
        level: fields::maybe_id("access.level", given.level.as_deref(), ResourceId::parse)?,
        door: names_door.then_some(Door { name: given.door, verifier: given.verifier }),
    })
}

/// What a door knows a credential by.
pub(super) fn identification(
    access_type: wire::AccessType,
    text: &wire::Secret,
) -> Result<Identification, Error> {
    let (read, must) = match access_type {
        wire::AccessType::Proximity => {
            (Identification::badge(text.expose()), "the number of a badge, no wider than its technology")
        }
        wire::AccessType::Code => (Identification::code(text.expose()), "4 to 12 digits"),
    };
    read.ok_or_else(|| Error::invalid("access.identification", must))
}

/// How a door credential is shown. A badge shows its number to everyone; a code is all that its door asks for, so it is
/// shown once, like every secret.
pub(super) fn shown(access: &Access, once: bool) -> wire::Access {
    let is_shown = once || matches!(access.identification, Identification::Badge(_));
    wire::Access {
        access_type: match access.identification {
            Identification::Badge(_) => wire::AccessType::Proximity,
            Identification::Code(_) => wire::AccessType::Code,
        },
        identification: is_shown.then(|| access.identification.text().to_string()),
        has_pin: access.opens.pin.is_some(),
        levels: access.opens.levels.iter().map(ToString::to_string).collect(),
        person: access.opens.person.map(|person| person.to_string()),
    }
}

fn maybe_pin(text: Option<&wire::Secret>) -> Result<Option<Pin>, Error> {
    let read = |text: &wire::Secret| Pin::parse(text.expose());
    text.map(|text| read(text).ok_or_else(|| Error::invalid("access.pin", "4 to 8 digits"))).transpose()
}

fn levels(texts: &[String]) -> Result<Vec<ResourceId>, Error> {
    texts.iter().map(|text| fields::id("access.levels", text, ResourceId::parse)).collect()
}
