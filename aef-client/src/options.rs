//! How a client is set up.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

/// How a client is set up. [`ClientOptions::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Where the surface is: its origin, with a prefix where it has one.
    pub base_url: Url,
    /// Who asks. Default nobody.
    pub credential: Credential,
    /// How long a call may take. Default 90 s, which is longer than the longest wait of a live view.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes. Default 256 MiB.
    pub max_answer: usize,
    /// Whether the credential may be sent over plain http to another machine. Default false.
    pub plain_http: bool,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Nobody: only health and the description are answered.
    None,
    /// The holder of an API key, of a token that the host accepts, or of a status token.
    Bearer(SecretString),
    /// A service of the host.
    Internal {
        /// The secret that the host's services share.
        secret: SecretString,
        /// For which owner it asks; `None` where it asks for none.
        owner: Option<String>,
    },
}

impl ClientOptions {
    /// The defaults, with what has none.
    #[must_use]
    pub const fn new(base_url: Url) -> Self {
        Self {
            base_url,
            credential: Credential::None,
            timeout: Duration::from_secs(90),
            max_answer: 256 * 1024 * 1024,
            plain_http: false,
        }
    }

    /// The same with an API key or a token.
    #[must_use]
    pub fn bearer(mut self, key: impl Into<SecretString>) -> Self {
        self.credential = Credential::Bearer(key.into());
        self
    }
}
