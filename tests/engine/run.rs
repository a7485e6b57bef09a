//! Executions from their submission to their end.

use aef::engine::{EngineErrorKind, Outcome, SubmitOptions};
use aef::execution::{Answer, AnswerKind, EventKind, ExecutionState, Status};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{ASKING, READING, Stage, WRITING, count, finished, kinds, plan, result, waiting};

#[tokio::test(start_paused = true)]
async fn a_worker_runs_an_execution_to_its_end() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(READING).await;
    let state = finished(handle.wait().await.unwrap());
    assert_eq!(result(&state), json!({ "heading": "Records" }));
    assert_eq!(state.progress, 100);
    worker.end().await;
    assert_eq!(stage.browser.open_sessions(), 0, "its browser is closed");
}

#[tokio::test(start_paused = true)]
async fn a_result_of_null_is_a_result() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let with =
        stage.submit("aef: 1\nid: with\nsteps: [ { id: done, type: end, result: '{{ none }}' } ]\n").await;
    let without = stage.submit("aef: 1\nid: without\nsteps: [ { id: done, type: end } ]\n").await;
    assert_eq!(finished(with.wait().await.unwrap()).result, Some(Value::Null));
    let state = finished(without.wait().await.unwrap());
    assert_eq!(state.result, None);
    let told = serde_json::to_value(with.state().await.unwrap()).unwrap();
    assert_eq!(told.get("result"), Some(&Value::Null));
    assert_eq!(serde_json::from_value::<ExecutionState>(told).unwrap().result, Some(Value::Null));
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_append_tells_an_outcome_and_the_next_start() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(WRITING).await;
    finished(handle.wait().await.unwrap());
    worker.end().await;
    let journal = handle.journal(aef::ids::Seq(0), 1000).await.unwrap();
    let outcomes = journal.iter().filter(|recorded| {
        let EventKind::ActionSucceeded { op, .. } = &recorded.event.kind else { return false };
        let started = journal.iter().find(
            |other| matches!(&other.event.kind, EventKind::ActionStarted { op: next, .. } if *next == op + 1),
        );
        started.is_some_and(|started| started.event.at == recorded.event.at)
    });
    assert_eq!(outcomes.count(), 3, "all but the last outcome go with the next start");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_is_answered_and_the_work_goes_on() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(ASKING).await;
    let state = waiting(handle.wait().await.unwrap());
    assert_eq!(state.status, Status::WaitingCheckpoint);
    let checkpoint = state.checkpoint.unwrap();
    assert_eq!(checkpoint.title, "Save it?");
    assert!(checkpoint.evidence.as_ref().is_some_and(|evidence| evidence.screenshot.is_some()));
    assert_eq!(stage.browser.witness().total("save"), 0, "nothing is saved before the answer");

    let picture = checkpoint.evidence.unwrap().screenshot.unwrap();
    let bytes = handle.artifact(&picture.artifact).await.unwrap();
    assert_eq!(bytes.len() as u64, picture.size);

    handle.answer(checkpoint.id, Answer::approve()).await.unwrap();
    let state = finished(handle.wait().await.unwrap());
    assert_eq!(state.status, Status::Completed);
    assert_eq!(stage.browser.witness().total("save"), 1);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_learns_which_one_counted() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(ASKING).await;
    let checkpoint = waiting(handle.wait().await.unwrap()).checkpoint.unwrap();
    handle.answer(checkpoint.id, Answer::new(AnswerKind::Skip)).await.unwrap();
    let error = handle.answer(checkpoint.id, Answer::approve()).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::AlreadyAnswered);
    assert_eq!(error.answered().unwrap().response, AnswerKind::Skip);
    handle.wait().await.unwrap();
    let error = handle.answer(checkpoint.id, Answer::approve()).await.unwrap_err();
    assert_eq!(error.answered().unwrap().response, AnswerKind::Skip, "after the end, too");
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_run_in_place_and_its_checkpoints_answered_by_code() {
    let stage = Stage::new();
    let mut asked = Vec::new();
    let outcome = stage
        .engine
        .run(&plan(ASKING), json!({}), async |checkpoint| {
            asked.push(checkpoint.title.clone());
            Answer::approve()
        })
        .await
        .unwrap();
    assert!(matches!(outcome, Outcome::Finished(state) if state.status == Status::Completed));
    assert_eq!(asked, ["Save it?"]);
    assert_eq!(stage.browser.open_sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_watch_gives_the_newest_state_and_ends_with_the_last() {
    let stage = Stage::new();
    let handle = stage.submit(READING).await;
    let mut states = handle.watch();
    assert_eq!(states.next().await.unwrap().unwrap().status, Status::Queued);
    let worker = stage.worker("one");
    handle.finished().await.unwrap();
    let last = states.next().await.unwrap().unwrap();
    assert_eq!(last.status, Status::Completed, "states in between are passed over");
    assert!(states.next().await.is_none());
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_same_key_makes_one_execution() {
    let stage = Stage::new();
    let scope = stage.engine.scope("ann");
    let options = || SubmitOptions { idempotency_key: Some("monday".into()), ..SubmitOptions::default() };
    let first = scope.submit(&plan(READING), json!({}), options()).await.unwrap();
    let second = scope.submit(&plan(READING), json!({}), options()).await.unwrap();
    assert_eq!(first.id(), second.id());
    assert!(!first.was_existing() && second.was_existing());
    let error = scope.submit(&plan(WRITING), json!({}), options()).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::IdempotencyConflict);
    let other = stage.engine.scope("bob").submit(&plan(READING), json!({}), options()).await.unwrap();
    assert_ne!(other.id(), first.id(), "keys belong to owners");
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_others_is_not_found() {
    let stage = Stage::new();
    let handle = stage.submit(READING).await;
    let stranger = stage.engine.scope("bob").execution(handle.id());
    assert_eq!(stranger.state().await.unwrap_err().kind(), EngineErrorKind::NotFound);
    assert_eq!(stranger.stop().await.unwrap_err().kind(), EngineErrorKind::NotFound);
    assert_eq!(handle.state().await.unwrap().status, Status::Queued);
}

#[tokio::test(start_paused = true)]
async fn inputs_that_do_not_fit_are_refused() {
    let stage = Stage::new();
    let yaml = READING.replace(
        "steps:",
        "inputs: { type: object, required: [who], properties: { who: { type: string } } }\nsteps:",
    );
    let scope = stage.engine.scope("ann");
    let error = scope.submit(&plan(&yaml), json!({}), SubmitOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Invalid);
    assert!(scope.list(aef::store::ListQuery::default()).await.unwrap().records.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_held_execution_begins_when_it_is_started() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let options = SubmitOptions { held: true, ..SubmitOptions::default() };
    let handle = stage.engine.scope("ann").submit(&plan(READING), json!({}), options).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    assert_eq!(handle.state().await.unwrap().status, Status::Created);
    handle.start().await.unwrap();
    finished(handle.wait().await.unwrap());
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_held_execution_is_given_its_inputs_when_it_is_started() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let needing = READING.replacen("steps:", "inputs: { type: object, required: [who] }\nsteps:", 1);
    let scope = stage.engine.scope("ann");
    let options = SubmitOptions { held: true, ..SubmitOptions::default() };
    let wrong = scope.submit(&plan(&needing), json!({ "when": 1 }), options.clone()).await.unwrap_err();
    assert_eq!(wrong.kind(), EngineErrorKind::Invalid, "what is given is checked at once");
    let handle = scope.submit(&plan(&needing), json!(null), options).await.unwrap();
    assert_eq!(handle.start().await.unwrap_err().kind(), EngineErrorKind::Invalid);
    assert_eq!(handle.state().await.unwrap().status, Status::Created);
    handle.start_with(json!({ "who": "ben" })).await.unwrap();
    finished(handle.wait().await.unwrap());
    let fork = handle.fork(aef::engine::ForkOptions::default()).await.unwrap();
    finished(fork.wait().await.unwrap());
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_held_execution_that_nobody_starts_is_stopped_after_a_day() {
    let stage = Stage::new();
    let options = SubmitOptions { held: true, ..SubmitOptions::default() };
    let handle = stage.engine.scope("ann").submit(&plan(READING), json!({}), options).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(24 * 3600 - 60)).await;
    let worker = stage.worker("one");
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    assert_eq!(handle.state().await.unwrap().status, Status::Created);
    assert_eq!(handle.finished().await.unwrap().status, Status::Stopped);
    let late = handle.start().await.unwrap_err();
    assert_eq!(late.kind(), EngineErrorKind::Rejected);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_browser_an_execution_fails_and_says_what_helps() {
    let stage = Stage::new();
    let engine = aef::engine::Engine::builder(stage.store.clone()).build();
    let outcome = engine.run(&plan(READING), json!({}), async |_| Answer::approve()).await.unwrap();
    let state = finished(outcome);
    assert_eq!(state.status, Status::Failed);
    let failure = state.failure.unwrap();
    assert!(failure.message.contains("browser("), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn the_journal_tells_each_action_before_its_outcome() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(WRITING).await;
    finished(handle.wait().await.unwrap());
    worker.end().await;
    let mut open = None;
    for kind in kinds(&handle).await {
        match kind {
            EventKind::ActionStarted { op, .. } => assert_eq!(open.replace(op), None),
            EventKind::ActionSucceeded { op, .. } => assert_eq!(open.take(), Some(op)),
            _ => {}
        }
    }
    assert_eq!(count(&handle, |kind| matches!(kind, EventKind::ActionSucceeded { .. })).await, 4);
}
