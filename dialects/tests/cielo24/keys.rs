//! Keys: made, shown again, removed.

use keyward_core::command::{Answer, Command, Named};
use keyward_core::error::Error;
use keyward_core::filter::StateFilter;
use keyward_core::id::Id;
use keyward_core::key::{Found, Key, Place, Session};
use keyward_core::secret::{Alphabet, Format};
use keyward_core::time::Timestamp;
use serde_json::{Value, json};

use super::scene::{SECRET, caller, own, recoverable, secret, talk};
use crate::samples::{KEY, Sent, has, key, removed, send, tombstone};

fn generate(query: &str) -> Sent {
    send("GET", &format!("/api/account/generate_api_key?v=1{query}"))
}

fn remove(query: &str) -> Sent {
    send("GET", &format!("/api/account/remove_api_key?v=1{query}"))
}

fn keys(keys: Vec<Key>, next: Option<Id>) -> Result<Answer, Error> {
    Ok(Answer::Keys(keys.into_iter().map(Found::Live).collect(), next))
}

fn shown(text: &str) -> Result<Answer, Error> {
    Ok(Answer::Revealed(secret(text)))
}

fn issued() -> Result<Answer, Error> {
    Ok(Answer::Issued(Box::new(key()), secret(SECRET)))
}

#[test]
fn the_key_that_there_is_is_shown_again() {
    let answers = vec![keys(vec![recoverable(SECRET)], None), shown(SECRET)];
    let talk = talk(&generate("&force_new=False"), answers);
    assert_eq!(talk.said(), (200, json!({ "ApiKey": SECRET })));
    let [Command::List { filter, .. }, Command::Reveal(key)] = &talk.commands[..] else {
        panic!("a list and a key")
    };
    assert_eq!(key.to_string(), KEY);
    assert_eq!(filter.account, Some(own().id));
    assert_eq!((filter.state, filter.tag.as_deref()), (Some(StateFilter::Active), Some("cielo24")));
}

/// Whoever might not issue a key is not shown it; and one that is removed meanwhile is passed over.
#[test]
fn a_key_is_shown_again_as_the_core_permits_it() {
    let listed = || keys(vec![recoverable(SECRET)], None);
    let refused = talk(&generate(""), vec![listed(), Err(Error::Forbidden)]);
    assert_eq!(refused.refused(), "ACCOUNT_UNPRIVILEGED");
    let gone = || Err(Error::Gone(Box::new(tombstone())));
    let talk = talk(&generate(""), vec![listed(), gone(), keys(vec![], None), issued()]);
    assert_eq!(talk.said(), (200, json!({ "ApiKey": SECRET })));
    let [_, _, Command::List { page, .. }, Command::Issue(_)] = &talk.commands[..] else {
        panic!("a new one")
    };
    assert_eq!(page.after, Some(key().head.id.id()));
}

#[test]
fn the_first_key_is_made_when_it_is_asked_for() {
    let talk = talk(&generate(""), vec![keys(vec![], None), issued()]);
    assert_eq!(talk.said(), (200, json!({ "ApiKey": SECRET })));
    let [_, Command::Issue(issue)] = &talk.commands[..] else { panic!("a list and an issue") };
    assert_eq!(issue.format, Format::Plain { alphabet: Alphabet::Hex, public: 0, private: 32, hint: 0 });
    assert!(issue.recoverable && !issue.protected);
    assert_eq!((issue.account, issue.draft.tags.as_slice()), (Some(own().id), &["cielo24".to_owned()][..]));
}

#[test]
fn a_new_key_can_be_forced() {
    for value in ["True", "true", "TRUE"] {
        let talk = talk(&generate(&format!("&force_new={value}")), vec![issued()]);
        assert!(matches!(&talk.commands[..], [Command::Issue(_)]), "{value}");
    }
    assert_eq!(talk(&generate("&force_new=1"), vec![]).refused(), "INVALID_OPTION");
}

