//! What steps do to pages of every kind, as tables: each case is a page of its own, what is done on it, and what has become
//! of it then. The cases stand in `behaviour/*.yaml`, one file a feature; `behaviour/README.md` says how they are written.

mod expectation;
mod table;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aef_browser_cdp::{CdpBrowser, LaunchOptions};
use aef_core::browser::{ActionError, Browser, FileContent, Performed, Session, SessionOptions};
use aef_core::document::{Action, ActionKind};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use self::expectation::{Difference, compare, of_condition, of_error, of_state, told};
use self::table::{Case, Expectation, Tables};
use crate::support::{Site, launch_options, note, options, request};

/// How many cases the tables have at least.
const LEAST: usize = 250;
/// How many cases run at a time.
const AT_ONCE: usize = 6;
/// How long an action may take that must succeed.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long one may take that must fail because of what the page shows, unless it says so itself: that stands there from the
/// beginning.
const IMPATIENCE: Duration = Duration::from_millis(1200);
/// One case in so many is held against the opposite of what it expects.
const SAMPLED: usize = 8;

/// A browser, a site with the pages of all cases, and the cases.
struct Suite {
    browser: CdpBrowser,
    site: Site,
    tables: Tables,
}

impl Suite {
    async fn start() -> Self {
        let tables = Tables::read();
        let site = Site::serve(tables.pages()).await;
        // Frames of another site stand in processes of their own, as they do in a browser for people.
        let args = vec!["--site-per-process".to_owned()];
        let browser = CdpBrowser::launch(LaunchOptions { args, ..launch_options() })
            .await
            .expect("`apt install chromium chromium-headless-shell` provides the browser");
        Self { browser, site, tables }
    }

    /// Runs cases, some at a time, and gives what went wrong.
    async fn run(&self, cases: impl IntoIterator<Item = Case>) -> Vec<(String, Difference)> {
        let running = cases.into_iter().map(|case| async move {
            let name = case.full_name();
            tokio::time::timeout(Duration::from_secs(60), self.case(&case))
                .await
                .unwrap_or_else(|_| Err(Difference::new("the end of the case", "its page is still busy")))
                .err()
                .map(|difference| (name, difference))
        });
        stream::iter(running).buffer_unordered(AT_ONCE).filter_map(|failed| async { failed }).collect().await
    }

    async fn case(&self, case: &Case) -> Result<(), Difference> {
        let session = self.open(case).await?;
        let result = self.play(case, &session).await;
        let closed = session.close().await;
        result.and(closed.map_err(|error| Difference::new("a session that closes", error)))
    }

    async fn open(&self, case: &Case) -> Result<Arc<dyn Session>, Difference> {
        let mut options = SessionOptions {
            url: Some(self.site.url(&case.path(""))),
            ..options(&[self.site.origin(), self.site.local_origin()])
        };
        options.policy.allow_evaluate = true;
        options.config = case.config();
        self.browser.open(options).await.map_err(|error| Difference::new("a page that opens", error))
    }

    async fn play(&self, case: &Case, session: &Arc<dyn Session>) -> Result<(), Difference> {
        let (last, before) = case
            .actions
            .split_last()
            .map_or((None, case.actions.as_slice()), |(last, before)| (Some(last), before));
        for action in before {
            let performed = self.perform(case, session, action, PATIENCE).await;
            performed.map_err(|error| refused(action, &error))?;
        }
        if let Some(action) = last {
            let fails = case.expected_error();
            // A server's answer comes when it comes.
            let is_of_page =
                |error: &str| !error.starts_with("navigation/") && !error.starts_with("http_status/");
            let limit = if fails.is_some_and(is_of_page) { IMPATIENCE } else { PATIENCE };
            let result = self.perform(case, session, action, limit).await;
            match (fails, result) {
                (Some(expected), result) => of_error(expected, result)?,
                (None, Ok(performed)) => self.of_performed(case, &performed)?,
                (None, Err(error)) => return Err(refused(action, &error)),
            }
        }
        for expectation in &case.expectations {
            match expectation {
                Expectation::Holds(condition, expected) => {
                    let timeout = case.holding(*expected);
                    of_condition(session, &self.placed(case, condition), *expected, timeout).await?;
                }
                Expectation::State(expression, expected) => {
                    of_state(session, expression, expected, case.settling()).await?;
                }
                Expectation::Error(_)
                | Expectation::Value(_)
                | Expectation::Outcome(_)
                | Expectation::File(_) => {}
            }
        }
        Ok(())
    }

