use std::time::{Duration, Instant};

use aef_core::browser::{Browser, Effect};
use aef_core::recovery::ErrorKind;
use serde_json::json;

use crate::support::{Page, Site, act, browser, fail, open, options, text};

async fn site() -> Site {
    Site::serve([
        ("/", Page::html("<title>Start</title><h1>Start</h1><a href='/next'>next</a><p style='height:3000px'>")),
        ("/next", Page::html("<title>Next</title><h1>Next</h1><a href='/'>start</a>")),
        ("/none", Page::new(204, "text/plain", "")),
        ("/file", Page::new(200, "text/plain", "abc").header("content-disposition", "attachment; filename=a.txt")),
        ("/frame", Page::html("<title>Frame</title><h1>Framed</h1><iframe src='/hang'></iframe>")),
        ("/hang", Page::never()),
        ("/slow", Page::html("<title>Slow</title><h1>Slow</h1>").late(Duration::from_millis(600))),
        ("/moved", Page::redirect("/next")),
        ("/round", Page::redirect("/round")),
        ("/broken", Page::new(503, "text/html", "<title>Broken</title>")),
        ("/script", Page::html("<script>location.replace('/next')</script>")),
        ("/busy", Page::html("<title>Busy</title><script>let n = 0; const ask = () => { if (n++ < 4) fetch('/next').then(r => r.text()).then(() => setTimeout(ask, 100)); else document.title = 'Idle' }; ask()</script>")),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_every_kind_end_soon_and_are_told_apart() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let started = Instant::now();

    let next = act(&session, json!({ "action": "navigate", "url": site.url("/next") })).await.outcome;
    assert_eq!((next.title.as_str(), next.status, next.navigated), ("Next", Some(200), true));
    assert_eq!(next.url, site.url("/next"));

    let hash = act(&session, json!({ "action": "navigate", "url": site.url("/next#part") })).await.outcome;
    assert_eq!(hash.url, site.url("/next#part"));

    let none = act(&session, json!({ "action": "navigate", "url": site.url("/none") })).await.outcome;
    assert_eq!((none.status, none.url), (Some(204), site.url("/next#part")));
    assert_eq!(none.notes[0].code, "no_content");

    let file = act(&session, json!({ "action": "navigate", "url": site.url("/file") })).await.outcome;
    assert_eq!(file.url, site.url("/next#part"));
    assert!(file.notes.iter().any(|note| note.code == "download"), "{:?}", file.notes);

    let moved = act(&session, json!({ "action": "navigate", "url": site.url("/moved") })).await.outcome;
    assert_eq!((moved.status, moved.url), (Some(200), site.url("/next")));

    let slow = act(&session, json!({ "action": "navigate", "url": site.url("/slow") })).await.outcome;
    assert_eq!(slow.title, "Slow");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_hangs_costs_the_cap_and_not_the_page() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let framed = act(&session, json!({ "action": "navigate", "url": site.url("/frame") })).await.outcome;
    assert_eq!(framed.notes[0].code, "load_incomplete");
    assert!((5000..7000).contains(&framed.duration_ms), "{}", framed.duration_ms);
    let parsed =
        json!({ "action": "navigate", "url": site.url("/frame"), "waitUntil": "dom_content_loaded" });
    let parsed = act(&session, parsed).await.outcome;
    assert!(parsed.duration_ms < 2000 && parsed.notes.is_empty());
    assert_eq!(text(&session, "h1").await, "Framed");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_navigation_have_kinds() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;

    let missing = fail(&session, json!({ "action": "navigate", "url": site.url("/missing") })).await;
    assert_eq!((missing.failure.kind, missing.failure.transient), (ErrorKind::HttpStatus, false));
    assert_eq!(missing.failure.reason.as_deref(), Some("404"));
    let allowed = json!({ "action": "navigate", "url": site.url("/missing"), "allowStatus": [404] });
    assert_eq!(act(&session, allowed).await.outcome.status, Some(404));

    let broken = fail(&session, json!({ "action": "navigate", "url": site.url("/broken") })).await;
    assert_eq!((broken.failure.kind, broken.failure.transient), (ErrorKind::HttpStatus, true));

    let round = fail(&session, json!({ "action": "navigate", "url": site.url("/round") })).await;
    assert_eq!(round.failure.kind, ErrorKind::Navigation);
    assert_eq!(round.failure.reason.as_deref(), Some("net::ERR_TOO_MANY_REDIRECTS"));

    let hang =
        fail(&session, json!({ "action": "navigate", "url": site.url("/hang"), "timeout": "700ms" })).await;
    assert_eq!((hang.failure.kind, hang.failure.transient), (ErrorKind::Timeout, true));

    // The error is the host's and not that of the way to it.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let origin = format!("http://{nobody}");
    let alone = browser.open(options(std::slice::from_ref(&origin))).await.unwrap();
    let refused = fail(&alone, json!({ "action": "navigate", "url": origin })).await;
    assert_eq!(refused.failure.kind, ErrorKind::Navigation);
    assert_eq!(refused.failure.reason.as_deref(), Some("net::ERR_CONNECTION_REFUSED"));

    // The abandoned navigation stands in nobody's way.
    let next = act(&session, json!({ "action": "navigate", "url": site.url("/next") })).await.outcome;
    assert!(next.duration_ms < 2000);
    let back = fail(&session, json!({ "action": "forward" })).await;
    assert_eq!(back.failure.reason.as_deref(), Some("no_history"));
    assert_eq!(back.effect, Effect::None);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_goes_both_ways_and_pages_reload() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    act(&session, json!({ "action": "navigate", "url": site.url("/next") })).await;
    let back = act(&session, json!({ "action": "back" })).await.outcome;
    assert_eq!((back.title.as_str(), back.navigated), ("Start", true));
    assert_eq!(act(&session, json!({ "action": "forward" })).await.outcome.title, "Next");
    let before = site.hits().len();
    assert_eq!(act(&session, json!({ "action": "reload" })).await.outcome.title, "Next");
    assert_eq!(site.hits().len(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_that_leads_away_returns_when_the_next_document_is_there() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let click = act(&session, json!({ "action": "click", "target": { "role": "link", "name": "next" } }))
        .await
        .outcome;
    assert!(click.navigated);
    assert_eq!((click.url, click.status), (site.url("/next"), Some(200)));
    assert_eq!(text(&session, "h1").await, "Next");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_moves_on_by_script_is_followed() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    act(&session, json!({ "action": "navigate", "url": site.url("/script") })).await;
    assert_eq!(text(&session, "h1").await, "Next");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_network_is_waited_for() {
    let (browser, site) = (browser().await, site().await);
    let session = open(&browser, &site, "/").await;
    let busy = json!({ "action": "navigate", "url": site.url("/busy"), "waitUntil": "network_idle" });
    assert_eq!(act(&session, busy).await.outcome.title, "Idle");
    act(&session, json!({ "action": "wait_for", "load": "network_idle" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opens_with_its_settings() {
    let site = Site::serve([(
        "/",
        Page::html(
            "<p id=out></p><script>out.textContent = [innerWidth, innerHeight, devicePixelRatio, navigator.language, \
             navigator.userAgent, Intl.DateTimeFormat().resolvedOptions().timeZone].join(' ')</script>",
        ),
    )])
    .await;
    let browser = browser().await;
    let mut settings = options(&[site.origin()]);
    settings.config = serde_json::from_value(json!({
        "viewport": { "width": 900, "height": 500 }, "deviceScaleFactor": 2.0, "locale": "de-DE", "userAgent": "tester",
    }))
    .unwrap();
    settings.timezone = Some("Asia/Tokyo".into());
    settings.url = Some(site.url("/"));
    let session = browser.open(settings).await.unwrap();
    assert_eq!(text(&session, "#out").await, "900 500 2 de-DE tester Asia/Tokyo");

    let mut wrong = options(&[site.origin()]);
    wrong.timezone = Some("Moon/Base".into());
    let error = browser.open(wrong).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}
