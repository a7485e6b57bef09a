//! What a worker tells to those who watch over it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;

use crate::http::get;
use crate::worker::{Worker, completed, creating, until};

#[test]
fn a_worker_is_scraped() {
    let (desk, site, id) = creating(Duration::from_millis(50));
    let mut worker = Worker::start_with(&desk, "w1", |command| {
        command.args(["--metrics", "127.0.0.1:0"]);
    });
    let served = worker.said().iter().find(|line| line["message"] == "metrics are served").unwrap();
    let address = served["address"].as_str().unwrap().to_owned();
    completed(&desk, &id);
    // The browser is closed, and counted as closed, behind the end.
    until("no browser is open", || get(&address, "/metrics").body.contains("aef_browser_sessions 0\n"));
    let told = get(&address, "/metrics");
    assert_eq!(told.status, 200);
    assert!(told.head.contains("application/openmetrics-text"), "{}", told.head);
    let body = told.body;
    for line in [
        "# TYPE aef_store_duration_seconds histogram",
        "aef_executions_claimed_total 1",
        "aef_executions_finished_total{outcome=\"completed\"} 1",
        "aef_leases_lost_total 0",
        "aef_browser_sessions_opened_total{outcome=\"opened\"} 1",
        "aef_executions{status=\"queued\"} 0",
        "aef_executions_ready 0",
        "aef_checkpoints_open 0",
        "aef_workers_alive 1",
        "# EOF",
    ] {
        assert!(body.lines().any(|told| told == line), "{line} is missing in\n{body}");
    }
    for operation in ["claim", "append", "renew"] {
        let count = format!("aef_store_duration_seconds_count{{operation=\"{operation}\"}} ");
        let told = body.lines().find_map(|line| line.strip_prefix(&count));
        assert!(told.is_some_and(|number| number != "0"), "{count} is missing in\n{body}");
    }
    let actions =
        body.lines().find_map(|line| line.strip_prefix("aef_actions_total{outcome=\"succeeded\"} "));
    assert_eq!(actions, Some("8"), "{body}");
    assert_eq!(get(&address, "/healthz").status, 200);
    assert_eq!(site.counts().posts, 1);
    worker.signal(Signal::TERM);
    assert_eq!(worker.end(), Some(0));
}

/// The paths and bodies of requests.
type Taken = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A collector that takes everything: its address, and what it has taken.
fn collector() -> (String, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let taking = taken.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let taking = taking.clone();
            std::thread::spawn(move || take_all(stream, &taking));
        }
    });
    (address, taken)
}

/// Takes the requests of a connection, as long as they come.
fn take_all(stream: TcpStream, taken: &Mutex<Vec<(String, Vec<u8>)>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(bytes) = line.strip_prefix("content-length:") {
                length = bytes.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        taken.lock().unwrap().push((first.split(' ').nth(1).unwrap().to_owned(), body));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        reader.get_mut().write_all(answer).unwrap();
    }
}

#[test]
fn a_worker_sends_its_traces_to_the_collector() {
    let (endpoint, taken) = collector();
    let (desk, _site, id) = creating(Duration::from_millis(50));
    let mut worker = Worker::start_with(&desk, "w1", |command| {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).env("OTEL_SERVICE_NAME", "aef-of-the-test");
    });
    completed(&desk, &id);
    worker.signal(Signal::TERM);
    // What was not sent by then is sent before the end.
    assert_eq!(worker.end(), Some(0));
    let taken = taken.lock().unwrap();
    assert!(taken.iter().all(|(path, _)| path == "/v1/traces"), "{:?}", taken.iter().map(|(path, _)| path));
    let bytes: Vec<u8> = taken.iter().flat_map(|(_, body)| body.clone()).collect();
    for name in ["aef-of-the-test", "execution", "action", &id, "create-record", "save"] {
        let found = bytes.windows(name.len()).any(|window| window == name.as_bytes());
        assert!(found, "no span speaks of {name}");
    }
}
