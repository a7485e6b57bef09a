//! The commands on Postgres.

use std::fs;
use std::time::Duration;

use aef_testkit::demo_site::{DemoSite, DemoSiteOptions};
use aef_testkit::postgres::TestDatabase;
use rustix::process::Signal;

use crate::desk::Desk;
use crate::worker::{CREATING, TINY, Worker, completed, shown, submit, until};

/// A desk whose database is Postgres.
fn desk() -> (Desk, TestDatabase) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(TestDatabase::new());
    (Desk::with(&[("AEF_DATABASE_URL", database.url())]), database)
}

#[test]
fn what_is_submitted_is_performed_and_read() {
    let (desk, database) = desk();
    fs::write(desk.path().join("tiny.aef.yaml"), TINY).unwrap();
    assert!(desk.run(&["list"]).ended(0).stderr.contains("no executions"));
    let id = submit(&desk, &["tiny.aef.yaml", "--idempotency-key", "monday"]);
    assert_eq!(submit(&desk, &["tiny.aef.yaml", "--idempotency-key", "monday"]), id);
    let said = desk.run(&["show", &id]).ended(0);
    assert!(said.stdout.contains("for a worker: none is alive"), "{}", said.stdout);

    let mut worker = Worker::start(&desk, "w1");
    completed(&desk, &id);
    assert!(desk.run(&["journal", &id]).ended(0).stdout.contains("count"));
    desk.run(&["report", &id, "-o", "a.html"]).ended(0);
    desk.run(&["run", "tiny.aef.yaml"]).ended(0);
    assert_eq!(desk.run(&["list", "--status", "completed"]).ended(0).stdout.lines().count(), 2);
    worker.signal(Signal::TERM);
    assert_eq!(worker.end(), Some(0));
    let log = format!("{:?}", worker.said());
    assert!(!log.contains(database.url()), "{log}");

    let said = desk.run(&["purge", "--finished-before", "1h"]).ended(0);
    assert!(said.stderr.contains("0 executions were removed"), "{}", said.stderr);
    let said = desk.run(&["purge", "--finished-before", "0s"]).ended(0);
    assert!(said.stderr.contains("2 executions were removed"), "{}", said.stderr);
    desk.run(&["show", &id]).ended(7);
    assert!(!desk.path().join("aef.db").exists(), "a file was made all the same");
}

#[test]
fn what_waits_is_answered_stopped_and_forked() {
    let (desk, _database) = desk();
    let options = DemoSiteOptions { save_delay: Duration::from_millis(50), ..DemoSiteOptions::default() };
    let site = DemoSite::start(options).unwrap();
    fs::write(desk.path().join("ask.aef.yaml"), CREATING.replace("mode: none", "mode: risky")).unwrap();
    let url = format!("baseUrl={}", site.url());
    let answered = submit(&desk, &["ask.aef.yaml", "-i", &url]);
    let stopped = submit(&desk, &["ask.aef.yaml", "-i", &url]);
    let mut worker = Worker::start(&desk, "w1");
    for id in [&answered, &stopped] {
        until("it asks", || shown(&desk, id)["state"]["status"] == "waiting_checkpoint");
    }
    desk.run(&["respond", &answered, "approve"]).ended(0);
    completed(&desk, &answered);
    assert_eq!(site.counts().posts, 1);
    desk.run(&["stop", &stopped]).ended(0);
    until("it is stopped", || shown(&desk, &stopped)["state"]["status"] == "stopped");
    let forked = desk.run(&["fork", &stopped, "--from", "open"]).ended(0).stdout.trim().to_owned();
    until("it asks anew", || shown(&desk, &forked)["state"]["status"] == "waiting_checkpoint");
    desk.run(&["stop", &forked]).ended(0);
    worker.signal(Signal::TERM);
    assert_eq!(worker.end(), Some(0));
    assert_eq!(site.counts().posts, 1, "what was stopped wrote nothing");
}
