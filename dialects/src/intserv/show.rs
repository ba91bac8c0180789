//! This file is about how things look in answers.

use keyward_core::access::Access;
use keyward_core::id::{Id, ResourceId};
use keyward_core::key::{Key, Material};
use keyward_core::resource::Resource;
use keyward_core::time::Timestamp;
use serde_json::{Value, json};

use crate::uuid;

/// How many letters a name has that nobody gave.
const LETTERS: u32 = 6;

/// A time, in whole seconds.
pub(super) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// A door credential, and who carries it.
pub(super) fn key(key: &Key, person: Option<&Resource>) -> Value {
    let levels = access(key).map(|access| access.opens.levels.as_slice()).unwrap_or_default();
    json!({
        "id": uuid::print(key.head.id.id()),
        "key": access(key).map(identification),
        "valid_from_date": time(key.traits.not_before.unwrap_or(key.head.created_at)),
        "valid_to_date": key.traits.expires_at.map(time),
        "access_levels": levels.iter().map(|level| uuid::print(level.id())).collect::<Vec<_>>(),
        "person": person.map(self::person),
    })
}

/// What a door knows a credential by.
pub(super) fn identification(access: &Access) -> Value {
    json!({ "identification": access.identification.text().as_str(), "type": access.identification.word() })
}

/// What makes a key a door credential, if it is one.
pub(super) const fn access(key: &Key) -> Option<&Access> {
    match &key.traits.material {
        Material::Access(access) => Some(access),
        Material::Secret(_) | Material::Crypto(_) => None,
    }
}

/// Somebody. Whoever was named by nobody has a name of letters out of the random half of their id.
pub(super) fn person(person: &Resource) -> Value {
    let given = |name: &str| person.content.get(name).cloned();
    let (first, last) = automatic(person.id);
    json!({
        "id": uuid::print(person.id.id()),
        "first_name": given("first_name").unwrap_or_else(|| first.into()),
        "last_name": given("last_name").unwrap_or_else(|| last.into()),
    })
}

fn automatic(id: ResourceId) -> (String, String) {
    let name = |from: u32| -> String {
        let letter =
            |place: u32| char::from(b'a' + u8::try_from((id.id().bits() >> (5 * place)) % 26).unwrap_or(0));
        (from..from + LETTERS).map(letter).collect()
    };
    (name(0), name(LETTERS))
}

/// An access level.
pub(super) fn level(level: &Resource) -> Value {
    let (id, system): (Id, _) = (level.id.id(), level.content.get("verifier"));
    json!({ "id": uuid::print(id), "name": level.name, "system_id": system })
}
