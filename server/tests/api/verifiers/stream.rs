//! What a server makes of frames that no verifier of ours would send, and of verifiers that know more than it does.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use keyward_client::{Verifier, VerifierOptions};
use keyward_verifier::frame::{Hello, Reason, ServerFrame, VerifierFrame};
use keyward_verifier::lease::{Incarnation, Mode, Position};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Message;

use super::super::scene::{Held, Scene};
use super::{client, joined, joining, runtime, told};
use crate::harness::eventually;

/// A connection on which anything can be said.
pub(super) struct Stream(WebSocketStream<TcpStream>);

impl Stream {
    pub(super) async fn open(scene: &Scene, by: &Held) -> Self {
        let host = scene.http.strip_prefix("http://").expect("plain HTTP");
        let mut request =
            format!("ws://{host}/v1/verifiers/stream").into_client_request().expect("a request");
        let bearer = format!("Bearer {}", by.secret).parse().expect("a header field");
        request.headers_mut().insert("authorization", bearer);
        let connection = TcpStream::connect(host).await.expect("it listens");
        Self(tokio_tungstenite::client_async(request, connection).await.expect("it is a WebSocket").0)
    }

    async fn say(&mut self, bytes: Vec<u8>) {
        self.0.send(Message::binary(bytes)).await.expect("it is sent");
    }

    pub(super) async fn frame(&mut self, frame: VerifierFrame) {
        self.say(frame.encode().expect("a frame")).await;
    }

    /// The next frame; `None` when the server has hung up.
    async fn hear(&mut self) -> Option<ServerFrame> {
        let next = tokio::time::timeout(Duration::from_secs(30), self.0.next()).await.expect("it goes on");
        match next {
            Some(Ok(Message::Binary(bytes))) => Some(ServerFrame::decode(&bytes).expect("a frame")),
            Some(Ok(_) | Err(_)) | None => None,
        }
    }

    /// Why the server ends it.
    pub(super) async fn reason(&mut self) -> Option<Reason> {
        while let Some(frame) = self.hear().await {
            if let ServerFrame::Refuse(reason) = frame {
                return Some(reason);
            }
        }
        None
    }

    /// Joins, and reads on until the snapshot is complete; up to where.
    pub(super) async fn join(&mut self, hello: Hello) -> Position {
        self.frame(VerifierFrame::Hello(hello)).await;
        loop {
            if let ServerFrame::Loaded(position) = self.hear().await.expect("it is welcome") {
                return position;
            }
        }
    }
}

pub(super) fn hello(name: &str, run: u128) -> Hello {
    Hello {
        incarnation: Incarnation(run),
        mode: Mode::Full,
        serve_stale: false,
        position: Position(0),
        anchor: String::new(),
        name: name.to_owned(),
    }
}

