//! The vendor's own client for Python, driven through the whole cycle.

use std::path::Path;
use std::process::Command;

use super::super::scene::Scene;
use super::User;

/// What makes the client install on a Python 3 with `lib2to3` (up to 3.11): its source is Python 2 and is translated by
/// old setuptools; its own pins are left out, because `enum34` breaks the `enum` of every Python since 3.6.
const TOOLS: [&str; 3] = ["setuptools==57.5.0", "wheel==0.45.1", "six==1.17.0"];
const CLIENT: &str = "cielo24==1.0.15";

/// Prints a line for each thing that went as it should, and stops at the first that does not.
const CYCLE: &str = r#"
import sys
from cielo24.actions import Actions
from cielo24.web_utils import WebError

def refused(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except WebError as error:
        return error.error_type
    raise SystemExit("%s was not refused" % call.__name__)

def check(what, got, wanted=True):
    if got != wanted:
        raise SystemExit("%s: %r instead of %r" % (what, got, wanted))
    print(what)

base, user, password = sys.argv[1:]
client = Actions(base_url=base)
check("a wrong password", refused(client.login, user, "wrong"), "LOGIN_INVALID")
token = client.login(user, password)
check("login by headers", len(client.login(user, password, use_headers=True)), 32)
key = client.generate_api_key(token)
check("the same key", client.generate_api_key(token), key)
other = client.generate_api_key(token, force_new=True)
check("another key", other != key)
session = client.login(user, api_securekey=key)
check("login by headers with the key", len(client.login(user, api_securekey=key, use_headers=True)), 32)
job = client.create_job(session, "a job")
check("media", len(client.add_media_to_job_url(session, job["JobId"], "http://example.com/a.mp4")), 32)
check("the list", [one["JobName"] for one in client.get_job_list(session)["ActiveJobs"]], ["a job"])
check("the job", client.get_job_info(session, job["JobId"])["JobId"], job["JobId"])
check("the job is deleted", len(client.delete_job(session, job["JobId"])), 32)
check("no such job", refused(client.get_job_info, session, job["JobId"]), "ITEM_NOT_FOUND")
client.remove_api_key(token, key)
check("the removed key", refused(client.login, user, api_securekey=key), "ACCOUNT_UNPRIVILEGED")
check("removed by headers", refused(client.login, user, api_securekey=key, use_headers=True), "ACCOUNT_UNPRIVILEGED")
check("removed as password", refused(client.login, user, key), "ACCOUNT_UNPRIVILEGED")
check("removed again", refused(client.remove_api_key, token, key), "ITEM_NOT_FOUND")
check("the other key", client.generate_api_key(token), other)
client.update_password(token, "another one")
check("the old password", refused(client.login, user, password), "LOGIN_INVALID")
check("the new password", len(client.login(user, "another one")), 32)
client.logout(token)
check("the ended session", refused(client.generate_api_key, token), "BAD_API_TOKEN")
check("not spoken", refused(client.get_media, session, job["JobId"]), "NOT_IMPLEMENTED")
print("done")
"#;

/// Runs a program and gives back what it printed; what it complained of, if it failed.
fn run(program: &Path, arguments: &[&str]) -> String {
    let ran = Command::new(program).args(arguments).output();
    let ran = ran.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{printed}{}", String::from_utf8_lossy(&ran.stderr));
    printed
}

#[test]
fn the_real_client_makes_uses_and_removes_a_key() {
    let scene = Scene::demo();
    let user = User::new(&scene, None, "member", "captions");
    let home = scene.file("client");
    let home_text = home.to_str().expect("a path in UTF-8");
    run(Path::new("python3"), &["-m", "venv", home_text]);
    let python = home.join("bin/python");
    let install = ["-m", "pip", "install", "--quiet", "--no-deps"];
    run(&python, &[&install[..], &TOOLS].concat());
    run(&python, &[&install[..], &["--no-build-isolation", CLIENT]].concat());
    let printed = run(&python, &["-c", CYCLE, &scene.http, &user.name, "captions password"]);
    assert!(printed.ends_with("done\n"), "{printed}");
}
