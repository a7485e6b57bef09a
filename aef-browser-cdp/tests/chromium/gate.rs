//! The input gate: nothing is sent when the lease is over, and what arrives later does nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aef_core::browser::{ActionError, Effect, InputGate, Performed, Session};
use aef_core::recovery::ErrorKind;
use serde_json::{Value, json};

use crate::slow_wire::SlowWire;
use crate::support::{Page, Site, act, browser, open, request, text};

/// Counts what arrives, and stalls once where it is told to.
const PAGE: &str = r#"<title>Gate</title><p id=clicks>0</p><input id=field>
<input id=typed onkeydown="stall()"><input id=date type=date>
<button id=count onclick="clicks.textContent = Number(clicks.textContent) + 1">count</button>
<button id=moved onpointermove="stall()" onclick="clicks.textContent = Number(clicks.textContent) + 1">moved</button>
<script>
  let stalls = 1;
  function stall() {
    if (stalls-- <= 0) return;
    const until = performance.now() + 1500;
    while (performance.now() < until);
  }
  setTimeout(() => {
    const late = document.createElement("button");
    late.id = "late";
    late.textContent = "late";
    late.onclick = () => (clicks.textContent = "late");
    document.body.append(late);
  }, 1500);
</script>"#;

async fn site() -> Site {
    Site::serve([("/", Page::html(PAGE))]).await
}

async fn perform(
    session: &Arc<dyn Session>,
    action: Value,
    gate: InputGate,
) -> Result<Performed, ActionError> {
    let mut request = request(action);
    request.gate = gate;
    session.perform(request).await
}

/// A lease that is not renewed.
fn lasting(time: Duration) -> InputGate {
    let end = Instant::now() + time;
    InputGate::new(move || end.saturating_duration_since(Instant::now()))
}

/// A lease that is renewed again and again, so that there is always so much left.
fn renewed(left: Duration) -> InputGate {
    InputGate::new(move || left)
}

/// A lease that ends after so many looks at it.
fn ending_after(looks: usize) -> InputGate {
    let looked = AtomicUsize::new(0);
    InputGate::new(move || {
        let over = looked.fetch_add(1, Ordering::Relaxed) >= looks;
        if over { Duration::ZERO } else { Duration::from_secs(30) }
    })
}

fn ended(error: &ActionError) -> bool {
    error.failure.kind == ErrorKind::Timeout && error.failure.reason.as_deref() == Some("lease_ended")
}

async fn clicks(session: &Arc<dyn Session>) -> String {
    text(session, "#clicks").await
}

async fn value(session: &Arc<dyn Session>, css: &str) -> String {
    let read = json!({ "action": "extract", "target": { "css": css }, "read": "value", "as": "value" });
    act(session, read).await.value.unwrap().as_str().unwrap().to_owned()
}

