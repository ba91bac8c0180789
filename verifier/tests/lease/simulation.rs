//! This file is about drawn histories: servers and verifiers for a while, with messages that are late, lost or out of order,
//! partitions, processes that are stopped in the middle of a verify, crashes, take-overs after which everybody comes back at
//! once, and clocks that are off by almost one percent. Time is in milliseconds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use keyward_verifier::lease::{Incarnation, Limits};

use crate::history::{Event, violation};
use crate::world::{Broken, Message, Rules, World};

const VERIFIERS: usize = 3;
const LEASE: u64 = 3000;
/// With 1 % for drift.
const WAITS: u64 = 3030;
/// How often the server looks whether a lease has run out.
const LOOKS: u64 = 20;
const LENGTH: u64 = 10_000;
/// A table of the world names so many.
const REMOVALS: u64 = 120;
/// How many histories one run draws.
const HISTORIES: u64 = 2000;

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % sides
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.roll(times) == 0
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Deliver(Message),
    /// A verifier's timer: it renews, or joins anew.
    Timer(usize),
    /// A verify begins: the lease is looked at.
    Begin(usize),
    /// The verify goes on: the key is looked up.
    LookUp {
        verifier: usize,
        run: Incarnation,
        verify: usize,
        key: u64,
    },
    Remove,
    Mishap,
    /// The server looks whether a lease has run out.
    Look,
}

/// One verifier's machine.
#[derive(Clone, Copy, Default)]
struct Machine {
    boot_offset: u64,
    /// Its clock's pace in millionths.
    pace: u64,
    /// Messages to and from it are lost until then.
    cut_until: u64,
    /// The process stands still until then.
    stopped_until: u64,
}

struct Simulation {
    dice: Dice,
    world: World,
    machines: Vec<Machine>,
    queue: BinaryHeap<Reverse<(u64, u64, Step)>>,
    steps: u64,
    verifies: usize,
    history: Vec<Event>,
    committed_at: Vec<u64>,
    took_over_at: u64,
    longest_wait: u64,
    accepted: usize,
}

impl Simulation {
    fn new(seed: u64, broken: Broken) -> Self {
        let drift_per_mille = if broken == Broken::IgnoresDrift { 0 } else { 10 };
        let limits = Limits { lease: Duration::from_nanos(LEASE), drift_per_mille, members: 1000 };
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let one_name = dice.once_in(10);
        let world = World::new(Rules { broken, limits, one_name }, VERIFIERS);
        let machine = |dice: &mut Dice| Machine {
            boot_offset: dice.roll(1_000_000),
            pace: 990_200 + dice.roll(19_800),
            ..Machine::default()
        };
        let machines = (0..VERIFIERS).map(|_| machine(&mut dice)).collect();
        let mut simulation = Self {
            dice,
            world,
            machines,
            queue: BinaryHeap::new(),
            steps: 0,
            verifies: 0,
            history: Vec::new(),
            committed_at: vec![0, 0],
            took_over_at: 0,
            longest_wait: 0,
            accepted: 0,
        };
        for verifier in 0..VERIFIERS {
            simulation.after(verifier as u64, Step::Timer(verifier));
            simulation.after(10, Step::Begin(verifier));
        }
        simulation.after(500, Step::Remove);
        simulation.after(1500, Step::Mishap);
        simulation.after(0, Step::Look);
        simulation
    }

    fn run(&mut self) {
        while let Some(Reverse((time, _, step))) = self.queue.pop()
            && time < LENGTH
        {
            self.pass_time(time);
            self.perform(step);
            self.answer();
        }
    }

    fn after(&mut self, delay: u64, step: Step) {
        self.steps += 1;
        self.queue.push(Reverse((self.world.now + delay, self.steps, step)));
    }

    fn pass_time(&mut self, time: u64) {
        self.world.now = time;
        for (verifier, machine) in self.world.verifiers.iter_mut().zip(&self.machines) {
            verifier.clock = machine.boot_offset + time * machine.pace / 1_000_000;
        }
    }

