//! This file is about which language a request is in: that of its host, or else the one that claims it, or else ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use keyward_dialects::{Dialect, Request, native};

use crate::cli::inside;

/// Every language that is spoken.
pub(crate) struct Languages {
    /// Those of other systems, each for the requests that it claims.
    vendors: Vec<Arc<Dialect>>,
    native: Arc<Dialect>,
    /// The hosts, in lower case, where one is spoken whatever the path.
    hosts: Vec<(String, Arc<Dialect>)>,
}

impl Languages {
    /// All of them, with the names of hosts and of what is spoken there.
    pub(crate) fn new(hosts: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let vendors = keyward_dialects::vendors().map_err(inside)?.into_iter().map(Arc::new);
        let mut languages = Self {
            vendors: vendors.collect(),
            native: Arc::new(native::dialect().map_err(inside)?),
            hosts: Vec::new(),
        };
        let hosts: anyhow::Result<_> = hosts.iter().map(|(host, name)| languages.at(host, name)).collect();
        languages.hosts = hosts?;
        Ok(languages)
    }

    /// A host and the language of this name.
    fn at(&self, host: &str, name: &str) -> anyhow::Result<(String, Arc<Dialect>)> {
        let is_name = host.parse::<Authority>().is_ok_and(|authority| authority.host() == host);
        let is_lower = !host.bytes().any(|byte| byte.is_ascii_uppercase());
        let is_bare = is_lower && !host.ends_with('.');
        ensure!(
            is_name && is_bare,
            "hosts: `{host}` must be a host name in lower case, without a port or a dot at its end"
        );
        let all = || self.vendors.iter().chain([&self.native]);
        let dialect = all().find(|dialect| dialect.name == name).with_context(|| {
            let names: Vec<&str> = all().map(|dialect| dialect.name).collect();
            format!("hosts: `{host}` must be one of {}, not `{name}`", names.join(", "))
        })?;
        Ok((host.to_owned(), Arc::clone(dialect)))
    }

    /// Our own.
    pub(crate) fn native(&self) -> &Dialect {
        &self.native
    }

    /// That of a request.
    pub(crate) fn of(&self, parts: &Parts, request: &Request<'_>) -> &Dialect {
        let claimed = || self.vendors.iter().find(|dialect| (dialect.claims)(request));
        self.of_host(parts).or_else(claimed).unwrap_or(&self.native)
    }

    fn of_host(&self, parts: &Parts) -> Option<&Arc<Dialect>> {
        if self.hosts.is_empty() {
            return None;
        }
        // RFC 9112, section 3.2.2: the field does not count where the target itself names a host.
        let named = || parts.headers.get(HOST)?.to_str().ok()?.parse().ok();
        let authority: Authority = parts.uri.authority().cloned().or_else(named)?;
        // A name that is written to its root is the same name (RFC 1034, section 3.1).
        let name = authority.host();
        let name = name.strip_suffix('.').unwrap_or(name);
        let found = self.hosts.iter().find(|(host, _)| name.eq_ignore_ascii_case(host));
        found.map(|(_, dialect)| dialect)
    }
}
