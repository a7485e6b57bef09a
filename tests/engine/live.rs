//! The live view: who sees the page, who has mouse and keyboard, and what automation does then.

use std::time::Duration;

use aef::document::{Modifier, MouseButton};
use aef::engine::{Controller, Engine, Handle};
use aef::execution::{Answer, EventKind, Status};
use aef::ids::Seq;
use aef::live::{LiveErrorKind, LiveInput};
use aef::recovery::ErrorKind;
use aef_testkit::scripted_browser::{Element, Page, ScriptedSite};
use futures::StreamExt as _;

use crate::support::{ASKING, ORIGIN, READING, Stage, count, finished, happens, kinds, waiting};

pub(crate) const SAVE: (f64, f64) = (50.0, 150.0);
const FIELD: (f64, f64) = (50.0, 50.0);

/// The page that the documents know, with places for a person's mouse.
fn site() -> ScriptedSite {
    let saved = Element::new("p").test_id("saved").text("Saved");
    let page = Page::new("CRM")
        .with(Element::new("h1").test_id("heading").text("Records"))
        .with(Element::field("Password").at(0.0, 0.0, 100.0, 100.0))
        .with(Element::button("Save").posts("save", "record").shows(saved).at(0.0, 100.0, 100.0, 100.0));
    ScriptedSite::new(ORIGIN).page("/crm", page)
}

pub(crate) fn stage() -> Stage {
    Stage::with(site(), |builder| builder)
}

/// An execution that waits for an answer with its browser open.
pub(crate) async fn asking(stage: &Stage) -> Handle {
    let handle = stage.submit(ASKING).await;
    let state = waiting(handle.wait().await.unwrap());
    assert_eq!(state.status, Status::WaitingCheckpoint);
    handle
}

pub(crate) async fn control(handle: &Handle) -> Controller {
    handle.take_over().await.unwrap();
    handle.live().await.unwrap().control().await.unwrap()
}

pub(crate) fn press((x, y): (f64, f64)) -> LiveInput {
    LiveInput::MousePressed { x, y, button: MouseButton::Left, clicks: 1, modifiers: vec![] }
}

pub(crate) fn release((x, y): (f64, f64)) -> LiveInput {
    LiveInput::MouseReleased { x, y, button: MouseButton::Left, clicks: 1, modifiers: vec![] }
}

fn key_down(key: &str, modifiers: &[Modifier]) -> LiveInput {
    LiveInput::KeyPressed { key: key.to_owned(), code: None, modifiers: modifiers.to_vec() }
}

pub(crate) fn text(text: &str) -> LiveInput {
    LiveInput::TextEntered { text: text.to_owned() }
}

