//! Actions for the steps that a person would do, proposed by somebody who reads their texts.
//!
//! A transform leaves to a person what its SOP tells in words only. An [`Enricher`] reads those words, and, where an
//! author has one at hand, what is on the page, and proposes actions. A proposal is never taken on trust:
//! it may name only steps that were asked about; it may open only addresses that the procedure knows, enter only what
//! stands in the step's text, and reveal only secrets of that step; and the document with it must compile and be, apart
//! from those actions, the document that it was. What is refused falls back to what the transform made, and the report
//! says why.
//!
//! [`PhraseEnricher`] reads imperative phrases and needs nobody. An adapter may ask a model.

mod apply;
mod guard;
mod phrases;
mod report;
mod request;
mod structure;
#[cfg(test)]
mod tests;

use std::fmt;

use async_trait::async_trait;

pub use self::apply::{EnrichOptions, Enriched, enrich};
pub use self::guard::MAX_ACTIONS;
pub use self::phrases::PhraseEnricher;
pub use self::report::{EnrichReport, RefusalReason, StepOutcome, StepReport};
pub use self::request::{EnrichRequest, MAX_SNAPSHOT, PageSnapshot, StepProposal, StepText};

/// Proposes actions for steps.
#[async_trait]
pub trait Enricher: fmt::Debug + Send + Sync + 'static {
    /// Who proposes, for the report: `phrases`, or the name of a model.
    fn name(&self) -> &str;

    /// How many steps it is asked about at once, at least 1.
    fn batch(&self) -> usize;

    /// Proposes actions for some of the steps that it is asked about.
    ///
    /// **Guarantees.** None that are relied upon: what it proposes is checked. A step without a proposal stays as it
    /// is. Ends in a time that the enricher bounds itself.
    ///
    /// # Errors
    /// Where it can propose nothing for this batch; the steps stay as they are.
    async fn propose(&self, request: EnrichRequest) -> Result<Vec<StepProposal>, EnrichError>;
}

/// Why an enricher proposed nothing.
#[derive(Debug)]
pub struct EnrichError {
    message: String,
    is_lasting: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl EnrichError {
    /// An error of one batch: the next may go well.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_lasting: false, source: None }
    }

    /// An error that every further batch would meet, too: they are not asked.
    #[must_use]
    pub fn lasting(message: impl Into<String>) -> Self {
        Self { is_lasting: true, ..Self::new(message) }
    }

    /// The same with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether every further batch would meet it, too.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        self.is_lasting
    }
}

impl fmt::Display for EnrichError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for EnrichError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
