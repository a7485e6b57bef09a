use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aef_core::browser::{Browser, Effect, FileContent, InputGate, Session};
use aef_core::recovery::ErrorKind;
use serde_json::json;

use crate::support::{Page, Site, act, browser, fail, observe, open, options, request, text};

const FORM: &str = r#"<title>Form</title>
<p id=log></p>
<label>Name <input id=name></label>
<label>Age <input id=age type=number></label>
<label>Born <input id=born type=date></label>
<label>Word <input id=word type=password></label>
<label>Phone <input id=phone oninput="this.value = this.value.replace(/\D/g, '').replace(/(\d{3})(?=\d)/g, '$1-')"></label>
<label>Willful <input id=willful oninput="this.value = 'no'"></label>
<label>Colour <select id=colour><option value=r>Red<option value=g>Green</select></label>
<label><input type=checkbox id=agree> Agree</label>
<button id=b onclick="log.textContent += 'click ' + event.detail + event.button + (event.shiftKey ? 's' : '') + ';'">Press me</button>
<button disabled>Not yet</button>
<button class=twin>Twin</button><button class=twin>Twin</button>
<div style="position:relative;width:200px;height:40px"><button id=under>Under</button>
<div id=cover style="position:absolute;inset:0;background:#fff8"></div></div>
<div id=hover onmouseover="log.textContent += 'over;'">hover me</div>
<input id=keys onkeydown="log.textContent += event.key + ';'">
<p id=long style="margin-top:3000px">far down</p>
<script>b.ondblclick = () => log.textContent += 'double;'</script>"#;

async fn form() -> (aef_browser_cdp::CdpBrowser, Site, Arc<dyn Session>) {
    let site = Site::serve([("/", Page::html(FORM))]).await;
    let browser = browser().await;
    let session = open(&browser, &site, "/").await;
    (browser, site, session)
}

