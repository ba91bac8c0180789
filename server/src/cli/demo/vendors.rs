//! This file is about what a demo sets up for the clients of other systems, and how it tells.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use keyward_core::store::Store;
use serde_json::{Value, json};
use tracing::warn;

use crate::app::App;
use crate::bootstrap::{Bootstrap, named, organizations};
use crate::environment::{self, World};

/// What the unit of Encedo HEM is called, as [`BOOTSTRAP`] says it: clients go on under this name.
const HOSTNAME: &str = "127.0.0.1";

/// What is to be there.
const BOOTSTRAP: &str = include_str!("vendors.toml");

/// The passwords, by the files that [`BOOTSTRAP`] names. They open nothing but a demo.
const PASSWORDS: [(&str, &str); 3] = [
    ("cielo24.password", "api_test"),
    (USER_PASSPHRASE, "example passphrase"),
    ("encedo-master.passphrase", "example admin passphrase"),
];

/// The file of what the user of the unit of Encedo HEM signs in with.
const USER_PASSPHRASE: &str = "encedo-user.passphrase";

/// The file of the key that the unit of Encedo HEM acts by, as [`BOOTSTRAP`] names it.
pub(super) const UNIT_KEY: &str = "encedo.key";

/// The files of passwords that are drawn.
const DRAWN: [&str; 2] = ["resolver.password", "resolver-super.password"];

/// Sets up what is missing; every vendor's credentials, by its name.
pub(super) async fn set_up<S: Store>(
    app: &App<S>,
    keyward: &Arc<Keyward<S, World>>,
    owner: &Secret,
    folder: &Path,
) -> anyhow::Result<Value> {
    let drawn = DRAWN.map(|file| (file, drawn_password()));
    let fixed = PASSWORDS.map(|(file, password)| (file, password.to_owned()));
    for (file, password) in fixed.into_iter().chain(drawn) {
        let file = folder.join(file);
        if !file.exists() {
            crate::keyfiles::write_new(&file, password.as_bytes(), 0o600)?;
        }
    }
    let bootstrap: Bootstrap = toml::from_str(BOOTSTRAP).context("the demo's own bootstrap file")?;
    match keyward.authenticate(owner.expose(), None) {
        Ok(owner) => bootstrap.apply(app, owner, folder).await?,
        // Somebody removed or stopped it. What was set up before goes on without it.
        Err(_) => warn!("the owner's secret is no longer accepted: nothing more is set up"),
    }
    credentials(folder, number_of(keyward.store(), "resolver").await?)
}

/// 128 random bits. A store that a demo made may be served to more than its maker.
fn drawn_password() -> String {
    let mut bits = [0; 16];
    environment::fill(&mut bits);
    format!("{:032x}", u128::from_be_bytes(bits))
}

/// The number of the organization of this name, whoever may see it.
async fn number_of<S: Store>(store: &S, name: &str) -> anyhow::Result<Option<u32>> {
    Ok(named(&organizations(store).await?, name).map(|known| known.id.id().number()))
}

fn credentials(folder: &Path, resolver: Option<u32>) -> anyhow::Result<Value> {
    let secret = |file: &str| {
        let file = folder.join(file);
        let text = std::fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
        anyhow::Ok(text.trim_end().to_owned())
    };
    Ok(json!({
        "intserv": { "token": secret("intserv.token")? },
        "cielo24": { "username": "api_test", "password": secret("cielo24.password")? },
        "encedo": {
            "user_passphrase": secret(USER_PASSPHRASE)?,
            "master_passphrase": secret("encedo-master.passphrase")?,
            "hostname": HOSTNAME,
        },
        "discue": { "api_key": secret("discue.key")? },
        "resolver": {
            "email": "admin@resolver.example",
            "password": secret("resolver.password")?,
            "org_id": resolver,
            "super_email": "super@resolver.example",
            "super_password": secret("resolver-super.password")?,
        },
    }))
}

/// Each vendor's removal, as lines to paste.
pub(super) fn lines(http: &str, https: &str, folder: &Path, all: &Value) -> String {
    let passphrase_file = folder.join(USER_PASSPHRASE);
    let passphrase_file = passphrase_file.display();
    let text = |pointer: &str| all.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (token, key) = (text("/intserv/token"), text("/discue/api_key"));
    let (user, password) = (text("/cielo24/username"), text("/cielo24/password"));
    let (email, passphrase) = (text("/resolver/email"), text("/resolver/password"));
    format!(
        r#"# The same for the clients of other systems, in their own words.

# IntServ: a badge is made, and removed.
curl -s {http}/v1/accesskeys/add -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \
  -d '{{"key":{{"type":"proximity","identification":"EM:1234567890"}}}}'
curl -si {http}/v1/accesskeys/remove -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \
  -d '{{"key":{{"type":"proximity","identification":"EM:1234567890"}}}}'

# cielo24: sign in, make a key, remove it.
TOKEN=$(curl -s "{http}/api/account/login?v=1&username={user}&password={password}" | grep -o '[0-9a-f]\{{32\}}' | head -1)
KEY=$(curl -s "{http}/api/account/generate_api_key?v=1&api_token=$TOKEN" | grep -o '[0-9a-f]\{{32\}}')
curl -si "{http}/api/account/remove_api_key?v=1&api_token=$TOKEN&api_securekey=$KEY"

# discue: make a key, remove it.
ID=$(curl -s -X POST {http}/v1/api_keys -H 'X-API-KEY: {key}' -H 'Content-Type: application/json' -d '{{}}' \
  | sed 's/.*api_keys\/\([^"]*\)".*/\1/')
curl -si -X DELETE {http}/v1/api_keys/$ID -H 'X-API-KEY: {key}'

# Resolver: sign in, make a key, remove it; or do so on the page {http}/user/docs/.
TOKEN=$(curl -s {http}/user/authenticate -H 'Content-Type: application/json' \
  -d '{{"email":"{email}","password":"{passphrase}"}}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
WHO=$(curl -s {http}/user/users/me -H "Authorization: bearer $TOKEN" | sed 's/.*"id":\([0-9]*\).*/\1/')
ID=$(curl -s {http}/user/apiKey -H "Authorization: bearer $TOKEN" -H 'Content-Type: application/json' \
  -d "{{\"orgUserId\":$WHO,\"name\":\"first\"}}" | sed 's/.*"id":\([0-9]*\).*/\1/')
curl -si -X DELETE {http}/user/apiKey/$ID -H "Authorization: bearer $TOKEN"

# Encedo HEM: sign in with the passphrase, make a key that never leaves, remove it. Over TLS alone.
session() {{
  curl -sk {https}/api/auth/token -d "$(curl -sk {https}/api/auth/token |
    keyward encedo answer --passphrase-file {passphrase_file} --scope $1)" | sed 's/.*"token":"\([^"]*\)".*/\1/'
}}
KID=$(curl -sk {https}/api/keymgmt/create -H "Authorization: Bearer $(session keymgmt:gen)" \
  -d '{{"label":"first","type":"ED25519"}}' | sed 's/.*"kid":"\([^"]*\)".*/\1/')
curl -sik -X DELETE {https}/api/keymgmt/delete/$KID -H "Authorization: Bearer $(session keymgmt:del)""#
    )
}
