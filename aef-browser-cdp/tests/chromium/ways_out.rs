//! Every way out of a page that leads where it may not.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aef_browser_cdp::CdpBrowser;
use aef_core::browser::{Browser, SessionOptions};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::support::{Page, Site, act, launch_options, observe, options};

/// Who came to a host.
#[derive(Debug, Default, PartialEq)]
struct Met {
    connections: usize,
    datagrams: usize,
    asked: BTreeSet<String>,
}

/// A host that nobody may speak with. It counts who tries, and hears what they ask for.
struct Forbidden {
    port: u16,
    asked: Arc<Mutex<BTreeSet<String>>>,
    connections: Arc<AtomicUsize>,
    datagrams: Arc<AtomicUsize>,
    tasks: [tokio::task::JoinHandle<()>; 2],
}

impl Forbidden {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket = UdpSocket::bind(("127.0.0.1", port)).await.unwrap();
        let (connections, datagrams) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let asked = Arc::<Mutex<BTreeSet<String>>>::default();
        let (counted, heard) = (Arc::clone(&connections), Arc::clone(&asked));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(hear(stream, Arc::clone(&heard)));
            }
        });
        let counted = Arc::clone(&datagrams);
        let receiving = tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while socket.recv_from(&mut buffer).await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, asked, connections, datagrams, tasks: [accepting, receiving] }
    }

    fn met(&self) -> Met {
        Met {
            connections: self.connections.load(Ordering::SeqCst),
            datagrams: self.datagrams.load(Ordering::SeqCst),
            asked: self.asked.lock().unwrap().clone(),
        }
    }
}

/// Notes what one connection asks for, and answers with nothing.
async fn hear(mut stream: TcpStream, heard: Arc<Mutex<BTreeSet<String>>>) {
    let mut head = [0; 2048];
    let read = stream.read(&mut head).await.unwrap_or(0);
    let text = String::from_utf8_lossy(&head[..read]);
    if let Some(path) = text.split_whitespace().nth(1).filter(|path| path.starts_with('/')) {
        heard.lock().unwrap().insert(path.to_owned());
    }
    let answer = "HTTP/1.1 404 -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    drop(stream.write_all(answer.as_bytes()).await);
}

