//! Secrets: names in documents, values only where they are entered.

mod env;
mod file;
mod map;

use async_trait::async_trait;
pub use secrecy::{ExposeSecret, SecretString};

pub use self::env::EnvSecrets;
pub use self::file::{FileSecrets, SecretFileError};
pub use self::map::MapSecrets;

use crate::ids::{DocumentId, OwnerId, StepId};
use crate::recovery::{ErrorKind, Failure};

/// Who asks for which secret, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRequest {
    /// Whose execution it is.
    pub owner: OwnerId,
    /// The document that names the secret.
    pub document: DocumentId,
    /// The step that enters it.
    pub step: StepId,
    /// The name in `{{ secrets.NAME }}`.
    pub name: String,
    /// The origin of the page in which it is entered, or `None` where no page is involved.
    pub origin: Option<String>,
}

/// Why a secret was not given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Nobody has told its value.
    #[error("secret `{name}` has no value: {help}")]
    Missing {
        /// The secret's name.
        name: String,
        /// Where its value is looked for.
        help: String,
    },
    /// It may not be entered there.
    #[error("secret `{name}` may not be entered on {origin}")]
    OriginRefused {
        /// The secret's name.
        name: String,
        /// The page's origin.
        origin: String,
    },
    /// A person gave it in a form, in another process or before a crash: such values are not kept.
    #[error(
        "the value of `{name}` has to be given once more: such values are kept by no file and no journal"
    )]
    NotGiven {
        /// The secret's name.
        name: String,
    },
    /// The place where secrets are kept did not answer.
    #[error("secret `{name}` could not be read")]
    Unavailable {
        /// The secret's name.
        name: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The reason of a failure by [`SecretError::NotGiven`], upon which the machine asks the person again.
pub(crate) const NOT_GIVEN: &str = "not_given";

impl SecretError {
    /// The failure of an action that was to enter it, for drivers.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let failure = Failure::new(ErrorKind::SecretMissing, self.to_string());
        match self {
            Self::NotGiven { .. } => failure.with_reason(NOT_GIVEN),
            Self::OriginRefused { .. } => failure.with_reason("origin_refused"),
            Self::Missing { .. } | Self::Unavailable { .. } => failure,
        }
    }
}

/// Gives the values of secrets. A value is asked for at the moment it is entered, and forgotten after.
#[async_trait]
pub trait SecretProvider: std::fmt::Debug + Send + Sync + 'static {
    /// Gives the value of one secret.
    ///
    /// # Errors
    /// [`SecretError::Missing`] where there is none, [`SecretError::Unavailable`] where it cannot be read.
    async fn resolve(&self, request: SecretRequest) -> Result<SecretString, SecretError>;

    /// Whether a value can be expected, asked before an execution starts so that a missing one is told at once.
    ///
    /// # Errors
    /// As for [`SecretProvider::resolve`].
    async fn available(
        &self,
        owner: &OwnerId,
        document: &DocumentId,
        name: &str,
    ) -> Result<bool, SecretError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn request(name: &str) -> SecretRequest {
        SecretRequest {
            owner: "owner".into(),
            document: "document".into(),
            step: "step".into(),
            name: name.to_owned(),
            origin: None,
        }
    }
}
