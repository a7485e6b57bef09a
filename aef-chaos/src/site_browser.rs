//! A browser for one site: it reads the demo site's pages and posts its form over HTTP, as the page's script does.
//!
//! Documents that it performs are performed alike by Chromium. It fails now and then where it may, before anything has
//! been sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aef_core::browser::{
    ActionError, ActionOutcome, ActionRequest, Browser, BrowserError, Capture, CaptureRequest,
    ConditionResult, InputGate, Observation, ObserveRequest, Performed, Session, SessionOptions,
    StorageState, Write,
};
use aef_core::document::{ActionKind, Condition, Fingerprint, Select, Target};
use aef_core::recovery::{ErrorKind, Failure};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use crate::dice::Dice;
use crate::http;

/// What the fields of the form are called in what it posts.
const FIELDS: [(&str, &str); 5] = [
    ("Name of the firm", "firm"),
    ("Contact e-mail", "contact"),
    ("Stage", "stage"),
    ("Last contact", "lastContact"),
    ("Notes", "notes"),
];

/// What a document writes into a field on which this browser fails now and then.
pub(crate) const FLAKY: &str = "flaky";

/// How often it does, in a hundred.
const FAILS: u64 = 40;

/// How often a page is looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(50);

/// Opens sessions on the demo site.
#[derive(Debug)]
pub(crate) struct SiteBrowser {
    dice: Arc<Mutex<Dice>>,
}

impl SiteBrowser {
    pub(crate) fn new(seed: u64) -> Self {
        Self { dice: Arc::new(Mutex::new(Dice::new(seed))) }
    }
}

#[async_trait]
impl Browser for SiteBrowser {
    async fn open(&self, options: SessionOptions) -> Result<Arc<dyn Session>, BrowserError> {
        let session = SiteSession { dice: self.dice.clone(), page: tokio::sync::Mutex::default() };
        if let Some(url) = &options.url {
            let failed = |failure: Failure| BrowserError::new("open", failure.kind, failure.message);
            session.page.lock().await.navigate(url).await.map_err(failed)?;
        }
        Ok(Arc::new(session))
    }
}

#[derive(Debug)]
struct SiteSession {
    dice: Arc<Mutex<Dice>>,
    page: tokio::sync::Mutex<Page>,
}

/// The page that is open.
#[derive(Debug, Default)]
struct Page {
    url: Option<Url>,
    html: String,
    /// The open dialog, by the names under which its fields are posted.
    form: Option<BTreeMap<&'static str, String>>,
}

impl SiteSession {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the documents use no other actions")]
    async fn act(&self, request: &ActionRequest) -> Result<ActionOutcome, ActionError> {
        let mut page = self.page.lock().await;
        let writes = match &request.action.kind {
            ActionKind::Navigate(navigate) => {
                page.navigate(&navigate.url).await.map_err(ActionError::without_effect)?;
                Vec::new()
            }
            ActionKind::Click(click) if named(&click.target) == Some("New record") => {
                page.form = Some(BTreeMap::from([("stage", "Intro".to_owned())]));
                Vec::new()
            }
            ActionKind::Click(click) if named(&click.target) == Some("Save") => {
                vec![page.save(&request.gate).await?]
            }
            ActionKind::Fill(fill) => {
                self.fill(&mut page, &fill.target, fill.value.to_string())
                    .map_err(ActionError::without_effect)?;
                Vec::new()
            }
            ActionKind::Select(select) => {
                self.fill(&mut page, &select.target, chosen(select)).map_err(ActionError::without_effect)?;
                Vec::new()
            }
            other => {
                let message = format!("the site knows no {}", other.name());
                return Err(ActionError::without_effect(Failure::new(ErrorKind::ElementNotFound, message)));
            }
        };
        let url = page.address();
        Ok(ActionOutcome { url, title: "Investors".to_owned(), writes, ..ActionOutcome::default() })
    }

    fn fill(&self, page: &mut Page, target: &Target, value: String) -> Result<(), Failure> {
        let label = first(target, |locator| locator.label.as_deref());
        let field = FIELDS.iter().find(|(name, _)| Some(*name) == label);
        let missing = || Failure::new(ErrorKind::ElementNotFound, format!("there is no field {label:?}"));
        let (_, field) = field.ok_or_else(missing)?;
        let form = page.form.as_mut().ok_or_else(missing)?;
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        if value == FLAKY && dice.happens(FAILS) {
            return Err(Failure::new(ErrorKind::Network, "the site was out of reach for a moment"));
        }
        form.insert(field, value);
        Ok(())
    }
}

