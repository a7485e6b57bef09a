//! The live view and a person's input, where a real browser has ways of its own.

use std::sync::Arc;
use std::time::Duration;

use aef_browser_cdp::{CdpBrowser, LaunchOptions};
use aef_core::browser::{Browser, InputGate, Session, SessionOptions};
use aef_core::document::{Modifier, MouseButton};
use aef_core::live::{Frame, Frames, LiveInput};
use futures::StreamExt as _;
use serde_json::json;

use crate::support::{Page, Site, act, browser, launch_options, observe, open, options, text};

/// Elements at known places, and the events that they hear.
const PAGE: &str = r#"<title>Start</title><style>* { margin: 0 }</style>
<div id=pad style="position:absolute;left:0;top:0;width:400px;height:100px;background:#ccc"></div>
<input id=field style="position:absolute;left:0;top:100px;width:200px;height:40px">
<iframe id=far src="http://localhost:{port}/inner" style="position:absolute;left:0;top:200px;width:300px;height:100px;border:0"></iframe>
<a href=/other style="position:absolute;left:0;top:320px;width:200px;height:40px">other</a>
<div id=box style="position:absolute;left:0;top:400px;width:200px;height:100px;overflow:auto"><p style="height:3000px">long</p></div>
<pre id=log style="position:absolute;left:500px;top:0"></pre>
<script>
  const say = (text) => (log.textContent += text + "\n");
  for (const kind of ["mousedown", "mouseup", "click", "dblclick", "contextmenu"])
    pad.addEventListener(kind, (event) => { event.preventDefault(); say(`${kind} ${event.button} ${event.detail} ${event.shiftKey}`); });
  pad.addEventListener("mousemove", (event) => say(`move ${event.buttons}`));
  for (const kind of ["keydown", "keyup"])
    field.addEventListener(kind, (event) => say(`${kind} ${event.key} ${event.code} ${event.keyCode} ${event.ctrlKey}`));
  box.addEventListener("scroll", () => (box.dataset.scrolled = "yes"), { once: true });
</script>"#;

const INNER: &str = r#"<style>* { margin: 0 }</style>
<button style="position:absolute;left:0;top:0;width:100px;height:40px" onclick="this.textContent = 'pressed'">inner</button>
<input style="position:absolute;left:0;top:50px;width:100px;height:30px">"#;

async fn site() -> Site {
    Site::serve([
        ("/", Page::html(PAGE)),
        ("/inner", Page::html(INNER)),
        ("/other", Page::html("<title>Other</title><body style='background:red'><h1>Other</h1>")),
    ])
    .await
}

async fn send(session: &Arc<dyn Session>, input: LiveInput) {
    session.dispatch(input, InputGate::open()).await.unwrap();
}

async fn click(session: &Arc<dyn Session>, x: f64, y: f64) {
    for input in [press(x, y, MouseButton::Left, 1, &[]), release(x, y, MouseButton::Left, 1, &[])] {
        send(session, input).await;
    }
}

fn press(x: f64, y: f64, button: MouseButton, clicks: u8, modifiers: &[Modifier]) -> LiveInput {
    LiveInput::MousePressed { x, y, button, clicks, modifiers: modifiers.to_vec() }
}

fn release(x: f64, y: f64, button: MouseButton, clicks: u8, modifiers: &[Modifier]) -> LiveInput {
    LiveInput::MouseReleased { x, y, button, clicks, modifiers: modifiers.to_vec() }
}

fn moved(x: f64, y: f64) -> LiveInput {
    LiveInput::MouseMoved { x, y, modifiers: vec![] }
}

fn key(key: &str, code: Option<&str>, modifiers: &[Modifier]) -> [LiveInput; 2] {
    let (key, code, modifiers) = (key.to_owned(), code.map(str::to_owned), modifiers.to_vec());
    [
        LiveInput::KeyPressed { key: key.clone(), code: code.clone(), modifiers: modifiers.clone() },
        LiveInput::KeyReleased { key, code, modifiers },
    ]
}

async fn frame(frames: &mut Frames) -> Frame {
    tokio::time::timeout(Duration::from_secs(20), frames.next()).await.unwrap().unwrap()
}

