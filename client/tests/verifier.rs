//! A verifier against a server that is played by hand: what it does when things go wrong.

mod play;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use keyward_client::{Client, Id, Needs, Removed, Verdict, Verifier, VerifierOptions};
use keyward_verifier::frame::{
    Answer, Change, Changes, KeyRow, KeyUses, OwnerRow, OwnerStanding, Reason, ServerFrame, VerifierFrame,
};
use keyward_verifier::lease::{Mode, Position};

use self::play::{ACCOUNT, NOTE, Play, Stage, key, note, row};
use crate::server::secret;

/// A lease that no test outlasts.
const LONG: Duration = Duration::from_secs(60);
/// One whose end a test waits for; what is to happen in time has that long.
const SHORT: Duration = Duration::from_millis(600);
/// What is as good as for ever.
const PATIENCE: Duration = Duration::from_secs(30);

fn start(stage: &Stage, options: VerifierOptions) -> Verifier {
    Verifier::start(Client::new(&stage.url, &secret()).unwrap(), options).unwrap()
}

/// What a verifier says of the key of this number.
fn told(verifier: &Verifier, number: u128) -> String {
    match verifier.verify(&key(number), &Needs::default()) {
        Verdict::Valid(_) => "valid".to_owned(),
        Verdict::Refused(why) => format!("{why:?}"),
        Verdict::Ask => "ask".to_owned(),
        Verdict::Unavailable => "unavailable".to_owned(),
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it never came")
}

/// A verifier that has loaded these keys and holds a lease.
async fn joined(stage: &Stage, options: VerifierOptions, keys: &[u128], lease: Duration) -> (Verifier, Play) {
    let verifier = start(stage, options);
    let mut play = stage.next().await;
    play.welcome(5, lease, NOTE).await;
    play.load(5, keys).await;
    play.grant(5, lease).await;
    soon(verifier.ready()).await;
    (verifier, play)
}

/// Every removal that was told.
fn noted() -> (Arc<Mutex<Vec<Removed>>>, impl Fn(Removed) + Send + Sync + 'static) {
    let all: Arc<Mutex<Vec<Removed>>> = Arc::default();
    let noting = Arc::clone(&all);
    (all, move |removed| noting.lock().unwrap().push(removed))
}

fn removal(after: u64, number: u128) -> ServerFrame {
    let change = Change::End { key: number, fingerprint: row(number).fingerprint, place: row(number).place };
    ServerFrame::Changes(Changes { after: Position(after), to: Position(after + 1), changes: vec![change] })
}

#[tokio::test]
async fn the_times_of_keys_are_those_of_the_server() {
    // Long past here, and far ahead: whose clock it is shows.
    for now in [1_000_000_000, 4_000_000_000] {
        let stage = Stage::new().await;
        let verifier = start(&stage, VerifierOptions::named("gateway"));
        let mut play = stage.next().await;
        play.unix_millis = u64::from(now) * 1000;
        play.welcome(5, LONG, NOTE).await;
        play.load(5, &[]).await;
        play.tell_owners().await;
        let hour = 3600;
        let rows = [
            KeyRow { expires_at: Some(now + hour), ..row(1) },
            KeyRow { expires_at: Some(now - hour), ..row(2) },
            KeyRow { not_before: Some(now - hour), ..row(3) },
            KeyRow { not_before: Some(now + hour), ..row(4) },
        ];
        let (after, to) = (Position(5), Position(6));
        let changes = rows.map(Change::Key).to_vec();
        play.say(ServerFrame::Changes(Changes { after, to, changes })).await;
        assert_eq!(play.acknowledged().await, Some(to));
        play.grant(6, LONG).await;
        soon(verifier.ready()).await;
        let all: Vec<String> = (1..=4).map(|number| told(&verifier, number)).collect();
        assert_eq!(all, ["valid", "Expired", "valid", "NotYetValid"], "at {now}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_for_a_new_connection() {
    let stage = Stage::new().await;
    let lease = SHORT;
    let (verifier, _silent) = joined(&stage, VerifierOptions::named("gateway"), &[1], lease).await;
    // The connection stands, and nothing comes on it any more.
    let mut play = stage.next().await;
    assert_eq!(play.hello.position, Position(5), "it has lost nothing");
    assert_eq!(verifier.trouble().as_deref(), Some("the server was silent"));
    play.resume(5, LONG).await;
    play.grant(5, LONG).await;
    soon(verifier.ready()).await;
    assert_eq!(told(&verifier, 1), "valid");
}

/// The connection broke before its last acknowledgement was heard. It came back, had nothing to apply and said nothing; so it got no
/// lease and joined again and again, until something changed in the log.
#[tokio::test]
async fn one_that_comes_back_to_a_server_where_nothing_changes_says_what_it_has() {
    let stage = Stage::new().await;
    let (verifier, play) = joined(&stage, VerifierOptions::named("gateway"), &[1], SHORT).await;
    drop(play);
    let mut play = stage.next().await;
    play.resume(5, LONG).await;
    play.grant(5, LONG).await;
    soon(verifier.ready()).await;
    assert_eq!(told(&verifier, 1), "valid");
}

#[tokio::test]
async fn one_that_holds_nothing_asks_whether_the_server_is_there() {
    let stage = Stage::new().await;
    let lease = SHORT;
    let verifier = start(&stage, VerifierOptions::named("online").online());
    assert!(!verifier.is_available());
    let mut play = stage.next().await;
    assert_eq!(play.hello.mode, Mode::Online);
    play.welcome(5, lease, NOTE).await;
    play.load(5, &[]).await;
    soon(verifier.ready()).await;
    assert!(verifier.is_available());
    assert_eq!(told(&verifier, 1), "ask");
    // While it is answered it stays, for many leases; then the server is gone.
    for _ in 0..9 {
        soon(play.ping()).await;
    }
    assert!(verifier.is_available());
    let lapsed = verifier.lapsed();
    let _again = stage.next().await;
    soon(lapsed).await;
    assert!(!verifier.is_available(), "until it has joined again");
}

/// It went on until its lease ended, or for ever where it serves stale, and what had ended its right waited for that.
#[tokio::test]
async fn who_may_join_no_more_stops_at_once_and_says_so() {
    for options in [VerifierOptions::named("full"), VerifierOptions::named("stale").serve_stale()] {
        let stage = Stage::new().await;
        let (verifier, mut play) = joined(&stage, options, &[1], LONG).await;
        let before = play.hello.incarnation;
        assert_eq!(told(&verifier, 1), "valid");
        let lapsed = verifier.lapsed();
        play.say(ServerFrame::Refuse(Reason::Forbidden)).await;
        while play.hear().await.expect("it says so first") != VerifierFrame::Goodbye {}
        assert_eq!(told(&verifier, 1), "unavailable", "before it says so");
        soon(lapsed).await;
        drop(play);
        // Allowed again, it is another run: what it said last may still be on its way.
        let mut play = stage.next().await;
        assert_ne!(play.hello.incarnation, before);
        assert_eq!(play.hello.position, Position(0), "it has kept nothing");
        play.welcome(5, LONG, NOTE).await;
        play.load(5, &[1]).await;
        play.grant(5, LONG).await;
        soon(verifier.ready()).await;
        assert_eq!(told(&verifier, 1), "valid");
    }
}

#[tokio::test]
async fn who_left_accepts_nothing_though_it_was_not_connected() {
    let options = [
        VerifierOptions::named("full"),
        VerifierOptions::named("stale").serve_stale(),
        VerifierOptions::named("stale").serve_stale().hot(10),
        VerifierOptions::named("online").online(),
    ];
    for options in options {
        let stage = Stage::new().await;
        let verifier = start(&stage, options);
        let mut play = stage.next().await;
        play.welcome(5, LONG, NOTE).await;
        play.load(5, &[1]).await;
        if play.hello.mode != Mode::Online {
            play.grant(5, LONG).await;
        }
        soon(verifier.ready()).await;
        drop((play, stage));
        soon(async {
            while verifier.trouble().is_none() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        soon(verifier.leave()).await;
        assert_eq!(told(&verifier, 1), "unavailable");
        let checked = verifier.check(&key(1), &Needs::default()).await;
        assert!(matches!(checked, Ok(Verdict::Unavailable)), "{checked:?}");
    }
}

#[tokio::test]
async fn a_removal_whose_callback_panics_is_not_acknowledged_and_told_again() {
    for serve_stale in [false, true] {
        let stage = Stage::new().await;
        let (calls, fails) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(true)));
        let (counted, failing) = (Arc::clone(&calls), Arc::clone(&fails));
        let options = VerifierOptions::named("gateway").on_remove(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            assert!(!failing.load(Ordering::SeqCst), "the application is broken");
        });
        let options = if serve_stale { options.serve_stale() } else { options };
        let (verifier, mut play) = joined(&stage, options, &[1, 2], LONG).await;
        play.say(removal(5, 1)).await;
        assert_eq!(play.acknowledged().await, None, "the connection ends");
        let mut play = stage.next().await;
        assert!(verifier.trouble().unwrap().contains("on_remove"), "{:?}", verifier.trouble());
        assert_eq!((told(&verifier, 2), play.hello.position), ("unavailable".to_owned(), Position(5)));
        play.resume(5, LONG).await;
        fails.store(false, Ordering::SeqCst);
        play.say(removal(5, 1)).await;
        assert_eq!(play.acknowledged().await, Some(Position(6)));
        assert_eq!((told(&verifier, 2), calls.load(Ordering::SeqCst)), ("unavailable".to_owned(), 2));
        play.grant(6, LONG).await;
        soon(verifier.ready()).await;
        assert_eq!((told(&verifier, 1), told(&verifier, 2)), ("Unknown".to_owned(), "valid".to_owned()));
    }
}

#[tokio::test]
async fn what_a_callback_failed_to_hear_it_hears_after_the_next_snapshot() {
    let stage = Stage::new().await;
    let (heard, fails) = (noted(), Arc::new(AtomicBool::new(true)));
    let (failing, (heard, note)) = (Arc::clone(&fails), heard);
    let options = VerifierOptions::named("hot").hot(10).on_remove(move |removed| {
        assert!(!failing.load(Ordering::SeqCst), "the application is broken");
        note(removed);
    });
    let (_verifier, mut play) = joined(&stage, options, &[], LONG).await;
    play.say(removal(5, 1)).await;
    let mut play = stage.next().await;
    fails.store(false, Ordering::SeqCst);
    play.welcome(6, LONG, NOTE).await;
    play.load(6, &[]).await;
    assert_eq!(heard.lock().unwrap().len(), 1, "before it was acknowledged");
}

#[tokio::test]
async fn what_a_snapshot_lacks_is_told_before_it_is_acknowledged() {
    let stage = Stage::new().await;
    let (heard, note) = noted();
    let options = VerifierOptions::named("gateway").on_remove(note);
    let (verifier, play) = joined(&stage, options, &[1, 2, 3, 4], LONG).await;
    assert_eq!(heard.lock().unwrap().len(), 0, "nothing is gone at first");
    drop(play);
    let lapsed = verifier.lapsed();
    // One that comes to nothing in between changes nothing.
    let mut play = stage.next().await;
    play.welcome(9, LONG, NOTE).await;
    drop(play);
    let mut play = stage.next().await;
    assert_eq!(play.hello.position, Position(0));
    play.welcome(9, LONG, NOTE).await;
    play.tell_owners().await;
    let suspended = keyward_verifier::frame::KeyRow { suspended: true, ..row(3) };
    play.say(ServerFrame::Rows(vec![row(2), suspended, row(5)])).await;
    let account = OwnerRow { owner: ACCOUNT, standing: OwnerStanding::Suspended };
    play.say(ServerFrame::Owners(vec![account])).await;
    play.say(ServerFrame::Loaded(Position(9))).await;
    assert_eq!(play.acknowledged().await, Some(Position(9)));
    let mut told: Vec<String> = heard.lock().unwrap().iter().map(|removed| format!("{removed:?}")).collect();
    told.sort();
    let key = |number| format!("{:?}", Removed::Key(Id::key(number)));
    let mut wanted = vec![key(1), key(3), key(4), format!("{:?}", Removed::Owner(ACCOUNT))];
    wanted.sort();
    assert_eq!(told, wanted);
    play.grant(9, LONG).await;
    soon(verifier.ready()).await;
    assert!(verifier.is_available());
    soon(lapsed).await;
}

#[tokio::test]
async fn who_is_shown_an_older_log_accepts_nothing_from_then_on() {
    for online in [false, true] {
        let stage = Stage::new().await;
        let options = VerifierOptions::named("gateway").serve_stale();
        let options = if online { options.online() } else { options };
        let verifier = start(&stage, options);
        let mut play = stage.next().await;
        play.welcome(5, LONG, NOTE).await;
        play.load(5, &[1]).await;
        if !online {
            play.grant(5, LONG).await;
        }
        soon(verifier.ready()).await;
        let lapsed = verifier.lapsed();
        drop(play);
        let mut play = stage.next().await;
        play.welcome(5, LONG, &note(900)).await;
        soon(lapsed).await;
        assert_eq!(told(&verifier, 1), "unavailable");
        // However much it shows afterwards.
        let mut play = stage.next().await;
        play.welcome(5, LONG, NOTE).await;
        let _again = stage.next().await;
        assert_eq!(told(&verifier, 1), "unavailable");
        let checked = verifier.check(&key(1), &Needs::default()).await;
        assert!(matches!(checked, Ok(Verdict::Unavailable)), "{checked:?}");
    }
}

#[tokio::test]
async fn strangers_inventions_are_not_looked_up_without_end() {
    let stage = Stage::new().await;
    let (verifier, _play) = joined(&stage, VerifierOptions::named("hot").hot(10), &[], LONG).await;
    let needs = Needs::default();
    let refused = (0..1000).filter(|number| {
        let told = verifier.check(&key(*number), &needs).now_or_never();
        matches!(told, Some(Ok(Verdict::Unavailable)))
    });
    // 400 at once, and what time brings.
    let refused = refused.count();
    assert!((300..=600).contains(&refused), "{refused}");
}

#[tokio::test]
async fn known_keys_are_looked_up_however_many_they_are() {
    let stage = Stage::new().await;
    let (verifier, mut play) = joined(&stage, VerifierOptions::named("hot").hot(1), &[], LONG).await;
    play.tell_owners().await;
    let answering = tokio::spawn(async move {
        let mut number = 0;
        while let Some(frame) = play.hear().await {
            if let VerifierFrame::Lookup(lookup) = frame {
                let answer = Answer { number: lookup.number, position: Position(5), row: Some(row(number)) };
                play.say(ServerFrame::Answer(answer)).await;
                number += 1;
            }
        }
    });
    for number in 0..1000 {
        let told = soon(verifier.check(&key(number), &Needs::default())).await;
        assert!(matches!(told, Ok(Verdict::Valid(_))), "{number}: {told:?}");
    }
    answering.abort();
}

/// What the server is told next of uses.
async fn told_uses(play: &mut Play) -> Vec<KeyUses> {
    loop {
        if let VerifierFrame::Uses(mut uses) = soon(play.hear()).await.expect("it hung up") {
            uses.sort_by_key(|one| one.key);
            return uses;
        }
    }
}

#[tokio::test]
async fn the_server_is_told_of_each_use_once() {
    let stage = Stage::new().await;
    let verifier = start(&stage, VerifierOptions::named("gateway"));
    let mut play = stage.next().await;
    play.welcome(5, LONG, NOTE).await;
    play.tell_owners().await;
    let (suspended, asked) = (KeyRow { suspended: true, ..row(2) }, KeyRow { ask: true, ..row(3) });
    play.say(ServerFrame::Rows(vec![row(1), suspended, asked, row(4)])).await;
    play.load(5, &[]).await;
    play.grant(5, LONG).await;
    soon(verifier.ready()).await;
    for number in [1, 2, 3, 9, 1] {
        let _ = told(&verifier, number);
    }
    // What is told is told on the connection that there is then.
    drop(play);
    let mut play = stage.next().await;
    let _ = told(&verifier, 1);
    play.resume(5, SHORT).await;
    let used = |key, accepted, refused| KeyUses { key, accepted, refused, seconds_ago: 0 };
    let mut uses = told_uses(&mut play).await;
    assert!(uses.iter().all(|one| one.seconds_ago < 30), "{uses:?}");
    uses.iter_mut().for_each(|one| one.seconds_ago = 0);
    assert_eq!(
        uses,
        [used(1, 3, 0), used(2, 0, 1)],
        "what is asked for and what is unknown the server sees itself"
    );
    play.grant(5, LONG).await;
    let _ = told(&verifier, 4);
    let leaving = tokio::spawn(async move { verifier.leave().await });
    let last = told_uses(&mut play).await;
    assert_eq!(last.iter().map(|one| (one.key, one.accepted)).collect::<Vec<_>>(), [(4, 1)]);
    assert!(matches!(soon(play.hear()).await, Some(VerifierFrame::Goodbye)));
    leaving.abort();
}

/// Rows once entered the table whenever they came: what had ended was there again.
#[tokio::test]
async fn rows_outside_a_snapshot_are_not_taken() {
    let stage = Stage::new().await;
    let (verifier, mut play) = joined(&stage, VerifierOptions::named("gateway"), &[1, 2], LONG).await;
    play.say(removal(5, 1)).await;
    assert_eq!(play.acknowledged().await, Some(Position(6)));
    play.say(ServerFrame::Rows(vec![row(1)])).await;
    assert_eq!(play.acknowledged().await, None, "the connection ends");
    assert_eq!((told(&verifier, 1), told(&verifier, 2)), ("Unknown".to_owned(), "valid".to_owned()));
}

/// The anchor was once written, and synced, on the task that applies changes: a slow disk made every removal wait.
#[tokio::test]
async fn a_disk_that_hangs_holds_nothing_up() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let anchor = folder.path().join("anchor");
    let hangs = folder.path().join("anchor.new");
    // Whoever opens it to write waits until somebody reads.
    assert!(std::process::Command::new("mkfifo").arg(&hangs).status().unwrap().success());
    let options = VerifierOptions::named("gateway").anchor(&anchor);
    let (verifier, mut play) = joined(&stage, options, &[1, 2], LONG).await;
    play.say(removal(5, 1)).await;
    assert_eq!(play.acknowledged().await, Some(Position(6)));
    assert_eq!((told(&verifier, 1), told(&verifier, 2)), ("Unknown".to_owned(), "valid".to_owned()));
    // The runtime ends only when it does.
    std::fs::File::open(&hangs).unwrap();
}