fn click(css: &str) -> Value {
    json!({ "action": "click", "target": { "css": css } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_may_end_at_every_look_and_no_click_comes_after_it() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let mut done = 0;
    for looks in 0..20 {
        match perform(&session, click("#count"), ending_after(looks)).await {
            Ok(_) => done += 1,
            Err(error) => {
                assert!(ended(&error), "after {looks} looks: {error}");
                assert_eq!(error.effect, Effect::None, "after {looks} looks");
            }
        }
        assert_eq!(clicks(&session).await, done.to_string(), "after {looks} looks");
    }
    assert!((1..20).contains(&done), "some looks are too few for a click and some are enough: {done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_may_end_in_the_middle_of_typing_and_what_was_typed_is_a_doubt() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let typing = |delay: &str| json!({ "action": "type", "target": { "css": "#field" }, "value": "abcdefghij", "delay": delay });
    let error = perform(&session, typing("100ms"), lasting(Duration::from_millis(600))).await.unwrap_err();
    assert!(ended(&error), "{error}");
    let typed = value(&session, "#field").await;
    assert!("abcdefghij".starts_with(&typed) && typed.len() < 10, "{typed}");
    let expected = if typed.is_empty() { Effect::None } else { Effect::Possible };
    assert_eq!(error.effect, expected, "{typed}");

    // At every single look: never more than a beginning, and never nothing where something was told.
    for looks in 0..12 {
        act(&session, json!({ "action": "clear", "target": { "css": "#field" } })).await;
        let result = perform(&session, typing("1ms"), ending_after(looks)).await;
        let typed = value(&session, "#field").await;
        match result {
            Ok(_) => assert_eq!(typed, "abcdefghij"),
            Err(error) => {
                assert!(ended(&error), "after {looks} looks: {error}");
                assert!("abcdefghij".starts_with(&typed) && typed.len() < 10, "{typed}");
                assert!(error.effect == Effect::Possible || typed.is_empty(), "after {looks} looks: {typed}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_ends_while_an_element_is_waited_for_clicks_nothing() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let error = perform(&session, click("#late"), lasting(Duration::from_millis(300))).await.unwrap_err();
    assert!(ended(&error) && error.effect == Effect::None, "{error} {:?}", error.effect);
    // A lease that is renewed meanwhile is another matter, however short each time.
    perform(&session, click("#late"), renewed(Duration::from_millis(700))).await.unwrap();
    assert_eq!(clicks(&session).await, "late");
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_a_stalled_page_hears_late_is_swallowed() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let error = perform(&session, click("#moved"), lasting(Duration::from_millis(700))).await.unwrap_err();
    assert!(ended(&error) && error.effect == Effect::None, "{error} {:?}", error.effect);
    assert_eq!(clicks(&session).await, "0");

    act(&session, json!({ "action": "reload" })).await;
    // The first key goes down in time and keeps the page busy; the keys behind it are late.
    let typing = json!({ "action": "type", "target": { "css": "#typed" }, "value": "abc" });
    let error = perform(&session, typing, lasting(Duration::from_millis(700))).await.unwrap_err();
    assert!(ended(&error) && error.effect == Effect::Possible, "{error} {:?}", error.effect);
    let typed = value(&session, "#typed").await;
    assert!("abc".starts_with(&typed) && typed.len() < 2, "{typed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_was_sent_in_time_and_arrives_late_is_swallowed() {
    let (browser, site) = (browser().await, site().await);
    let wire = SlowWire::to(&browser).await;
    let session = open(&wire.driver, &site, "/").await;
    let filling = json!({ "action": "fill", "target": { "css": "#field" }, "value": "abc" });
    wire.hold("Input.insertText", Duration::from_millis(900));
    let error = perform(&session, filling.clone(), lasting(Duration::from_millis(700))).await.unwrap_err();
    assert!(wire.has_held());
    assert!(ended(&error) && error.effect == Effect::None, "{error} {:?}", error.effect);
    assert_eq!(value(&session, "#field").await, "");

    // For a lease that was renewed meanwhile it is sent once more.
    wire.hold("Input.insertText", Duration::from_millis(900));
    perform(&session, filling, renewed(Duration::from_millis(700))).await.unwrap();
    assert!(wire.has_held());
    assert_eq!(value(&session, "#field").await, "abc");
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_was_late_for_a_lease_that_was_renewed_is_sent_once_more() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    perform(&session, click("#moved"), renewed(Duration::from_millis(700))).await.unwrap();
    assert_eq!(clicks(&session).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_goes_on_over_many_renewals() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let long = "a sentence that takes three leases";
    let typing = json!({ "action": "type", "target": { "css": "#field" }, "value": long, "delay": "60ms" });
    perform(&session, typing, renewed(Duration::from_millis(1200))).await.unwrap();
    assert_eq!(value(&session, "#field").await, long);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_script_changes_by_itself_is_gated_too() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let dating = json!({ "action": "fill", "target": { "css": "#date" }, "value": "2026-02-03" });
    for looks in 0..4 {
        let result = perform(&session, dating.clone(), ending_after(looks)).await;
        let dated = value(&session, "#date").await;
        match result {
            Ok(_) => assert_eq!(dated, "2026-02-03"),
            Err(error) => assert!(ended(&error) && dated.is_empty(), "after {looks} looks: {error}; {dated}"),
        }
    }
}
