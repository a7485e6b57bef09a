//! From an SOP to a finished execution, with a person in between: a server that has no worker, a worker in a process of
//! its own, one PostgreSQL, and Chromium.

use std::time::Duration;

use aef_testkit::demo_site::DemoSiteOptions;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::client::Client;
use crate::process::{Host, PATIENCE, Process};
use crate::views::View;

/// Adds a record to the list; somebody agrees before the form is opened.
fn sop() -> Value {
    let task = |id: &str, label: &str| json!({ "id": id, "type": "task", "label": label });
    let mut asked =
        task("new_record", "Click the 'New record' button and wait until the 'New record' dialog appears");
    asked["automation"] = json!({ "automatable": true, "automation_type": "ui", "human_checkpoint": true });
    let fill = "Type 'Halden Ventures' into the 'Name of the firm' field, type 'ada@halden.example' into the 'Contact \
                e-mail' field, select 'Intro' from the 'Stage' dropdown and type '2026-01-31' into the 'Last contact' \
                field";
    let nodes = [
        task("open_list", "Go to {{baseUrl}}/crm"),
        asked,
        task("fill_form", fill),
        task("save", "Click the 'Save' button in the dialog and wait until the dialog closes"),
        json!({ "id": "done", "type": "end", "label": "The record is on the list" }),
    ];
    let edges: Vec<Value> = nodes
        .windows(2)
        .map(|pair| json!({ "source": pair[0]["id"], "target": pair[1]["id"], "condition": "next" }))
        .collect();
    json!({
        "meta": { "id": "add-investor", "title": "Add an investor" },
        "public": { "nodes": nodes, "edges": edges, "variables": { "baseUrl": { "type": "string" } } },
    })
}

/// Both who watch over a socket and who poll.
struct Viewers {
    socket: View,
    polling: View,
}

impl Viewers {
    /// Waits until both see, behind what they had seen before, a message of which `is` holds; gives that of the socket.
    async fn see(&mut self, before: (usize, usize), is: impl Fn(&Value) -> bool) -> Value {
        self.polling.sees_after(before.1, &is).await;
        self.socket.sees_after(before.0, &is).await
    }

    fn counts(&self) -> (usize, usize) {
        (self.socket.count(), self.polling.count())
    }
}

fn stands(status: &str) -> impl Fn(&Value) -> bool {
    move |message| message["execution"]["status"] == status
}

fn is_jpeg(message: &Value) -> bool {
    picture(message).is_some_and(|picture| picture.starts_with(&[0xff, 0xd8, 0xff]))
}

/// The picture of a message.
fn picture(message: &Value) -> Option<Vec<u8>> {
    message["browser"]["screenshot"].as_str().map(|text| STANDARD.decode(text).unwrap())
}

/// A picture of a page, and not just of anything.
#[track_caller]
fn is_of_a_page(picture: &[u8]) {
    let is_image = picture.starts_with(&[0xff, 0xd8, 0xff]) || picture.starts_with(b"\x89PNG");
    assert!(is_image && picture.len() > 2_000, "{} bytes", picture.len());
}

/// All entries of the log, page by page.
async fn paged_logs(client: &Client, id: &str) -> Vec<Value> {
    let (mut logs, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let page = client.get(&format!("/api/aef/logs/{id}?after={after}&limit=7")).await.ok();
        let entries = page.body["logs"].as_array().unwrap();
        assert!(entries.len() <= 7);
        logs.extend(entries.iter().cloned());
        match page.body["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return logs,
        }
    }
}

/// The story so far.
struct Story {
    host: Host,
    client: Client,
    server: Process,
    worker: Process,
    id: String,
    viewers: Viewers,
}

impl Story {
    /// An SOP becomes a document, with an execution that is watched before it begins.
    async fn begins() -> Self {
        // The form does not open the first time.
        let host = Host::new(DemoSiteOptions { dialog_fails_first: 1, ..DemoSiteOptions::default() }).await;
        let mut server = host.serve(&["--no-worker", "--enrich", "phrases"]);
        let client = host.client(&mut server);
        let worker = host.work("w1");
        let kept = client.post("/api/aef/sops", sop()).await.ok();
        let config = json!({ "checkpoints": { "mode": "declared" }, "retry": { "maxAttempts": 1 } });
        let asked = json!({ "sopId": kept.text("sopId"), "config": config });
        let made = client.post("/api/aef/transform", asked).await.ok();
        assert_eq!(made.body["report"]["counts"]["nodes"], 5);
        assert_eq!(made.body["enrichment"]["steps"][0]["outcome"], "enriched", "{:#}", made.body);
        let id = made.text("executionId");
        let (socket, polling) = (View::socket(&client, &id).await, View::polling(&client, &id));
        let mut viewers = Viewers { socket, polling };
        viewers.see((0, 0), stands("created")).await;
        let start = json!({
            "aefDocumentId": made.text("aefDocumentId"), "executionId": id, "inputs": { "baseUrl": host.site.url() },
        });
        assert_eq!(client.post("/api/aef/execute", start).await.ok().text("executionId"), id);
        Self { host, client, server, worker, id, viewers }
    }

