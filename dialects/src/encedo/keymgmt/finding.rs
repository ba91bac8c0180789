//! This file is about finding keys: one, all, or those whose description fits a pattern.

use std::sync::Arc;

use keyward_core::error::Error;
use serde_json::{Map, Value, json};

use super::super::answers::{Flow, say};
use super::super::ask::{Ask, Fields};
use super::super::encoding::{decode, encode};
use super::super::gate::{Admitted, must};
use super::super::keys::{self, HemKey};
use super::super::kid::Kid;
use super::super::paging::{Part, number};
use super::super::scope::used_key;
use super::super::state::Owner;
use super::super::types;

/// The longest pattern, in bytes.
const PATTERN: usize = 64;
/// The shortest beginning that anybody may look for, in bytes.
const OPEN_PATTERN: usize = 6;

pub(in super::super) fn get(admitted: &Arc<Admitted>) -> Flow {
    let kid = Kid::parse(&admitted.ask.segments().kid);
    let kid = kid.ok_or_else(|| Error::invalid("kid", "32 hexadecimal digits"))?;
    let admitted = Arc::clone(admitted);
    Ok(keys::find(kid, move |key| {
        is_for(&admitted, &key)?;
        let mut shown = Map::from_iter([
            ("type".to_owned(), types::name(key.crypto.algorithm).into()),
            ("updated".to_owned(), key.kept.updated.into()),
        ]);
        let public = key.crypto.public.as_deref().map(encode);
        shown.extend(public.map(|public| ("pubkey".to_owned(), public.into())));
        shown.extend(key.kept.descr.map(|descr| ("descr".to_owned(), descr.into())));
        say(&Value::Object(shown))
    }))
}

/// Whether a session is for this very key. One for the use of a kid is for the key that had it then, or for the first that came
/// to have it: it does not fit another that came after.
pub(in super::super) fn is_for(admitted: &Admitted, key: &HemKey) -> Result<(), Error> {
    let unit = &admitted.ask.unit;
    let outlived = |bearer: &super::super::bearer::Bearer| {
        used_key(&bearer.scope).is_some()
            && key.mark.is_younger(unit, bearer.opened)
            && !unit.awaited().is_for(key.kid, bearer.opened, key.mark.born)
    };
    if admitted.bearer.as_ref().is_some_and(outlived) { Err(Error::Forbidden) } else { Ok(()) }
}

pub(in super::super) fn list(admitted: &Arc<Admitted>) -> Flow {
    let segments = admitted.ask.segments();
    let part = Part::new(number(segments.offset.as_deref())?, number(segments.count.as_deref())?);
    Ok(show(part, |_| true))
}

/// Where a pattern is to stand in a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Beginning,
    End,
    Anywhere,
}

/// What is looked for.
struct Pattern {
    place: Place,
    bytes: Vec<u8>,
}

impl Pattern {
    fn read(fields: &Fields) -> Result<Self, Error> {
        let text = fields.needed_text("descr")?;
        let (place, text) = match (text.strip_prefix('^'), text.strip_suffix('$')) {
            (Some(text), _) => (Place::Beginning, text),
            (None, Some(text)) => (Place::End, text),
            (None, None) => (Place::Anywhere, text),
        };
        let bytes = decode(text).filter(|bytes| !bytes.is_empty());
        Ok(Self { place, bytes: bytes.ok_or_else(|| Error::invalid("descr", "a pattern"))? })
    }

    fn fits(&self, descr: &[u8]) -> bool {
        match self.place {
            Place::Beginning => descr.starts_with(&self.bytes),
            Place::End => descr.ends_with(&self.bytes),
            Place::Anywhere => descr.windows(self.bytes.len()).any(|window| window == self.bytes),
        }
    }
}

/// Whether anybody may look for this: clients find the key that they are to ask for.
pub(in super::super) fn is_open_search(ask: &Ask, owner: &Owner) -> bool {
    let pattern = ask.fields().and_then(|fields| Pattern::read(&fields));
    owner.allow_keysearch
        && pattern.is_ok_and(|it| it.place == Place::Beginning && it.bytes.len() >= OPEN_PATTERN)
}

pub(in super::super) fn search(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.ask.fields()?;
    let pattern = Pattern::read(&fields)?;
    let place = |name| {
        let number = fields.number(name)?;
        Ok::<_, Error>(number.map(|number| usize::try_from(number).unwrap_or(usize::MAX)))
    };
    let part = Part::new(place("offset")?, place("limit")?);
    must(pattern.bytes.len() <= PATTERN)?;
    Ok(show(part, move |key| pattern.fits(&key.kept.descr_bytes())))
}

/// Says one part of the keys that fit.
fn show(part: Part, fits: impl Fn(&HemKey) -> bool + Send + 'static) -> crate::dialect::Step {
    let see = move |(total, shown): &mut (usize, Vec<Value>), key: HemKey| {
        if fits(&key) {
            if *total >= part.offset && shown.len() < part.count {
                shown.push(line(&key));
            }
            *total += 1;
        }
    };
    keys::fold((0, Vec::new()), see, move |(total, shown)| {
        Ok(keys::count_removed(move |deleted| {
            say(&json!({
                "offset": part.offset,
                "deleted": deleted,
                "total": total,
                "listed": shown.len(),
                "list": shown,
            }))
        }))
    })
}

fn line(key: &HemKey) -> Value {
    let mut shown = json!({
        "kid": key.kid.to_string(),
        "created": key.kept.created,
        "updated": key.kept.updated,
        "type": types::decorated(&key.crypto, &key.kept),
        "label": key.label,
    });
    if let (Some(descr), Some(members)) = (&key.kept.descr, shown.as_object_mut()) {
        members.insert("descr".to_owned(), descr.as_str().into());
    }
    shown
}
