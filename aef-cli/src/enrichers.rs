//! Who proposes actions for the steps that an SOP tells in words only.

use std::sync::Arc;

use aef::chat::{ChatEnricher, ChatOptions};
use aef::enrich::{Enricher, PhraseEnricher};
use aef::secrets::SecretString;
use clap::{Args, ValueEnum};
use url::Url;

use crate::exit::Exit;
use crate::failure::Failure;

/// Where the key of the chat endpoint is read from.
const KEY: &str = "AEF_CHAT_KEY";

/// Who proposes actions.
#[derive(Debug, Clone, Args)]
pub(crate) struct EnrichArgs {
    /// Who proposes actions for steps that an SOP tells in words only
    #[arg(long, value_enum, default_value_t = EnrichWith::None, value_name = "BY")]
    enrich: EnrichWith,
    /// With --enrich chat: the endpoint, before /chat/completions
    #[arg(long, value_name = "URL", required_if_eq("enrich", "chat"))]
    base_url: Option<Url>,
    /// With --enrich chat: the model
    #[arg(long, value_name = "NAME", required_if_eq("enrich", "chat"))]
    model: Option<String>,
}

/// Who proposes actions.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum EnrichWith {
    /// Nobody
    None,
    /// A reader of imperative phrases: "click the 'Save' button"
    Phrases,
    /// A model behind an OpenAI-compatible endpoint
    Chat,
}

impl EnrichArgs {
    /// Who it is.
    ///
    /// # Errors
    /// Where the endpoint's options make no sense.
    pub(crate) fn enricher(&self) -> Result<Option<Arc<dyn Enricher>>, Failure> {
        Ok(match self.enrich {
            EnrichWith::None => None,
            EnrichWith::Phrases => Some(Arc::new(PhraseEnricher)),
            EnrichWith::Chat => {
                let (Some(base_url), Some(model)) = (&self.base_url, &self.model) else {
                    return Err(Failure::new(Exit::Usage, "--enrich chat needs --base-url and --model"));
                };
                let key = std::env::var(KEY).ok().filter(|key| !key.is_empty()).map(SecretString::from);
                let chat = ChatOptions { key, ..ChatOptions::new(base_url.clone(), model) };
                let enricher = ChatEnricher::new(chat).map_err(|error| {
                    Failure::environment("the chat endpoint cannot be used").with_source(error)
                })?;
                Some(Arc::new(enricher))
            }
        })
    }
}
