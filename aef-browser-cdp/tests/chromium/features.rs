//! What a browser offers beside pages: choosers of files, logins of its own, places, permissions, complaints of scripts.

use std::time::{Duration, Instant};

use aef_core::browser::{Browser, Effect, FileContent, SessionOptions};
use aef_core::recovery::ErrorKind;
use serde_json::{Value, json};

use crate::support::{Page, Site, act, browser, fail, open, options, perform, request, text};

fn click(css: &str) -> Value {
    json!({ "action": "click", "target": { "css": css } })
}

fn upload(css: &str, names: &[&str], timeout: &str) -> aef_core::browser::ActionRequest {
    let files: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut upload =
        request(json!({ "action": "upload", "target": { "css": css }, "files": files, "timeout": timeout }));
    let content = |name: &&str| FileContent {
        name: (*name).into(),
        media_type: "text/plain".into(),
        bytes: "hello".into(),
    };
    upload.files = names.iter().map(content).collect();
    upload
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_chooser_is_answered_by_an_upload() {
    let page = r#"<p id=out></p><button id=many onclick="choose(true)">many</button><button id=one onclick="choose(false)">one</button>
<button id=none>none</button><script>function choose(multiple) {
  const input = document.createElement("input");
  Object.assign(input, { type: "file", multiple, onchange: () => (out.textContent = [...input.files].map((file) => file.name).join(" ")) });
  input.click();
}</script>"#;
    let site = Site::serve([("/", Page::html(page))]).await;
    let browser = browser().await;
    let session = open(&browser, &site, "/").await;
    session.perform(upload("#many", &["a.txt", "b.txt"], "10s")).await.unwrap();
    assert_eq!(text(&session, "#out").await, "a.txt b.txt");
    session.perform(upload("#one", &["c.txt"], "10s")).await.unwrap();
    assert_eq!(text(&session, "#out").await, "c.txt");
    for (css, names) in [("#one", ["a.txt", "b.txt"].as_slice()), ("#none", &["a.txt"])] {
        let refused = session.perform(upload(css, names, "2s")).await.unwrap_err();
        assert_eq!(refused.failure.reason.as_deref(), Some("wrong_element"), "{css}: {refused}");
        assert_eq!(refused.effect, Effect::Possible, "{css}");
    }
    // One that nobody has asked for holds nothing up, and is told.
    let outcome = act(&session, click("#one")).await.outcome;
    assert!(outcome.notes.iter().any(|note| note.code == "file_chooser"), "{:?}", outcome.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_scripts_complain_of_is_told_with_the_action_and_without_secrets() {
    let page = r#"<input id=word><button id=throw onclick="null.field">throw</button>
<button id=reject onclick="Promise.reject(new Error('not kept'))">reject</button>
<button id=log onclick="console.log('fine'); console.error('went wrong', { at: 7 }, word.value); alert(word.value)">log</button>
<button id=flood onclick="for (let i = 0; i < 1000; i++) console.error('again ' + i)">flood</button>"#;
    let site = Site::serve([("/", Page::html(page))]).await;
    let browser = browser().await;
    let session = open(&browser, &site, "/").await;
    let told = async |css: &str, code: &str| {
        let outcome = act(&session, click(css)).await.outcome;
        let notes = outcome.notes.into_iter().filter(|note| note.code == code);
        (notes.map(|note| note.message).collect::<Vec<_>>(), outcome.dialogs)
    };
    assert!(told("#throw", "page_error").await.0[0].starts_with("TypeError: "));
    // The browser tells of a rejection in a task of its own, which may come after the click has ended: the next action tells it then.
    let mut rejected = told("#reject", "page_error").await.0;
    let until = Instant::now() + Duration::from_secs(30);
    while rejected.is_empty() && Instant::now() < until {
        rejected = told("#word", "page_error").await.0;
    }
    assert_eq!(rejected, ["Error: not kept"]);
    let secret = json!({ "parts": [{ "secret": "password" }] });
    act(&session, json!({ "action": "fill", "target": { "css": "#word" }, "value": secret })).await;
    let (errors, dialogs) = told("#log", "console_error").await;
    assert_eq!(errors, ["went wrong Object •••"]);
    assert_eq!(dialogs[0].message, "•••");
    assert_eq!(told("#flood", "console_error").await.0.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_told_the_place_and_have_the_permissions_that_are_given() {
    let page = r#"<p id=place>-</p><p id=clipboard>-</p><script>
navigator.geolocation.getCurrentPosition(({ coords: { latitude, longitude, accuracy } }) =>
  (place.textContent = [latitude, longitude, accuracy].join(" ")), (error) => (place.textContent = "error " + error.code));
navigator.permissions.query({ name: "clipboard-read" }).then(({ state }) => (clipboard.textContent = state));
</script>"#;
    let site = Site::serve([("/", Page::html(page))]).await;
    let browser = browser().await;
    let mut given = options(&[site.origin()]);
    given.config = serde_json::from_value(json!({
        "geolocation": { "latitude": 52.5, "longitude": 13.25, "accuracy": 5.0 }, "permissions": ["clipboard_read"],
    }))
    .unwrap();
    let told = async |options: SessionOptions, css: &str, text: &str| {
        let session = browser.open(SessionOptions { url: Some(site.url("/")), ..options }).await.unwrap();
        let condition = json!({ "text": { "target": { "css": css }, "equals": text } });
        act(&session, json!({ "action": "wait_for", "condition": condition })).await;
    };
    told(given.clone(), "#place", "52.5 13.25 5").await;
    told(given, "#clipboard", "granted").await;
    told(options(&[site.origin()]), "#place", "error 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_name_and_password_is_told_them_on_the_secrets_origins() {
    let inside = Page::html("<title>In</title><h1>In</h1>").protected("Basic dGVzdGVyOmNvcnJlY3QgaG9yc2U=");
    let site = Site::serve([("/", inside)]).await;
    let browser = browser().await;
    let session = async |credentials: Option<Value>| {
        let mut options = options(&[site.origin()]);
        options.config = serde_json::from_value(json!({ "credentials": credentials })).unwrap();
        browser.open(options).await.unwrap()
    };
    let navigate = json!({ "action": "navigate", "url": site.url("/") });
    let logged_in = session(Some(json!({ "username": "tester", "secret": "password" }))).await;
    let outcome = act(&logged_in, navigate.clone()).await.outcome;
    assert_eq!((outcome.title.as_str(), outcome.status), ("In", Some(200)));
    // A wrong name is not tried for ever, a secret that is not for this origin not at all.
    for (username, secret) in [("somebody", "password"), ("tester", "other")] {
        let stranger = session(Some(json!({ "username": username, "secret": secret }))).await;
        let error = fail(&stranger, navigate.clone()).await;
        assert_eq!(
            (error.failure.kind, error.failure.reason.as_deref()),
            (ErrorKind::HttpStatus, Some("401"))
        );
        let refused = error.outcome.notes.iter().any(|note| note.code == "credentials");
        assert_eq!(refused, secret == "other", "{:?}", error.outcome.notes);
    }
    let nobody = session(None).await;
    let error = perform(&nobody, navigate).await.unwrap_err();
    assert_eq!(error.failure.reason.as_deref(), Some("401"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_element_in_a_frame_has_its_picture() {
    let inner = "<style>* { margin: 0 }</style><p style='height:700px'></p><div id=it style='width:50px;height:40px;background:#c00'></div><p style='height:700px'></p>";
    let outer = "<p style='height:900px'></p><iframe src=/inner style='width:300px;height:200px;margin:13px;border:7px solid;padding:3px'></iframe>\
        <iframe src='http://localhost:{port}/inner' style='width:300px;height:200px;margin:13px;border:7px solid'></iframe>";
    let site = Site::serve([("/", Page::html(outer)), ("/inner", Page::html(inner))]).await;
    let browser = browser().await;
    let both = options(&[site.origin(), site.local_origin()]);
    let session = browser.open(SessionOptions { url: Some(site.url("/inner")), ..both }).await.unwrap();
    let picture = async |target: Value| {
        let shot = act(&session, json!({ "action": "screenshot", "target": target })).await;
        shot.file.unwrap().bytes
    };
    let alone = picture(json!({ "css": "#it" })).await;
    act(&session, json!({ "action": "navigate", "url": site.url("/") })).await;
    for nth in 0..2 {
        let frame = json!({ "css": "iframe", "nth": nth });
        let framed = picture(json!({ "css": "#it", "frame": frame })).await;
        assert_eq!(framed, alone, "frame {nth}");
    }
}
