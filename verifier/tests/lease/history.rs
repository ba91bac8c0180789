//! This file is about judging what happened: a verify that begins after the answer to a removal may not accept the key.

/// What an observer with one clock for everybody would have written down, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The removal of a key was answered.
    Answered { key: u64 },
    /// A verify began.
    Began { verify: usize },
    /// It ended by accepting a key.
    Accepted { verify: usize, key: u64 },
}

/// The first verify that accepted a key although it began after the answer to the key's removal.
pub(crate) fn violation(history: &[Event]) -> Option<Event> {
    let place = |wanted: Event| history.iter().position(|event| *event == wanted);
    history.iter().copied().find(|event| match *event {
        Event::Accepted { verify, key } => {
            let (answered, began) = (place(Event::Answered { key }), place(Event::Began { verify }));
            answered.is_some_and(|answered| began.is_none_or(|began| began > answered))
        }
        Event::Answered { .. } | Event::Began { .. } => false,
    })
}

#[test]
fn a_verify_that_begins_after_the_answer_is_found() {
    let planted = [
        Event::Began { verify: 1 },
        Event::Answered { key: 5 },
        Event::Accepted { verify: 1, key: 5 },
        Event::Began { verify: 2 },
        Event::Accepted { verify: 2, key: 6 },
        Event::Began { verify: 3 },
        Event::Accepted { verify: 3, key: 5 },
    ];
    assert_eq!(violation(&planted), Some(planted[6]));
    assert_eq!(violation(&planted[..6]), None, "begun before the answer, or another key");
    assert_eq!(violation(&planted[1..3]), Some(planted[2]), "nobody knows when it began");
}