impl Page {
    fn address(&self) -> String {
        self.url.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    async fn navigate(&mut self, url: &str) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new(ErrorKind::Navigation, error.to_string());
        let url = Url::parse(url).map_err(|error| failed(&error))?;
        let answer = http::get(&url).await.map_err(|error| failed(&error))?;
        *self = Self { url: Some(url), html: answer.body, form: None };
        Ok(())
    }

    /// Posts what stands in the form.
    async fn save(&mut self, gate: &InputGate) -> Result<Write, ActionError> {
        let missing =
            || ActionError::without_effect(Failure::new(ErrorKind::ElementNotFound, "no button \"Save\""));
        let form = self.form.as_ref().ok_or_else(missing)?;
        let page = self.url.clone().ok_or_else(missing)?;
        let target = page.join("/api/records").map_err(|_| missing())?;
        let body = json!({
            "firm": form.get("firm"),
            "contact": form.get("contact"),
            "stage": form.get("stage"),
            "lastContact": form.get("lastContact"),
            "notes": form.get("notes").map_or("", String::as_str),
        });
        if gate.is_shut() {
            let failure = Failure::new(ErrorKind::Timeout, "the time in which input may be sent is over");
            return Err(ActionError::without_effect(failure.with_reason("gate_shut")));
        }
        let lost = |error: http::HttpError| {
            ActionError::with_possible_effect(Failure::new(ErrorKind::Network, error.to_string()))
        };
        let answer = http::post(&target, body.to_string()).await.map_err(lost)?;
        self.form = None;
        let write = Write { method: "POST".to_owned(), url: target.to_string(), status: Some(answer.status) };
        // The page shows the grid anew; where it cannot, the write has happened all the same.
        if let Ok(grid) = http::get(&page).await {
            self.html = grid.body;
        }
        Ok(write)
    }

    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Constant(value) => *value,
            Condition::Expression(_) => false,
            Condition::Page(page) => {
                let wanted =
                    page.visible.as_ref().and_then(|target| first(target, |at| at.test_id.as_deref()));
                wanted.is_some_and(|id| self.html.contains(&format!("data-testid=\"{id}\"")))
            }
        }
    }
}

#[async_trait]
impl Session for SiteSession {
    async fn perform(&self, request: ActionRequest) -> Result<Performed, ActionError> {
        let begun = Instant::now();
        let mut outcome =
            tokio::time::timeout(request.timeout, self.act(&request)).await.map_err(|_| {
                let failure = Failure::new(ErrorKind::Timeout, "the site did not answer in time");
                ActionError::with_possible_effect(failure)
            })??;
        outcome.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Performed { outcome, value: None, file: None })
    }

    async fn observe(&self, request: ObserveRequest) -> Result<Observation, BrowserError> {
        let deadline = Instant::now() + request.timeout;
        loop {
            let observation = {
                let page = self.page.lock().await;
                let answer =
                    |condition| ConditionResult { holds: page.holds(condition), detail: String::new() };
                Observation {
                    results: request.conditions.iter().map(answer).collect(),
                    url: page.address(),
                    title: "Investors".to_owned(),
                }
            };
            if observation.results.iter().all(|result| result.holds) || Instant::now() >= deadline {
                return Ok(observation);
            }
            tokio::time::sleep_until(deadline.min(Instant::now() + LOOK)).await;
        }
    }

    async fn capture(&self, request: CaptureRequest) -> Result<Capture, BrowserError> {
        let page = self.page.lock().await;
        let fingerprint = |target: &Target| {
            page.form.as_ref()?;
            let (role, name) = (first(target, |at| at.role.as_deref()), named(target));
            Some(Fingerprint { role: role.map(str::to_owned), name: name.map(str::to_owned), tag: None })
        };
        Ok(Capture {
            url: page.address(),
            title: "Investors".to_owned(),
            screenshot: None,
            fingerprints: request.fingerprints.iter().map(fingerprint).collect(),
        })
    }

    async fn storage_state(&self) -> Result<StorageState, BrowserError> {
        // So that what is kept for an execution can be told from what is kept for another.
        let address = Value::from(self.page.lock().await.address());
        Ok(StorageState { cookies: vec![address], ..StorageState::default() })
    }

    async fn close(&self) -> Result<(), BrowserError> {
        Ok(())
    }

    async fn lost(&self) -> BrowserError {
        std::future::pending().await
    }
}

/// What the best locator says.
fn first<'a>(
    target: &'a Target,
    part: impl Fn(&'a aef_core::document::Locator) -> Option<&'a str>,
) -> Option<&'a str> {
    target.as_slice().first().and_then(part)
}

fn named(target: &Target) -> Option<&str> {
    first(target, |locator| locator.name.as_deref())
}

fn chosen(select: &Select) -> String {
    let labels = select.label.as_ref().map(aef_core::document::OneOrMany::as_slice).unwrap_or_default();
    labels.first().map(ToString::to_string).unwrap_or_default()
}
