//! What may be opened and asked, decided before a request leaves the browser.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aef_core::browser::NavigationPolicy;
use url::{Host, Url};

/// The rules of one session.
#[derive(Debug)]
pub(crate) struct Policy {
    allowed: Vec<OriginRule>,
    private: Vec<OriginRule>,
    strict: bool,
    evaluate: bool,
}

/// What the rules say about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may be sent.
    Allowed,
    /// It may be sent unless the host's name leads to a private address.
    AllowedIfPublic,
    /// It may not, for this rule.
    Refused(Rule),
}

/// A rule that refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Scheme,
    Origin,
    Private,
}

impl Rule {
    /// The rule's name, as a failure's reason.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Scheme => "scheme_refused",
            Self::Origin => "origin_refused",
            Self::Private => "private_address",
        }
    }

    /// What the rule says, to be put behind an address.
    pub(crate) const fn says(self) -> &'static str {
        match self {
            Self::Scheme => "only http and https documents may be opened",
            Self::Origin => "its origin is not in allowedOrigins",
            Self::Private => "it is a private, loopback or link-local address that the host does not allow",
        }
    }
}

/// URL patterns by which Chromium stops the requests whose address alone may show a private host. They may stop
/// too much, never too little: the address is looked at again. Everything else goes on without a round trip.
pub(crate) const PRIVATE_PATTERNS: [&str; 21] = [
    "*://0.*",
    "*://10.*",
    "*://100.*",
    "*://127.*",
    "*://169.254.*",
    "*://172.1*",
    "*://172.2*",
    "*://172.3*",
    "*://192.0.*",
    "*://192.168.*",
    "*://198.1*",
    "*://[*",
    "*://localhost*",
    "*://*.localhost*",
    "*://*.local/*",
    "*://*.local:*",
    "*://*.internal/*",
    "*://*.internal:*",
    "*://*.home.arpa*",
    "*://metadata*",
    "*://*@*",
];

impl Policy {
    pub(crate) fn new(policy: &NavigationPolicy) -> Self {
        let rules = |origins: &[String]| origins.iter().filter_map(|text| OriginRule::parse(text)).collect();
        Self {
            allowed: rules(&policy.allowed_origins),
            private: rules(&policy.allowed_private_origins),
            strict: policy.strict_origins,
            evaluate: policy.allow_evaluate,
        }
    }

    /// Whether subresources, too, must come from an allowed origin.
    pub(crate) const fn is_strict(&self) -> bool {
        self.strict
    }

    /// Whether scripts of the document may run.
    pub(crate) const fn allows_evaluate(&self) -> bool {
        self.evaluate
    }

    /// Judges a document: a tab's, a popup's, a frame's, or the answer to a form.
    pub(crate) fn document(&self, url: &Url) -> Verdict {
        if url.as_str() == "about:blank" || url.as_str() == "about:srcdoc" {
            return Verdict::Allowed;
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Verdict::Refused(Rule::Scheme);
        }
        if !self.allowed.iter().any(|rule| rule.matches(url)) {
            return Verdict::Refused(Rule::Origin);
        }
        self.address(url)
    }

