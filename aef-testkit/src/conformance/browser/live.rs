//! Cases about the live view and a person's input.

use std::time::Duration;

use aef_core::browser::{InputGate, Session};
use aef_core::document::MouseButton;
use aef_core::live::{Frame, Frames, LiveInput};
use aef_core::recovery::ErrorKind;
use futures::StreamExt as _;
use serde_json::json;
use tokio::time::timeout;

use super::BrowserBench;
use super::visit::{Visit, click, visible};

/// How long a frame may take.
const FRAME: Duration = Duration::from_secs(10);

/// The first bytes of every JPEG file.
const JPEG: &[u8] = b"\xff\xd8\xff";

/// The middle of the elements of `/places`.
const FIELD: (f64, f64) = (120.0, 120.0);
const SHOW: (f64, f64) = (120.0, 220.0);
const SAVE: (f64, f64) = (120.0, 320.0);

/// A page that does not change is seen all the same.
pub async fn a_watcher_gets_a_frame_of_a_page_that_does_not_change(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/places").await;
    let frame = next(&mut frames(&*visit.session).await).await;
    assert!(frame.image.starts_with(JPEG), "{:?}", &frame.image[..4]);
    assert!(frame.width >= 320.0 && frame.height >= 240.0, "{} x {}", frame.width, frame.height);
    assert_eq!((frame.tab.as_str(), frame.url), ("t1", format!("{}/places", visit.origin)));
}

/// Who comes late waits for no change of the page, whether somebody else still watches or not.
pub async fn everybody_who_watches_gets_the_newest_frame_first(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/places").await;
    let mut first = frames(&*visit.session).await;
    let seen = next(&mut first).await;
    let mut late = frames(&*visit.session).await;
    assert!(next(&mut late).await.number >= seen.number);
    drop((first, late));
    let mut last = frames(&*visit.session).await;
    assert!(next(&mut last).await.number >= seen.number);
}

/// Who watches sees the page change, and the tab that is the current one.
pub async fn frames_follow_what_is_done_and_where(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/places").await;
    let mut frames = frames(&*visit.session).await;
    let before = next(&mut frames).await;
    visit.clicks("Show").await;
    let after = next(&mut frames).await;
    assert!(after.number > before.number);
    let url = format!("{}/second", visit.origin);
    visit.does(json!({ "action": "tab", "open": { "url": url, "as": "beside" } })).await;
    let there = async {
        loop {
            let frame = next(&mut frames).await;
            if frame.tab == "beside" && frame.url == url {
                break;
            }
        }
    };
    timeout(FRAME, there).await.expect("the frames come to the tab");
}

/// Nobody waits for frames of a session that is closed.
pub async fn frames_end_with_their_session(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/places").await;
    let frames = frames(&*visit.session).await;
    visit.session.close().await.expect("the session closes");
    timeout(FRAME, frames.collect::<Vec<_>>()).await.expect("the frames end");
    visit.session.frames().await.err().expect("a closed session shows nothing");
}

/// Mouse and keyboard reach what stands at their place.
pub async fn a_person_clicks_and_types(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/places").await;
    clicks(&visit, FIELD).await;
    sends(&visit, LiveInput::TextEntered { text: "Zoë ".to_owned() }).await;
    for key in ["x", "Y"] {
        sends(&visit, LiveInput::KeyPressed { key: key.to_owned(), code: None, modifiers: Vec::new() }).await;
        sends(&visit, LiveInput::KeyReleased { key: key.to_owned(), code: None, modifiers: Vec::new() })
            .await;
    }
    assert!(visit.sees(json!({ "value": { "target": { "label": "Name" }, "equals": "Zoë xY" } })).await);
    clicks(&visit, SHOW).await;
    assert!(visit.sees(visible("shown")).await);
    visit.session.end_input(InputGate::open()).await.expect("the input ends");
    visit.clicks("Show").await;
}

/// The lease holds for people, too.
pub async fn a_shut_gate_lets_no_persons_input_through(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/places").await;
    for input in press_and_release(SHOW) {
        let shut = InputGate::new(|| Duration::ZERO);
        let error = visit.session.dispatch(input, shut).await.expect_err("the gate is shut");
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Timeout, Some("lease_ended")));
    }
    assert!(!visit.sees_now(visible("shown")).await);
}

/// A button that a person forgot comes up when automation goes on.
pub async fn what_a_person_holds_down_is_released(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/places").await;
    let [press, _] = press_and_release(SHOW);
    sends(&visit, press).await;
    assert!(!visit.sees_now(visible("shown")).await);
    visit.session.end_input(InputGate::open()).await.expect("the input ends");
    assert!(visit.sees(visible("shown")).await);
    visit.session.end_input(InputGate::open()).await.expect("there is nothing to end");
}

/// What a person saved is not what the next action did.
pub async fn what_a_person_writes_is_told_of_no_action(bench: &dyn BrowserBench) {
    let visit = Visit::at(bench, "/places").await;
    clicks(&visit, SAVE).await;
    assert!(visit.sees(visible("saved")).await);
    assert_eq!(bench.posts("/save"), 1);
    visit.session.end_input(InputGate::open()).await.expect("the input ends");
    let outcome = visit.does(click("Show")).await;
    assert_eq!(outcome.writes, []);
}

async fn frames(session: &dyn Session) -> Frames {
    session.frames().await.expect("the session is shown")
}

async fn next(frames: &mut Frames) -> Frame {
    timeout(FRAME, frames.next()).await.expect("a frame comes in time").expect("the frames go on")
}

fn press_and_release((x, y): (f64, f64)) -> [LiveInput; 2] {
    let (button, clicks) = (MouseButton::Left, 1);
    [
        LiveInput::MousePressed { x, y, button, clicks, modifiers: Vec::new() },
        LiveInput::MouseReleased { x, y, button, clicks, modifiers: Vec::new() },
    ]
}

async fn clicks(visit: &Visit, place: (f64, f64)) {
    for input in press_and_release(place) {
        sends(visit, input).await;
    }
}

async fn sends(visit: &Visit, input: LiveInput) {
    visit.session.dispatch(input, InputGate::open()).await.expect("the input is sent");
}
