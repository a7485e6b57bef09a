//! What tools may propose for the steps of a draft.

use aef_core::document::{Action, Diagnostic, Document, StepKind};
use aef_core::ids::StepId;
use aef_core::plan::Plan;
use aef_core::sop::{Draft, Proposal, RefusedProposal, Sop, TransformOptions, WarningCode};
use serde_json::{Value, json};

use crate::support::{codes, edge, node, read, sop};

fn login() -> Sop {
    let mut enter = node("enter", "task");
    enter["label"] = json!("Enter {{user}}");
    enter["credentialsRequired"] = json!({ "CRM": ["password"] });
    let mut each = node("each", "loop");
    each["iterator"] = json!("for each lead in the leads");
    each["children"] = json!(["open"]);
    let mut leads = node("leads", "extract");
    leads["extract_schema"] = json!({ "leads": ["string"] });
    let value = sop(
        json!([enter, leads, each, node("open", "task"), node("end", "end")]),
        json!([
            edge("enter", "leads", "next"),
            edge("leads", "each", "next"),
            edge("open", "each", "next"),
            edge("each", "end", "all_processed"),
        ]),
    );
    read(&value).unwrap()
}

fn actions(values: Value) -> Vec<Action> {
    serde_json::from_value(values).unwrap()
}

fn outline(document: &Document) -> Vec<Value> {
    fn steps(value: &Value, out: &mut Vec<Value>) {
        for step in value.as_array().into_iter().flatten() {
            out.push(json!([step["id"], step["then"]]));
            steps(&step["steps"], out);
            for branch in step["branches"].as_array().into_iter().flatten() {
                steps(&branch["steps"], out);
            }
        }
    }
    let mut out = Vec::new();
    steps(&serde_json::to_value(document).unwrap()["steps"], &mut out);
    out
}

#[test]
fn what_is_proposed_changes_what_a_step_does_and_nothing_else() {
    let sop = login();
    let mut draft = Draft::new(&sop, &TransformOptions::default()).unwrap();
    let before = draft.finish();
    let steps: Vec<_> =
        draft.steps().map(|step| (step.id().to_string(), step.sets().map(str::to_owned))).collect();
    assert_eq!(
        steps,
        [
            ("enter".to_owned(), None),
            ("leads".to_owned(), Some("leads".to_owned())),
            ("open".to_owned(), None)
        ]
    );
    let open = draft.steps().find(|step| step.id().as_str() == "open").unwrap();
    assert_eq!((open.items(), open.node()), (&["lead".to_owned()][..], "open"));
    assert_eq!(draft.steps().next().unwrap().secrets(), ["CRM_password"]);

    let fill = json!([
        { "action": "navigate", "url": "https://crm.test/{{ team }}" },
        { "action": "fill", "target": { "label": "Password" }, "value": "{{ secrets.CRM_password }}" },
    ]);
    let proposal = Proposal {
        actions: actions(fill),
        guesses: vec!["label \"Password\"".to_owned()],
        confidence: Some(0.5),
        ..Proposal::default()
    };
    draft.propose(&StepId::new("enter"), proposal).unwrap();
    let read =
        json!([ { "action": "extract", "as": "leads", "list": { "css": "li" }, "fields": { "name": {} } } ]);
    draft.propose(&StepId::new("leads"), Proposal { actions: actions(read), ..Proposal::default() }).unwrap();
    let goto = json!([ { "action": "navigate", "url": "https://crm.test/{{lead.name}}" } ]);
    draft.propose(&StepId::new("open"), Proposal { actions: actions(goto), ..Proposal::default() }).unwrap();

    let after = draft.finish();
    assert_eq!(outline(&before.document), outline(&after.document));
    assert!(codes(&before).contains(&WarningCode::ManualStep));
    assert!(!codes(&after).contains(&WarningCode::ManualStep));
    assert!(codes(&after).contains(&WarningCode::LocatorGuessed));
    assert_eq!(after.document.steps[0].extensions["x-sop"]["confidence"], json!(0.5));
    let StepKind::Loop(each) = &after.document.steps[2].kind else { panic!("a loop") };
    assert_eq!(each.for_each.as_deref(), Some("leads"), "the list itself, and no more the form's part of it");
    assert_eq!(after.document.inputs.as_ref().unwrap()["required"], json!(["team"]));
    let plan = Plan::compile(&after.document).unwrap();
    let unused: Vec<&Diagnostic> =
        plan.warnings().iter().filter(|found| found.code == "unused_secret").collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn a_proposal_that_would_not_do_is_refused() {
    let sop = login();
    let mut draft = Draft::new(&sop, &TransformOptions::default()).unwrap();
    let click = || actions(json!([ { "action": "click", "target": { "text": "Go" } } ]));
    let propose = |draft: &mut Draft, id: &str, actions: Vec<Action>| {
        draft.propose(&StepId::new(id), Proposal { actions, ..Proposal::default() })
    };
    let before = draft.finish();
    assert_eq!(
        propose(&mut draft, "each", click()).unwrap_err(),
        RefusedProposal::UnknownStep(StepId::new("each"))
    );
    assert_eq!(
        propose(&mut draft, "enter", Vec::new()).unwrap_err(),
        RefusedProposal::NoAction(StepId::new("enter"))
    );
    let unset = propose(&mut draft, "leads", click()).unwrap_err();
    assert_eq!(
        unset,
        RefusedProposal::UnsetVariable { step: StepId::new("leads"), variable: "leads".to_owned() }
    );
    let sum = actions(json!([ { "action": "fill", "target": { "text": "Go" }, "value": "{{ a + b }}" } ]));
    assert_eq!(
        propose(&mut draft, "enter", sum).unwrap_err(),
        RefusedProposal::NotAName(StepId::new("enter"))
    );
    assert_eq!(draft.finish(), before);
}