#[test]
fn only_a_key_that_goes_on_working_is_shown_again() {
    let later = Timestamp::from_millis(1_900_000_000_000);
    let mut ending = recoverable(SECRET);
    ending.traits.expires_at = Some(later);
    let mut retiring = recoverable(SECRET);
    retiring.head.remove_at = Some(later);
    let mut waiting = recoverable(SECRET);
    waiting.traits.not_before = Some(later);
    let mut successor = recoverable("kw_live_0123456789abcdefghijklmnopqrstuvwxyz");
    successor.head.place = Place::Handle;
    for passed_over in [ending, retiring, waiting, successor, key()] {
        let next = Id::from_bits(77);
        let lasting = recoverable("00000000000000000000000000000001");
        let answers = vec![
            keys(vec![passed_over], Some(next)),
            keys(vec![lasting], None),
            shown("00000000000000000000000000000001"),
        ];
        let talk = talk(&generate(""), answers);
        assert_eq!(talk.said().1["ApiKey"], "00000000000000000000000000000001");
        let [_, Command::List { page, .. }, Command::Reveal(_)] = &talk.commands[..] else {
            panic!("two pages")
        };
        assert_eq!(page.after, Some(next));
    }
}

#[test]
fn a_parent_asks_for_its_childs_key() {
    let mut child = own();
    child.id = Id::from_bits(33).into();
    let id = child.id;
    let answers =
        vec![Ok(Answer::Account(Box::new(child))), keys(vec![recoverable(SECRET)], None), shown(SECRET)];
    let heard = talk(&generate("&account_id=child"), answers);
    let [Command::FindAccountNamed(name), Command::List { filter, .. }, Command::Reveal(_)] =
        &heard.commands[..]
    else {
        panic!("an account and a list")
    };
    assert_eq!((name.as_str(), filter.account), ("child", Some(id)));
    let unknown = talk(&generate("&account_id=x"), vec![Err(Error::NotFound)]);
    assert_eq!(unknown.refused(), "ACCOUNT_DOES_NOT_EXIST");
}

#[test]
fn a_key_is_removed_by_its_text_in_any_letter_case() {
    for name in ["api_securekey", "secure_key"] {
        let query = format!("&{name}={}", SECRET.to_ascii_uppercase());
        let talk = talk(&remove(&query), vec![Ok(removed(false))]);
        assert_eq!(talk.said(), (204, Value::Null));
        let [Command::Remove(Named::Secret(text), ending)] = &talk.commands[..] else { panic!("a removal") };
        assert_eq!((text.as_str(), ending.end_sessions), (SECRET, false));
    }
    let both = remove(&format!("&secure_key=0&api_securekey={SECRET}"));
    assert_eq!(talk(&both, vec![Ok(removed(false))]).said().0, 204);
}

#[test]
fn what_cannot_be_removed_is_told_in_cielo24s_words() {
    let sent = remove(&format!("&api_securekey={SECRET}"));
    let refused = |error| talk(&sent, vec![Err(error)]).refused();
    assert_eq!(refused(Error::NotFound), "ITEM_NOT_FOUND");
    assert_eq!(refused(Error::Gone(Box::new(tombstone()))), "ITEM_NOT_FOUND");
    assert_eq!(talk(&sent, vec![Ok(removed(true))]).refused(), "ITEM_NOT_FOUND");
    assert_eq!(talk(&remove(""), vec![]).refused(), "MISSING_PARAMETER");
    for wrong in ["0", "kw_live_0123456789", &SECRET.replace('f', "g"), &format!("{SECRET}0")] {
        let heard = talk(&remove(&format!("&api_securekey={wrong}")), vec![]);
        assert_eq!(heard.refused(), "INVALID_OPTION", "{wrong}");
        // What was sent may be a key that somebody mistyped.
        assert!(wrong == "0" || !String::from_utf8_lossy(&heard.response.body).contains(wrong));
    }
    let protected = talk(&sent, vec![Err(Error::Protected)]);
    assert_eq!(protected.refused(), "ACCOUNT_UNPRIVILEGED");
}

#[test]
fn a_token_is_not_removed_as_a_key() {
    let mut session = key();
    session.head.session = Some(Session { parent: Id::from_bits(9).into(), idle_seconds: Some(3600) });
    let asked = talk(&remove(&format!("&api_securekey={SECRET}")), vec![Err(Error::NotFound)]).commands;
    assert!(has(&asked, &caller(true), &key()) && !has(&asked, &caller(true), &session));
}
