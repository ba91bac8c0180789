//! This file is about the scopes of a key: as the vendor's clients write them, and as the core's.

use std::collections::{BTreeMap, BTreeSet};

use keyward_core::error::Error;
use keyward_core::id::ResourceId;
use keyward_core::scope::{Right, Scopes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::given::Notation;
use super::ids;

const EVENTS: &str = "events";

/// What can be granted. Managing clients, keys and subscriptions cannot: a scoped key manages no keys.
const GRANTABLE: [&str; 9] =
    [EVENTS, "queues", "listeners", "messages", "schemas", "stats", "channels", "domains", "topics"];

/// The target that is the whole resource.
const WHOLE: &str = "*";

/// What a key opens; nothing named: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Grants(Vec<Grant>);

/// One resource that a key opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Grant {
    resource: String,
    #[serde(flatten)]
    part: Part,
}

/// How, and which of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    access: Access,
    #[serde(default)]
    targets: Targets,
}

/// The same under the name of its resource. Flattened, it is an object: serde would take a sequence for it as well.
#[derive(Deserialize)]
struct Entry {
    #[serde(flatten)]
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    Read,
    Write,
}

/// Ids, or `*`; none given: `*`. Kept as they were given, because clients compare what they read with what they wrote. The
/// provider's clients read nothing but a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Targets {
    One(String),
    Many(Vec<String>),
}

impl Default for Targets {
    fn default() -> Self {
        Self::Many(vec![WHOLE.to_owned()])
    }
}

impl Targets {
    fn all(&self) -> &[String] {
        match self {
            Self::One(target) => std::slice::from_ref(target),
            Self::Many(targets) => targets,
        }
    }
}

impl Grants {
    /// What a key of these scopes opens, wherever they were given to it.
    pub(super) fn of(scopes: &Scopes) -> Self {
        if scopes.rights().has(Right::Admin) {
            return Self::default();
        }
        let rights = Right::ALL.into_iter().filter(|right| scopes.has(right.word())).filter_map(managed);
        let mut found: BTreeMap<(&str, Access), Vec<String>> =
            rights.map(|managed| (managed, vec![WHOLE.to_owned()])).collect();
        for (resource, access, target) in scopes.iter().filter_map(|scope| opened(scope.as_str())) {
            found.entry((resource, access)).or_default().push(target);
        }
        let grants: Vec<Grant> = found
            .into_iter()
            .map(|((resource, access), targets)| Grant::new(resource, access, targets))
            .collect();
        // It may do nothing here, and to name nothing would mean everything.
        Self(if grants.is_empty() { vec![Grant::new("queues", Access::Read, Vec::new())] } else { grants })
    }

    /// Whether that is everything.
    pub(super) const fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads scopes in either form.
    pub(super) fn read(scopes: &Value) -> Result<Self, Error> {
        let grants = if scopes.is_object() {
            BTreeMap::<String, Entry>::deserialize(scopes).map(|parts| {
                parts.into_iter().map(|(resource, Entry { part })| Grant { resource, part }).collect()
            })
        } else {
            Vec::<Grant>::deserialize(scopes)
        };
        // What serde says would quote what stands there.
        let must = "resources, each with access read or write and targets that are ids or *";
        grants.map(Self).map_err(|_| Error::invalid("scopes", must))
    }

    /// Judges whether a key of this form can be given them.
    pub(super) fn judge(self, notation: Notation) -> Result<Self, Error> {
        let Self(grants) = &self;
        if !grants.iter().all(|grant| GRANTABLE.contains(&grant.resource.as_str())) {
            return Err(Error::invalid("scopes", "of resources that can be granted"));
        }
        let distinct: BTreeSet<&str> = grants.iter().map(|grant| grant.resource.as_str()).collect();
        if notation == Notation::Alias && distinct.len() < grants.len() {
            // An object could not say the second.
            return Err(Error::invalid("scopes", "each resource once"));
        }
        Ok(self)
    }

    /// Writes them in the form that the key was made in.
    pub(super) fn write(&self, notation: Notation) -> Value {
        match notation {
            Notation::Name => json!(self.0),
            Notation::Alias => {
                let entry = |part: &Part| json!({ "access": part.access, "targets": part.targets.all() });
                self.0.iter().map(|grant| (grant.resource.clone(), entry(&grant.part))).collect()
            }
        }
    }

    /// The core's scopes.
    pub(super) fn scopes(&self) -> Result<Scopes, Error> {
        if self.is_everything() {
            return Scopes::parse([Right::Admin.word()]);
        }
        let words: Vec<String> = self.0.iter().flat_map(Grant::words).collect();
        Scopes::parse(words.iter().map(String::as_str))
    }
}

/// The resource that a right opens a part of, at least.
const fn managed(right: Right) -> Option<(&'static str, Access)> {
    match right {
        Right::KeysRead => Some(("api_keys", Access::Read)),
        Right::KeysIssue | Right::KeysUpdate | Right::KeysRemove => Some(("api_keys", Access::Write)),
        Right::AccountsRead => Some(("api_clients", Access::Read)),
        Right::AccountsWrite => Some(("api_clients", Access::Write)),
        Right::LogRead => Some((EVENTS, Access::Read)),
        Right::KeysVerify | Right::KeysUse | Right::VerifiersJoin | Right::VerifiersRead | Right::Admin => {
            None
        }
    }
}

/// The resource, the access and the target that a scope of the core opens, if it is one that can be granted.
fn opened(scope: &str) -> Option<(&'static str, Access, String)> {
    let (resource, how) = scope.split_once(':')?;
    let (access, target) = match how.split_once('/') {
        Some((access, id)) => (access, ids::write(ResourceId::parse(id)?.id())),
        None => (how, WHOLE.to_owned()),
    };
    let access = match access {
        "read" => Access::Read,
        "write" => Access::Write,
        _ => return None,
    };
    let resource = GRANTABLE.into_iter().find(|granted| *granted == resource && *granted != EVENTS)?;
    Some((resource, access, target))
}

impl Grant {
    fn new(resource: &str, access: Access, targets: Vec<String>) -> Self {
        Self { resource: resource.to_owned(), part: Part { access, targets: Targets::Many(targets) } }
    }

    /// Targets that no record of ours has open nothing.
    fn words(&self) -> Vec<String> {
        let access = match self.part.access {
            Access::Read => "read",
            Access::Write => "write",
        };
        let whole = format!("{}:{access}", self.resource);
        let targets = self.part.targets.all();
        if targets.iter().any(|target| target == WHOLE) {
            // Events are the log's, and no resource of a collection.
            let is_log = self.resource == EVENTS;
            return vec![if is_log { Right::LogRead.word().to_owned() } else { whole }];
        }
        let ids = targets.iter().filter_map(|target| ids::read(target));
        ids.map(|id| format!("{whole}/{}", ResourceId::from(id))).collect()
    }
}
