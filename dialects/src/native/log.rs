//! This file is about the log: receipts, checkpoint, tiles, and events in clear.

use keyward_client::wire;
use keyward_core::command::Command;
use keyward_core::error::Error;
use keyward_core::id::ReceiptId;
use keyward_core::store::Logged;

use super::{body, fields, show};
use crate::dialect::{Events, Form, Params, Parsed, Request};
use crate::media;

/// What a browser says when it wants to follow.
const EVENT_STREAM: &str = "text/event-stream";

static EVENTS: Events = Events { content_type: EVENT_STREAM, render: render_event };

pub(super) fn receipt(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    Ok(Command::ReadReceipt(fields::path_id(params, ReceiptId::parse)?).into())
}

pub(super) fn checkpoint(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    Ok(Command::ReadCheckpoint.into())
}

pub(super) fn tile(request: &Request<'_>, params: &Params<'_, '_>) -> Result<Parsed, Error> {
    body::no_query(request)?;
    let path = format!("tile/{}", params.text("tile")?);
    let tile = path.parse().map_err(|_| Error::invalid("tile", "the path of a tile (C2SP tlog-tiles)"))?;
    Ok(Command::ReadTile(tile).into())
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of the forms of a table, and others can fail")]
pub(super) fn events_form(request: &Request<'_>) -> Result<Form, Error> {
    let follows = media::accepts(request, EVENT_STREAM);
    Ok(if follows { Form::Events(&EVENTS) } else { Form::Document })
}

pub(super) fn events(request: &Request<'_>, _: &Params<'_, '_>) -> Result<Parsed, Error> {
    let given: wire::ListEvents = body::query(request)?;
    let limit = fields::limit(given.limit)?;
    // Who follows and comes again asks for the same address, and says in a header how far it had come.
    let last = request.headers.get("last-event-id").map(|value| {
        let position = value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
        position.ok_or_else(|| Error::invalid("Last-Event-ID", "a position"))
    });
    let from = last.transpose()?.or(given.after).map_or(0, |after| after.saturating_add(1));
    Ok(Command::ListEvents { from, limit }.into())
}

/// One event of a stream of server-sent events (WHATWG HTML, section 9.2).
fn render_event(logged: &Logged) -> Vec<u8> {
    let event = show::event(logged);
    let data = serde_json::to_string(&event).unwrap_or_default();
    format!("id: {}\nevent: {}\ndata: {data}\n\n", event.position, event.event_type).into_bytes()
}
