//! This file is about folders: what may be made and opened where, and by whom.

use std::fs;

use keyward_store::{Embedded, OpenError, Options};

use crate::crashes::Place;
use crate::damage::crashed;
use crate::fixture::signer;

fn open(folder: &std::path::Path) -> Result<Embedded, OpenError> {
    Embedded::open(folder, signer(), Options::default())
}

#[test]
fn an_empty_folder_never_begins_a_log_by_itself() {
    let kept = tempfile::tempdir().unwrap();
    for folder in [kept.path().to_owned(), kept.path().join("not there")] {
        let error = open(&folder).unwrap_err();
        assert!(matches!(error, OpenError::Missing(_)), "{error}");
        assert!(error.to_string().contains("`keyward init`"), "{error}");
    }
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_stranger_s_folder_is_left_alone() {
    let kept = tempfile::tempdir().unwrap();
    fs::write(kept.path().join("letter"), "Dear").unwrap();
    assert!(matches!(open(kept.path()), Err(OpenError::Missing(_))));
    let made = Embedded::create(kept.path(), signer(), Options::default());
    assert!(matches!(made, Err(OpenError::NotEmpty(_))));
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 1, "nothing was made");
}

#[test]
fn a_second_opener_is_refused() {
    let place = Place::new();
    let first = open(&place.folder).unwrap();
    let error = open(&place.folder).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    first.close();
    open(&place.folder).unwrap();
}

#[test]
fn making_that_was_cut_short_is_told_from_a_store() {
    let place = Place::new();
    fs::remove_file(place.folder.join("FORMAT")).unwrap();
    let error = open(&place.folder).unwrap_err();
    assert!(matches!(error, OpenError::Unfinished(_)), "{error}");
}

/// Whoever followed the advice to delete it would have lost everything.
#[test]
fn a_store_that_lost_its_format_is_told_from_one_that_was_never_finished() {
    let (place, _) = crashed();
    fs::remove_file(place.folder.join("FORMAT")).unwrap();
    let error = open(&place.folder).unwrap_err().to_string();
    assert!(error.contains("FORMAT: damaged: it is missing") && !error.contains("delete"), "{error}");
    fs::write(place.folder.join("FORMAT"), "keyward store 1\n").unwrap();
    assert_eq!(open(&place.folder).unwrap().check(&|_, _| true).unwrap(), [], "that was the way out");
    // Without the engine's files, the slots say that there was something.
    fs::remove_file(place.folder.join("FORMAT")).unwrap();
    fs::remove_dir_all(place.folder.join("engine")).unwrap();
    let error = open(&place.folder).unwrap_err().to_string();
    assert!(error.contains("files of it are lost; restore the newest backup"), "{error}");
}

#[test]
fn another_log_s_key_is_refused() {
    let place = Place::new();
    let name = keyward_log::KeyName::new(crate::fixture::ORIGIN).unwrap();
    let other = keyward_log::Signer::new(name, &[8; 32].into()).unwrap();
    let error = Embedded::open(&place.folder, other, Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::OtherKey(_)), "{error}");
}
