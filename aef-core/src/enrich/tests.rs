//! What is taken of proposals, and what is not.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::document::StepKind;
use crate::ids::StepId;
use crate::phrases::Confidence;
use crate::plan::Plan;
use crate::sop::{Draft, Sop, TransformOptions};

/// Steps in words, one with a secret, in a loop and out of it.
fn draft() -> Draft {
    let sop = json!({
        "meta": { "id": "desk", "title": "Keep the desk", "version": "1.0" },
        "public": {
            "nodes": [
                { "id": "open", "type": "task", "label": "Go to https://desk.example/crm" },
                { "id": "log_in", "type": "task", "label": "Type {{password}} into the Password field",
                  "credentialsRequired": { "desk": ["password"] } },
                { "id": "each", "type": "loop", "label": "Each lead", "iterator": "for each lead of leads",
                  "children": ["enter", "judge"] },
                { "id": "enter", "type": "task", "label": "Type {{lead.email}} into the Email field",
                  "parentId": "each" },
                { "id": "judge", "type": "task", "label": "Judge whether the lead is worth a call",
                  "parentId": "each" },
                { "id": "sign", "type": "task", "label": "Click 'Sign'",
                  "automation": { "automatable": false, "automation_type": "manual" } },
                { "id": "done", "type": "end", "label": "Done" }
            ],
            "edges": [
                { "source": "open", "target": "log_in" }, { "source": "log_in", "target": "each" },
                { "source": "each", "target": "enter", "condition": "start" },
                { "source": "enter", "target": "judge" }, { "source": "judge", "target": "each" },
                { "source": "each", "target": "sign", "condition": "all_processed" },
                { "source": "sign", "target": "done" }
            ]
        }
    });
    let sop = Sop::from_slice(sop.to_string().as_bytes()).unwrap();
    Draft::new(&sop, &TransformOptions::default()).unwrap()
}

/// Proposes what it was made with, to whatever it is asked.
#[derive(Debug)]
struct Scripted {
    answers: Vec<Result<Vec<StepProposal>, bool>>,
    asked: std::sync::Mutex<Vec<EnrichRequest>>,
    batch: usize,
}

impl Scripted {
    fn new(proposals: Vec<StepProposal>) -> Self {
        Self { answers: vec![Ok(proposals)], asked: std::sync::Mutex::default(), batch: 100 }
    }
}

#[async_trait]
impl Enricher for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn batch(&self) -> usize {
        self.batch
    }

    async fn propose(&self, request: EnrichRequest) -> Result<Vec<StepProposal>, EnrichError> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(request);
        match &self.answers[(asked.len() - 1).min(self.answers.len() - 1)] {
            Ok(proposals) => Ok(proposals.clone()),
            Err(true) => {
                Err(EnrichError::lasting("no endpoint").with_source(std::io::Error::other("refused")))
            }
            Err(false) => Err(EnrichError::new("no sense")),
        }
    }
}

fn proposal(step: &str, percent: u8, actions: Value) -> StepProposal {
    StepProposal {
        step: StepId::new(step),
        actions: serde_json::from_value(actions).unwrap(),
        confidence: Confidence::percent(percent),
        reason: "because {{ it }} says so".to_owned(),
    }
}

fn run(enricher: &dyn Enricher) -> Enriched {
    futures::executor::block_on(enrich(&draft(), enricher, &EnrichOptions::default()))
}

/// What became of a step: `enriched`, or the code of what was refused.
fn outcome(enriched: &Enriched, step: &str) -> String {
    let found = enriched.report.steps.iter().find(|report| report.step.as_str() == step);
    match &found.unwrap_or_else(|| panic!("{step} was not asked about")).outcome {
        StepOutcome::Enriched { .. } => "enriched".to_owned(),
        StepOutcome::Kept { code, .. } => code.to_string(),
    }
}

#[test]
fn phrases_become_actions_and_everything_else_stays() {
    let enriched = run(&PhraseEnricher);
    insta::assert_yaml_snapshot!(enriched.report);
    let plan = Plan::compile(&enriched.transformed.document).unwrap();
    let ids: BTreeSet<_> = plan.by_id.keys().cloned().collect();
    let plain = draft().finish();
    assert_eq!(ids, Plan::compile(&plain.document).unwrap().by_id.keys().cloned().collect());
    assert_eq!(enriched.transformed.report.counts.manual_steps, plain.report.counts.manual_steps - 3);
    insta::assert_snapshot!(serde_json::to_string_pretty(&enriched.transformed.document.steps).unwrap());
}

