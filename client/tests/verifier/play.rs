//! A server that does on the stream of a verifier what a test says, and nothing else.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use keyward_verifier::frame::{
    Granted, Hello, KeyRow, OwnerRow, OwnerStanding, Profile, ServerFrame, Shown, VerifierFrame, Welcomed,
};
use keyward_verifier::lease::{Grant, Position, Term};
use keyward_verifier::{Fingerprint, Place};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

const ORGANIZATION: u128 = 1 << 64;
pub(crate) const ACCOUNT: u128 = 2 << 64;
const TERM: Term = Term(5);
/// A log of 1,000 events, in the shape of a signed checkpoint.
pub(crate) const NOTE: &str = "example.test/log\n1000\n\
    qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=\n\n\u{2014} example.test/log AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
const PATIENCE: Duration = Duration::from_secs(30);

/// The same with another number of events.
pub(crate) fn note(events: u64) -> String {
    NOTE.replace("\n1000\n", &format!("\n{events}\n"))
}

/// The secret of the key of this number.
pub(crate) fn key(number: u128) -> String {
    format!("kw_live_{number:042}")
}

pub(crate) fn row(number: u128) -> KeyRow {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key(number).as_bytes());
    let digest: [u8; 32] = digest.as_ref().try_into().unwrap();
    // A server tells where some stand, and of others, that were brought along as digests say, nothing.
    let place = self::key(number).as_bytes()[8..]
        .first_chunk()
        .filter(|_| number.is_multiple_of(2))
        .map(Place::of_chars);
    KeyRow {
        fingerprint: Fingerprint::from(&digest),
        place,
        key: number,
        profile: 1,
        suspended: false,
        ask: false,
        expires_at: None,
        not_before: None,
    }
}

/// Where verifiers connect to.
pub(crate) struct Stage {
    listener: TcpListener,
    pub(crate) url: String,
}

/// One connection, on which a verifier has said who it is.
pub(crate) struct Play {
    socket: WebSocketStream<TcpStream>,
    pub(crate) hello: Hello,
    /// The last renewal, until it is granted.
    renewal: Option<u64>,
    /// What time it is in the play.
    pub(crate) unix_millis: u64,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    /// The next connection.
    pub(crate) async fn next(&self) -> Play {
        let accepted = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            let mut socket = accept_async(stream).await.unwrap();
            match heard(&mut socket).await {
                Some(VerifierFrame::Hello(hello)) => Play { socket, hello, renewal: None, unix_millis: 0 },
                _ => panic!("no hello"),
            }
        };
        timeout(PATIENCE, accepted).await.expect("nobody comes")
    }
}

impl Play {
    pub(crate) async fn say(&mut self, frame: ServerFrame) {
        self.socket.send(Message::binary(frame.encode().unwrap())).await.unwrap();
    }

    /// The next frame; `None` when the verifier has hung up.
    pub(crate) async fn hear(&mut self) -> Option<VerifierFrame> {
        let frame = timeout(PATIENCE, heard(&mut self.socket)).await.expect("it says nothing");
        if let Some(VerifierFrame::Renew(number)) = frame {
            self.renewal = Some(number);
        }
        frame
    }

    /// A snapshot follows.
    pub(crate) async fn welcome(&mut self, position: u64, lease: Duration, note: &str) {
        self.receive(position, lease, note, false).await;
    }

    /// It keeps what it has, and says so.
    pub(crate) async fn resume(&mut self, position: u64, lease: Duration) {
        self.receive(position, lease, NOTE, true).await;
        assert_eq!(self.acknowledged().await, Some(Position(position)));
    }

    async fn receive(&mut self, position: u64, lease: Duration, note: &str, resumes: bool) {
        let shown = Shown { proof: Vec::new(), note: note.to_owned() };
        let (position, lease_millis) = (Position(position), u32::try_from(lease.as_millis()).unwrap());
        let welcomed = Welcomed { term: TERM, lease_millis, position, resumes, keys: 0, shown };
        self.say(ServerFrame::Welcome(welcomed)).await;
    }

    pub(crate) async fn tell_owners(&mut self) {
        let row = |owner| OwnerRow { owner, standing: OwnerStanding::Active };
        self.say(ServerFrame::Owners(vec![row(ORGANIZATION), row(ACCOUNT)])).await;
        let (organization, account) = (ORGANIZATION, ACCOUNT);
        let (rate_limit, networks, scopes) = (None, Vec::new(), Vec::new());
        self.say(ServerFrame::Profile(1, Profile { organization, account, rate_limit, networks, scopes }))
            .await;
    }

    /// Shows these keys, and that they are all.
    pub(crate) async fn load(&mut self, position: u64, keys: &[u128]) {
        if !keys.is_empty() {
            self.tell_owners().await;
            self.say(ServerFrame::Rows(keys.iter().map(|number| row(*number)).collect())).await;
        }
        self.say(ServerFrame::Loaded(Position(position))).await;
        assert_eq!(self.acknowledged().await, Some(Position(position)));
    }

    /// What is acknowledged next; `None` if the verifier hangs up before.
    pub(crate) async fn acknowledged(&mut self) -> Option<Position> {
        loop {
            match self.hear().await? {
                VerifierFrame::Acknowledge(position) => return Some(position),
                VerifierFrame::Renew(_) | VerifierFrame::Lookup(_) | VerifierFrame::Uses(_) => {}
                VerifierFrame::Hello(_) | VerifierFrame::Goodbye => panic!("not now"),
            }
        }
    }

    /// Grants the lease that was asked for last, or is next.
    pub(crate) async fn grant(&mut self, requires: u64, length: Duration) {
        let renewal = loop {
            if let Some(renewal) = self.renewal.take() {
                break renewal;
            }
            self.hear().await.expect("it hung up");
        };
        let (incarnation, requires) = (self.hello.incarnation, Position(requires));
        let grant = Grant { term: TERM, incarnation, renewal, requires, length };
        self.say(ServerFrame::Grant(Granted { grant, unix_millis: self.unix_millis })).await;
    }

    /// Waits for a ping, and answers it.
    pub(crate) async fn ping(&mut self) {
        loop {
            match self.socket.next().await.expect("it hung up").unwrap() {
                Message::Ping(_) => return self.socket.flush().await.unwrap(),
                Message::Binary(_) | Message::Text(_) | Message::Pong(_) | Message::Close(_) => {}
                Message::Frame(_) => panic!("never read"),
            }
        }
    }
}

async fn heard(socket: &mut WebSocketStream<TcpStream>) -> Option<VerifierFrame> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => return Some(VerifierFrame::decode(&bytes).unwrap()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Text(_) | Message::Frame(_) | Message::Close(_)) | Err(_)) | None => {
                return None;
            }
        }
    }
}
