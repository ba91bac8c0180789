//! The guard, held against what the kernel says about the process.

use super::*;

fn is_there(id: u32) -> bool {
    Path::new(&format!("/proc/{id}")).exists()
}

#[test]
fn a_dropped_process_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut sleeper = command("sleep");
    sleeper.arg("1000");
    let process = Process::start("sleep", sleeper, folder.path()).unwrap();
    let id = process.child.id();
    assert!(is_there(id));
    drop(process);
    assert!(!is_there(id));
}

#[test]
fn a_process_that_ends_early_is_reported_with_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = command("sh");
    shell.args(["-c", "echo 'no such folder' >&2; exit 3"]);
    let mut process = Process::start("sh", shell, folder.path()).unwrap();
    let error = process.wait_for_port(free_address().unwrap()).unwrap_err().to_string();
    assert!(error.contains("ended before") && error.contains("no such folder"), "{error}");
}

#[test]
fn the_first_line_is_read_and_the_process_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = command("sh");
    shell.args(["-c", "echo ready; echo more; exec sleep 1000"]);
    let (mut process, line) =
        Process::start_and_read_line("sh", shell, folder.path(), Duration::from_secs(30)).unwrap();
    assert_eq!(line, "ready\n");
    assert!(process.child.try_wait().unwrap().is_none());
}

#[test]
fn processor_time_is_fields_14_and_15() {
    let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 100 0 0";
    assert_eq!(cpu_of_stat(stat), Some(Duration::from_secs(3)));
    assert_eq!(cpu_of_stat("7 (a) S 1 2"), None);
}
