//! This file is about how long it takes to wrap every slot under a new root.
//!
//! `cargo run --release -p keyward-store --example rewrap -- FOLDER [SLOTS]`: fills a new store in `FOLDER` with `SLOTS`
//! keys (default 1,000,000), then wraps all their slots anew, three times. `docs/storage.md` has the figures.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]
#![expect(clippy::disallowed_methods, reason = "it measures time, and draws nonces as the server does")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::rand::fill;
use keyward_core::event::{Details, Event, Happened, Subject};
use keyward_core::id::{Id, OrganizationId};
use keyward_core::seal::{Root, SealError, SlotSecret};
use keyward_core::store::{Change, Record, RecordKind, Rewrap, SlotChange, Store};
use keyward_core::time::Timestamp;
use keyward_log::{KeyName, Opening, Signer};
use keyward_store::{Embedded, Options};
use tokio::task::JoinSet;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// How many commits are under way at once.
const UNDER_WAY: u64 = 2048;

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("name a folder")?;
    let slots: u64 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    runtime.block_on(async {
        let signer = Signer::new(KeyName::new("measure.test/log")?, &[7; 32].into())?;
        let store = Arc::new(Embedded::create(Path::new(&folder), signer, Options::default())?);
        issue(&store, slots).await?;
        for epoch in 2..5 {
            let [old, new] = [root(epoch - 1)?, root(epoch)?];
            let rewrap: Rewrap = Arc::new(move |id, slot| {
                let secret = old.unwrap(slot, id)?;
                new.wrap(&secret, id, nonce())
            });
            let began = Instant::now();
            let replaced = store.rewrap(epoch, rewrap).await?;
            let seconds = began.elapsed().as_secs_f64();
            println!("{replaced} slots wrapped anew in {seconds:.2} s");
        }
        Ok(())
    })
}

fn root(epoch: u32) -> Result<Root, SealError> {
    Root::new(epoch, &[epoch.to_le_bytes()[0]; 32])
}

fn nonce() -> [u8; 12] {
    let mut nonce = [0; 12];
    let _ = fill(&mut nonce);
    nonce
}

async fn issue(store: &Arc<Embedded>, slots: u64) -> Outcome {
    let mut tasks = JoinSet::new();
    for lane in 0..UNDER_WAY.min(slots) {
        let (store, root) = (Arc::clone(store), root(1)?);
        tasks.spawn(async move {
            for number in (lane..slots).step_by(usize::try_from(UNDER_WAY)?) {
                store.commit(creation(number, &root)?).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

fn creation(number: u64, root: &Root) -> Result<Change, SealError> {
    let mut random = [0; 10];
    random.iter_mut().skip(2).zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    let at = Timestamp::from_millis(1_700_000_000_000);
    let id = Id::new(at, random);
    let body = vec![7; 120];
    Ok(Change {
        record: Record { id, kind: RecordKind::Key, version: 1, body, names: Vec::new(), lists: Vec::new() },
        slot: SlotChange::Fill(root.wrap(&SlotSecret::new([9; 32]), id, nonce())?),
        event: Event {
            at,
            subject: Subject::Key,
            happened: Happened::Created,
            version: 1,
            opening: Opening { salt: [1; 16], id: id.bytes() },
            details: Details {
                organization: OrganizationId::from(id),
                actor: None,
                acting_as: None,
                request: 1,
            },
        },
        replay: None,
        apply: Box::new(|_| {}),
    })
}