    /// Judges a subresource, a fetch, or a socket.
    pub(crate) fn subresource(&self, url: &Url) -> Verdict {
        if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
            return Verdict::Allowed;
        }
        if self.strict && !self.allowed.iter().any(|rule| rule.matches(url)) {
            return Verdict::Refused(Rule::Origin);
        }
        self.address(url)
    }

    /// The hosts that need no judgement, as the browser takes what goes round a proxy. Without its first word loopback
    /// addresses would go round it, too; of several rules the last one counts.
    pub(super) fn beyond_judgement(&self) -> String {
        let free = self.private.iter().filter(|rule| !self.strict || self.allowed.contains(rule));
        std::iter::once("<-loopback>".to_owned())
            .chain(free.map(OriginRule::bypass))
            .collect::<Vec<_>>()
            .join(";")
    }

    /// Judges a connection: what speaks on it is not known yet.
    pub(super) fn connection(&self, host: &str, port: u16) -> Verdict {
        let bare = host.trim_matches(['[', ']']);
        let host = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
        let judged =
            ["http", "https"].map(|scheme| match Url::parse(&format!("{scheme}://{host}:{port}/")) {
                Ok(url) => self.subresource(&url),
                Err(_) => Verdict::Refused(Rule::Scheme),
            });
        match judged {
            [Verdict::Allowed, _] | [_, Verdict::Allowed] => Verdict::Allowed,
            [Verdict::AllowedIfPublic, _] | [_, Verdict::AllowedIfPublic] => Verdict::AllowedIfPublic,
            [refused, _] => refused,
        }
    }

    fn address(&self, url: &Url) -> Verdict {
        if self.private.iter().any(|rule| rule.matches(url)) {
            return Verdict::Allowed;
        }
        match url.host() {
            Some(Host::Ipv4(address)) if is_private(address.into()) => Verdict::Refused(Rule::Private),
            Some(Host::Ipv6(address)) if is_private(address.into()) => Verdict::Refused(Rule::Private),
            Some(Host::Domain(name)) if is_private_name(name) => Verdict::Refused(Rule::Private),
            Some(Host::Domain(_)) => Verdict::AllowedIfPublic,
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => Verdict::Allowed,
            None => Verdict::Refused(Rule::Scheme),
        }
    }
}

/// One entry of an origin list: `https://example.org`, with a port, or `https://*.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OriginRule {
    scheme: String,
    host: String,
    below: bool,
    port: Option<u16>,
}

impl OriginRule {
    /// Reads an entry; what is no origin allows nothing.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let below = rest.starts_with("*.");
        let url = Url::parse(&format!("{scheme}://{}", rest.strip_prefix("*.").unwrap_or(rest))).ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str()?.to_owned(),
            below,
            port: url.port_or_known_default(),
        })
    }

    /// Host and port. The scheme is left out, for sockets have another one.
    fn bypass(&self) -> String {
        let below = if self.below { "*." } else { "" };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{below}{}{port}", self.host)
    }

    /// Sockets belong to the origin whose scheme they correspond to.
    fn matches(&self, url: &Url) -> bool {
        let scheme = match url.scheme() {
            "ws" => "http",
            "wss" => "https",
            scheme => scheme,
        };
        let host = url.host_str().unwrap_or_default();
        let host_matches = if self.below {
            host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
        } else {
            host == self.host
        };
        scheme == self.scheme && host_matches && url.port_or_known_default() == self.port
    }
}

fn is_private_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || [".localhost", ".local", ".internal", ".home.arpa"].iter().any(|suffix| name.ends_with(suffix))
        || name == "metadata"
}