#[test]
fn what_is_no_frame_ends_the_connection() {
    let (scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    let hello = VerifierFrame::Hello(hello("x", 1)).encode().expect("a frame");
    let mut newer = hello.clone();
    newer[2] = 99;
    let cut = hello[..hello.len() - 1].to_vec();
    let long = [hello.clone(), vec![0]].concat();
    let cases = [
        (vec![], Reason::Malformed),
        (vec![0xff], Reason::Malformed),
        (cut, Reason::Malformed),
        (long, Reason::Malformed),
        (newer, Reason::Version),
        // A verifier says who it is before anything else.
        (VerifierFrame::Renew(1).encode().expect("a frame"), Reason::Malformed),
    ];
    runtime.block_on(async {
        for (bytes, wanted) in cases {
            let mut stream = Stream::open(&scene, &joining).await;
            stream.say(bytes.clone()).await;
            assert_eq!(stream.reason().await, Some(wanted), "{bytes:?}");
        }
        // Too much for any frame: the connection ends, and the server does not keep it.
        let mut stream = Stream::open(&scene, &joining).await;
        // It may hang up before all of it is there.
        let _ = stream.0.send(Message::binary(vec![1; 1 << 20])).await;
        stream.reason().await;
        // Text is no frame, and a second hello is none at this point.
        let mut stream = Stream::open(&scene, &joining).await;
        stream.0.send(Message::text("hello")).await.expect("it is sent");
        assert_eq!(stream.reason().await, Some(Reason::Malformed));
        let mut stream = Stream::open(&scene, &joining).await;
        stream.join(self::hello("x", 2)).await;
        stream.frame(VerifierFrame::Hello(self::hello("x", 2))).await;
        assert_eq!(stream.reason().await, Some(Reason::Malformed));
    });
    assert_eq!(scene.verify(&joining.secret)["valid"], true, "the server goes on");
}

#[test]
fn who_acknowledges_what_it_was_never_sent_is_not_believed_again() {
    let (scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    runtime.block_on(async {
        let mut stream = Stream::open(&scene, &joining).await;
        let loaded = stream.join(hello("liar", 7)).await;
        stream.frame(VerifierFrame::Acknowledge(Position(loaded.0 + 1))).await;
        assert_eq!(stream.reason().await, Some(Reason::Lied));
        let mut again = Stream::open(&scene, &joining).await;
        again.frame(VerifierFrame::Hello(hello("liar", 7))).await;
        assert_eq!(again.reason().await, Some(Reason::Lied));
    });
    assert_eq!(scene.read("/v1/verifiers")["data"][0]["standing"], "lied");
}

#[test]
fn the_later_of_two_under_one_name_is_the_one() {
    let (scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    runtime.block_on(async {
        let mut first = Stream::open(&scene, &joining).await;
        let loaded = first.join(hello("gateway", 1)).await;
        first.frame(VerifierFrame::Acknowledge(loaded)).await;
        first.frame(VerifierFrame::Renew(1)).await;
        let mut granted = false;
        while let Some(frame) = first.hear().await {
            granted = matches!(frame, ServerFrame::Grant(_));
            if granted {
                break;
            }
        }
        assert!(granted, "it holds a lease");
        let mut second = Stream::open(&scene, &joining).await;
        second.join(hello("gateway", 2)).await;
        first.frame(VerifierFrame::Renew(2)).await;
        assert_eq!(first.reason().await, Some(Reason::Superseded));
    });
    // The lease of the first is waited out: it never acknowledged this.
    let key = scene.held(json!({}));
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    let receipt = format!("/v1/receipts/{}", key.id.replace("key_", "rcpt_"));
    let covered = eventually("the enforcement is written down", || {
        let told = scene.with_headers("GET", &receipt, "Accept: application/json\r\n", Value::Null).json();
        told["verifiers"].as_array().filter(|all| !all.is_empty()).cloned()
    });
    let first = covered.iter().find(|one| one["incarnation"] == format!("{:032x}", 1)).expect("it is told");
    assert!(first["lease_ran_out_at"].is_string(), "{first}");
}

/// A verifier that never asked for a lease went on hearing of every new key after its own had been removed.
#[test]
fn who_may_join_no_more_is_told_nothing_more() {
    let (scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    runtime.block_on(async {
        let mut stream = Stream::open(&scene, &joining).await;
        stream.join(hello("silent", 1)).await;
        scene.ok("DELETE", &format!("/v1/keys/{}", joining.id), Value::Null);
        scene.held(json!({}));
        assert!(matches!(stream.hear().await, Some(ServerFrame::Refuse(Reason::Forbidden))));
    });
}

/// To be told to stop is not to have stopped: that has to be said, and is heard although whoever says it may do nothing else.
#[test]
fn who_may_join_no_more_is_waited_for_until_it_says_that_it_stopped() {
    let (scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    let key = format!("/v1/keys/{}", joining.id);
    // The later run has the name of the earlier one, of which nobody speaks any more then.
    for (run, says_goodbye, status) in [(1, false, 202), (2, true, 200)] {
        let mut stream = runtime.block_on(async {
            let mut stream = Stream::open(&scene, &joining).await;
            let loaded = stream.join(Hello { serve_stale: true, ..hello("gateway", run) }).await;
            stream.frame(VerifierFrame::Acknowledge(loaded)).await;
            stream.frame(VerifierFrame::Renew(1)).await;
            while !matches!(stream.hear().await.expect("it goes on"), ServerFrame::Grant(_)) {}
            stream
        });
        let answered = std::thread::scope(|scope| {
            let answered = scope.spawn(|| scene.call("POST", &format!("{key}/suspend"), None).status);
            runtime.block_on(async move {
                assert_eq!(stream.reason().await, Some(Reason::Forbidden));
                if says_goodbye {
                    stream.frame(VerifierFrame::Goodbye).await;
                    assert!(stream.hear().await.is_none(), "the end of the connection is the answer");
                } else {
                    // Nothing else that it says is heard.
                    stream.frame(VerifierFrame::Acknowledge(Position(u64::MAX))).await;
                }
            });
            answered.join().expect("it is answered")
        });
        assert_eq!(answered, status, "run {run}");
        scene.ok("POST", &format!("{key}/resume"), Value::Null);
    }
}

#[test]
fn a_lease_is_not_for_who_has_not_acknowledged() {
    let (scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    runtime.block_on(async {
        let mut stream = Stream::open(&scene, &joining).await;
        let loaded = stream.join(hello("slow", 1)).await;
        stream.frame(VerifierFrame::Renew(1)).await;
        // Whatever comes, it is no grant; what it acknowledges then brings it.
        stream.frame(VerifierFrame::Acknowledge(loaded)).await;
        loop {
            match stream.hear().await.expect("it goes on") {
                ServerFrame::Grant(grant) => {
                    assert!(grant.grant.requires >= loaded);
                    return;
                }
                ServerFrame::Shown(_) | ServerFrame::Changes(_) => {}
                ServerFrame::Welcome(_)
                | ServerFrame::Owners(_)
                | ServerFrame::Profile(..)
                | ServerFrame::Rows(_)
                | ServerFrame::Loaded(_)
                | ServerFrame::Answer(_)
                | ServerFrame::Refuse(_) => panic!("nothing else comes now"),
            }
        }
    });
}

#[test]
fn a_verifier_of_which_nothing_is_heard_is_gone() {
    let (scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    let (silent, mut quiet) = runtime.block_on(async {
        let mut silent = Stream::open(&scene, &joining).await;
        silent.join(hello("silent", 1)).await;
        let mut quiet = Stream::open(&scene, &joining).await;
        quiet.join(hello("quiet", 2)).await;
        (silent, quiet)
    });
    // It says nothing either, but answers whether it is there.
    runtime.spawn(async move { while quiet.0.next().await.is_some() {} });
    let standing = |name: &str| {
        let verifiers = scene.read("/v1/verifiers")["data"].as_array().expect("a list").clone();
        verifiers.iter().find(|one| one["name"] == name).map(|one| one["standing"].clone())
    };
    eventually("it is gone", || (standing("silent") == Some(json!("gone"))).then_some(()));
    assert_eq!(standing("quiet"), Some(json!("present")));
    drop(silent);
}

#[test]
fn a_server_that_was_put_back_locks_itself_when_a_verifier_proves_it() {
    let (mut scene, runtime) = (Scene::new(), runtime());
    let (joining, key) = (joining(&scene), scene.held(json!({})));
    let memory = tempfile::tempdir().expect("a folder");
    let options = || VerifierOptions::named("witness").anchor(memory.path().join("anchor"));
    let copy = scene.copy_data();
    let verifier = joined(&runtime, &scene, &joining, options());
    scene.ok("DELETE", &format!("/v1/keys/{}", key.id), Value::Null);
    assert_eq!(told(&verifier, &key.secret), "Unknown");
    // It has been shown a log that ends behind the removal.
    let removed_at = scene.read("/v1/verifiers")["position"].as_u64().expect("a position");
    eventually("the verifier's anchor is that far", || {
        let note = std::fs::read_to_string(memory.path().join("anchor")).ok()?;
        let size: u64 = note.lines().nth(1)?.parse().ok()?;
        (size >= removed_at).then_some(())
    });
    drop(verifier);
    scene.restore_data(&copy);
    assert_eq!(scene.verify(&key.secret)["valid"], true, "nobody has told it yet");
    let _inside = runtime.enter();
    let verifier = Verifier::start(client(&scene, &joining.secret), options()).expect("it starts");
    eventually("the server is locked", || {
        let answer = scene.call("POST", "/v1/keys/verify", Some(json!({ "secret": key.secret })));
        (answer.status == 503).then_some(())
    });
    assert_eq!(scene.call_as("", "GET", "/readyz", None).status, 503);
    assert_eq!(told(&verifier, &key.secret), "unavailable");
    eventually("its gauge says so", || scene.metrics().contains("keyward_locked 1\n").then_some(()));
    drop(verifier);

    // The lock was once forgotten with the process, until somebody proved it again; nobody does.
    scene.restart();
    assert_eq!(scene.call("POST", "/v1/keys/verify", Some(json!({ "secret": key.secret }))).status, 503);
    scene.accept_loss();
    assert_eq!(scene.call_as("", "GET", "/readyz", None).status, 200);
    assert_eq!(scene.verify(&key.secret)["valid"], false, "nothing of before is accepted");
}

#[test]
fn who_serves_stale_is_not_forgotten_by_a_restart() {
    let (mut scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    let verifier = joined(&runtime, &scene, &joining, VerifierOptions::named("stubborn").serve_stale());
    let key = scene.held(json!({}));
    eventually("it arrives", || (told(&verifier, &key.secret) == "valid").then_some(()));
    // The server comes back elsewhere, so as far as it can tell this verifier is frozen.
    scene.restart();
    let removed = scene.call("DELETE", &format!("/v1/keys/{}", key.id), None);
    assert_eq!((removed.status, &removed.json()["uncovered"]), (202, &json!(["stubborn"])));
    assert_eq!(told(&verifier, &key.secret), "valid", "so it does accept it");
}

/// A stream once left the limit of connections, and their gauge, when it became one.
#[test]
fn streams_are_counted_as_the_connections_that_they_are() {
    let (scene, runtime) = (Scene::new(), runtime());
    let by = joining(&scene);
    let counted = || {
        let page = scene.metrics();
        let line = page.lines().find(|line| line.starts_with("keyward_connections ")).map(str::to_owned);
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).expect("a number")
    };
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(runtime.block_on(Stream::open(&scene, &by)));
    }
    // Whoever asks is one, too.
    eventually("all are counted", || (counted() >= 3.0).then_some(()));
    drop(streams);
    eventually("and not for ever", || (counted() < 3.0).then_some(()));
}

#[test]
fn who_serves_stale_no_more_is_forgotten() {
    let (mut scene, runtime) = (Scene::new(), runtime());
    let joining = joining(&scene);
    let joined = |scene: &Scene, name: &str, serves_stale: bool| {
        let options = VerifierOptions::named(name);
        let options = if serves_stale { options.serve_stale() } else { options };
        joined(&runtime, scene, &joining, options)
    };
    runtime.block_on(joined(&scene, "left", true).leave());
    let _before = joined(&scene, "changed", true);
    let _changed = joined(&scene, "changed", false);
    let _others = joined(&scene, "other", true);
    let key = scene.held(json!({}));
    scene.restart();
    let removed = scene.call("DELETE", &format!("/v1/keys/{}", key.id), None);
    assert_eq!((removed.status, &removed.json()["uncovered"]), (202, &json!(["other"])));
}

#[test]
fn no_organization_takes_the_room_of_others_that_serve_stale() {
    let (scene, runtime) = (Scene::new(), runtime());
    let tenant = scene.tenant("tenant");
    let greedy = scene.held_as(&tenant.owner.secret, json!({ "scopes": ["verifiers:join"] }));
    let own = joining(&scene);
    runtime.block_on(async {
        // As long as names may be.
        let join = async |by: &Held, run: u128| {
            let mut stream = Stream::open(&scene, by).await;
            let hello = Hello { serve_stale: true, ..hello(&format!("{run:064}"), run) };
            stream.frame(VerifierFrame::Hello(hello)).await;
            matches!(stream.hear().await, Some(ServerFrame::Welcome(_)))
        };
        let mut joined = 0;
        for run in 1..=100 {
            joined += u32::from(join(&greedy, run).await);
        }
        assert_eq!(joined, 50);
        assert!(join(&own, 1000).await);
    });
}

/// Each frame once counted as a use of the verifier's key, and one with a limit was shown out after so many.
#[test]
fn a_limit_of_its_key_is_not_one_of_what_a_verifier_says() {
    let (scene, runtime) = (Scene::new(), runtime());
    let limit = json!({ "limit": 3, "window_seconds": 3600 });
    let joining = scene.held(json!({ "scopes": ["verifiers:join"], "rate_limit": limit }));
    runtime.block_on(async {
        let mut stream = Stream::open(&scene, &joining).await;
        let loaded = stream.join(hello("limited", 1)).await;
        stream.frame(VerifierFrame::Acknowledge(loaded)).await;
        for number in 1..=10 {
            stream.frame(VerifierFrame::Renew(number)).await;
            loop {
                match stream.hear().await.expect("it goes on") {
                    ServerFrame::Grant(grant) => break assert_eq!(grant.grant.renewal, number),
                    ServerFrame::Refuse(reason) => panic!("{reason:?}"),
                    ServerFrame::Welcome(_)
                    | ServerFrame::Owners(_)
                    | ServerFrame::Profile(..)
                    | ServerFrame::Rows(_)
                    | ServerFrame::Loaded(_)
                    | ServerFrame::Changes(_)
                    | ServerFrame::Shown(_)
                    | ServerFrame::Answer(_) => {}
                }
            }
        }
    });
}

/// One in the mode *online* says nothing, and nothing happens when its key expires; it once stayed for ever.
#[test]
fn who_says_nothing_has_to_go_when_its_key_expires() {
    let (scene, runtime) = (Scene::new(), runtime());
    let expires_at = scene.now().plus_seconds(10).to_string();
    let joining = scene.held(json!({ "scopes": ["verifiers:join"], "expires_at": expires_at }));
    runtime.block_on(async {
        let mut stream = Stream::open(&scene, &joining).await;
        stream.join(Hello { mode: Mode::Online, ..hello("online", 1) }).await;
        let refused = async {
            while let Some(Ok(message)) = stream.0.next().await {
                if let Message::Binary(bytes) = message {
                    return ServerFrame::decode(&bytes).ok();
                }
            }
            None
        };
        let told = tokio::time::timeout(Duration::from_secs(60), refused).await.expect("it is told why");
        assert!(told == Some(ServerFrame::Refuse(Reason::Forbidden)), "and nothing else before");
    });
}
