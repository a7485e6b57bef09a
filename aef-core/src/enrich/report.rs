//! What became of each step that a person would do.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::StepId;
use crate::phrases::Confidence;

/// What an enricher has done to a document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnrichReport {
    /// Who proposed.
    pub enricher: String,
    /// One entry for each step that was asked about, in the order of the document.
    pub steps: Vec<StepReport>,
    /// Steps that the enricher spoke of and that there are not, at most 20. Nothing was done about them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strangers: Vec<String>,
}

impl EnrichReport {
    /// How many steps have actions now.
    #[must_use]
    pub fn enriched(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.outcome, StepOutcome::Enriched { .. })).count()
    }
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "EnrichedStep")]
pub struct StepReport {
    /// Which.
    pub step: StepId,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: StepOutcome,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum StepOutcome {
    /// It has actions now.
    Enriched {
        /// The actions, for a person.
        actions: Vec<String>,
        /// How sure the enricher is.
        confidence: Confidence,
        /// Whether a person is asked before it, as the enricher is not sure enough.
        confirmed: bool,
        /// Why, for a person.
        reason: String,
    },
    /// A person does it still.
    Kept {
        /// Why.
        code: RefusalReason,
        /// Why, for a person.
        reason: String,
    },
}

/// Why a step stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalReason {
    /// Nothing was proposed for it.
    NothingProposed,
    /// The enricher failed, or was not asked any more.
    EnricherFailed,
    /// Two proposals name it.
    ProposedTwice,
    /// More actions than a step may get.
    TooManyActions,
    /// The enricher is less sure than was asked for.
    LowConfidence,
    /// An action of a kind that is not taken from a proposal.
    ActionNotAllowed,
    /// An address that the procedure does not know.
    AddressNotKnown,
    /// A secret where it may not stand, or one that is not this step's.
    SecretNotAllowed,
    /// A name in braces that neither the step's text nor the procedure knows.
    NameNotKnown,
    /// A value to enter that does not stand in the step's text.
    ValueNotInText,
    /// The document with it does not compile.
    DoesNotCompile,
    /// The document with it would be another than it was, apart from the step's actions.
    ChangesStructure,
}

impl RefusalReason {
    /// The code as a report writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NothingProposed => "nothing_proposed",
            Self::EnricherFailed => "enricher_failed",
            Self::ProposedTwice => "proposed_twice",
            Self::TooManyActions => "too_many_actions",
            Self::LowConfidence => "low_confidence",
            Self::ActionNotAllowed => "action_not_allowed",
            Self::AddressNotKnown => "address_not_known",
            Self::SecretNotAllowed => "secret_not_allowed",
            Self::NameNotKnown => "name_not_known",
            Self::ValueNotInText => "value_not_in_text",
            Self::DoesNotCompile => "does_not_compile",
            Self::ChangesStructure => "changes_structure",
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
