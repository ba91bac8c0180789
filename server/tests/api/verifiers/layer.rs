//! The tower layer of the SDK: it answers as `/v1/forward-auth` does.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use http::{HeaderName, Request, Response};
use keyward_client::tower::{RequireKey, RequireKeyLayer};
use keyward_client::{Key, Verifier, VerifierOptions};
use serde_json::{Value, json};
use tower_layer::Layer as _;
use tower_service::Service;

use super::super::scene::{Held, Scene};
use super::{joined, joining, runtime, told};
use crate::harness::eventually;

/// Says which key it was called with, and whether what it prints of the request holds the secret.
#[derive(Clone)]
struct Said;

impl Service<Request<()>> for Said {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let key = request.extensions().get::<Key>().expect("no key passes without").id();
        let shows = format!("{:?}", request.headers()).contains("kw_");
        ready(Ok(Response::new(format!("{key} {shows}"))))
    }
}

/// Status, challenge, when to come again, and body.
type Told = (u16, String, String, String);

fn ask(runtime: &tokio::runtime::Runtime, service: &RequireKey<Said>, fields: &[(&str, &str)]) -> Told {
    let mut request = Request::new(());
    for (name, value) in fields {
        let name: HeaderName = name.parse().expect("a name");
        request.headers_mut().append(name, value.parse().expect("a value"));
    }
    let response = runtime.block_on(service.clone().call(request)).expect("it answers");
    let field = |name: &str| {
        response.headers().get(name).map_or("", |value| value.to_str().expect("text")).to_owned()
    };
    let (challenge, again) = (field("www-authenticate"), field("retry-after"));
    (response.status().as_u16(), challenge, again, response.into_body())
}

/// What forward authentication says; without a body, and of those who pass nothing but that.
fn forwarded(scene: &Scene, gateway: &Held, scope: &str, fields: &[(&str, &str)]) -> Told {
    let mut lines = format!("Keyward-Credential: {}\r\nKeyward-Scope: {scope}\r\n", gateway.secret);
    for (name, value) in fields {
        lines += &format!("{name}: {value}\r\n");
    }
    let answer = scene.request("GET", "/v1/forward-auth", &lines, b"");
    let field = |name: &str| answer.header(name).unwrap_or_default().to_owned();
    (answer.status, field("www-authenticate"), field("retry-after"), String::new())
}

fn layered(verifier: &Verifier, scope: &str) -> RequireKey<Said> {
    RequireKeyLayer::new(verifier.clone()).scopes([scope]).layer(Said)
}

#[test]
fn a_layer_answers_as_forward_authentication_does() {
    let (scene, runtime) = (Scene::new(), runtime());
    let gateway = joining(&scene);
    let verifier = joined(&runtime, &scene, &gateway, VerifierOptions::named("service"));
    let held = |fields: Value| {
        let key = scene.held(fields);
        eventually("it arrives", || (told(&verifier, &key.secret) != "Unknown").then_some(()));
        key
    };
    let live = held(json!({ "scopes": ["orders:read"] }));
    let suspended = held(json!({ "scopes": ["orders:read"] }));
    scene.ok("POST", &format!("/v1/keys/{}/suspend", suspended.id), Value::Null);
    let removed = held(json!({ "scopes": ["orders:read"] }));
    scene.ok("DELETE", &format!("/v1/keys/{}", removed.id), Value::Null);
    let bound = held(json!({ "scopes": ["orders:read"], "ip_allow": ["192.0.2.0/24"] }));
    let used_up = held(json!({ "scopes": ["orders:read"], "uses_left": 1 }));
    let bearer = |key: &Held| format!("bearer {}", key.secret);
    let (right, basic) = (bearer(&live), format!("Basic {}", live.secret));
    let service = layered(&verifier, "orders:read");
    assert_eq!(ask(&runtime, &service, &[("authorization", &bearer(&used_up))]).0, 200, "its only use");

    let mut seen = Vec::new();
    for (scope, fields) in [
        ("orders:read", vec![]),
        ("orders:read", vec![("authorization", right.as_str())]),
        ("orders:read", vec![("x-api-key", &live.secret)]),
        ("orders:read", vec![("authorization", &right), ("authorization", &right)]),
        ("orders:read", vec![("authorization", &basic), ("x-api-key", &live.secret)]),
        ("orders:write", vec![("authorization", &right)]),
        ("orders:read", vec![("authorization", &bearer(&suspended))]),
        ("orders:read", vec![("authorization", &bearer(&removed))]),
        ("orders:read", vec![("authorization", "Bearer kw_live_nothing")]),
        ("orders:read", vec![("authorization", &bearer(&bound))]),
        ("orders:read", vec![("authorization", &bearer(&used_up))]),
    ] {
        let mut told = ask(&runtime, &layered(&verifier, scope), &fields);
        seen.push(told.0);
        if told.0 == 200 {
            assert_eq!(std::mem::take(&mut told.3), format!("{} false", live.id));
        }
        assert_eq!(told, forwarded(&scene, &gateway, scope, &fields), "{fields:?}");
    }
    assert_eq!(seen, [401, 200, 200, 401, 401, 403, 401, 401, 401, 403, 403]);

    // Where it comes from, and a field of one's own.
    let there = Some("192.0.2.7".parse().expect("an address"));
    let own = RequireKeyLayer::new(verifier.clone()).header(HeaderName::from_static("x-own"));
    let own = own.address(move |_| there).layer(Said);
    assert_eq!(ask(&runtime, &own, &[("x-own", &bound.secret)]).0, 200);
    assert_eq!(ask(&runtime, &own, &[("authorization", &right)]).0, 401, "it is not looked for elsewhere");

    scene.signal("STOP");
    eventually("the lease ends", || (!verifier.is_available()).then_some(()));
    let told = ask(&runtime, &service, &[("authorization", &right)]);
    assert_eq!(told, (503, String::new(), "1".to_owned(), String::new()));
    scene.signal("CONT");
}
