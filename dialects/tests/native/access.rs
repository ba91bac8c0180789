//! Door credentials.

use keyward_core::access::{Access, Identification, Opens, Pin};
use keyward_core::command::{Answer, Command, Named, Shown};
use keyward_core::id::Id;
use keyward_core::key::{Found, Kind, Material};
use keyward_core::removal::Selection;
use keyward_core::seal::Pepper;
use serde_json::json;

use crate::samples::{ACCOUNT, KEY, Sent, json, key, send};

const LEVEL: &str = "res_00000000000000000000000004";
const PERSON: &str = "res_00000000000000000000000005";

fn issue(access: &str) -> Sent {
    send("POST", "/v1/keys").json(&format!(r#"{{"name":"x","kind":"access","access":{access}}}"#))
}

fn patch(access: &str) -> Sent {
    send("PATCH", &format!("/v1/keys/{KEY}")).json(&format!(r#"{{"access":{access}}}"#))
}

fn verify(access: &str) -> Sent {
    send("POST", "/v1/keys/verify").json(&format!(r#"{{"access":{access}}}"#))
}

fn removal(access: &str) -> Sent {
    send("POST", "/v1/removals").json(&format!(r#"{{"access":{access}}}"#))
}

/// Compares what is kept of a PIN: the PIN itself tells nothing.
fn is_pin(given: Option<&Pin>, text: &str) -> bool {
    let digest = |pin: &Pin| pin.digest(&Pepper::new(&[1; 32]), Id::from_bits(1).into());
    given.is_some_and(|pin| digest(pin) == digest(&Pin::parse(text).unwrap()))
}

#[test]
fn a_door_credential_is_issued_with_what_a_door_needs() {
    let body = json!({
        "name": "badge", "kind": "access", "account_id": ACCOUNT, "expires_at": "2027-01-01T00:00:00Z", "environment": "test",
        "protected": true,
        "access": {"type": "proximity", "identification": "EM:0x499602D2", "pin": "1234", "levels": [LEVEL], "person": PERSON},
    });
    let sent = send("POST", "/v1/keys").json(&body.to_string());
    let Command::IssueAccess(new) = sent.command() else { panic!() };
    assert!(new.identification == Identification::badge("0001234567890"));
    assert!(is_pin(new.pin.as_ref(), "1234"));
    assert_eq!(new.levels.iter().map(ToString::to_string).collect::<Vec<_>>(), [LEVEL]);
    assert_eq!(new.person.map(|id| id.to_string()).as_deref(), Some(PERSON));
    assert_eq!((new.environment.as_str(), new.protected), ("test", true));
    assert_eq!(new.draft.expires_at.map(|at| at.to_string()).as_deref(), Some("2027-01-01T00:00:00.000Z"));
}

#[test]
fn a_code_may_be_made() {
    let Command::IssueAccess(new) = issue(r#"{"type":"code"}"#).command() else { panic!() };
    assert!(new.identification.is_none() && new.pin.is_none() && new.levels.is_empty());
}

#[test]
fn what_makes_no_door_credential_is_named_and_not_quoted() {
    for (access, field) in [
        (r"{}", "access.type"),
        (r#"{"type":"retina"}"#, "access.type"),
        (r#"{"type":"proximity"}"#, "access.identification"),
        (r#"{"type":"proximity","identification":"99999999999999999"}"#, "access.identification"),
        (r#"{"type":"code","identification":"123"}"#, "access.identification"),
        (r#"{"type":"code","identification":1234567}"#, "access.identification"),
        (r#"{"type":"code","pin":"123"}"#, "access.pin"),
        (r#"{"type":"code","levels":["res_1"]}"#, "access.levels"),
        (r#"{"type":"code","person":"key_00000000000000000000000005"}"#, "access.person"),
        (r#"{"type":"code","badge":1}"#, "access.badge"),
    ] {
        let (named, must) = issue(access).invalid();
        assert_eq!(named, field, "{access}");
        assert!(!must.contains("999") && !must.contains("1234567"), "{must}");
    }
    let with = |more: &str| format!(r#"{{"name":"x","kind":"access","access":{{"type":"code"}},{more}}}"#);
    for more in [r#""prefix":"kw""#, r#""recoverable":true"#, r#""format":{"alphabet":"hex","private":32}"#] {
        assert_eq!(send("POST", "/v1/keys").json(&with(more)).invalid().0, "prefix");
    }
    let secret = send("POST", "/v1/keys").json(r#"{"name":"x","access":{"type":"code"}}"#);
    assert_eq!(secret.invalid().0, "access");
    let import =
        send("POST", "/v1/keys/import").json(r#"{"name":"x","kind":"access","secret":"0123456789abcdef"}"#);
    assert_eq!(import.invalid().0, "kind");
}

#[test]
fn a_patch_tells_leaving_from_clearing() {
    let Command::Update { patch: one, .. } = patch(r#"{"pin":null,"levels":[]}"#).command() else { panic!() };
    let access = one.access.unwrap();
    assert!(matches!(access.pin, Some(None)) && access.person.is_none());
    assert_eq!(access.levels, Some(Vec::new()));
    let Command::Update { patch: one, .. } = patch(r#"{"pin":"12345678"}"#).command() else { panic!() };
    assert!(one.access.is_some_and(|access| is_pin(access.pin.flatten().as_ref(), "12345678")));
    assert_eq!(patch(r#"{"pin":"x"}"#).invalid().0, "access.pin");
    assert_eq!(patch(r#"{"identification":"1234"}"#).invalid().0, "access.identification");
    assert_eq!(patch("null").invalid().0, "access");
}

#[test]
fn a_door_asks_with_what_it_read() {
    let asked = |access: &str| {
        let Command::Verify(ask) = verify(access).command() else { panic!() };
        let Shown::AtDoor(read) = ask.shown else { panic!() };
        read
    };
    let read = asked(&format!(
        r#"{{"type":"code","identification":"0042","pin":"1234","level":"{LEVEL}","door":"Front","verifier":"abc123-001"}}"#
    ));
    assert!(Some(read.identification) == Identification::code("0042") && is_pin(read.pin.as_ref(), "1234"));
    assert_eq!(read.level.map(|id| id.to_string()).as_deref(), Some(LEVEL));
    let door = read.door.unwrap();
    assert_eq!((door.name.as_deref(), door.verifier.as_deref()), (Some("Front"), Some("abc123-001")));
    assert!(asked(r#"{"type":"proximity","identification":"MC:1"}"#).door.is_none());
    assert!(asked(r#"{"type":"proximity","identification":"MC:1","door":"x"}"#).door.is_some());
    for (access, field) in [
        (r#"{"type":"proximity"}"#, "access.identification"),
        (r#"{"type":"proximity","identification":"MC:4294967296"}"#, "access.identification"),
        (r#"{"type":"proximity","identification":"MC:1","pin":"123456789"}"#, "access.pin"),
        (r#"{"type":"proximity","identification":"MC:1","level":"x"}"#, "access.level"),
        (r#"{"type":"proximity","identification":"MC:1","door":""}"#, "access.door"),
        (r#"{"type":"proximity","identification":"MC:1","verifier":"a\u0000"}"#, "access.verifier"),
    ] {
        assert_eq!(verify(access).invalid().0, field, "{access}");
    }
    let both = send("POST", "/v1/keys/verify")
        .json(r#"{"secret":"x","access":{"type":"code","identification":"1234"}}"#);
    assert_eq!(both.invalid().0, "access");
}

#[test]
fn it_is_removed_by_what_a_door_knows_it_by() {
    let Command::StartRemoval { selection, .. } =
        removal(r#"{"type":"proximity","identification":"EM:7"}"#).command()
    else {
        panic!()
    };
    let Selection::One(Named::Access(identification)) = *selection else { panic!() };
    assert!(Some(identification) == Identification::badge("0000000000007"));
    assert_eq!(
        removal(r#"{"type":"proximity","identification":"EM:x"}"#).invalid().0,
        "access.identification"
    );
    assert_eq!(removal(r#"{"type":"code"}"#).invalid().0, "access.identification");
}

#[test]
fn it_is_shown_with_its_identification_and_never_with_its_pin() {
    let mut badge = key();
    badge.head.kind = Kind::Access;
    badge.traits.material = Material::Access(Access {
        identification: Identification::badge("MC:2|EM:1").unwrap(),
        opens: Opens {
            pin: Pin::parse("1234").map(|pin| pin.digest(&Pepper::new(&[1; 32]), badge.head.id)),
            levels: vec![Id::from_bits(4).into()],
            person: Some(Id::from_bits(5).into()),
        },
    });
    let shown = json!({
        "type": "proximity", "identification": "EM:0000000000001|MC:0000000002", "has_pin": true, "levels": [LEVEL],
        "person": PERSON,
    });
    let issued = send("POST", "/v1/keys").answered(&Answer::IssuedAccess(Box::new(badge.clone())).into());
    assert_eq!(issued.status.as_u16(), 201);
    assert_eq!(issued.headers["location"], format!("/v1/keys/{KEY}"));
    assert_eq!(issued.headers["cache-control"], "no-store");
    assert_eq!(json(&issued)["key"]["access"], shown);
    assert!(json(&issued).get("secret").is_none());
    let found =
        json(&send("GET", &format!("/v1/keys/{KEY}")).answered(&Answer::Found(Box::new(badge)).into()));
    assert_eq!(
        (&found["kind"], &found["access"], &found["recoverable"]),
        (&json!("access"), &shown, &json!(false))
    );
}

/// An auditor, who may only read, was shown codes, which open doors by themselves.
#[test]
fn a_code_is_shown_when_it_is_issued_and_never_again() {
    let mut code = key();
    code.head.kind = Kind::Access;
    code.traits.material = Material::Access(Access {
        identification: Identification::code("00421234").unwrap(),
        opens: Opens { pin: None, levels: Vec::new(), person: None },
    });
    let key = format!("/v1/keys/{KEY}");
    let issued = send("POST", "/v1/keys").answered(&Answer::IssuedAccess(Box::new(code.clone())).into());
    assert_eq!(json(&issued)["key"]["access"]["identification"], "00421234");
    let list = Answer::Keys(vec![Found::Live(code.clone())], None);
    for (method, path, answer) in [
        ("GET", "/v1/keys", list),
        ("GET", &*key, Answer::Found(Box::new(code.clone()))),
        ("PATCH", &*key, Answer::Key(Box::new(code))),
    ] {
        let shown = send(method, path).answered(&answer.into());
        assert!(!String::from_utf8_lossy(&shown.body).contains("0042"), "{method} {path}");
    }
}
