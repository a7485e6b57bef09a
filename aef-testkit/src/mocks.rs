//! Mocks of the traits, made with [`mockall`]: a test says which calls it expects and what they answer.
//!
//! ```
//! use aef_core::store::ExecutionStore as _;
//! use aef_testkit::mocks::MockStore;
//! use jiff::Timestamp;
//!
//! # futures::executor::block_on(async {
//! let mut store = MockStore::new();
//! store.expect_now().times(1).returning(|| Ok(Timestamp::UNIX_EPOCH));
//! assert_eq!(store.now().await.unwrap(), Timestamp::UNIX_EPOCH);
//! # });
//! ```

use std::sync::Arc;

use aef_core::browser::{
    ActionError, ActionRequest, Browser, BrowserError, Capture, CaptureRequest, InputGate, Observation,
    ObserveRequest, Performed, Session, SessionOptions, StorageState,
};
use aef_core::engine::{ActRequest, ActResolution, ActResolver};
use aef_core::ids::{DocumentHash, DocumentId, ExecutionId, OwnerId, Seq};
use aef_core::live::{Frames, LiveInput};
use aef_core::recovery::Failure;
use aef_core::secrets::{SecretError, SecretProvider, SecretRequest, SecretString};
use aef_core::store::{
    Append, Appended, Census, Claim, ClaimRequest, Created, DocumentStore, ExecutionStore, Explanation,
    JournalEntry, ListQuery, Loaded, NewDocument, NewExecution, Notice, Page, RenewRequest, Renewals, Scope,
    StoreError, StoredDocument,
};
use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;
use mockall::mock;

mock! {
    /// A mock of [`Browser`].
    #[derive(Debug)]
    pub Browser {}

    #[async_trait]
    impl Browser for Browser {
        async fn open(&self, options: SessionOptions) -> Result<Arc<dyn Session>, BrowserError>;
    }
}

mock! {
    /// A mock of [`Session`].
    #[derive(Debug)]
    pub Session {}

    #[async_trait]
    impl Session for Session {
        async fn perform(&self, request: ActionRequest) -> Result<Performed, ActionError>;
        async fn observe(&self, request: ObserveRequest) -> Result<Observation, BrowserError>;
        async fn capture(&self, request: CaptureRequest) -> Result<Capture, BrowserError>;
        async fn storage_state(&self) -> Result<StorageState, BrowserError>;
        async fn close(&self) -> Result<(), BrowserError>;
        async fn lost(&self) -> BrowserError;
        async fn frames(&self) -> Result<Frames, BrowserError>;
        async fn dispatch(&self, input: LiveInput, gate: InputGate) -> Result<(), BrowserError>;
        async fn end_input(&self, gate: InputGate) -> Result<(), BrowserError>;
    }
}

mock! {
    /// A mock of a whole [`Store`](aef_core::store::Store).
    #[derive(Debug)]
    pub Store {}

    #[async_trait]
    impl ExecutionStore for Store {
        async fn now(&self) -> Result<Timestamp, StoreError>;
        async fn create(&self, request: NewExecution) -> Result<Created, StoreError>;
        async fn load(&self, scope: &Scope, execution: ExecutionId) -> Result<Loaded, StoreError>;
        async fn list(&self, scope: &Scope, query: ListQuery) -> Result<Page, StoreError>;
        async fn append(&self, request: Append) -> Result<Appended, StoreError>;
        async fn journal(
            &self,
            scope: &Scope,
            execution: ExecutionId,
            after: Seq,
            limit: u32,
        ) -> Result<Vec<JournalEntry>, StoreError>;
        async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError>;
        async fn renew(&self, request: RenewRequest) -> Result<Renewals, StoreError>;
        async fn subscribe(&self) -> Result<BoxStream<'static, Notice>, StoreError>;
        async fn explain(&self, scope: &Scope, execution: ExecutionId) -> Result<Explanation, StoreError>;
        async fn census(&self, scope: &Scope) -> Result<Census, StoreError>;
        async fn purge(&self, scope: &Scope, finished_before: Timestamp, limit: u32) -> Result<u64, StoreError>;
    }

    #[async_trait]
    impl DocumentStore for Store {
        async fn put_document(&self, owner: &OwnerId, document: NewDocument) -> Result<StoredDocument, StoreError>;
        async fn document(
            &self,
            scope: &Scope,
            owner: &OwnerId,
            id: &DocumentId,
            version: Option<u32>,
        ) -> Result<StoredDocument, StoreError>;
        async fn document_by_hash(
            &self,
            scope: &Scope,
            owner: &OwnerId,
            hash: &DocumentHash,
        ) -> Result<StoredDocument, StoreError>;
        async fn documents(
            &self,
            scope: &Scope,
            after: Option<DocumentId>,
            limit: u32,
        ) -> Result<Vec<StoredDocument>, StoreError>;
        async fn remove_document(&self, owner: &OwnerId, id: &DocumentId) -> Result<(), StoreError>;
    }
}

