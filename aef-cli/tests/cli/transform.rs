use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread::JoinHandle;

use aef_testkit::demo_site::{DemoSite, DemoSiteOptions};
use serde_json::{Value, json};

use crate::desk::{Desk, Said, example, said};

fn twin() -> PathBuf {
    example("sop/investor-update-sop.json")
}

fn transform(desk: &Desk, more: &[&str]) -> Said {
    let twin = twin();
    let mut arguments = vec!["transform", twin.to_str().unwrap()];
    arguments.extend(more);
    desk.run(&arguments)
}

fn json_of(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap()
}

/// The types of all steps, by their ids.
fn kinds(document: &Value, found: &mut BTreeMap<String, String>) {
    match document {
        Value::Object(fields) => {
            if let (Some(Value::String(id)), Some(Value::String(kind))) =
                (fields.get("id"), fields.get("type"))
            {
                found.insert(id.clone(), kind.clone());
            }
            fields.values().for_each(|value| kinds(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| kinds(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn an_sop_becomes_a_document_that_is_valid() {
    let desk = Desk::new();
    let report = json_of(&transform(&desk, &["-o", "desk.aef.yaml", "--report", "json"]).ended(0));
    assert_eq!(report["transform"]["counts"]["nodes"], 16);
    assert_eq!(report["transform"]["counts"]["manualSteps"], 12);
    assert!(report.get("enrichment").is_none());
    desk.run(&["validate", "desk.aef.yaml"]).ended(0);

    transform(&desk, &["-o", "desk.aef.json"]).ended(0);
    let validated = |file: &str| json_of(&desk.run(&["validate", "--json", file]).ended(0));
    assert_eq!(validated("desk.aef.yaml")["hash"], validated("desk.aef.json")["hash"]);
    let printed = transform(&desk, &[]).ended(0);
    assert_eq!(printed.stdout, fs::read_to_string(desk.path().join("desk.aef.yaml")).unwrap());
    assert!(printed.stderr.contains("16 nodes and 19 edges became"), "{}", printed.stderr);
}

#[test]
fn phrases_are_read_and_the_rest_is_told() {
    let desk = Desk::new();
    let said = transform(&desk, &["-o", "desk.aef.yaml", "--enrich", "phrases", "--report", "json"]).ended(0);
    let report = json_of(&said);
    let steps = report["enrichment"]["steps"].as_array().unwrap();
    let of = |outcome: &str| -> Vec<&str> {
        let these = steps.iter().filter(|step| step["outcome"] == outcome);
        these.map(|step| step["step"].as_str().unwrap()).collect()
    };
    assert_eq!(
        of("enriched"),
        [
            "open_inbox",
            "open_message",
            "look_up",
            "new_record",
            "name_firm",
            "edit_record",
            "fill_form",
            "save",
            "open_list"
        ]
    );
    assert_eq!(of("kept"), ["read_messages", "card", "count_records"]);
    assert!(said.stderr.contains("card: stays with a person: nothing_proposed"), "{}", said.stderr);
    desk.run(&["validate", "desk.aef.yaml"]).ended(0);
}

#[test]
fn the_checkpoints_are_those_that_were_asked_for() {
    let desk = Desk::new();
    let questions = |mode: &str| {
        let more = ["-o", "desk.aef.yaml", "--enrich", "phrases", "--checkpoints", mode];
        transform(&desk, &more).ended(0);
        json_of(&desk.run(&["explain", "--json", "desk.aef.yaml"]).ended(0))["counts"]["checkpoints"].clone()
    };
    let counts = ["all", "risky", "declared", "none"].map(|mode| questions(mode).as_u64().unwrap());
    assert!(counts.is_sorted_by(|more, fewer| more >= fewer) && counts[0] > counts[3], "{counts:?}");
}

#[test]
fn everything_that_is_wrong_with_an_sop_is_told_with_its_place() {
    let desk = Desk::new();
    let wrong = r#"{ "public": {
  "nodes": [ { "id": "a", "type": "task", "label": "A" }, { "id": "a", "type": "end", "label": "B" } ],
  "edges": [ { "source": "a", "target": "nowhere" } ]
} }"#;
    fs::write(desk.path().join("wrong.json"), wrong).unwrap();
    let said = desk.run(&["transform", "wrong.json", "-o", "out.yaml"]).ended(3);
    for part in ["duplicate_id", "unknown_node", "/public/nodes/1", "/public/edges/0", "2 errors"] {
        assert!(said.stderr.contains(part), "{part} is missing in\n{}", said.stderr);
    }
    assert!(!desk.path().join("out.yaml").exists());
    desk.run(&["transform", "missing.json"]).ended(6);
}

#[test]
fn a_model_is_asked_only_where_one_is_named() {
    let desk = Desk::new();
    transform(&desk, &["--enrich", "chat"]).ended(2);
    let said =
        transform(&desk, &["--enrich", "chat", "--base-url", "ftp://a.example", "--model", "m"]).ended(6);
    assert!(said.stderr.contains("neither http nor https"), "{}", said.stderr);
}

/// Answers one request with a chat completion, and gives what it was asked.
fn endpoint(content: &Value) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let message = json!({ "role": "assistant", "content": content.to_string() });
    let body = json!({ "choices": [{ "message": message, "finish_reason": "stop" }] }).to_string();
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let asked = request(&stream);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
        write!(&stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        asked
    });
    (url, served)
}

/// The head and the body of a request.
fn request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "the request broke off: {head}");
    }
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap()];
    reader.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

