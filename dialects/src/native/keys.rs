//! This file is about calls on keys: what they ask for.

use keyward_client::wire;
use keyward_core::command::{Command, Draft, Ending, Issue, Patch};
use keyward_core::crypto::Origin;
use keyward_core::error::Error;
use keyward_core::filter::Filter;
use keyward_core::id::{AccountId, KeyId};
use keyward_core::secret::Format;

use super::{access, body, crypto, fields, format, headers, words};
use crate::dialect::{Params, Parsed, Request};

pub(super) fn issue(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::IssueKey = body::json(request)?;
    let draft = draft(&given)?;
    let command = match (given.kind, &given.access, &given.crypto) {
        (wire::Kind::Secret, None, None) => Command::Issue(Box::new(Issue {
            account: fields::maybe_id("account_id", given.account_id.as_deref(), AccountId::parse)?,
            format: match (given.format, given.prefix.as_deref()) {
                (None, prefix) => Format::Keyward(fields::label("prefix", prefix, "kw")?),
                (Some(given), None) => format(given)?,
                (Some(_), Some(_)) => {
                    return Err(Error::invalid("prefix", "absent, where a format is given"));
                }
            },
            environment: fields::label("environment", given.environment.as_deref(), "live")?,
            protected: given.protected,
            recoverable: given.recoverable,
            // Languages with another form of secrets may know keys by numbers.
            numbered: given.format.is_some(),
            draft,
        })),
        (wire::Kind::Access, Some(access), None) => {
            Command::IssueAccess(Box::new(access::new(access, &given, draft)?))
        }
        (wire::Kind::Crypto, None, Some(crypto)) => {
            Command::IssueCrypto(Box::new(crypto::new(crypto, &given, Origin::Generate, draft)?))
        }
        (wire::Kind::Secret | wire::Kind::Crypto, Some(_), _) => {
            return Err(Error::invalid("access", "absent: it is for the kind `access`"));
        }
        (wire::Kind::Secret | wire::Kind::Access, _, Some(_)) => {
            return Err(Error::invalid("crypto", "absent: it is for the kind `crypto`"));
        }
        (wire::Kind::Access, None, None) => return Err(Error::invalid("access", "given")),
        (wire::Kind::Crypto, None, None) => return Err(Error::invalid("crypto", "given")),
    };
    headers::once(request, command)
}

/// What a new key is to be like.
pub(super) fn draft(given: &wire::IssueKey) -> Result<Draft, Error> {
    Ok(Draft {
        name: given.name.clone(),
        scopes: fields::scopes(&given.scopes)?,
        metadata: fields::metadata(&given.metadata)?,
        tags: given.tags.clone(),
        not_before: fields::maybe_instant("not_before", given.not_before.as_deref())?,
        expires_at: fields::maybe_instant("expires_at", given.expires_at.as_deref())?,
        ip_allow: fields::networks(&given.ip_allow)?,
        rate_limit: given.rate_limit.map(fields::rate_limit),
        uses: given.uses_left,
    })
}

pub(super) fn find(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    Ok(Command::Find(fields::path_id(params, KeyId::parse)?).into())
}

pub(super) fn usage(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    Ok(Command::ReadUsage(fields::path_id(params, KeyId::parse)?).into())
}

pub(super) fn list(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::ListKeys = body::query(request)?;
    let page = fields::page(given.limit, given.cursor.as_deref())?;
    let filter = filter(wire::Filter {
        account_id: given.account_id,
        kind: given.kind,
        state: given.state,
        environment: given.environment,
        tag: given.tag,
        handle: given.handle,
        unused_since: given.unused_since,
        expires_before: given.expires_before,
        created_after: given.created_after,
        created_before: given.created_before,
    })?;
    Ok(Command::List { filter: Box::new(filter), page }.into())
}

pub(super) fn filter(given: wire::Filter) -> Result<Filter, Error> {
    let environment = given.environment.map(|text| fields::label("environment", Some(&text), ""));
    Ok(Filter {
        account: fields::maybe_id("account_id", given.account_id.as_deref(), AccountId::parse)?,
        kind: given.kind.map(words::read_kind),
        state: given.state.map(words::read_state),
        environment: environment.transpose()?,
        handle: given.handle.map(|text| fields::handle(&text)).transpose()?,
        tag: given.tag,
        unused_since: fields::maybe_instant("unused_since", given.unused_since.as_deref())?,
        expires_before: fields::maybe_instant("expires_before", given.expires_before.as_deref())?,
        created_after: fields::maybe_instant("created_after", given.created_after.as_deref())?,
        created_before: fields::maybe_instant("created_before", given.created_before.as_deref())?,
    })
}

pub(super) fn update(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let key = fields::path_id(params, KeyId::parse)?;
    let given: wire::UpdateKey = body::patch(request)?;
    let instant = |field, given: Option<Option<String>>| {
        given.map(|text| fields::maybe_instant(field, text.as_deref())).transpose()
    };
    let patch = Patch {
        name: given.name,
        scopes: given.scopes.map(|texts| fields::scopes(&texts)).transpose()?,
        metadata: given.metadata.map(|metadata| metadata.0),
        tags: given.tags,
        not_before: instant("not_before", given.not_before)?,
        expires_at: instant("expires_at", given.expires_at)?,
        ip_allow: given.ip_allow.map(|texts| fields::networks(&texts)).transpose()?,
        rate_limit: given.rate_limit.map(|limit| limit.map(fields::rate_limit)),
        uses: given.uses_left,
        protected: given.protected,
        access: given.access.as_ref().map(access::patch).transpose()?,
    };
    Ok(Command::Update { key, patch: Box::new(patch), if_match: headers::if_match(request)? }.into())
}

pub(super) fn suspend(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let key = fields::path_id(params, KeyId::parse)?;
    let given: wire::SuspendKey = body::json_or_default(request)?;
    let remove_at = fields::maybe_instant("remove_at", given.remove_at.as_deref())?;
    let if_match = headers::if_match(request)?;
    headers::once(request, Command::Suspend { key, remove_at, if_match })
}

pub(super) fn resume(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    body::no_body(request)?;
    let key = fields::path_id(params, KeyId::parse)?;
    let if_match = headers::if_match(request)?;
    headers::once(request, Command::Resume { key, if_match })
}

pub(super) fn rotate(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let key = fields::path_id(params, KeyId::parse)?;
    let given: wire::RotateKey = body::json_or_default(request)?;
    let if_match = headers::if_match(request)?;
    headers::once(request, Command::Rotate { key, overlap_seconds: given.overlap_seconds, if_match })
}

pub(super) fn remove(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    let key = fields::path_id(params, KeyId::parse)?;
    let given: wire::RemoveKey = body::query(request)?;
    body::no_body(request)?;
    let if_match = headers::if_match(request)?;
    let prove = headers::prefers_representation(request);
    let reason = words::read_reason(given.reason);
    let end_sessions = given.end_sessions.unwrap_or(true);
    let ending = Ending { reason, if_match, prove, end_sessions, ..Ending::default() };
    Ok(Command::Remove(key.into(), ending).into())
}
