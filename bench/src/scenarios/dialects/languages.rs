//! This file is about how the same work is asked for in each language: making a key, looking an owner's up, removing one.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::keyward::Keyward;

pub(super) const NATIVE: &str = "native";

/// A method, a path and a body.
pub(super) type Asked = (&'static str, String, String);

/// A language, with credentials and somebody to make keys for.
pub(super) struct Language {
    pub(super) name: &'static str,
    /// The header field of its credential, where it has one.
    pub(super) credential: String,
    /// The request that makes a key; the number makes it differ from all others.
    pub(super) issue: Box<dyn Fn(usize) -> Asked>,
    /// What a key is removed by, in the answer to that.
    pub(super) id: fn(&Value) -> String,
    pub(super) remove: Box<dyn Fn(&str) -> Asked>,
    /// The request that looks up an owner's keys, if there is one.
    pub(super) look_up: Option<Asked>,
}

/// Who asks in each language, and for whom.
pub(super) struct Callers {
    /// The secret that asks in ours.
    pub(super) native: String,
    /// The account that keys are made for in ours.
    pub(super) account: String,
    /// A token of IntServ's.
    pub(super) intserv: String,
    /// A session of cielo24's.
    pub(super) cielo24: String,
    /// A key of discue's.
    pub(super) discue: String,
    /// A session of Resolver's.
    pub(super) resolver: String,
    /// The number of its user.
    pub(super) user: u64,
}

impl Callers {
    /// Those of a demo.
    pub(super) fn sign_in(keyward: &Keyward) -> Result<Self> {
        let (user, password) = (keyward.ready("/cielo24/username")?, keyward.ready("/cielo24/password")?);
        let login = format!("/api/account/login?v=1&username={user}&password={password}");
        let cielo24 = found(&keyward.ask("GET", &login, "", "")?, "/api_token")?;
        let body = json!({ "email": keyward.ready("/resolver/email")?, "password": keyward.ready("/resolver/password")? });
        let signed_in = keyward.ask("POST", "/user/authenticate", "", &body.to_string())?;
        let resolver = found(&signed_in, "/token")?;
        let me = keyward.ask("GET", "/user/users/me", &format!("Authorization: bearer {resolver}"), "")?;
        Ok(Self {
            native: keyward.secret.clone(),
            account: keyward.create_account("bench")?,
            intserv: keyward.ready("/intserv/token")?,
            cielo24,
            discue: keyward.ready("/discue/api_key")?,
            resolver,
            user: me.pointer("/id").and_then(Value::as_u64).context("a number")?,
        })
    }

    /// Every language, ours first.
    pub(super) fn languages(&self) -> Vec<Language> {
        let Self { account, user, .. } = self;
        let session = self.cielo24.clone();
        let cielo24 = move |call: &str| format!("/api/account/{call}&v=1&api_token={session}");
        let (generate, remove) = (cielo24.clone(), cielo24.clone());
        let (owner, user) = (account.clone(), *user);
        vec![
            Language {
                name: NATIVE,
                credential: format!("Authorization: Bearer {}", self.native),
                issue: Box::new(move |_| {
                    let body = json!({ "kind": "secret", "name": "bench", "account_id": owner });
                    ("POST", "/v1/keys".to_owned(), body.to_string())
                }),
                id: |made| found(made, "/key/id").unwrap_or_default(),
                remove: Box::new(|id| ("DELETE", format!("/v1/keys/{id}"), String::new())),
                look_up: Some(("GET", format!("/v1/keys?account_id={account}"), String::new())),
            },
            Language {
                name: "cielo24",
                credential: String::new(),
                issue: Box::new(move |_| ("GET", generate("generate_api_key?force_new=true"), String::new())),
                id: |made| found(made, "/ApiKey").unwrap_or_default(),
                remove: Box::new(move |key| {
                    ("GET", remove(&format!("remove_api_key?api_securekey={key}")), String::new())
                }),
                look_up: Some(("GET", cielo24("generate_api_key?"), String::new())),
            },
            Language {
                name: "discue",
                credential: format!("X-API-KEY: {}", self.discue),
                issue: Box::new(|_| ("POST", "/v1/api_keys".to_owned(), "{}".to_owned())),
                id: |made| found(made, "/_links/self/href").unwrap_or_default(),
                remove: Box::new(|path| ("DELETE", path.to_owned(), String::new())),
                look_up: Some(("GET", "/v1/api_keys".to_owned(), String::new())),
            },
            Language {
                name: "IntServ",
                credential: format!("Authorization: Bearer {}", self.intserv),
                issue: Box::new(|number| {
                    let badge = json!({ "type": "proximity", "identification": format!("EM:{number}") });
                    ("POST", "/v1/accesskeys/add".to_owned(), json!({ "key": badge }).to_string())
                }),
                id: |made| found(made, "/id").unwrap_or_default(),
                remove: Box::new(|id| {
                    ("POST", "/v1/accesskeys/remove".to_owned(), json!({ "id": id }).to_string())
                }),
                look_up: None,
            },
            Language {
                name: "Resolver",
                credential: format!("Authorization: bearer {}", self.resolver),
                issue: Box::new(move |_| {
                    let body = json!({ "orgUserId": user, "name": "bench" });
                    ("POST", "/user/apiKey".to_owned(), body.to_string())
                }),
                id: |made| made.pointer("/id").map(Value::to_string).unwrap_or_default(),
                remove: Box::new(|id| ("DELETE", format!("/user/apiKey/{id}"), String::new())),
                look_up: Some(("GET", format!("/user/apiKey/user/{user}"), String::new())),
            },
        ]
    }
}

fn found(answer: &Value, pointer: &str) -> Result<String> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("no {pointer}"))
}
