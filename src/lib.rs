//! Runs procedures in a real browser, durably, with a person in control.
//!
//! A *document* says what to do, where a person must agree, and what to do when it goes wrong. It is compiled into a
//! *plan*; an *engine* runs plans on a *store* that keeps every step in a journal, and a *browser*. What has happened is
//! never done twice: not by a crash, not by a lost connection, not by a second worker.
//!
//! ```
//! use std::sync::Arc;
//!
//! use aef::document::Document;
//! use aef::engine::{Engine, Outcome};
//! use aef::execution::Answer;
//! use aef::memory::MemoryStore;
//! use aef::plan::Plan;
//! # use aef_testkit::ScriptedBrowser as Chromium;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let document = Document::from_yaml(
//!     r#"
//!     aef: 1
//!     id: publish
//!     steps:
//!       - id: publish
//!         checkpoint: { before: { title: "Publish {{ inputs.title }}?" } }
//!         actions:
//!           - { action: navigate, url: "https://blog.example/new" }
//!           - { action: fill, target: { label: Title }, value: "{{ inputs.title }}" }
//!           - { action: click, target: { role: button, name: Publish } }
//!         verify: [ { text: { target: { css: h1 }, contains: "{{ inputs.title }}" } } ]
//!     inputs: { type: object, properties: { title: { type: string } } }
//!     "#,
//! )?;
//! let plan = Plan::compile(&document)?;
//! # let browser = Chromium::permissive();
//! let engine = Engine::builder(Arc::new(MemoryStore::new())).browser(Arc::new(browser)).build();
//! let inputs = serde_json::json!({ "title": "Hello" });
//! let outcome = engine.run(&plan, inputs, async |checkpoint| {
//!     println!("{}", checkpoint.title);
//!     Answer::approve()
//! });
//! assert!(matches!(outcome.await?, Outcome::Finished(_)));
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! | feature | adds | default |
//! |---|---|---|
//! | `memory` | `memory::MemoryStore`, for tests and trials | yes |
//! | `sqlite` | `sqlite::SqliteStore`, durable, in one file | yes |
//! | `postgres` | `postgres::PostgresStore`, for many workers on many machines | no |
//! | `cdp` | `cdp::CdpBrowser`, Chromium over the DevTools protocol | yes |
//! | `http` | `http::router`, the HTTP surface to mount in a service | no |
//! | `client` | `client::Client`, which asks a server | no |
//! | `chat` | `chat::ChatEnricher`, actions proposed by an OpenAI-compatible endpoint | no |

#[cfg(feature = "cdp")]
pub use aef_browser_cdp as cdp;
#[cfg(feature = "client")]
pub use aef_client as client;
pub use aef_core::*;
#[cfg(feature = "chat")]
pub use aef_enrich_openai as chat;
#[cfg(feature = "http")]
pub use aef_http as http;
#[cfg(feature = "memory")]
pub use aef_store_memory as memory;
#[cfg(feature = "postgres")]
pub use aef_store_postgres as postgres;
#[cfg(feature = "sqlite")]
pub use aef_store_sqlite as sqlite;
