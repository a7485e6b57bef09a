use aef_core::browser::InputGate;
use chromiumoxide_cdp::cdp::{
    browser_protocol::browser::GetVersionParams, js_protocol::runtime::EvaluateParams,
};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

use super::*;

type Peer = WebSocketStream<TcpStream>;

async fn connected() -> (Connection, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("ws://{}/devtools", listener.local_addr().unwrap())).unwrap();
    let accepting = async { accept_async(listener.accept().await.unwrap().0).await.unwrap() };
    let (connection, peer) = tokio::join!(Connection::open(&url, Duration::from_secs(5)), accepting);
    (connection.unwrap(), peer)
}

async fn received(peer: &mut Peer) -> Value {
    let Message::Text(text) = peer.next().await.unwrap().unwrap() else { panic!("not a text message") };
    serde_json::from_str(&text).unwrap()
}

async fn say(peer: &mut Peer, message: Value) {
    peer.send(Message::text(message.to_string())).await.unwrap();
}

fn attached(session: &str, target: &str) -> Value {
    json!({"method": "Target.attachedToTarget", "params": {
        "sessionId": session, "targetInfo": {"targetId": target, "type": "page", "browserContextId": "C"}}})
}

async fn pending_evaluate(end: Value) -> CdpError {
    let (connection, mut peer) = connected().await;
    let mut events = connection.context_events("C");
    say(&mut peer, attached("S", "T")).await;
    assert_eq!(&*events.recv().await.unwrap().method, "Target.attachedToTarget");
    let link = connection.session("S");
    let call = tokio::spawn(async move { link.call(EvaluateParams::new("1")).await });
    assert_eq!(received(&mut peer).await["sessionId"], "S");
    say(&mut peer, end).await;
    call.await.unwrap().unwrap_err()
}

#[tokio::test]
async fn answers_find_their_calls_whatever_the_order() {
    let (connection, mut peer) = connected().await;
    let link = connection.session("S");
    let mut batch = link.batch();
    let first = batch.push(&EvaluateParams::new("1")).unwrap();
    let second = batch.push(&EvaluateParams::new("2")).unwrap();
    batch.send(None).unwrap();
    let (one, two) = (received(&mut peer).await, received(&mut peer).await);
    assert_eq!(one["params"]["expression"], "1");
    say(&mut peer, json!({"id": two["id"], "result": {"result": {"type": "number", "value": 2}}})).await;
    say(&mut peer, json!({"id": one["id"], "error": {"code": -32000, "message": "no"}})).await;
    let second = second.within(Duration::from_secs(5)).await.unwrap();
    assert_eq!(second.result.value, Some(json!(2)));
    let error = first.within(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(error.to_string(), "Runtime.evaluate was refused (-32000): no");
}

#[tokio::test]
async fn unknown_and_unreadable_messages_are_passed_over() {
    let (connection, mut peer) = connected().await;
    let mut events = connection.browser_events();
    peer.send(Message::text("{not json")).await.unwrap();
    say(&mut peer, json!({"method": "Invented.event", "params": {"kind": "never seen"}})).await;
    let event = events.recv().await.unwrap();
    assert_eq!(&*event.method, "Invented.event");
    assert_eq!(event.parse::<Value>().unwrap()["kind"], "never seen");
}

#[tokio::test]
async fn a_call_fails_with_the_cause_by_which_its_session_ended() {
    let cases = [
        (json!({"method": "Target.detachedFromTarget", "params": {"sessionId": "S"}}), "the page was closed"),
        (json!({"method": "Target.targetDestroyed", "params": {"targetId": "T"}}), "the page was closed"),
        (json!({"method": "Inspector.targetCrashed", "sessionId": "S", "params": {}}), "the page crashed"),
    ];
    for (event, cause) in cases {
        let CdpError::Lost(loss) = pending_evaluate(event).await else { panic!("not lost") };
        assert_eq!(loss.to_string(), cause);
    }
}

#[tokio::test]
async fn a_call_fails_when_the_socket_ends_and_so_do_later_ones() {
    let (connection, mut peer) = connected().await;
    let link = connection.browser();
    let call = tokio::spawn({
        let link = link.clone();
        async move { link.call(GetVersionParams::default()).await }
    });
    received(&mut peer).await;
    drop(peer);
    assert!(matches!(call.await.unwrap().unwrap_err(), CdpError::Lost(Loss::Disconnected { .. })));
    assert!(matches!(connection.ended(), Some(Loss::Disconnected { .. })));
    let later = link.call(GetVersionParams::default()).await.unwrap_err();
    assert!(matches!(later, CdpError::Lost(Loss::Disconnected { .. })));
}

#[tokio::test]
async fn input_is_not_written_behind_a_closed_gate() {
    let (connection, mut peer) = connected().await;
    let link = connection.session("S");
    let mut batch = link.batch();
    let reply = batch.push(&EvaluateParams::new("late")).unwrap();
    batch.send(Some(InputGate::new(|| Duration::ZERO))).unwrap();
    let error = reply.within(Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(error, CdpError::GateClosed));
    let mut batch = link.batch();
    let _reply = batch.push(&EvaluateParams::new("in time")).unwrap();
    batch.send(Some(InputGate::open())).unwrap();
    assert_eq!(received(&mut peer).await["params"]["expression"], "in time");
}

#[tokio::test]
async fn a_call_has_a_deadline_and_a_dropped_one_is_forgotten() {
    let (connection, mut peer) = connected().await;
    let link = connection.browser();
    let error = link.call_within(GetVersionParams::default(), Duration::from_millis(20)).await.unwrap_err();
    assert!(matches!(error, CdpError::Timeout { .. }));
    // The late answer goes to nobody, and the connection goes on.
    let late = received(&mut peer).await;
    say(&mut peer, json!({"id": late["id"], "result": {}})).await;
    say(&mut peer, json!({"method": "Some.event", "params": {}})).await;
    assert_eq!(link.router().pending_calls(), 0);
}

#[tokio::test]
async fn events_of_child_sessions_go_where_their_parents_go() {
    let (connection, mut peer) = connected().await;
    let mut events = connection.context_events("C");
    say(&mut peer, attached("S", "T")).await;
    let mut child = attached("S2", "T2");
    child["sessionId"] = json!("S");
    child["params"]["targetInfo"].as_object_mut().unwrap().remove("browserContextId");
    say(&mut peer, child).await;
    say(&mut peer, json!({"method": "Page.loadEventFired", "sessionId": "S2", "params": {}})).await;
    say(&mut peer, json!({"method": "Target.detachedFromTarget", "params": {"sessionId": "S"}})).await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(events.recv().await.unwrap().session.map(|id| id.to_string()));
    }
    assert_eq!(sessions, [None, Some("S".to_owned()), Some("S2".to_owned()), None]);
}

#[tokio::test]
async fn a_context_that_is_outrun_by_its_events_is_given_up() {
    let (connection, mut peer) = connected().await;
    let mut events = connection.context_events("C");
    say(&mut peer, attached("S", "T")).await;
    for _ in 0..17_000 {
        peer.feed(Message::text(r#"{"method":"A.b","sessionId":"S","params":{}}"#)).await.unwrap();
    }
    peer.flush().await.unwrap();
    say(&mut peer, json!({"method": "Target.targetCreated", "params": {}})).await;
    while events.recv().await.is_some() {}
    let error = connection.session("S").call(EvaluateParams::new("1")).await.unwrap_err();
    assert!(matches!(error, CdpError::Lost(Loss::Overflow)));
}