    /// It asks, and shows the page that it asks about; somebody agrees.
    async fn asks(&mut self) {
        let asked = self.viewers.see((0, 0), |message| message["type"] == "checkpoint_required").await;
        is_of_a_page(&picture(&asked).expect("what is asked about is shown"));
        assert!(asked["browser"]["currentUrl"].as_str().unwrap().ends_with("/crm"), "{asked:#}");
        let checkpoint = &asked["checkpoints"][0];
        assert_eq!((&checkpoint["stepId"], &checkpoint["status"]), (&json!("new_record"), &json!("open")));
        let evidence = self.client.get(checkpoint["screenshot"].as_str().unwrap()).await.ok();
        is_of_a_page(&evidence.bytes);
        let inbox = self.client.get("/api/aef/checkpoints?status=open").await.ok();
        assert_eq!(inbox.body["checkpoints"][0]["id"], checkpoint["id"]);
        let answer = format!("/api/aef/checkpoint/{}", checkpoint["id"].as_str().unwrap());
        let answered = self.client.post(&answer, json!({ "response": "approve" })).await.ok();
        assert_eq!(
            (answered.text("status"), answered.text("nextAction")),
            ("success".into(), "continue".into())
        );
    }

    /// The form does not open: it says so, and what may be done.
    async fn fails(&mut self) {
        let failed = self.viewers.see((0, 0), |message| message["type"] == "error").await;
        let options = failed["error"]["recovery_options"].as_array().unwrap();
        let options: Vec<&str> = options.iter().map(|option| option["id"].as_str().unwrap()).collect();
        assert!(options.contains(&"retry") && options.contains(&"take_over"), "{failed:#}");
        assert_eq!(self.forms_asked_for(), 1);
    }

    /// A person takes over: what they type goes from the server to the worker's browser, and its picture comes back.
    async fn is_taken_over(&mut self) {
        let before = self.viewers.counts();
        self.client.acts(&self.id, json!({ "action": "take_over" })).await;
        self.viewers.see(before, stands("taken_over")).await;
        // The button has the focus since it was clicked.
        for input in [
            json!({ "kind": "mouse_moved", "x": 640, "y": 500 }),
            json!({ "kind": "key_pressed", "key": "Enter" }),
            json!({ "kind": "key_released", "key": "Enter" }),
        ] {
            self.viewers.socket.input(input).await;
        }
        let asked_for = async {
            while self.forms_asked_for() < 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked_for).await.expect("the form is asked for again");
        // Frames come when the page looks different, as it does once the form stands there.
        let is_shown = |message: &Value| stands("taken_over")(message) && is_jpeg(message);
        let shown = self.viewers.socket.sees_after(before.0, is_shown).await;
        is_of_a_page(&picture(&shown).unwrap());
    }

    /// Handed back, it goes on where it failed, with the form that the person has opened, and reaches its end.
    async fn goes_on(&mut self) {
        let before = self.viewers.counts();
        self.client.acts(&self.id, json!({ "action": "hand_back" })).await;
        self.viewers.see(before, stands("waiting_recovery")).await;
        self.client.acts(&self.id, json!({ "action": "recover", "option": "retry" })).await;
        let ended = self.viewers.see(before, |message| message["type"] == "execution_complete").await;
        assert_eq!(
            (&ended["execution"]["status"], &ended["execution"]["progress"]),
            (&json!("completed"), &json!(100))
        );
        assert_eq!(self.viewers.socket.ends().await, Some(1000));
        assert_eq!(self.viewers.polling.ends().await, None);
        assert_eq!((self.host.site.counts().created, self.host.site.counts().posts), (1, 1));
        assert!(self.host.site.records().iter().any(|record| record.firm == "Halden Ventures"));
        assert_eq!(self.forms_asked_for(), 2, "the form that the person had opened was filled in");
    }

    /// Who watched, who polled and who reads the log have seen the same.
    async fn was_seen_by_all(&self) {
        let expected = [
            "created",
            "waiting_checkpoint",
            "waiting_recovery",
            "taken_over",
            "waiting_recovery",
            "completed",
        ];
        let logs = paged_logs(&self.client, &self.id).await;
        let places: Vec<u64> = logs.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
        assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>());
        for view in [&self.viewers.socket, &self.viewers.polling] {
            let mut statuses = view.statuses();
            // What does not last may pass between two looks.
            statuses.retain(|status| expected.contains(&status.as_str()));
            statuses.dedup();
            assert_eq!(statuses, expected);
            assert_eq!(view.logs(), logs);
        }
    }

    /// How often the site was asked for the form of a new record.
    fn forms_asked_for(&self) -> usize {
        self.host.site.requests().iter().filter(|request| request.path == "/api/form").count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_steers_what_a_worker_elsewhere_performs() {
    let mut story = Story::begins().await;
    story.asks().await;
    story.fails().await;
    story.is_taken_over().await;
    story.goes_on().await;
    story.was_seen_by_all().await;
    for process in [&mut story.worker, &mut story.server] {
        process.signal(Signal::TERM);
        assert_eq!(process.end().await, Some(0));
    }
}
