//! What the native API answers, over real HTTP.
#![cfg(test)]

mod harness;

mod api {
    mod access_levels;
    mod accounts;
    mod bootstrap;
    mod browser;
    mod cielo24;
    mod commands;
    mod crypto;
    mod discue;
    mod encedo;
    mod events;
    mod gateways;
    mod golden;
    mod grid;
    mod hosts;
    mod idempotency;
    mod import;
    mod intserv;
    mod judgement;
    mod keys;
    mod lists;
    mod log;
    mod organizations;
    mod pages;
    mod passwords;
    mod readme;
    mod receipts;
    mod removals;
    mod resolver;
    mod rotation;
    mod scene;
    mod traces;
    mod verifiers;
    mod verify;
    mod window;
}

use harness::{Server, folder};

#[test]
fn a_key_is_issued_verified_removed_and_stays_removed() {
    let folder = folder();
    let server = Server::start(folder.path());
    let (id, secret) = server.issue("first");
    assert_eq!(server.verify(&secret)["key_id"], id.as_str());
    let removed = server.call("DELETE", &format!("/v1/keys/{id}"), None);
    let receipt = removed.header("keyward-receipt").map(str::to_owned);
    assert_eq!((removed.status, receipt.is_some()), (204, true));
    assert_eq!(server.verify(&secret)["code"], "removed");
    assert_eq!(server.stop().code(), Some(0));

    let server = Server::start(folder.path());
    assert_eq!(server.verify(&secret)["code"], "removed");
    let again = server.call("DELETE", &format!("/v1/keys/{id}"), None);
    assert_eq!((again.status, again.header("keyward-receipt").map(str::to_owned)), (204, receipt));
}
