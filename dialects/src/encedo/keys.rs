//! This file is about the unit's keys as the core has them: keys that never leave, found by their kid, with what the vendor keeps
//! of each in their metadata.

use keyward_core::command::{Answer, Command, Page};
use keyward_core::crypto::{Crypto, Exercise, Exercised, KeyRef, Peer};
use keyward_core::error::Error;
use keyward_core::filter::Filter;
use keyward_core::id::{Id, KeyId};
use keyward_core::key::{Found, Key, Kind, Material};
use keyward_core::metadata::Metadata;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::agreement::Shared;
use super::answers::Flow;
use super::encoding::{decode, encode_unpadded};
use super::kid::Kid;
use super::mark::Mark;
use super::pairings::Pid;
use crate::dialect::{Step, unexpected};

/// What descriptions of paired apps begin with, for those who look for them; their 32 bytes follow.
const APP: &[u8] = b"EXTAID";

/// The member of a key's metadata that is ours.
const MEMBER: &str = "encedo";

/// What is kept of a key beside itself, for its owner to read: whoever may update keys in our own language writes it, too, so nothing
/// is decided by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What its owner wrote, base64.
    #[serde(default)]
    pub(super) descr: Option<String>,
    /// When it was made, in seconds.
    pub(super) created: u64,
    /// When it was last changed, in seconds; grows with every change.
    pub(super) updated: u64,
    /// Whether it is for agreements, whatever half of it is here.
    pub(super) agrees: bool,
    /// Whether it is for signatures, whatever half of it is here.
    pub(super) signs: bool,
}

/// A key that was found.
pub(super) struct HemKey {
    pub(super) id: KeyId,
    pub(super) version: u64,
    pub(super) kid: Kid,
    pub(super) label: String,
    pub(super) crypto: Crypto,
    pub(super) kept: Kept,
    pub(super) mark: Mark,
}

impl Kept {
    /// With this description.
    pub(super) fn described(self, descr: Option<&[u8]>) -> Self {
        Self { descr: descr.filter(|descr| !descr.is_empty()).map(encode_unpadded), ..self }
    }

    /// The metadata of a key of which this is kept; as a patch, it takes the place of what was kept.
    pub(super) fn members(&self) -> Map<String, Value> {
        Map::from_iter([(MEMBER.to_owned(), json!(self))])
    }

    fn read(metadata: &Metadata) -> Option<Self> {
        let mut members: Map<String, Value> = serde_json::from_str(metadata.as_str()).ok()?;
        serde_json::from_value(members.remove(MEMBER)?).ok()
    }

    /// The bytes of the description.
    pub(super) fn descr_bytes(&self) -> Vec<u8> {
        self.descr.as_deref().and_then(decode).unwrap_or_default()
    }
}

impl HemKey {
    /// A key of the core's, if it is one that was made here.
    pub(super) fn of(key: Key) -> Option<Self> {
        let kept = Kept::read(&key.traits.metadata)?;
        let Material::Crypto(crypto) = key.traits.material else { return None };
        Some(Self {
            id: key.head.id,
            version: key.head.version,
            kid: Kid::from_bytes(crypto.lookup.as_deref()?)?,
            label: key.traits.name,
            // One that an earlier build has made has none: it is of an earlier start, and no app's.
            mark: crypto.mark.as_deref().map_or_else(|| Some(Mark::default()), Mark::read)?,
            crypto,
            kept,
        })
    }

    /// The public half, where it is one of an app's.
    pub(super) fn app_public(&self) -> Option<[u8; 32]> {
        self.crypto.public.as_deref()?.try_into().ok()
    }
}

/// The description of the key of an app with this number.
pub(super) fn app_description(pid: &Pid) -> Vec<u8> {
    [APP, pid].concat()
}

/// Finds a key.
pub(super) fn find(kid: Kid, next: impl FnOnce(HemKey) -> Flow + Send + 'static) -> Step {
    attempt(kid, |found| next(found?))
}

