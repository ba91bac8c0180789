//! This file is about removing: a key becomes a tombstone, for ever.

use super::judge;
use crate::error::Error;
use crate::event::Reason;
use crate::key::{Head, Tombstone};
use crate::state::Step;
use crate::time::Timestamp;

/// What is left of a key. Needs its head only: nothing is opened in order to end it.
///
/// # Errors
/// [`Error::Stale`] for another version than the caller read; [`Error::Protected`].
pub fn remove(
    head: &Head,
    reason: Reason,
    if_match: Option<u64>,
    now: Timestamp,
) -> Result<Tombstone, Error> {
    judge(head, Step::Remove, if_match)?;
    if head.protected {
        return Err(Error::Protected);
    }
    Ok(Tombstone {
        id: head.id,
        organization: head.organization,
        account: head.account,
        kind: head.kind,
        handle: head.handle.clone(),
        environment: head.environment.clone(),
        created_at: head.created_at,
        removed_at: now,
        reason,
        salt: head.salt,
        version: head.version + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::remove;
    use crate::error::Error;
    use crate::event::Reason;
    use crate::key::State;
    use crate::key::tests::key;
    use crate::time::Timestamp;

    #[test]
    fn it_keeps_the_facts_and_moves_the_version() {
        let head = key().head;
        let now = Timestamp::from_millis(9000);
        let tombstone = remove(&head, Reason::Compromised, Some(1), now).unwrap();
        assert_eq!((tombstone.version, tombstone.removed_at), (2, now));
        assert_eq!((tombstone.id, tombstone.reason), (head.id, Reason::Compromised));
    }

    #[test]
    fn a_suspended_key_can_be_removed() {
        let mut head = key().head;
        head.state = State::Suspended;
        assert!(remove(&head, Reason::Retired, None, Timestamp::LAST).is_ok());
    }

    #[test]
    fn protection_and_another_version_refuse() {
        let mut head = key().head;
        assert_eq!(remove(&head, Reason::Retired, Some(2), Timestamp::LAST).err(), Some(Error::Stale));
        head.protected = true;
        assert_eq!(remove(&head, Reason::Retired, None, Timestamp::LAST).err(), Some(Error::Protected));
    }
}
