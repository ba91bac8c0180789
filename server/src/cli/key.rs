//! This file is about `keyward key`: what is done to keys from a terminal.

mod filter;

use std::io::{BufRead as _, Read as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use keyward_client::{Client, wire};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use self::filter::Filter;
use super::remote::{Page, Remote, document, json, show, show_changed, warn_of, word};

/// The longest message that is signed, in bytes.
const MESSAGE: u64 = 512 * 1024;

/// How a question ends that was not answered.
const NOT_KNOWN: u8 = 2;

/// `keyward key`.
#[derive(Debug, Args)]
pub(crate) struct Key {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Issue a key; its secret is printed this once. With an algorithm it is a cryptographic key that never leaves.
    Issue(Issue),
    /// Bring keys along: one JSON object a line on standard input, as `POST /v1/keys/import` takes them.
    Import,
    /// Print a key.
    Find {
        /// Its id.
        id: String,
    },
    /// Print keys, a page at a time.
    List(List),
    /// Change a key with a merge patch (RFC 7396), as `PATCH /v1/keys/{id}` takes it.
    Update {
        /// Its id.
        id: String,
        /// The patch: a JSON object, or the name of a file with one, or `-` for standard input. A PIN belongs there: on a
        /// command line everyone would see it.
        patch: String,
        /// Only at this version.
        #[arg(long)]
        version: Option<u64>,
    },
    /// Stop a key.
    Suspend {
        /// Its id.
        id: String,
        /// And remove it at this time (RFC 3339).
        #[arg(long)]
        remove_at: Option<String>,
        /// Only at this version.
        #[arg(long)]
        version: Option<u64>,
    },
    /// Let a key work again.
    Resume {
        /// Its id.
        id: String,
        /// Only at this version.
        #[arg(long)]
        version: Option<u64>,
    },
    /// Give a key a successor; its secret is printed this once.
    Rotate {
        /// Its id.
        id: String,
        /// For how long both work; 0 removes the old one at once.
        #[arg(long, default_value_t = 0)]
        overlap_seconds: u64,
        /// Only at this version.
        #[arg(long)]
        version: Option<u64>,
    },
    /// Ask whether the secret on standard input is valid. Ends with status 1 if it is not, and 2 if that is not known.
    Verify {
        /// A scope that is needed; may be given more than once.
        #[arg(long)]
        scope: Vec<String>,
        /// Where it was presented from.
        #[arg(long)]
        ip: Option<std::net::IpAddr>,
    },
    /// Remove a key for ever, and print what is left of it: its facts, and the receipt's id.
    Remove(Remove),
    /// Remove every key that fits. Without a plan's hash: say what that would do.
    RemoveMany(RemoveMany),
    /// Print how far a removal of many keys is, and the receipts' ids a page at a time.
    Removal {
        /// Its id.
        id: String,
        #[command(flatten)]
        page: Page,
    },
    /// Use a key that never leaves, as `POST /v1/keys/{id}/USAGE` does.
    Use {
        /// Its id.
        id: String,
        /// What for: `sign`, `verify`, `mac`, `encrypt`, `decrypt`, `wrap`, `unwrap`, `agree`, `derive`, `encapsulate` or
        /// `decapsulate`.
        usage: Usage,
        /// What the API takes: a JSON object, or the name of a file with one, or `-` for standard input.
        #[arg(default_value = "{}")]
        document: String,
    },
    /// Sign what is on standard input, at most 512 KiB, with a key that never leaves, and print the signature in base64.
    Sign {
        /// Its id.
        id: String,
        /// How: `ECDSA-SHA-256`, `Ed25519`, `ML-DSA`, and what else the API names.
        #[arg(long, value_parser = word::<wire::SignatureScheme>)]
        scheme: wire::SignatureScheme,
    },
    /// Print who uses a key, or still tries to.
    Usage {
        /// Its id.
        id: String,
    },
    /// Print the receipt of a removal.
    Receipt {
        /// Its id, or that of the key, account or organization.
        id: String,
    },
}

#[derive(Debug, Args)]
struct Remove {
    /// Its id; or else one of the others below.
    #[arg(required_unless_present_any = ["handle", "badge", "code", "secret"])]
    id: Option<String>,
    /// The one with this handle.
    #[arg(long, conflicts_with = "id")]
    handle: Option<String>,
    /// The door credential with this badge.
    #[arg(long, conflicts_with_all = ["id", "handle"])]
    badge: Option<String>,
    /// The door credential whose code is on standard input.
    #[arg(long, conflicts_with_all = ["id", "handle", "badge"])]
    code: bool,
    /// The one whose secret is on standard input.
    #[arg(long, conflicts_with_all = ["id", "handle", "badge", "code"])]
    secret: bool,
    /// Why: `unspecified`, `retired`, `compromised`, `superseded` or `owner_left`.
    #[arg(long, value_parser = word::<wire::Reason>)]
    reason: Option<wire::Reason>,
    /// Only at this version.
    #[arg(long, requires = "id")]
    version: Option<u64>,
}

/// What a key that never leaves is used for.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Usage {
    Sign,
    Verify,
    Mac,
    Encrypt,
    Decrypt,
    Wrap,
    Unwrap,
    Agree,
    Derive,
    Encapsulate,
    Decapsulate,
}