/// Finds a key, or does not.
pub(super) fn attempt(kid: Kid, next: impl FnOnce(Result<HemKey, Error>) -> Flow + Send + 'static) -> Step {
    Step::attempt(Command::FindCrypto(kid.lookup()), |found| {
        next(match found {
            Ok(Answer::Found(key)) => HemKey::of(*key).ok_or(Error::NotFound),
            Ok(_) => Err(unexpected()),
            Err(error) => Err(error),
        })
    })
}

/// Looks at every key of the unit, oldest first, and carries on with what was made of them.
pub(super) fn fold<T: Send + 'static>(
    made: T,
    see: impl Fn(&mut T, HemKey) + Send + 'static,
    next: impl FnOnce(T) -> Flow + Send + 'static,
) -> Step {
    walk(None, made, see, next)
}

/// Counts the keys that were removed.
pub(super) fn count_removed(next: impl FnOnce(u64) -> Flow + Send + 'static) -> Step {
    Step::then(Command::CountRemoved(Kind::Crypto), |answer| {
        let Answer::Count(removed) = answer else { return Err(unexpected()) };
        next(removed)
    })
}

fn walk<T: Send + 'static>(
    after: Option<Id>,
    mut made: T,
    see: impl Fn(&mut T, HemKey) + Send + 'static,
    next: impl FnOnce(T) -> Flow + Send + 'static,
) -> Step {
    let filter = Box::new(Filter { kind: Some(Kind::Crypto), ..Filter::default() });
    Step::then(Command::List { filter, page: Page { after, limit: Page::LIMIT } }, move |answer| {
        let Answer::Keys(found, rest) = answer else { return Err(unexpected()) };
        for found in found {
            if let Found::Live(key) = found
                && let Some(key) = HemKey::of(key)
            {
                see(&mut made, key);
            }
        }
        match rest {
            Some(_) => Ok(walk(rest, made, see, next)),
            None => next(made),
        }
    })
}

/// Uses a key.
pub(super) fn exercise(
    key: KeyId,
    exercise: Exercise,
    next: impl FnOnce(Exercised) -> Flow + Send + 'static,
) -> Step {
    let command = Command::Exercise { key: KeyRef::Id(key), exercise: Box::new(exercise) };
    Step::then(command, |answer| {
        let Answer::Exercised(exercised) = answer else { return Err(unexpected()) };
        next(*exercised)
    })
}

/// Agrees on a secret with somebody whose public X25519 key is this; `None` if nobody can have it.
pub(super) fn agree(
    key: KeyId,
    public: [u8; 32],
    next: impl FnOnce(Option<Shared>) -> Flow + Send + 'static,
) -> Step {
    let agree = Exercise::Agree { peer: Peer::Public(public.to_vec()), hash: None };
    let command = Command::Exercise { key: KeyRef::Id(key), exercise: Box::new(agree) };
    Step::attempt(command, |answer| match answer {
        Err(Error::Rejected) => next(None),
        Err(error) => Err(error),
        Ok(answer) => {
            let Answer::Exercised(exercised) = answer else { return Err(unexpected()) };
            let Exercised::Agreed(secret) = *exercised else { return Err(unexpected()) };
            next(<[u8; 32]>::try_from(secret.as_slice()).ok().map(Zeroizing::new))
        }
    })
}

/// Signs with an Ed25519 key.
pub(super) fn sign(key: KeyId, message: &[u8], next: impl FnOnce(Vec<u8>) -> Flow + Send + 'static) -> Step {
    let sign = Exercise::Sign {
        scheme: keyward_core::crypto::Scheme::Ed25519,
        message: Zeroizing::new(message.to_vec()),
        context: Vec::new(),
    };
    exercise(key, sign, |exercised| {
        let Exercised::Signature(signature) = exercised else { return Err(unexpected()) };
        next(signature)
    })
}
