//! This file is about running the program's other commands.

use std::path::Path;
use std::process::Command;

use crate::harness::PROGRAM;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// Runs the program, which must not panic.
pub(crate) fn keyward(arguments: &[&str]) -> Done {
    let done = run(arguments);
    assert!(!done.err.contains("panicked"), "{arguments:?}: {}", done.err);
    done
}

/// Runs the program.
pub(crate) fn run(arguments: &[&str]) -> Done {
    done(Command::new(PROGRAM).args(arguments))
}

/// Runs the program with 4 GiB of address space: what wants more dies of it, and not the machine.
pub(crate) fn run_bounded(arguments: &[&str]) -> Done {
    let limited = r#"ulimit -v 4194304 && exec "$0" "$@""#;
    done(Command::new("sh").args(["-c", limited, PROGRAM]).args(arguments))
}

fn done(command: &mut Command) -> Done {
    let done = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Done { code: done.status.code(), out: text(done.stdout), err: text(done.stderr) }
}

/// Runs a command on the store of a folder.
pub(crate) fn on(folder: &Path, arguments: &[&str]) -> Done {
    let config = folder.join("keyward.toml");
    keyward(&[arguments, &["--config", config.to_str().expect("text")]].concat())
}

/// Fails unless `keyward store check` finds nothing.
pub(crate) fn is_whole(folder: &Path) {
    let done = on(folder, &["store", "check"]);
    assert_eq!((done.code, done.out.trim()), (Some(0), "nothing is wrong"), "{done:?}");
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(done.success());
}
