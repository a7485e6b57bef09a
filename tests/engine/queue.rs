//! What is performed when, and why something is not performed now.

use std::time::Duration;

use aef::engine::{SubmitOptions, WorkerOptions};
use aef::execution::{Answer, EventKind, Status};
use aef::store::Explanation;
use jiff::SignedDuration;

use crate::support::{ASKING, READING, Stage, finished, happens, waiting};

const SLOW: Duration = Duration::from_secs(3);

#[tokio::test(start_paused = true)]
async fn what_may_start_later_is_left_until_then_and_begun_at_once_then() {
    let stage = Stage::new();
    let worker = stage.worker("one");
    let due = stage.engine.store().now().await.unwrap() + SignedDuration::from_hours(3);
    let options = SubmitOptions { start_at: Some(due), ..SubmitOptions::default() };
    let handle = stage.submit_with(READING, options).await;
    tokio::time::sleep(Duration::from_secs(3 * 3600 - 30)).await;
    assert_eq!(handle.state().await.unwrap().status, Status::Queued);
    assert_eq!(handle.explain().await.unwrap(), Explanation::Timer { due });
    finished(handle.wait().await.unwrap());
    let journal = handle.journal(aef::ids::Seq(0), 10).await.unwrap();
    let started = journal.iter().find(|recorded| matches!(recorded.event.kind, EventKind::Started { .. }));
    let late = started.unwrap().event.at.duration_since(due);
    assert!(!late.is_negative() && late < SignedDuration::from_secs(2), "{late:?}");
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_has_priority_is_begun_first() {
    let stage = Stage::slow(SLOW);
    let mut handles = Vec::new();
    for priority in [0, -1, 5] {
        let options = SubmitOptions { priority, ..SubmitOptions::default() };
        handles.push(stage.submit_with(READING, options).await);
    }
    let options = WorkerOptions { id: "one".into(), concurrency: 1, ..WorkerOptions::default() };
    let worker = stage.worker_with(options);
    let mut begun = Vec::new();
    for (handle, priority) in handles.iter().zip([0, -1, 5]) {
        finished(handle.wait().await.unwrap());
        let journal = handle.journal(aef::ids::Seq(1), 1).await.unwrap();
        begun.push((journal[0].event.at, priority));
    }
    begun.sort();
    assert_eq!(begun.iter().map(|(_, priority)| *priority).collect::<Vec<_>>(), [5, 0, -1]);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_execution_says_why_it_does_not_run() {
    let stage = Stage::slow(SLOW);
    let first = stage.submit(ASKING).await;
    assert_eq!(first.explain().await.unwrap(), Explanation::NoWorker);

    let options =
        WorkerOptions { id: "one".into(), concurrency: 2, per_owner: Some(1), ..WorkerOptions::default() };
    let worker = stage.worker_with(options);
    happens(&first, |kind| matches!(kind, EventKind::ActionStarted { .. })).await;
    let by = first.explain().await.unwrap();
    assert!(matches!(&by, Explanation::Worker { worker, .. } if worker.as_str() == "one"), "{by:?}");
    let second = stage.submit(READING).await;
    assert_eq!(second.explain().await.unwrap(), Explanation::OwnerLimit { running: 1 });

    let checkpoint = waiting(first.wait().await.unwrap()).checkpoint.unwrap();
    happens(&first, |kind| matches!(kind, EventKind::SessionClosed)).await;
    assert!(matches!(first.explain().await.unwrap(), Explanation::Person { .. }));
    finished(second.wait().await.unwrap());
    first.answer(checkpoint.id, Answer::approve()).await.unwrap();
    finished(first.wait().await.unwrap());
    let ended = Explanation::Nothing { status: Status::Completed };
    assert_eq!(first.explain().await.unwrap(), ended);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_no_worker_has_room_for_says_so() {
    let stage = Stage::slow(SLOW);
    let options = WorkerOptions { id: "one".into(), concurrency: 1, ..WorkerOptions::default() };
    let worker = stage.worker_with(options);
    let first = stage.submit(READING).await;
    happens(&first, |kind| matches!(kind, EventKind::ActionStarted { .. })).await;
    let second = stage.submit(READING).await;
    assert_eq!(second.explain().await.unwrap(), Explanation::Room { workers: 1 });
    finished(second.wait().await.unwrap());
    worker.end().await;
}
