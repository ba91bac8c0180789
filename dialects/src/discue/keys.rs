//! This file is about calls on API keys.

use keyward_core::command::{Answer, Command, Draft, Ending, Issue, Page, Patch};
use keyward_core::error::Error;
use keyward_core::filter::Filter;
use keyward_core::id::{Id, KeyId, OrganizationId};
use keyward_core::key::{Found, Head, Key, Material, State};
use keyward_core::metadata::Metadata;
use keyward_core::permit::{Caller, Verb};
use keyward_core::secret::{Alphabet, Format, Label, Secret};
use keyward_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::given::{Given, Notation, alias_of};
use super::grants::Grants;
use super::ids;
use super::writer::Writer;
use crate::dialect::{Params, Request, Step, known, unexpected};

const COLLECTION: &str = "api_keys";
/// How many characters a key has.
const LENGTH: usize = 64;
/// How many of them can be read after its creation.
const SHOWN: usize = 3;
/// The most keys in one answer: the vendor's list has no pages.
const MOST: usize = 10_000;

/// What is kept with a key for this language, in its metadata.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    form: Notation,
    #[serde(default)]
    scopes: Grants,
}

/// Where in the metadata.
#[derive(Default, Serialize, Deserialize)]
struct Place {
    #[serde(default)]
    discue: Kept,
}

impl Kept {
    /// What is kept with a key; of one that was made in another language there is nothing.
    fn of(key: &Key) -> Self {
        serde_json::from_str::<Place>(key.traits.metadata.as_str()).unwrap_or_default().discue
    }

    /// What a key opens: as it was given here, unless its scopes are others since then.
    fn grants(&self, key: &Key) -> Grants {
        if self.is_current(key) { self.scopes.clone() } else { Grants::of(&key.traits.scopes) }
    }

    fn is_current(&self, key: &Key) -> bool {
        self.scopes.scopes().is_ok_and(|scopes| scopes == key.traits.scopes)
    }

    /// What a key is to open instead, if that differs. Who gives none where another language has set limits may never have
    /// seen them, and is not to take them away by that.
    fn other_grants(&self, key: &Key, given: Option<Grants>) -> Result<Option<Grants>, Error> {
        let current = self.grants(key);
        let Some(given) = given.filter(|given| given.write(self.form) != current.write(self.form)) else {
            return Ok(None);
        };
        if given.is_everything() && !self.is_current(key) {
            return Err(Error::invalid("scopes", "what the key is to open: another system has limited it"));
        }
        given.judge(self.form).map(Some)
    }

    fn metadata(self) -> Result<Map<String, Value>, Error> {
        match serde_json::to_value(Place { discue: self }).map_err(Error::internal)? {
            Value::Object(members) => Ok(members),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(Error::internal("metadata that are no object"))
            }
        }
    }
}

pub(super) fn create(request: &Request<'_>, _: &Params<'_, '_>, _: Option<&Caller>) -> Result<Step, Error> {
    let (given, writer) = (Given::read(request)?, Writer::of(request));
    let form = given.notation();
    let grants = given.grants()?.unwrap_or_default().judge(form)?;
    let is_disabled = given.is_disabled()?.unwrap_or_default();
    let draft = Draft {
        name: given.name()?.unwrap_or_else(|| unnamed(form).to_owned()),
        scopes: grants.scopes()?,
        metadata: Metadata::new(&Kept { form, scopes: grants }.metadata()?)?,
        ..Draft::default()
    };
    let issue = Issue {
        account: None,
        format: Format::Plain { alphabet: Alphabet::UrlSafe, public: 0, private: LENGTH, hint: SHOWN },
        environment: Label::parse("live").ok_or_else(|| Error::internal("a label of our own"))?,
        protected: false,
        recoverable: false,
        numbered: false,
        draft,
    };
    Ok(Step::then(Command::Issue(Box::new(issue)), move |answer| {
        let Answer::Issued(key, secret) = answer else { return Err(unexpected()) };
        // Nobody has the key before the last step: until then it does not matter that it would work.
        turn(key, is_disabled, move |key| Ok(issued(*key, &secret, &writer)))
    }))
}

