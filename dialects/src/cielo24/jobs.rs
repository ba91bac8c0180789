//! This file is about jobs: what a key opens. An account keeps records of them; no media is fetched, nothing is
//! transcribed.

use http::Uri;
use keyward_core::command::Command;
use keyward_core::error::Error;
use keyward_core::id::ResourceId;
use keyward_core::permit::Caller;
use keyward_core::resource::{NewResource, Resource, ResourcePatch};
use keyward_core::secret::Digest;
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::resources::every;
use super::sessions::session;
use super::{accounts, answers};
use crate::dialect::{Params, Request, Step, resource_removed};

const COLLECTION: &str = "jobs";

pub(super) fn create(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let session = session(caller)?;
    let fields = Fields::read(request)?;
    let language = fields.maybe("language").unwrap_or("en");
    if !is_language(language) {
        return Err(Error::invalid("language", "the code of a language (RFC 5646)"));
    }
    let content: Map<String, Value> = [
        ("JobName", fields.maybe("job_name").unwrap_or_default()),
        ("ExternalID", fields.maybe("external_id").unwrap_or_default()),
        ("SourceLanguage", language),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.into()))
    .collect();
    accounts::named(fields.maybe("username"), session, |account| {
        let new =
            NewResource { collection: COLLECTION, account: Some(account), content, ..NewResource::default() };
        Ok(Step::then(Command::CreateResource(Box::new(new)), |answer| {
            let job = answers::resource(answer)?;
            answers::say(&json!({ "JobId": digits(job.id), "TaskId": task(&job) }))
        }))
    })
}

pub(super) fn add_media(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    session(caller)?;
    let fields = Fields::read(request)?;
    let id = fields.job()?;
    let media_url = fields.needed("media_url")?.to_owned();
    if !is_address(&media_url) {
        return answers::refuse("INVALID_URL", "media_url must be the whole address of a medium");
    }
    Ok(attach(id, media_url))
}

/// Gives a job its medium, unless it has one; looked at again if the job changes meanwhile.
fn attach(id: ResourceId, media_url: String) -> Step {
    Step::then(Command::FindResource { collection: COLLECTION, resource: id }, move |answer| {
        let job = answers::resource(answer)?;
        let (mut content, if_match) = (job.content, Some(job.version));
        if content.insert("MediaUrl".to_owned(), media_url.as_str().into()).is_some() {
            return answers::refuse("INVALID_QUERY", "This job has its medium already");
        }
        let patch = Box::new(ResourcePatch { name: None, content: Some(content) });
        let update = Command::UpdateResource { collection: COLLECTION, resource: id, patch, if_match };
        Ok(Step::attempt(update, move |done| match done {
            Err(Error::Stale) => Ok(attach(id, media_url)),
            done => say_task(&*answers::resource(done?)?),
        }))
    })
}

pub(super) fn list(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    let session = session(caller)?;
    let fields = Fields::read(request)?;
    accounts::named(fields.maybe("Username"), session, |account| {
        Ok(Step::then(Command::FindAccount(account), move |answer| {
            let name = answers::account(answer)?.name;
            Ok(every(COLLECTION, account, move |jobs| {
                let entry = |job: &Resource| {
                    let mut shown = show(job);
                    shown.insert("Username".to_owned(), name.as_str().into());
                    shown.insert("CreationTime".to_owned(), instant(job));
                    shown.extend(["StartTime", "CompletedTime"].map(|name| (name.to_owned(), "".into())));
                    Value::Object(shown)
                };
                // The newest comes first.
                let jobs: Vec<Value> = jobs.iter().rev().map(entry).collect();
                answers::say(&json!({ "Username": name, "ActiveJobs": jobs }))
            }))
        }))
    })
}

pub(super) fn info(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    session(caller)?;
    let id = Fields::read(request)?.job()?;
    Ok(Step::then(Command::FindResource { collection: COLLECTION, resource: id }, |answer| {
        let mut shown = show(&*answers::resource(answer)?);
        shown.insert("Tasks".to_owned(), json!([]));
        answers::say(&Value::Object(shown))
    }))
}

pub(super) fn delete(
    request: &Request<'_>,
    _: &Params<'_, '_>,
    caller: Option<&Caller>,
) -> Result<Step, Error> {
    session(caller)?;
    let id = Fields::read(request)?.job()?;
    let remove = Command::RemoveResource { collection: COLLECTION, resource: id, if_match: None };
    Ok(Step::then(remove, |answer| say_task(&*resource_removed(answer)?)))
}

fn say_task(job: &Resource) -> Result<Step, Error> {
    answers::say(&json!({ "TaskId": task(job) }))
}

/// What clients read of every job. They expect each of these, and every date, though nothing ever happens to a job here.
fn show(job: &Resource) -> Map<String, Value> {
    let text = |name: &str| job.content.get(name).cloned().unwrap_or_else(|| "".into());
    let shown = json!({
        "JobId": digits(job.id),
        "JobName": text("JobName"),
        "ExternalID": text("ExternalID"),
        "MediaLengthSeconds": null,
        "Priority": "STANDARD",
        "Fidelity": "PREMIUM",
        "JobStatus": "Pending",
        "JobDifficulty": "Unknown",
        "SourceLanguage": text("SourceLanguage"),
        "TargetLanguage": text("SourceLanguage"),
        "CreationDate": instant(job),
        "StartDate": "",
        "DueDate": "",
        "CompletedDate": "",
        "ReturnDate": "",
        "AuthorizationDate": "",
        "ReturnTargets": {},
        "Options": {},
    });
    if let Value::Object(shown) = shown { shown } else { Map::new() }
}

/// When a job was made: as ISO 8601 in UTC, without saying so.
fn instant(job: &Resource) -> Value {
    job.created_at.to_string().trim_end_matches('Z').into()
}

fn digits(id: ResourceId) -> String {
    format!("{:032x}", id.id().bits())
}

/// Names what was last done to a job. No record is kept of it: it follows from the job and its version.
fn task(job: &Resource) -> String {
    let digest = Digest::of(format!("task {} {}", job.id, job.version).as_bytes());
    digest.bytes().first_chunk::<16>().map(hex::encode).unwrap_or_default()
}

/// The shape of a language tag (RFC 5646, section 2.1).
fn is_language(text: &str) -> bool {
    let part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 35 && text.split('-').all(part)
}

/// Whether a text has a scheme and a host. Clients send addresses decoded: with spaces, and in any alphabet (RFC 3987).
fn is_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let rest = rest.replace(' ', "%20").replace(|letter: char| !letter.is_ascii(), "x");
    format!("{scheme}://{rest}")
        .parse::<Uri>()
        .is_ok_and(|uri| uri.scheme().is_some() && uri.host().is_some_and(|host| !host.is_empty()))
}
