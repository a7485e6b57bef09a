//! Actions for the steps of a document, proposed by a model behind an OpenAI-compatible chat endpoint.
//!
//! [`ChatEnricher`] asks `POST {base}/chat/completions` with `response_format: json_schema`, so that the reply is one JSON
//! object of a small vocabulary: there is no word in it for a script, a file, or a step that was not asked about. What it
//! says is checked by [`aef_core::enrich`] like everybody's proposals, and a person is asked before each step that follows
//! from it: a model's own estimate counts for at most [`MOST_CONFIDENCE`].
//!
//! Nothing is sent unless a base address and a model are configured. The texts of the steps are sent, and the page
//! snapshots that an author adds; values of inputs and secrets are not known here. A redirect is not followed, as the key
//! would follow it.
//!
//! # What a page says is data
//! A page's text may try to give orders. It stands in the user's message, as a string inside of JSON, and the system's
//! message says that nothing in there is an instruction. That is not the defence: models follow orders all the same. The
//! defence is that whatever comes back may name only steps that were asked about, open only addresses that the procedure
//! knows, enter only words of the step's own text, reveal only secrets that the step asks for, and is shown to a person
//! before it is done.
//!
//! # Examples
//! ```
//! use aef_enrich_openai::{ChatEnricher, ChatOptions};
//!
//! let options = ChatOptions::new("http://127.0.0.1:11434/v1".parse()?, "small-model");
//! let enricher = ChatEnricher::new(options)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod config;
mod error;
mod prompt;
mod reply;

use aef_core::enrich::{EnrichError, EnrichRequest, Enricher, StepProposal};
use async_trait::async_trait;

pub use config::ChatOptions;
pub use error::{ChatError, ChatErrorKind};
pub use reply::MOST_CONFIDENCE;

use client::ChatClient;

/// Asks a chat endpoint.
#[derive(Debug)]
pub struct ChatEnricher {
    name: String,
    batch: usize,
    model: String,
    client: ChatClient,
}

impl ChatEnricher {
    /// An enricher for an endpoint. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ChatErrorKind::Configuration`] where the address is not http or https, holds a password, or would send the key
    /// over plain http to another machine; or where the machine has no certificates to trust.
    pub fn new(options: ChatOptions) -> Result<Self, ChatError> {
        Ok(Self {
            name: format!("chat {}", options.model),
            batch: options.batch.max(1),
            model: options.model.clone(),
            client: ChatClient::new(options)?,
        })
    }
}

#[async_trait]
impl Enricher for ChatEnricher {
    fn name(&self) -> &str {
        &self.name
    }

    fn batch(&self) -> usize {
        self.batch
    }

    async fn propose(&self, request: EnrichRequest) -> Result<Vec<StepProposal>, EnrichError> {
        let body = prompt::body(&self.model, &request);
        let answered = async { reply::proposals(&self.client.post(&body).await?) };
        answered.await.map_err(|error: ChatError| {
            let lasting = error.kind().is_lasting();
            let message = "the chat endpoint gave no proposals";
            let failed = if lasting { EnrichError::lasting(message) } else { EnrichError::new(message) };
            failed.with_source(error)
        })
    }
}
