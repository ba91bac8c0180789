//! This file is about the scopes of a key: as the vendor's clients write them, and as the core's.

use std::collections::{BTreeMap, BTreeSet};

use keyward_core::error::Error;
use keyward_core::id::ResourceId;
use keyward_core::scope::{Right, Scopes};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::given::Notation;
use super::ids;

/// What can be granted. Managing clients, keys and subscriptions cannot: a scoped key manages no keys.
const GRANTABLE: [&str; 9] =
    ["events", "queues", "listeners", "messages", "schemas", "stats", "channels", "domains", "topics"];

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    Read,
    Write,
}

/// Ids, or `*`; kept as they were given, because clients compare what they read with what they wrote. The provider's
/// clients read nothing but a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Targets {
    One(String),
    Many(Vec<String>),
}

impl Default for Targets {
    fn default() -> Self {
        Self::Many(Vec::new())
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
    /// Reads scopes in either form, for a key of this one.
    pub(super) fn read(scopes: &Value, notation: Notation) -> Result<Self, Error> {
        let grants = if scopes.is_object() {
            BTreeMap::<String, Entry>::deserialize(scopes).map(|parts| {
                parts.into_iter().map(|(resource, Entry { part })| Grant { resource, part }).collect()
            })
        } else {
            Vec::<Grant>::deserialize(scopes)
        };
        // What serde says would quote what stands there.
        let must = "resources, each with access read or write and targets that are ids or *";
        let grants = grants.map_err(|_| Error::invalid("scopes", must))?;
        if !grants.iter().all(|grant| GRANTABLE.contains(&grant.resource.as_str())) {
            return Err(Error::invalid("scopes", "of resources that can be granted"));
        }
        let distinct: BTreeSet<&str> = grants.iter().map(|grant| grant.resource.as_str()).collect();
        if notation == Notation::Alias && distinct.len() < grants.len() {
            // An object could not say the second.
            return Err(Error::invalid("scopes", "each resource once"));
        }
        Ok(Self(grants))
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
        if self.0.is_empty() {
            return Scopes::parse([Right::Admin.word()]);
        }
        let words: Vec<String> = self.0.iter().flat_map(Grant::words).collect();
        Scopes::parse(words.iter().map(String::as_str))
    }
}

impl Grant {
    /// Targets that no record of ours has open nothing.
    fn words(&self) -> Vec<String> {
        let access = match self.part.access {
            Access::Read => "read",
            Access::Write => "write",
        };
        let whole = format!("{}:{access}", self.resource);
        let targets = self.part.targets.all();
        if targets.is_empty() || targets.iter().any(|target| target == "*") {
            // Events are the log's, and no resource of a collection.
            let is_log = self.resource == "events";
            return vec![if is_log { Right::LogRead.word().to_owned() } else { whole }];
        }
        let ids = targets.iter().filter_map(|target| ids::read(target));
        ids.map(|id| format!("{whole}/{}", ResourceId::from(id))).collect()
    }
}
