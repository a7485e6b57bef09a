//! The demo procedure as an SOP: transformed, enriched by phrases, and completed by hand.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aef_core::document::{CheckpointMode, Document};
use aef_core::enrich::{EnrichOptions, Enriched, PhraseEnricher, StepOutcome, enrich};
use aef_core::ids::StepId;
use aef_core::plan::Plan;
use aef_core::sop::{Draft, Sop, TransformOptions};

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/sop").join(name)
}

fn enriched() -> Enriched {
    let sop = Sop::from_slice(&std::fs::read(example("investor-update-sop.json")).unwrap()).unwrap();
    let options =
        TransformOptions { checkpoints: Some(CheckpointMode::Risky), ..TransformOptions::default() };
    let draft = Draft::new(&sop, &options).unwrap();
    futures::executor::block_on(enrich(&draft, &PhraseEnricher, &EnrichOptions::default()))
}

#[test]
fn nine_of_twelve_steps_are_read() {
    let enriched = enriched();
    let is_enriched = |outcome: &StepOutcome| matches!(outcome, StepOutcome::Enriched { .. });
    let (read, kept): (Vec<_>, Vec<_>) =
        enriched.report.steps.iter().partition(|step| is_enriched(&step.outcome));
    let ids = |steps: Vec<&aef_core::enrich::StepReport>| -> Vec<String> {
        steps.into_iter().map(|step| step.step.to_string()).collect()
    };
    let expected = [
        "open_inbox",
        "open_message",
        "look_up",
        "new_record",
        "name_firm",
        "edit_record",
        "fill_form",
        "save",
        "open_list",
    ];
    assert_eq!(ids(read), expected);
    assert_eq!(ids(kept), ["read_messages", "card", "count_records"]);
    Plan::compile(&enriched.transformed.document).unwrap();
}

#[test]
fn what_was_completed_by_hand_has_the_steps_of_the_transform() {
    let completed = Document::load(example("investor-update-sop.aef.yaml")).unwrap();
    let completed = Plan::compile(&completed).unwrap();
    let made = Plan::compile(&enriched().transformed.document).unwrap();
    let ids = |plan: &Plan| plan.by_id.keys().cloned().collect::<BTreeSet<StepId>>();
    assert_eq!(ids(&completed), ids(&made));
    assert_eq!(completed.document.source, made.document.source, "it was made from this SOP as it stands");
}
