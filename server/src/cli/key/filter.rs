//! This file is about which keys a command is for: the same filter wherever there may be more than one.

use clap::Args;
use keyward_client::wire;

use crate::cli::remote::word;

#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Of this account itself, not of those below it.
    #[arg(long)]
    account: Option<String>,
    /// `active`, `suspended` or `removed`.
    #[arg(long, value_parser = word::<wire::State>)]
    state: Option<wire::State>,
    /// With this tag.
    #[arg(long)]
    tag: Option<String>,
    /// With this handle.
    #[arg(long)]
    handle: Option<String>,
    /// Of this kind: `secret`, `access` or `crypto`.
    #[arg(long, value_parser = word::<wire::Kind>)]
    kind: Option<wire::Kind>,
    /// For this environment.
    #[arg(long)]
    environment: Option<String>,
    /// Not used since (RFC 3339).
    #[arg(long)]
    unused_since: Option<String>,
    /// Expiring before (RFC 3339).
    #[arg(long)]
    expires_before: Option<String>,
    /// Created then or later (RFC 3339).
    #[arg(long)]
    created_after: Option<String>,
    /// Created before (RFC 3339).
    #[arg(long)]
    created_before: Option<String>,
}

impl From<&Filter> for wire::Filter {
    fn from(filter: &Filter) -> Self {
        Self {
            account_id: filter.account.clone(),
            kind: filter.kind,
            state: filter.state,
            environment: filter.environment.clone(),
            tag: filter.tag.clone(),
            handle: filter.handle.clone(),
            unused_since: filter.unused_since.clone(),
            expires_before: filter.expires_before.clone(),
            created_after: filter.created_after.clone(),
            created_before: filter.created_before.clone(),
        }
    }
}