    fn answer(&mut self) {
        let before = self.world.answered;
        self.world.answer();
        for key in before + 1..=self.world.answered {
            self.history.push(Event::Answered { key });
            let since = self.committed_at[key as usize].max(self.took_over_at);
            self.longest_wait = self.longest_wait.max(self.world.now - since);
        }
    }

    fn perform(&mut self, step: Step) {
        if let Some(verifier) = whose(&step)
            && self.machines[verifier].stopped_until > self.world.now
        {
            let rest = self.machines[verifier].stopped_until - self.world.now;
            return self.after(rest, step);
        }
        match step {
            Step::Deliver(message) => {
                let sent = self.world.deliver(&message);
                self.send(sent);
            }
            Step::Timer(verifier) => self.wake(verifier),
            Step::Begin(verifier) => self.begin(verifier),
            Step::LookUp { verifier, run, verify, key } => {
                let one = &self.world.verifiers[verifier];
                // A crash ends the verifies that it meets.
                if one.holder.incarnation() == run && one.table & (1 << (key - 1)) == 0 {
                    self.history.push(Event::Accepted { verify, key });
                    self.accepted += 1;
                }
            }
            Step::Look => self.after(LOOKS, Step::Look),
            Step::Remove => {
                if self.world.log < REMOVALS {
                    let sent = self.world.commit();
                    self.committed_at.push(self.world.now);
                    self.send(sent);
                }
                let pause = if self.dice.once_in(3) { 3 } else { 600 };
                let pause = 1 + self.dice.roll(pause);
                self.after(pause, Step::Remove);
            }
            Step::Mishap => {
                self.mishap();
                let pause = 1 + self.dice.roll(1500);
                self.after(pause, Step::Mishap);
            }
        }
    }

    fn wake(&mut self, verifier: usize) {
        let one = &self.world.verifiers[verifier];
        let lost = one.server.is_none() || !self.world.accepts(verifier) && self.dice.once_in(2);
        let cut = self.machines[verifier].cut_until > self.world.now;
        if lost && !cut {
            let sent = self.world.join(verifier);
            self.send(sent);
        }
        let sent = self.world.renew(verifier);
        self.send(sent);
        // A change that was overtaken by a later one never comes again: what is held may be told again.
        let sent = self.world.acknowledge(verifier);
        self.send(sent);
        self.after(LEASE / 3, Step::Timer(verifier));
    }

    fn begin(&mut self, verifier: usize) {
        self.verifies += 1;
        let verify = self.verifies;
        self.history.push(Event::Began { verify });
        if self.world.accepts(verifier) {
            // A key that is being removed about now.
            let key = self.world.log + 1 - self.dice.roll(3).min(self.world.log - 1);
            // A thread that is not run for a while, now and then.
            let pause = if self.dice.once_in(10) { self.dice.roll(200) } else { 0 };
            let run = self.world.verifiers[verifier].holder.incarnation();
            self.after(pause, Step::LookUp { verifier, run, verify, key });
        }
        let pause = 1 + self.dice.roll(60);
        self.after(pause, Step::Begin(verifier));
    }

    fn mishap(&mut self) {
        let verifier = self.dice.roll(VERIFIERS as u64) as usize;
        let duration = 100 + self.dice.roll(6000);
        let until = self.world.now + duration;
        match self.dice.roll(6) {
            0 | 1 => self.machines[verifier].cut_until = until,
            2 => self.machines[verifier].stopped_until = until,
            3 => self.world.crash(verifier),
            4 => {
                let sent = self.world.dismiss(verifier);
                self.send(sent);
            }
            _ => {
                self.world.take_over();
                self.took_over_at = self.world.now;
                // Some notice at once, some when their lease has run out, and some are still heard by the old one.
                for verifier in 0..VERIFIERS {
                    if self.dice.once_in(2) {
                        let sent = self.world.join(verifier);
                        self.send(sent);
                    }
                }
            }
        }
    }

