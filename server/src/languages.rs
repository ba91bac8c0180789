//! This file is about which language a request is in: that of its host, or else the one that claims it, or else ours.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use http::Method;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use keyward_core::error::Error;
use keyward_dialects::{Dialect, Request, native};

use crate::cli::inside;
use crate::config::Config;

/// Every language that is spoken.
pub(crate) struct Languages {
    /// Those of other systems, each for the requests that it claims.
    vendors: Vec<Arc<Dialect>>,
    native: Arc<Dialect>,
    /// The hosts, in lower case, where one is spoken whatever the path.
    hosts: Vec<(String, Arc<Dialect>)>,
    /// What stands in front of all paths of one, and which.
    prefixed: Option<(String, Arc<Dialect>)>,
}

impl Languages {
    /// All of them, where they are configured to be.
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        let vendors = keyward_dialects::vendors().map_err(inside)?.into_iter().map(Arc::new);
        let mut languages = Self {
            vendors: vendors.collect(),
            native: Arc::new(native::dialect().map_err(inside)?),
            hosts: Vec::new(),
            prefixed: None,
        };
        let hosts = config.hosts.iter().map(|(host, name)| languages.at(host, name));
        let hosts: anyhow::Result<_> = hosts.collect();
        languages.hosts = hosts?;
        let prefix = config.discue.as_ref().map(|discue| discue.prefix.as_str());
        languages.prefixed = prefix.map(|prefix| languages.below(prefix, "discue")).transpose()?;
        Ok(languages)
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Dialect>> {
        self.vendors.iter().chain([&self.native])
    }

    /// A prefix and the language of this name, unless one has calls there.
    fn below(&self, prefix: &str, name: &str) -> anyhow::Result<(String, Arc<Dialect>)> {
        let is_segment = |text: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            !matches!(text, "" | "." | "..") && text.bytes().all(fits)
        };
        let mut segments = prefix.split('/');
        ensure!(
            segments.next() == Some("") && prefix.len() > 1 && segments.all(is_segment),
            "{name}.prefix: `{prefix}` must be `/` and a name of letters, digits and `-._~`, once or more"
        );
        let inside = format!("{prefix}/{name}");
        for dialect in self.all() {
            let has_below = dialect.routes.iter().any(|route| behind(prefix, route.path).is_some());
            // Where a path of the other's has room for any name, this one would be it.
            let is_free = matches!(dialect.route(&Method::GET, &inside), Err(Error::NoRoute));
            ensure!(!has_below && is_free, "{name}.prefix: `{prefix}` is where {} has calls", dialect.name);
        }
        let dialect = self.all().find(|dialect| dialect.name == name).context("there is no such language")?;
        Ok((prefix.to_owned(), Arc::clone(dialect)))
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
        let dialect = self.all().find(|dialect| dialect.name == name).with_context(|| {
            let names: Vec<&str> = self.all().map(|dialect| dialect.name).collect();
            format!("hosts: `{host}` must be one of {}, not `{name}`", names.join(", "))
        })?;
        Ok((host.to_owned(), Arc::clone(dialect)))
    }

    /// Our own.
    pub(crate) fn native(&self) -> &Dialect {
        &self.native
    }

    /// That of a request, and how much of its path is the prefix. A prefix goes before what a language claims, and a host before
    /// both.
    pub(crate) fn of(&self, parts: &Parts, request: &Request<'_>) -> (&Dialect, usize) {
        let below = self.prefixed.as_ref().filter(|(prefix, _)| behind(prefix, request.path).is_some());
        let claimed = || self.vendors.iter().find(|dialect| (dialect.claims)(request));
        let prefixed = || below.map(|(_, dialect)| dialect);
        let dialect = self.of_host(parts).or_else(prefixed).or_else(claimed).unwrap_or(&self.native);
        let prefix = below.filter(|(_, prefixed)| Arc::ptr_eq(prefixed, dialect));
        (dialect, prefix.map_or(0, |(prefix, _)| prefix.len()))
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

/// What of a path stands behind a prefix, if it is below that.
fn behind<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
