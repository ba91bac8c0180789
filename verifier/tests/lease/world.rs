//! This file is about a small world of servers, verifiers and messages around the shipped state machines. Keys are
//! numbered by the positions of their removals; a verifier's table is the set of removals that it knows.

use std::time::Duration;

use keyward_verifier::lease::{
    Checkpoint, Fence, Grant, Holder, Incarnation, Join, Limits, Mode, Moment, Position, Progress, Term,
    Welcome,
};

pub(crate) const ORGANIZATION: u128 = 7;

/// Which rule is broken, to see that it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Broken {
    Nothing,
    /// A lease counts from when the grant was received.
    CountsFromReceipt,
    /// A grant counts although changes are missing.
    GrantsWithoutCatchUp,
    /// A server that takes over does not wait for leases that it does not know.
    ForgetsUnknownLeases,
    /// A server that was deposed goes on granting.
    DeposedGrants,
    /// A grant counts for whichever run receives it.
    GrantsToAnyIncarnation,
    /// The server waits for as long as the lease lasts, on its own clock.
    IgnoresDrift,
    /// A verifier takes changes that do not follow on what it has.
    TakesGaps,
    /// A server does not wait for a verifier that it has told to stop.
    ForgetsWhomItDismisses,
    /// A verifier that was told to stop says that it did, and goes on.
    GoesOnAfterGoodbye,
    /// A verifier that has said goodbye comes back as the same run.
    ComesBackAsTheSame,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    pub(crate) broken: Broken,
    pub(crate) limits: Limits,
    /// True: every verifier has the same name.
    pub(crate) one_name: bool,
}

/// What is on its way. It may arrive late, out of order, twice or never, and at a later run than it was meant for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Message {
    Changes { verifier: usize, after: u64, to: u64 },
    Renew { verifier: usize, server: usize, incarnation: Incarnation, renewal: u64 },
    Acknowledge { verifier: usize, server: usize, incarnation: Incarnation, position: u64 },
    Grant { verifier: usize, grant: GrantBytes },
    Refuse { verifier: usize, server: usize, incarnation: Incarnation },
    Goodbye { verifier: usize, server: usize, incarnation: Incarnation },
}

/// A grant, in an order of its fields that can be sorted.
pub(crate) type GrantBytes = (u64, u128, u64, u64, Duration);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Verifier {
    pub(crate) holder: Holder,
    pub(crate) clock: u64,
    /// The removals that its table reflects, by position.
    pub(crate) table: u128,
    /// Which server it is connected to.
    pub(crate) server: Option<usize>,
    /// When it sent which renewal; kept only to break a rule with.
    sent: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) rules: Rules,
    /// By term; all but the last are deposed.
    pub(crate) servers: Vec<Fence>,
    /// The servers' clock.
    pub(crate) now: u64,
    /// The length of the log.
    pub(crate) log: u64,
    /// Up to where removals have been answered.
    pub(crate) answered: u64,
    pub(crate) verifiers: Vec<Verifier>,
    runs: u128,
}

/// The removals up to a position.
pub(crate) fn up_to(position: u64) -> u128 {
    (1 << position) - 1
}

fn after_until(after: u64, to: u64) -> u128 {
    up_to(to) & !up_to(after)
}

