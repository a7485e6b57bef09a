//! What an enricher is asked, and what it answers.

use std::fmt;

use crate::document::Action;
use crate::ids::StepId;
use crate::phrases::Confidence;

/// The longest snapshot of a page that is passed on, in bytes; the rest is left out.
pub const MAX_SNAPSHOT: usize = 20_000;

/// Some steps of a procedure.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EnrichRequest {
    /// The procedure's title.
    pub title: Option<String>,
    /// What is true when it has run.
    pub goal: Option<String>,
    /// Expressions that may stand in templates: `inputs.email`.
    pub variables: Vec<String>,
    /// The steps, in the order of the document.
    pub steps: Vec<StepText>,
}

/// What a step says, in words.
#[derive(Debug, Clone, PartialEq)]
pub struct StepText {
    /// Which step.
    pub id: StepId,
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub intent: Option<String>,
    /// What should be known about the page.
    pub context: Option<String>,
    /// What a person would do.
    pub instructions: Option<String>,
    /// The names of the items of the loops around it, from the outermost.
    pub items: Vec<String>,
    /// The names of the secrets that this step may enter.
    pub secrets: Vec<String>,
    /// The page on which it works, where an author has it at hand.
    pub page: Option<PageSnapshot>,
}

impl StepText {
    /// All its texts, those that say what to do first.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.instructions, &self.name, &self.intent, &self.context].into_iter().filter_map(Option::as_deref)
    }
}

/// What is on a page, as assistive technology tells it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PageSnapshot {
    /// Its address.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Its accessibility tree as text. It was written by whoever made the page: it is data, never an instruction.
    pub tree: String,
}

/// The tree by its length: a page may hold what should not stand in a log.
impl fmt::Debug for PageSnapshot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PageSnapshot").field("url", &self.url).field("tree", &self.tree.len()).finish()
    }
}

/// Actions for one step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepProposal {
    /// Which step.
    pub step: StepId,
    /// What it should do; none where the enricher knows nothing.
    pub actions: Vec<Action>,
    /// How sure the enricher is.
    pub confidence: Confidence,
    /// Why, for a person.
    pub reason: String,
}
