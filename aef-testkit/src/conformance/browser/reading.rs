//! Cases about extraction, conditions and waiting.

use std::time::Duration;

use aef_core::recovery::ErrorKind;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::BrowserBench;
use super::visit::{SHORT, Visit, test_id, visible};

/// `read` says what is read of an element.
pub async fn one_value_of_each_kind_is_read(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/list").await;
    let first = json!({ "css": ".row", "first": true });
    let price = json!({ "css": ".price", "nth": 1 });
    for (extract, value) in [
        (json!({ "target": test_id("total") }), json!("3 people")),
        (json!({ "target": test_id("total"), "read": "number" }), json!(3)),
        (json!({ "target": price, "read": "number" }), json!(-3)),
        (json!({ "target": first, "read": "attribute", "attribute": "data-id" }), json!("1")),
        (json!({ "target": { "css": ".row" }, "read": "count" }), json!(3)),
        (json!({ "target": { "css": ".nothing" }, "read": "count" }), json!(0)),
        (json!({ "target": { "css": "#rows .name", "last": true }, "read": "html" }), json!("Eve")),
    ] {
        assert_eq!(visit.reads(extract.clone()).await, value, "{extract}");
    }
    visit.goes_to("/form").await;
    for (extract, value) in [
        (json!({ "target": { "label": "Name" }, "read": "value" }), json!("old")),
        (json!({ "target": { "label": "Agree" }, "read": "checked" }), json!(false)),
    ] {
        assert_eq!(visit.reads(extract.clone()).await, value, "{extract}");
    }
}

/// `list` gives a row for each element, in order; one without elements is empty.
pub async fn rows_are_read_with_their_fields(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/list").await;
    let fields = json!({
        "id": { "attribute": "data-id" },
        "name": { "css": ".name" },
        "price": { "locator": { "css": ".price" }, "read": "number" },
    });
    let rows = visit.reads(json!({ "list": { "css": ".row" }, "fields": fields })).await;
    let row = |id: &str, name: &str, price: Value| json!({ "id": id, "name": name, "price": price });
    assert_eq!(
        rows,
        json!([row("1", "Ann", json!(17.5)), row("2", "Bob", json!(-3)), row("3", "Eve", Value::Null)])
    );
    let two = visit.reads(json!({ "list": { "css": ".row" }, "fields": fields, "maxItems": 2 })).await;
    assert_eq!(two.as_array().map(Vec::len), Some(2));
    let none = visit.reads(json!({ "list": { "css": ".nothing" }, "fields": fields })).await;
    assert_eq!(none, json!([]));
}

/// A map of fields has null for what is not there, and fails where it must be.
pub async fn a_missing_field_is_null_unless_it_is_required(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/list").await;
    let read = visit.reads(json!({ "fields": { "total": test_id("total"), "tax": test_id("tax") } })).await;
    assert_eq!(read, json!({ "tax": null, "total": "3 people" }));
    let fields = json!({ "tax": { "locator": test_id("tax"), "required": true } });
    let error = visit.fails(json!({ "action": "extract", "fields": fields, "as": "x" })).await;
    assert!(
        matches!(error.failure.kind, ErrorKind::Data | ErrorKind::ElementNotFound),
        "{:?}",
        error.failure.kind
    );
    assert!(error.failure.message.contains("tax"), "{} does not name the field", error.failure.message);
}

/// `minItems` waits until there are so many rows, and fails where they do not come.
pub async fn rows_are_waited_for(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/late").await;
    let extract = |min: u32| json!({ "list": { "css": ".row" }, "fields": { "name": {} }, "minItems": min });
    assert_eq!(visit.reads(extract(2)).await, json!([{ "name": "Ann" }, { "name": "Bob" }]));
    let mut more = extract(3);
    more["action"] = json!("extract");
    more["as"] = json!("x");
    visit.fails(more).await;
}

