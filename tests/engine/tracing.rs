//! What the log says around an action: which execution, step, action and attempt.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use aef::recovery::RecoveryOption;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::Subscriber;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::support::{Stage, finished, waiting};

/// Fails once at an element that is not there, and is then tried again.
const MISSING: &str = r#"
aef: 1
id: missing
config: { actionTimeout: 1s }
steps:
  - id: open
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
  - id: press
    retry: { maxAttempts: 2, delay: 1s, kinds: [element_not_found] }
    actions: [ { action: hover, target: { testId: nowhere } } ]
"#;

type Fields = BTreeMap<&'static str, String>;

/// Keeps the fields of each action's span, with those of the spans around it.
#[derive(Debug, Clone, Default)]
struct Actions(Arc<Mutex<Vec<Fields>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Actions {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Shown(Fields::new());
        attributes.record(&mut fields);
        let span = context.span(id).unwrap();
        span.extensions_mut().insert(fields);
        if span.name() == "action" {
            let around = span.scope().flat_map(|span| match span.extensions().get::<Shown>() {
                Some(Shown(fields)) => fields.clone(),
                None => Fields::new(),
            });
            self.0.lock().unwrap().push(around.collect());
        }
    }
}

struct Shown(Fields);

impl Visit for Shown {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

#[tokio::test(start_paused = true)]
async fn an_actions_span_tells_execution_step_action_and_attempt() {
    let actions = Actions::default();
    // For all threads: a subscriber of this one alone would not hear of what another test has registered meanwhile.
    let registry = tracing_subscriber::registry().with(actions.clone());
    tracing::subscriber::set_global_default(registry).expect("no other test sets one");
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(MISSING).await;
    waiting(handle.wait().await.unwrap());
    handle.recover(RecoveryOption::Skip).await.unwrap();
    finished(handle.wait().await.unwrap());
    worker.end().await;

    let id = handle.id().to_string();
    let wanted =
        |step: &str, action: &str, attempt: &str| [id.as_str(), step, action, attempt].map(ToOwned::to_owned);
    let told: Vec<_> = actions
        .0
        .lock()
        .unwrap()
        .iter()
        .filter(|fields| fields["execution"] == id)
        .map(|fields| ["execution", "step", "action", "attempt"].map(|name| fields[name].clone()))
        .collect();
    assert_eq!(
        told,
        [wanted("open", "navigate", "1"), wanted("press", "hover", "1"), wanted("press", "hover", "2")]
    );
}
