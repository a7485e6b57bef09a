//! How an SOP is transformed.

use crate::document::{CheckpointMode, Config};

/// How an SOP is transformed.
#[derive(Debug, Clone, PartialEq)]
pub struct TransformOptions {
    /// Where a person is asked before a step. Default: the mode of `config`, and where that names none, `all`.
    pub checkpoints: Option<CheckpointMode>,
    /// The caller's settings, laid over those that the transform makes; what is not given stays. Default none.
    ///
    /// Read from JSON, bare numbers are seconds.
    pub config: Config,
    /// How many iterations a loop may have. An SOP never says. Default 1000.
    pub max_iterations: u32,
}

impl Default for TransformOptions {
    fn default() -> Self {
        Self { checkpoints: None, config: Config::default(), max_iterations: 1000 }
    }
}

impl TransformOptions {
    /// The mode of checkpoints that these options come to.
    #[must_use]
    pub fn checkpoint_mode(&self) -> CheckpointMode {
        let of_config = self.config.checkpoints.as_ref().and_then(|checkpoints| checkpoints.mode);
        self.checkpoints.or(of_config).unwrap_or(CheckpointMode::All)
    }
}
