//! This file is about key management: keys are made, brought along, derived, described, and removed.

mod finding;

use std::sync::Arc;

use keyward_core::command::{Answer, Command, Draft, Ending, Patch};
use keyward_core::crypto::{Algorithm, Identity, KeyRef, Naming, NewCrypto, Origin, Peer, Usage, Usages};
use keyward_core::error::Error;
use keyward_core::metadata::Metadata;
use keyward_core::secret::Label;
use serde_json::json;

pub(super) use self::finding::{get, is_for, is_open_search, list, search};
use super::answers::{FAILED, Flow, done, say};
use super::ask::{ANY, Fields};
use super::awaited::Coming;
use super::gate::{Admitted, must};
use super::keys::{self, HemKey, Kept, app_description};
use super::kid::{self, Kid};
use super::mark::Mark;
use super::pairings::Pid;
use super::types;
use crate::dialect::{Step, unexpected};

/// The longest description, in bytes.
const DESCRIPTION: usize = 128;

pub(super) fn create(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.ask.fields()?;
    let wanted = Wanted::read(&fields, no_type())?;
    make(admitted, wanted, Origin::Generate, |usages, _| usages)
}

pub(super) fn import(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.ask.fields()?;
    if let Ok(Some(public)) = fields.bytes("pubkey", ANY) {
        admitted.is_about(&kid::name(&Identity::Public(&public)));
    }
    let public = fields.needed_bytes("pubkey", ANY)?;
    let wanted = Wanted::read(&fields, FAILED)?;
    must(wanted.algorithm.is_asymmetric())?;
    let only_public = |usages: Usages, algorithm: Algorithm| {
        Usages::of(usages.iter().filter(|usage| algorithm.public_usages().has(*usage)))
    };
    make(admitted, wanted, Origin::Public(public), only_public)
}

pub(super) fn derive(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.fields_of_key()?;
    let (wanted, kid) = (Wanted::read(&fields, no_type())?, fields.kid("kid")?);
    let peer = peer(&fields)?.ok_or_else(|| Error::invalid("pubkey", "given, or ext_kid"))?;
    let is_pqc = matches!(wanted.algorithm, Algorithm::MlKem(_) | Algorithm::MlDsa(_));
    if is_pqc {
        return Err(Error::invalid("type", "one that can be derived"));
    }
    let info = format!("encedo-{}", types::name(wanted.algorithm)).into_bytes();
    let admitted = Arc::clone(admitted);
    Ok(keys::find(kid, move |key| {
        let origin = Origin::Derive { key: KeyRef::Id(key.id), peer, info };
        make(&admitted, wanted, origin, |usages, _| usages)
    }))
}

/// Labels and describes a key anew; no description clears the one that it has.
pub(super) fn update(admitted: &Arc<Admitted>) -> Flow {
    let fields = admitted.fields_of_key()?;
    let (kid, label, descr) = (fields.kid("kid")?, label(&fields)?, description(&fields)?);
    Ok(change(kid, label, descr, admitted.ask.unit.now().seconds()))
}

/// Changes a key as it was read, and as it is then if another change came between: each has a time of its own.
fn change(kid: Kid, label: String, descr: Option<Vec<u8>>, now_seconds: u64) -> Step {
    keys::find(kid, move |key| {
        let kept = Kept { updated: now_seconds.max(key.kept.updated.saturating_add(1)), ..key.kept };
        let kept = kept.described(descr.as_deref());
        let patch = Patch { name: Some(label.clone()), metadata: Some(kept.members()), ..Patch::default() };
        let update = Command::Update { key: key.id, patch: Box::new(patch), if_match: Some(key.version) };
        Ok(Step::attempt(update, move |changed| match changed {
            Ok(_) => done(),
            Err(Error::Stale) => Ok(change(kid, label, descr, now_seconds)),
            Err(error) => Err(error),
        }))
    })
}

pub(super) fn delete(admitted: &Arc<Admitted>) -> Flow {
    let kid = Kid::parse(&admitted.ask.segments().kid);
    let kid = kid.ok_or_else(|| Error::invalid("kid", "32 hexadecimal digits"))?;
    admitted.is_about(kid.bytes());
    Ok(keys::find(kid, |key| Ok(Step::remove(key.id.into(), Ending::default(), done))))
}

fn no_type() -> Error {
    Error::invalid("type", "one of the 23")
}

/// A key that is wanted.
struct Wanted {
    label: String,
    algorithm: Algorithm,
    usages: Usages,
    descr: Option<Vec<u8>>,
    /// The app whose it is to be.
    pid: Option<Pid>,
}

