//! Proposals on their way into a document.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use super::guard::{self, KnownAddresses, Refusal, Terms};
use super::report::{EnrichReport, RefusalReason, StepOutcome, StepReport};
use super::request::{EnrichRequest, MAX_SNAPSHOT, PageSnapshot, StepProposal, StepText};
use super::structure;
use super::{EnrichError, Enricher};
use crate::document::{
    Action, ActionKind, Checkpoint, Condition, Diagnostics, Document, Step, StepCheckpoints, StepKind,
};
use crate::ids::StepId;
use crate::phrases::Confidence;
use crate::plan::Plan;
use crate::sop::{Draft, DraftStep, Proposal, Transformed};

/// How often a document is compiled to find the proposals that it cannot hold. All faults are told at once, so that a
/// second time is nearly always the last.
const MAX_ROUNDS: usize = 4;

/// How many names of steps that there are not are kept for the report.
const MAX_STRANGERS: usize = 20;

/// How proposals are taken.
#[derive(Debug, Clone, PartialEq)]
pub struct EnrichOptions {
    /// Pages on which steps work, by the step, where an author has them at hand.
    pub pages: BTreeMap<StepId, PageSnapshot>,
    /// A proposal that is less sure is refused. Default 60 %.
    pub least: Confidence,
    /// Before a step whose proposal is less sure than this, a person is asked, whatever the document's mode. Default 80 %.
    pub confirm_below: Confidence,
}

impl Default for EnrichOptions {
    fn default() -> Self {
        Self {
            pages: BTreeMap::new(),
            least: Confidence::percent(60),
            confirm_below: Confidence::percent(80),
        }
    }
}

/// A transformed SOP with the actions that were proposed for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Enriched {
    /// The document and the transform's report.
    pub transformed: Transformed,
    /// What became of each step.
    pub report: EnrichReport,
}

/// Asks an enricher for the steps of a draft that a person would do, and takes what stands up to the checks.
///
/// Never fails: where nothing can be taken, the result is that of [`Draft::finish`], with the reasons in the report.
pub async fn enrich(draft: &Draft, enricher: &dyn Enricher, options: &EnrichOptions) -> Enriched {
    let plain = draft.finish();
    let mut application = Application::new(draft, &plain, options);
    application.ask(enricher).await;
    let transformed = application.build(plain);
    Enriched { transformed, report: application.report(enricher.name()) }
}

struct Application<'a> {
    draft: &'a Draft,
    options: &'a EnrichOptions,
    request: EnrichRequest,
    known: KnownAddresses,
    accepted: BTreeMap<StepId, StepProposal>,
    refused: BTreeMap<StepId, Refusal>,
    strangers: BTreeSet<String>,
}

impl<'a> Application<'a> {
    fn new(draft: &'a Draft, plain: &Transformed, options: &'a EnrichOptions) -> Self {
        let document = &plain.document;
        let mut known = KnownAddresses::default();
        let navigated = serde_json::to_value(&document.steps).unwrap_or_default();
        structure::addresses(&navigated, &mut |address| known.add_text(address));
        let steps: Vec<StepText> = draft.steps().filter_map(|step| text_of(&step, options)).collect();
        for step in &steps {
            step.texts().for_each(|text| known.add_text(text));
            step.page.iter().for_each(|page| known.add_text(&page.url));
        }
        let request = EnrichRequest {
            title: document.title.clone(),
            goal: document.goal.clone(),
            variables: structure::inputs(document),
            steps,
        };
        Self {
            draft,
            options,
            request,
            known,
            accepted: BTreeMap::new(),
            refused: BTreeMap::new(),
            strangers: BTreeSet::new(),
        }
    }

