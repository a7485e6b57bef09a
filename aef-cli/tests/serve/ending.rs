//! How a server ends.

use std::time::Duration;

use aef_testkit::demo_site::DemoSiteOptions;
use hyper::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::process::Host;
use crate::programs::{about, adding, keeps};
use crate::views::View;

/// The code with which sockets are closed: the server ends, come again.
const RESTARTS: u16 = 1012;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_end_answers_closes_and_hands_over() {
    // A write takes its time to be answered.
    let options = DemoSiteOptions { save_delay: Duration::from_secs(4), ..DemoSiteOptions::default() };
    let host = Host::new(options).await;
    let mut server = host.serve(&[]);
    let client = host.client(&mut server);
    keeps(&client, adding("none")).await;
    let mut asking = adding("risky");
    asking["id"] = json!("ask-first");
    keeps(&client, asking).await;
    let waiting = client.submits("ask-first", about(&host, "Asked")).await;
    client.until(&waiting, |found| found["status"] == "waiting_checkpoint").await;
    let (mut watched, mut polled) = (View::socket(&client, &waiting).await, View::polling(&client, &waiting));
    for view in [&mut watched, &mut polled] {
        view.sees(|message| message["type"] == "checkpoint_required").await;
    }
    let writing = client.submits("add-record", about(&host, "Written")).await;
    while host.site.counts().posts == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let told = polled.count();
    server.signal(Signal::TERM);
    assert_eq!(watched.ends().await, Some(RESTARTS));
    // Whoever waits for something new is told how it stands, and then refused, as everybody is.
    polled.ends().await;
    assert!(polled.count() > told, "the request under way was not answered");
    if let Ok(answer) = client.try_send(Method::GET, "/api/aef/executions", None).await {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(server.end().await, Some(0));

    // The action in hand was finished, and nobody holds what was not.
    let journal = host.desk.run(&["journal", "--json", &writing]).ended(0).stdout;
    let mut events = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(events.any(|event| event["outcome"]["writes"][0]["method"] == "POST"), "{journal}");
    for id in [&writing, &waiting] {
        let shown = host.desk.run(&["show", "--json", id]).ended(0).stdout;
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_ne!(shown["waits"]["waitsFor"], "worker", "the lease was not given back: {shown:#}");
    }

    // The next one goes on, and the question is still open.
    let mut next = host.serve(&[]);
    let client = host.client(&mut next);
    client.until(&writing, |found| found["status"] == "completed").await;
    assert_eq!(host.site.counts().posts, 1, "it was written once");
    let open = client.get("/api/aef/checkpoints").await.ok();
    let checkpoint = open.body["checkpoints"][0]["id"].as_str().unwrap();
    client.post(&format!("/api/aef/checkpoint/{checkpoint}"), json!({ "response": "approve" })).await.ok();
    client.until(&waiting, |found| found["status"] == "completed").await;
    assert_eq!(host.site.counts().posts, 2);
    next.signal(Signal::TERM);
    assert_eq!(next.end().await, Some(0));
}