impl Wanted {
    /// Reads it; what is said of a type that there is not is another thing where keys are brought along.
    fn read(fields: &Fields, no_such_type: Error) -> Result<Self, Error> {
        let (label, descr) = (label(fields)?, description(fields)?);
        let algorithm = types::parse(fields.needed_text("type")?).ok_or(no_such_type)?;
        // Elsewhere it means nothing, whatever stands there.
        let mode = if let Algorithm::Ec(_) = algorithm { fields.text("mode")? } else { None };
        let usages =
            types::usages(algorithm, mode).ok_or_else(|| Error::invalid("mode", "ECDH, ExDSA or both"))?;
        Ok(Self { label, algorithm, usages, descr, pid: None })
    }
}

/// Makes the key of an app, which is paired by that.
pub(super) fn make_app(
    admitted: &Arc<Admitted>,
    label: String,
    public: [u8; 32],
    pid: Pid,
    next: impl FnOnce(HemKey) -> Flow + Send + 'static,
) -> Flow {
    let algorithm = Algorithm::X25519;
    let descr = Some(app_description(&pid));
    let wanted = Wanted { label, algorithm, usages: algorithm.usages(), descr, pid: Some(pid) };
    issue(admitted, wanted, Origin::Public(public.to_vec()), algorithm.public_usages(), next)
}

/// Makes a key; `narrow` says what of it is for use.
fn make(
    admitted: &Arc<Admitted>,
    wanted: Wanted,
    origin: Origin,
    narrow: fn(Usages, Algorithm) -> Usages,
) -> Flow {
    let usages = narrow(wanted.usages, wanted.algorithm);
    let admitted_too = Arc::clone(admitted);
    issue(admitted, wanted, origin, usages, move |key| {
        admitted_too.is_about(key.kid.bytes());
        say(&json!({ "kid": key.kid.to_string() }))
    })
}

fn issue(
    admitted: &Arc<Admitted>,
    wanted: Wanted,
    origin: Origin,
    usages: Usages,
    next: impl FnOnce(HemKey) -> Flow + Send + 'static,
) -> Flow {
    let unit = &admitted.ask.unit;
    let (now, mark) = (unit.now().seconds(), Mark::new(unit, wanted.pid));
    let kept = Kept {
        descr: None,
        created: now,
        updated: now,
        agrees: wanted.usages.has(Usage::Agree),
        signs: wanted.usages.has(Usage::Verify),
    };
    let kept = kept.described(wanted.descr.as_deref());
    let coming = Arc::new(Coming::new(unit, mark.born));
    let naming: Naming = {
        let coming = Arc::clone(&coming);
        Arc::new(move |identity| {
            let name = kid::name(identity);
            coming.is_named(&name);
            name
        })
    };
    let environment = Label::parse("live").ok_or_else(|| Error::internal("a label of our own"))?;
    let new = NewCrypto {
        account: None,
        environment,
        protected: false,
        algorithm: wanted.algorithm,
        usages,
        origin,
        naming: Some(naming),
        mark: Some(mark.bytes()),
        draft: Draft { name: wanted.label, metadata: Metadata::new(&kept.members())?, ..Draft::default() },
    };
    Ok(Step::attempt(Command::IssueCrypto(Box::new(new)), move |answer| {
        coming.ends(&answer);
        let Answer::IssuedCrypto(key) = answer? else { return Err(unexpected()) };
        next(HemKey::of(*key).ok_or_else(unexpected)?)
    }))
}

/// Whom a key is to agree with, if anybody is named: another key here before a public half.
pub(super) fn peer(fields: &Fields) -> Result<Option<Peer>, Error> {
    if fields.text("ext_kid")?.is_some() {
        return Ok(Some(Peer::Key(KeyRef::Lookup(fields.kid("ext_kid")?.lookup()))));
    }
    Ok(fields.bytes("pubkey", ANY)?.map(Peer::Public))
}

/// 1 to 32 printable ASCII characters.
pub(super) fn label(fields: &Fields) -> Result<String, Error> {
    let label = fields.needed_text("label")?;
    let fits = (1..=32).contains(&label.len()) && label.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if fits {
        Ok(label.to_owned())
    } else {
        Err(Error::invalid("label", "1 to 32 printable ASCII characters"))
    }
}

fn description(fields: &Fields) -> Result<Option<Vec<u8>>, Error> {
    fields.bytes("descr", DESCRIPTION)
}
