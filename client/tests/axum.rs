//! `Key` as an extractor of axum, behind the layer and without it.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use keyward_client::tower::RequireKeyLayer;
use keyward_client::{Client, Key, Verifier, VerifierOptions, wire};
use tower_service::Service as _;

use crate::server::{SECRET, Server};

const VALID: &str = r#"{"valid":true,"key_id":"key_01jz6v5e6hfm5s4k3v2x1y0zab","account_id":"acct_01jz6v5e6hfm5s4k3v2x1y0zac",
    "organization_id":"org_01jz6v5e6hfm5s4k3v2x1y0zad","name":"n","scopes":["a"],"metadata":{},"expires_at":null,"position":1}"#;

async fn told(application: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("x-api-key", "kw_live_x").body(Body::empty()).unwrap();
    let response = application.clone().call(request).await.unwrap();
    let (head, body) = response.into_parts();
    (head.status, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn a_handler_takes_the_key_that_was_let_pass() {
    let base = Server::new(vec![(200, "content-type: application/json", VALID.to_owned())]).start().await;
    let client = Client::new(&base, &wire::Secret::new(SECRET.to_owned())).unwrap();
    let verifier = Verifier::start(client, VerifierOptions::named("a").online()).unwrap();
    let application = Router::new()
        .route("/guarded", get(|key: Key| async move { key.id().to_string() }))
        .layer(RequireKeyLayer::new(verifier))
        .route("/bare", get(|_: Key| async { "never" }))
        .route("/either", get(|key: Option<Key>| async move { key.is_some().to_string() }));
    let guarded = (StatusCode::OK, "key_01jz6v5e6hfm5s4k3v2x1y0zab".to_owned());
    assert_eq!(told(&application, "/guarded").await, guarded);
    assert_eq!(told(&application, "/bare").await, (StatusCode::UNAUTHORIZED, String::new()));
    assert_eq!(told(&application, "/either").await, (StatusCode::OK, "false".to_owned()));
}
