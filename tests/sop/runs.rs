//! What the documents of the corpus do: on the engine, a store in memory, a scripted browser and virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;

use aef::document::{Action, ActionKind};
use aef::engine::{Engine, Outcome, Shutdown, SubmitOptions, WorkerOptions};
use aef::execution::{Answer, AnswerKind, Checkpoint, CheckpointKind, EventKind, Status};
use aef::ids::Seq;
use aef::memory::MemoryStore;
use aef::plan::{Plan, PlanKind};
use aef::secrets::MapSecrets;
use aef_testkit::{ScriptedBrowser, SimClock};
use serde_json::{Value, json};

use crate::corpus::{Variant, variants};

/// An engine on virtual time with a browser that does whatever it is asked.
fn engine(variant: &Variant) -> (Engine, ScriptedBrowser) {
    let mut browser = ScriptedBrowser::permissive();
    for (name, value) in variant.expected["values"].as_object().into_iter().flatten() {
        browser = browser.with_value(name, value.clone());
    }
    let store = Arc::new(MemoryStore::with_clock(Arc::new(SimClock::tokio())));
    let secrets = MapSecrets::default().with("CRM_user", "ann").with("CRM_password", "hunter2");
    let engine = Engine::builder(store).browser(Arc::new(browser.clone())).secrets(secrets).build();
    (engine, browser)
}

/// The people of one run: what they answer, each question in turn.
struct People<'v> {
    variant: &'v Variant,
    run: &'v Value,
    asked: BTreeMap<String, usize>,
}

impl<'v> People<'v> {
    const fn new(variant: &'v Variant, run: &'v Value) -> Self {
        Self { variant, run, asked: BTreeMap::new() }
    }

    fn answer(&mut self, checkpoint: &Checkpoint) -> Answer {
        let step = checkpoint.step.as_str();
        let turn = self.asked.entry(step.to_owned()).or_default();
        let scripted = |answers: &Value| answers.get(*turn).cloned();
        let name = &self.variant.name;
        let answer = match checkpoint.kind {
            CheckpointKind::Decision => {
                let option = scripted(&self.run["choices"][step]);
                let option =
                    option.unwrap_or_else(|| panic!("{name}: nobody answers `{step}` for the {turn}th time"));
                Answer::choose(option.as_str().unwrap())
            }
            CheckpointKind::Manual => {
                let items = scripted(&self.run["items"][step]).map(|items| json!({ "items": items }));
                let form = self.variant.expected["forms"].get(step).cloned();
                match items.or(form) {
                    Some(data) => Answer::new(AnswerKind::Approve).with_data(data),
                    None => Answer::approve(),
                }
            }
            _ => Answer::approve(),
        };
        *turn += 1;
        answer
    }
}

/// The steps of the SOP that ran, in order: its tasks, ends and the ways that were chosen. What only holds others, and the
/// questions for items, are the document's own and not told.
fn trace(plan: &Plan, events: &[EventKind]) -> Vec<String> {
    events
        .iter()
        .filter_map(|event| match event {
            EventKind::StepEntered { step, .. } => {
                let planned = plan.step(plan.find(step)?);
                let told = match planned.kind {
                    PlanKind::Task(_) => true,
                    PlanKind::Manual(_) => !step.as_str().ends_with("__items"),
                    PlanKind::End(_) => step.as_str() != "end",
                    _ => false,
                };
                told.then(|| step.to_string())
            }
            EventKind::BranchTaken { step, label, .. } => {
                let PlanKind::Decision(decision) = &plan.step(plan.find(step)?).kind else { return None };
                Some(if decision.ask.is_some() { format!("{step}={label}") } else { step.to_string() })
            }
            _ => None,
        })
        .collect()
}

/// What was done in the browser, in few words.
fn performed(action: &Action) -> String {
    match &action.kind {
        ActionKind::Navigate(navigate) => format!("navigate {}", navigate.url),
        ActionKind::Fill(fill) => {
            let value =
                if fill.value.secrets().next().is_some() { "•".to_owned() } else { fill.value.to_string() };
            format!("fill {} {value}", fill.target.as_slice()[0])
        }
        ActionKind::Extract(extract) => {
            let list = extract
                .list
                .as_ref()
                .or(extract.target.as_ref().and_then(|target| target.as_slice().first()));
            format!("extract {}", list.unwrap())
        }
        kind => match kind.target() {
            Some(target) => format!("{} {}", kind.name(), target.as_slice()[0]),
            None => kind.name().to_owned(),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn every_document_runs_the_steps_of_its_sop_in_their_order() {
    let mut runs = 0;
    for variant in variants() {
        let plan = Plan::compile(variant.document()).unwrap();
        for run in &variant.runs {
            let (engine, browser) = engine(&variant);
            let mut people = People::new(&variant, run);
            let handle =
                engine.scope("ann").submit(&plan, json!({}), SubmitOptions::default()).await.unwrap();
            let outcome =
                engine.perform(&handle, async |checkpoint| people.answer(&checkpoint)).await.unwrap();
            let Outcome::Finished(state) = outcome else { panic!("{}: {outcome:#?}", variant.name) };
            assert_eq!(state.status, Status::Completed, "{}: {state:#?}", variant.name);
            let events: Vec<EventKind> = handle
                .journal(Seq(0), 1000)
                .await
                .unwrap()
                .into_iter()
                .map(|recorded| recorded.event.kind)
                .collect();
            let mut expected: Vec<&str> =
                run["trace"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            // Variants of a process may leave out its end.
            expected.retain(|step| Some(*step) != variant.expected["without"].as_str());
            assert_eq!(trace(&plan, &events), expected, "{}", variant.name);
            if let Some(actions) = variant.expected["actions"].as_array() {
                let found: Vec<String> = browser.trace().iter().map(performed).collect();
                assert_eq!(json!(found), json!(actions), "{}", variant.name);
            }
            runs += 1;
        }
    }
    assert!(runs >= 50, "{runs}");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_a_person_does_waits_for_them_and_then_control_goes_on() {
    let all = variants();
    let variant = all.iter().find(|variant| variant.name == "linear/plain").unwrap();
    let (engine, _) = engine(variant);
    let plan = Plan::compile(variant.document()).unwrap();
    let shutdown = Shutdown::new();
    let worker = tokio::spawn(engine.worker(WorkerOptions::default()).run(shutdown.clone()));
    let handle = engine.scope("ann").submit(&plan, json!({}), SubmitOptions::default()).await.unwrap();
    for step in ["greet", "write", "file"] {
        let Outcome::Waiting(state) = handle.wait().await.unwrap() else {
            panic!("{step} is not waited for")
        };
        assert_eq!(state.status, Status::WaitingCheckpoint);
        let checkpoint = state.checkpoint.unwrap();
        assert_eq!((checkpoint.kind, checkpoint.step.as_str()), (CheckpointKind::Manual, step));
        handle.answer(checkpoint.id, Answer::approve()).await.unwrap();
    }
    let Outcome::Finished(state) = handle.wait().await.unwrap() else { panic!("it is not finished") };
    assert_eq!((state.status, state.progress), (Status::Completed, 100));
    shutdown.begin();
    worker.await.unwrap();
}
