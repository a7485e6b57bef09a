//! The enricher that reads imperative phrases: no model, no network, the same answer each time.

use async_trait::async_trait;

use super::guard;
use super::{EnrichError, EnrichRequest, Enricher, StepProposal, StepText};
use crate::document::{ActionKind, Text};
use crate::phrases::{self, Confidence, Phrase, Unread};

/// Reads the phrases of [`crate::phrases`].
#[derive(Debug, Clone, Copy, Default)]
pub struct PhraseEnricher;

#[async_trait]
impl Enricher for PhraseEnricher {
    fn name(&self) -> &'static str {
        "phrases"
    }

    fn batch(&self) -> usize {
        1_000
    }

    async fn propose(&self, request: EnrichRequest) -> Result<Vec<StepProposal>, EnrichError> {
        Ok(request.steps.iter().map(proposal).collect())
    }
}

/// What the step's texts ask for. Instructions say what to do, and so do most names; an intent or a context may say it,
/// and more often says why.
fn proposal(step: &StepText) -> StepProposal {
    let mut unread: Option<Unread> = None;
    for text in step.texts() {
        match phrases::read(text) {
            Ok(read) => return taken(step, text, &read),
            Err(error) => {
                unread.get_or_insert(error);
            }
        }
    }
    let reason = unread.map_or_else(|| "there is nothing to read".to_owned(), |unread| unread.to_string());
    StepProposal { step: step.id.clone(), actions: Vec::new(), confidence: Confidence::percent(0), reason }
}

fn taken(step: &StepText, text: &str, read: &[Phrase]) -> StepProposal {
    let actions = read
        .iter()
        .map(|phrase| {
            let mut action = phrase.action.clone();
            action.description = Some(phrase.text.clone());
            if let ActionKind::Fill(fill) = &mut action.kind
                && let Some(name) = secret_named(&fill.value.to_string(), &step.secrets)
            {
                fill.value = Text::Plain(guard::secret_template(name));
            }
            action
        })
        .collect();
    let confidence = read.iter().map(|phrase| phrase.confidence).min().unwrap_or(Confidence::percent(0));
    let reason = format!("read as it says: “{}”", text.chars().take(200).collect::<String>());
    StepProposal { step: step.id.clone(), actions, confidence, reason }
}

/// The secret of the step that `{{crm_password}}` or, where there is but one such, `{{password}}` means.
fn secret_named<'s>(value: &str, secrets: &'s [String]) -> Option<&'s str> {
    let name = value.strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let ends = |secret: &&String| {
        secret.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
    };
    let mut named = secrets.iter().filter(ends);
    let first = named.next()?;
    named.next().is_none().then_some(first)
}
