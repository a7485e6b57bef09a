use std::time::Duration;

use aef_core::browser::{ActionError, ActionRequest, Effect, InputGate, ObserveRequest, Performed};
use aef_core::document::Condition;
use serde_json::json;

use super::*;
use crate::doubles::{FixedSecrets, action_of, action_request, session_options};

const ORIGIN: &str = "https://crm.test";

/// A record that is saved in a dialog, an inbox, and a page for those who are logged in.
fn crm() -> ScriptedSite {
    let row = |id: &str, from: &str| {
        Element::new("li").attribute("data-mail", id).with(Element::new("b").class("from").text(from))
    };
    let dialog =
        Element::new("dialog").test_id("edit").with(Element::field("Contact").value("{query:who}")).with(
            Element::button("Save")
                .on_click(Reaction::Post(Post::new("save", "{value:Contact}").refused_first(1)))
                .shows(Element::new("p").test_id("saved").text("Saved {value:Contact}"))
                .on_click(Reaction::Remove("edit".to_owned())),
        );
    let delete = Reaction::Dialog {
        kind: "confirm".to_owned(),
        message: "Really?".to_owned(),
        accepted: vec![Reaction::Post(Post::new("delete", "ann"))],
    };
    let log_in = Element::button("Log in")
        .on_click(Reaction::SetCookie("session".to_owned(), "1".to_owned()))
        .on_click(Reaction::Open("/private".to_owned()));
    ScriptedSite::new(ORIGIN)
        .page("/inbox", Page::new("Inbox").with_all([row("m1", "Ann"), row("m2", "Bob")]))
        .page(
            "/crm",
            Page::new("CRM")
                .with(Element::button("Edit").shows(dialog))
                .with(Element::button("Delete").on_click(delete))
                .with(Element::button("Later").appears_after(Duration::from_secs(2)).posts("late", "1"))
                .with(
                    Element::new("p")
                        .test_id("known")
                        .text("{query:who} is known")
                        .once_posted("save", "ann"),
                ),
        )
        .page("/login", Page::new("Log in").with(Element::field("Password")).with(log_in))
        .page("/private", Page::new("Private").needs_cookie("session", "/login"))
        .page("/broken", Page::new("Broken").status(503))
}

struct Visit {
    browser: ScriptedBrowser,
    session: Arc<dyn Session>,
}

impl Visit {
    async fn at(path: &str) -> Self {
        let browser = ScriptedBrowser::new(crm());
        let visit = Self { session: browser.open(session_options(ORIGIN)).await.unwrap(), browser };
        visit.does(json!({ "action": "navigate", "url": format!("{ORIGIN}{path}") })).await.unwrap();
        visit
    }

    async fn does(&self, action: Value) -> Result<Performed, ActionError> {
        self.session.perform(action_request(action_of(action))).await
    }

    async fn clicks(&self, name: &str) -> Result<Performed, ActionError> {
        self.does(json!({ "action": "click", "target": { "role": "button", "name": name } })).await
    }

    async fn sees(&self, condition: Value) -> bool {
        let conditions = vec![serde_json::from_value(condition).unwrap()];
        let request = ObserveRequest { conditions, timeout: Duration::ZERO };
        self.session.observe(request).await.unwrap().results[0].holds
    }
}

#[tokio::test(start_paused = true)]
async fn a_dialog_exists_only_behind_its_click_and_a_write_counts_at_the_server() {
    let visit = Visit::at("/crm?who=ann").await;
    let missing = visit.clicks("Save").await.unwrap_err();
    assert_eq!((missing.failure.kind, missing.effect), (ErrorKind::ElementNotFound, Effect::None));
    visit.clicks("Edit").await.unwrap();
    let refused = visit.clicks("Save").await.unwrap().outcome;
    assert_eq!((refused.writes[0].status, visit.browser.witness().total("save")), (Some(503), 0));
    assert!(visit.sees(json!({ "visible": { "testId": "edit" } })).await);
    visit.clicks("Save").await.unwrap();
    assert_eq!(visit.browser.witness().count("save", "ann"), 1);
    assert!(visit.sees(json!({ "text": { "target": { "testId": "saved" }, "equals": "Saved ann" } })).await);
    assert!(visit.sees(json!({ "hidden": { "testId": "edit" } })).await);
}

