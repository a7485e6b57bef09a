//! A browser of one's own: it opens nothing and writes down what it would do, so that a document can be rehearsed.
//!
//! `cargo run --example custom_browser`

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::sync::{Arc, Mutex, PoisonError};

use aef::browser::*;
use aef::document::{ActionKind, Document};
use aef::engine::{Engine, Outcome};
use aef::execution::Answer;
use aef::memory::MemoryStore;
use aef::plan::Plan;
use async_trait::async_trait;

/// Writes each action down and says that it went well.
#[derive(Debug, Clone, Default)]
struct Rehearsal {
    lines: Arc<Mutex<Vec<String>>>,
    url: Arc<Mutex<String>>,
}

impl Rehearsal {
    fn url(&self) -> String {
        self.url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Browser for Rehearsal {
    async fn open(&self, _: SessionOptions) -> Result<Arc<dyn Session>, BrowserError> {
        // Every session is one of its own; here nothing can be left over from another.
        Ok(Arc::new(Self { lines: Arc::clone(&self.lines), url: Arc::default() }))
    }
}

#[async_trait]
impl Session for Rehearsal {
    async fn perform(&self, request: ActionRequest) -> Result<Performed, ActionError> {
        if let ActionKind::Navigate(navigate) = &request.action.kind {
            *self.url.lock().unwrap_or_else(PoisonError::into_inner) = navigate.url.clone();
        }
        // Secrets stand in an action by their names only, so this line holds none.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(request.action.to_string());
        let outcome = ActionOutcome { url: self.url(), ..ActionOutcome::default() };
        Ok(Performed { outcome, value: None, file: None })
    }

    async fn observe(&self, request: ObserveRequest) -> Result<Observation, BrowserError> {
        let holds = |_| ConditionResult { holds: true, detail: "rehearsed".to_owned() };
        let results = request.conditions.iter().map(holds).collect();
        Ok(Observation { results, url: self.url(), title: String::new() })
    }

    async fn capture(&self, request: CaptureRequest) -> Result<Capture, BrowserError> {
        let fingerprints = vec![None; request.fingerprints.len()];
        Ok(Capture { url: self.url(), fingerprints, ..Capture::default() })
    }

    async fn storage_state(&self) -> Result<StorageState, BrowserError> {
        Ok(StorageState::default())
    }

    async fn close(&self) -> Result<(), BrowserError> {
        Ok(())
    }

    async fn lost(&self) -> BrowserError {
        // Nothing can take this one away.
        std::future::pending().await
    }
}

const DOCUMENT: &str = r#"
aef: 1
id: save-contact
inputs: { type: object, required: [email], properties: { email: { type: string } } }
steps:
  - id: open
    actions:
      - { action: navigate, url: "https://crm.example/contacts/new" }
      - { action: fill, target: { label: E-mail }, value: "{{ inputs.email }}" }
  - id: save
    checkpoint: { before: { title: "Save {{ inputs.email }}?" } }
    actions: [ { action: click, target: { role: button, name: Save } } ]
    verify: [ { text: { target: { testId: saved }, contains: "{{ inputs.email }}" } } ]
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rehearsal = Rehearsal::default();
    let engine = Engine::builder(Arc::new(MemoryStore::new())).browser(Arc::new(rehearsal.clone())).build();
    let plan = Plan::compile(&Document::from_yaml(DOCUMENT)?)?;
    let inputs = serde_json::json!({ "email": "ada@example.org" });
    let outcome = engine.run(&plan, inputs, async |checkpoint| {
        println!("would ask: {}", checkpoint.title);
        Answer::approve()
    });
    assert!(matches!(outcome.await?, Outcome::Finished(_)), "nobody has to be waited for");
    for line in rehearsal.lines.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("would {line}");
    }
    Ok(())
}
