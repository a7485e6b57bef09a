use aef_core::browser::{Browser, SessionOptions, StorageState};
use serde_json::json;

use crate::support::{Page, Site, act, browser, open, options, text};

const SHOW: &str = "<title>Show</title><p id=out></p><script>out.textContent = [document.cookie, localStorage.getItem('l'), sessionStorage.getItem('s')].join(' ')</script>";

#[tokio::test(flavor = "multi_thread")]
async fn a_state_goes_from_one_session_into_another() {
    let site = Site::serve([
        (
            "/set",
            Page::html(
                "<script>localStorage.setItem('l', 'local é'); sessionStorage.setItem('s', 'tab')</script>",
            )
            .header("set-cookie", "id=7; Path=/"),
        ),
        ("/show", Page::html(SHOW)),
        ("/other", Page::html("<title>Other</title><h1>Other</h1>")),
    ])
    .await;
    let browser = browser().await;
    let session = open(&browser, &site, "/set").await;
    act(&session, json!({ "action": "tab", "open": { "url": site.url("/other"), "as": "other" } })).await;
    act(&session, json!({ "action": "tab", "switch": "t1" })).await;
    let state = session.storage_state().await.unwrap();
    assert_eq!(state.tabs.iter().map(|tab| tab.name.as_str()).collect::<Vec<_>>(), ["t1", "other"]);
    assert!(!format!("{state:?}").contains("local é"));
    session.close().await.unwrap();

    // As it comes back from where it was kept.
    let kept = serde_json::to_string(&state).unwrap();
    let state: StorageState = serde_json::from_str(&kept).unwrap();
    let before = site.hits().len();
    let restored =
        SessionOptions { restore: Some(state), url: Some(site.url("/show")), ..options(&[site.origin()]) };
    let session = browser.open(restored).await.unwrap();
    assert_eq!(text(&session, "#out").await, "id=7 local é tab");
    assert_eq!(
        site.hits()[before..],
        ["GET /other", "GET /show"],
        "nothing was asked to put the storage back"
    );
    act(&session, json!({ "action": "tab", "switch": "other" })).await;
    assert_eq!(text(&session, "h1").await, "Other");

    let fresh = open(&browser, &site, "/show").await;
    assert_eq!(text(&fresh, "#out").await, "", "contexts share nothing");
}