mock! {
    /// A mock of [`SecretProvider`].
    #[derive(Debug)]
    pub SecretProvider {}

    #[async_trait]
    impl SecretProvider for SecretProvider {
        async fn resolve(&self, request: SecretRequest) -> Result<SecretString, SecretError>;
        async fn available(&self, owner: &OwnerId, document: &DocumentId, name: &str) -> Result<bool, SecretError>;
    }
}

mock! {
    /// A mock of [`ActResolver`].
    #[derive(Debug)]
    pub ActResolver {}

    #[async_trait]
    impl ActResolver for ActResolver {
        async fn resolve(&self, request: ActRequest) -> Result<ActResolution, Failure>;
    }
}

#[cfg(test)]
mod tests {
    use aef_core::recovery::ErrorKind;
    use aef_core::secrets::ExposeSecret;
    use aef_core::store::{Store, StoreErrorKind};

    use super::*;
    use crate::doubles::session_options;

    #[tokio::test]
    async fn a_mocked_browser_gives_the_session_that_the_test_made() {
        let mut session = MockSession::new();
        session.expect_close().times(2).returning(|| Ok(()));
        let session: Arc<dyn Session> = Arc::new(session);
        let mut browser = MockBrowser::new();
        browser
            .expect_open()
            .withf(|options| options.policy.allowed_origins == ["https://crm.test"])
            .return_once(move |_| Ok(session));
        browser.expect_open().returning(|_| Err(BrowserError::new("open", ErrorKind::Crashed, "it is gone")));
        let opened = browser.open(session_options("https://crm.test")).await.unwrap();
        opened.close().await.unwrap();
        opened.close().await.unwrap();
        let again = browser.open(session_options("https://other.test")).await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::Crashed);
    }

    #[tokio::test]
    async fn a_mocked_store_stands_for_both_stores() {
        let mut store = MockStore::new();
        store.expect_now().returning(|| Ok(Timestamp::UNIX_EPOCH));
        store
            .expect_remove_document()
            .withf(|owner, id| owner.as_str() == "ann" && id.as_str() == "inbox")
            .returning(|_, _| {
                Err(StoreError::new("remove", StoreErrorKind::InUse, "an execution refers to it"))
            });
        let store: Arc<dyn Store> = Arc::new(store);
        assert_eq!(store.now().await.unwrap(), Timestamp::UNIX_EPOCH);
        let removed = store.remove_document(&"ann".into(), &"inbox".into()).await;
        assert_eq!(removed.unwrap_err().kind(), StoreErrorKind::InUse);
    }

    #[tokio::test]
    async fn a_mocked_provider_tells_for_whom_it_was_asked() {
        let mut secrets = MockSecretProvider::new();
        secrets
            .expect_resolve()
            .withf(|request| {
                request.name == "password" && request.origin.as_deref() == Some("https://crm.test")
            })
            .times(1)
            .returning(|_| Ok("hunter2".into()));
        let request = SecretRequest {
            owner: "ann".into(),
            document: "inbox".into(),
            step: "log_in".into(),
            name: "password".to_owned(),
            origin: Some("https://crm.test".to_owned()),
        };
        assert_eq!(secrets.resolve(request).await.unwrap().expose_secret(), "hunter2");
    }
}