/// The input that people have sent, once it is so much.
async fn inputs_of(stage: &Stage, many: usize) -> Vec<LiveInput> {
    while stage.browser.inputs().len() < many {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stage.browser.inputs()
}

#[tokio::test(start_paused = true)]
async fn a_person_takes_over_and_hands_back_and_nothing_typed_is_kept() {
    let stage = stage();
    let worker = stage.worker("one");
    let handle = asking(&stage).await;
    let mut hand = control(&handle).await;
    for input in [press(FIELD), release(FIELD), text("hunter2"), key_down("Z", &[Modifier::Shift])] {
        hand.send(input).await.unwrap();
    }
    handle.hand_back().await.unwrap();
    let state = waiting(handle.wait().await.unwrap());
    assert_eq!(state.status, Status::WaitingCheckpoint, "the question is open again");

    // All of it was done, and what was held down came up.
    let inputs = inputs_of(&stage, 5).await;
    let released = LiveInput::KeyReleased { key: "Z".to_owned(), code: None, modifiers: vec![] };
    assert_eq!(inputs.last(), Some(&released));
    assert_eq!(hand.send(text("more")).await.unwrap_err().kind(), LiveErrorKind::NotTakenOver);
    assert_eq!(stage.browser.inputs().len(), 5);

    handle.answer(state.checkpoint.unwrap().id, Answer::approve()).await.unwrap();
    let state = finished(handle.wait().await.unwrap());
    assert_eq!(state.status, Status::Completed);
    let journal = serde_json::to_string(&handle.journal(Seq(0), 1000).await.unwrap()).unwrap();
    assert!(journal.contains("handed_back") && !journal.contains("hunter2"), "{journal}");
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_did_is_seen_before_automation_goes_on() {
    let stage = stage();
    let worker = stage.worker("one");
    let handle = asking(&stage).await;
    let mut hand = control(&handle).await;
    hand.send(press(FIELD)).await.unwrap();
    drop(hand);
    let state = handle.hand_back().await.unwrap();
    handle.answer(state.checkpoint.unwrap().id, Answer::approve()).await.unwrap();
    finished(handle.wait().await.unwrap());
    let kinds = kinds(&handle).await;
    let place = |is: &dyn Fn(&EventKind) -> bool| kinds.iter().rposition(is).unwrap();
    let handed_back = place(&|kind| matches!(kind, EventKind::HandedBack));
    let seen = place(&|kind| matches!(kind, EventKind::EvidenceCaptured { .. }));
    let clicked = place(&|kind| matches!(kind, EventKind::ActionStarted { .. }));
    assert!(handed_back < seen && seen < clicked, "{kinds:#?}");
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn mouse_and_keyboard_are_given_only_to_who_took_over() {
    let stage = stage();
    let worker = stage.worker("one");
    let handle = asking(&stage).await;
    let refused = handle.live().await.unwrap().control().await.unwrap_err();
    assert_eq!(refused.kind(), LiveErrorKind::NotTakenOver);
    let refused = stage.engine.live_sessions().control(handle.id()).await.unwrap_err();
    assert_eq!(refused.kind(), LiveErrorKind::NotTakenOver);
    assert!(stage.engine.scope("bob").execution(handle.id()).live().await.is_err());
    assert!(stage.browser.inputs().is_empty());
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_has_mouse_and_keyboard_at_a_time() {
    let stage = stage();
    let worker = stage.worker("one");
    let handle = asking(&stage).await;
    let live = handle.live().await.unwrap();
    let mut first = control(&handle).await;
    first.send(press(SAVE)).await.unwrap();
    assert_eq!(live.control().await.unwrap_err().kind(), LiveErrorKind::Controlled);

    // Who is silent for long loses them, and what was held down.
    tokio::time::sleep(Duration::from_secs(31)).await;
    let mut second = live.control().await.unwrap();
    assert_eq!(stage.browser.inputs().last(), Some(&release(SAVE)));
    assert_eq!(stage.browser.witness().total("save"), 1, "the button came up where it went down");
    assert_eq!(first.send(text("late")).await.unwrap_err().kind(), LiveErrorKind::Controlled);
    first.send(text("later")).await.unwrap_err();
    assert!(!stage.browser.inputs().contains(&text("late")));

    // Who gives up makes room at once.
    second.send(press(FIELD)).await.unwrap();
    drop(second);
    let third = live.control().await.unwrap();
    assert_eq!(stage.browser.inputs().last(), Some(&release(FIELD)));
    drop(third);
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn moves_in_a_row_are_few_and_the_last_one_counts() {
    let stage = stage();
    let worker = stage.worker("one");
    let handle = asking(&stage).await;
    let mut hand = control(&handle).await;
    let at = |place: u32| LiveInput::MouseMoved { x: f64::from(place), y: 0.0, modifiers: vec![] };
    for place in 0..200 {
        hand.send(at(place)).await.unwrap();
    }
    hand.send(press(FIELD)).await.unwrap();
    hand.send(at(300)).await.unwrap();
    drop(hand);
    let done = |inputs: &[LiveInput]| {
        inputs.last()
            == Some(&LiveInput::MouseReleased {
                x: 300.0,
                y: 0.0,
                button: MouseButton::Left,
                clicks: 1,
                modifiers: vec![],
            })
    };
    while !done(&stage.browser.inputs()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let inputs = stage.browser.inputs();
    let pressed = inputs.iter().position(|input| *input == press(FIELD)).unwrap();
    assert_eq!(inputs[pressed - 1], at(199), "what is pressed is pressed where the mouse went");
    assert!(inputs.len() < 20, "{inputs:?}");
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_takeover_that_a_person_uses_does_not_end() {
    let stage = stage();
    let worker = stage.worker("one");
    let handle = asking(&stage).await;
    let mut hand = control(&handle).await;
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_secs(55)).await;
        hand.send(text("a")).await.unwrap();
    }
    assert_eq!(handle.state().await.unwrap().status, Status::TakenOver);
    let signs = count(&handle, |kind| matches!(kind, EventKind::TakeoverExtended)).await;
    assert!((10..30).contains(&signs), "{signs}");
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn frames_go_from_session_to_session_and_end_with_the_execution() {
    let stage = Stage::with(site().latency(Duration::from_secs(3)), |builder| builder);
    let handle = stage.submit(READING).await;
    let mut frames = handle.live().await.unwrap().frames();
    // Who watches before it begins sees it begin.
    let waits = tokio::time::timeout(Duration::from_secs(30), frames.next()).await;
    assert!(waits.is_err(), "nothing is open yet");
    let worker = stage.worker("one");
    let frame = frames.next().await.unwrap();
    assert_eq!((frame.tab.as_str(), frame.url.as_str()), ("t1", "about:blank"));
    happens(&handle, |kind| matches!(kind, EventKind::ActionStarted { op: 2, .. })).await;
    stage.browser.lose_sessions(ErrorKind::Crashed);
    happens(&handle, |kind| matches!(kind, EventKind::SessionLost { .. })).await;
    let frame = frames.next().await.unwrap();
    assert!(frame.url == "about:blank" || frame.url.ends_with("/crm"), "{frame:?}");
    finished(handle.wait().await.unwrap());
    while frames.next().await.is_some() {}
    worker.end().await;
}

#[tokio::test(start_paused = true)]
async fn another_process_watches_and_steers_through_the_channel() {
    let stage = stage();
    let worker = stage.worker("one");
    let there = asking(&stage).await;
    let server = Engine::builder(stage.store.clone()).live_channel(stage.engine.live_sessions()).build();
    let alone = Engine::builder(stage.store.clone()).build();
    let handle = server.scope("ann").execution(there.id());
    let frame = handle.live().await.unwrap().frames().next().await.unwrap();
    assert!(frame.url.ends_with("/crm"), "{frame:?}");
    let mut hand = control(&handle).await;
    for input in [press(SAVE), release(SAVE)] {
        hand.send(input).await.unwrap();
    }
    drop(hand);
    assert_eq!(stage.browser.witness().total("save"), 1);
    let nowhere = alone.scope("ann").execution(there.id()).live().await.unwrap().control().await.unwrap_err();
    assert_eq!(nowhere.kind(), LiveErrorKind::NotOpen);
    worker.end().await;
}