impl World {
    pub(crate) fn new(rules: Rules, verifiers: usize) -> Self {
        let limits = rules.limits;
        let fence = Fence::new(limits, Term(1), Position(1), Moment::from_nanos(0), Duration::from_nanos(0));
        let verifier = |run: usize| Verifier {
            holder: Holder::new(Incarnation(run as u128), None),
            clock: 0,
            table: 0,
            server: None,
            sent: Vec::new(),
        };
        Self {
            rules,
            servers: vec![fence],
            now: 0,
            log: 1,
            answered: 1,
            verifiers: (0..verifiers).map(verifier).collect(),
            runs: verifiers as u128,
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment::from_nanos(self.now)
    }

    fn current(&self) -> usize {
        self.servers.len() - 1
    }

    /// A removal becomes durable, and is pushed to everybody who is connected.
    pub(crate) fn commit(&mut self) -> Vec<Message> {
        self.log += 1;
        let (server, to) = (self.current(), self.log);
        self.servers[server].committed(Position(to));
        let connected = (0..self.verifiers.len()).filter(|v| self.verifiers[*v].server == Some(server));
        connected.map(|verifier| Message::Changes { verifier, after: to - 1, to }).collect()
    }

    /// Answers every removal that the server calls enforced.
    pub(crate) fn answer(&mut self) {
        let (server, now) = (self.current(), self.moment());
        while self.answered < self.log {
            let next = self.answered + 1;
            match self.servers[server].enforced(ORGANIZATION, Position(next), now, now) {
                Progress::Done(_) => self.answered = next,
                Progress::Waiting { at_latest } => {
                    assert!(at_latest > now, "it waits for what is over");
                    return;
                }
                Progress::Deposed => return,
            }
        }
    }

    /// Another server takes over, or the same one was started again.
    pub(crate) fn take_over(&mut self) {
        let rules = self.rules;
        let old = self.current();
        if rules.broken != Broken::DeposedGrants {
            self.servers[old].depose();
        }
        let forgets = rules.broken == Broken::ForgetsUnknownLeases;
        let longest = if forgets { Duration::from_nanos(0) } else { rules.limits.lease };
        let term = Term(old as u64 + 2);
        self.servers.push(Fence::new(rules.limits, term, Position(self.log), self.moment(), longest));
    }

    /// A verifier connects to the server of now: hello, welcome, snapshot and its
    /// acknowledgement at once.
    pub(crate) fn join(&mut self, verifier: usize) -> Vec<Message> {
        let (server, now, log) = (self.current(), self.moment(), self.log);
        let name = if self.rules.one_name { 0 } else { verifier };
        let one = &mut self.verifiers[verifier];
        one.holder.disconnected();
        if let Some(server) = one.server.take() {
            self.servers[server].disconnected(one.holder.incarnation());
        }
        let position = one.holder.position();
        let join = Join {
            incarnation: one.holder.incarnation(),
            name: name.to_string(),
            organization: Some(ORGANIZATION),
            mode: Mode::Full,
            serve_stale: false,
            seen: one.holder.anchor().map_or(position, |anchor| anchor.position.max(position)),
        };
        if self.servers[server].join(&join, now).is_err() {
            return Vec::new();
        }
        let resumes = position > Position(0);
        let welcome = Welcome {
            term: self.servers[server].term(),
            position: if resumes { position } else { Position(log) },
            resumes,
            shown: Checkpoint { position: Position(log), root: [0; 32] },
        };
        if one.holder.welcomed(&welcome).is_err() {
            return Vec::new();
        }
        one.server = Some(server);
        let mut sent = Vec::new();
        if !resumes {
            one.table = up_to(log);
            one.holder.loaded(Position(log)).unwrap();
        } else if position < Position(log) {
            sent.push(Message::Changes { verifier, after: position.0, to: log });
        }
        let applied = one.holder.acknowledges().unwrap();
        // No renewal is open, so there is nothing to grant.
        assert_eq!(self.servers[server].acknowledged(join.incarnation, applied, now), Ok(None));
        sent
    }

    /// A verifier's process ends and is started again: memory is lost.
    pub(crate) fn crash(&mut self, verifier: usize) {
        let incarnation = Incarnation(self.runs);
        self.runs += 1;
        let one = &mut self.verifiers[verifier];
        if let Some(server) = one.server.take() {
            self.servers[server].disconnected(one.holder.incarnation());
        }
        one.holder = Holder::new(incarnation, None);
        (one.table, one.sent) = (0, Vec::new());
    }

    /// The server of now tells a verifier that is connected to it that it may be one no more.
    pub(crate) fn dismiss(&mut self, verifier: usize) -> Vec<Message> {
        let (server, incarnation) = (self.current(), self.verifiers[verifier].holder.incarnation());
        if self.verifiers[verifier].server != Some(server) {
            return Vec::new();
        }
        if self.rules.broken == Broken::ForgetsWhomItDismisses {
            self.servers[server].leave(incarnation);
        }
        vec![Message::Refuse { verifier, server, incarnation }]
    }

    /// A verifier is told so: it accepts nothing any more, and says that. It may try again, which a server allows that knows
    /// better by then.
    fn dismissed(&mut self, verifier: usize, server: usize, incarnation: Incarnation) -> Vec<Message> {
        let next = Incarnation(self.runs);
        let one = &mut self.verifiers[verifier];
        if one.server != Some(server) || one.holder.incarnation() != incarnation {
            return Vec::new();
        }
        match self.rules.broken {
            Broken::GoesOnAfterGoodbye => {}
            Broken::ComesBackAsTheSame => {
                one.holder.lapse();
                one.holder.disconnected();
                one.server = None;
                self.servers[server].disconnected(incarnation);
            }
            Broken::Nothing
            | Broken::CountsFromReceipt
            | Broken::GrantsWithoutCatchUp
            | Broken::ForgetsUnknownLeases
            | Broken::DeposedGrants
            | Broken::GrantsToAnyIncarnation
            | Broken::IgnoresDrift
            | Broken::TakesGaps
            | Broken::ForgetsWhomItDismisses => {
                one.holder.resign(next);
                (one.table, one.server) = (0, None);
                one.sent.clear();
                self.runs += 1;
                self.servers[server].disconnected(incarnation);
            }
        }
        vec![Message::Goodbye { verifier, server, incarnation }]
    }

    /// A verifier asks for a lease.
    pub(crate) fn renew(&mut self, verifier: usize) -> Vec<Message> {
        let one = &mut self.verifiers[verifier];
        let Some(server) = one.server else { return Vec::new() };
        let Some(renewal) = one.holder.renew(Moment::from_nanos(one.clock)) else { return Vec::new() };
        if self.rules.broken == Broken::CountsFromReceipt {
            one.sent.push(one.clock);
        }
        vec![Message::Renew { verifier, server, incarnation: one.holder.incarnation(), renewal }]
    }

    /// A verifier says how far it is.
    pub(crate) fn acknowledge(&self, verifier: usize) -> Vec<Message> {
        let one = &self.verifiers[verifier];
        let (Some(server), Some(Position(position))) = (one.server, one.holder.acknowledges()) else {
            return Vec::new();
        };
        vec![Message::Acknowledge { verifier, server, incarnation: one.holder.incarnation(), position }]
    }

    /// A message arrives.
    pub(crate) fn deliver(&mut self, message: &Message) -> Vec<Message> {
        let now = self.moment();
        match *message {
            Message::Changes { verifier, after, to } => {
                self.change(verifier, after, to);
                self.acknowledge(verifier)
            }
            Message::Renew { verifier, server, incarnation, renewal } => {
                let granted = self.servers[server].renew(incarnation, renewal, now);
                granted.ok().flatten().map(|grant| Self::grant(verifier, &grant)).into_iter().collect()
            }
            Message::Acknowledge { verifier, server, incarnation, position } => {
                let granted = self.servers[server].acknowledged(incarnation, Position(position), now);
                granted.ok().flatten().map(|grant| Self::grant(verifier, &grant)).into_iter().collect()
            }
            Message::Grant { verifier, grant } => {
                self.granted(verifier, grant);
                Vec::new()
            }
            Message::Refuse { verifier, server, incarnation } => {
                self.dismissed(verifier, server, incarnation)
            }
            Message::Goodbye { server, incarnation, .. } => {
                self.servers[server].leave(incarnation);
                Vec::new()
            }
        }
    }

    fn grant(verifier: usize, grant: &Grant) -> Message {
        let grant = (grant.term.0, grant.incarnation.0, grant.renewal, grant.requires.0, grant.length);
        Message::Grant { verifier, grant }
    }

    fn change(&mut self, verifier: usize, after: u64, to: u64) {
        let broken = self.rules.broken;
        let one = &mut self.verifiers[verifier];
        let holds = one.holder.position();
        let takes = broken == Broken::TakesGaps && Position(to) > holds;
        let claimed = if takes { holds } else { Position(after) };
        if one.holder.expects(claimed) {
            one.table |= after_until(after, to);
            one.holder.applied(claimed, Position(to)).unwrap();
        }
    }

    fn granted(&mut self, verifier: usize, (term, incarnation, renewal, requires, length): GrantBytes) {
        let broken = self.rules.broken;
        let one = &mut self.verifiers[verifier];
        let mut grant = Grant {
            term: Term(term),
            incarnation: Incarnation(incarnation),
            renewal,
            requires: Position(requires),
            length,
        };
        match broken {
            Broken::CountsFromReceipt => {
                let sent_at = one.sent.get(renewal as usize - 1).copied().unwrap_or(one.clock);
                grant.length += Duration::from_nanos(one.clock - sent_at);
            }
            Broken::GrantsWithoutCatchUp => grant.requires = Position(0),
            Broken::GrantsToAnyIncarnation => grant.incarnation = one.holder.incarnation(),
            Broken::Nothing
            | Broken::ForgetsUnknownLeases
            | Broken::DeposedGrants
            | Broken::IgnoresDrift
            | Broken::TakesGaps
            | Broken::ForgetsWhomItDismisses
            | Broken::GoesOnAfterGoodbye
            | Broken::ComesBackAsTheSame => {}
        }
        // Whatever is wrong with it, the lease is what it was.
        let _ = one.holder.granted(&grant);
    }

    /// Would a verify that begins now at this verifier accept a key whose removal was answered?
    pub(crate) fn accepts_removed(&self, verifier: usize) -> bool {
        let one = &self.verifiers[verifier];
        self.accepts(verifier) && up_to(self.answered) & !one.table != 0
    }

    /// Would one accept anything?
    pub(crate) fn accepts(&self, verifier: usize) -> bool {
        let one = &self.verifiers[verifier];
        one.holder.may_accept(Moment::from_nanos(one.clock))
    }
}
