//! Programs submit work, and a cron has it performed.

use std::collections::BTreeSet;
use std::time::Duration;

use aef_testkit::demo_site::DemoSiteOptions;
use futures::future::join_all;
use hyper::StatusCode;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::client::Client;
use crate::process::{Host, INTERNAL};

/// Adds a record without asking; its result is the firm's name.
pub(crate) fn adding(checkpoints: &str) -> Value {
    let fill =
        |label: &str, value: &str| json!({ "action": "fill", "target": { "label": label }, "value": value });
    json!({
        "aef": 1, "id": "add-record", "title": "Add a record",
        "inputs": {
            "type": "object", "required": ["baseUrl", "firm"],
            "properties": { "baseUrl": { "type": "string" }, "firm": { "type": "string" } },
        },
        "config": { "checkpoints": { "mode": checkpoints } },
        "steps": [
            { "id": "open", "risk": "read", "actions": [
                { "action": "navigate", "url": "{{ inputs.baseUrl }}/crm?who={{ inputs.firm }}" },
                { "action": "click", "target": { "role": "button", "name": "New record" } },
                fill("Name of the firm", "{{ inputs.firm }}"),
                fill("Contact e-mail", "ada@halden.example"),
                { "action": "select", "target": { "label": "Stage" }, "label": "Intro" },
                fill("Last contact", "2026-01-31"),
            ] },
            { "id": "save", "risk": "write",
              "actions": [{ "action": "click", "target":
                { "role": "button", "name": "Save", "exact": true, "within": { "role": "dialog" } } }],
              "verify": [{ "visible": { "testId": "saved" } }] },
            { "id": "look", "actions": [
                { "action": "navigate", "url": "{{ inputs.baseUrl }}/crm?who={{ inputs.firm }}" } ] },
            { "id": "done", "type": "end", "result": { "firm": "{{ inputs.firm }}" } },
        ],
    })
}

/// The inputs of that document.
pub(crate) fn about(host: &Host, firm: &str) -> Value {
    json!({ "baseUrl": host.site.url(), "firm": firm })
}

/// Keeps it.
pub(crate) async fn keeps(client: &Client, document: Value) {
    let kept = client.post("/api/aef/documents", document).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{:#}", kept.body);
}

/// How a program finds its execution.
async fn found(program: &Client, id: &str) -> Value {
    program.get(&format!("/engines-api/executions/{id}")).await.ok().body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_programs_submit_is_performed_once_however_many_crons_call() {
    const MANY: usize = 6;
    let options = DemoSiteOptions { save_delay: Duration::from_millis(100), ..DemoSiteOptions::default() };
    let host = Host::new(options).await;
    // Two servers without workers, on one database.
    let mut servers = [host.serve(&["--no-worker"]), host.serve(&["--no-worker"])];
    let program = host.client(&mut servers[0]);
    let crons =
        servers.each_mut().map(|server| Client::new(&server.address(), &[("x-internal-auth", INTERNAL)]));
    keeps(&program, adding("none")).await;
    let mut submitted = BTreeSet::new();
    for number in 0..MANY {
        submitted.insert(program.submits("add-record", about(&host, &format!("Firm {number}"))).await);
    }
    for id in &submitted {
        assert_eq!(found(&program, id).await["status"], "queued");
    }
    assert_eq!(host.site.counts().posts, 0, "nobody performs anything yet");
    let refused = program.post("/process-executions", json!({})).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{:#}", refused.body);

    let calls = (0..10).map(|number| {
        let cron = &crons[number % crons.len()];
        cron.post("/process-executions", json!({ "limit": 10, "maxSeconds": 50 }))
    });
    let mut performed = Vec::new();
    for called in join_all(calls).await {
        let called = called.ok();
        let results = called.body["results"].as_array().unwrap();
        assert_eq!(called.body["processed"], results.len());
        performed.extend(results.iter().map(|result| result["executionId"].as_str().unwrap().to_owned()));
    }
    assert_eq!(performed.len(), MANY, "each was taken up once: {performed:?}");
    assert_eq!(performed.into_iter().collect::<BTreeSet<_>>(), submitted);
    let mut firms = BTreeSet::new();
    for id in &submitted {
        let ended = found(&program, id).await;
        assert_eq!(ended["status"], "completed", "{ended:#}");
        firms.insert(ended["result"]["firm"].as_str().unwrap().to_owned());
    }
    assert_eq!(firms.len(), MANY);
    let counts = host.site.counts();
    assert_eq!((counts.posts, counts.created), (MANY as u64, MANY as u64), "each was written once");

    // One that is named, by several at once.
    let id = program.submits("add-record", about(&host, "Firm of its own")).await;
    let calls =
        crons.iter().cycle().take(4).map(|cron| cron.post("/internal-execute", json!({ "executionId": id })));
    let taken: u64 =
        join_all(calls).await.into_iter().map(|called| called.ok().body["processed"].as_u64().unwrap()).sum();
    assert_eq!(taken, 1);
    let ended = found(&program, &id).await;
    assert_eq!(
        (&ended["status"], &ended["result"]["firm"]),
        (&json!("completed"), &json!("Firm of its own"))
    );
    assert_eq!(host.site.counts().posts, MANY as u64 + 1);
    for server in &mut servers {
        server.signal(Signal::TERM);
        assert_eq!(server.end().await, Some(0));
    }
}
