//! This file is about disks that are full or may not be written to, as small ones in memory, which takes root.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use super::client::Client;
use super::program::{copy, is_whole, on};
use crate::harness::{Server, folder};

/// A mounted disk, unmounted with the test.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// Mounts a disk of this size; nothing, loudly, where that is not allowed.
    #[expect(clippy::print_stderr, reason = "a test that did not run must be seen")]
    fn mount(path: &'a Path, size: &str) -> Option<Self> {
        fs::create_dir(path).expect("it can be made");
        let options = format!("size={size}");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(path).output();
        if done.as_ref().is_ok_and(|done| done.status.success()) {
            return Some(Self(path));
        }
        eprintln!("NOT TESTED: a disk cannot be mounted here: {done:?}");
        None
    }

    fn remount(&self, option: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{option}")]).arg(self.0).output();
        assert!(done.as_ref().is_ok_and(|done| done.status.success()), "{done:?}");
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_that_was_answered() {
    const KEYS: usize = 3000;
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let keys: Vec<_> = (0..20).map(|number| server.issue(&number.to_string())).collect();
    assert_eq!(server.stop().code(), Some(0));
    let path = folder.path().join("disk");
    let Some(disk) = Disk::mount(&path, "256m") else { return };
    copy(&folder.path().join("data"), &path);
    let mut server = Server::configured(folder.path(), |config| {
        config.insert("data".to_owned(), "disk/data".into());
    });
    let filler = path.join("filler");
    fill(&filler);

    // Until something gives: an answer that says not now, or a process that stops rather than guess.
    let mut client = Client::new(&server);
    let mut issued = Vec::new();
    let mut was_refused = false;
    for number in 0..KEYS {
        let ask = serde_json::json!({ "kind": "secret", "name": number.to_string(), "metadata": { "long": "x".repeat(4000) } });
        match client.call("POST", "/v1/keys", Some(&ask)) {
            Ok(answer) if answer.status == 201 => {
                issued.push(answer.json()["secret"].as_str().expect("text").to_owned());
            }
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{}", answer.body);
                was_refused = true;
                break;
            }
            Err(_) => {
                was_refused = true;
                break;
            }
        }
    }
    assert!(was_refused, "the disk never was full");
    let mut removed = 0;
    for (id, _) in &keys {
        match client.call("DELETE", &format!("/v1/keys/{id}"), None) {
            Ok(answer) if answer.status == 204 => removed += 1,
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.body),
            Err(_) => break,
        }
    }
    server.signal_if_running("TERM");
    server.wait();
    drop(server);

    fs::remove_file(&filler).expect("it is there");
    is_whole(folder.path());
    let server = Server::configured(folder.path(), |_| {});
    for secret in &issued {
        assert_eq!(server.verify(secret)["valid"], true);
    }
    let gone = keys.iter().filter(|(_, secret)| server.verify(secret)["code"] == "removed").count();
    assert!(gone >= removed, "{removed} removals were answered, {gone} are there");
    let (_, secret) = server.issue("room again");
    assert_eq!(server.verify(&secret)["valid"], true);
    assert_eq!(server.stop().code(), Some(0));
    drop(disk);
}

/// Leaves no room.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).expect("it can be made");
    for size in [1 << 20, 4096] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

#[test]
fn a_disk_that_may_not_be_written_to_is_named() {
    let folder = folder();
    let server = Server::configured(folder.path(), |_| {});
    let (_, secret) = server.issue("kept");
    assert_eq!(server.stop().code(), Some(0));
    let path = folder.path().join("disk");
    let Some(disk) = Disk::mount(&path, "256m") else { return };
    copy(&folder.path().join("data"), &path);
    let server = Server::configured(folder.path(), |config| {
        config.insert("data".to_owned(), "disk/data".into());
    });
    assert_eq!(server.stop().code(), Some(0));
    disk.remount("ro");
    let done = on(folder.path(), &["serve"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.err.contains("disk/data") && done.err.contains("ead-only"), "{done:?}");
    disk.remount("rw");
    let server = Server::configured(folder.path(), |_| {});
    assert_eq!(server.verify(&secret)["valid"], true);
    assert_eq!(server.stop().code(), Some(0));
}