/// Whether an address is not of the public Internet: loopback, private, link-local (with the metadata services of
/// clouds), shared, benchmarking, multicast, reserved, or one of these inside IPv6 (RFC 6890).
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_private_v4(inner);
    }
    // NAT64 and 6to4 carry an IPv4 address that is asked in the end.
    if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [a, b] = segments[6].to_be_bytes();
        let [c, d] = segments[7].to_be_bytes();
        return is_private_v4(Ipv4Addr::new(a, b, c, d));
    }
    if segments[0] == 0x2002 {
        let [a, b] = segments[1].to_be_bytes();
        let [c, d] = segments[2].to_be_bytes();
        return is_private_v4(Ipv4Addr::new(a, b, c, d));
    }
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || (segments[0] & 0xfe00) == 0xfc00
        || (segments[0] & 0xffc0) == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allowed: &[&str], private: &[&str]) -> Policy {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Policy::new(&NavigationPolicy {
            allowed_origins: owned(allowed),
            allowed_private_origins: owned(private),
            ..NavigationPolicy::default()
        })
    }

    fn document(policy: &Policy, url: &str) -> Verdict {
        policy.document(&Url::parse(url).unwrap())
    }

    #[test]
    fn documents_come_only_from_allowed_origins() {
        let policy = policy(&["https://example.org", "https://*.example.net", "http://8.8.8.8:8080"], &[]);
        let refused = Verdict::Refused(Rule::Origin);
        assert_eq!(document(&policy, "https://example.org/a?b"), Verdict::AllowedIfPublic);
        assert_eq!(document(&policy, "https://example.org:443/"), Verdict::AllowedIfPublic);
        assert_eq!(document(&policy, "https://a.b.example.net/"), Verdict::AllowedIfPublic);
        assert_eq!(document(&policy, "http://8.8.8.8:8080/"), Verdict::Allowed);
        for other in [
            "http://example.org/",
            "https://example.org:8443/",
            "https://example.net/",
            "https://badexample.net/",
            "https://example.org.evil.com/",
            "https://example.org@evil.com/",
            "http://8.8.8.8/",
        ] {
            assert_eq!(document(&policy, other), refused, "{other}");
        }
    }

    #[test]
    fn only_web_pages_are_documents() {
        let policy = policy(&["https://example.org"], &[]);
        assert_eq!(document(&policy, "about:blank"), Verdict::Allowed);
        for other in
            ["file:///etc/passwd", "chrome://settings", "data:text/html,x", "javascript:1", "about:version"]
        {
            assert_eq!(document(&policy, other), Verdict::Refused(Rule::Scheme), "{other}");
        }
        assert_eq!(document(&policy, "blob:https://example.org/7"), Verdict::Refused(Rule::Scheme));
    }

    #[test]
    fn private_addresses_need_the_hosts_leave_however_they_are_written() {
        let origins = [
            "http://127.0.0.1:8000",
            "http://localhost:8000",
            "http://10.1.2.3",
            "http://169.254.169.254",
            "http://[::1]",
            "http://[::ffff:10.0.0.1]",
            "http://[64:ff9b::a9fe:a9fe]",
            "http://2130706433",
            "http://0x7f.1",
            "http://metadata.google.internal",
            "http://printer.local",
            "http://100.64.0.1",
        ];
        let without = policy(&origins, &[]);
        for origin in origins {
            assert_eq!(
                document(&without, &format!("{origin}/")),
                Verdict::Refused(Rule::Private),
                "{origin}"
            );
            let url = Url::parse(&format!("{origin}/x.js")).unwrap();
            assert_eq!(without.subresource(&url), Verdict::Refused(Rule::Private), "{origin}");
        }
        let with = policy(&origins, &origins);
        for origin in origins {
            assert_eq!(document(&with, &format!("{origin}/")), Verdict::Allowed, "{origin}");
        }
        // Leave for one port is no leave for another, and leave to ask is no leave to open.
        let one = policy(&["http://127.0.0.1:9000"], &["http://127.0.0.1:8000"]);
        assert_eq!(document(&one, "http://127.0.0.1:9000/"), Verdict::Refused(Rule::Private));
        assert_eq!(document(&one, "http://127.0.0.1:8000/"), Verdict::Refused(Rule::Origin));
        let socket = Url::parse("ws://127.0.0.1:8000/live").unwrap();
        assert_eq!(one.subresource(&socket), Verdict::Allowed);
    }

    #[test]
    fn subresources_may_be_public_unless_origins_are_strict() {
        let url = Url::parse("https://cdn.example.com/x.js").unwrap();
        assert_eq!(policy(&["https://example.org"], &[]).subresource(&url), Verdict::AllowedIfPublic);
        let strict = Policy::new(&NavigationPolicy {
            allowed_origins: vec!["https://example.org".into()],
            strict_origins: true,
            ..NavigationPolicy::default()
        });
        assert_eq!(strict.subresource(&url), Verdict::Refused(Rule::Origin));
    }

    #[test]
    fn only_what_is_allowed_by_address_goes_round_the_gateway() {
        let with = policy(
            &["https://example.org"],
            &["http://127.0.0.1:8000", "http://[::1]", "https://*.lan.example"],
        );
        assert_eq!(with.beyond_judgement(), "<-loopback>;127.0.0.1:8000;[::1]:80;*.lan.example:443");
        let strict = Policy::new(&NavigationPolicy {
            allowed_origins: vec!["http://127.0.0.1:8000".into()],
            allowed_private_origins: vec!["http://127.0.0.1:8000".into(), "http://10.0.0.1".into()],
            strict_origins: true,
            ..NavigationPolicy::default()
        });
        assert_eq!(strict.beyond_judgement(), "<-loopback>;127.0.0.1:8000");
    }

    #[test]
    fn an_entry_that_is_no_origin_allows_nothing() {
        for text in ["", "*", "example.org", "file://", "https://", "ftp://example.org"] {
            assert_eq!(OriginRule::parse(text), None, "{text}");
        }
    }
}
