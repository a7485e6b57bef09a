//! One session on the pages, with short words for what cases do.

use std::sync::Arc;
use std::time::Duration;

use aef_core::browser::{
    ActionError, ActionOutcome, Browser, CaptureRequest, Observation, ObserveRequest, Performed, Session,
};
use aef_core::document::Condition;
use serde_json::{Value, json};

use super::BrowserBench;
use crate::doubles::{action_of, action_request, session_options};

/// How long an action may take that is going to fail.
pub(super) const SHORT: Duration = Duration::from_millis(400);

pub(super) struct Visit {
    pub(super) browser: Arc<dyn Browser>,
    pub(super) session: Arc<dyn Session>,
    pub(super) origin: String,
}

impl Visit {
    /// A session on the page at `path`.
    pub(super) async fn at(bench: &dyn BrowserBench, path: &str) -> Self {
        let (browser, origin) = (bench.browser(), bench.origin());
        let session = browser.open(session_options(&origin)).await.expect("a session opens");
        let visit = Self { browser, session, origin };
        visit.goes_to(path).await;
        visit
    }

    pub(super) async fn goes_to(&self, path: &str) -> ActionOutcome {
        let url = format!("{}{path}", self.origin);
        self.does(json!({ "action": "navigate", "url": url })).await
    }

    /// Performs what must succeed.
    pub(super) async fn does(&self, action: Value) -> ActionOutcome {
        self.tries(action).await.expect("the action succeeds").outcome
    }

    pub(super) async fn tries(&self, action: Value) -> Result<Performed, ActionError> {
        self.session.perform(action_request(action_of(action))).await
    }

    /// Performs what must fail.
    pub(super) async fn fails(&self, action: Value) -> ActionError {
        let mut request = action_request(action_of(action));
        request.timeout = SHORT;
        self.session.perform(request).await.expect_err("the action fails")
    }

    /// Reads what must be there.
    pub(super) async fn reads(&self, mut extract: Value) -> Value {
        extract["action"] = json!("extract");
        extract["as"] = json!("x");
        self.tries(extract).await.expect("the page is read").value.expect("an extract gives a value")
    }

    pub(super) async fn clicks(&self, name: &str) -> ActionOutcome {
        self.does(click(name)).await
    }

    pub(super) async fn observes(&self, conditions: Value, timeout: Duration) -> Observation {
        let conditions: Vec<Condition> = serde_json::from_value(conditions).expect("the JSON is conditions");
        self.session.observe(ObserveRequest { conditions, timeout }).await.expect("the page answers")
    }

    /// Whether a condition holds within two seconds.
    pub(super) async fn sees(&self, condition: Value) -> bool {
        self.observes(json!([condition]), Duration::from_secs(2)).await.results[0].holds
    }

    /// Whether a condition holds right now.
    pub(super) async fn sees_now(&self, condition: Value) -> bool {
        self.observes(json!([condition]), Duration::ZERO).await.results[0].holds
    }

    pub(super) async fn title(&self) -> String {
        self.session.capture(CaptureRequest::default()).await.expect("the page is looked at").title
    }
}

pub(super) fn click(name: &str) -> Value {
    json!({ "action": "click", "target": { "role": "button", "name": name, "exact": true } })
}

pub(super) fn test_id(id: &str) -> Value {
    json!({ "testId": id })
}

pub(super) fn visible(id: &str) -> Value {
    json!({ "visible": test_id(id) })
}
