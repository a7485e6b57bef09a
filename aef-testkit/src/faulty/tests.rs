use std::sync::Arc;
use std::time::Duration;

use aef_core::browser::{Browser, Effect};
use aef_core::ids::{DocumentId, OwnerId};
use aef_core::recovery::ErrorKind;
use aef_core::store::{DocumentStore, ExecutionStore, StoreErrorKind};
use futures::FutureExt;
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::ScriptedBrowser;
use crate::doubles::{action_of, action_request, session_options};
use crate::mocks::MockStore;
use crate::scripted_browser::{Element, Page, ScriptedSite};

/// A store in which removing a document works, `times` times.
fn store(times: usize) -> Arc<MockStore> {
    let mut store = MockStore::new();
    store.expect_now().returning(|| Ok(Timestamp::UNIX_EPOCH));
    store.expect_remove_document().times(times).returning(|_, _| Ok(()));
    Arc::new(store)
}

async fn remove(store: &FaultyStore) -> Result<(), StoreErrorKind> {
    let (owner, id) = (OwnerId::new("ann"), DocumentId::new("inbox"));
    store.remove_document(&owner, &id).await.map_err(|error| error.kind())
}

#[tokio::test]
async fn a_call_fails_before_or_after_it_reached_the_store() {
    let before = FaultyStore::new(store(0)).at(2, StoreFault::FailBefore);
    before.now().await.unwrap();
    assert_eq!(remove(&before).await, Err(StoreErrorKind::Unavailable));
    let after = FaultyStore::new(store(2)).at(1, StoreFault::FailAfter);
    assert_eq!(remove(&after).await, Err(StoreErrorKind::Unavailable));
    assert_eq!(remove(&after).await, Ok(()));
    assert_eq!(after.calls(), ["remove_document", "remove_document"]);
}

#[tokio::test]
async fn a_crash_is_told_and_the_call_never_returns() {
    for (fault, reached) in [(StoreFault::CrashBefore, 0), (StoreFault::CrashAfter, 1)] {
        let store = FaultyStore::new(store(reached)).at(1, fault);
        assert!(store.crashed().now_or_never().is_none());
        assert!(remove(&store).now_or_never().is_none());
        store.crashed().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_waited_for() {
    let begun = tokio::time::Instant::now();
    let store = FaultyStore::new(store(1)).at(1, StoreFault::Delay(Duration::from_secs(20)));
    remove(&store).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 20);
}

/// A browser on a page whose one button writes.
fn site() -> ScriptedBrowser {
    let page = Page::new("Save").with(Element::button("Save").posts("save", "1"));
    ScriptedBrowser::new(ScriptedSite::new("https://crm.test").page("/", page))
}

#[tokio::test(start_paused = true)]
async fn a_command_fails_before_or_after_it_took_effect() {
    let crashed = ErrorKind::Crashed;
    for (fault, effect, writes, lost) in [
        (BrowserFault::FailBefore(ErrorKind::Timeout), Effect::None, 0, false),
        (BrowserFault::FailAfter(ErrorKind::Timeout), Effect::Possible, 1, false),
        (BrowserFault::LoseBefore(crashed), Effect::None, 0, true),
        (BrowserFault::LoseAfter(crashed), Effect::Possible, 1, true),
    ] {
        let site = site();
        let browser = FaultyBrowser::new(Arc::new(site.clone())).at(2, fault);
        let mut options = session_options("https://crm.test");
        options.url = Some("https://crm.test/".to_owned());
        let session = browser.open(options).await.unwrap();
        let click = action_of(json!({ "action": "click", "target": { "role": "button" } }));
        let error = session.perform(action_request(click)).await.unwrap_err();
        assert_eq!((error.effect, site.witness().total("save")), (effect, writes), "{fault:?}");
        assert_eq!(
            session.lost().now_or_never().map(|error| error.kind()),
            lost.then_some(crashed),
            "{fault:?}"
        );
        assert_eq!(session.storage_state().await.is_err(), lost, "{fault:?}");
    }
}

#[tokio::test]
async fn a_browser_that_cannot_be_opened_opens_the_next_time() {
    let browser =
        FaultyBrowser::new(Arc::new(site())).at(1, BrowserFault::FailBefore(ErrorKind::Disconnected));
    let error = browser.open(session_options("https://crm.test")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    let session = browser.open(session_options("https://crm.test")).await.unwrap();
    session.close().await.unwrap();
    assert_eq!(browser.commands(), ["open", "open", "close"]);
}
