//! What people ask while an action is in hand, and between actions.

use std::time::Duration;

use aef::engine::{EngineErrorKind, Stopping};
use aef::execution::{Answer, EventKind, PauseReason, Status};
use aef::recovery::RecoveryOption;

use crate::support::{ASKING, Stage, WRITING, count, finished, happens, waiting};

const SLOW: Duration = Duration::from_secs(3);

/// Clicks what is not there.
const LOOKING: &str = r#"
aef: 1
id: look-for-it
config: { actionTimeout: 1s }
steps:
  - id: open
    actions: [ { action: navigate, url: "https://crm.test/crm" } ]
  - id: look
    actions: [ { action: hover, target: { role: button, name: Nowhere } } ]
"#;

const fn started(op: u64) -> impl Fn(&EventKind) -> bool {
    move |kind| matches!(kind, EventKind::ActionStarted { op: started, .. } if *started == op)
}

#[tokio::test(start_paused = true)]
async fn a_pause_lets_the_action_in_hand_end_and_acts_at_the_next_step() {
    let stage = Stage::slow(SLOW);
    let worker = stage.worker("one");
    let handle = stage.submit(WRITING).await;
    happens(&handle, started(2)).await;
    let state = handle.pause().await.unwrap();
    assert!(state.pausing && state.status == Status::Running, "{state:#?}");
    let state = waiting(handle.wait().await.unwrap());
    assert_eq!((state.status, state.paused), (Status::Paused, Some(PauseReason::Requested)));
    assert_eq!((stage.posts("one"), stage.posts("two")), (1, 0));
    handle.resume().await.unwrap();
    finished(handle.wait().await.unwrap());
    assert_eq!((stage.posts("one"), stage.posts("two"), stage.posts("three")), (1, 1, 1));
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_cancels_the_action_in_hand_and_closes_the_browser() {
    let stage = Stage::slow(SLOW);
    let worker = stage.worker("one");
    let handle = stage.submit(WRITING).await;
    happens(&handle, started(2)).await;
    let before = tokio::time::Instant::now();
    let Stopping::Stopped(state) = handle.stop().await.unwrap() else { panic!("it did not stop in time") };
    assert_eq!(state.status, Status::Stopped);
    assert!(before.elapsed() < SLOW, "the action was not waited for");
    assert_eq!(stage.browser.open_sessions(), 0);
    assert_eq!(stage.posts("two"), 0);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_what_nobody_holds_is_final_at_once() {
    let stage = Stage::new();
    let handle = stage.submit(WRITING).await;
    let Stopping::Stopped(state) = handle.stop().await.unwrap() else { panic!("nobody holds it") };
    assert_eq!(state.status, Status::Stopped);
    let worker = stage.worker("one");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(stage.browser.trace().is_empty(), "it is not begun any more");
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_after_a_crash_needs_no_worker_and_admits_what_is_not_known() {
    let stage = Stage::slow(SLOW);
    let worker = stage.worker("one");
    let handle = stage.submit(WRITING).await;
    happens(&handle, started(2)).await;
    worker.crash().await;
    tokio::time::sleep(Duration::from_secs(16)).await;
    let Stopping::Stopped(state) = handle.stop().await.unwrap() else { panic!("nobody holds it") };
    assert_eq!(state.status, Status::Stopped);
    let doubts = count(&handle, |kind| matches!(kind, EventKind::ActionInDoubt { op: 2, .. })).await;
    assert_eq!(doubts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_skip_leaves_the_step_when_its_action_has_ended() {
    let stage = Stage::slow(SLOW);
    let worker = stage.worker("one");
    let handle = stage.submit(WRITING).await;
    happens(&handle, started(3)).await;
    handle.skip().await.unwrap();
    finished(handle.wait().await.unwrap());
    let skipped =
        |kind: &EventKind| matches!(kind, EventKind::StepSkipped { step, .. } if step.as_str() == "second");
    assert_eq!(count(&handle, skipped).await, 1);
    assert_eq!(stage.posts("three"), 1, "the next step is run");
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_is_tried_again_or_skipped_as_a_person_says() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(LOOKING).await;
    let state = waiting(handle.wait().await.unwrap());
    assert_eq!(state.status, Status::WaitingRecovery);
    assert!(state.recovery.unwrap().options.contains(&RecoveryOption::Retry));
    handle.retry().await.unwrap();
    let state = waiting(handle.wait().await.unwrap());
    assert_eq!(state.status, Status::WaitingRecovery, "it fails again");
    handle.recover(RecoveryOption::Skip).await.unwrap();
    let state = finished(handle.wait().await.unwrap());
    assert_eq!(state.status, Status::Completed);
    let attempts = count(&handle, |kind| matches!(kind, EventKind::StepFailed { .. })).await;
    assert_eq!(attempts, 2);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(ASKING).await;
    waiting(handle.wait().await.unwrap());
    let before = handle.state().await.unwrap();
    for refused in [handle.resume().await, handle.hand_back().await, handle.start().await] {
        assert_eq!(refused.unwrap_err().kind(), EngineErrorKind::Rejected);
    }
    assert_eq!(handle.state().await.unwrap(), before);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn many_people_at_once_are_all_heard_and_one_answer_counts() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(ASKING).await;
    let checkpoint = waiting(handle.wait().await.unwrap()).checkpoint.unwrap().id;
    let answers = (0..8).map(|_| handle.answer(checkpoint, Answer::approve()));
    let answered = futures::future::join_all(answers).await;
    let accepted = answered.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(accepted, 1);
    for late in answered.into_iter().filter_map(Result::err) {
        assert_eq!(late.kind(), EngineErrorKind::AlreadyAnswered);
    }
    finished(handle.wait().await.unwrap());
    assert_eq!(stage.browser.witness().total("save"), 1);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_is_taken_over_and_handed_back() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let handle = stage.submit(ASKING).await;
    waiting(handle.wait().await.unwrap());
    handle.take_over().await.unwrap();
    happens(&handle, |kind| matches!(kind, EventKind::TakenOver)).await;
    assert_eq!(handle.state().await.unwrap().status, Status::TakenOver);
    handle.hand_back().await.unwrap();
    let state = waiting(handle.wait().await.unwrap());
    handle.answer(state.checkpoint.unwrap().id, Answer::approve()).await.unwrap();
    finished(handle.wait().await.unwrap());
    worker.end().await;
}
