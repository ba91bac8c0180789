//! This file is about epochs: the time of one root.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The epoch that a re-rooting began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Epoch {
    /// Its id, `epoch_…`; the events that begin and finish it are about this.
    pub id: String,
    /// Its number: that of its root.
    pub number: u32,
    /// When it began: what was removed before is beyond recovery once it is finished.
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
    /// When the last older root was destroyed; `null` while there is one.
    #[schemars(extend("format" = "date-time"))]
    pub finished_at: Option<String>,
    /// How many slots were wrapped under its root since it began; `null` until it is finished.
    pub slots: Option<u64>,
}
