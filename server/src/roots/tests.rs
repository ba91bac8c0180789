//! This file is about roots at rest: what is there after each step, and after being cut off in between.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use keyward_core::id::Id;
use keyward_core::seal::{Root, SlotSecret};

use super::credential::Credential;
use super::file::KeyFile;
use super::{Provider, RootFiles};
use crate::keyfiles::{hex, write_new};

fn files(folder: &Path) -> RootFiles {
    RootFiles { folder: folder.to_owned(), providers: vec![Box::new(KeyFile)] }
}

/// With a credential of 32 times this byte, made if it is not there.
fn with_credential(folder: &Path, byte: u8) -> RootFiles {
    let file = folder.join(format!("credential-{byte}"));
    if !file.exists() {
        write_new(&file, format!("{byte:02x}").repeat(32).as_bytes(), 0o600).unwrap();
    }
    let providers: Vec<Box<dyn Provider>> =
        vec![Box::new(Credential { file: Some(file) }), Box::new(KeyFile)];
    RootFiles { folder: folder.to_owned(), providers }
}

fn is_same(one: &Root, other: &Root) -> bool {
    let id = Id::from_bits(7);
    let slot = one.wrap(&SlotSecret::new([1; 32]), id, [2; 12]).unwrap();
    other.unwrap(&slot, id).is_ok()
}

fn epochs(roots: &RootFiles) -> Vec<u32> {
    roots.read().unwrap().iter().map(Root::epoch).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// Why it fails.
fn refused<T>(result: anyhow::Result<T>) -> String {
    result.map(drop).map_err(|error| format!("{error:#}")).unwrap_err()
}

#[test]
fn a_root_is_there_until_it_is_destroyed() {
    let folder = tempfile::tempdir().unwrap();
    let roots = files(folder.path());
    assert!(refused(roots.read()).contains("put back the one that was made with the store"));
    let first = roots.create(1).unwrap();
    assert!(is_same(&first, &roots.create(1).unwrap()), "made once");
    let second = roots.create(2).unwrap();
    let read = roots.read().unwrap();
    assert!(is_same(&first, &read[0]) && is_same(&second, &read[1]));
    assert_eq!(epochs(&roots), [1, 2]);
    let mode = fs::metadata(folder.path().join("root-2.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    roots.destroy_before(2).unwrap();
    roots.destroy_before(2).unwrap();
    assert_eq!((epochs(&roots), names(folder.path())), (vec![2], vec!["root-2.key".to_owned()]));
}

/// Another name for the same file shows what is left on the disk.
#[test]
fn a_destroyed_root_s_bytes_are_overwritten_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let roots = files(folder.path());
    roots.create(1).unwrap();
    roots.create(2).unwrap();
    let (file, link) = (folder.path().join("root.key"), folder.path().join("link"));
    fs::hard_link(&file, &link).unwrap();
    let before = fs::read(&link).unwrap();
    roots.destroy_before(2).unwrap();
    assert_eq!(fs::read(&link).unwrap(), vec![0; before.len()]);
}

#[test]
fn the_file_of_the_first_version_opens() {
    let folder = tempfile::tempdir().unwrap();
    let key = [0x5a; 32];
    write_new(&folder.path().join("root.key"), format!("{}\n", hex(&key)).as_bytes(), 0o600).unwrap();
    let read = files(folder.path()).read().unwrap();
    assert!(is_same(&read[0], &Root::new(1, &key).unwrap()));
}

#[test]
fn what_was_cut_off_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let roots = files(folder.path());
    let at = |name: &str| folder.path().join(name);
    roots.create(1).unwrap();
    // While the new root was written.
    write_new(&at("root-2.new"), b"file 00", 0o600).unwrap();
    assert_eq!(epochs(&roots), [1]);
    let second = roots.create(2).unwrap();
    assert_eq!(names(folder.path()), ["root-2.key", "root.key"]);
    // Between overwriting the old one and deleting it.
    let length = fs::metadata(at("root.key")).unwrap().len();
    fs::write(at("root.key"), vec![0; usize::try_from(length).unwrap()]).unwrap();
    let read = roots.read().unwrap();
    assert_eq!(read.len(), 1);
    assert!(is_same(&read[0], &second));
    roots.destroy_before(2).unwrap();
    assert_eq!(names(folder.path()), ["root-2.key"]);
    // The only one may not be missed.
    fs::write(at("root-2.key"), [0; 69]).unwrap();
    assert!(refused(roots.read()).contains("root-2.key"));
}

#[test]
fn another_provider_takes_over_with_the_next_root() {
    let folder = tempfile::tempdir().unwrap();
    let first = files(folder.path()).create(1).unwrap();
    let roots = with_credential(folder.path(), 1);
    assert!(is_same(&roots.read().unwrap()[0], &first), "the old one is still read");
    let second = roots.create(2).unwrap();
    let text = fs::read_to_string(folder.path().join("root-2.key")).unwrap();
    assert!(text.starts_with("credential ") && text.len() == "credential ".len() + 81, "{text}");
    assert!(is_same(&with_credential(folder.path(), 1).read().unwrap()[1], &second));
    assert!(refused(with_credential(folder.path(), 2).read()).contains("another credential"));
    assert!(refused(files(folder.path()).read()).contains("`credential`, which is not configured"));
    // And back.
    let back = files(folder.path());
    let both = RootFiles { folder: back.folder, providers: roots.providers.into_iter().rev().collect() };
    both.create(3).unwrap();
    both.destroy_before(3).unwrap();
    assert_eq!(epochs(&files(folder.path())), [3]);
}

#[test]
fn a_root_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let roots = files(folder.path());
    roots.create(1).unwrap();
    let file = folder.path().join("root.key");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(refused(roots.read()).contains("chmod 600"));
}