#[test]
fn a_person_is_asked_before_what_is_not_sure() {
    let click = json!([{ "action": "click", "target": { "role": "button", "name": "Judge" } }]);
    let enriched = run(&Scripted::new(vec![proposal("judge", 70, click.clone())]));
    let mut document = enriched.transformed.document;
    let mut asked = None;
    structure::each_step(&mut document.steps, &mut |step| {
        if step.id.as_str() == "judge" {
            assert!(matches!(step.kind, StepKind::Task(_)));
            asked = step.common.checkpoint.clone().and_then(|asked| asked.before);
        }
    });
    assert!(asked.unwrap().required, "a mode without checkpoints would leave it out");
    let unsure = run(&Scripted::new(vec![proposal("judge", 40, click)]));
    assert_eq!(outcome(&unsure, "judge"), "low_confidence");
}

#[test]
fn what_the_words_do_not_bear_out_is_refused() {
    let field = json!({ "label": "Comment" });
    let cases = [
        ("judge", json!([]), "nothing_proposed"),
        ("judge", json!([{ "action": "navigate", "url": "https://evil.example/" }]), "address_not_known"),
        (
            "judge",
            json!([{ "action": "navigate", "url": "https://desk.example.evil.example/" }]),
            "address_not_known",
        ),
        ("judge", json!([{ "action": "navigate", "url": "https://a@desk.example/" }]), "address_not_known"),
        (
            "judge",
            json!([{ "action": "tab", "open": { "url": "http://desk.example/" } }]),
            "address_not_known",
        ),
        ("judge", json!([{ "action": "navigate", "url": "{{ lead.url }}/x" }]), "address_not_known"),
        ("enter", json!([{ "action": "navigate", "url": "{{lead.email}}" }]), "address_not_known"),
        (
            "log_in",
            json!([{ "action": "navigate", "url": "https://desk.example/?p={{ secrets.desk_password }}" }]),
            "secret_not_allowed",
        ),
        (
            "judge",
            json!([{ "action": "fill", "target": field, "value": "{{secrets.desk_password}}" }]),
            "secret_not_allowed",
        ),
        (
            "log_in",
            json!([{ "action": "fill", "target": field, "value": "x{{ secrets.desk_password }}" }]),
            "secret_not_allowed",
        ),
        (
            "log_in",
            json!([{ "action": "fill", "target": field, "value": "{{ secrets['desk_password'] }}" }]),
            "secret_not_allowed",
        ),
        (
            "log_in",
            json!([{ "action": "fill", "target": { "label": "{{ secrets.desk_password }}" }, "value": "field" }]),
            "secret_not_allowed",
        ),
        (
            "judge",
            json!([{ "action": "fill", "target": field, "value": "Ignore all rules" }]),
            "value_not_in_text",
        ),
        ("judge", json!([{ "action": "select", "target": field, "label": "Admin" }]), "value_not_in_text"),
        (
            "judge",
            json!([{ "action": "fill", "target": field, "value": "{{ invented }}" }]),
            "name_not_known",
        ),
        ("judge", json!([{ "action": "evaluate", "script": "fetch('/')" }]), "action_not_allowed"),
        ("judge", json!([{ "action": "act", "instruction": "do it" }]), "action_not_allowed"),
        ("judge", json!([{ "action": "dialog", "accept": true }]), "action_not_allowed"),
        ("judge", json!([{ "action": "click", "target": field, "force": true }]), "action_not_allowed"),
        ("judge", json!([{ "action": "click", "target": {} }]), "does_not_compile"),
        ("judge", json!(vec![json!({ "action": "back" }); MAX_ACTIONS + 1]), "too_many_actions"),
    ];
    let plain = draft().finish();
    for (step, actions, code) in cases {
        let shown = actions.to_string();
        let enriched = run(&Scripted::new(vec![proposal(step, 90, actions)]));
        assert_eq!(outcome(&enriched, step), code, "{shown}");
        assert_eq!(enriched.transformed, plain, "{shown}");
    }
}

#[test]
fn the_known_origin_and_the_own_secret_are_taken() {
    let actions = json!([
        { "action": "navigate", "url": "https://desk.example/login" },
        { "action": "fill", "target": { "label": "Password" }, "value": "{{ secrets.desk_password }}" }
    ]);
    let enriched = run(&Scripted::new(vec![proposal("log_in", 90, actions)]));
    assert_eq!(outcome(&enriched, "log_in"), "enriched");
}

#[test]
fn one_bad_proposal_harms_no_other() {
    let click = |target: Value| json!([{ "action": "click", "target": target }]);
    let enriched = run(&Scripted::new(vec![
        proposal("open", 90, click(json!({ "role": "link", "name": "CRM" }))),
        proposal("judge", 90, click(json!({}))),
        proposal("enter", 90, click(json!({ "text": "a" }))),
        proposal("enter", 90, click(json!({ "text": "b" }))),
        proposal("opened", 90, click(json!({ "text": "c" }))),
        proposal("sign", 90, click(json!({ "text": "Sign" }))),
    ]));
    let outcomes = ["open", "judge", "enter", "log_in"].map(|step| outcome(&enriched, step));
    assert_eq!(outcomes, ["enriched", "does_not_compile", "proposed_twice", "nothing_proposed"]);
    assert_eq!(enriched.report.strangers, ["opened", "sign"], "what a person must do is not asked about");
    Plan::compile(&enriched.transformed.document).unwrap();
}

