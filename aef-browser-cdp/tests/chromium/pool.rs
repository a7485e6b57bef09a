//! Several browsers as one.

use std::sync::Arc;
use std::time::Duration;

use aef_browser_cdp::{BrowserPool, CdpBrowser, ConnectOptions, PoolOptions};
use aef_core::browser::{Browser, Session, SessionOptions};
use aef_core::recovery::ErrorKind;
use serde_json::json;

use crate::processes::{end_of, endpoint, kill, profile_of, removal_of};
use crate::support::{Page, Site, act, browser, launch_options, options, text};

async fn site() -> Site {
    Site::serve([
        ("/", Page::html("<title>Start</title><h1>Start</h1>")),
        ("/login", Page::html("<title>In</title><script>document.cookie = 'session=1; path=/'</script>")),
    ])
    .await
}

/// One browser with many places, that lives for ever.
fn pool_options() -> PoolOptions {
    let mut options = PoolOptions::default();
    options.max_browsers = 1;
    options.max_uses = u64::MAX;
    options.max_memory = u64::MAX;
    options
}

async fn pool(options: PoolOptions) -> BrowserPool {
    BrowserPool::launch(launch_options(), options).await.unwrap()
}

async fn open(pool: &BrowserPool, site: &Site) -> Arc<dyn Session> {
    let options = SessionOptions { url: Some(site.url("/")), ..options(&[site.origin()]) };
    pool.open(options).await.unwrap()
}

async fn process(pool: &BrowserPool) -> u32 {
    pool.stats().await[0].process_id.unwrap()
}

/// The address at which a browser of ours answers others.
async fn address_of(browser: &CdpBrowser) -> String {
    let (port, _) = endpoint(&profile_of(browser.process_id().await.unwrap()));
    format!("http://127.0.0.1:{port}")
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_share_browsers_and_wait_for_a_place() {
    let site = site().await;
    let mut options = pool_options();
    (options.max_browsers, options.max_sessions) = (2, 2);
    options.patience = Duration::from_millis(300);
    let pool = pool(options).await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(open(&pool, &site).await);
    }
    let stats = pool.stats().await;
    assert_eq!(stats.iter().map(|member| member.sessions).collect::<Vec<_>>(), [2, 2], "{stats:?}");
    assert_ne!(stats[0].process_id, stats[1].process_id);
    assert!(stats.iter().all(|member| member.memory.is_some_and(|memory| memory > 10 << 20)), "{stats:?}");
    let full = pool.open(crate::support::options(&[site.origin()])).await.unwrap_err();
    assert_eq!((full.kind(), full.reason()), (ErrorKind::Timeout, Some("pool_full")));
    // A session that is closed or dropped makes room, whoever still holds it.
    sessions[0].close().await.unwrap();
    let fifth = open(&pool, &site).await;
    drop(sessions.pop());
    let sixth = open(&pool, &site).await;
    assert_eq!(text(&fifth, "h1").await, "Start");
    assert_eq!(text(&sixth, "h1").await, "Start");
    assert_eq!(pool.stats().await.iter().map(|member| member.sessions).sum::<usize>(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worn_browser_is_replaced_when_its_last_session_has_ended() {
    let site = site().await;
    let mut options = pool_options();
    options.max_uses = 2;
    let pool = pool(options).await;
    let first = process(&pool).await;
    let profile = profile_of(first);
    let long = open(&pool, &site).await;
    open(&pool, &site).await.close().await.unwrap();
    let next = open(&pool, &site).await;
    let second = process(&pool).await;
    assert_ne!(first, second, "two sessions are what a browser serves");
    assert_eq!(act(&long, json!({ "action": "reload" })).await.outcome.title, "Start");
    assert_eq!(text(&next, "h1").await, "Start");
    long.close().await.unwrap();
    drop(long);
    end_of(first).await;
    removal_of(&profile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_or_swollen_browser_is_replaced() {
    let site = site().await;
    let mut swollen = pool_options();
    swollen.max_memory = 1 << 20;
    let mut old = pool_options();
    old.max_age = Duration::ZERO;
    for options in [swollen, old] {
        let pool = pool(options).await;
        let first = process(&pool).await;
        let session = open(&pool, &site).await;
        session.close().await.unwrap();
        drop(session);
        open(&pool, &site).await;
        assert_ne!(process(&pool).await, first);
        end_of(first).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_browser_is_replaced_and_the_state_restored() {
    let site = site().await;
    let pool = pool(pool_options()).await;
    let session = open(&pool, &site).await;
    act(&session, json!({ "action": "navigate", "url": site.url("/login") })).await;
    let state = session.storage_state().await.unwrap();
    let pid = process(&pool).await;
    kill(pid);
    assert_eq!(session.lost().await.kind(), ErrorKind::Crashed);
    let restored = SessionOptions { restore: Some(state.clone()), ..options(&[site.origin()]) };
    let session = pool.open(restored).await.unwrap();
    assert_eq!(session.storage_state().await.unwrap().cookies.len(), state.cookies.len());
    assert_eq!(state.cookies.len(), 1);
    assert_ne!(process(&pool).await, pid);
    let members = pool.stats().await;
    assert_eq!((members.len(), members[0].sessions), (1, 1), "the dead one takes no place");
}

#[tokio::test(flavor = "multi_thread")]
async fn remote_browsers_stand_in_for_each_other() {
    let site = site().await;
    let (one, other) = (browser().await, browser().await);
    let endpoints = ["http://127.0.0.1:1".to_owned(), address_of(&one).await, address_of(&other).await];
    let mut places = pool_options();
    places.max_sessions = 1;
    let pool = BrowserPool::connect(endpoints, ConnectOptions::default(), places).await.unwrap();
    let first = open(&pool, &site).await;
    let second = open(&pool, &site).await;
    assert_eq!(text(&second, "h1").await, "Start");
    kill(one.process_id().await.unwrap());
    assert_eq!(first.lost().await.kind(), ErrorKind::Disconnected);
    drop((first, second));
    let third = open(&pool, &site).await;
    assert_eq!(text(&third, "h1").await, "Start");

    let none = BrowserPool::connect(["http://127.0.0.1:1"], ConnectOptions::default(), pool_options()).await;
    assert_eq!(none.unwrap_err().kind(), ErrorKind::Disconnected);
    let nowhere: [&str; 0] = [];
    let none = BrowserPool::connect(nowhere, ConnectOptions::default(), pool_options()).await;
    assert_eq!(none.unwrap_err().kind(), ErrorKind::Disconnected);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_bounded_over_many_executions() {
    let site = site().await;
    let mut options = pool_options();
    options.max_uses = 10;
    let pool = pool(options).await;
    let mut after_rounds = Vec::new();
    for round in 0..40 {
        let session = open(&pool, &site).await;
        session.close().await.unwrap();
        if round % 10 == 9 {
            after_rounds.push(pool.stats().await[0].memory.unwrap());
        }
    }
    let (first, last) = (after_rounds[0], after_rounds[3]);
    assert!(last < first + first / 2 + (64 << 20), "{after_rounds:?}");
}
