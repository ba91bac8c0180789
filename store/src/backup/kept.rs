//! This file is about backups that a running store writes into the folders where its operator keeps them.
//!
//! A file has its name when it is whole and durable; until then it ends in `.part`, which no restore is given by mistake.

use std::fs;
use std::path::{Path, PathBuf};

use keyward_core::store::{Backup, ReadError, SlotCopy};
use keyward_core::time::Timestamp;

use crate::embedded::Shared;
use crate::layout::{OpenError, at, sync_folder_of};

/// Where backups of a running store go.
#[derive(Clone, Debug)]
pub struct BackupFolders {
    /// Everything but the slots.
    pub records: PathBuf,
    /// The slots; not given: they are not copied. As secret as the store itself, and best kept apart from the records.
    pub slots: Option<PathBuf>,
}

impl BackupFolders {
    /// Writes a backup, named for `time`; if that fails, takes away what there is of it.
    pub(crate) fn write(&self, shared: &Shared, time: Timestamp) -> Result<Backup, ReadError> {
        self.try_write(shared, time).map_err(|error| {
            if let OpenError::Read(error) = error {
                return error;
            }
            // A full disk is no damage, and a missing folder neither: what is asked for again later may work.
            ReadError::Unavailable(format!("no backup was written: {error}"))
        })
    }

    fn try_write(&self, shared: &Shared, time: Timestamp) -> Result<Backup, OpenError> {
        let records = Unfinished::named(&self.records, time, "records");
        let slots = self.slots.as_deref().map(|folder| Unfinished::named(folder, time, "slots"));
        let written = shared.backup(&records.part, slots.as_ref().map(|slots| slots.part.as_path()))?;
        let file = records.finish()?;
        let slots = slots.map(|copy| copy.finish().map(|file| SlotCopy { file, slots: written.slots }));
        Ok(Backup { file, records: written.records, events: written.events, slots: slots.transpose()? })
    }
}

/// A file that has not got its name yet. One that never does is removed.
struct Unfinished {
    part: PathBuf,
    whole: PathBuf,
    name: String,
}

impl Unfinished {
    fn named(folder: &Path, time: Timestamp, what: &str) -> Self {
        // Without colons, which `scp` takes for the end of a host's name.
        let name = format!("keyward-{}.{what}", time.to_string().replace([':', '-'], ""));
        Self { part: folder.join(format!("{name}.part")), whole: folder.join(&name), name }
    }

    fn finish(self) -> Result<String, OpenError> {
        // A link, because a name that is taken must not be given anew.
        fs::hard_link(&self.part, &self.whole).map_err(at(&self.whole))?;
        fs::remove_file(&self.part).map_err(at(&self.part))?;
        sync_folder_of(&self.whole).map_err(at(&self.whole))?;
        Ok(self.name.clone())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Nothing is there any more when it is finished, nor where it could not be made.
        let _ = fs::remove_file(&self.part);
    }
}
