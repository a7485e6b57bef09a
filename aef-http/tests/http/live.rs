//! The live view: over a real socket, and by polling.

use std::net::SocketAddr;
use std::time::Duration;

use aef_core::execution::Status;
use aef_core::store::KeyScope;
use aef_http::{HttpOptions, KeyRequest, Limits};
use axum::http::{Method, StatusCode};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::stage::{ASKING, Kept, Sent, Stage, key_of, on_each_store};

on_each_store!(
    a_socket_shows_an_execution_from_begin_to_end,
    polling_shows_the_same,
    a_view_goes_on_where_it_was,
    a_ticket_opens_one_view_once,
    a_page_of_another_origin_opens_none,
    a_revoked_key_closes_the_view,
    views_are_counted,
    input_needs_a_takeover_and_the_scope,
    a_shutdown_closes_with_a_code,
);

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Serves the stage on a port of its own.
pub(crate) async fn served(stage: &Stage) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = stage.app.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

pub(crate) async fn open(
    address: SocketAddr,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, Error> {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    // What a client keeps for reading is not to be taken for the server's.
    let config = WebSocketConfig::default().read_buffer_size(4 * 1024);
    connect_async_with_config(request, Some(config), false).await.map(|(socket, _)| socket)
}

/// The status with which a socket was refused.
fn refused(opened: Result<Socket, Error>) -> u16 {
    match opened {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("this was to be refused: {other:?}"),
    }
}

/// What comes next: a message, or the code with which the socket was closed.
pub(crate) async fn next(socket: &mut Socket) -> Result<Value, u16> {
    loop {
        let received = tokio::time::timeout(Duration::from_secs(60), socket.next()).await;
        match received.expect("something comes").expect("the socket ends with a code").unwrap() {
            Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
            Message::Close(frame) => return Err(frame.unwrap().code.into()),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

/// The next message of which `is` holds.
pub(crate) async fn until(socket: &mut Socket, is: impl Fn(&Value) -> bool) -> Value {
    loop {
        let message = next(socket).await.expect("the view goes on");
        if is(&message) {
            return message;
        }
    }
}

/// An execution of ada's that asks, with a worker that goes on with it.
async fn asking(stage: &Stage) -> String {
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    let id = ada.executes("save-record", json!({})).await;
    drop(stage.works());
    stage.reaches(&id, Status::WaitingCheckpoint).await;
    id
}

async fn bearer(stage: &Stage, request: KeyRequest) -> String {
    format!("Bearer {}", stage.key(request).await)
}

async fn a_socket_shows_an_execution_from_begin_to_end(kept: Kept) {
    let stage = Stage::on(kept).await;
    let address = served(&stage).await;
    let ada = stage.person("ada");
    stage.keeps(&ada, ASKING).await;
    let id = ada.executes("save-record", json!({})).await;
    let key = bearer(&stage, key_of("ada")).await;
    let path = format!("/api/aef/live/{id}");
    let mut socket = open(address, &path, &[("authorization", &key)]).await.unwrap();
    let first = next(&mut socket).await.unwrap();
    assert_eq!(
        (&first["type"], &first["execution"]["status"]),
        (&json!("execution_update"), &json!("queued"))
    );
    assert_eq!((&first["execution"]["id"], &first["logs"][0]["event"]), (&json!(id), &json!("queued")));
    let worker = stage.works();
    let asked = until(&mut socket, |message| message["type"] == "checkpoint_required").await;
    assert_eq!(asked["checkpoints"][0]["title"], "Save it?");
    assert_eq!(asked["execution"]["currentStep"], json!({ "id": "save", "name": "Save it" }));
    assert!(asked["browser"]["screenshot"].is_string(), "the person sees the page");
    let checkpoint = asked["checkpoints"][0]["id"].as_str().unwrap();
    ada.post(&format!("/api/aef/checkpoint/{checkpoint}"), json!({ "response": "approve" })).await;
    let ended = until(&mut socket, |message| message["type"] == "execution_complete").await;
    assert_eq!(
        (&ended["execution"]["status"], &ended["execution"]["progress"]),
        (&json!("completed"), &json!(100))
    );
    loop {
        match next(&mut socket).await {
            Ok(_) => {}
            Err(code) => break assert_eq!(code, 1000),
        }
    }
    stage.shutdown.begin();
    worker.await.unwrap();
}

async fn polling_shows_the_same(kept: Kept) {
    let stage = Stage::on(kept).await;
    let id = asking(&stage).await;
    let ada = stage.person("ada");
    let path = format!("/api/aef/live/{id}");
    let whole = ada.get(&path).await;
    assert_eq!((whole.status, whole.text("type")), (StatusCode::OK, "checkpoint_required".to_owned()));
    assert_eq!(whole.body["browser"]["currentUrl"], "https://crm.test/crm");
    let seq = whole.body["seq"].as_u64().unwrap();
    let nothing = ada.get(&format!("{path}?after={seq}&wait=1")).await;
    assert_eq!(
        (&nothing.body["seq"], &nothing.body["logs"]),
        (&json!(seq), &json!([])),
        "the wait has ended"
    );
    let waits = ada.clone();
    let behind = format!("{path}?after={seq}&wait=60");
    let waiting = tokio::spawn(async move { waits.get(&behind).await });
    let checkpoint = whole.body["checkpoints"][0]["id"].as_str().unwrap();
    ada.post(&format!("/api/aef/checkpoint/{checkpoint}"), json!({ "response": "approve" })).await;
    let grown = waiting.await.unwrap();
    assert!(grown.body["seq"].as_u64().unwrap() > seq);
    assert_eq!(grown.body["logs"][0]["event"], "checkpoint_answered");
    stage.shutdown.begin();
}

async fn a_view_goes_on_where_it_was(kept: Kept) {
    let stage = Stage::on(kept).await;
    let address = served(&stage).await;
    let id = asking(&stage).await;
    let key = bearer(&stage, key_of("ada")).await;
    let path = format!("/api/aef/live/{id}?after=2");
    let mut socket = open(address, &path, &[("authorization", &key)]).await.unwrap();
    let first = next(&mut socket).await.unwrap();
    let places: Vec<_> =
        first["logs"].as_array().unwrap().iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
    assert_eq!(places, (3..=first["seq"].as_u64().unwrap()).collect::<Vec<_>>(), "nothing is missed");
    socket.send(Message::text(r#"{"type":"ping"}"#)).await.unwrap();
    assert_eq!(until(&mut socket, |message| message["type"] == "pong").await, json!({ "type": "pong" }));
    socket.send(Message::text(r#"{"type":"stop"}"#)).await.unwrap();
    let told = until(&mut socket, |message| message["type"] == "error").await;
    assert_eq!(told["error"]["kind"], "malformed", "commands go by REST");
    stage.shutdown.begin();
}

async fn a_ticket_opens_one_view_once(kept: Kept) {
    let stage = Stage::on(kept).await;
    let address = served(&stage).await;
    let id = asking(&stage).await;
    let ada = stage.person("ada");
    let ticket = async || {
        let answer = ada.send(Method::POST, &format!("/api/aef/live/{id}/ticket"), Sent::Nothing).await;
        assert_eq!((answer.status, &answer.body["expiresIn"]), (StatusCode::CREATED, &json!(60)));
        answer.text("ticket")
    };
    let path = format!("/api/aef/live/{id}?ticket={}", ticket().await);
    let mut socket = open(address, &path, &[]).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap()["execution"]["id"], json!(id));
    assert_eq!(refused(open(address, &path, &[]).await), 401, "a ticket is used once");
    let other = "/api/aef/live/exec_00000000000000000000000000";
    let elsewhere = format!("{other}?ticket={}", ticket().await);
    assert_eq!(refused(open(address, &elsewhere, &[]).await), 401);
    let reads = stage.nobody().get(&format!("/api/aef/executions/{id}?ticket={}", ticket().await)).await;
    assert_eq!(reads.status, StatusCode::UNAUTHORIZED, "it opens the view and nothing else");
    stage.shutdown.begin();
}

async fn a_page_of_another_origin_opens_none(kept: Kept) {
    let change =
        |options: HttpOptions| HttpOptions { origins: vec!["https://desk.example".into()], ..options };
    let stage = Stage::with(kept, change).await;
    let address = served(&stage).await;
    let id = asking(&stage).await;
    let (key, path) = (bearer(&stage, key_of("ada")).await, format!("/api/aef/live/{id}"));
    let from =
        async |origin: &str| open(address, &path, &[("authorization", &key), ("origin", origin)]).await;
    assert_eq!(refused(from("https://evil.example").await), 403);
    assert_eq!(refused(from("null").await), 403);
    from("https://desk.example").await.unwrap();
    from(&format!("http://{address}")).await.unwrap();
    stage.shutdown.begin();
}

async fn a_revoked_key_closes_the_view(kept: Kept) {
    let stage = Stage::on(kept).await;
    let address = served(&stage).await;
    let id = asking(&stage).await;
    let key = bearer(&stage, key_of("ada")).await;
    let path = format!("/api/aef/live/{id}");
    let mut socket = open(address, &path, &[("authorization", &key)]).await.unwrap();
    next(&mut socket).await.unwrap();
    let kept_key = stage.host.keys(&aef_core::store::Scope::System, None, 0).await.unwrap()[0].id;
    stage.host.revoke_key(&aef_core::store::Scope::System, kept_key).await.unwrap();
    loop {
        match next(&mut socket).await {
            Ok(_) => {}
            Err(code) => break assert_eq!(code, 4401),
        }
    }
    stage.shutdown.begin();
}

async fn views_are_counted(kept: Kept) {
    let few = |options: HttpOptions| HttpOptions {
        limits: Limits { live_connections: 1, ..Limits::default() },
        ..options
    };
    let stage = Stage::with(kept, few).await;
    let address = served(&stage).await;
    let id = asking(&stage).await;
    let (key, path) = (bearer(&stage, key_of("ada")).await, format!("/api/aef/live/{id}"));
    let headers = [("authorization", key.as_str())];
    let mut socket = open(address, &path, &headers).await.unwrap();
    next(&mut socket).await.unwrap();
    assert_eq!(refused(open(address, &path, &headers).await), 429);
    stage.person("ada").get(&path).await.is_problem(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded");
    socket.close(None).await.unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while let Err(error) = open(address, &path, &headers).await {
        assert!(tokio::time::Instant::now() < deadline, "the place never came back: {error}");
        tokio::task::yield_now().await;
    }
    stage.shutdown.begin();
}

async fn input_needs_a_takeover_and_the_scope(kept: Kept) {
    let stage = Stage::on(kept).await;
    let address = served(&stage).await;
    let id = asking(&stage).await;
    let path = format!("/api/aef/live/{id}");
    let press = r#"{"type":"input","input":{"kind":"mouse_pressed","x":1,"y":1}}"#;
    let told = async |scopes: &[KeyScope]| {
        let request = KeyRequest { scopes: scopes.iter().copied().collect(), ..key_of("ada") };
        let key = bearer(&stage, request).await;
        let mut socket = open(address, &path, &[("authorization", &key)]).await.unwrap();
        next(&mut socket).await.unwrap();
        socket.send(Message::text(press)).await.unwrap();
        until(&mut socket, |message| message["type"] == "error").await["error"]["kind"].clone()
    };
    assert_eq!(told(&[KeyScope::Read]).await, "forbidden");
    assert_eq!(told(&[KeyScope::Read, KeyScope::Control]).await, "not_taken_over");
    stage.shutdown.begin();
}

async fn a_shutdown_closes_with_a_code(kept: Kept) {
    let stage = Stage::on(kept).await;
    let address = served(&stage).await;
    let id = asking(&stage).await;
    let key = bearer(&stage, key_of("ada")).await;
    let path = format!("/api/aef/live/{id}");
    let mut socket = open(address, &path, &[("authorization", &key)]).await.unwrap();
    next(&mut socket).await.unwrap();
    stage.shutdown.begin();
    loop {
        match next(&mut socket).await {
            Ok(_) => {}
            Err(code) => break assert_eq!(code, 1012),
        }
    }
}