    fn send(&mut self, messages: Vec<Message>) {
        for message in messages {
            let machine = &self.machines[verifier_of(&message)];
            let is_lost = self.dice.once_in(50) || machine.cut_until > self.world.now && self.dice.once_in(2);
            let delay = match self.dice.roll(20) {
                0 => self.dice.roll(5000),
                1..4 => self.dice.roll(400),
                _ => 1 + self.dice.roll(5),
            };
            if self.dice.once_in(20) {
                let again = delay + self.dice.roll(2000);
                self.after(again, Step::Deliver(message.clone()));
            }
            if !is_lost {
                self.after(delay, Step::Deliver(message));
            }
        }
    }
}

/// Who stands still when this does not happen.
fn whose(step: &Step) -> Option<usize> {
    match step {
        Step::Timer(verifier) | Step::Begin(verifier) | Step::LookUp { verifier, .. } => Some(*verifier),
        Step::Deliver(
            Message::Changes { verifier, .. }
            | Message::Grant { verifier, .. }
            | Message::Refuse { verifier, .. },
        ) => Some(*verifier),
        Step::Deliver(Message::Renew { .. } | Message::Acknowledge { .. } | Message::Goodbye { .. })
        | Step::Remove
        | Step::Mishap
        | Step::Look => None,
    }
}

fn verifier_of(message: &Message) -> usize {
    match message {
        Message::Changes { verifier, .. }
        | Message::Renew { verifier, .. }
        | Message::Acknowledge { verifier, .. }
        | Message::Grant { verifier, .. }
        | Message::Refuse { verifier, .. }
        | Message::Goodbye { verifier, .. } => *verifier,
    }
}

/// `LEASE_SEED` names where to begin, to see a history again.
fn first_seed() -> u64 {
    std::env::var("LEASE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

#[test]
fn no_history_accepts_after_the_answer() {
    let (mut verifies, mut accepted, mut removals, mut longest) = (0, 0, 0, 0);
    for seed in first_seed()..first_seed() + HISTORIES {
        let mut simulation = Simulation::new(seed, Broken::Nothing);
        simulation.run();
        assert_eq!(violation(&simulation.history), None, "LEASE_SEED={seed}");
        // Nothing waits longer than for one lease, counted from the latest take-over.
        assert!(simulation.longest_wait <= WAITS + LOOKS, "LEASE_SEED={seed}: {}", simulation.longest_wait);
        verifies += simulation.verifies;
        accepted += simulation.accepted;
        removals += simulation.world.answered;
        longest = longest.max(simulation.longest_wait);
    }
    println!(
        "{HISTORIES} histories from seed {}: {removals} removals answered, the slowest after {longest} ms; \
         {verifies} verifies, {accepted} accepted a key",
        first_seed()
    );
    assert!(accepted > verifies / 10 && removals > HISTORIES * 5, "too little happened");
}

/// How many histories show a broken rule.
fn histories_that_show(broken: Broken) -> u64 {
    let shows = |seed: &u64| {
        let mut simulation = Simulation::new(*seed, broken);
        simulation.run();
        violation(&simulation.history).is_some()
    };
    (1..=HISTORIES).find(shows).unwrap_or(0)
}

#[test]
fn every_broken_rule_shows_in_some_history() {
    for broken in [
        Broken::CountsFromReceipt,
        Broken::GrantsWithoutCatchUp,
        Broken::ForgetsUnknownLeases,
        Broken::DeposedGrants,
        Broken::GrantsToAnyIncarnation,
        Broken::IgnoresDrift,
        Broken::TakesGaps,
        Broken::ForgetsWhomItDismisses,
        Broken::GoesOnAfterGoodbye,
        Broken::ComesBackAsTheSame,
    ] {
        let first = histories_that_show(broken);
        println!("{broken:?} shows in history {first}");
        assert!(first > 0, "{broken:?} shows nowhere");
    }
}
