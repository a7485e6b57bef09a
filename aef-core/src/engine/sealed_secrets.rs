//! Secrets that owners give to the host, kept in its store under its key.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::sealing::{self, Sealed};
use crate::ids::{DocumentId, OwnerId};
use crate::secrets::{ExposeSecret as _, SecretError, SecretProvider, SecretRequest, SecretString};
use crate::store::{SecretName, SecretStore, StoreError, StoreErrorKind};

/// The longest value of a secret, in bytes.
pub const MAX_SECRET: usize = 64 * 1024;

/// The longest name of a secret, in characters.
pub const MAX_SECRET_NAME: usize = 128;

/// Gives the secrets that owners have given to the host. A value can be set and removed, and read only by an execution of
/// its owner: the store keeps it encrypted under a key that the host holds, bound to owner and name.
#[derive(Clone)]
pub struct SealedSecrets {
    store: Arc<dyn SecretStore>,
    /// The first seals; the others opened what it replaced.
    keys: Vec<[u8; 32]>,
}

/// Why a secret was not kept or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealedSecretsError {
    /// A document could not name it so.
    #[error("`{0}` is no name of a secret: at most 128 letters, digits and underscores, no digit first")]
    Name(String),
    /// The value is empty, or longer than [`MAX_SECRET`].
    #[error("the value has {0} bytes; it may have from 1 to {MAX_SECRET}")]
    Length(usize),
    /// The host has set no key.
    #[error("the host has set no key for secrets")]
    NoKey,
    /// It could not be encrypted.
    #[error("the value cannot be encrypted")]
    Sealing(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store did not do it.
    #[error("the store did not keep it")]
    Store(#[source] StoreError),
}

impl SealedSecrets {
    /// Secrets in this store, encrypted with the first of the keys and decrypted with any. All processes that share the store
    /// share the keys.
    #[must_use]
    pub fn new(store: Arc<dyn SecretStore>, keys: Vec<[u8; 32]>) -> Self {
        Self { store, keys }
    }

    /// Keeps a secret; one of that name is replaced.
    ///
    /// # Errors
    /// Where name or value are not acceptable, or the store fails.
    pub async fn set(
        &self,
        owner: &OwnerId,
        name: &str,
        value: &SecretString,
    ) -> Result<(), SealedSecretsError> {
        if !is_name(name) {
            return Err(SealedSecretsError::Name(name.chars().take(MAX_SECRET_NAME).collect()));
        }
        let plain = value.expose_secret().as_bytes();
        if plain.is_empty() || plain.len() > MAX_SECRET {
            return Err(SealedSecretsError::Length(plain.len()));
        }
        let key = self.keys.first().ok_or(SealedSecretsError::NoKey)?;
        let sealed = sealing::seal(key, plain, &bound(owner, name))
            .map_err(|error| SealedSecretsError::Sealing(error.into()))?;
        let kept = self.store.put_secret(owner, name, Bytes::from(sealed)).await;
        kept.map_err(SealedSecretsError::Store)
    }

    /// Removes a secret.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`.
    pub async fn remove(&self, owner: &OwnerId, name: &str) -> Result<(), StoreError> {
        self.store.remove_secret(owner, name).await
    }

    /// The names of an owner's secrets.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn names(&self, owner: &OwnerId) -> Result<Vec<SecretName>, StoreError> {
        self.store.secret_names(owner).await
    }

    async fn open(&self, owner: &OwnerId, name: &str) -> Result<SecretString, SecretError> {
        let unavailable = |source: Box<dyn std::error::Error + Send + Sync>| SecretError::Unavailable {
            name: name.to_owned(),
            source,
        };
        let sealed = match self.store.sealed_secret(owner, name).await {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == StoreErrorKind::NotFound => {
                let help = "its owner has given none to the host".to_owned();
                return Err(SecretError::Missing { name: name.to_owned(), help });
            }
            Err(error) => return Err(unavailable(error.into())),
        };
        let plain = sealing::open(&self.keys, &sealed, &bound(owner, name))
            .map_err(|error: Sealed| unavailable(error.into()))?;
        String::from_utf8(plain).map(SecretString::from).map_err(|error| unavailable(error.into()))
    }
}

impl fmt::Debug for SealedSecrets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SealedSecrets").field("store", &self.store).finish_non_exhaustive()
    }
}

#[async_trait]
impl SecretProvider for SealedSecrets {
    async fn resolve(&self, request: SecretRequest) -> Result<SecretString, SecretError> {
        self.open(&request.owner, &request.name).await
    }

