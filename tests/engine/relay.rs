//! The live view across processes: servers and workers, each with an engine of its own on one store, and sockets between.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aef::engine::{Engine, Handle, WorkerOptions};
use aef::execution::Status;
use aef::http::{Advertisement, LiveRelay, live_router};
use aef::ids::WorkerId;
use aef::live::{Frame, Frames, LiveChannel as _, LiveErrorKind};
use aef::secrets::SecretString;
use aef::store::LiveDirectory as _;
use axum::serve::ListenerExt as _;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::live::{SAVE, asking, control, press, release, stage, text};
use crate::support::{ASKING, Stage, Working, waiting};

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn shared() -> SecretString {
    secret("the services of the host share this")
}

/// A process with a worker whose live views are served.
struct Process {
    address: String,
    /// How many connections it was asked for.
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
    working: Working,
}

impl Process {
    async fn begin(stage: &Stage, name: &str) -> Self {
        let engine = Engine::builder(stage.store.clone()).browser(Arc::new(stage.browser.clone())).build();
        let worker = WorkerId::from(name);
        let asked = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let count = asked.clone();
        let listener = listener.tap_io(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let router = live_router(engine.live_sessions(), worker.clone(), shared());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        // A short lease: what a crash leaves is taken up within this time.
        let (lease, renew_every) = (Duration::from_secs(3), Duration::from_secs(1));
        let options = WorkerOptions { id: worker, lease, renew_every, ..WorkerOptions::default() };
        Self { address, asked, serving, working: Working::begin(&engine, options) }
    }

    /// The same, and it says where they are served.
    async fn advertised(stage: &Stage, name: &str) -> Self {
        let process = Self::begin(stage, name).await;
        process.stands_at(stage, name, &process.address).await;
        process
    }

    /// Says that live views of a worker are served there.
    async fn stands_at(&self, stage: &Stage, name: &str, address: &str) {
        stage.store.advertise(&name.into(), Some(address)).await.unwrap();
    }

    /// Ends it as a crash does.
    async fn crash(self) {
        self.serving.abort();
        self.working.crash().await;
    }
}

fn relay(stage: &Stage, secret: SecretString) -> Arc<LiveRelay> {
    Arc::new(LiveRelay::new(stage.store.clone(), secret))
}

/// The same execution, as a server without a worker has it.
fn served(stage: &Stage, handle: &Handle) -> Handle {
    let engine = Engine::builder(stage.store.clone()).live_channel(relay(stage, shared())).build();
    engine.scope("ann").execution(handle.id())
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it comes in time")
}

async fn next(frames: &mut Frames) -> Frame {
    soon(frames.next()).await.expect("the frames go on")
}

#[tokio::test]
async fn a_server_watches_and_steers_what_a_worker_elsewhere_performs() {
    let stage = stage();
    let process = Process::advertised(&stage, "one").await;
    let handle = served(&stage, &asking(&stage).await);
    let mut frames = handle.live().await.unwrap().frames();
    let frame = next(&mut frames).await;
    assert!(frame.url.ends_with("/crm") && frame.image.starts_with(&[0xff, 0xd8]), "{frame:?}");
    let mut hand = soon(control(&handle)).await;
    for input in [press(SAVE), release(SAVE)] {
        soon(hand.send(input)).await.unwrap();
    }
    assert_eq!(stage.browser.witness().total("save"), 1);
    assert!(next(&mut frames).await.number > frame.number, "what the person did is seen");

    // Somebody else has no hand, until this one is dropped.
    let other = served(&stage, &handle).live().await.unwrap();
    assert_eq!(soon(other.control()).await.unwrap_err().kind(), LiveErrorKind::Controlled);
    drop(hand);
    let mut hand = soon(other.control()).await.unwrap();
    soon(handle.hand_back()).await.unwrap();
    waiting(soon(handle.wait()).await.unwrap());
    let refused = soon(hand.send(text("late"))).await.unwrap_err();
    assert_eq!(refused.kind(), LiveErrorKind::NotTakenOver, "{refused}");
    assert!(!stage.browser.inputs().contains(&text("late")));
    process.working.end().await;
}

#[tokio::test]
async fn all_who_watch_share_one_connection_and_the_last_one_ends_it() {
    let stage = stage();
    let process = Process::advertised(&stage, "one").await;
    let (relay, execution) = (relay(&stage, shared()), asking(&stage).await.id());
    let mut watchers = vec![relay.frames(execution).await.unwrap()];
    next(&mut watchers[0]).await;
    for _ in 0..20 {
        watchers.push(relay.frames(execution).await.unwrap());
    }
    let seen: BTreeSet<u64> = futures::future::join_all(watchers.iter_mut().skip(1).map(next))
        .await
        .iter()
        .map(|frame| frame.number)
        .collect();
    assert_eq!((process.asked.load(Ordering::Relaxed), seen.len()), (1, 1));
    drop(watchers);
    let reopened = async {
        while process.asked.load(Ordering::Relaxed) < 2 {
            // With nobody there, the connection ends; then somebody comes again.
            tokio::task::yield_now().await;
            drop(relay.frames(execution).await.unwrap());
        }
    };
    soon(reopened).await;
    process.working.end().await;
}

#[tokio::test]
async fn a_slow_reader_sees_few_frames_and_the_last_one() {
    let stage = stage();
    let process = Process::advertised(&stage, "one").await;
    let handle = served(&stage, &asking(&stage).await);
    let mut frames = handle.live().await.unwrap().frames();
    let first = next(&mut frames).await.number;
    let mut hand = soon(control(&handle)).await;
    for _ in 0..300 {
        soon(hand.send(text("a"))).await.unwrap();
    }
    let mut seen = Vec::new();
    loop {
        let frame = next(&mut frames).await;
        seen.push(frame.number);
        if frame.number >= first + 300 {
            break;
        }
    }
    assert!(seen.is_sorted() && seen.len() < 20, "{seen:?}");
    drop(hand);
    process.working.end().await;
}

#[tokio::test]
async fn frames_and_input_go_to_the_worker_that_has_the_lease_next() {
    let stage = stage();
    let one = Process::advertised(&stage, "one").await;
    let handle = served(&stage, &asking(&stage).await);
    let mut frames = handle.live().await.unwrap().frames();
    next(&mut frames).await;
    one.crash().await;
    let two = Process::advertised(&stage, "two").await;
    let mut hand = soon(control(&handle)).await;
    for input in [press(SAVE), release(SAVE)] {
        soon(hand.send(input)).await.unwrap();
    }
    assert!(stage.browser.inputs().ends_with(&[press(SAVE), release(SAVE)]));
    soon(async {
        while two.asked.load(Ordering::Relaxed) < 2 {
            next(&mut frames).await;
        }
    })
    .await;
    assert_eq!(handle.state().await.unwrap().status, Status::TakenOver);
    drop(hand);
    two.working.end().await;
}

#[tokio::test]
async fn what_is_in_the_way_is_told() {
    let stage = stage();
    let told = async |relay: Arc<LiveRelay>, handle: &Handle| {
        let frames = soon(relay.frames(handle.id())).await.err().unwrap();
        let control = soon(relay.control(handle.id())).await.err().unwrap();
        assert_eq!((frames.kind(), frames.to_string()), (control.kind(), control.to_string()));
        (frames.kind(), frames.to_string())
    };
    let ours = || relay(&stage, shared());
    let queued = stage.submit(ASKING).await;
    let (kind, message) = told(ours(), &queued).await;
    assert_eq!((kind, message.as_str()), (LiveErrorKind::NotOpen, "no worker holds the execution now"));

    let process = Process::begin(&stage, "one").await;
    waiting(soon(queued.wait()).await.unwrap());
    let (kind, message) = told(ours(), &queued).await;
    assert_eq!(kind, LiveErrorKind::Unavailable);
    assert_eq!(message, "the worker one has the execution and serves no live view");

    // A port on which nobody listens any more.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    process.stands_at(&stage, "one", &closed).await;
    let (kind, message) = told(ours(), &queued).await;
    assert_eq!(kind, LiveErrorKind::Unavailable);
    assert_eq!(message, format!("the worker one at {closed} cannot be reached"));

    let other = Process::begin(&stage, "two").await;
    process.stands_at(&stage, "one", &other.address).await;
    let (kind, message) = told(ours(), &queued).await;
    assert_eq!((kind, message.as_str()), (LiveErrorKind::NotOpen, "the worker there is two"));

    process.stands_at(&stage, "one", &process.address).await;
    let (kind, message) = told(relay(&stage, secret("of another host altogether")), &queued).await;
    assert_eq!(kind, LiveErrorKind::Unavailable);
    assert!(message.ends_with("has another internal secret, or is none"), "{message}");
    let (kind, _) =
        told(Arc::new(LiveRelay::new(stage.store.clone(), shared()).beside("one".into())), &queued).await;
    assert_eq!(kind, LiveErrorKind::NotOpen, "what is of this process is not asked over a socket");
    for process in [process, other] {
        process.working.end().await;
    }
}

/// What a worker says to this, up to its end.
async fn answers(process: &Process, asked: &[Value]) -> Vec<Message> {
    let (mut socket, _) = connect_async(format!("ws://{}/live", process.address)).await.unwrap();
    for message in asked {
        // The other end may have ended it by then.
        let _ = socket.send(Message::Text(message.to_string().into())).await;
    }
    let mut answers = Vec::new();
    while let Some(Ok(message)) = soon(socket.next()).await {
        if !matches!(message, Message::Ping(_) | Message::Close(_)) {
            answers.push(message);
        }
    }
    answers
}

#[tokio::test]
async fn who_does_not_know_the_secret_sees_nothing() {
    let stage = stage();
    let process = Process::advertised(&stage, "one").await;
    let execution = asking(&stage).await.id();
    let open =
        json!({ "type": "open", "worker": "one", "execution": execution, "view": "frames", "nonce": "n" });
    let guess = json!({ "type": "proof", "proof": "0".repeat(64) });
    let short = json!({ "type": "proof", "proof": "" });
    let next = json!({ "type": "next" });
    let input = json!({ "type": "input", "input": { "kind": "text_entered", "text": "hunter2" } });
    let attempts: [&[Value]; 7] = [
        std::slice::from_ref(&next),
        std::slice::from_ref(&input),
        std::slice::from_ref(&guess),
        &[json!("nonsense")],
        &[open.clone(), next.clone()],
        &[open.clone(), guess.clone(), next.clone()],
        &[open, short, next.clone()],
    ];
    for attempt in attempts {
        for answer in answers(&process, attempt).await {
            let Message::Text(text) = answer else { panic!("{attempt:?} gave {answer:?}") };
            let told: Value = serde_json::from_str(&text).unwrap();
            assert!(
                ["challenge", "refused"].contains(&told["type"].as_str().unwrap()),
                "{attempt:?} gave {told}"
            );
            assert!(!text.contains("share this"), "{text}");
        }
    }
    assert!(stage.browser.inputs().is_empty());
    process.working.end().await;
}

#[tokio::test]
async fn an_advertisement_is_said_and_taken_back() {
    let stage = stage();
    let process = Process::begin(&stage, "one").await;
    let execution = asking(&stage).await.id();
    let said = async || {
        let holder = stage.store.live_holder(&aef::store::Scope::System, execution).await.unwrap();
        holder.unwrap().address
    };
    let address = process.address.clone();
    let advertisement =
        Advertisement::begin(stage.store.clone(), "one".into(), address.clone()).await.unwrap();
    assert_eq!(said().await, Some(address));
    advertisement.end().await;
    assert_eq!(said().await, None);
    process.working.end().await;
}
