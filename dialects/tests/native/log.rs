//! The log: receipts, tiles, events.

use keyward_core::command::{Answer, Command, Done, Events};
use keyward_core::event::{Details, Event, Happened, Reason, Subject};
use keyward_core::id::Id;
use keyward_core::store::Logged;
use keyward_core::time::Timestamp;
use keyward_dialects::Form;
use keyward_log::{Checkpoint, Entry, Hash, KeyName, Leaf, Opening, Receipt, Signer, Tile};
use serde_json::json;

use crate::samples::{KEY, ORGANIZATION, dialect, json, send};

fn logged() -> Logged {
    let event = Event {
        at: Timestamp::from_millis(2000),
        subject: Subject::Key,
        happened: Happened::Removed(Reason::Compromised),
        version: 8,
        opening: Opening { salt: [5; 16], id: Id::from_bits(1).bytes() },
        details: Details {
            organization: Id::from_bits(2).into(),
            actor: Some(Id::from_bits(1).into()),
            acting_as: None,
            request: 255,
        },
    };
    Logged { position: 17, event }
}

fn receipt() -> Receipt {
    let leaf = Leaf::new(logged().event.leaf()).unwrap();
    let checkpoint = Checkpoint::new("example.com/log", 1, Hash::leaf(leaf.as_str().as_bytes())).unwrap();
    let signer = Signer::new(KeyName::new("example.com/log").unwrap(), &[7; 32].into()).unwrap();
    let note = checkpoint.sign(&signer).unwrap();
    let entry = Entry::new(leaf, vec![logged().event.opening], 0, Vec::new(), note).unwrap();
    Receipt::new(vec![entry]).unwrap()
}

#[test]
fn a_tile_is_named_by_its_path_and_kept_for_ever() {
    let Command::ReadTile(tile) = send("GET", "/v1/log/tile/0/x001/234.p/5").command() else { panic!() };
    assert_eq!(tile, "tile/0/x001/234.p/5".parse::<Tile>().unwrap());
    let Command::ReadTile(entries) = send("GET", "/v1/log/tile/entries/000").command() else { panic!() };
    assert_eq!(entries.to_string(), "tile/entries/000");
    for wrong in
        ["/v1/log/tile/64/000", "/v1/log/tile/0/0", "/v1/log/tile/0/000.p/256", "/v1/log/tile/../keys"]
    {
        assert_eq!(send("GET", wrong).invalid().0, "tile", "{wrong}");
    }
    let response = send("GET", "/v1/log/tile/entries/000").answered(&Answer::Tile(vec![1, 2]).into());
    assert_eq!(
        (response.body.as_slice(), response.headers["content-type"].to_str().unwrap()),
        (&[1, 2][..], "application/octet-stream")
    );
    assert!(response.headers["cache-control"].to_str().unwrap().contains("immutable"));
}

#[test]
fn a_receipt_is_text_unless_json_is_asked_for() {
    let id = Id::from_bits(1).into();
    let answer = Done::from(Answer::Receipt(id, Box::new(receipt()), Vec::new()));
    let sent = send("GET", &format!("/v1/receipts/{id}"));
    assert!(matches!(sent.command(), Command::ReadReceipt(asked) if asked == id));
    let text = sent.answered(&answer);
    assert_eq!(text.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(text.body, receipt().to_string().into_bytes());
    let read = json(&sent.header("accept", "application/json").answered(&answer));
    assert_eq!(read["id"], id.to_string());
    // Whoever reads the JSON has a receipt in hand that checks.
    assert_eq!(read["proof"].as_str().unwrap().parse::<Receipt>(), Ok(receipt()));
}

#[test]
fn events_go_on_after_the_last_one() {
    let from = |sent: &crate::samples::Sent| {
        let Command::ListEvents { from, limit } = sent.command() else { panic!() };
        (from, limit)
    };
    assert_eq!(from(&send("GET", "/v1/events")), (0, 50));
    assert_eq!(from(&send("GET", "/v1/events?after=17&limit=3")), (18, 3));
    // A broken stream is taken up where it broke, whatever it was first asked for.
    assert_eq!(from(&send("GET", "/v1/events?after=17").header("last-event-id", "20")), (21, 50));
    assert_eq!(send("GET", "/v1/events?after=-1").invalid().0, "after");
    let cursor = |found, next, is_last| {
        let page = Done::from(Answer::Events(Events { found, next, is_last }));
        json(&send("GET", "/v1/events").answered(&page))["next_cursor"].clone()
    };
    assert_eq!(cursor(vec![logged()], 18, false), "17");
    assert_eq!(cursor(Vec::new(), 18, false), "17", "there may be some further on");
    for end in [cursor(vec![logged()], 18, true), cursor(Vec::new(), 18, true), cursor(Vec::new(), 0, true)] {
        assert_eq!(end, json!(null));
    }
}

#[test]
fn an_event_is_told_in_clear() {
    let page = Done::from(Answer::Events(Events { found: vec![logged()], next: 18, is_last: true }));
    let page = json(&send("GET", "/v1/events").answered(&page));
    assert_eq!(
        page["data"][0],
        json!({
            "position": 17, "type": "key.removed", "at": "1970-01-01T00:00:02.000Z", "subject_id": KEY, "version": 8,
            "reason": "compromised", "organization_id": ORGANIZATION, "actor_key_id": KEY,
            "request_id": "000000000000000000000000000000ff", "leaf": logged().event.leaf(),
        })
    );
}

#[test]
fn a_followed_event_is_one_block_with_its_position_as_id() {
    let sent = send("GET", "/v1/events").header("accept", "text/event-stream");
    let dialect = dialect();
    let (route, _) = dialect.route(&sent.method, &sent.path).unwrap_or_else(|error| panic!("{error:?}"));
    let Ok(Form::Events(events)) = (route.form)(&sent.request()) else { panic!() };
    let block = String::from_utf8((events.render)(&logged())).unwrap();
    let data =
        block.strip_prefix("id: 17\nevent: key.removed\ndata: ").unwrap().strip_suffix("\n\n").unwrap();
    assert!(!data.contains('\n'));
    assert_eq!(serde_json::from_str::<serde_json::Value>(data).unwrap()["position"], 17);
}