impl Drop for Forbidden {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Tries each way, by address and by name, and says when all have come to an end.
const PAGE: &str = r##"<!doctype html><title>Trying</title>
<link rel=preconnect href="http://127.0.0.1:{{port}}"><link rel=dns-prefetch href="//localhost:{{port}}">
<link rel=prefetch href="http://127.0.0.1:{{port}}/prefetch"><link rel=preload as=script href="http://127.0.0.1:{{port}}/p.js">
<link rel=stylesheet href="http://127.0.0.1:{{port}}/a.css"><link rel=icon href="http://127.0.0.1:{{port}}/icon">
<link rel=modulepreload href="http://127.0.0.1:{{port}}/m.js"><link rel=manifest href="http://127.0.0.1:{{port}}/manifest">
<style>@import url("http://localhost:{{port}}/b.css"); body { background: url("http://127.0.0.1:{{port}}/c.png") }
@font-face { font-family: f; src: url("http://127.0.0.1:{{port}}/f.woff") } p { font-family: f }</style>
<p>text</p><img src="http://127.0.0.1:{{port}}/i.png" srcset="http://localhost:{{port}}/j.png 2x">
<script src="http://127.0.0.1:{{port}}/s.js"></script><iframe src="http://127.0.0.1:{{port}}/frame"></iframe>
<object data="http://127.0.0.1:{{port}}/o"></object><embed src="http://127.0.0.1:{{port}}/e">
<video src="http://127.0.0.1:{{port}}/v"></video><audio src="http://127.0.0.1:{{port}}/w"></audio>
<link rel=prerender href="http://127.0.0.1:{{port}}/prerender"><link rel=preload as=fetch crossorigin href="http://127.0.0.1:{{port}}/preloaded">
<script type=speculationrules>{ "prefetch": [{ "source": "list", "urls": ["http://127.0.0.1:{{port}}/speculated", "http://localhost:{{port}}/speculated"], "eagerness": "immediate" }],
  "prerender": [{ "source": "list", "urls": ["http://127.0.0.1:{{port}}/prerendered"], "eagerness": "immediate" }] }</script>
<map name=m><area id=area href="#y" ping="http://127.0.0.1:{{port}}/area" shape=rect coords="0,0,9,9"></map><img usemap="#m" width=9 height=9>
<svg><image href="http://127.0.0.1:{{port}}/svg.png"/><use href="http://127.0.0.1:{{port}}/use.svg#a"/></svg>
<input type=image src="http://127.0.0.1:{{port}}/input.png"><video poster="http://localhost:{{port}}/poster"><track default src="http://127.0.0.1:{{port}}/track"></video>
<img src="/away"><a id=ping href="#x" ping="http://127.0.0.1:{{port}}/ping">ping</a>
<form id=form target=there method=post action="http://127.0.0.1:{{port}}/form"><input name=a value=1></form><iframe name=there></iframe>
<script>
const hosts = ["127.0.0.1:{{port}}", "localhost:{{port}}", "[::ffff:127.0.0.1]:{{port}}", "2130706433:{{port}}", "rebound.localhost:{{port}}"];
const settled = (start) => new Promise((done) => { setTimeout(done, 2500); try { start(done); } catch { done(); } });
const worker = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
const ways = hosts.flatMap((host) => [
  (done) => fetch(`http://${host}/fetch`, { mode: "no-cors" }).then(done, done),
  (done) => { const x = new XMLHttpRequest(); x.onloadend = done; x.open("POST", `http://${host}/xhr`); x.send("1"); },
  (done) => { const s = new WebSocket(`ws://${host}/socket`); s.onclose = done; },
  (done) => { const s = new EventSource(`http://${host}/events`); s.onerror = done; },
  (done) => { navigator.sendBeacon(`http://${host}/beacon`, "1"); setTimeout(done, 300); },
  (done) => { const w = new Worker(worker(`fetch("http://${host}/worker", { mode: "no-cors" }).finally(() => postMessage(1)); new WebSocket("ws://${host}/w");`)); w.onmessage = done; },
  (done) => { const w = new SharedWorker(worker(`fetch("http://${host}/shared", { mode: "no-cors" }); new WebSocket("ws://${host}/s");`)); setTimeout(done, 500); },
  (done) => { const p = new RTCPeerConnection({ iceServers: [{ urls: `stun:${host}` }, { urls: `turn:${host}?transport=tcp`, username: "a", credential: "b" }] });
    p.createDataChannel("x"); p.onicecandidate = (e) => e.candidate || done(); p.createOffer().then((o) => p.setLocalDescription(o)); },
  (done) => { const t = new WebTransport(`https://${host}/transport`); t.closed.then(done, done); t.ready.catch(done); },
  (done) => { window.open(`http://${host}/popup`); setTimeout(done, 300); },
  (done) => import(`http://${host}/import`).then(done, done),
  (done) => { const w = new Worker(worker(`try { importScripts("http://${host}/import-scripts"); } catch {} postMessage(1);`)); w.onmessage = done; },
  (done) => { const w = new Worker(worker(`import "http://${host}/worker-import";`), { type: "module" }); w.onmessage = w.onerror = done; },
  (done) => new AudioContext().audioWorklet.addModule(`http://${host}/worklet`).then(done, done),
  (done) => new FontFace("g", `url(http://${host}/face)`).load().then(done, done),
  (done) => navigator.credentials.get({ identity: { providers: [{ configURL: `http://${host}/identity`, clientId: "1" }] } }).then(done, done),
  (done) => { const s = document.createElement("script"); s.type = "speculationrules"; s.text = JSON.stringify({ prefetch: [{ urls: [`http://${host}/speculated-late`], eagerness: "immediate" }] }); document.head.append(s); setTimeout(done, 500); },
  (done) => { const l = document.createElement("link"); l.rel = "preconnect"; l.href = `http://${host}`; document.head.append(l); setTimeout(done, 300); },
  (done) => { fetch(`http://${host}/keepalive`, { mode: "no-cors", keepalive: true }).then(done, done); },
]);
ways.push(async (done) => {
  const registered = await navigator.serviceWorker.register("/worker.js");
  await navigator.serviceWorker.ready;
  navigator.serviceWorker.onmessage = done;
  registered.active.postMessage(hosts);
});
ways.push((done) => { form.submit(); setTimeout(done, 300); });
ways.push((done) => { ping.click(); area.click(); setTimeout(done, 300); });
// What the page's own rules forbid is reported to where its headers say.
ways.push((done) => { new Image().src = "/forbidden.png"; setTimeout(done, 1500); });
ways.push((done) => { const f = document.createElement("iframe"); f.srcdoc = `<meta http-equiv=refresh content="0;url=http://127.0.0.1:{{port}}/meta">`; document.body.append(f); setTimeout(done, 500); });
Promise.all(ways.map(settled)).then(() => (document.title = "Tried"));
</script>"##;

/// Ways of which the test itself must show that they lead somewhere, by what is asked for on them.
const WAYS: [&str; 17] = [
    "/area",
    "/face",
    "/fetch",
    "/identity",
    "/import",
    "/import-scripts",
    "/keepalive",
    "/linked",
    "/ping",
    "/prefetch",
    "/preloaded",
    "/prerendered",
    "/report-uri",
    "/speculated",
    "/speculated-late",
    "/worker-import",
    "/worklet",
];

const WORKER: &str = r#"
self.onactivate = (event) => event.waitUntil(self.clients.claim());
self.onmessage = async ({ data, source }) => {
  for (const host of data) {
    new WebSocket(`ws://${host}/service`).onerror = () => {};
    await fetch(`http://${host}/service`, { mode: "no-cors", method: "POST", body: "1" }).catch(() => {});
  }
  source.postMessage("done");
};"#;

/// The page, with the headers by which a server has its browsers report and prepare.
fn reporting(page: &str, origin: &str) -> Page {
    let secure = origin.replace("http:", "https:");
    let group =
        json!({ "group": "out", "max_age": 600, "endpoints": [{ "url": format!("{secure}/group") }] });
    let log = json!({ "report_to": "out", "max_age": 600, "success_fraction": 1.0, "failure_fraction": 1.0 });
    // With both in one rule the older way is not taken.
    let old = format!("img-src data:; report-uri {origin}/report-uri");
    let links = format!("<{origin}/linked>; rel=preload; as=script, <{origin}>; rel=preconnect");
    Page::html(page)
        .header("content-security-policy-report-only", &old)
        .header("content-security-policy-report-only", "img-src data:; report-to out")
        .header("reporting-endpoints", &format!("out=\"{secure}/endpoint\", default=\"{secure}/default\""))
        .header("report-to", &group.to_string())
        .header("nel", &log.to_string())
        .header("link", &links)
}

async fn tries(allowed: bool) -> (Met, Vec<String>) {
    let forbidden = Forbidden::start().await;
    let origin = format!("http://127.0.0.1:{}", forbidden.port);
    let site = Site::serve([
        ("/", reporting(&PAGE.replace("{{port}}", &forbidden.port.to_string()), &origin)),
        ("/worker.js", Page::new(200, "text/javascript", WORKER)),
        ("/away", Page::redirect(&format!("{origin}/away"))),
    ])
    .await;
    let mut launching = launch_options();
    // Else reports would be sent after a minute.
    launching.args.push("--short-reporting-delay".to_owned());
    let browser = CdpBrowser::launch(launching).await.unwrap();
    let mut options = options(&[site.origin()]);
    options.policy.allow_evaluate = true;
    if allowed {
        options.policy.allowed_private_origins.push(origin);
    }
    let session = browser.open(SessionOptions { url: Some(site.url("/")), ..options }).await.unwrap();
    let tried = observe(&session, json!([{ "title": { "equals": "Tried" } }]), Duration::from_secs(60)).await;
    assert!(tried.results[0].holds, "{:?}", tried.results);
    // What was refused before stands with no action; this one tries once more, and says what became of it.
    let script = format!(
        "return new Promise((done) => {{ const s = new WebSocket('ws://127.0.0.1:{}/again'); \
         s.onerror = s.onclose = () => done(1); setTimeout(() => done(0), 5000); }});",
        forbidden.port
    );
    let outcome =
        act(&session, json!({ "action": "evaluate", "script": script, "as": "ended" })).await.outcome;
    let notes = outcome.notes.into_iter().map(|note| note.message).collect();
    (forbidden.met(), notes)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_leads_out_of_a_page_to_a_private_host() {
    let (met, notes) = tries(false).await;
    assert_eq!(met, Met::default(), "{notes:#?}");
    assert!(notes.iter().any(|note| note.contains("no connection to")), "{notes:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_ways_lead_there_where_the_host_allows_it() {
    let (met, _) = tries(true).await;
    assert!(met.connections >= 10, "the ways are ways: {met:?}");
    for way in WAYS {
        assert!(met.asked.contains(way), "{way} is a way: {met:?}");
    }
}
