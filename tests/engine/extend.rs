//! What a host adds: actions, observers, secrets, rules; and forks.

use std::sync::{Arc, Mutex};

use aef::browser::{Effect, FileContent};
use aef::document::{Document, Risk};
use aef::engine::{
    ActionExecutor, CustomError, CustomRequest, EngineErrorKind, ForkOptions, Observed, Observer,
    SubmitOptions,
};
use aef::execution::{Answer, CheckpointKind, EventKind, Status};
use aef::ids::{ExecutionId, Seq, StepId};
use aef::plan::{FilterError, Filters, Plan};
use aef::recovery::{ErrorKind, Failure};
use aef::secrets::MapSecrets;
use aef_testkit::scripted_browser::{Element, Page, ScriptedSite};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::support::{ASKING, ORIGIN, READING, Stage, finished, kinds, plan, result, site, waiting};

const LOOKUP: &str = r#"
aef: 1
id: look-up
steps:
  - id: look
    actions: [ { action: acme.lookup, with: { name: "{{ inputs.name }}" }, as: found } ]
  - { id: done, type: end, result: { found: "{{ found }}" } }
inputs: { type: object, properties: { name: { type: string } } }
"#;

/// What an action of the host's own does.
#[derive(Debug, Clone, Copy)]
enum Lookup {
    Gives,
    Fails,
    Panics,
    Hangs,
}

