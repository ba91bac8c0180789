//! This file is about `keyward init`: a new store, its keys, and the first owner.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use keyward_core::keyward::Keyward;
use keyward_core::secret::Secret;
use keyward_store::Options;

use super::{Init, say, serve};
use crate::app::App;
use crate::bootstrap::Bootstrap;
use crate::config::{Config, Encedo, Level, Limits, Listen, Logging, Pkcs11, Roots};
use crate::environment::World;
use crate::{Storage, keyfiles};

pub(crate) fn run(init: &Init) -> anyhow::Result<ExitCode> {
    serve::log_to_standard_error(Level::Warn);
    let file = init.folder.join("keyward.toml");
    let bootstrap = init.bootstrap.as_deref().map(Bootstrap::read).transpose()?;
    if file.exists() {
        if let (Some(bootstrap), Some(plan)) = (&bootstrap, &init.bootstrap) {
            return super::runtime()?.block_on(set_up(&Config::read(&file)?, bootstrap, folder_of(plan)));
        }
        bail!("{}: there is a configuration already; start it with `keyward serve`", file.display());
    }
    let mut config = Config {
        roots: Roots { credential: init.credential.clone(), ..Roots::default() },
        pkcs11: init.pkcs11.as_ref().map(absolute_token).transpose()?,
        ..config(Path::new("."), Listen { http: Some(init.listen), https: None, metrics: None })
    };
    if let (Some(bootstrap), Some(plan)) = (&bootstrap, &init.bootstrap) {
        let folder = folder_of(&std::path::absolute(plan)?).to_owned();
        config.encedo = bootstrap.unit_key().map(|file| Encedo { key_file: folder.join(file) });
    }
    let owner_file = match (&bootstrap, &init.bootstrap) {
        (Some(bootstrap), Some(plan)) => folder_of(plan).join(&bootstrap.owner_secret_file),
        (_, _) => init.folder.join("owner.secret"),
    };
    // Before anything is made: the secret is shown once, and there would be nowhere to put it.
    if owner_file.symlink_metadata().is_ok() {
        bail!("{}: it exists, and is where the owner's secret is to be written", owner_file.display());
    }
    let absolute = absolute(&config, &init.folder);
    std::fs::create_dir_all(&init.folder).with_context(|| format!("{}", init.folder.display()))?;
    let runtime = super::runtime()?;
    let secret = runtime.block_on(found(&absolute, &init.log_name, &init.organization, &init.owner))?;
    super::write_secret(&owner_file, &secret)?;
    std::fs::write(&file, toml::to_string(&config)?).with_context(|| format!("{}", file.display()))?;
    if let (Some(bootstrap), Some(plan)) = (&bootstrap, &init.bootstrap) {
        runtime.block_on(set_up(&absolute, bootstrap, folder_of(plan)))?;
    }
    if init.json {
        let shown =
            serde_json::json!({ "config": file, "secret": secret.expose(), "secret_file": owner_file });
        say(&format!("{shown}"));
    } else {
        say(&next_steps(init, &file, &owner_file, &secret));
    }
    Ok(ExitCode::SUCCESS)
}

/// What whoever has made a store needs to know.
fn next_steps(init: &Init, config: &Path, owner: &Path, secret: &Secret) -> String {
    let (config, owner) = (config.display(), owner.display());
    format!(
        "The first owner's secret, shown this once, and kept in {owner}, which you alone may read:\n\n    {}\n\n\
         Start the server with\n\n    keyward serve --config {config}\n\n\
         Every other command asks it where these say, with that secret:\n\n    \
         export KEYWARD_URL=http://{} KEYWARD_SECRET_FILE={owner}\n    keyward key list\n\n\
         Receipts and the log are checked with {}; give it to whoever is to trust them.",
        secret.expose(),
        init.listen,
        init.folder.join("keys/log.pub").display(),
    )
}

/// Makes what a file declares and the store lacks.
async fn set_up(config: &Config, bootstrap: &Bootstrap, folder: &Path) -> anyhow::Result<ExitCode> {
    let file = folder.join(&bootstrap.owner_secret_file);
    let text = std::fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
    let owner = Secret::import(text.trim_end()).map_err(super::inside)?;
    let keys = keyfiles::read(config)?;
    let options = Options { anchor: config.anchor.clone(), ..Options::default() };
    let store = Storage::open(&config.data, keys.signer, options)?;
    let keyward =
        Keyward::start(store, World::new(keys.roots), keys.pepper, 0).await.map_err(super::inside)?;
    let owner = keyward.authenticate(owner.expose(), None).map_err(super::inside).with_context(|| {
        let file = file.display();
        format!("{file}: no secret that works (any more): put that of an owner's key there")
    })?;
    let app = App::open(keyward, config)?;
    bootstrap.apply(&app, owner, folder).await?;
    Ok(ExitCode::SUCCESS)
}

/// What the paths in a file are relative to.
fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("."))
}

/// The configuration of a store in one folder.
pub(crate) fn config(folder: &Path, listen: Listen) -> Config {
    Config {
        data: folder.join("data"),
        keys: folder.join("keys"),
        anchor: Some(folder.join("anchor")),
        listen,
        tls: None,
        roots: Roots::default(),
        pkcs11: None,
        backups: None,
        limits: Limits::default(),
        logging: Logging::default(),
        traces: None,
        encedo: None,
        hosts: BTreeMap::new(),
        discue: None,
        cache_bytes: 256 << 20,
    }
}

/// A token as it is named on the command line, wherever the configuration will lie.
fn absolute_token(token: &Pkcs11) -> anyhow::Result<Pkcs11> {
    let [module, pin_file] = [std::path::absolute(&token.module)?, std::path::absolute(&token.pin_file)?];
    Ok(Pkcs11 { module, pin_file, token: token.token.clone() })
}

fn absolute(config: &Config, folder: &Path) -> Config {
    Config {
        data: folder.join(&config.data),
        keys: folder.join(&config.keys),
        anchor: config.anchor.as_ref().map(|anchor| folder.join(anchor)),
        ..config.clone()
    }
}

/// Makes keys, store, organization and owner; the owner's secret.
pub(crate) async fn found(
    config: &Config,
    log_name: &str,
    organization: &str,
    owner: &str,
) -> anyhow::Result<Secret> {
    let keys = keyfiles::create(config, log_name)?;
    let options = Options { anchor: config.anchor.clone(), ..Options::default() };
    let store = Storage::create(&config.data, keys.signer, options)?;
    let keyward =
        Keyward::start(store, World::new(keys.roots), keys.pepper, 0).await.map_err(super::inside)?;
    let (_, secret) = keyward.found(organization, owner).await.map_err(super::inside)?;
    Ok(secret)
}
