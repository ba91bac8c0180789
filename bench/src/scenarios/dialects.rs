//! This file is about (f): what it costs to be spoken to in another system's words. The same work, natively and in every
//! dialect, on one server.

mod here;
mod languages;
mod translation;

use std::cell::RefCell;
use std::time::Duration;

use anyhow::Result;

use self::languages::{Asked, Callers, Language, NATIVE};
use crate::keyward::{Keyward, expect_status};
use crate::load::http;
use crate::measure::Board;
use crate::report::table::Table;
use crate::report::{Bound, Section, Target, figures};
use crate::scenarios::{Bench, progress};

/// Connections that ask.
const CONNECTIONS: usize = 64;
/// Keys of each owner whose keys are looked up.
const OWNED: usize = 10;

/// Measures.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut boards: [Board; 3] = Default::default();
    if let Some(program) = &bench.keyward {
        let folder = bench.folder("dialects")?;
        let keyward = Keyward::start(program, &folder.join("data"), None, &folder)?;
        let languages = Callers::sign_in(&keyward)?.languages();
        measure(bench, &keyward, &languages, &mut boards)?;
    }
    let own = translation::measure()?;
    let [look_ups, issues, removals] = &boards;
    let native = |_: &str| NATIVE.to_owned();
    let works = PROMISES.into_iter().zip(boards.iter().zip(&own));
    let works: Vec<_> = works.map(|(promise, (calls, own))| Own { promise, calls, own }).collect();
    Ok(Section {
        title: "(f) The same work in other systems' words",
        method: method(bench),
        tables: vec![
            figures::costs("Looking up an owner's keys", look_ups, NATIVE, native),
            figures::costs("Issuing", issues, NATIVE, native),
            figures::costs("Removing", removals, NATIVE, native),
            table(&works),
        ],
        targets: works.iter().map(Own::target).collect(),
        missing: bench.missing_keyward(),
    })
}

fn method(bench: &Bench) -> Vec<String> {
    vec![
        format!(
            "One server, {CONNECTIONS} keep-alive connections of one thread; {} rounds, in each of which all languages take \
             turns, beginning with another one each time; each run ends after {} s or with its last request, and the next one \
             begins when the server is calm again. Looking up is listing the keys of an owner who has {OWNED} (cielo24: asking \
             for the account's key again; IntServ has no such call), before anything else is made. Then every language makes \
             {} keys and removes them. The processor time is that of the whole server, with what its store tidies up, over \
             all rounds together. It holds the work that the contracts ask for besides: IntServ's issue makes a person, too; \
             cielo24's keys can be shown again, so that a secret more is sealed; Resolver names users and keys by numbers, \
             which are looked up first; discue says of each key when it was last used, which is read.",
            rounds(bench),
            bench.plan.seconds,
            figures::whole(bench.plan.dialect_keys as f64),
        ),
        format!(
            "What a language takes by itself is measured apart from that, in the bench's own process: {} rounds of {} calls on a \
             store in memory, driven as the server drives them, with the time that the core takes left out; what remains is \
             finding out which language it is, reading the request and writing the answer. The same work in another language is \
             the native call with that language's part in the place of our own.",
            translation::ROUNDS,
            translation::CALLS,
        ),
    ]
}

/// In the order of the boards.
const PROMISES: [&str; 3] = [
    "looking up in another language, the same work, processor time, of the native call's",
    "issuing in another language, the same work, processor time, of the native call's",
    "removing in another language, the same work, processor time, of the native call's",
];

/// One sort of work: its calls to a server, and the languages by themselves.
struct Own<'a> {
    promise: &'static str,
    calls: &'a Board,
    own: &'a Board,
}