#[derive(Debug, Args)]
struct Issue {
    /// What people call it.
    name: String,
    /// Who it acts as; by default whoever asks.
    #[arg(long)]
    account: Option<String>,
    /// A scope; may be given more than once.
    #[arg(long)]
    scope: Vec<String>,
    /// A word to find it by; may be given more than once.
    #[arg(long)]
    tag: Vec<String>,
    /// When it ends (RFC 3339).
    #[arg(long)]
    expires_at: Option<String>,
    /// What its secret begins with.
    #[arg(long)]
    prefix: Option<String>,
    /// How its secret is written instead: `{"alphabet":"url_safe","private":43}` makes a token of `IntServ`'s.
    #[arg(long, conflicts_with = "prefix", value_parser = json::<wire::SecretFormat>)]
    format: Option<wire::SecretFormat>,
    /// What it is for.
    #[arg(long)]
    environment: Option<String>,
    /// A network that it may be used from; may be given more than once.
    #[arg(long)]
    ip_allow: Vec<String>,
    /// Refuse to remove it until this is taken away.
    #[arg(long)]
    protected: bool,
    /// What kind of key it is to be: `secret`, `access` or `crypto`; with an algorithm it is `crypto`.
    #[arg(long, value_parser = word::<wire::Kind>)]
    kind: Option<wire::Kind>,
    /// Everything else that `POST /v1/keys` takes, a door credential among it: a JSON object, or the name of a file with one,
    /// or `-` for standard input. What is given beside it counts more.
    #[arg(long, value_name = "DOCUMENT")]
    with: Option<String>,
    /// What a cryptographic key is to be: `P-256`, `Ed25519`, `AES-256`, and what else the API names.
    #[arg(long, requires = "usage", value_parser = word::<wire::CryptoAlgorithm>)]
    algorithm: Option<wire::CryptoAlgorithm>,
    /// What a cryptographic key may be used for; may be given more than once.
    #[arg(long, requires = "algorithm", value_parser = word::<wire::CryptoUsage>)]
    usage: Vec<wire::CryptoUsage>,
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, Args)]
struct RemoveMany {
    #[command(flatten)]
    filter: Filter,
    /// Why: `unspecified`, `retired`, `compromised`, `superseded` or `owner_left`. It is part of the plan.
    #[arg(long, value_parser = word::<wire::Reason>)]
    reason: Option<wire::Reason>,
    /// The hash of the plan that you have seen.
    #[arg(long)]
    plan_hash: Option<String>,
}

pub(crate) fn run(key: &Key) -> anyhow::Result<ExitCode> {
    let client = key.remote.client()?;
    super::runtime()?.block_on(carry_out(&client, &key.command))
}