#[async_trait]
impl ActionExecutor for Lookup {
    fn input(&self) -> Option<Value> {
        Some(
            json!({ "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } }),
        )
    }

    fn risk(&self) -> Risk {
        Risk::Read
    }

    fn repeatable(&self) -> bool {
        false
    }

    async fn execute(&self, request: CustomRequest) -> Result<Value, CustomError> {
        match self {
            Self::Gives => Ok(json!({ "hello": request.with["name"], "op": request.op })),
            Self::Fails => {
                let failure = Failure::new(ErrorKind::Data, "nobody of that name");
                Err(CustomError { failure, effect: Effect::None })
            }
            Self::Panics => panic!("a bug of the host"),
            Self::Hangs => std::future::pending().await,
        }
    }
}

async fn look_up(lookup: Lookup) -> aef::execution::ExecutionState {
    let stage = Stage::with(site(), |builder| builder.action("acme.lookup", lookup));
    let plan = stage.engine.compile(&Document::from_yaml(LOOKUP).unwrap()).unwrap();
    let worker = stage.worker("one");
    let scope = stage.engine.scope("ann");
    let handle = scope.submit(&plan, json!({ "name": "Ann" }), SubmitOptions::default()).await.unwrap();
    let state = match handle.wait().await.unwrap() {
        aef::engine::Outcome::Finished(state) | aef::engine::Outcome::Waiting(state) => *state,
    };
    worker.end().await;
    state
}

#[tokio::test(start_paused = true)]
async fn an_action_of_the_hosts_own_is_performed_without_a_browser() {
    let state = look_up(Lookup::Gives).await;
    assert_eq!(result(&state), json!({ "found": { "hello": "Ann", "op": 1 } }));
}

#[tokio::test(start_paused = true)]
async fn an_action_of_the_hosts_own_says_what_went_wrong() {
    let state = look_up(Lookup::Fails).await;
    assert_eq!(state.status, Status::Failed);
    assert_eq!(state.failure.unwrap().message, "nobody of that name");
}

#[tokio::test(start_paused = true)]
async fn an_action_of_the_hosts_own_that_panics_or_hangs_is_in_doubt() {
    for lookup in [Lookup::Panics, Lookup::Hangs] {
        let state = look_up(lookup).await;
        let checkpoint = state.checkpoint.expect("a person is asked");
        assert_eq!(checkpoint.kind, CheckpointKind::InDoubt, "{lookup:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_with_an_action_that_this_engine_has_not_is_refused() {
    let stage = Stage::new();
    let with = Stage::with(site(), |builder| builder.action("acme.lookup", Lookup::Gives));
    let plan = with.engine.compile(&Document::from_yaml(LOOKUP).unwrap()).unwrap();
    let scope = stage.engine.scope("ann");
    let error = scope.submit(&plan, json!({ "name": "Ann" }), SubmitOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Invalid);
}

const GREETING: &str = r#"
aef: 1
id: greet
vars: { who: { first: Ada, last: Lovelace } }
steps:
  - id: open
    when: "(who | initials) == 'AL'"
    actions:
      - { action: navigate, url: "https://crm.test/crm" }
      - { action: set, vars: { short: "who | initials('.')" } }
  - { id: done, type: end, result: { short: "{{ short }}" } }
"#;

fn initials(name: &Value, arguments: &[Value]) -> Result<Value, FilterError> {
    let behind = arguments.first().and_then(Value::as_str).unwrap_or_default();
    let letter = |part: &str| name[part].as_str().and_then(|name| name.chars().next()).ok_or("no name");
    Ok(json!(format!("{}{behind}{}{behind}", letter("first")?, letter("last")?)))
}

#[tokio::test(start_paused = true)]
async fn a_filter_of_the_hosts_own_is_known_to_the_compiler_and_to_the_worker() {
    let mut filters = Filters::default();
    filters.add("initials", initials).unwrap();
    let stage = Stage::with(site(), |builder| builder.filters(filters));
    let document = Document::from_yaml(GREETING).unwrap();
    let found = Plan::compile(&document).unwrap_err();
    let places: Vec<_> = found.iter().map(|found| (found.code, found.pointer.as_str())).collect();
    let unknown = "expression_unknown";
    assert_eq!(places, [(unknown, "/steps/0/actions/1/vars/short"), (unknown, "/steps/0/when")]);

    let plan = stage.engine.compile(&document).unwrap();
    let worker = stage.worker("one");
    let scope = stage.engine.scope("ann");
    let handle = scope.submit(&plan, json!({}), SubmitOptions::default()).await.unwrap();
    let state = finished(handle.wait().await.unwrap());
    assert_eq!(result(&state), json!({ "short": "A.L." }));
    worker.end().await;

    let without = Stage::new();
    let refused = without.engine.scope("ann").submit(&plan, json!({}), SubmitOptions::default()).await;
    assert_eq!(refused.unwrap_err().kind(), EngineErrorKind::Invalid);
}

/// Notes what it is told, and panics at the end of every step.
#[derive(Debug, Default)]
struct Nervous(Mutex<Vec<(ExecutionId, Seq)>>);

impl Observer for Nervous {
    fn on_event(&self, observed: &Observed<'_>) {
        self.0.lock().unwrap().push((observed.execution, observed.seq));
        assert!(!matches!(observed.event.kind, EventKind::SessionOpened { .. }), "a bug of the host");
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_told_each_event_once_and_may_panic() {
    let calm = Arc::new(Nervous::default());
    let told = calm.clone();
    let stage = Stage::with(site(), |builder| builder.observer(told));
    let worker = stage.worker("one");
    let handle = stage.submit(ASKING).await;
    let checkpoint = waiting(handle.wait().await.unwrap()).checkpoint.unwrap();
    handle.answer(checkpoint.id, Answer::approve()).await.unwrap();
    finished(handle.wait().await.unwrap());
    worker.end().await;
    let told: Vec<u64> = calm
        .0
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .iter()
        .map(|(_, seq)| seq.0)
        .collect();
    let all: Vec<u64> = (1..=kinds(&handle).await.len() as u64).collect();
    assert_eq!(told, all);
}

const LOG_IN: &str = r#"
aef: 1
id: log-in
secrets: [ { name: crm_password, kind: password, origins: ["{{ inputs.base }}"] } ]
inputs: { type: object, properties: { base: { type: string } } }
steps:
  - id: log_in
    actions:
      - { action: navigate, url: "https://crm.test/login" }
      - { action: fill, target: { label: Password }, value: "{{ secrets.crm_password }}" }
      - { action: extract, target: { label: Password }, read: value, as: typed }
    outputs: { length: "typed | length" }
"#;

fn login() -> ScriptedSite {
    ScriptedSite::new(ORIGIN).page("/login", Page::new("Log in").with(Element::field("Password")))
}

#[tokio::test(start_paused = true)]
async fn a_missing_secret_is_told_before_anything_is_done() {
    let stage = Stage::with(login(), |builder| builder.secrets(MapSecrets::default().with("other", "x")));
    let scope = stage.engine.scope("ann");
    let inputs = json!({ "base": ORIGIN });
    let error = scope.submit(&plan(LOG_IN), inputs, SubmitOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::SecretMissing);
    assert!(error.to_string().contains("`crm_password`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_entered_on_its_origin_and_nowhere_else() {
    let secrets = || MapSecrets::default().with("crm_password", "hunter2-hunter2");
    let stage = Stage::with(login(), |builder| builder.secrets(secrets()));
    let run = async |base: &str| {
        let plan = plan(LOG_IN);
        let outcome = stage.engine.run(&plan, json!({ "base": base }), async |_| Answer::approve());
        finished(outcome.await.unwrap())
    };
    let state = run(ORIGIN).await;
    assert_eq!(state.status, Status::Completed, "{state:#?}");
    let state = run("https://elsewhere.test").await;
    assert_eq!(state.status, Status::Failed);
    assert_eq!(state.failure.unwrap().kind, ErrorKind::SecretMissing);
}

#[tokio::test(start_paused = true)]
async fn a_fork_begins_at_a_step_and_names_its_parent() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(READING).await;
    finished(handle.wait().await.unwrap());
    let options = ForkOptions { from: Some(StepId::from("open")), ..ForkOptions::default() };
    let fork = handle.fork(options).await.unwrap();
    let state = finished(fork.wait().await.unwrap());
    assert_eq!(result(&state), json!({ "heading": "Records" }));
    assert_eq!(fork.record().await.unwrap().parent, Some(handle.id()));
    let nowhere = ForkOptions { from: Some(StepId::from("nowhere")), ..ForkOptions::default() };
    assert_eq!(handle.fork(nowhere).await.unwrap_err().kind(), EngineErrorKind::Rejected);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn files_of_an_owner_are_for_that_owners_executions() {
    let stage = Stage::new();
    let file = FileContent { name: "a.csv".into(), media_type: "text/csv".into(), bytes: "a;b".into() };
    let kept = stage.engine.scope("ann").put_file(file).await.unwrap();
    let own = stage.submit(READING).await;
    assert_eq!(own.artifact(&kept.artifact).await.unwrap(), "a;b");
    let scope = stage.engine.scope("bob");
    let other = scope.submit(&plan(READING), json!({}), SubmitOptions::default()).await.unwrap();
    assert_eq!(other.artifact(&kept.artifact).await.unwrap_err().kind(), EngineErrorKind::NotFound);
}