#[test]
fn a_model_may_propose_and_its_key_stays_out_of_sight() {
    let desk = Desk::new();
    let sop = json!({
        "meta": { "id": "tea", "title": "Make tea", "version": "1" },
        "public": { "nodes": [
            { "id": "boil", "type": "task", "label": "Have the water boiled" },
            { "id": "done", "type": "end", "label": "Done" }
        ], "edges": [{ "source": "boil", "target": "done" }] }
    });
    fs::write(desk.path().join("tea.json"), sop.to_string()).unwrap();
    let click = json!({
        "action": "click", "target": { "by": "role", "value": "button", "name": "Boil" }, "value": null
    });
    let (url, served) = endpoint(&json!({ "steps": [
        { "stepId": "boil", "actions": [click], "confidence": 1, "reason": "the kettle has one button" }
    ] }));
    let options =
        ["transform", "tea.json", "-o", "tea.yaml", "--enrich", "chat", "--base-url", &url, "--model", "m"];
    let output = desk.aef(&options).env("AEF_CHAT_KEY", "sk-never-told").output().unwrap();
    let said = said(output).ended(0);
    assert!(
        said.stderr.contains("boil: click button \"Boil\" (75 %, a person is asked first)"),
        "{}",
        said.stderr
    );
    let asked = served.join().unwrap();
    assert!(
        asked.starts_with("POST /v1/chat/completions") && asked.contains("Bearer sk-never-told"),
        "{asked}"
    );
    let written = fs::read_to_string(desk.path().join("tea.yaml")).unwrap();
    assert!(!written.contains("sk-never-told") && !said.stderr.contains("sk-never-told"));
}

#[test]
fn the_twin_of_the_demo_runs_to_the_same_end() {
    let desk = Desk::new();
    let more = ["-o", "twin.aef.json", "--enrich", "phrases", "--checkpoints", "risky"];
    transform(&desk, &more).ended(0);
    let read = |path: PathBuf| -> Value { serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap() };
    let completed = example("sop/investor-update-sop.aef.yaml");
    let options =
        DemoSiteOptions { save_delay: std::time::Duration::from_millis(50), ..DemoSiteOptions::default() };
    let site = DemoSite::start(options).unwrap();
    let url = format!("baseUrl={}", site.url());
    let arguments = ["run", completed.to_str().unwrap(), "--input", &url, "--checkpoints", "approve"];
    let result = json_of(&desk.run(&arguments).ended(0));
    assert_eq!(result, json!({ "records": 7, "updated": 4, "created": 3 }));
    assert_eq!(site.counts().posts, 7, "each write happened once");
    assert_eq!(site.records().len(), 7);

    // What was completed by hand has the steps of the SOP, and of the transform.
    let mut made = BTreeMap::new();
    kinds(&read(desk.path().join("twin.aef.json")), &mut made);
    let said = desk.run(&["explain", "--json", completed.to_str().unwrap()]).ended(0);
    let outline = said.stdout;
    for id in made.keys() {
        assert!(outline.contains(&format!("\"id\": \"{id}\"")), "{id} is missing");
    }
}
