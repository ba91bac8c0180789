//! This file is about updating: what a key may do changes, its secret does not.

use super::{before_end, judge};
use crate::command::{Draft, Patch};
use crate::error::Error;
use crate::key::{Key, Material, Traits};
use crate::seal::Pepper;
use crate::state::Step;
use crate::time::Timestamp;

/// The key with a patch applied.
///
/// # Errors
/// [`Error::Stale`]; [`Error::WrongState`] for a key that is to be protected when its time to be removed has come;
/// [`Error::Invalid`] if the result breaks a limit, or the key is not of the kind that is to change.
pub fn update(
    mut key: Key,
    patch: Patch,
    if_match: Option<u64>,
    pepper: &Pepper,
    now: Timestamp,
) -> Result<Key, Error> {
    judge(&key.head, Step::Update, if_match)?;
    let before = Draft::from(&key.traits);
    let changes_end = patch.expires_at.is_some();
    let after = Draft {
        name: patch.name.unwrap_or(before.name),
        scopes: patch.scopes.unwrap_or(before.scopes),
        metadata: match &patch.metadata {
            Some(merge) => before.metadata.merge(merge)?,
            None => before.metadata,
        },
        tags: patch.tags.unwrap_or(before.tags),
        not_before: patch.not_before.unwrap_or(before.not_before),
        expires_at: patch.expires_at.unwrap_or(before.expires_at),
        ip_allow: patch.ip_allow.unwrap_or(before.ip_allow),
        rate_limit: patch.rate_limit.unwrap_or(before.rate_limit),
        uses: patch.uses.unwrap_or(before.uses),
    };
    // An expired key may be renamed; only a new end must lie ahead.
    after.check(if changes_end { now } else { Timestamp::from_millis(0) })?;
    key.traits = Traits {
        name: after.name,
        scopes: after.scopes,
        metadata: after.metadata,
        tags: after.tags,
        not_before: after.not_before,
        expires_at: after.expires_at,
        ip_allow: after.ip_allow,
        rate_limit: after.rate_limit,
        uses: after.uses,
        ..key.traits
    };
    match (patch.access, &mut key.traits.material) {
        (None, _) => {}
        (Some(patch), Material::Access(access)) => access.opens.change(patch, pepper, key.head.id),
        (Some(_), Material::Secret(_) | Material::Crypto(_)) => {
            return Err(Error::invalid("access", "absent: this is no door credential"));
        }
    }
    if patch.protected == Some(true) {
        // Nothing ends what is protected, so a removal that was decided before is called off.
        before_end(&key.head, now)?;
        key.head.remove_at = None;
    }
    key.head.protected = patch.protected.unwrap_or(key.head.protected);
    key.head.version += 1;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::update as update_with;
    use crate::access::AccessPatch;
    use crate::command::Patch;
    use crate::error::Error;
    use crate::key::Key;
    use crate::key::tests::key;
    use crate::seal::Pepper;
    use crate::time::Timestamp;

    const NOW: Timestamp = Timestamp::from_millis(5000);

    fn update(key: Key, patch: Patch, if_match: Option<u64>, now: Timestamp) -> Result<Key, Error> {
        update_with(key, patch, if_match, &Pepper::new(&[1; 32]), now)
    }

    #[test]
    fn a_secret_has_no_pin() {
        let patch = Patch { access: Some(AccessPatch::default()), ..Patch::default() };
        assert!(
            matches!(update(key(), patch, None, NOW), Err(Error::Invalid { field, .. }) if field == "access")
        );
    }

    #[test]
    fn what_the_patch_does_not_name_stays() {
        let after = update(key(), Patch { name: Some("new".into()), ..Patch::default() }, None, NOW).unwrap();
        assert_eq!((after.traits.name.as_str(), after.traits.uses, after.head.version), ("new", Some(3), 2));
    }

    #[test]
    fn null_clears() {
        let after = update(key(), Patch { uses: Some(None), ..Patch::default() }, None, NOW).unwrap();
        assert_eq!(after.traits.uses, None);
    }

    #[test]
    fn a_new_end_must_lie_ahead_and_an_old_one_need_not() {
        let past = Patch { expires_at: Some(Some(Timestamp::from_millis(4000))), ..Patch::default() };
        assert!(
            matches!(update(key(), past, None, NOW), Err(Error::Invalid { field, .. }) if field == "expires_at")
        );
        let mut expired = key();
        expired.traits.expires_at = Some(Timestamp::from_millis(4000));
        assert!(update(expired, Patch { name: Some("x".into()), ..Patch::default() }, None, NOW).is_ok());
    }

    #[test]
    fn another_version_is_stale() {
        assert!(matches!(update(key(), Patch::default(), Some(7), NOW), Err(Error::Stale)));
    }
}