async fn value(session: &Arc<dyn Session>, css: &str) -> serde_json::Value {
    let read = json!({ "action": "extract", "target": { "css": css }, "read": "value", "as": "v" });
    act(session, read).await.value.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn clicks_arrive_as_they_were_meant() {
    let (_browser, _site, session) = form().await;
    let target = json!({ "role": "button", "name": "Press me" });
    let click = act(&session, json!({ "action": "click", "target": target })).await.outcome;
    assert!(click.matched.unwrap().contains("Press me"));
    assert!(!click.navigated && click.writes.is_empty() && click.notes.is_empty());
    act(&session, json!({ "action": "click", "target": target, "count": 2, "modifiers": ["Shift"] })).await;
    assert_eq!(text(&session, "#log").await, "click 10;click 10s;click 20s;double;");
    act(&session, json!({ "action": "hover", "target": { "css": "#hover" } })).await;
    assert!(text(&session, "#log").await.ends_with("over;"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_clicked_is_not_and_says_why() {
    let (_browser, _site, session) = form().await;
    let soon = "400ms";
    let cases = [
        (json!({ "role": "button", "name": "Not yet" }), ErrorKind::NotActionable, Some("disabled")),
        (json!({ "css": "#under" }), ErrorKind::NotActionable, Some("covered")),
        (json!({ "css": ".twin" }), ErrorKind::Ambiguous, None),
        (json!({ "css": "#absent" }), ErrorKind::ElementNotFound, None),
        (json!({ "css": "###" }), ErrorKind::Data, Some("invalid_locator")),
    ];
    for (target, kind, reason) in cases {
        let error = fail(&session, json!({ "action": "click", "target": target, "timeout": soon })).await;
        assert_eq!((error.failure.kind, error.failure.reason.as_deref()), (kind, reason), "{error}");
        assert_eq!(error.effect, Effect::None);
    }
    let ranked = json!([{ "css": "#absent" }, { "testId": "b" }, { "css": "#b" }]);
    act(&session, json!({ "action": "click", "target": ranked })).await;
    assert_eq!(text(&session, "#log").await, "click 10;");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_that_comes_late_is_waited_for() {
    let (browser, _site, _) = form().await;
    let site = Site::serve([(
        "/",
        Page::html("<div id=log></div><script>setTimeout(() => document.body.innerHTML = '<button onclick=\"document.title = `done`\">Late</button>', 300)</script>"),
    )])
    .await;
    let session = open(&browser, &site, "/").await;
    let click =
        act(&session, json!({ "action": "click", "target": { "role": "button", "name": "Late" } })).await;
    assert_eq!(click.outcome.title, "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_filled_and_read_back() {
    let (_browser, _site, session) = form().await;
    let cases = [
        ("Name", json!("Zoë 🦊 \"x\""), "#name", json!("Zoë 🦊 \"x\"")),
        ("Name", json!("second"), "#name", json!("second")),
        ("Age", json!(42), "#age", json!("42")),
        ("Born", json!("2001-02-03"), "#born", json!("2001-02-03")),
        ("Phone", json!("123456"), "#phone", json!("123-456")),
    ];
    for (label, entered, css, expected) in cases {
        act(&session, json!({ "action": "fill", "target": { "label": label }, "value": entered })).await;
        assert_eq!(value(&session, css).await, expected);
    }
    act(&session, json!({ "action": "clear", "target": { "label": "Name" } })).await;
    assert_eq!(value(&session, "#name").await, json!(""));
    let stubborn =
        json!({ "action": "fill", "target": { "label": "Willful" }, "value": "yes", "timeout": 1 });
    let error = fail(&session, stubborn).await;
    assert_eq!(error.failure.reason.as_deref(), Some("value_rejected"));
    assert_eq!(error.effect, Effect::Possible);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_reach_only_their_origins_and_stand_nowhere_else() {
    let (browser, site, session) = form().await;
    let fill = json!({ "action": "fill", "target": { "label": "Word" }, "value": { "parts": [{ "secret": "password" }, { "text": "!" }] } });
    let performed = act(&session, fill.clone()).await;
    assert!(!format!("{performed:?}").contains("correct horse"));
    let typed =
        json!({ "action": "evaluate", "script": "return document.querySelector('#word').value", "as": "v" });
    let mut allowing = options(&[site.origin(), site.local_origin()]);
    allowing.policy.allow_evaluate = true;
    allowing.url = Some(site.url("/"));
    let probing = browser.open(allowing.clone()).await.unwrap();
    act(&probing, fill.clone()).await;
    assert_eq!(act(&probing, typed).await.value, Some(json!("correct horse!")));

    allowing.url = Some(format!("{}/", site.local_origin()));
    let elsewhere = browser.open(allowing).await.unwrap();
    let error = fail(&elsewhere, fill).await;
    assert_eq!((error.failure.kind, error.effect), (ErrorKind::SecretMissing, Effect::None));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_pressed_and_typed() {
    let (_browser, _site, session) = form().await;
    act(&session, json!({ "action": "type", "target": { "css": "#keys" }, "value": "aB€" })).await;
    assert_eq!(value(&session, "#keys").await, json!("aB€"));
    assert_eq!(text(&session, "#log").await, "a;B;");
    act(&session, json!({ "action": "type", "target": { "css": "#keys" }, "value": "!", "delay": "5ms" }))
        .await;
    act(&session, json!({ "action": "press", "keys": "Control+a" })).await;
    act(&session, json!({ "action": "press", "keys": "Delete", "target": { "css": "#keys" } })).await;
    assert_eq!(value(&session, "#keys").await, json!(""));
    assert!(text(&session, "#log").await.ends_with("!;Control;a;Delete;"));
    let error = fail(&session, json!({ "action": "press", "keys": "Entr" })).await;
    assert_eq!((error.failure.kind, error.failure.reason.as_deref()), (ErrorKind::Data, Some("unknown_key")));
}

#[tokio::test(flavor = "multi_thread")]
async fn options_and_boxes_are_chosen() {
    let (_browser, _site, session) = form().await;
    act(&session, json!({ "action": "select", "target": { "label": "Colour" }, "label": "Green" })).await;
    assert_eq!(value(&session, "#colour").await, json!("g"));
    act(&session, json!({ "action": "select", "target": { "label": "Colour" }, "index": 0 })).await;
    assert_eq!(value(&session, "#colour").await, json!("r"));
    let absent =
        json!({ "action": "select", "target": { "label": "Colour" }, "value": "x", "timeout": "300ms" });
    let error = fail(&session, absent).await;
    assert_eq!(
        (error.failure.kind, error.failure.reason.as_deref()),
        (ErrorKind::ElementNotFound, Some("option"))
    );
    let agree = json!({ "label": "Agree" });
    act(&session, json!({ "action": "check", "target": agree })).await;
    act(&session, json!({ "action": "check", "target": agree })).await;
    assert!(observe(&session, json!([{ "checked": agree }]), Duration::ZERO).await.results[0].holds);
    act(&session, json!({ "action": "uncheck", "target": agree })).await;
    assert!(!observe(&session, json!([{ "checked": agree }]), Duration::ZERO).await.results[0].holds);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shut_gate_lets_no_input_through() {
    let (_browser, _site, session) = form().await;
    let target = json!({ "role": "button", "name": "Press me" });
    for action in [
        json!({ "action": "click", "target": target }),
        json!({ "action": "press", "keys": "Enter", "target": target }),
        json!({ "action": "fill", "target": { "label": "Name" }, "value": "x" }),
        json!({ "action": "check", "target": { "label": "Agree" } }),
    ] {
        let mut late = request(action);
        late.gate = InputGate::new(|| Duration::ZERO);
        let error = session.perform(late).await.unwrap_err();
        assert_eq!(error.failure.reason.as_deref(), Some("lease_ended"), "{error}");
        assert_eq!(error.effect, Effect::None);
    }
    // Shut after the page has prepared and before the input is written.
    let asked = Arc::new(AtomicBool::new(false));
    let mut late = request(json!({ "action": "click", "target": target }));
    late.gate = InputGate::new(move || {
        if asked.swap(true, Ordering::SeqCst) { Duration::ZERO } else { Duration::from_secs(60) }
    });
    let error = session.perform(late).await.unwrap_err();
    assert_eq!((error.failure.reason.as_deref(), error.effect), (Some("lease_ended"), Effect::None));
    assert_eq!(text(&session, "#log").await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_answered_waited_for_and_verified() {
    let (_browser, _site, session) = form().await;
    let observed = observe(
        &session,
        json!([
            { "visible": { "css": "#b" } },
            { "hidden": { "css": "#b" } },
            { "title": { "equals": "Form" } },
            { "not": { "url": { "contains": "elsewhere" } } },
            { "text": { "target": { "css": ".twin" }, "equals": "Twin" } },
            { "count": { "target": { "css": ".twin" }, "equals": 2 } },
        ]),
        Duration::ZERO,
    )
    .await;
    let holds: Vec<bool> = observed.results.iter().map(|result| result.holds).collect();
    assert_eq!(holds, [true, false, true, true, false, true]);
    assert!(!observed.results[4].detail.is_empty());
    assert_eq!(observed.title, "Form");

    let wrong = json!([{ "text": { "target": { "css": "#long" }, "equals": "near" } }]);
    let error = fail(&session, json!({ "action": "verify", "conditions": wrong, "timeout": "300ms" })).await;
    assert_eq!((error.failure.kind, error.effect), (ErrorKind::VerificationFailed, Effect::None));
    let soft =
        act(&session, json!({ "action": "verify", "conditions": wrong, "soft": true, "timeout": "300ms" }))
            .await;
    assert_eq!(soft.outcome.notes[0].code, "verification_failed");
    let waited =
        json!({ "action": "wait_for", "condition": { "visible": { "css": "#never" } }, "timeout": "300ms" });
    let error = fail(&session, waited).await;
    assert_eq!((error.failure.kind, error.failure.transient), (ErrorKind::Timeout, false));
    act(&session, json!({ "action": "wait_for", "duration": "50ms" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_fields_are_read_in_one_call() {
    let site = Site::serve([(
        "/",
        Page::html("<ul><li data-id=1><b>Ada</b> <i>12.50 €</i><li data-id=2><b>Bob</b></ul>"),
    )])
    .await;
    let browser = browser().await;
    let session = open(&browser, &site, "/").await;
    let extract = json!({ "action": "extract", "list": { "css": "li" }, "as": "rows", "minItems": 2, "fields": {
        "id": { "attribute": "data-id" }, "name": { "css": "b" }, "price": { "css": "i", "read": "number" } } });
    let rows = act(&session, extract).await.value.unwrap();
    assert_eq!(
        rows,
        json!([{ "id": "1", "name": "Ada", "price": 12.5 }, { "id": "2", "name": "Bob", "price": null }])
    );
    let more = json!({ "action": "extract", "list": { "css": "li" }, "as": "rows", "minItems": 3, "timeout": "200ms" });
    let error = fail(&session, more).await;
    assert_eq!((error.failure.kind, error.failure.reason.as_deref()), (ErrorKind::Data, Some("too_few")));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_scroll_and_texts_are_selected() {
    let (_browser, _site, session) = form().await;
    act(&session, json!({ "action": "scroll", "to": "bottom" })).await;
    act(&session, json!({ "action": "scroll", "target": { "css": "#b" } })).await;
    act(&session, json!({ "action": "scroll", "until": { "visible": { "css": "#long" } } })).await;
    act(&session, json!({ "action": "select_text", "target": { "css": "#long" }, "text": "down" })).await;
    let never = json!({ "action": "scroll", "until": { "visible": { "css": "#never" } }, "max": 2 });
    assert_eq!(fail(&session, never).await.failure.kind, ErrorKind::Timeout);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_show_what_they_may() {
    let (_browser, _site, session) = form().await;
    let sized = |file: &FileContent| {
        let number = |at: usize| u32::from_be_bytes(file.bytes[at..at + 4].try_into().unwrap());
        (number(16), number(20))
    };
    let view = act(&session, json!({ "action": "screenshot" })).await.file.unwrap();
    assert_eq!((view.media_type.as_str(), sized(&view)), ("image/png", (1280, 720)));
    let whole = act(&session, json!({ "action": "screenshot", "fullPage": true })).await.file.unwrap();
    assert!(sized(&whole).1 > 3000);
    let one = json!({ "action": "screenshot", "target": { "css": "#cover" } });
    assert_eq!(sized(&act(&session, one).await.file.unwrap()), (200, 40));
    let jpeg = act(&session, json!({ "action": "screenshot", "format": "jpeg" })).await.file.unwrap();
    assert_eq!(&jpeg.bytes[..2], [0xff, 0xd8]);
    let masked =
        json!({ "action": "screenshot", "target": { "css": "#cover" }, "mask": [{ "css": "#under" }] });
    let plain = json!({ "action": "screenshot", "target": { "css": "#cover" } });
    let (masked, plain) =
        (act(&session, masked).await.file.unwrap(), act(&session, plain).await.file.unwrap());
    assert_ne!(masked.bytes, plain.bytes);
    // The mask is gone from the page with the picture.
    let again =
        act(&session, json!({ "action": "screenshot", "target": { "css": "#cover" } })).await.file.unwrap();
    assert_eq!(again.bytes, plain.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_a_modal_dialog_is_masked_in_evidence() {
    let page = "<dialog id=d><input type=password value=x style='width:200px;height:50px;background:#f00;border:0'></dialog><script>d.showModal()</script>";
    let site =
        Site::serve([("/", Page::html(page)), ("/other", Page::html(&page.replace("#f00", "#00f")))]).await;
    let browser = browser().await;
    let session = open(&browser, &site, "/").await;
    let capture =
        |format| aef_core::browser::CaptureRequest { screenshot: Some(format), ..Default::default() };
    let png = aef_core::document::ImageFormat::Png;
    let red = session.capture(capture(png)).await.unwrap().screenshot.unwrap();
    act(&session, json!({ "action": "navigate", "url": site.url("/other") })).await;
    let blue = session.capture(capture(png)).await.unwrap().screenshot.unwrap();
    // Fields of different colours look the same, for nothing of them is seen.
    assert_eq!(red.bytes, blue.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_both_ways() {
    let site = Site::serve([
        (
            "/",
            Page::html("<input type=file id=f onchange=\"f.files[0].text().then(t => document.title = f.files[0].name + ':' + t)\"><a href=/data>get</a>"),
        ),
        ("/data", Page::new(200, "text/csv", "a,b\n1,2\n").header("content-disposition", "attachment; filename=\"../data.csv\"")),
    ])
    .await;
    let browser = browser().await;
    let session = open(&browser, &site, "/").await;
    let mut upload = request(json!({ "action": "upload", "target": { "css": "#f" }, "files": ["x"] }));
    upload.files =
        vec![FileContent { name: "note.txt".into(), media_type: "text/plain".into(), bytes: "hello".into() }];
    session.perform(upload).await.unwrap();
    act(&session, json!({ "action": "wait_for", "condition": { "title": { "equals": "note.txt:hello" } } }))
        .await;

    let download = json!({ "action": "download", "click": { "target": { "role": "link" } }, "as": "file" });
    let file = act(&session, download).await.file.unwrap();
    assert_eq!((&*file.bytes, file.media_type.as_str()), (b"a,b\n1,2\n".as_slice(), "text/csv"));
    assert!(!file.name.contains('/') && file.name.ends_with("data.csv"), "{}", file.name);
    // Without being asked for, a download is refused and told.
    let click = act(&session, json!({ "action": "click", "target": { "role": "link" } })).await.outcome;
    assert!(click.notes.iter().any(|note| note.code == "download"), "{:?}", click.notes);
    assert_eq!(click.url, site.url("/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn things_are_dragged_by_mouse_and_by_the_drag_protocol() {
    let site = Site::serve([(
        "/",
        Page::html(
            "<div id=a draggable=true style='width:50px;height:50px;background:#f00' ondragstart=\"event.dataTransfer.setData('text', 'cargo')\">a</div>\
             <div id=b style='width:90px;height:90px;background:#0f0' ondragover='event.preventDefault()' ondrop=\"event.preventDefault(); document.title = event.dataTransfer.getData('text')\">b</div>\
             <div id=c style='width:50px;height:50px;background:#00f' onmousedown='window.on = true'>c</div>\
             <div id=d style='width:90px;height:90px' onmouseup=\"document.title = 'slid ' + window.on\">d</div>",
        ),
    )])
    .await;
    let browser = browser().await;
    let session = open(&browser, &site, "/").await;
    act(&session, json!({ "action": "drag", "from": { "css": "#c" }, "to": { "css": "#d" } })).await;
    assert_eq!(observe(&session, json!([]), Duration::ZERO).await.title, "slid true");
    act(&session, json!({ "action": "drag", "from": { "css": "#a" }, "to": { "css": "#b" } })).await;
    assert_eq!(observe(&session, json!([]), Duration::ZERO).await.title, "cargo");
}
