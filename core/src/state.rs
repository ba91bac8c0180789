//! This file is about the life of a key: one table of states and steps.

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// There never was one.
    Absent,
    /// It works.
    Active,
    /// It was stopped, and can be resumed.
    Suspended,
    /// It ended. Nothing leads from here.
    Removed,
}

/// What may be done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Issue or import it.
    Issue,
    /// Change what it may do.
    Update,
    /// Stop it.
    Suspend,
    /// Let it work again.
    Resume,
    /// Give it a successor.
    Rotate,
    /// End it.
    Remove,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::Absent, Self::Active, Self::Suspended, Self::Removed];

    /// Where a step leads; `None` where it is not allowed. Suspending what is suspended and resuming what
    /// is active lead nowhere new and are allowed, so that a repeated request is no error.
    #[must_use]
    pub const fn after(self, step: Step) -> Option<Self> {
        match (self, step) {
            (Self::Absent, Step::Issue) => Some(Self::Active),
            (Self::Active, Step::Update | Step::Rotate | Step::Resume) => Some(Self::Active),
            (Self::Active | Self::Suspended, Step::Suspend) => Some(Self::Suspended),
            (Self::Suspended, Step::Update) => Some(Self::Suspended),
            (Self::Suspended, Step::Resume) => Some(Self::Active),
            (Self::Active | Self::Suspended, Step::Remove) => Some(Self::Removed),
            (Self::Absent, Step::Update | Step::Suspend | Step::Resume | Step::Rotate | Step::Remove)
            | (Self::Active | Self::Suspended | Self::Removed, Step::Issue)
            | (Self::Suspended, Step::Rotate)
            | (Self::Removed, Step::Update | Step::Suspend | Step::Resume | Step::Rotate | Step::Remove) => {
                None
            }
        }
    }
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 6] =
        [Self::Issue, Self::Update, Self::Suspend, Self::Resume, Self::Rotate, Self::Remove];
}

#[cfg(test)]
mod tests {
    use super::{Stage, Step};

    #[test]
    fn nothing_leads_out_of_removed() {
        for step in Step::ALL {
            assert_eq!(Stage::Removed.after(step), None, "{step:?}");
        }
    }

    #[test]
    fn every_living_key_can_be_removed() {
        for stage in [Stage::Active, Stage::Suspended] {
            assert_eq!(stage.after(Step::Remove), Some(Stage::Removed));
        }
    }

    #[test]
    fn only_resume_makes_a_suspended_key_work() {
        for step in Step::ALL {
            let works = Stage::Suspended.after(step) == Some(Stage::Active);
            assert_eq!(works, step == Step::Resume, "{step:?}");
        }
    }
}
