//! What nobody should send: nothing crashes, nothing leaks, limits hold.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aef_core::execution::Status;
use aef_http::{HttpOptions, KeyRequest, Limits, Rate};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use futures::{StreamExt as _, stream};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use crate::access::{Ids, routes};
use crate::contract::API;
use crate::live::{next, open, served};
use crate::stage::{ASKING, Kept, READING, Sent, Stage, key_of};

#[tokio::test]
async fn keys_are_guessed_slowly_and_others_are_served_meanwhile() {
    let limits = Limits { per_address: Rate::new(1, 20), ..Limits::default() };
    let change = |options| HttpOptions { limits, trust_forwarded: true, ..options };
    let stage = Stage::with(Kept::Memory, change).await;
    let key = stage.key(key_of("ada")).await;
    let mut answers = Vec::new();
    for guess in 0..200 {
        // What is no hexadecimal digit is in no key.
        let guessed = format!("{}z{guess:03}", &key[..key.len() - 4]);
        let guesser = stage.bearing(&guessed).with("x-forwarded-for", "10.0.0.1, 203.0.113.9");
        let answer = guesser.get("/api/aef/executions").await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.headers.contains_key("retry-after"));
        }
        answers.push(answer.status);
    }
    let told = answers.iter().filter(|status| **status == StatusCode::UNAUTHORIZED).count();
    assert_eq!(told, 20, "more were told whether they had guessed right");
    assert!(answers[20..].iter().all(|status| *status == StatusCode::TOO_MANY_REQUESTS));
    let right = stage.bearing(&key);
    let same = right.clone().with("x-forwarded-for", "203.0.113.9").get("/api/aef/executions").await;
    same.is_problem(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    let elsewhere =
        right.with("x-forwarded-for", "203.0.113.9, 198.51.100.7").get("/api/aef/executions").await;
    assert_eq!(elsewhere.status, StatusCode::OK, "the last address is the one that the proxy saw");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let stage = Stage::on(Kept::Memory).await;
    let key = stage.key(key_of("ada")).await;
    for path in ["/api/aef/execute", "/api/aef/documents", "/api/aef/sops", "/api/aef/artifacts?name=a"] {
        let begun = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{"))]);
        let request = Request::post(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .body(Body::from_stream(begun.chain(stream::pending())))
            .unwrap();
        let answered =
            tokio::time::timeout(Duration::from_secs(300), stage.app.clone().oneshot(request)).await;
        assert_eq!(
            answered.expect("it is given up").unwrap().status(),
            StatusCode::REQUEST_TIMEOUT,
            "{path}"
        );
    }
}

/// Sends bytes as they are; gives the status of the answer, where there is one.
async fn raw(address: SocketAddr, bytes: &[u8]) -> Option<u16> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // The server may have closed before all is sent.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = socket.read_to_end(&mut answer);
    let _ =
        tokio::time::timeout(Duration::from_secs(60), reading).await.expect("the server answers or closes");
    let text = String::from_utf8_lossy(&answer);
    text.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()
}

#[tokio::test]
async fn bombs_of_headers_end_their_own_connection_alone() {
    let stage = Stage::on(Kept::Memory).await;
    let address = served(&stage).await;
    let head = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    let many: String = (0..5_000).map(|number| format!("x-{number}: 1\r\n")).collect();
    let long = format!("x-long: {}\r\n", "a".repeat(4 * 1024 * 1024));
    let path = format!("GET /{} HTTP/1.1\r\nHost: {address}\r\n\r\n", "a".repeat(1024 * 1024));
    for bomb in [format!("{head}{many}\r\n"), format!("{head}{long}\r\n"), path] {
        let status = raw(address, bomb.as_bytes()).await;
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{status:?}");
    }
    for odd in ["GET", "\0\0\0\0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"] {
        let status = raw(address, format!("{odd}\r\n\r\n").as_bytes()).await;
        assert!(status.is_none_or(|status| (400..510).contains(&status)), "{odd:?}: {status:?}");
    }
    assert_eq!(raw(address, format!("{head}\r\n").as_bytes()).await, Some(200), "others are served");
}

#[tokio::test]
async fn bombs_of_json_and_yaml_are_refused() {
    let stage = Stage::unlimited(Kept::Memory).await;
    let ada = stage.person("ada");
    let deep =
        |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000)).into_bytes();
    let mut bombs =
        vec![deep("[", "]"), deep("{\"a\":", "}"), vec![b' '; 1024 * 1024], b"\"\\ud800\"".to_vec()];
    bombs.push(format!("{{\"meta\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes());
    bombs.push(vec![0xff; 64]);
    let takers: Vec<_> =
        routes().into_iter().filter(|route| route.told.get("requestBody").is_some()).collect();
    for taker in &takers {
        let (method, path) = (&taker.method, taker.filled(&Ids::unknown()));
        for bomb in &bombs {
            let answer = ada.send(method.clone(), &path, Sent::Raw("application/json", bomb.clone())).await;
            assert!(answer.status.is_client_error(), "{method} {path}: {}", answer.status);
        }
    }
    assert!(takers.len() > 10);
    let laughs: String = (1..12)
        .map(|level| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", ")))
        .collect();
    let laughs = format!("a0: &a0 [lol]\n{laughs}");
    let answer = ada.send(Method::POST, "/api/aef/documents", Sent::Yaml(&laughs)).await;
    answer.is_problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_document");
}