#[tokio::test(start_paused = true)]
async fn a_navigation_makes_the_page_anew_from_what_the_server_knows() {
    let visit = Visit::at("/crm?who=ann").await;
    visit.clicks("Edit").await.unwrap();
    visit.browser.witness().record("save", "ann");
    assert!(!visit.sees(json!({ "visible": { "testId": "known" } })).await);
    visit.does(json!({ "action": "reload" })).await.unwrap();
    assert!(
        visit.sees(json!({ "text": { "target": { "testId": "known" }, "equals": "ann is known" } })).await
    );
    assert!(!visit.sees(json!({ "visible": { "testId": "edit" } })).await);
}

#[tokio::test(start_paused = true)]
async fn an_action_waits_for_its_element_and_no_longer_than_it_may() {
    let visit = Visit::at("/crm").await;
    let begun = tokio::time::Instant::now();
    visit.clicks("Later").await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 2);
    let begun = tokio::time::Instant::now();
    visit.clicks("Never").await.unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn rows_and_fields_are_read() {
    let visit = Visit::at("/inbox").await;
    let extract =
        |fields: Value| json!({ "action": "extract", "list": { "css": "li" }, "fields": fields, "as": "x" });
    let fields =
        json!({ "id": { "attribute": "data-mail" }, "from": { "css": ".from" }, "to": { "css": ".to" } });
    let rows = visit.does(extract(fields)).await.unwrap().value;
    let expected =
        json!([{ "from": "Ann", "id": "m1", "to": null }, { "from": "Bob", "id": "m2", "to": null }]);
    assert_eq!(rows, Some(expected));
    let required =
        visit.does(extract(json!({ "to": { "css": ".to", "required": true } }))).await.unwrap_err();
    assert_eq!(required.failure.reason.as_deref(), Some("missing"));
}

#[tokio::test(start_paused = true)]
async fn dialogs_are_dismissed_unless_the_policy_says_otherwise() {
    let visit = Visit::at("/crm").await;
    let dismissed = visit.clicks("Delete").await.unwrap().outcome;
    assert_eq!((dismissed.dialogs[0].accepted, dismissed.writes.len()), (false, 0));
    visit.does(json!({ "action": "dialog", "accept": true })).await.unwrap();
    let accepted = visit.clicks("Delete").await.unwrap().outcome;
    assert_eq!((accepted.dialogs[0].message.as_str(), accepted.writes.len()), ("Really?", 1));
}

#[tokio::test(start_paused = true)]
async fn cookies_are_kept_in_the_storage_state_and_nowhere_else() {
    let visit = Visit::at("/private").await;
    assert!(visit.sees(json!({ "url": { "ends_with": "/login" } })).await);
    visit.clicks("Log in").await.unwrap();
    assert!(visit.sees(json!({ "title": { "equals": "Private" } })).await);
    let restore = Some(visit.session.storage_state().await.unwrap());
    let url = Some(format!("{ORIGIN}/private"));
    for (restore, title) in [(restore, "Private"), (None, "Log in")] {
        let options = SessionOptions { restore, url: url.clone(), ..session_options(ORIGIN) };
        let session = visit.browser.open(options).await.unwrap();
        let request = aef_core::browser::CaptureRequest::default();
        assert_eq!(session.capture(request).await.unwrap().title, title);
    }
}

