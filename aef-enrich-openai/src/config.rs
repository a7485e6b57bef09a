//! Which endpoint is asked, and how patiently.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

/// Which endpoint is asked, and how patiently.
#[derive(Debug, Clone)]
pub struct ChatOptions {
    /// The address before `/chat/completions`: `https://api.example/v1`.
    pub base_url: Url,
    /// The model's name.
    pub model: String,
    /// The key, sent as a bearer token. Default none.
    pub key: Option<SecretString>,
    /// How long one request may take, its reply included. Default 60 s.
    pub timeout: Duration,
    /// How often a request is sent at most where the endpoint is busy (429, 5xx) or cannot be reached. Default 3.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles, and `Retry-After` lengthens it. Default 500 ms.
    pub retry_delay: Duration,
    /// The longest wait between two attempts, whatever the endpoint asks for. Default 20 s.
    pub longest_delay: Duration,
    /// The longest reply, in bytes. Default 1 MiB.
    pub max_reply: usize,
    /// How many steps are asked about in one request. Default 8.
    pub batch: usize,
}

impl ChatOptions {
    /// The options for an endpoint, with their defaults.
    pub fn new(base_url: Url, model: impl Into<String>) -> Self {
        Self {
            base_url,
            model: model.into(),
            key: None,
            timeout: Duration::from_secs(60),
            attempts: 3,
            retry_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(20),
            max_reply: 1024 * 1024,
            batch: 8,
        }
    }
}
