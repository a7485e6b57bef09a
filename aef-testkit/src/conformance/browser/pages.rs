//! The pages that the cases visit, on a server of their own.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tokio::sync::oneshot;

/// A server of small pages on a loopback port. Dropping it stops it.
///
/// It has a thread and a runtime of its own, so that a test that is busy, or pauses its clock, does not hold it up.
#[derive(Debug)]
pub struct Pages {
    address: SocketAddr,
    posts: Posts,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

type Posts = Arc<Mutex<BTreeMap<String, u64>>>;

impl Pages {
    /// Starts the server on a free port.
    ///
    /// # Errors
    /// Where there is none, or no thread or runtime can be had.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let posts = Posts::default();
        let router = router(Arc::clone(&posts));
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                served = async { axum::serve(listener, router).await } => served,
                _ = stopped => Ok(()),
            }
        };
        let thread = std::thread::Builder::new().name("conformance-pages".to_owned()).spawn(move || {
            // An error ends the server; the cases then fail because nobody answers.
            let _: io::Result<()> = runtime.block_on(serve);
        })?;
        Ok(Self { address, posts, stop: Some(stop), thread: Some(thread) })
    }

    /// Where the pages are: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often this path has got a POST.
    #[must_use]
    pub fn posts(&self, path: &str) -> u64 {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied().unwrap_or(0)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Where the thread has ended nobody listens, and there is nothing to stop.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened; a drop must not panic again.
            let _ = thread.join();
        }
    }
}

fn router(posts: Posts) -> Router {
    let page = |body: &'static str| get(move || async move { Html(body) });
    Router::new()
        .route("/", page(HOME))
        .route("/second", page(SECOND))
        .route("/buttons", page(BUTTONS))
        .route("/form", page(FORM))
        .route("/places", page(PLACES))
        .route("/list", page(LIST))
        .route("/late", page(LATE))
        .route("/login", page(LOGIN))
        .route("/private", get(private))
        .route("/broken", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, Html("<title>Broken</title>")) }))
        .route("/save", post(count))
        .route("/refused", post(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .with_state(posts)
}

async fn count(State(posts): State<Posts>, url: Uri) -> &'static str {
    *posts.lock().unwrap_or_else(PoisonError::into_inner).entry(url.path().to_owned()).or_default() += 1;
    "saved"
}

async fn private(headers: HeaderMap) -> Response {
    let cookies = headers.get(header::COOKIE).and_then(|cookies| cookies.to_str().ok()).unwrap_or_default();
    if cookies.contains("session=1") {
        Html("<!doctype html><title>Private</title><h1>Private</h1>").into_response()
    } else {
        Redirect::to("/login").into_response()
    }
}

const HOME: &str = "<!doctype html><title>Home</title><h1>Home</h1><a href=/second>Second</a> \
    <a href=/second target=_blank>Beside</a>";

const SECOND: &str = "<!doctype html><title>Second</title><h1>Second</h1><a href=/>Home</a>";

const BUTTONS: &str = r#"<!doctype html><title>Buttons</title><h1>Buttons</h1>
<button onclick="show('shown', 'Shown')">Show</button>
<button onclick="post('/save')">Save</button>
<button onclick="post('/refused')">Refused</button>
<button onclick="if (confirm('Really?')) show('accepted', 'Accepted')">Ask</button>
<button disabled onclick="show('shown', 'Shown')">Disabled</button>
<button data-testid="hidden" style="display: none" onclick="show('shown', 'Shown')">Hidden</button>
<button class="twin" onclick="show('shown', 'Shown')">Twin</button>
<button class="twin" onclick="show('shown', 'Shown')">Twin</button>
<script>
  function show(id, text) {
    const p = document.createElement('p');
    p.dataset.testid = id;
    p.textContent = text;
    document.body.append(p);
  }
  async function post(path) {
    const answer = await fetch(path, { method: 'POST' });
    if (answer.ok) show('saved', 'Saved');
  }
  setTimeout(() => {
    const button = document.createElement('button');
    button.textContent = 'Late';
    button.onclick = () => show('shown', 'Shown');
    document.body.append(button);
  }, 700);
</script>"#;

const FORM: &str = r#"<!doctype html><title>Form</title><h1>Form</h1>
<p><label for="name">Name</label> <input id="name" value="old"></p>
<p><label for="fixed">Fixed</label> <input id="fixed" value="fixed" readonly></p>
<p><label for="password">Password</label> <input id="password" type="password"></p>
<p><label for="colour">Colour</label>
  <select id="colour"><option value="r">Red</option><option value="g">Green</option><option value="b">Blue</option></select></p>
<p><label for="agree">Agree</label> <input id="agree" type="checkbox"></p>
<p><label for="search">Search</label> <input id="search"></p>
<script>
  document.getElementById('search').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    const p = document.createElement('p');
    p.dataset.testid = 'found';
    p.textContent = 'Found ' + event.target.value;
    document.body.append(p);
  });
</script>"#;

const PLACES: &str = r#"<!doctype html><title>Places</title>
<style> input, button { position: absolute; left: 100px; width: 200px; height: 40px; box-sizing: border-box; } </style>
<input aria-label="Name" style="top: 100px">
<button style="top: 200px" onclick="show('shown', 'Shown')">Show</button>
<button style="top: 300px" onclick="save()">Save</button>
<script>
  function show(id, text) {
    const p = document.createElement('p');
    p.dataset.testid = id;
    p.textContent = text;
    document.body.append(p);
  }
  async function save() {
    await fetch('/save', { method: 'POST' });
    show('saved', 'Saved');
  }
</script>"#;

const LIST: &str = r#"<!doctype html><title>List</title><h1>List</h1>
<ul id="rows">
  <li class="row" data-id="1"><span class="name">Ann</span> <span class="price">17.5 EUR</span></li>
  <li class="row" data-id="2"><span class="name">Bob</span> <span class="price">-3 EUR</span></li>
  <li class="row" data-id="3"><span class="name">Eve</span></li>
</ul>
<p data-testid="total">  3   people
</p>"#;

const LATE: &str = r#"<!doctype html><title>Late</title><h1>Late</h1><ul id="rows"></ul>
<script>
  setTimeout(() => {
    document.getElementById('rows').innerHTML = '<li class="row">Ann</li><li class="row">Bob</li>';
  }, 700);
</script>"#;

const LOGIN: &str = r#"<!doctype html><title>Log in</title><h1>Log in</h1>
<button onclick="document.cookie = 'session=1; path=/'; location.href = '/private'">Log in</button>"#;