#[tokio::test(start_paused = true)]
async fn addresses_are_judged_by_the_policy_and_pages_by_their_status() {
    let visit = Visit::at("/inbox").await;
    for (url, kind) in [
        ("file:///etc/passwd", ErrorKind::Policy),
        ("https://elsewhere.test/", ErrorKind::Policy),
        ("https://crm.test/broken", ErrorKind::HttpStatus),
        ("https://crm.test/nothing", ErrorKind::HttpStatus),
    ] {
        let error = visit.does(json!({ "action": "navigate", "url": url })).await.unwrap_err();
        assert_eq!(error.failure.kind, kind, "{url}");
        assert_eq!(error.failure.transient, url.ends_with("broken"), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_input_is_sent_through_a_shut_gate() {
    let visit = Visit::at("/crm").await;
    let click = json!({ "action": "click", "target": { "role": "button", "name": "Later" } });
    let request = action_request(action_of(click));
    let opened = tokio::time::Instant::now();
    let gate = InputGate::new(move || Duration::from_secs(1).saturating_sub(opened.elapsed()));
    let error = visit.session.perform(ActionRequest { gate, ..request }).await.unwrap_err();
    assert_eq!((error.effect, visit.browser.witness().total("late")), (Effect::None, 0));
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_entered_where_it_may_be_and_is_told_nowhere() {
    let visit = Visit::at("/login").await;
    let fill = |name: &str| {
        let value = json!({ "parts": [{ "secret": name }] });
        action_of(json!({ "action": "fill", "target": { "label": "Password" }, "value": value }))
    };
    let secrets =
        FixedSecrets::new().with("mine", "hunter2", ORIGIN).with("other", "x", "https://other.test");
    let secrets = Arc::new(secrets);
    let enter =
        |name: &str| ActionRequest { secrets: Arc::clone(&secrets) as _, ..action_request(fill(name)) };
    let performed = visit.session.perform(enter("mine")).await.unwrap();
    assert!(!format!("{performed:?}{:?}", visit.browser.trace()).contains("hunter2"));
    assert!(visit.sees(json!({ "value": { "target": { "label": "Password" }, "equals": "hunter2" } })).await);
    for name in ["other", "unknown"] {
        let error = visit.session.perform(enter(name)).await.unwrap_err();
        assert_eq!((error.failure.kind, error.effect), (ErrorKind::SecretMissing, Effect::None), "{name}");
    }
    assert_eq!(secrets.revealed(), [("mine".to_owned(), ORIGIN.to_owned())]);
}

#[tokio::test]
async fn a_permissive_browser_does_as_it_is_told_and_tells_of_it() {
    let browser = ScriptedBrowser::permissive().with_value("mails", json!([{ "from": "ann" }]));
    let session = browser.open(session_options(ORIGIN)).await.unwrap();
    let navigate = action_of(json!({ "action": "navigate", "url": "https://crm.test/inbox" }));
    let extract = action_of(json!({
        "action": "extract", "list": { "css": ".mail" }, "fields": { "from": { "css": ".from" } }, "as": "mails"
    }));
    let outcome = session.perform(action_request(navigate.clone())).await.unwrap().outcome;
    assert_eq!((outcome.url.as_str(), outcome.status), ("https://crm.test/inbox", Some(200)));
    let read = session.perform(action_request(extract.clone())).await.unwrap();
    assert_eq!(read.value, Some(json!([{ "from": "ann" }])));
    assert_eq!(browser.trace(), [navigate, extract]);
}

#[tokio::test]
async fn every_condition_holds_on_a_permissive_page_but_false() {
    let session = ScriptedBrowser::permissive().open(session_options(ORIGIN)).await.unwrap();
    let visible: Condition = serde_json::from_value(json!({ "visible": { "testId": "saved" } })).unwrap();
    let request =
        ObserveRequest { conditions: vec![visible, Condition::Constant(false)], timeout: Duration::ZERO };
    let holds: Vec<_> =
        session.observe(request).await.unwrap().results.iter().map(|result| result.holds).collect();
    assert_eq!(holds, [true, false]);
}

#[tokio::test]
async fn a_lost_session_says_why_and_does_no_more() {
    let browser = ScriptedBrowser::permissive();
    let session = browser.open(session_options(ORIGIN)).await.unwrap();
    assert_eq!(browser.open_sessions(), 1);
    browser.lose_sessions(ErrorKind::Crashed);
    assert_eq!(session.lost().await.kind(), ErrorKind::Crashed);
    assert_eq!(session.storage_state().await.unwrap_err().kind(), ErrorKind::Crashed);
    assert_eq!(browser.open_sessions(), 0);
}

#[tokio::test]
async fn a_session_that_was_closed_is_never_lost() {
    let browser = ScriptedBrowser::permissive();
    let session = browser.open(session_options(ORIGIN)).await.unwrap();
    session.close().await.unwrap();
    session.close().await.unwrap();
    browser.lose_sessions(ErrorKind::Crashed);
    let lost = futures::FutureExt::now_or_never(session.lost());
    assert!(lost.is_none());
    assert_eq!(session.storage_state().await.unwrap_err().kind(), ErrorKind::Disconnected);
}
