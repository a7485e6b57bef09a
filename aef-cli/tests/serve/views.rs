//! People who watch an execution: over a socket, and by polling. What each has seen is kept.

use std::sync::{Arc, Mutex};

use futures::{SinkExt as _, StreamExt as _};
use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::client::Client;
use crate::process::PATIENCE;

/// How many entries of the log a message holds at most.
const PAGE: usize = 50;

/// Somebody who watches.
pub(crate) struct View {
    seen: Arc<Mutex<Vec<Value>>>,
    more: watch::Receiver<usize>,
    inputs: mpsc::Sender<Value>,
    /// Gives the code with which the server closed the socket; `None` for who polls.
    task: JoinHandle<Option<u16>>,
}

/// Where a view puts what it sees.
struct Notes {
    seen: Arc<Mutex<Vec<Value>>>,
    count: watch::Sender<usize>,
}

impl Notes {
    fn note(&self, message: Value) {
        self.seen.lock().unwrap().push(message);
        self.count.send_modify(|count| *count += 1);
    }
}

impl View {
    fn begin<F>(watching: impl FnOnce(Notes, mpsc::Receiver<Value>) -> F) -> Self
    where
        F: Future<Output = Option<u16>> + Send + 'static,
    {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (count, more) = watch::channel(0);
        let (inputs, waiting) = mpsc::channel(64);
        let task = tokio::spawn(watching(Notes { seen: seen.clone(), count }, waiting));
        Self { seen, more, inputs, task }
    }

    /// Opens a socket.
    pub(crate) async fn socket(client: &Client, id: &str) -> Self {
        let mut request =
            format!("ws://{}/api/aef/live/{id}", client.server()).into_client_request().unwrap();
        for (name, value) in client.headers() {
            request.headers_mut().insert(
                hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        let (mut socket, _) = connect_async(request).await.unwrap();
        Self::begin(move |notes, mut inputs| async move {
            loop {
                let received = tokio::select! {
                    received = socket.next() => received,
                    Some(input) = inputs.recv() => {
                        let message = json!({ "type": "input", "input": input }).to_string();
                        socket.send(Message::Text(message.into())).await.unwrap();
                        continue;
                    }
                };
                match received {
                    Some(Ok(Message::Text(text))) => notes.note(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        })
    }

    /// Polls, until the execution is finished or the server is gone.
    pub(crate) fn polling(client: &Client, id: &str) -> Self {
        let (client, path) = (client.clone(), format!("/api/aef/live/{id}"));
        Self::begin(move |notes, _| async move {
            let mut asked = format!("{path}?after=0");
            loop {
                let answer = client.try_send(Method::GET, &asked, None).await.ok()?;
                if !answer.status.is_success() {
                    return None;
                }
                let message = answer.body;
                asked = format!("{path}?after={}&wait=20", message["seq"]);
                // Behind a full page of the log there may be more.
                let is_final = is_final(&message) && message["logs"].as_array()?.len() < PAGE;
                notes.note(message);
                if is_final {
                    return None;
                }
            }
        })
    }

    /// Sends mouse and keyboard.
    pub(crate) async fn input(&self, input: Value) {
        self.inputs.send(input).await.unwrap();
    }

    /// How many messages have come.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Waits for a message of which `is` holds, of those behind the first `from`; gives it.
    pub(crate) async fn sees_after(&mut self, from: usize, is: impl Fn(&Value) -> bool) -> Value {
        let looking = async {
            let mut looked = from;
            loop {
                self.more.borrow_and_update();
                let found = {
                    let seen = self.seen.lock().unwrap();
                    let found = seen.iter().skip(looked).find(|message| is(message)).cloned();
                    looked = seen.len();
                    found
                };
                match found {
                    Some(found) => return Some(found),
                    None => self.more.changed().await.ok()?,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(Some(found)) => found,
            Ok(None) | Err(_) => panic!("it was never seen: {:#?}", self.brief()),
        }
    }

    /// The same of all messages.
    pub(crate) async fn sees(&mut self, is: impl Fn(&Value) -> bool) -> Value {
        self.sees_after(0, is).await
    }

    /// Waits for its end; gives the code with which the server closed the socket.
    pub(crate) async fn ends(&mut self) -> Option<u16> {
        tokio::time::timeout(PATIENCE, &mut self.task).await.expect("it ends").unwrap()
    }

    /// The types and statuses that were seen, each once in a row.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let mut statuses: Vec<String> = self
            .seen
            .lock()
            .unwrap()
            .iter()
            .map(|message| message["execution"]["status"].as_str().unwrap().to_owned())
            .collect();
        statuses.dedup();
        statuses
    }

    /// The log that was seen, in the order in which it was.
    pub(crate) fn logs(&self) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        seen.iter().flat_map(|message| message["logs"].as_array().unwrap().clone()).collect()
    }

    /// What was seen, without pictures.
    fn brief(&self) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        let brief = |message: &Value| {
            json!({
                "type": message["type"], "status": message["execution"]["status"], "seq": message["seq"],
                "error": message["error"], "picture": message["browser"]["screenshot"].is_string(),
            })
        };
        seen.iter().map(brief).collect()
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether the execution of a message is finished.
fn is_final(message: &Value) -> bool {
    ["completed", "failed", "stopped"].contains(&message["execution"]["status"].as_str().unwrap_or_default())
}
