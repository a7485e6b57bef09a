//! What the host allows documents, whatever they say.

use crate::browser::NavigationPolicy;
use crate::document::BrowserConfig;

/// What the host allows documents, whatever they say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostPolicy {
    /// Which private, loopback and link-local addresses may be opened. Default none.
    pub private_origins: PrivateOrigins,
    /// Whether `evaluate` may run scripts. Default false.
    pub allow_evaluate: bool,
}

/// Which origins on private, loopback and link-local addresses may be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrivateOrigins {
    /// Only these, and of them only what a document allows, too.
    Listed(Vec<String>),
    /// Those that a document allows. For hosts whose documents are their operator's own, such as a command line.
    AsDocuments,
}

impl Default for PrivateOrigins {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl HostPolicy {
    /// What a session may open, given what its document allows.
    pub(super) fn navigation(&self, config: &BrowserConfig) -> NavigationPolicy {
        NavigationPolicy {
            allowed_origins: config.allowed_origins.clone(),
            strict_origins: config.strict_origins,
            allowed_private_origins: match &self.private_origins {
                PrivateOrigins::Listed(origins) => origins.clone(),
                PrivateOrigins::AsDocuments => config.allowed_origins.clone(),
            },
            allow_evaluate: self.allow_evaluate,
        }
    }
}

/// Whether `origin` is one of `allowed`: the same, or below one that is written `https://*.example.org`.
pub(super) fn origin_allowed(allowed: &[String], origin: &str) -> bool {
    let Some(origin) = Parts::of(origin) else { return false };
    allowed.iter().filter_map(|pattern| Parts::of(pattern)).any(|pattern| pattern.covers(&origin))
}

/// Scheme, host and port of an address or of a pattern.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Parts {
    fn of(text: &str) -> Option<Self> {
        // Not every parser takes a star for a host, so the pattern is read without it.
        let (text, wild) = match text.split_once("://*.") {
            Some((scheme, rest)) => (format!("{scheme}://{rest}"), true),
            None => (text.to_owned(), false),
        };
        let address = url::Url::parse(&text).ok()?;
        let host = address.host_str()?.to_ascii_lowercase();
        Some(Self {
            scheme: address.scheme().to_owned(),
            host: if wild { format!("*.{host}") } else { host },
            port: address.port_or_known_default(),
        })
    }

    fn covers(&self, origin: &Self) -> bool {
        let host = match self.host.strip_prefix('*') {
            Some(suffix) => origin.host.ends_with(suffix),
            None => origin.host == self.host,
        };
        host && self.scheme == origin.scheme && self.port == origin.port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_allowed_by_itself_or_by_a_star() {
        let allowed = |pattern: &str, origin: &str| origin_allowed(&[pattern.to_owned()], origin);
        assert!(allowed("https://crm.example/", "https://crm.example:443"));
        assert!(allowed("https://crm.example/login", "https://CRM.example"));
        assert!(allowed("https://*.example.org", "https://a.b.example.org"));
        assert!(!allowed("https://*.example.org", "https://example.org"));
        assert!(!allowed("https://*.example.org", "https://evilexample.org"));
        assert!(!allowed("https://crm.example", "http://crm.example"));
        assert!(!allowed("http://127.0.0.1:8080", "http://127.0.0.1:8081"));
        assert!(!allowed("https://crm.example", "null"));
        assert!(!origin_allowed(&[], "https://crm.example"));
    }

    #[test]
    fn private_addresses_are_opened_only_where_the_host_says_so() {
        let config =
            BrowserConfig { allowed_origins: vec!["http://127.0.0.1:1".into()], ..Default::default() };
        assert!(HostPolicy::default().navigation(&config).allowed_private_origins.is_empty());
        let policy = HostPolicy { private_origins: PrivateOrigins::AsDocuments, ..HostPolicy::default() };
        assert_eq!(policy.navigation(&config).allowed_private_origins, ["http://127.0.0.1:1"]);
    }
}
