//! This file is about the system that is measured: how it is told to make, verify and remove a key, by commands or by HTTP.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Window;
use crate::environment::pause;

/// How long to wait before asking again whether the system is there.
const PAUSE: Duration = Duration::from_millis(20);
/// The most bytes that a create command may print, or a verify may answer.
const LIMIT: usize = 1 << 20;

/// A key that was made.
pub(super) struct Made {
    id: String,
    key: Zeroizing<String>,
}

/// The system, seen from outside.
pub(super) struct System {
    question: Question,
    patience: Duration,
}

/// How a key is presented.
enum Question {
    Command(String),
    Get { http: Client<HttpConnector, String>, url: String, headers: Vec<(HeaderName, String)> },
}

impl System {
    pub(super) fn new(window: &Window) -> anyhow::Result<Self> {
        let question = match (&window.verify, &window.verify_url) {
            (Some(command), _) => Question::Command(command.clone()),
            (None, Some(url)) => {
                ensure!(
                    url.starts_with("http://"),
                    "{url}: only http://; for others name a --verify command"
                );
                let headers = window.verify_header.iter().map(|field| header(field));
                Question::Get {
                    http: Client::builder(TokioExecutor::new()).build_http(),
                    url: url.clone(),
                    headers: headers.collect::<anyhow::Result<_>>()?,
                }
            }
            (None, None) => bail!("neither --verify nor --verify-url"),
        };
        Ok(Self { question, patience: window.patience })
    }

    /// Makes a key.
    pub(super) async fn create(&self, command: &str) -> anyhow::Result<Made> {
        let mut child = shell(command, Stdio::piped(), Stdio::inherit())?;
        let mut printed = Zeroizing::new(Vec::new());
        let output = child.0.stdout.take().context("the output is piped")?;
        let read = async {
            let mut output = tokio::io::AsyncReadExt::take(output, LIMIT as u64);
            tokio::io::AsyncReadExt::read_to_end(&mut output, &mut printed).await
        };
        timeout(self.patience, read).await.context("the create command goes on too long")??;
        let status = timeout(self.patience, child.0.wait()).await;
        let status = status.context("the create command goes on too long")??;
        ensure!(status.success(), "the create command failed: {status}");
        Made::read(std::str::from_utf8(&printed).context("the create command printed no text")?)
    }

    /// Runs a command that has to succeed.
    pub(super) async fn carry_out(&self, template: &str, made: &Made) -> anyhow::Result<()> {
        let mut child = shell(&made.put_into(template), Stdio::null(), Stdio::inherit())?;
        let status = timeout(self.patience, child.0.wait()).await;
        let status = status.with_context(|| format!("goes on too long: {template}"))??;
        ensure!(status.success(), "{status}: {template}");
        Ok(())
    }

    /// Presents a key once. What gives no answer does not accept.
    pub(super) async fn accepts(&self, made: &Made) -> bool {
        let asked = async {
            match &self.question {
                Question::Command(template) => {
                    let mut child = shell(&made.put_into(template), Stdio::null(), Stdio::null())?;
                    Ok::<_, anyhow::Error>(child.0.wait().await?.success())
                }
                Question::Get { http, url, headers } => {
                    let mut request = Request::get(made.put_into(url).parse::<Uri>()?);
                    for (name, value) in headers {
                        let mut value = HeaderValue::try_from(made.put_into(value).as_str())?;
                        value.set_sensitive(true);
                        request = request.header(name, value);
                    }
                    let (head, body) = http.request(request.body(String::new())?).await?.into_parts();
                    // Read to its end, so that the connection can be used again.
                    let _ = Limited::new(body, LIMIT).collect().await;
                    Ok(head.status.is_success())
                }
            }
        };
        matches!(timeout(self.patience, asked).await, Ok(Ok(true)))
    }

    /// Whether a key is accepted sooner or later.
    pub(super) async fn comes_to_accept(&self, made: &Made) -> bool {
        let accepted = async {
            while !self.accepts(made).await {
                pause(PAUSE).await;
            }
        };
        timeout(self.patience, accepted).await.is_ok()
    }
}

impl Made {
    /// Takes a key from what was printed: the first and the last word of the last line.
    fn read(printed: &str) -> anyhow::Result<Self> {
        let line = printed.lines().rfind(|line| !line.trim().is_empty());
        let mut words = line.context("the create command printed nothing")?.split_whitespace();
        let id = words.next().context("the create command printed nothing")?;
        let key = words.next_back().unwrap_or(id);
        // They go into command lines: nothing that a shell would take for more than a word.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+/=:@,".contains(&byte);
        ensure!([id, key].iter().all(|word| word.bytes().all(is_plain)), "the key is not one plain word");
        Ok(Self { id: id.to_owned(), key: Zeroizing::new(key.to_owned()) })
    }

    fn put_into(&self, template: &str) -> Zeroizing<String> {
        Zeroizing::new(template.replace("{id}", &self.id).replace("{key}", &self.key))
    }
}

fn header(field: &str) -> anyhow::Result<(HeaderName, String)> {
    let (name, value) = field.split_once(':').with_context(|| format!("not `Name: value`: {field}"))?;
    Ok((name.trim().parse()?, value.trim().to_owned()))
}

/// A command at work with whatever it started. Dropped before its end, all of it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // There is no id any more once it was waited for: then what it left running, such as a server, stays.
        let id = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

fn shell(command: &str, output: Stdio, errors: Stdio) -> anyhow::Result<Running> {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(output).stderr(errors);
    Ok(Running(shell.process_group(0).spawn().context("sh does not start")?))
}

#[cfg(test)]
mod tests {
    use super::Made;

    #[test]
    fn a_key_is_the_last_word_and_its_id_the_first_of_the_last_line() {
        let made = Made::read("made one\nkey_1  kw_live_abc\n\n").expect("plain words");
        assert_eq!(*made.put_into("remove {id} of {key}"), "remove key_1 of kw_live_abc");
        let made = Made::read("kw_live_abc").expect("one word");
        assert_eq!(*made.put_into("{id}{key}"), "kw_live_abckw_live_abc");
    }

    #[test]
    fn what_a_shell_would_run_is_no_key() {
        for printed in ["", "\n", "a;b", "id $(id)", "a `b`", "a 'b'", "a|b"] {
            assert!(Made::read(printed).is_err(), "{printed}");
        }
    }
}