async fn holds(session: &Arc<dyn Session>, condition: serde_json::Value) {
    let observed = observe(session, json!([condition]), Duration::from_secs(10)).await;
    assert!(observed.results[0].holds, "{condition}: {}", observed.results[0].detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hear_mouse_and_keys_as_from_a_hand() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    use MouseButton::{Left, Right};
    let shift = [Modifier::Shift];
    for input in [
        press(50.0, 50.0, Left, 1, &shift),
        moved(60.0, 50.0),
        release(60.0, 50.0, Left, 1, &shift),
        press(60.0, 50.0, Left, 2, &[]),
        release(60.0, 50.0, Left, 2, &[]),
        press(60.0, 50.0, Right, 1, &[]),
        release(60.0, 50.0, Right, 1, &[]),
    ] {
        send(&session, input).await;
    }
    holds(&session, json!({ "text": { "target": { "css": "#log" }, "contains": "mouseup 2 1 false" } }))
        .await;
    let log = text(&session, "#log").await;
    let heard = "mousedown 0 1 true move 1 mouseup 0 1 true click 0 1 true mousedown 0 2 false mouseup 0 2 false \
                 click 0 2 false dblclick 0 2 false mousedown 2 1 false";
    assert!(log.contains(heard), "{log}");
    assert!(log.contains("contextmenu 2"), "{log}");

    click(&session, 100.0, 120.0).await;
    for input in
        key("a", Some("KeyA"), &[]).into_iter().chain(key("é", None, &[])).chain(key("Z", None, &shift))
    {
        send(&session, input).await;
    }
    for input in key("Backspace", None, &[]).into_iter().chain(key("a", None, &[Modifier::Control])) {
        send(&session, input).await;
    }
    holds(&session, json!({ "value": { "target": { "css": "#field" }, "equals": "aé" } })).await;
    send(&session, LiveInput::TextEntered { text: "日本".to_owned() }).await;
    holds(&session, json!({ "value": { "target": { "css": "#field" }, "equals": "日本" } })).await;
    let log = text(&session, "#log").await;
    assert!(log.contains("keydown a KeyA 65 false") && log.contains("keydown a KeyA 65 true"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_scrolls_and_reaches_into_frames_of_other_origins() {
    for args in [Vec::new(), vec!["--site-per-process".to_owned()]] {
        let site = site().await;
        let browser = CdpBrowser::launch(LaunchOptions { args, ..launch_options() }).await.unwrap();
        let options =
            SessionOptions { url: Some(site.url("/")), ..options(&[site.origin(), site.local_origin()]) };
        let session = browser.open(options).await.unwrap();
        let wheel =
            LiveInput::Scrolled { x: 50.0, y: 450.0, delta_x: 0.0, delta_y: 200.0, modifiers: vec![] };
        send(&session, wheel).await;
        holds(
            &session,
            json!({ "attribute": { "target": { "css": "#box" }, "name": "data-scrolled", "equals": "yes" } }),
        )
        .await;
        holds(&session, json!({ "visible": { "css": "button", "frame": { "css": "#far" } } })).await;
        click(&session, 50.0, 220.0).await;
        let button = json!({ "css": "button", "frame": { "css": "#far" } });
        holds(&session, json!({ "text": { "target": button, "equals": "pressed" } })).await;
        click(&session, 50.0, 265.0).await;
        for input in key("x", None, &[]) {
            send(&session, input).await;
        }
        let field = json!({ "css": "input", "frame": { "css": "#far" } });
        holds(&session, json!({ "value": { "target": field, "equals": "x" } })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn held_keys_come_up_and_automation_goes_on() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    click(&session, 100.0, 120.0).await;
    let [down, _] = key("Shift", Some("ShiftLeft"), &[]);
    send(&session, down).await;
    send(&session, press(50.0, 50.0, MouseButton::Left, 1, &[Modifier::Shift])).await;
    session.end_input(InputGate::open()).await.unwrap();
    let log = text(&session, "#log").await;
    assert!(log.contains("mouseup 0 1"), "{log}");
    // The focus had left the field, so that the page as a whole hears of the key; automation is not held up by it.
    act(&session, json!({ "action": "fill", "target": { "css": "#field" }, "value": "by the book" })).await;
    let clicked = act(&session, json!({ "action": "click", "target": { "css": "a" } })).await.outcome;
    assert_eq!((clicked.title.as_str(), clicked.navigated), ("Other", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interceptor_that_an_action_left_is_not_in_the_way_of_a_hand() {
    let stalling = "<button style='position:absolute;left:0;top:0;width:100px;height:100px' \
        onclick=\"document.title = 'clicked'\" onpointermove=\"if (!window.done) { window.done = 1; \
        const until = performance.now() + 1200; while (performance.now() < until); }\">go</button>";
    let site = Site::serve([("/", Page::html(stalling))]).await;
    let browser = browser().await;
    let session = open(&browser, &site, "/").await;
    // The action ends before the page does, and nobody asks for the verdict.
    let short = json!({ "action": "click", "target": { "css": "button" }, "timeout": "300ms" });
    let mut request = crate::support::request(short);
    let end = std::time::Instant::now() + Duration::from_millis(250);
    request.gate = InputGate::new(move || end.saturating_duration_since(std::time::Instant::now()));
    session.perform(request).await.unwrap_err();
    click(&session, 50.0, 50.0).await;
    holds(&session, json!({ "title": { "equals": "clicked" } })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_come_only_while_somebody_watches_and_follow_navigations() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let mut frames = session.frames().await.unwrap();
    let first = frame(&mut frames).await;
    assert_eq!((first.width, first.height), (1280.0, 720.0));
    act(&session, json!({ "action": "navigate", "url": site.url("/other") })).await;
    let other = loop {
        let next = frame(&mut frames).await;
        if next.url == site.url("/other") {
            break next;
        }
    };
    assert!(other.number > first.number);
    // Across sites, where another process draws.
    drop(frames);
    act(&session, json!({ "action": "back" })).await;
    let mut again = session.frames().await.unwrap();
    let fresh = frame(&mut again).await;
    assert_eq!(fresh.url, site.url("/"), "what was shown before nobody watched is not the present");
    assert!(fresh.number > other.number);
    // Nobody waits for a viewer: many changes later the next frame is the newest one.
    for round in 0..10 {
        let value = format!("round {round}");
        act(&session, json!({ "action": "fill", "target": { "css": "#field" }, "value": value })).await;
    }
    let newest = frame(&mut again).await;
    assert!(newest.number > fresh.number, "{} {}", newest.number, fresh.number);
}

/// A field that a secret goes to, in a page that looks the same whatever has the focus.
fn field(attributes: &str) -> String {
    format!(
        r#"<title>Field</title><style>* {{ margin: 0; outline: none; caret-color: transparent; cursor: default }}</style>
<div id=again style="height:50px">again</div><div id=box><input id=field {attributes}></div>
<script>again.onclick = () => {{
  const value = field.value;
  box.innerHTML = "<input id=field>";
  field.value = value;
}};</script>"#
    )
}

/// What a page looks like once it has come to rest.
async fn look(browser: &CdpBrowser, site: &Site, path: &str) -> bytes::Bytes {
    let session = open(browser, site, path).await;
    // The first frame is of what has been drawn by then, be it nothing; a screenshot waits for the page.
    act(&session, json!({ "action": "screenshot" })).await;
    frame(&mut session.frames().await.unwrap()).await.image
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_plain_field_is_in_no_frame() {
    let covered = field("value='correct horse' style='-webkit-text-security: disc'");
    let pages = [("/", field("")), ("/shown", field("value='correct horse'")), ("/covered", covered)];
    let site = Site::serve(pages.iter().map(|(path, page)| (*path, Page::html(page)))).await;
    let browser = browser().await;
    let shown = look(&browser, &site, "/shown").await;
    let covered = look(&browser, &site, "/covered").await;
    assert_ne!(shown, covered, "a frame tells the two apart");
    let session = open(&browser, &site, "/").await;
    let mut frames = session.frames().await.unwrap();
    let value = json!({ "parts": [{ "secret": "password" }] });
    act(&session, json!({ "action": "fill", "target": { "css": "#field" }, "value": value })).await;
    loop {
        let seen = frame(&mut frames).await.image;
        assert_ne!(seen, shown, "the secret is seen");
        if seen == covered {
            break;
        }
    }
    // The page renders the field anew, with what stands in it.
    act(&session, json!({ "action": "click", "target": { "css": "#again" } })).await;
    act(&session, json!({ "action": "hover", "target": { "css": "#again" } })).await;
    drop(frames);
    assert_eq!(frame(&mut session.frames().await.unwrap()).await.image, covered);
}
