//! A browser with one page, served from this process, and the script in a world of it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    LaunchOptions,
    connection::{Connection, Link},
    launch::{BrowserProcess, launch},
    script::{CALL, SOURCE, WORLD},
};

const LIMIT: Duration = Duration::from_secs(30);

pub(super) struct Laboratory {
    link: Link,
    pages: Arc<Mutex<String>>,
    address: String,
    pub(super) world: i64,
    _process: BrowserProcess,
}

impl Laboratory {
    pub(super) async fn open() -> Self {
        let no_sandbox = rustix::process::geteuid().is_root();
        let options = LaunchOptions { no_sandbox, ..LaunchOptions::default() };
        let (process, endpoint) = launch(&options)
            .await
            .expect("Chromium is installed: apt install chromium chromium-headless-shell");
        let connection = Connection::open(&endpoint, LIMIT).await.unwrap();
        let browser = connection.browser();
        let target = raw(&browser, "Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = raw(&browser, "Target.attachToTarget", attach).await;
        let link = connection.session(attached["sessionId"].as_str().unwrap());
        raw(&link, "Page.enable", json!({})).await;
        // Without it a frame that has no script of its own gets no worlds, and none of ours.
        raw(&link, "Runtime.enable", json!({})).await;
        raw(&link, "Emulation.setFocusEmulationEnabled", json!({"enabled": true})).await;
        let engine = json!({"source": SOURCE, "worldName": WORLD, "runImmediately": true});
        raw(&link, "Page.addScriptToEvaluateOnNewDocument", engine).await;
        let (pages, address) = serve().await;
        Self { link, pages, address, world: 0, _process: process }
    }

    /// Opens a page of this content. The script is in its world before any of the page's own.
    pub(super) async fn load(&mut self, html: &str) {
        *self.pages.lock().unwrap() = html.to_owned();
        raw(&self.link, "Input.dispatchMouseEvent", json!({"type": "mouseMoved", "x": 0, "y": 0})).await;
        let navigated = raw(&self.link, "Page.navigate", json!({"url": self.address})).await;
        assert_eq!(navigated.get("errorText"), None, "{navigated}");
        let loaded = "new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))
            .then(() => null)";
        self.evaluate(loaded).await;
        self.world = self.bare_world(WORLD).await;
    }

    /// A world of the main frame without the script.
    pub(super) async fn bare_world(&self, name: &str) -> i64 {
        let tree = raw(&self.link, "Page.getFrameTree", json!({})).await;
        self.world_of(&tree["frameTree"]["frame"]["id"], name).await
    }

    /// The script's world of the first child frame.
    pub(super) async fn child_world(&self) -> i64 {
        let tree = raw(&self.link, "Page.getFrameTree", json!({})).await;
        self.world_of(&tree["frameTree"]["childFrames"][0]["frame"]["id"], WORLD).await
    }

    async fn world_of(&self, frame: &Value, name: &str) -> i64 {
        let world =
            raw(&self.link, "Page.createIsolatedWorld", json!({"frameId": frame, "worldName": name})).await;
        world["executionContextId"].as_i64().unwrap()
    }

    pub(super) async fn install(&self, world: i64) {
        let installed =
            raw(&self.link, "Runtime.evaluate", json!({"expression": SOURCE, "contextId": world})).await;
        assert_eq!(installed.get("exceptionDetails"), None, "{installed}");
    }

    /// Calls an operation in the main frame.
    pub(super) async fn call(&self, operation: &str, request: &Value) -> Value {
        self.call_in(self.world, operation, request, None).await
    }

    pub(super) async fn call_in(
        &self,
        world: i64,
        operation: &str,
        request: &Value,
        element: Option<&str>,
    ) -> Value {
        self.function(world, operation, request, element, true).await["value"].take()
    }

    /// Calls an operation that answers with an element.
    pub(super) async fn handle(&self, operation: &str, request: &Value) -> Value {
        self.handle_in(self.world, operation, request).await
    }

    pub(super) async fn handle_in(&self, world: i64, operation: &str, request: &Value) -> Value {
        self.function(world, operation, request, None, false).await
    }

    async fn function(
        &self,
        world: i64,
        operation: &str,
        request: &Value,
        element: Option<&str>,
        by_value: bool,
    ) -> Value {
        let mut arguments = vec![json!({"value": operation}), json!({"value": request})];
        arguments.extend(element.map(|id| json!({"objectId": id})));
        let call = json!({
            "functionDeclaration": CALL, "executionContextId": world, "arguments": arguments,
            "awaitPromise": true, "returnByValue": by_value,
        });
        let mut answer = raw(&self.link, "Runtime.callFunctionOn", call).await;
        assert_eq!(answer.get("exceptionDetails"), None, "{answer}");
        answer["result"].take()
    }

    /// Evaluates in the page's own world.
    pub(super) async fn evaluate(&self, expression: &str) -> Value {
        let evaluation = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = raw(&self.link, "Runtime.evaluate", evaluation).await;
        assert_eq!(answer.get("exceptionDetails"), None, "{expression}: {answer}");
        answer["result"].get_mut("value").map(Value::take).unwrap_or_default()
    }

    pub(super) async fn hover(&self, point: &Value) {
        self.mouse("mouseMoved", point, "none").await;
    }

    pub(super) async fn click(&self, point: &Value) {
        self.hover(point).await;
        self.mouse("mousePressed", point, "left").await;
        self.mouse("mouseReleased", point, "left").await;
    }

    async fn mouse(&self, kind: &str, point: &Value, button: &str) {
        let count = i32::from(button != "none");
        let event =
            json!({"type": kind, "x": point["x"], "y": point["y"], "button": button, "clickCount": count});
        raw(&self.link, "Input.dispatchMouseEvent", event).await;
    }

    pub(super) async fn insert_text(&self, text: &str) {
        raw(&self.link, "Input.insertText", json!({"text": text})).await;
    }

    /// Presses and releases a key; one of a single character enters it.
    pub(super) async fn press(&self, key: &str) {
        let down = if key.chars().count() == 1 {
            json!({"type": "keyDown", "key": key, "text": key})
        } else {
            json!({"type": "rawKeyDown", "key": key})
        };
        raw(&self.link, "Input.dispatchKeyEvent", down).await;
        raw(&self.link, "Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key})).await;
    }
}

async fn raw(link: &Link, method: &'static str, params: Value) -> Value {
    let answer = link.call_raw(method, &params, LIMIT).await.unwrap();
    serde_json::from_str(answer.get()).unwrap()
}

/// Serves the page under `/page` on the loopback interface, and nothing else.
async fn serve() -> (Arc<Mutex<String>>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/page", listener.local_addr().unwrap());
    let pages = Arc::new(Mutex::new(String::new()));
    let served = Arc::clone(&pages);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&served)));
        }
    });
    (pages, address)
}

/// Answers one request. A browser that goes away in the middle is no concern of the test.
async fn answer(mut stream: TcpStream, pages: Arc<Mutex<String>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let known = request.starts_with(b"GET /page ");
    let (status, body) =
        if known { ("200 OK", pages.lock().unwrap().clone()) } else { ("404 Not Found", String::new()) };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}
