//! Many who watch: how soon all of them know, and what each of them costs.
//!
//! The small form is a test. With `AEF_CROWD=1000` and `--nocapture` it tells the figures of a thousand views of a hundred
//! executions.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aef_core::execution::Status;
use aef_http::{HttpOptions, Limits, Rate};
use futures::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::live::{Socket, next, open, served, until};
use crate::stage::{Kept, READING, Stage, key_of};

/// How many watch each execution.
const EACH: usize = 10;

/// Longer than anybody waits, on however busy a machine.
const LATEST: Duration = Duration::from_secs(60);

/// What one view may cost in the server and in the client beside it, in bytes.
const MOST_MEMORY: usize = 1024 * 1024;

/// How much memory the process holds, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_watch_know_soon_and_cost_little() {
    let views = std::env::var("AEF_CROWD").map_or(100, |views| views.parse().unwrap());
    let any = Rate::new(u32::MAX, u32::MAX);
    let limits =
        Limits { per_address: any, reads: any, starts: any, live_connections: views, ..Limits::default() };
    let stage = Stage::with(Kept::Memory, |options| HttpOptions { limits, ..options }).await;
    let address = served(&stage).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, READING).await;
    let mut executions = Vec::new();
    for _ in 0..views.div_ceil(EACH) {
        executions.push(ada.executes("read-title", json!({ "who": "you" })).await);
    }
    let bearer = format!("Bearer {}", stage.key(key_of("ada")).await);
    let before = resident();
    let mut sockets: Vec<(usize, Socket)> = Vec::new();
    for view in 0..views {
        let watched = view / EACH;
        let path = format!("/api/aef/live/{}", executions[watched]);
        let mut socket = open(address, &path, &[("authorization", &bearer)]).await.unwrap();
        assert_eq!(next(&mut socket).await.unwrap()["execution"]["status"], "queued");
        sockets.push((watched, socket));
    }
    let each = resident().saturating_sub(before) / views;

    let begun = Instant::now();
    let watching = sockets.into_iter().map(|(watched, mut socket)| {
        tokio::spawn(async move {
            until(&mut socket, |message| message["execution"]["status"] == "paused").await;
            (watched, begun.elapsed())
        })
    });
    let watching: Vec<_> = watching.collect();
    let mut paused = Vec::new();
    for id in &executions {
        let handle = stage.engine.execution(id.parse().unwrap());
        handle.pause().await.unwrap();
        paused.push(begun.elapsed());
    }
    let told = join_all(watching).await;
    let mut delays: Vec<_> = told
        .into_iter()
        .map(|told| told.unwrap())
        .map(|(watched, when)| when.saturating_sub(paused[watched]))
        .collect();
    delays.sort_unstable();
    let at = |share: f64| delays[((views - 1) as f64 * share) as usize];
    println!(
        "{views} views of {} executions: p50 {:?}, p95 {:?}, last {:?}; {each} bytes a view, client included",
        executions.len(),
        at(0.5),
        at(0.95),
        at(1.0)
    );
    assert!(at(1.0) < LATEST);
    assert!(each < MOST_MEMORY, "{each} bytes a view");
}

/// A document that writes more than a megabyte of log, in entries of four kilobytes.
fn talkative() -> String {
    let long = "x".repeat(3_700);
    format!(
        "aef: 1\nid: talk\nvars: {{ n: 0, long: \"{long}\", said: \"\" }}\nsteps:\n  - {{ id: many, type: loop, while: n < 300, \
         maxIterations: 300, steps: [ {{ id: one, outputs: {{ n: n + 1, said: long }} }} ] }}\n  \
         - {{ id: ask, checkpoint: {{ before: {{ title: Enough? }} }}, outputs: {{ n: '0' }} }}\n"
    )
}

/// Asks on a connection of its own, reads no more than the first byte of the answer, and keeps it open.
async fn who_does_not_read(address: SocketAddr, request: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // Little of what is sent waits in the kernel.
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'H', "an answer begins");
    stream
}

/// Those who read nothing: what is on its way to each is one message, whatever else there is to tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_costs_one_message() {
    const MANY: usize = 40;
    let any = Rate::new(u32::MAX, u32::MAX);
    let limits = Limits { per_address: any, reads: any, live_connections: 2 * MANY, ..Limits::default() };
    let stage = Stage::with(Kept::Memory, |options| HttpOptions { limits, ..options }).await;
    let address = served(&stage).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, &talkative()).await;
    let id = ada.executes("talk", json!({})).await;
    drop(stage.works());
    stage.reaches(&id, Status::WaitingCheckpoint).await;
    let bearer = stage.key(key_of("ada")).await;
    let head = format!(
        "GET /api/aef/live/{id}?after=0 HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {bearer}\r\n"
    );
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let before = resident();
    for (form, request) in [("poll", format!("{head}\r\n")), ("socket", format!("{head}{upgrade}\r\n"))] {
        let mut open = Vec::new();
        for _ in 0..MANY {
            open.push(who_does_not_read(address, &request).await);
        }
        // The most of it within the time in which all of the log would be on its way.
        let (mut most, until) = (before, Instant::now() + Duration::from_secs(3));
        while Instant::now() < until {
            most = most.max(resident());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let each = most.saturating_sub(before) / MANY;
        println!("{each} bytes for each {form} that nobody reads");
        assert!(each < MOST_MEMORY, "{each} bytes a {form}");
        drop(open);
    }
}