/// Each kind of condition, and those made of others.
pub async fn conditions_are_answered_in_their_order(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let button = |name: &str| json!({ "role": "button", "name": name, "exact": true });
    let cases = [
        (json!({ "visible": button("Show") }), true),
        (visible("hidden"), false),
        (json!({ "hidden": test_id("hidden") }), true),
        (json!({ "hidden": test_id("nowhere") }), true),
        (json!({ "enabled": button("Show") }), true),
        (json!({ "enabled": button("Disabled") }), false),
        (json!({ "disabled": button("Disabled") }), true),
        (json!({ "text": { "target": button("Show"), "equals": " Show " } }), true),
        (json!({ "text": { "target": button("Show"), "contains": "show" } }), false),
        (json!({ "text": { "target": button("Show"), "matches": "^Sh.w$" } }), true),
        (json!({ "count": { "target": { "css": ".twin" }, "equals": 2 } }), true),
        (json!({ "count": { "target": { "css": ".twin" }, "atMost": 1 } }), false),
        (
            json!({ "attribute": { "target": test_id("hidden"), "name": "data-testid", "equals": "hidden" } }),
            true,
        ),
        (json!({ "url": { "ends_with": "/buttons" } }), true),
        (json!({ "title": { "equals": "buttons" } }), false),
        (json!({ "all": [visible("hidden"), { "visible": button("Show") }] }), false),
        (json!({ "any": [visible("hidden"), { "visible": button("Show") }] }), true),
        (json!({ "not": { "visible": button("Show") } }), false),
        (json!(true), true),
        (json!(false), false),
    ];
    let conditions: Vec<_> = cases.iter().map(|(condition, _)| condition.clone()).collect();
    let observation = visit.observes(json!(conditions), Duration::ZERO).await;
    assert_eq!((observation.title.as_str(), observation.results.len()), ("Buttons", cases.len()));
    for ((condition, holds), result) in cases.iter().zip(&observation.results) {
        assert_eq!(result.holds, *holds, "{condition}: {}", result.detail);
    }
}

/// A condition that names several elements where one is asked for does not hold, and says why; nor does its negation.
pub async fn a_condition_about_several_elements_does_not_hold(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    let enabled = json!({ "enabled": { "css": ".twin" } });
    let results = visit.observes(json!([enabled, { "not": enabled }]), Duration::ZERO).await.results;
    assert!(results.iter().all(|result| !result.holds && !result.detail.is_empty()), "{results:?}");
}

/// Without a timeout the page is read once, as it is.
pub async fn conditions_are_read_once_without_a_timeout(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/buttons").await;
    assert!(!visit.sees_now(visible("shown")).await);
    visit.clicks("Show").await;
    assert!(visit.sees_now(visible("shown")).await);
}

/// With a timeout the page is watched until all hold, and no longer than that.
pub async fn conditions_are_waited_for_with_a_timeout(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/late").await;
    let rows = json!({ "count": { "target": { "css": ".row" }, "equals": 2 } });
    let begun = Instant::now();
    let observation = visit.observes(json!([true, rows]), Duration::from_secs(20)).await;
    assert!(observation.results.iter().all(|result| result.holds), "{:?}", observation.results);
    assert!(begun.elapsed() < Duration::from_secs(15), "it did not return when they held");
    let never = visit.observes(json!([rows, false]), SHORT).await;
    let holds: Vec<_> = never.results.iter().map(|result| result.holds).collect();
    assert_eq!(holds, [true, false]);
}

/// `verify` polls up to its timeout, then says what it saw; `soft` only notes it.
pub async fn verify_waits_and_fails_with_what_was_seen(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/late").await;
    let rows = |count: u32| json!([{ "count": { "target": { "css": ".row" }, "equals": count } }]);
    visit.does(json!({ "action": "verify", "conditions": rows(2) })).await;
    let error = visit.fails(json!({ "action": "verify", "conditions": rows(5) })).await;
    assert_eq!(error.failure.kind, ErrorKind::VerificationFailed);
    assert!(error.failure.message.contains('2'), "{} does not say what was seen", error.failure.message);
}

/// `wait_for` ends with the condition, or as a timeout.
pub async fn what_is_waited_for_and_does_not_come_is_a_timeout(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/late").await;
    let wait = |text: &str| json!({ "action": "wait_for", "condition": { "visible": { "text": text } } });
    visit.does(wait("Bob")).await;
    assert_eq!(visit.fails(wait("Nobody")).await.failure.kind, ErrorKind::Timeout);
}
