//! Cases about clicks, keys and forms, and what they cause.

use std::sync::Arc;
use std::time::Duration;

use aef_core::browser::{ActionRequest, Effect, InputGate};
use aef_core::recovery::ErrorKind;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::BrowserBench;
use super::visit::{SHORT, Visit, click, test_id, visible};
use crate::doubles::{FixedSecrets, action_of, action_request};

/// A click does what the page says, and the outcome names the locator that matched.
pub async fn a_click_reaches_its_element(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let outcome = visit.clicks("Show").await;
    assert!(outcome.matched.is_some_and(|matched| matched.contains("Show")));
    assert!(visit.sees(visible("shown")).await);
}

/// An element that comes later is waited for.
pub async fn a_click_waits_for_its_element(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    visit.clicks("Late").await;
    assert!(visit.sees(visible("shown")).await);
}

/// An element that does not come fails when the time is over, not before.
pub async fn a_missing_element_is_told_when_the_time_is_over(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let begun = Instant::now();
    let error = visit.fails(click("Nowhere")).await;
    assert_eq!((error.failure.kind, error.effect), (ErrorKind::ElementNotFound, Effect::None));
    assert!(begun.elapsed() >= SHORT && begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// Targets are strict.
pub async fn several_elements_are_never_clicked(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let error = visit.fails(click("Twin")).await;
    assert_eq!((error.failure.kind, error.effect), (ErrorKind::Ambiguous, Effect::None));
    assert!(!visit.sees_now(visible("shown")).await);
}

/// The next locator is tried before giving up.
pub async fn a_ranked_target_takes_the_first_locator_that_names_one(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let target = json!([{ "testId": "gone" }, { "css": ".twin" }, { "role": "button", "name": "Show" }]);
    let outcome = visit.does(json!({ "action": "click", "target": target })).await;
    assert!(outcome.matched.is_some_and(|matched| matched.contains("Show")));
}

/// A disabled button is waited for and then told.
pub async fn a_disabled_button_is_not_clicked(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let error = visit.fails(click("Disabled")).await;
    assert_eq!((error.failure.kind, error.effect), (ErrorKind::NotActionable, Effect::None));
    assert_eq!(error.failure.reason.as_deref(), Some("disabled"));
}

/// What cannot be seen is not clicked.
pub async fn a_hidden_button_is_not_clicked(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let error = visit.fails(json!({ "action": "click", "target": test_id("hidden") })).await;
    assert_eq!((error.failure.kind, error.effect), (ErrorKind::NotActionable, Effect::None));
    assert_eq!(error.failure.reason.as_deref(), Some("not_visible"));
    assert!(!visit.sees_now(visible("shown")).await);
}

/// A lower-ranked locator that finds another element than the recorded one finds nothing.
pub async fn an_element_that_is_not_what_was_recorded_is_not_clicked(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let recorded = json!({ "role": "button", "name": "Delete", "tag": "button" });
    let target = json!([
        { "testId": "gone", "fingerprint": recorded },
        { "role": "button", "name": "Show", "fingerprint": recorded },
    ]);
    let error = visit.fails(json!({ "action": "click", "target": target })).await;
    assert_eq!((error.failure.kind, error.effect), (ErrorKind::TargetChanged, Effect::None));
    assert!(!visit.sees_now(visible("shown")).await);
}

fn entered(action: &str, label: &str, value: &str) -> Value {
    json!({ "action": action, "target": { "label": label }, "value": value })
}

fn holds(label: &str, value: &str) -> Value {
    json!({ "value": { "target": { "label": label }, "equals": value } })
}

/// Whatever stood in the field, and whatever letters are put there.
pub async fn fill_replaces_what_stands_in_a_field(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/form").await;
    for value in ["new", "Zoë & Ænne „Ω“ 漢字", ""] {
        visit.does(entered("fill", "Name", value)).await;
        assert!(visit.sees(holds("Name", value)).await, "{value}");
    }
    visit.does(json!({ "action": "fill", "target": { "label": "Name" }, "value": 17.5 })).await;
    assert!(visit.sees(holds("Name", "17.5")).await);
}

/// A read-only field is told, not silently left.
pub async fn fill_refuses_a_field_that_cannot_be_changed(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/form").await;
    let error = visit.fails(entered("fill", "Fixed", "new")).await;
    assert_eq!((error.failure.kind, error.effect), (ErrorKind::NotActionable, Effect::None));
    assert_eq!(error.failure.reason.as_deref(), Some("not_editable"));
    assert!(visit.sees(holds("Fixed", "fixed")).await);
}

/// `type` clears nothing; `clear` leaves nothing.
pub async fn type_appends_and_clear_empties(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/form").await;
    visit.does(entered("type", "Name", "er")).await;
    assert!(visit.sees(holds("Name", "older")).await);
    visit.does(json!({ "action": "clear", "target": { "label": "Name" } })).await;
    assert!(visit.sees(holds("Name", "")).await);
}

/// A key reaches the field that was named.
pub async fn enter_is_pressed_in_a_field(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/form").await;
    visit.does(entered("fill", "Search", "ann")).await;
    visit.does(json!({ "action": "press", "keys": "Enter", "target": { "label": "Search" } })).await;
    assert!(visit.sees(json!({ "text": { "target": test_id("found"), "equals": "Found ann" } })).await);
}

/// `select` takes a value, a label or a place, and waits in vain for what is no option.
pub async fn options_are_chosen_by_value_label_and_place(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/form").await;
    let select =
        |by: &str, value: Value| json!({ "action": "select", "target": { "label": "Colour" }, by: value });
    for (by, value, chosen) in
        [("value", json!("g"), "g"), ("label", json!("Blue"), "b"), ("index", json!(0), "r")]
    {
        visit.does(select(by, value)).await;
        assert!(visit.sees(holds("Colour", chosen)).await, "{by}");
    }
    let error = visit.fails(select("label", json!("Pink"))).await;
    assert_eq!(error.failure.kind, ErrorKind::ElementNotFound);
    assert_eq!(error.failure.reason.as_deref(), Some("option"));
}

/// `check` and `uncheck` give a state, however often they are asked.
pub async fn boxes_are_checked_and_unchecked(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/form").await;
    for (action, checked) in [("check", true), ("check", true), ("uncheck", false), ("uncheck", false)] {
        visit.does(json!({ "action": action, "target": { "label": "Agree" } })).await;
        assert_eq!(visit.sees_now(json!({ "checked": { "label": "Agree" } })).await, checked, "{action}");
    }
}

/// The request that a click causes stands in its outcome, once, and reaches the server once.
pub async fn a_click_that_writes_reports_it(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let outcome = visit.clicks("Save").await;
    let [write] = outcome.writes.as_slice() else { panic!("one write is reported: {:?}", outcome.writes) };
    assert_eq!((write.method.as_str(), write.url.clone()), ("POST", format!("{}/save", visit.origin)));
    assert!(matches!(write.status, None | Some(200)), "{:?}", write.status);
    assert!(visit.sees(visible("saved")).await);
    assert_eq!(bench.posts("/save"), 1);
}

/// What the server refuses is a write that was asked for all the same.
pub async fn a_write_that_was_refused_is_reported_with_its_status(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let outcome = visit.clicks("Refused").await;
    let [write] = outcome.writes.as_slice() else { panic!("one write is reported: {:?}", outcome.writes) };
    assert!(matches!(write.status, None | Some(503)), "{:?}", write.status);
    assert!(!visit.sees_now(visible("saved")).await);
}

/// Documents, and clicks that send nothing, are no writes.
pub async fn what_only_reads_reports_no_write(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/").await;
    assert_eq!(visit.goes_to("/buttons").await.writes, []);
    assert_eq!(visit.clicks("Show").await.writes, []);
}

/// A dialog holds nothing up: it is dismissed and told.
pub async fn dialogs_are_dismissed_and_recorded(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let outcome = visit.clicks("Ask").await;
    let [dialog] = outcome.dialogs.as_slice() else { panic!("one dialog is told: {:?}", outcome.dialogs) };
    assert_eq!(
        (dialog.kind.as_str(), dialog.message.as_str(), dialog.accepted),
        ("confirm", "Really?", false)
    );
    assert!(!visit.sees_now(visible("accepted")).await);
}

/// `dialog` says how the dialogs behind it are answered.
pub async fn dialogs_are_accepted_where_the_policy_says_so(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    visit.does(json!({ "action": "dialog", "accept": true })).await;
    assert!(visit.clicks("Ask").await.dialogs.iter().all(|dialog| dialog.accepted));
    assert!(visit.sees(visible("accepted")).await);
}

/// A worker whose lease is over sends nothing any more, and says that it has not.
pub async fn a_shut_gate_lets_no_input_through(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let gate = InputGate::new(|| Duration::ZERO);
    let request = ActionRequest { gate, timeout: SHORT, ..action_request(action_of(click("Save"))) };
    let error = visit.session.perform(request).await.expect_err("the gate is shut");
    assert_eq!(error.effect, Effect::None);
    assert!(!visit.sees_now(visible("saved")).await);
    assert_eq!(bench.posts("/save"), 0);
}

fn secret(name: &str) -> Value {
    let value = json!({ "parts": [{ "text": "<" }, { "secret": name }, { "text": ">" }] });
    json!({ "action": "fill", "target": { "label": "Password" }, "value": value })
}

/// The driver asks for a secret with the page's origin, and enters nothing where it is not given.
pub async fn a_secret_is_entered_only_on_its_origins(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/form").await;
    let secrets =
        FixedSecrets::new().with("own", "hunter2", &visit.origin).with("other", "x", "https://other.test");
    let secrets = Arc::new(secrets);
    for name in ["other", "unknown"] {
        let secrets = Arc::clone(&secrets);
        let request = ActionRequest { secrets, timeout: SHORT, ..action_request(action_of(secret(name))) };
        let error = visit.session.perform(request).await.expect_err("the secret is refused");
        assert_eq!((error.failure.kind, error.effect), (ErrorKind::SecretMissing, Effect::None), "{name}");
        assert!(visit.sees(holds("Password", "")).await, "{name}");
    }
    let request = ActionRequest { secrets: secrets.clone(), ..action_request(action_of(secret("own"))) };
    visit.session.perform(request).await.expect("the secret is entered");
    assert!(visit.sees(holds("Password", "<hunter2>")).await);
    assert!(secrets.revealed().iter().all(|revealed| *revealed == ("own".to_owned(), visit.origin.clone())));
}

/// What was entered is told by no outcome, condition or evidence.
pub async fn a_secret_stands_in_no_outcome(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/form").await;
    let secrets = Arc::new(FixedSecrets::new().with("own", "hunter2", &visit.origin));
    let request = ActionRequest { secrets, ..action_request(action_of(secret("own"))) };
    let performed = visit.session.perform(request).await.expect("the secret is entered");
    let observed = visit.observes(json!([holds("Password", "guess")]), Duration::ZERO).await;
    let told = format!("{performed:?} {observed:?}");
    assert!(!told.contains("hunter2"), "{told}");
}