/// What a key is called if nobody says: something that its form could say.
const fn unnamed(form: Notation) -> &'static str {
    match form {
        Notation::Name => "API key",
        Notation::Alias => "api-key",
    }
}

fn issued(key: Key, secret: &Secret, writer: &Writer) -> Step {
    let id = key.head.id.id();
    match Kept::of(&key).form {
        Notation::Name => writer.one(COLLECTION, id, "api_key", &secret.expose()),
        Notation::Alias => {
            writer.one(COLLECTION, id, "api_key", &Shown::new(key, secret.expose().to_owned(), None))
        }
    }
}

pub(super) fn list(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    Ok(gather(None, Vec::new(), known(caller)?.organization, Writer::of(request)))
}

/// Reads page after page.
fn gather(after: Option<Id>, mut keys: Vec<Key>, organization: OrganizationId, writer: Writer) -> Step {
    let list =
        Command::List { filter: Box::new(Filter::default()), page: Page { after, limit: Page::LIMIT } };
    Step::then(list, move |answer| {
        let Answer::Keys(found, next) = answer else { return Err(unexpected()) };
        keys.extend(found.into_iter().filter_map(|found| match found {
            Found::Live(key) => of_organization(key, organization).ok(),
            Found::Removed(_) => None,
        }));
        Ok(match next {
            Some(_) if keys.len() < MOST => gather(next, keys, organization, writer),
            Some(_) | None => show_all(keys.into_iter(), Vec::new(), writer),
        })
    })
}

/// Reads of one key after the other when it was last used.
fn show_all(mut keys: std::vec::IntoIter<Key>, mut shown: Vec<Shown>, writer: Writer) -> Step {
    let Some(key) = keys.next() else { return writer.many(&[COLLECTION], COLLECTION, &shown) };
    show_used(key, move |_, key| {
        shown.push(key);
        Ok(show_all(keys, shown, writer))
    })
}

pub(super) fn find(
    request: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let (key, writer) = (ids::in_path(params)?.into(), Writer::of(request));
    Ok(load(key, known(caller)?.organization, move |key| {
        Ok(show_used(*key, move |key, shown| Ok(writer.one(COLLECTION, key.id(), "api_key", &shown))))
    }))
}

pub(super) fn update(
    request: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let (key, writer) = (ids::in_path(params)?.into(), Writer::of(request));
    let given = Given::read(request)?;
    // Judged before it is known whether there is such a key, as far as it does not depend on the key.
    let (grants, is_disabled) = (given.grants()?, given.is_disabled()?);
    given.name()?;
    let end = move |key: Box<Key>| {
        Ok(show_used(*key, move |key, shown| Ok(writer.one(COLLECTION, key.id(), "api_key", &shown))))
    };
    let organization = known(caller)?.organization;
    Ok(load(key, organization, move |key| {
        let kept = Kept::of(&key);
        let (name, grants) = (given.other_name(&key.traits.name)?, kept.other_grants(&key, grants)?);
        let is_disabled = is_disabled.unwrap_or(key.head.state == State::Suspended);
        if name.is_none() && grants.is_none() {
            let is_so = is_disabled == (key.head.state == State::Suspended);
            // It may be so since a moment ago, and not everywhere yet.
            return if is_so {
                Ok(load_in_force(key.head.id, organization, end))
            } else {
                turn(key, is_disabled, end)
            };
        }
        let scopes = grants.as_ref().map(Grants::scopes).transpose()?;
        let metadata = grants.map(|scopes| Kept { scopes, ..kept }.metadata()).transpose()?;
        let patch = Box::new(Patch { name, scopes, metadata, ..Patch::default() });
        // What is written is made of what was read: whoever changed it in between wins.
        let update = Command::Update { key: key.head.id, patch, if_match: Some(key.head.version) };
        Ok(Step::then(update, move |answer| turn(changed(answer)?, is_disabled, end)))
    }))
}