#[tokio::test]
async fn a_key_that_expires_in_mid_socket_closes_it() {
    let stage = Stage::on(Kept::Memory).await;
    let address = served(&stage).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    let id = ada.executes("save-record", json!({})).await;
    let expires_at = Some(jiff::Timestamp::now() + jiff::SignedDuration::from_secs(8));
    let key = stage.key(KeyRequest { expires_at, ..key_of("ada") }).await;
    let bearer = format!("Bearer {key}");
    let mut socket =
        open(address, &format!("/api/aef/live/{id}"), &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap()["execution"]["status"], "queued");
    let code = loop {
        if let Err(code) = next(&mut socket).await {
            break code;
        }
    };
    assert_eq!(code, 4401);
}

#[tokio::test]
async fn who_reads_slowly_gets_all_that_is_durable_and_little_else() {
    let looping = "aef: 1\nid: count\nvars: { n: 0 }\nsteps:\n  - { id: many, type: loop, while: n < 600, maxIterations: 1000, \
                   steps: [ { id: one, outputs: { n: n + 1 } } ] }\n  - { id: done, type: end }\n";
    let stage = Stage::unlimited(Kept::Memory).await;
    let address = served(&stage).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, looping).await;
    let id = ada.executes("count", json!({})).await;
    let bearer = format!("Bearer {}", stage.key(key_of("ada")).await);
    let path = format!("/api/aef/live/{id}?after=0");
    let mut socket = open(address, &path, &[("authorization", &bearer)]).await.unwrap();
    let begun = Instant::now();
    let worker = stage.works();
    stage.reaches(&id, Status::Completed).await;
    let head = ada.get(&format!("/api/aef/executions/{id}")).await.body["seq"].as_u64().unwrap();
    let (mut messages, mut seen) = (0_u64, Vec::new());
    while let Ok(message) = next(&mut socket).await {
        messages += 1;
        seen.extend(message["logs"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()));
    }
    assert_eq!(seen, (1..=head).collect::<Vec<_>>(), "each event once, in order");
    // Fifty entries a message, and four messages a second while there was room to send them.
    let at_most = head / 50 + 4 * begun.elapsed().as_secs() + 10;
    assert!(messages <= at_most, "{messages} messages for {head} events");
    stage.shutdown.begin();
    worker.await.unwrap();
}

/// Parts of paths as nobody should write them.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9_]{1,40}",
        "(exec|doc|sop|chk|key)_[0-7][0-9a-hjkmnp-tv-z]{25}",
        "\\PC{1,20}".prop_map(|text| url::form_urlencoded::byte_serialize(text.as_bytes()).collect()),
        prop::sample::select(vec![
            "..",
            ".",
            "%00",
            "%2e%2e%2f",
            "%ff%fe",
            "{id}",
            "*",
            "list",
            "stats",
            "-1",
            "null"
        ])
        .prop_map(str::to_owned),
    ]
}

/// A value of JSON, small and odd.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        "(exec|sop|chk)_[0-7][0-9a-hjkmnp-tv-z]{25}".prop_map(Value::from),
    ];
    let fields = prop::sample::select(vec![
        "aefDocumentId",
        "executionId",
        "sopId",
        "config",
        "inputs",
        "userInput",
        "options",
        "response",
        "action",
        "stepId",
        "option",
        "data",
        "value",
        "name",
        "scopes",
        "origins",
        "fromStep",
        "limit",
        "maxSeconds",
        "meta",
        "public",
        "nodes",
    ]);
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(fields.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|fields| fields.into_iter().collect::<Value>()),
        ]
    })
}

/// Every route is asked with odd ids, parameters and bodies. That the answer is described is held by the client itself.
#[test]
fn odd_paths_parameters_and_bodies_are_the_callers_fault() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (stage, client) = runtime.block_on(async {
        let stage = Stage::unlimited(Kept::Memory).await;
        let service = stage.service().with("x-aef-owner", "ada");
        stage.keeps(&service, READING).await;
        (stage, service)
    });
    let routes: Vec<_> = API
        .operations()
        .map(|operation| (operation.method.parse::<Method>().unwrap(), operation.path))
        .collect();
    let case = (prop::sample::select(routes), prop::collection::vec(part(), 3), part(), value());
    let config = ProptestConfig {
        cases: 512,
        max_shrink_iters: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest::test_runner::TestRunner::new(config)
        .run(&case, |((method, path), parts, query, body)| {
            let mut parts = parts.into_iter();
            let filled: Vec<_> =
                path.split('/')
                    .map(|part| {
                        if part.starts_with('{') { parts.next().unwrap_or_default() } else { part.to_owned() }
                    })
                    .collect();
            let path = format!("{}?after={query}&limit={query}", filled.join("/"));
            prop_assume!(path.parse::<axum::http::Uri>().is_ok());
            let answer = runtime.block_on(client.send(method.clone(), &path, Sent::Json(body)));
            prop_assert!(
                answer.status.as_u16() < 500 || answer.status == StatusCode::NOT_IMPLEMENTED,
                "{} {}: {}",
                method,
                path,
                answer.status
            );
            Ok(())
        })
        .unwrap();
    runtime.block_on(async { drop(stage) });
}
