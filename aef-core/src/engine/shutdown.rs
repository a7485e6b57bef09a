//! Ending a worker.

use tokio_util::sync::CancellationToken;

/// Tells workers to end. Clones tell the same ones.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    gentle: CancellationToken,
    sudden: CancellationToken,
}

impl Shutdown {
    /// One that has not been told yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets workers finish the actions in hand and hand their executions over.
    pub fn begin(&self) {
        self.gentle.cancel();
    }

    /// Makes workers drop everything. What was in hand is in doubt, and the journal says so.
    pub fn at_once(&self) {
        self.gentle.cancel();
        self.sudden.cancel();
    }

    /// Whether workers have been told to end.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.gentle.is_cancelled()
    }

    /// Waits until workers are told to end, one way or the other.
    pub async fn begun(&self) {
        self.gentle.cancelled().await;
    }

    /// Waits until workers are told to drop everything.
    pub(super) async fn sudden(&self) {
        self.sudden.cancelled().await;
    }

    /// One that follows this one, and can be told alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { gentle: self.gentle.child_token(), sudden: self.sudden.child_token() }
    }
}

impl From<CancellationToken> for Shutdown {
    /// A shutdown that begins when the token is cancelled.
    fn from(gentle: CancellationToken) -> Self {
        Self { gentle, sudden: CancellationToken::new() }
    }
}