    /// Asks batch by batch; what is proposed is held against the steps that were asked about.
    async fn ask(&mut self, enricher: &dyn Enricher) {
        let steps = self.request.steps.clone();
        let mut gave_up: Option<String> = None;
        for batch in steps.chunks(enricher.batch().max(1)) {
            let answer = match &gave_up {
                Some(reason) => Err(reason.clone()),
                None => {
                    let request = EnrichRequest { steps: batch.to_vec(), ..self.request.clone() };
                    enricher.propose(request).await.map_err(|error| {
                        let reason = in_full(&error);
                        if error.is_lasting() {
                            gave_up = Some(reason.clone());
                        }
                        reason
                    })
                }
            };
            match answer {
                Ok(proposals) => self.consider(batch, proposals),
                Err(reason) => {
                    let refusal = (RefusalReason::EnricherFailed, reason);
                    self.refused.extend(batch.iter().map(|step| (step.id.clone(), refusal.clone())));
                }
            }
        }
    }

    fn consider(&mut self, batch: &[StepText], proposals: Vec<StepProposal>) {
        let asked: BTreeMap<&StepId, &StepText> = batch.iter().map(|step| (&step.id, step)).collect();
        for proposal in proposals {
            let id = proposal.step.clone();
            let Some(step) = asked.get(&id) else {
                if self.strangers.len() < MAX_STRANGERS {
                    self.strangers.insert(guard::shortened(id.as_str()));
                }
                continue;
            };
            if self.accepted.contains_key(&id) || self.refused.contains_key(&id) {
                // Which of the two is meant cannot be known.
                self.accepted.remove(&id);
                let refusal = (RefusalReason::ProposedTwice, "two proposals name it".to_owned());
                self.refused.insert(id, refusal);
                continue;
            }
            let terms =
                Terms { known: &self.known, variables: &self.request.variables, least: self.options.least };
            match guard::check(&proposal, step, &terms) {
                Ok(()) => drop(self.accepted.insert(id, proposal)),
                Err(refusal) => drop(self.refused.insert(id, refusal)),
            }
        }
    }

    /// The document with what was accepted; what it cannot hold is refused, one round after the other.
    fn build(&mut self, plain: Transformed) -> Transformed {
        for _ in 0..MAX_ROUNDS {
            if self.accepted.is_empty() {
                return plain;
            }
            let transformed = self.proposed();
            let enriched: BTreeSet<&StepId> = self.accepted.keys().collect();
            if structure::of(&plain.document, &enriched) != structure::of(&transformed.document, &enriched) {
                self.refuse_all(RefusalReason::ChangesStructure, "the document would be another one");
                return plain;
            }
            let Err(found) = Plan::compile(&transformed.document) else { return transformed };
            if !self.refuse_faulty(&transformed.document, &found) {
                break;
            }
        }
        self.refuse_all(RefusalReason::DoesNotCompile, "the document does not compile, with it or without");
        plain
    }

    fn proposed(&mut self) -> Transformed {
        let mut draft = self.draft.clone();
        for (id, proposal) in self.accepted.clone() {
            if let Err(error) = draft.propose(&id, as_proposal(&proposal)) {
                self.accepted.remove(&id);
                self.refused.insert(id, (RefusalReason::DoesNotCompile, error.to_string()));
            }
        }
        let mut transformed = draft.finish();
        let unsure: BTreeMap<StepId, String> = self
            .accepted
            .iter()
            .filter(|(_, proposal)| proposal.confidence < self.options.confirm_below)
            .map(|(id, proposal)| (id.clone(), guard::shortened(&proposal.reason)))
            .collect();
        structure::each_step(&mut transformed.document.steps, &mut |step| {
            if let Some(reason) = unsure.get(&step.id) {
                confirm(step, reason);
            }
        });
        transformed
    }

    /// Refuses the proposals of the steps at which something is wrong; false where there is none such.
    fn refuse_faulty(&mut self, document: &Document, found: &Diagnostics) -> bool {
        let mut any = false;
        let document = serde_json::to_value(document).unwrap_or_default();
        for diagnostic in found {
            let Some(id) = structure::step_at(&document, &diagnostic.pointer) else { continue };
            if self.accepted.remove(&id).is_some() {
                any = true;
                let message = format!("{}: {}", diagnostic.code, guard::shortened(&diagnostic.message));
                self.refused.insert(id, (RefusalReason::DoesNotCompile, message));
            }
        }
        any
    }

