//! This file is about `keyward demo`: one command that shows everything, on a store that is thrown away.

mod vendors;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use keyward_core::secret::Secret;
use serde_json::{Value, json};

use super::{Demo, say};
use crate::cli::{init, serve as serve_command};
use crate::config::{Config, Encedo, Level, Listen};
use crate::serve::{self, Addresses};
use crate::{tls, unit};

/// The file of the owner's secret in a demo's folder.
const SECRET: &str = "owner.secret";

pub(crate) fn run(demo: &Demo) -> anyhow::Result<ExitCode> {
    serve_command::log_to_standard_error(Level::Warn);
    let throw_away = match &demo.data {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("keyward-demo-").tempdir()?),
    };
    let folder = match (&demo.data, &throw_away) {
        (Some(folder), _) => folder.clone(),
        (None, Some(made)) => made.path().to_owned(),
        (None, None) => anyhow::bail!("no folder"),
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let mut config = init::config(
        &folder,
        Listen { http: Some(demo.listen), https: Some(demo.listen_tls), metrics: None },
    );
    config.tls = Some(tls::self_signed(&folder)?);
    config.encedo = Some(Encedo { key_file: folder.join(vendors::UNIT_KEY) });
    super::runtime()?.block_on(async {
        let secret = secret(&config, &folder).await?;
        let app = serve_command::open(&config).await?;
        let vendors = match app.keyward() {
            Some(keyward) => vendors::set_up(&app, keyward, &secret, &folder).await?,
            None => json!({}),
        };
        unit::start(&app, config.encedo.as_ref()).await?;
        serve::serve(app, &config, |addresses| {
            say(&shown(demo.json, addresses, &folder, &secret, vendors)?);
            Ok(())
        })
        .await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The owner's secret of this folder; a new one, with a new store, the first time.
pub(super) async fn secret(config: &Config, folder: &Path) -> anyhow::Result<Secret> {
    let file = folder.join(SECRET);
    if let Ok(text) = std::fs::read_to_string(&file) {
        return Secret::import(text.trim_end()).map_err(super::inside);
    }
    let secret = init::found(config, "keyward.example/demo", "demo", "owner").await?;
    super::write_secret(&file, &secret)?;
    Ok(secret)
}

fn shown(
    json: bool,
    addresses: Addresses,
    folder: &Path,
    secret: &Secret,
    vendors: Value,
) -> anyhow::Result<String> {
    let (http, https) = addresses.http.zip(addresses.https).context("both listeners are open")?;
    let (http, https) = (format!("http://{http}"), format!("https://{https}"));
    let secret = secret.expose();
    if json {
        let own = json!({ "http": http, "https": https, "data": folder, "native": { "secret": secret } });
        let parts = [own, vendors].into_iter().filter_map(|part| part.as_object().cloned());
        return Ok(Value::Object(parts.flatten().collect()).to_string());
    }
    let data = folder.display();
    // Whoever built it a moment ago has not installed it.
    let program = std::env::current_exe().context("this program's own place")?;
    let programs = program.parent().context("a program is in a folder")?.display();
    let vendors = vendors::lines(&http, &https, folder, &vendors);
    Ok(format!(
        r#"Keyward listens on {http} and, with a self-signed certificate, on {https}.
Its store is in {data}. Paste these lines into another terminal:

export KW={http} OWNER={secret} PATH="$PATH:{programs}"

# Issue a key.
curl -s $KW/v1/keys -H "Authorization: Bearer $OWNER" -H 'Content-Type: application/json' \
  -d '{{"kind":"secret","name":"first"}}' | tee issued.json
SECRET=$(sed 's/.*"secret":"\([^"]*\)".*/\1/' issued.json); ID=$(grep -o 'key_[0-9a-z]*' issued.json | head -1)

# Ask whether it is valid.
curl -s $KW/v1/keys/verify -H "Authorization: Bearer $OWNER" -H 'Content-Type: application/json' \
  -d "{{\"secret\":\"$SECRET\"}}"

# Remove it; the answer names the receipt.
curl -si -X DELETE $KW/v1/keys/$ID -H "Authorization: Bearer $OWNER"

# Ask again: no verifier accepts it any more.
curl -s $KW/v1/keys/verify -H "Authorization: Bearer $OWNER" -H 'Content-Type: application/json' \
  -d "{{\"secret\":\"$SECRET\"}}"

# Check the receipt, without the server.
curl -s $KW/v1/receipts/rcpt_${{ID#key_}} -H "Authorization: Bearer $OWNER" > receipt
keyward receipt check receipt --key {data}/keys/log.pub

{vendors}

Stop it with Ctrl-C."#
    ))
}
