//! This file is about the data folder: what lies where, who may open it, and which version wrote it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use keyward_core::store::ReadError;

/// The version of the folder that this program writes; it opens this one and every older one.
const VERSION: u32 = 1;
/// What the file `FORMAT` says before the version.
const PREFIX: &str = "keyward store ";

/// Why a store cannot be opened, made, backed up or restored. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no store here.
    #[error("{}: no store here; `keyward init` makes one", .0.display())]
    Missing(PathBuf),
    /// There is no store here, and an anchor knows that there was.
    #[error("{}: no store here, and the anchor {} knows one; restore it from a backup", .folder.display(), .anchor.display())]
    Lost {
        /// The data folder.
        folder: PathBuf,
        /// The anchor.
        anchor: PathBuf,
    },
    /// There is something here already.
    #[error("{}: not empty; a new store needs an empty folder, and an old one is opened with `keyward serve`", .0.display())]
    NotEmpty(PathBuf),
    /// Making the store was cut short.
    #[error("{}: making this store was cut short; it holds nothing yet: delete it and run the command again", .0.display())]
    Unfinished(PathBuf),
    /// Another process has the store open.
    #[error("{}: another process has this store open; stop it first", .0.display())]
    InUse(PathBuf),
    /// A newer version wrote the store.
    #[error("{}: written by a newer version (store format {found}, this program knows {VERSION}); use that version", .folder.display())]
    Newer {
        /// The data folder.
        folder: PathBuf,
        /// The format of the store.
        found: u32,
    },
    /// An anchor knows this log already, so an empty store must not begin it again.
    #[error("{}: this anchor belongs to a log that exists already; restore that store, or name another anchor", .0.display())]
    AnchorExists(PathBuf),
    /// The log was signed with another key.
    #[error("{}: the log's newest checkpoint is not signed by this key; configure the key that `keyward init` made", .0.display())]
    OtherKey(PathBuf),
    /// A file cannot be read or written.
    #[error("{}: {error}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What happened. No `source`: it is said already, and would be said twice.
        error: io::Error,
    },
    /// Something is there that nobody wrote.
    #[error("{}: damaged: {why}; {what_to_do}", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// The way out.
        what_to_do: &'static str,
    },
    /// The store's own words.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Says of an I/O error which file it is about.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |error| OpenError::Io { path, error }
}

/// What a data folder holds.
#[derive(Clone, Copy)]
pub(crate) enum Held {
    /// Nothing that anybody would miss.
    Nothing,
    /// Something, and not what says that it is a store.
    Parts,
    /// A store that events were committed to.
    All,
}

/// A data folder that this process has locked.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Whether making the store came to its end, as far as the folder says.
    is_finished: bool,
    /// Held for as long as the store is open; the system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Locks a folder that holds nothing yet, and makes it if need be.
    pub(crate) fn create(path: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(path).map_err(at(path))?;
        if fs::read_dir(path).map_err(at(path))?.next().is_some() {
            return Err(OpenError::NotEmpty(path.to_owned()));
        }
        Self::lock(path)
    }

    /// Locks a folder that holds a store, if this program knows its format. See [`Self::is_finished`].
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        if !["FORMAT", "slots", "engine"].into_iter().any(|name| path.join(name).exists()) {
            return Err(OpenError::Missing(path.to_owned()));
        }
        let folder = Self::lock(path)?;
        let file = folder.file("FORMAT");
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { is_finished: false, ..folder });
            }
            Err(error) => return Err(at(&file)(error)),
        };
        let version = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix('\n')?.parse().ok());
        match version {
            Some(1..=VERSION) => Ok(folder),
            Some(found) => Err(OpenError::Newer { folder: path.to_owned(), found }),
            None => Err(folder.without_format("it does not name a store format")),
        }
    }

    /// Whether it has `FORMAT`. Whoever makes or restores a store writes that last, after the store's own row.
    pub(crate) const fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Why a folder without `FORMAT` is not opened.
    pub(crate) fn unfinished(&self, held: Held) -> OpenError {
        match held {
            Held::Nothing => OpenError::Unfinished(self.path.clone()),
            Held::Parts => OpenError::Damaged {
                path: self.path.clone(),
                why: "restoring it was cut short, or files of it are lost".to_owned(),
                what_to_do: "restore the newest backup into an empty folder",
            },
            Held::All => self.without_format("it is missing, and the store is not empty"),
        }
    }

    fn without_format(&self, why: &str) -> OpenError {
        OpenError::Damaged {
            path: self.file("FORMAT"),
            why: why.to_owned(),
            what_to_do: "if everything else is whole, put the line `keyward store 1` into it",
        }
    }

    fn lock(path: &Path) -> Result<Self, OpenError> {
        let name = path.join("lock");
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).open(&name).map_err(at(&name))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), is_finished: true, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(at(&name)(error)),
        }
    }

    /// Says that the store is complete: the last step of making one.
    pub(crate) fn finish(&self) -> Result<(), OpenError> {
        let name = self.file("FORMAT");
        let write = || {
            let new = self.file("FORMAT.new");
            let mut file = File::create(&new)?;
            writeln!(file, "{PREFIX}{VERSION}")?;
            file.sync_all()?;
            fs::rename(&new, &name)?;
            sync_folder_of(&name)
        };
        write().map_err(at(&name))
    }

    /// A file of the store.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The engine's folder.
    pub(crate) fn engine(&self) -> PathBuf {
        self.file("engine")
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a file's name durable, after the file itself.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