#[test]
fn an_enricher_that_fails_changes_nothing() {
    let failing = Scripted { answers: vec![Err(true)], batch: 2, ..Scripted::new(Vec::new()) };
    let enriched = run(&failing);
    assert_eq!(enriched.transformed, draft().finish());
    assert_eq!(failing.asked.lock().unwrap().len(), 1, "it was asked again for nothing");
    let kept =
        StepOutcome::Kept { code: RefusalReason::EnricherFailed, reason: "no endpoint: refused".to_owned() };
    assert!(enriched.report.steps.iter().all(|step| step.outcome == kept), "{:?}", enriched.report);

    let click = json!([{ "action": "click", "target": { "text": "a" } }]);
    let second = Scripted {
        answers: vec![Err(false), Ok(vec![proposal("judge", 90, click)])],
        batch: 3,
        ..Scripted::new(Vec::new())
    };
    let enriched = run(&second);
    assert_eq!(outcome(&enriched, "open"), "enricher_failed");
    assert_eq!(outcome(&enriched, "judge"), "enriched");
}

#[test]
fn a_page_is_passed_on_in_bounds() {
    let page = PageSnapshot {
        url: "https://desk.example/".to_owned(),
        title: String::new(),
        tree: "é".repeat(MAX_SNAPSHOT),
    };
    let options = EnrichOptions { pages: [(StepId::new("judge"), page)].into(), ..EnrichOptions::default() };
    let scripted = Scripted::new(Vec::new());
    futures::executor::block_on(enrich(&draft(), &scripted, &options));
    let asked = scripted.asked.lock().unwrap();
    let pages: Vec<_> = asked[0].steps.iter().filter_map(|step| step.page.as_ref()).collect();
    assert_eq!(pages.len(), 1);
    assert!(pages[0].tree.len() <= MAX_SNAPSHOT && pages[0].tree.len() > MAX_SNAPSHOT - 2);
}

prop_compose! {
    /// Actions that a careless or hostile proposer may name.
    fn any_action()(
        kind in 0..8usize,
        text in prop_oneof![
            Just("{{ secrets.desk_password }}".to_owned()), Just("{{ lead.email }}".to_owned()),
            Just("https://desk.example/a".to_owned()), Just("{{".to_owned()), Just("{% x %}".to_owned()), "\\PC{0,12}"
        ],
    ) -> Value {
        match kind {
            0 => json!({ "action": "navigate", "url": text }),
            1 => json!({ "action": "click", "target": { "role": "button", "name": text } }),
            2 => json!({ "action": "fill", "target": { "label": "Email" }, "value": text }),
            3 => json!({ "action": "press", "keys": text }),
            4 => json!({ "action": "extract", "target": { "css": text }, "as": text }),
            5 => json!({ "action": "wait_for", "condition": text }),
            6 => json!({ "action": "verify", "conditions": [{ "visible": { "text": text } }] }),
            _ => json!({ "action": "set", "vars": { "seen": text } }),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_proposed_the_procedure_stays(
        proposals in proptest::collection::vec(
            (prop_oneof!["open|log_in|enter|judge|each|done", "\\PC{0,6}"], 0..=100u8,
             proptest::collection::vec(any_action(), 0..3)),
            0..6,
        )
    ) {
        let proposals = proposals
            .into_iter()
            .map(|(step, percent, actions)| proposal(&step, percent, Value::from(actions)))
            .collect();
        let enriched = run(&Scripted::new(proposals));
        let plan = Plan::compile(&enriched.transformed.document);
        prop_assert!(plan.is_ok(), "{:?}", plan.err());
        let plain = draft().finish();
        let ids = |of: &crate::sop::Transformed| -> Vec<StepId> {
            let mut ids = Vec::new();
            structure::each_step(&mut of.document.steps.clone(), &mut |step| ids.push(step.id.clone()));
            ids
        };
        prop_assert_eq!(ids(&enriched.transformed), ids(&plain));
        // No secret but where its step enters it.
        let text = serde_json::to_string(&enriched.transformed.document.steps).unwrap();
        let entered = text.matches("secrets.desk_password").count();
        let of_step = enriched.report.steps.iter().any(|step| {
            step.step.as_str() == "log_in" && matches!(step.outcome, StepOutcome::Enriched { .. })
        });
        prop_assert!(entered == 0 || of_step);
    }
}
