//! A site of a few pages, and the few lines that every test begins with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aef_browser_cdp::{CdpBrowser, LaunchOptions};
use aef_core::browser::{
    ActionError, ActionRequest, Browser, FileContent, InputGate, NavigationPolicy, Observation,
    ObserveRequest, Performed, SecretSource, Session, SessionOptions,
};
use aef_core::document::{Action, BrowserConfig, Condition};
use aef_core::ids::ExecutionId;
use aef_core::secrets::{SecretError, SecretString};
use async_trait::async_trait;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// An answer of the site.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Option<Duration>,
    /// The header without which nothing is shown.
    key: Option<&'static str>,
}

/// A web server that answers with fixed pages and remembers what it was asked.
#[derive(Debug)]
pub(crate) struct Site {
    port: u16,
    hits: watch::Sender<Vec<String>>,
    task: tokio::task::JoinHandle<()>,
}

impl Page {
    pub(crate) fn html(body: &str) -> Self {
        Self::new(200, "text/html; charset=utf-8", body)
    }

    pub(crate) fn new(status: u16, media_type: &str, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), media_type.to_owned())];
        Self { status, headers, body: body.as_bytes().to_vec(), delay: None, key: None }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn late(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Shows the page only to whoever says that this is so, by HTTP authentication.
    pub(crate) fn protected(mut self, authorization: &'static str) -> Self {
        self.key = Some(authorization);
        self
    }

    /// A page whose answer never comes.
    pub(crate) fn never() -> Self {
        Self::html("").late(Duration::from_secs(3600))
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self::new(302, "text/plain", "").header("location", to)
    }
}