    async fn perform(
        &self,
        case: &Case,
        session: &Arc<dyn Session>,
        action: &Value,
        limit: Duration,
    ) -> Result<Performed, ActionError> {
        let action = self.placed(case, action);
        let own_time = action.get("timeout").is_some();
        let mut request = request(action);
        if !own_time {
            request.timeout = limit;
        }
        request.files = vec![
            note(),
            FileContent { name: "list.csv".into(), media_type: "text/csv".into(), bytes: "a,b".into() },
        ];
        let count = files_of(&request.action);
        request.files.truncate(count);
        session.perform(request).await
    }

    /// A value of a case with the addresses of its site in it.
    fn placed(&self, case: &Case, value: &Value) -> Value {
        let text = value.to_string();
        let near = self.site.url(&case.path(""));
        let far = format!("{}{}", self.site.local_origin(), case.path(""));
        let placed =
            text.replace("{near}", near.trim_end_matches('/')).replace("{far}", far.trim_end_matches('/'));
        serde_json::from_str(&placed).unwrap()
    }

    /// Holds what an action told against what it must tell.
    fn of_performed(&self, case: &Case, performed: &Performed) -> Result<(), Difference> {
        for expectation in &case.expectations {
            match expectation {
                Expectation::Value(expected) => {
                    compare(
                        &self.placed(case, expected),
                        performed.value.as_ref().unwrap_or(&Value::Null),
                        "value",
                    )?;
                }
                Expectation::Outcome(expected) => {
                    let outcome = serde_json::to_value(&performed.outcome).unwrap();
                    compare(&self.placed(case, expected), &outcome, "outcome")?;
                }
                Expectation::File(expected) => {
                    let file = performed.file.as_ref();
                    let told = file.map_or(Value::Null, |file| {
                        json!({ "mediaType": file.media_type, "text": String::from_utf8_lossy(&file.bytes), "size": file.bytes.len() })
                    });
                    compare(expected, &told, "file")?;
                }
                Expectation::Error(_) | Expectation::Holds(..) | Expectation::State(..) => {}
            }
        }
        Ok(())
    }
}

/// How many files an action names.
fn files_of(action: &Action) -> usize {
    if let ActionKind::Upload(upload) = &action.kind { upload.named().count() } else { 0 }
}

fn refused(action: &Value, error: &ActionError) -> Difference {
    Difference::new(&format!("{action} to succeed"), format!("{}: {error}", told(error)))
}

/// All that went wrong, a line each.
fn listed(failed: &[(String, Difference)]) -> String {
    let mut lines: Vec<String> =
        failed.iter().map(|(name, difference)| format!("{name}: {difference}")).collect();
    lines.sort();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_ends_as_it_says() {
    let suite = Suite::start().await;
    let started = Instant::now();
    let only = std::env::var("AEF_BEHAVIOUR").unwrap_or_default();
    let cases: Vec<Case> =
        suite.tables.cases().filter(|case| case.full_name().contains(&only)).cloned().collect();
    let count = cases.len();
    assert!(count >= LEAST || !only.is_empty(), "{count} cases");
    let failed = suite.run(cases).await;
    println!("{count} cases in {:?}", started.elapsed());
    assert!(failed.is_empty(), "{} of {count} cases:\n{}", failed.len(), listed(&failed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_case_passes_whatever_happens() {
    let suite = Suite::start().await;
    let flipped: Vec<Case> = suite.tables.cases().step_by(SAMPLED).flat_map(Case::opposites).collect();
    let count = flipped.len();
    assert!(count >= LEAST / SAMPLED, "{count} cases");
    let names: std::collections::BTreeSet<String> = flipped.iter().map(Case::full_name).collect();
    let failed = suite.run(flipped).await;
    let failed: std::collections::BTreeSet<String> = failed.into_iter().map(|(name, _)| name).collect();
    let passed: Vec<&String> = names.difference(&failed).collect();
    assert!(passed.is_empty(), "these hold, and so does their opposite: {passed:#?}");
}
