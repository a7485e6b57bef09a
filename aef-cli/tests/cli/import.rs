//! What was recorded is imported, and runs.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::desk::{Desk, Said};

/// The longest that a run may take.
const PATIENCE: Duration = Duration::from_secs(60);

const LOGIN: &str = "<title>Sign in</title><form onsubmit='enter(event)'><label>E-mail <input id=email></label>\
    <label>Password <input id=password type=password></label><button>Sign in</button></form>\
    <script>function enter(event) { event.preventDefault(); \
    if (email.value === 'ada@desk.example' && password.value === 'correct horse') location = '/desk?session=' + Date.now(); }</script>";
const HELP: &str = "<title>Help</title><button onclick='localStorage.help = (+localStorage.help || 0) + 1'>Understood</button>";

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/recordings").join(name)
}

/// The site that was recorded. It sends what its page tells at the end.
fn site() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (saved, told) = channel();
    let desk = fs::read_to_string(recording("desk.html")).unwrap();
    std::thread::spawn(move || {
        let pages = HashMap::from([
            ("/", LOGIN),
            ("/desk", desk.as_str()),
            ("/help", HELP),
            ("/thanks", "<title>Thanks</title>"),
        ]);
        for stream in listener.incoming() {
            // A browser may open a connection that it does not use.
            let _ = stream.and_then(|stream| answer(&stream, &pages, &saved));
        }
    });
    (origin, told)
}

fn answer(stream: &TcpStream, pages: &HashMap<&str, &str>, saved: &Sender<Value>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
            length = text.trim().parse().unwrap();
        }
    }
    let path = first.split_whitespace().nth(1).unwrap_or("/").split('?').next().unwrap_or("/");
    if path == "/saved" {
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let _ = saved.send(serde_json::from_slice(&body).unwrap());
    }
    let (status, body) = match pages.get(path) {
        Some(page) => ("200 OK", *page),
        None if path == "/saved" => ("200 OK", "saved"),
        None => ("404 Not Found", "nothing"),
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Imports a recording of the site.
fn import(desk: &Desk, kind: &str, name: &str, origin: &str) -> Said {
    let recorded = fs::read_to_string(recording(name)).unwrap().replace("{origin}", origin);
    fs::write(desk.path().join(name), recorded).unwrap();
    desk.run(&["import", kind, name, "-o", "desk.aef.yaml", "--json"])
}

/// Runs the document that was imported, and gives what the page told at its end.
fn run(desk: &Desk, told: &Receiver<Value>) -> Value {
    let secrets = fs::canonicalize(desk.path()).unwrap().join("secrets.json");
    fs::write(&secrets, r#"{ "password": "correct horse" }"#).unwrap();
    let said = desk.run(&["run", "desk.aef.yaml", "--secrets", "secrets.json", "--json"]);
    let said = said.ended(0);
    assert!(!said.stdout.contains("correct horse"), "{}", said.stdout);
    told.recv_timeout(PATIENCE).unwrap()
}

fn json_of(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn what_the_devtools_recorder_wrote_runs() {
    let (desk, (origin, told)) = (Desk::new(), site());
    let report = json_of(&import(&desk, "recorder", "desk.recorder.json", &origin).ended(0));
    assert_eq!(report["import"]["secrets"], json!(["password"]));
    assert_eq!(report["import"]["counts"]["gestures"], 46);
    let codes: Vec<&str> = report["import"]["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["address_dropped", "secret_made", "frame_by_place", "setting_dropped"]);
    let written = fs::read_to_string(desk.path().join("desk.aef.yaml")).unwrap();
    assert!(!written.contains("correct horse"), "{written}");

    assert_eq!(
        run(&desk, &told),
        json!({
            "done": ["all", "menu of two", "archived", "click 1", "click 2", "double", "added", "framed"],
            "q": "tea {{ 7 }}", "note": "first\nsecond", "country": "fr", "colour": "#0a141e", "agree": true,
            "help": "1", "list": 120, "files": 0,
        })
    );
}

#[test]
fn what_the_code_generator_of_playwright_wrote_runs() {
    let (desk, (origin, told)) = (Desk::new(), site());
    let report = json_of(&import(&desk, "codegen", "desk.codegen.jsonl", &origin).ended(0));
    assert_eq!(report["import"]["secrets"], json!(["password"]));
    assert_eq!(report["document"].as_str().map(|id| id.starts_with("recording-")), Some(true));
    assert_eq!(
        run(&desk, &told),
        json!({
            "done": ["all", "menu of two", "archived", "click 1", "click 2", "double", "added", "framed"],
            "q": "tea {{ 7 }}", "note": "first\nsecond", "country": "fr", "colour": "#0a141e", "agree": true,
            "help": "1", "list": 0, "files": 0,
        })
    );
}

#[test]
fn what_cannot_be_imported_is_told_with_its_place() {
    let desk = Desk::new();
    let wrong = r##"{ "title": "Wrong", "steps": [
  { "type": "navigate", "url": "http://a.example/" },
  { "type": "clack", "selectors": [["#a"]] },
  { "type": "navigate", "url": "file:///etc/passwd" },
  { "type": "click", "selectors": [["aria/"]] }
] }"##;
    fs::write(desk.path().join("wrong.json"), wrong).unwrap();
    let said = desk.run(&["import", "recorder", "wrong.json", "-o", "out.yaml"]).ended(3);
    for part in ["step 1", "`clack`", "is it `click`?", "/steps/2/url", "/steps/3/selectors", "3 errors"] {
        assert!(said.stderr.contains(part), "{part} is missing in\n{}", said.stderr);
    }
    assert!(!desk.path().join("out.yaml").exists());
    fs::write(
        desk.path().join("wrong.jsonl"),
        "{\"browserName\":\"chromium\"}\n{\"name\":\"clack\"}\nnot json\n",
    )
    .unwrap();
    let said = desk.run(&["import", "codegen", "wrong.jsonl"]).ended(3);
    for part in ["line 2", "`clack`", "line 3", "2 errors"] {
        assert!(said.stderr.contains(part), "{part} is missing in\n{}", said.stderr);
    }
    desk.run(&["import", "recorder", "missing.json"]).ended(6);
}
