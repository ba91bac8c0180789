//! What happens on bad days, and to bad input, over real HTTP.

mod harness;

use harness::{Server, folder};

#[test]
fn a_killed_server_has_lost_nothing_that_it_answered() {
    let folder = folder();
    let server = Server::start(folder.path());
    let (kept, kept_secret) = server.issue("kept");
    let (gone, gone_secret) = server.issue("gone");
    assert_eq!(server.call("DELETE", &format!("/v1/keys/{gone}"), None).status, 204);
    server.kill();

    let server = Server::start(folder.path());
    assert_eq!(server.verify(&kept_secret)["key_id"], kept.as_str());
    assert_eq!(server.verify(&gone_secret)["code"], "removed");
}