impl Own<'_> {
    /// Who can do it.
    fn languages(&self) -> impl Iterator<Item = &str> {
        self.own.series().iter().map(|series| series.name.as_str())
    }

    /// How long a language takes by itself for a call, the median over the rounds.
    fn seconds(&self, language: &str) -> f64 {
        self.own.of(language).map_or(f64::NAN, |series| series.median(|reading| reading.rate().recip()))
    }

    /// The processor time of a native call with a language's part in the place of ours, of that of the native call.
    fn ratio(&self, language: &str) -> Option<f64> {
        let native = self.calls.of(NATIVE)?.cpu_seconds_each();
        Some(1.0 + (self.seconds(language) - self.seconds(NATIVE)) / native)
    }

    /// The language that adds most.
    fn target(&self) -> Target {
        let ratios = self.languages().filter_map(|language| self.ratio(language));
        Target {
            promise: self.promise,
            measured: ratios.reduce(f64::max),
            bound: Bound::AtMost(1.1),
            unit: "",
        }
    }
}

fn table(works: &[Own<'_>]) -> Table {
    let columns = ["", "looking up", "of native", "issuing", "of native", "removing", "of native"];
    let mut table = Table::new("What a language takes by itself, and the native call with that", &columns);
    let languages = works.iter().map(|own| own.languages().collect::<Vec<_>>()).max_by_key(Vec::len);
    for language in languages.unwrap_or_default() {
        let cells = works
            .iter()
            .flat_map(|own| [figures::duration(own.seconds(language)), figures::ratio(own.ratio(language))]);
        table.row([language.to_owned()].into_iter().chain(cells));
    }
    table
}

fn measure(
    bench: &Bench,
    keyward: &Keyward,
    languages: &[Language],
    [look_ups, issues, removals]: &mut [Board; 3],
) -> Result<()> {
    let limit = Duration::from_secs(bench.plan.seconds);
    let ask = |requests: &[Vec<u8>], hear: &dyn Fn(&http::Answer<'_>) -> Result<()>| {
        let load = || http::run(keyward.http, CONNECTIONS, requests, limit, |_, answer| hear(answer));
        keyward.process.under(load)
    };
    let number = RefCell::new(0);
    let issue = |language: &Language, count: usize| {
        let first = number.replace_with(|number| *number + count);
        let requests: Vec<_> =
            (first..first + count).map(|number| bytes(language, &(language.issue)(number))).collect();
        let ids = RefCell::new(Vec::with_capacity(count));
        let reading = ask(&requests, &|answer| {
            ok(answer)?;
            ids.borrow_mut().push((language.id)(&serde_json::from_slice(answer.body)?));
            Ok(())
        })?;
        anyhow::Ok((reading, ids.into_inner()))
    };
    for language in languages {
        issue(language, OWNED)?;
    }
    for round in 1..=rounds(bench) {
        progress(&format!("(f) looking up, round {round}"));
        for language in in_turn(languages, round) {
            let Some(look_up) = &language.look_up else { continue };
            let requests = vec![bytes(language, look_up); bench.plan.dialect_keys];
            look_ups.record(language.name, ask(&requests, &ok)?);
        }
    }
    for round in 1..=rounds(bench) {
        progress(&format!("(f) issuing and removing, round {round}"));
        for language in in_turn(languages, round) {
            let (reading, ids) = issue(language, bench.plan.dialect_keys)?;
            issues.record(language.name, reading);
            rustix::fs::sync();
            let requests: Vec<_> = ids.iter().map(|id| bytes(language, &(language.remove)(id))).collect();
            removals.record(language.name, ask(&requests, &ok)?);
        }
    }
    Ok(())
}

/// More than elsewhere: a store tidies up in lumps, which have to even out.
const fn rounds(bench: &Bench) -> usize {
    bench.plan.rounds * 3
}

/// All, beginning with another one each round.
fn in_turn<T>(all: &[T], round: usize) -> impl Iterator<Item = &T> {
    all.iter().cycle().skip(round % all.len()).take(all.len())
}

fn ok(answer: &http::Answer<'_>) -> Result<()> {
    match answer.status {
        200 | 201 | 204 => Ok(()),
        _ => expect_status(answer, 200),
    }
}

fn bytes(language: &Language, (method, path, body): &Asked) -> Vec<u8> {
    http::request_with(method, path, &language.credential, body)
}
