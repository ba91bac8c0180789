//! This file is about the README: its terminal session is run as it stands.

use std::path::Path;
use std::process::Command;

use crate::harness::{PROGRAM, Server, folder};

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).expect("the README")
}

/// The first block of shell lines that contains a text.
fn block(readme: &str, containing: &str) -> String {
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains(containing)).map(str::to_owned).next().expect("such a block")
}

/// A program that ends with the test, also where the test fails.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already needs neither.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The path of whoever has installed the program.
fn installed() -> String {
    let programs = Path::new(PROGRAM).parent().expect("a folder");
    format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default())
}

fn run(script: &str, folder: &Path, variables: &[(&str, &str)]) -> String {
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script]).current_dir(folder);
    bash.envs(variables.iter().copied());
    let output = bash.output().expect("bash runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn the_thirty_seconds_go_as_the_readme_says() {
    let (data, here) = (folder(), folder());
    let server = Server::start(data.path());
    let data = data.path().to_str().expect("a plain path");
    let session = block(&readme(), "# Issue a key");
    let variables =
        [("KW", &*server.http), ("OWNER", &*server.owner), ("DATA", data), ("PATH", &*installed())];
    let said = run(&session, here.path(), &variables);
    let valid = said.find(r#"{"valid":true,"#).expect("it was valid");
    let removed = said.find("Keyward-Receipt: rcpt_").expect("it was removed");
    let refused = said.find(r#"{"valid":false,"code":"removed"}"#).expect("it is refused");
    let proved = said.find("valid: event ").expect("the receipt checks");
    assert!(valid < removed && removed < refused && refused < proved, "{said}");
}

#[test]
fn what_the_demo_prints_can_be_pasted() {
    let (data, here) = (folder(), folder());
    let mut demo = Command::new(PROGRAM);
    demo.args(["demo", "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--data"]).arg(data.path());
    let mut demo = Running(demo.stdout(std::process::Stdio::piped()).spawn().expect("it starts"));
    let mut printed = String::new();
    let mut lines = std::io::BufReader::new(demo.0.stdout.take().expect("piped"));
    while !printed.contains("Stop it with") {
        assert!(std::io::BufRead::read_line(&mut lines, &mut printed).expect("a line") > 0, "{printed}");
    }
    let session: String = printed
        .lines()
        .skip(2)
        .filter(|line| !line.starts_with("Stop it"))
        .fold(String::new(), |all, line| all + line + "\n");
    // Whoever ran it with `cargo run` has not installed it.
    let said = run(&session, here.path(), &[("PATH", "/usr/bin:/bin")]);
    assert!(said.contains(r#""valid":true"#) && said.contains(r#""code":"removed""#), "{said}");
    assert!(said.contains("valid: event "), "{said}");
}

#[test]
fn a_store_for_good_is_made_as_the_readme_says() {
    let here = folder();
    let path = here.path().join("keyward");
    let script =
        block(&readme(), "keyward init").replace("/var/lib/keyward", path.to_str().expect("a plain path"));
    // Serving would not end; that the configuration is one that can be served does.
    let said =
        run(&script.replace("keyward serve", "keyward config check"), here.path(), &[("PATH", &installed())]);
    assert!(said.contains("kw_live_") && said.contains("[listen]"), "{said}");
}