impl Site {
    /// Serves the pages by their paths. `{port}` in a page stands for the site's own port.
    pub(crate) async fn serve(pages: impl IntoIterator<Item = (impl Into<String>, Page)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pages: HashMap<String, Page> =
            pages.into_iter().map(|(path, page)| (path.into(), page)).collect();
        let pages = Arc::new(pages);
        let hits = watch::Sender::default();
        let seen = hits.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&pages), seen.clone(), port));
            }
        });
        Self { port, hits, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn origin(&self) -> String {
        self.url("")
    }

    /// The same site under another host name.
    pub(crate) fn local_origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Method and path of every request so far, but for icons.
    pub(crate) fn hits(&self) -> Vec<String> {
        self.hits.borrow().iter().filter(|hit| !hit.contains("favicon")).cloned().collect()
    }

    /// Returns when the site has been asked for a path so many times.
    pub(crate) async fn asked(&self, path: &str, times: usize) {
        let is_it = |hit: &&String| hit.split_once(' ').is_some_and(|(_, asked)| asked == path);
        let mut hits = self.hits.subscribe();
        let asked = hits.wait_for(|hits| hits.iter().filter(is_it).count() >= times);
        tokio::time::timeout(Duration::from_secs(30), asked).await.expect("the page asks").unwrap();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    mut stream: TcpStream,
    pages: Arc<HashMap<String, Page>>,
    hits: watch::Sender<Vec<String>>,
    port: u16,
) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => head.extend_from_slice(&buffer[..read]),
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut words = text.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    hits.send_modify(|hits| hits.push(format!("{method} {path}")));
    let bare = path.split('?').next().unwrap_or_default();
    let missing = Page::new(404, "text/html", "<title>missing</title>");
    let mut page = pages.get(bare).cloned().unwrap_or(missing);
    if page.key.is_some_and(|key| !text.contains(key)) {
        page = Page::html("<title>Locked</title>").header("www-authenticate", "Basic realm=\"site\"");
        page.status = 401;
    }
    if let Some(delay) = page.delay {
        tokio::time::sleep(delay).await;
    }
    let body = match String::from_utf8(page.body.clone()) {
        Ok(text) => text.replace("{port}", &port.to_string()).into_bytes(),
        Err(_) => page.body,
    };
    let mut answer =
        format!("HTTP/1.1 {} -\r\nconnection: close\r\ncontent-length: {}\r\n", page.status, body.len());
    for (name, value) in &page.headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    answer.push_str("\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.write_all(&body).await;
    let _ = stream.shutdown().await;
}

/// Secrets that every page may ask for.
#[derive(Debug)]
struct Secrets;

#[async_trait]
impl SecretSource for Secrets {
    async fn reveal(&self, name: &str, origin: &str) -> Result<SecretString, SecretError> {
        if name == "password" && origin.starts_with("http://127.0.0.1:") {
            return Ok(SecretString::from("correct horse"));
        }
        Err(SecretError::OriginRefused { name: name.to_owned(), origin: origin.to_owned() })
    }
}

pub(crate) fn launch_options() -> LaunchOptions {
    LaunchOptions { no_sandbox: true, ..LaunchOptions::default() }
}

/// A full Chromium, as people have it, but without a window.
pub(crate) fn full_browser() -> LaunchOptions {
    let names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = places.find(|place| place.is_file()).expect("`apt install chromium` provides a full browser");
    LaunchOptions { executable: Some(found), ..launch_options() }
}

pub(crate) async fn browser() -> CdpBrowser {
    CdpBrowser::launch(launch_options())
        .await
        .expect("`apt install chromium chromium-headless-shell` provides the browser")
}

pub(crate) fn options(origins: &[String]) -> SessionOptions {
    SessionOptions {
        execution: ExecutionId::generate(),
        config: BrowserConfig::default(),
        timezone: None,
        policy: NavigationPolicy {
            allowed_origins: origins.to_vec(),
            allowed_private_origins: origins.to_vec(),
            ..NavigationPolicy::default()
        },
        restore: None,
        url: None,
    }
}

/// A session that may open the site, with a page of it open.
pub(crate) async fn open(browser: &CdpBrowser, site: &Site, path: &str) -> Arc<dyn Session> {
    let options = SessionOptions { url: Some(site.url(path)), ..options(&[site.origin()]) };
    browser.open(options).await.unwrap()
}

pub(crate) fn request(action: Value) -> ActionRequest {
    let action: Action = serde_json::from_value(action).unwrap();
    let timeout = action.timeout.map_or(Duration::from_secs(10), |timeout| timeout.0);
    ActionRequest { action, timeout, gate: InputGate::open(), secrets: Arc::new(Secrets), files: Vec::new() }
}

pub(crate) async fn perform(session: &Arc<dyn Session>, action: Value) -> Result<Performed, ActionError> {
    session.perform(request(action)).await
}

/// A file to be uploaded.
pub(crate) fn note() -> FileContent {
    FileContent { name: "note.txt".into(), media_type: "text/plain".into(), bytes: "hello".into() }
}

/// Performs an action that must succeed.
pub(crate) async fn act(session: &Arc<dyn Session>, action: Value) -> Performed {
    let shown = action.to_string();
    perform(session, action).await.unwrap_or_else(|error| panic!("{shown}: {error} ({:?})", error.effect))
}

/// Performs an action that must fail.
pub(crate) async fn fail(session: &Arc<dyn Session>, action: Value) -> ActionError {
    let shown = action.to_string();
    match perform(session, action).await {
        Ok(performed) => panic!("{shown} succeeded: {performed:?}"),
        Err(error) => error,
    }
}

pub(crate) async fn observe(session: &Arc<dyn Session>, conditions: Value, timeout: Duration) -> Observation {
    let conditions: Vec<Condition> = serde_json::from_value(conditions).unwrap();
    session.observe(ObserveRequest { conditions, timeout }).await.unwrap()
}

/// The text of an element.
pub(crate) async fn text(session: &Arc<dyn Session>, css: &str) -> String {
    let read = serde_json::json!({ "action": "extract", "target": { "css": css }, "as": "text" });
    act(session, read).await.value.unwrap().as_str().unwrap().to_owned()
}
