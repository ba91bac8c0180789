//! This file is about removing many keys.

use keyward_core::command::{Answer, Command, Named};
use keyward_core::event::Reason;
use keyward_core::filter::{Filter as CoreFilter, StateFilter};
use keyward_core::permit::Verb;
use keyward_core::removal::Selection;
use keyward_core::secret::{Handle, Label};

use super::{Play, agree};
use crate::reference::{Filter, How, Job, Life, No, Pending, Reach, Seat};
use crate::steps::{Confirm, Many};

/// What a selection comes to.
struct Selected {
    keys: Vec<usize>,
    left: usize,
    seat: Seat,
}

impl Play {
    pub(super) fn remove_many(&mut self, by: u8, many: &Many, confirm: Confirm) {
        let reason = Reason::Compromised;
        let want = self.select(by, many);
        let planned = self.ask(
            by,
            Verb::Remove,
            Command::PlanRemoval { selection: Box::new(self.selection(many)), reason },
        );
        let want = want.map(|selected| (selected.keys.len() as u64, selected));
        let Some((Answer::Plan(plan), (total, selected))) = agree("plan", planned, want) else { return };
        assert_eq!((plan.total, plan.protected), (total, selected.left as u64), "{many:?}");
        let plan_hash = match confirm {
            Confirm::Plan => Some(plan.hash),
            Confirm::Nothing => None,
            Confirm::SomethingElse => Some([1; 32]),
        };
        let want = match confirm {
            Confirm::Nothing if total > 1 => Err("Invalid plan_hash"),
            Confirm::SomethingElse => Err("PlanChanged"),
            Confirm::Plan | Confirm::Nothing => Ok(selected),
        };
        let selection = Box::new(self.selection(many));
        let got = self.ask(by, Verb::Remove, Command::StartRemoval { selection, reason, plan_hash });
        let Some((Answer::Removal(progress), selected)) = agree("start", got, want) else { return };
        let id = progress.removal.id;
        assert_eq!((progress.removal.total, progress.removed), (total, 0));
        self.model.event(id.id().bits(), "removal.created", 1);
        self.model.pending.push(Pending::Job(Job {
            id,
            seat: selected.seat,
            reason,
            keys: selected
                .keys
                .iter()
                .map(|at| {
                    (
                        *at,
                        self.model.keys[*at].version,
                        self.model.accounts[self.model.keys[*at].account].version,
                    )
                })
                .collect(),
        }));
    }

    fn selection(&self, many: &Many) -> Selection {
        match many {
            Many::Secret(key) => {
                Selection::One(Named::Secret(self.model.keys[self.target(*key)].text.clone().into()))
            }
            Many::Handle(key) => Selection::One(Named::Handle(self.handle(self.target(*key)))),
            Many::Account(account) => Selection::Account(self.model.accounts[self.account(*account)].id),
            Many::Filter { account, test, suspended } => Selection::Filter(CoreFilter {
                account: account.map(|account| self.model.accounts[self.account(account)].id),
                environment: test.map(|test| Label::parse(label(test)).unwrap()),
                state: suspended.map(|is| if is { StateFilter::Suspended } else { StateFilter::Active }),
                ..CoreFilter::default()
            }),
        }
    }

    /// The handle of a key, worked out from its secret or its id.
    fn handle(&self, at: usize) -> Handle {
        let key = &self.model.keys[at];
        let text = match (key.how, self.is_slow(at)) {
            (How::Own, _) => {
                let body = key.text.rfind('_').unwrap() + 1;
                key.text[..body + 10].to_owned()
            }
            (_, true) => key.text[..8].to_owned(),
            (_, false) => key.id.to_string(),
        };
        Handle::parse(&text).unwrap()
    }

    pub(crate) fn is_slow(&self, at: usize) -> bool {
        self.slow.contains(&self.model.keys[at].id)
    }

    fn select(&self, by: u8, many: &Many) -> Result<Selected, No> {
        let (seat, reach) = self.seat(by, "remove")?;
        match many {
            Many::Secret(key) => {
                let text = &self.model.keys[self.target(*key)].text;
                let was = |how| self.model.keys.iter().position(|key| key.how == how && key.text == *text);
                let found = [How::Own, How::Text, How::Sha512].into_iter().find_map(was);
                let found = self.model.holder_for(&seat, reach, text).or(found);
                self.select_one(seat, reach, found.ok_or("NotFound")?)
            }
            Many::Handle(key) => self.select_one(seat, reach, self.target(*key)),
            Many::Account(account) => {
                let account = self.account(*account);
                self.may_name(&seat, reach, account)?;
                let filter = Filter { account: Some(account), ..Filter::default() };
                Ok(self.select_all(seat, reach, filter))
            }
            Many::Filter { account, test, suspended } => {
                let account = account.map(|account| self.account(account));
                account.map_or(Ok(()), |account| self.may_name(&seat, reach, account))?;
                let environment = test.map(label);
                let filter = Filter { account, environment, suspended: *suspended, key: None };
                Ok(self.select_all(seat, reach, filter))
            }
        }
    }

    fn may_name(&self, seat: &Seat, reach: Reach, account: usize) -> Result<(), No> {
        let known = self.model.covers(seat, reach, account) && self.model.above(account) != Life::Removed;
        known.then_some(()).ok_or("NotFound")
    }

    fn select_one(&self, seat: Seat, reach: Reach, at: usize) -> Result<Selected, No> {
        let key = &self.model.keys[at];
        if !self.model.covers(&seat, reach, key.account) {
            return Err("NotFound");
        }
        if key.life == Life::Removed {
            return Err("Gone");
        }
        seat.may_touch(self.model.accounts[key.account].role)?;
        if key.protected {
            return Err("Protected");
        }
        Ok(Selected { keys: vec![at], left: 0, seat })
    }

    fn select_all(&self, seat: Seat, reach: Reach, mut filter: Filter) -> Selected {
        if filter.account.is_none() && reach == Reach::Account {
            filter.account = Some(seat.account);
        }
        let meant = self.model.living(|model, at| {
            let key = &model.keys[at];
            let within = filter.account.is_some() || model.organization_of(at) == seat.organization;
            within && model.fits(&filter, at) && model.covers(&seat, reach, key.account)
        });
        let all = meant.len();
        let mut keys = meant;
        keys.retain(|at| {
            let key = &self.model.keys[*at];
            !key.protected && seat.may_touch(self.model.accounts[key.account].role).is_ok()
        });
        Selected { left: all - keys.len(), keys, seat }
    }
}

fn label(test: bool) -> &'static str {
    if test { "test" } else { "live" }
}
