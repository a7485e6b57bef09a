//! The demo document in Chromium, on a durable store, with a worker beside the program.
//!
//! `cargo run --example chromium`. As root, where Chromium's sandbox cannot start, add `-- --no-sandbox`.

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::sync::Arc;

use aef::cdp::{CdpBrowser, LaunchOptions};
use aef::document::Document;
use aef::engine::{Engine, HostPolicy, Outcome, PrivateOrigins, Shutdown, SubmitOptions, WorkerOptions};
use aef::execution::Answer;
use aef::plan::Plan;
use aef::sqlite::{SqliteOptions, SqliteStore};
use aef_testkit::demo_site::{DemoSite, DemoSiteOptions};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let site = DemoSite::start(DemoSiteOptions::default())?;
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(&folder.path().join("aef.db"), SqliteOptions::default()).await?;
    let no_sandbox = std::env::args().any(|argument| argument == "--no-sandbox");
    let browser = CdpBrowser::launch(LaunchOptions { no_sandbox, ..LaunchOptions::default() }).await?;
    // The demo site is on this computer, where documents may not go unless the host says so.
    let policy = HostPolicy { private_origins: PrivateOrigins::AsDocuments, ..HostPolicy::default() };
    let engine = Engine::builder(Arc::new(store)).browser(Arc::new(browser)).policy(policy).build();

    let shutdown = Shutdown::new();
    let worker = tokio::spawn(engine.worker(WorkerOptions::default()).run(shutdown.clone()));

    let plan = Plan::compile(&Document::load("examples/investor-update.aef.yaml")?)?;
    let inputs = json!({ "baseUrl": site.url() });
    let run = engine.scope("ann").submit(&plan, inputs, SubmitOptions::default()).await?;
    let end = loop {
        match run.wait().await? {
            Outcome::Finished(end) => break end,
            Outcome::Waiting(state) => {
                let checkpoint = state.checkpoint.ok_or("it waits for more than an answer")?;
                println!("approving: {}", checkpoint.title);
                run.answer(checkpoint.id, Answer::approve()).await?;
            }
        }
    };
    println!("{}: {}", end.status, end.result.unwrap_or_default());
    println!("the site counted {:?}", site.counts());

    shutdown.begin();
    worker.await?;
    Ok(())
}
