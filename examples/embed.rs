//! The least that runs a document: a store in memory, a browser that only pretends, and answers from code.
//!
//! `cargo run --example embed`

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::sync::Arc;

use aef::document::Document;
use aef::engine::{Engine, Outcome};
use aef::execution::Answer;
use aef::memory::MemoryStore;
use aef::plan::Plan;
use aef_testkit::ScriptedBrowser;
use serde_json::json;

const DOCUMENT: &str = r#"
aef: 1
id: publish
inputs: { type: object, required: [title], properties: { title: { type: string } } }
steps:
  - id: publish
    risk: write
    checkpoint: { before: { title: "Publish {{ inputs.title }}?" } }
    actions:
      - { action: navigate, url: "https://blog.example/new" }
      - { action: fill, target: { label: Title }, value: "{{ inputs.title }}" }
      - { action: click, target: { role: button, name: Publish } }
    verify: [ { text: { target: { css: h1 }, contains: "{{ inputs.title }}" } } ]
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plan = Plan::compile(&Document::from_yaml(DOCUMENT)?)?;
    let browser = ScriptedBrowser::permissive();
    let engine = Engine::builder(Arc::new(MemoryStore::new())).browser(Arc::new(browser.clone())).build();

    let outcome = engine.run(&plan, json!({ "title": "Hello" }), async |checkpoint| {
        println!("approving: {}", checkpoint.title);
        Answer::approve()
    });
    match outcome.await? {
        Outcome::Finished(end) => println!("{} after {} actions", end.status, browser.trace().len()),
        Outcome::Waiting(state) => println!("{}: {:?}", state.status, state.failure),
    }
    Ok(())
}