async fn carry_out(client: &Client, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Issue(issue) => show_issued(&client.issue_key(&issue.key()?).await?)?,
        Command::Import => return import(client).await,
        Command::Find { id } => show(&client.find_key(id).await?)?,
        Command::List(list) => show(&client.list_keys(&wire::ListKeys::from(list)).await?)?,
        Command::Update { id, patch, version } => {
            show_changed(&client.update_key(id, &document(patch)?, *version).await?)?;
        }
        Command::Suspend { id, remove_at, version } => {
            let how = wire::SuspendKey { remove_at: remove_at.clone() };
            show_changed(&client.suspend_key(id, &how, *version).await?)?;
        }
        Command::Resume { id, version } => show(&client.resume_key(id, *version).await?)?,
        Command::Rotate { id, overlap_seconds, version } => {
            let how = wire::RotateKey { overlap_seconds: *overlap_seconds };
            show_issued(&client.rotate_key(id, &how, *version).await?)?;
        }
        Command::Verify { scope, ip } => {
            return Ok(verify(client, scope, *ip).await.unwrap_or_else(|error| {
                super::complain(&error);
                ExitCode::from(NOT_KNOWN)
            }));
        }
        Command::Remove(Remove { id: Some(id), reason, version, .. }) => {
            let removed = client.remove_key(id, *reason, *version).await?;
            show(&removed)?;
            warn_of(&removed.uncovered);
        }
        Command::Remove(remove) => show(&client.start_removal(&remove.keys()?).await?)?,
        Command::RemoveMany(many) => {
            let keys = wire::RemoveKeys::from(many);
            if keys.dry_run {
                show(&client.plan_removal(&keys).await?)?;
            } else {
                show(&client.start_removal(&keys).await?)?;
            }
        }
        Command::Removal { id, page } => {
            let progress = client.find_removal(id, &page.into()).await?;
            show(&progress)?;
            warn_of(&progress.uncovered);
        }
        Command::Use { id, usage, document } => make_use(client, id, *usage, document).await?,
        Command::Sign { id, scheme } => {
            let mut message = Zeroizing::new(Vec::new());
            // One byte more than is signed: a signature of a part would pass for one of the whole.
            std::io::stdin().take(MESSAGE + 1).read_to_end(&mut message)?;
            if message.len() as u64 > MESSAGE {
                bail!("the message is longer than 512 KiB; nothing was signed");
            }
            let context = wire::Bytes::default();
            let sign = wire::Sign { message: wire::Bytes(message), scheme: *scheme, context };
            show(&client.sign(id, &sign).await?)?;
        }
        Command::Usage { id } => show(&client.usage(id).await?)?,
        Command::Receipt { id } => {
            // A receipt has the id of what was removed.
            let id = id.split_once('_').map_or_else(|| id.clone(), |(_, id)| format!("rcpt_{id}"));
            super::say(client.receipt(&id).await?.trim_end());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show_issued(issued: &wire::Issued) -> anyhow::Result<()> {
    show(issued)?;
    warn_of(&issued.uncovered);
    Ok(())
}

/// A secret on standard input.
fn standard_input() -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

async fn make_use(client: &Client, id: &str, usage: Usage, given: &str) -> anyhow::Result<()> {
    match usage {
        Usage::Sign => show(&client.sign(id, &document(given)?).await?),
        Usage::Verify => show(&client.check(id, &document(given)?).await?),
        Usage::Mac => show(&client.authenticate(id, &document(given)?).await?),
        Usage::Encrypt => show(&client.encrypt(id, &document(given)?).await?),
        Usage::Decrypt => show(&client.decrypt(id, &document(given)?).await?),
        Usage::Wrap => show(&client.wrap(id, &document(given)?).await?),
        Usage::Unwrap => show(&client.unwrap(id, &document(given)?).await?),
        Usage::Agree => show(&client.agree(id, &document(given)?).await?),
        Usage::Derive => show(&client.derive_key(id, &document(given)?).await?),
        Usage::Encapsulate => show(&client.encapsulate(id).await?),
        Usage::Decapsulate => show(&client.decapsulate(id, &document(given)?).await?),
    }
}

impl Remove {
    /// The one key that is named by something else than its id.
    fn keys(&self) -> anyhow::Result<wire::RemoveKeys> {
        let secret = |text: &str| wire::Secret::new(text.to_owned());
        let door =
            |access_type, text: &str| wire::Identification { access_type, identification: secret(text) };
        let mut keys =
            wire::RemoveKeys { handle: self.handle.clone(), reason: self.reason, ..Default::default() };
        if let Some(badge) = &self.badge {
            keys.access = Some(door(wire::AccessType::Proximity, badge));
        } else if self.code {
            keys.access = Some(door(wire::AccessType::Code, &standard_input()?));
        } else if self.secret {
            keys.secret = Some(secret(&standard_input()?));
        }
        Ok(keys)
    }
}

async fn verify(
    client: &Client,
    scopes: &[String],
    ip: Option<std::net::IpAddr>,
) -> anyhow::Result<ExitCode> {
    let text = standard_input()?;
    let scopes = scopes.iter().map(|scope| wire::Text::from(scope.as_str())).collect();
    let question =
        wire::Verify { secret: Some(wire::Text::from(text.trim())), access: None, scopes, ip, cost: None };
    let verdict = client.verify(&question).await?;
    show(&verdict)?;
    Ok(match verdict {
        wire::Verdict::Valid(_) => ExitCode::SUCCESS,
        wire::Verdict::Refused(_) => ExitCode::FAILURE,
    })
}

async fn import(client: &Client) -> anyhow::Result<ExitCode> {
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(std::io::stdin().lock().lines()) {
        let line = Zeroizing::new(line?);
        if !line.trim().is_empty() {
            let key: wire::ImportKey =
                serde_json::from_str(&line).with_context(|| format!("line {number}"))?;
            keys.push(key);
        }
    }
    let mut answers = client.import_keys(keys).await?;
    let mut code = ExitCode::SUCCESS;
    while let Some(line) = answers.next().await? {
        if let wire::ImportOutcome::Problem(_) = line.outcome {
            code = ExitCode::FAILURE;
        }
        super::say(&serde_json::to_string(&line)?);
        warn_of(&line.uncovered);
    }
    Ok(code)
}

impl Issue {
    /// The key to issue: what the document says, and what is given beside it.
    fn key(&self) -> anyhow::Result<wire::IssueKey> {
        let with = self.with.as_deref().map(document::<Map<String, Value>>).transpose()?;
        let mut members = with.unwrap_or_default();
        let crypto =
            self.algorithm.map(|algorithm| wire::IssueCrypto { algorithm, usages: self.usage.clone() });
        let kind = self.kind.or(crypto.as_ref().map(|_| wire::Kind::Crypto));
        let given = serde_json::json!({
            "name": self.name,
            "kind": kind,
            "account_id": self.account,
            "scopes": self.scope,
            "tags": self.tag,
            "expires_at": self.expires_at,
            "prefix": self.prefix,
            "format": self.format,
            "environment": self.environment,
            "ip_allow": self.ip_allow,
            "protected": self.protected.then_some(true),
            "crypto": crypto,
        });
        if let Value::Object(given) = given {
            let is_given =
                |value: &Value| !value.is_null() && value.as_array().is_none_or(|all| !all.is_empty());
            members.extend(given.into_iter().filter(|(_, value)| is_given(value)));
        }
        serde_json::from_value(Value::Object(members)).context("what is given")
    }
}

impl From<&List> for wire::ListKeys {
    fn from(list: &List) -> Self {
        let (filter, page) = (wire::Filter::from(&list.filter), wire::Page::from(&list.page));
        Self {
            account_id: filter.account_id,
            kind: filter.kind,
            state: filter.state,
            environment: filter.environment,
            tag: filter.tag,
            handle: filter.handle,
            unused_since: filter.unused_since,
            expires_before: filter.expires_before,
            created_after: filter.created_after,
            created_before: filter.created_before,
            limit: page.limit,
            cursor: page.cursor,
        }
    }
}

impl From<&RemoveMany> for wire::RemoveKeys {
    fn from(many: &RemoveMany) -> Self {
        Self {
            filter: Some(wire::Filter::from(&many.filter)),
            reason: many.reason,
            dry_run: many.plan_hash.is_none(),
            plan_hash: many.plan_hash.clone(),
            ..Self::default()
        }
    }
}