    async fn available(&self, owner: &OwnerId, _: &DocumentId, name: &str) -> Result<bool, SecretError> {
        match self.open(owner, name).await {
            Ok(_) => Ok(true),
            Err(SecretError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn is_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() <= MAX_SECRET_NAME
        && name.chars().next().is_some_and(|first| !first.is_ascii_digit())
        && name.chars().all(letters)
}

/// What a value is bound to. Names have no line breaks, so no two of these read alike.
fn bound(owner: &OwnerId, name: &str) -> String {
    format!("secret\n{name}\n{owner}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};

    use jiff::Timestamp;

    use super::*;

    /// What a store sees.
    #[derive(Debug, Default)]
    struct Seen(Mutex<BTreeMap<(OwnerId, String), Bytes>>);

    impl Seen {
        fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<(OwnerId, String), Bytes>> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    #[async_trait]
    impl SecretStore for Seen {
        async fn put_secret(&self, owner: &OwnerId, name: &str, sealed: Bytes) -> Result<(), StoreError> {
            self.kept().insert((owner.clone(), name.to_owned()), sealed);
            Ok(())
        }

        async fn sealed_secret(&self, owner: &OwnerId, name: &str) -> Result<Bytes, StoreError> {
            let found = self.kept().get(&(owner.clone(), name.to_owned())).cloned();
            found.ok_or_else(|| StoreError::new("sealed_secret", StoreErrorKind::NotFound, "there is none"))
        }

        async fn secret_names(&self, owner: &OwnerId) -> Result<Vec<SecretName>, StoreError> {
            let own: Vec<_> = self.kept().keys().filter(|(of, _)| of == owner).cloned().collect();
            let named = |(_, name)| SecretName { name, updated_at: Timestamp::UNIX_EPOCH };
            Ok(own.into_iter().map(named).collect())
        }

        async fn remove_secret(&self, owner: &OwnerId, name: &str) -> Result<(), StoreError> {
            self.kept().remove(&(owner.clone(), name.to_owned()));
            Ok(())
        }
    }

    fn secrets(key: u8) -> (Arc<Seen>, SealedSecrets) {
        let store = Arc::new(Seen::default());
        (store.clone(), SealedSecrets::new(store, vec![[key; 32]]))
    }

    fn request(owner: &str, name: &str) -> SecretRequest {
        SecretRequest {
            owner: owner.into(),
            document: "document".into(),
            step: "step".into(),
            name: name.to_owned(),
            origin: None,
        }
    }

    #[tokio::test]
    async fn a_value_comes_back_to_its_owner_and_the_store_never_sees_it() {
        let (store, secrets) = secrets(7);
        let ada = OwnerId::from("ada");
        secrets.set(&ada, "crm_password", &"hunter2".into()).await.unwrap();
        let value = secrets.resolve(request("ada", "crm_password")).await.unwrap();
        assert_eq!(value.expose_secret(), "hunter2");
        assert!(secrets.available(&ada, &"d".into(), "crm_password").await.unwrap());
        assert!(!secrets.available(&"bob".into(), &"d".into(), "crm_password").await.unwrap());
        let seen = store.kept().values().next().unwrap().clone();
        assert!(!seen.windows(7).any(|window| window == b"hunter2"), "kept in the clear");
        assert!(!format!("{secrets:?}").contains("7, 7"));
    }

    #[tokio::test]
    async fn what_was_moved_to_another_name_or_owner_is_not_opened() {
        let (store, secrets) = secrets(7);
        secrets.set(&"ada".into(), "one", &"hunter2".into()).await.unwrap();
        let sealed = store.kept().values().next().unwrap().clone();
        for (owner, name) in [("ada", "two"), ("bob", "one")] {
            store.put_secret(&owner.into(), name, sealed.clone()).await.unwrap();
            let error = secrets.resolve(request(owner, name)).await.unwrap_err();
            assert!(matches!(error, SecretError::Unavailable { .. }), "{error}");
        }
        let stranger = SealedSecrets::new(store.clone(), vec![[8; 32]]);
        assert!(stranger.resolve(request("ada", "one")).await.is_err());
        let renewed = SealedSecrets::new(store, vec![[8; 32], [7; 32]]);
        assert_eq!(renewed.resolve(request("ada", "one")).await.unwrap().expose_secret(), "hunter2");
    }

    #[tokio::test]
    async fn what_no_document_could_name_is_refused() {
        let (_, secrets) = secrets(7);
        let ada = OwnerId::from("ada");
        for name in ["", "1st", "a-b", "a b", "ü", &"a".repeat(129)] {
            let error = secrets.set(&ada, name, &"x".into()).await.unwrap_err();
            assert!(matches!(error, SealedSecretsError::Name(_)), "{name}");
        }
        for value in [String::new(), "x".repeat(MAX_SECRET + 1)] {
            let error = secrets.set(&ada, "name", &value.into()).await.unwrap_err();
            assert!(matches!(error, SealedSecretsError::Length(_)));
        }
    }
}
