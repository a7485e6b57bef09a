//! Checkpoints answered by whoever sits at the terminal, while a worker performs the rest.
//!
//! `cargo run --example answer_checkpoints`

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::io::BufRead as _;
use std::sync::Arc;

use aef::document::Document;
use aef::engine::{Engine, Handle, Outcome, Shutdown, SubmitOptions, WorkerOptions};
use aef::execution::{Answer, AnswerKind, Checkpoint};
use aef::memory::MemoryStore;
use aef::plan::Plan;
use aef_testkit::ScriptedBrowser;
use serde_json::json;

const DOCUMENT: &str = r#"
aef: 1
id: tidy-up
steps:
  - id: open
    actions: [ { action: navigate, url: "https://desk.example/archive" } ]
  - id: delete
    risk: destructive
    checkpoint: { before: { title: "Delete what is older than a year?" } }
    actions: [ { action: click, target: { role: button, name: Delete } } ]
  - id: send
    risk: write
    checkpoint: { before: { title: "Tell the team?" } }
    actions: [ { action: click, target: { role: button, name: Send } } ]
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::builder(Arc::new(MemoryStore::new()))
        .browser(Arc::new(ScriptedBrowser::permissive()))
        .build();
    let shutdown = Shutdown::new();
    let worker = tokio::spawn(engine.worker(WorkerOptions::default()).run(shutdown.clone()));
    let plan = Plan::compile(&Document::from_yaml(DOCUMENT)?)?;
    let run = engine.scope("ann").submit(&plan, json!({}), SubmitOptions::default()).await?;

    while let Outcome::Waiting(state) = run.wait().await? {
        let checkpoint = *state.checkpoint.ok_or("it waits for more than an answer")?;
        answer(&run, checkpoint).await?;
    }
    println!("{}", run.state().await?.status);
    shutdown.begin();
    worker.await?;
    Ok(())
}

/// Asks until an answer is understood. The end of the input stops the execution.
async fn answer(run: &Handle, checkpoint: Checkpoint) -> Result<(), Box<dyn std::error::Error>> {
    let names: Vec<_> = checkpoint.answers.iter().map(|kind| kind.as_str()).collect();
    loop {
        println!("{} [{}]", checkpoint.title, names.join(", "));
        let line = tokio::task::spawn_blocking(|| std::io::stdin().lock().lines().next()).await?;
        let Some(line) = line.transpose()? else {
            run.stop().await?;
            return Ok(());
        };
        match AnswerKind::from_name(line.trim()) {
            Some(kind) if checkpoint.answers.contains(&kind) => {
                run.answer(checkpoint.id, Answer::new(kind)).await?;
                return Ok(());
            }
            _ => println!("that is no answer here"),
        }
    }
}
