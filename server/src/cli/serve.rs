//! This file is about `keyward serve`: open the store, learn what is live, serve.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use keyward_core::keyward::Keyward;
use keyward_store::{BackupFolders, Options, Standing};
use tracing::{error, info, warn};

use super::store::NEW_OWNER;
use crate::app::App;
use crate::config::{Config, Level};
use crate::environment::World;
use crate::{Storage, environment, keyfiles, serve, unit};

/// How many keys that cannot be used are named in the log.
const NAMED: usize = 100;

pub(crate) fn run(file: &Path) -> anyhow::Result<ExitCode> {
    let config = Config::read(file)?;
    log_to_standard_error(config.logging.level);
    let runtime = super::runtime()?;
    runtime.block_on(async {
        let app = open(&config).await?;
        unit::start(&app, config.encedo.as_ref()).await?;
        serve::serve(app, &config, |_| Ok(())).await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Opens the store. Behind its anchor, what comes back is locked: it answers, and accepts nothing.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Arc<App<Storage>>> {
    super::raise_descriptor_limit();
    let keys = keyfiles::read(config)?;
    let began = environment::moment();
    let store = Storage::open(&config.data, keys.signer, options(config))?;
    if store.standing() != Standing::Ready {
        error!("{}", store.standing());
        return App::locked(config);
    }
    let expected = store.slots();
    let started = Keyward::start(store, World::new(keys.roots), keys.pepper, expected);
    let keyward = started.await.map_err(super::inside)?;
    let unusable = keyward.unusable();
    for key in unusable.iter().take(NAMED) {
        error!(%key, "its slot does not open: restore it from a copy of the slots, or remove the key and issue a new one");
    }
    if unusable.len() > NAMED {
        error!(keys = unusable.len(), "so many slots do not open; `keyward store check` names more of them");
    }
    info!(keys = keyward.live().len(), seconds = began.elapsed().as_secs_f64(), "every live key is known");
    if !keyward.live().has_operator() {
        warn!("no owner of the first organization has a key that lives. If none has a password: {NEW_OWNER}");
    }
    App::open(keyward, config)
}

/// How the store is run by a server: where a sync fails, the process ends, and whoever starts it again finds
/// what was durable.
pub(crate) fn options(config: &Config) -> Options {
    Options {
        anchor: config.anchor.clone(),
        cache_bytes: config.cache_bytes,
        backups: config.backups.clone().map(|kept| BackupFolders { records: kept.folder, slots: kept.slots }),
        on_failure: Box::new(|why| {
            error!(why, "the store has failed; stopping, because what it holds now cannot be known");
            std::process::exit(74);
        }),
        ..Options::default()
    }
}

/// Writes JSON, one object a line.
pub(crate) fn log_to_standard_error(level: Level) {
    let level = match level {
        Level::Error => tracing::Level::ERROR,
        Level::Warn => tracing::Level::WARN,
        Level::Info => tracing::Level::INFO,
        Level::Debug => tracing::Level::DEBUG,
        Level::Trace => tracing::Level::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .finish();
    // Only the first one counts; a second call has nothing to add.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