/// Stops a key or lets it work again, unless it is so already, and goes on with it.
fn turn(
    key: Box<Key>,
    is_disabled: bool,
    next: impl FnOnce(Box<Key>) -> Result<Step, Error> + Send + 'static,
) -> Result<Step, Error> {
    let (id, if_match) = (key.head.id, None);
    let command = match (key.head.state, is_disabled) {
        (State::Active, true) => Command::Suspend { key: id, remove_at: None, if_match },
        (State::Suspended, false) => Command::Resume { key: id, if_match },
        (State::Active, false) | (State::Suspended, true) => return next(key),
    };
    Ok(Step::then(command, move |answer| next(changed(answer)?)))
}

pub(super) fn remove(
    request: &Request<'_>,
    params: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let (id, caller, writer) = (ids::in_path(params), known(caller)?, Writer::of(request));
    let is_own = id.as_ref().is_ok_and(|id| *id == caller.key.id());
    if !is_own {
        caller.permit(Verb::Remove)?;
    }
    let id = id?;
    let ending = Ending {
        is_ours: |caller, key| key.id == caller.key || is_theirs(key, caller.organization),
        ..Ending::default()
    };
    Ok(Step::remove(KeyId::from(id).into(), ending, move || Ok(writer.gone(COLLECTION, id))))
}

/// Reads a key of the caller's organization. An owner of the operator's organization reaches further in our own language;
/// in this one the organization follows from the key.
fn load(
    key: KeyId,
    organization: OrganizationId,
    next: impl FnOnce(Box<Key>) -> Result<Step, Error> + Send + 'static,
) -> Step {
    Step::then(Command::Find(key), move |answer| next(shown_key(answer, organization)?))
}

/// The same once its last change is in force.
fn load_in_force(
    key: KeyId,
    organization: OrganizationId,
    next: impl FnOnce(Box<Key>) -> Result<Step, Error> + Send + 'static,
) -> Step {
    Step::then(Command::FindInForce(key), move |answer| next(shown_key(answer, organization)?))
}

fn shown_key(answer: Answer, organization: OrganizationId) -> Result<Box<Key>, Error> {
    let Answer::Found(key) = answer else { return Err(unexpected()) };
    of_organization(*key, organization).map(Box::new)
}

fn of_organization(key: Key, organization: OrganizationId) -> Result<Key, Error> {
    if is_theirs(&key.head, organization) { Ok(key) } else { Err(Error::NotFound) }
}

/// Whether it is one to this language: no session, no password and nothing that opens doors.
fn is_theirs(head: &Head, organization: OrganizationId) -> bool {
    head.is_api_key() && head.organization == organization
}

fn changed(answer: Answer) -> Result<Box<Key>, Error> {
    let Answer::Key(key) = answer else { return Err(unexpected()) };
    Ok(key)
}

/// Reads when a key was last used, and goes on with what is shown of it.
fn show_used(key: Key, next: impl FnOnce(KeyId, Shown) -> Result<Step, Error> + Send + 'static) -> Step {
    Step::then(Command::ReadUsage(key.head.id), move |answer| {
        let Answer::Usage(usage) = answer else { return Err(unexpected()) };
        let (id, hint) = (key.head.id, hint(&key));
        next(id, Shown::new(key, hint, usage.last_used_at))
    })
}

/// As much of a key's secret as may be read again.
fn hint(key: &Key) -> String {
    match &key.traits.material {
        Material::Secret(secret) => secret.hint.clone(),
        Material::Access(_) | Material::Crypto(_) => String::new(),
    }
}

/// A key as it is shown.
#[derive(Serialize)]
struct Shown {
    alias: String,
    created_at: u64,
    id: String,
    /// As much of its secret as may be.
    key: String,
    last_used_at: Option<u64>,
    name: String,
    scopes: Value,
    status: &'static str,
    updated_at: u64,
}

impl Shown {
    fn new(key: Key, secret: String, last_used_at: Option<Timestamp>) -> Self {
        let kept = Kept::of(&key);
        let scopes = kept.grants(&key).write(kept.form);
        Self {
            alias: alias_of(&key.traits.name),
            created_at: key.head.created_at.millis(),
            id: ids::write(key.head.id.id()),
            key: secret,
            last_used_at: last_used_at.map(Timestamp::millis),
            name: key.traits.name,
            scopes,
            status: match key.head.state {
                State::Active => "enabled",
                State::Suspended => "disabled",
            },
            updated_at: key.traits.updated_at.millis(),
        }
    }
}