    fn refuse_all(&mut self, code: RefusalReason, message: &str) {
        for (id, _) in std::mem::take(&mut self.accepted) {
            self.refused.insert(id, (code, message.to_owned()));
        }
    }

    fn report(mut self, enricher: &str) -> EnrichReport {
        let steps = self.request.steps.iter().map(|step| {
            let outcome = match (self.accepted.remove(&step.id), self.refused.remove(&step.id)) {
                (Some(proposal), _) => StepOutcome::Enriched {
                    actions: proposal.actions.iter().map(ToString::to_string).collect(),
                    confirmed: proposal.confidence < self.options.confirm_below,
                    confidence: proposal.confidence,
                    reason: guard::shortened(&proposal.reason),
                },
                (None, Some((code, reason))) => StepOutcome::Kept { code, reason },
                (None, None) => StepOutcome::Kept {
                    code: RefusalReason::NothingProposed,
                    reason: "the enricher did not speak of it".to_owned(),
                },
            };
            StepReport { step: step.id.clone(), outcome }
        });
        let steps = steps.collect();
        EnrichReport { enricher: enricher.to_owned(), steps, strangers: self.strangers.into_iter().collect() }
    }
}

/// What an enricher is told of a step; nothing where the SOP's own instructions can be executed, or a person is meant.
fn text_of(step: &DraftStep<'_>, options: &EnrichOptions) -> Option<StepText> {
    if !step.actions().is_empty() || step.is_by_hand() {
        return None;
    }
    let page = options.pages.get(step.id()).map(|page| {
        let mut page = page.clone();
        let mut end = MAX_SNAPSHOT.min(page.tree.len());
        while !page.tree.is_char_boundary(end) {
            end -= 1;
        }
        page.tree.truncate(end);
        page
    });
    let instructions = step.instructions().join("\n");
    Some(StepText {
        id: step.id().clone(),
        name: Some(step.name().to_owned()),
        intent: step.intent().map(str::to_owned),
        context: step.context().map(str::to_owned),
        instructions: (!instructions.is_empty()).then_some(instructions),
        items: step.items().to_vec(),
        secrets: step.secrets(),
        page,
    })
}

/// What is verified last is what must hold when the step is done: it can settle whether an action happened.
fn as_proposal(proposal: &StepProposal) -> Proposal {
    let mut actions = proposal.actions.clone();
    let mut verify: Vec<Condition> = Vec::new();
    while actions.len() > 1
        && let Some(Action { kind: ActionKind::Verify(last), timeout: None, .. }) = actions.last()
        && !last.soft
    {
        verify.splice(0..0, last.conditions.clone());
        actions.pop();
    }
    let targets = proposal.actions.iter().filter_map(|action| action.kind.target()?.as_slice().first());
    Proposal {
        guesses: targets.map(ToString::to_string).collect(),
        actions,
        verify,
        confidence: Some(proposal.confidence.into()),
    }
}

/// Lets a person see what will be done before it is done.
fn confirm(step: &mut Step, reason: &str) {
    let StepKind::Task(_) = &step.kind else { return };
    let asked = step.common.checkpoint.get_or_insert_with(StepCheckpoints::default);
    let before = asked.before.get_or_insert_with(|| Checkpoint {
        description: Some(format!("Proposed from words: {}", without_templates(reason))),
        ..Checkpoint::default()
    });
    before.required = true;
}

/// A description is a template, and what another party wrote must not be read as one.
fn without_templates(text: &str) -> String {
    text.replace('{', "(").replace('}', ")")
}

fn in_full(error: &EnrichError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    guard::shortened(&text)
}
