//! A wire between driver and browser that keeps one message back for a while.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aef_browser_cdp::{CdpBrowser, ConnectOptions};
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, connect_async};

use crate::processes::{endpoint, profile_of};

/// A driver at the end of the wire, and the wire.
#[derive(Debug)]
pub(crate) struct SlowWire {
    pub(crate) driver: CdpBrowser,
    held: Arc<Mutex<Option<Held>>>,
    task: tokio::task::JoinHandle<()>,
}

/// The message that is kept back.
#[derive(Debug)]
struct Held {
    method: &'static str,
    time: Duration,
}

impl SlowWire {
    pub(crate) async fn to(browser: &CdpBrowser) -> Self {
        let (port, path) = endpoint(&profile_of(browser.process_id().await.unwrap()));
        let far = format!("ws://127.0.0.1:{port}{path}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = format!("ws://{}{path}", listener.local_addr().unwrap());
        let held = Arc::<Mutex<Option<Held>>>::default();
        let shared = Arc::clone(&held);
        let task = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            carry(stream, &far, &shared).await;
        });
        let driver = CdpBrowser::connect(&near, ConnectOptions::default()).await.unwrap();
        Self { driver, held, task }
    }

    /// Keeps the next message of a method back for so long, and all behind it.
    pub(crate) fn hold(&self, method: &'static str, time: Duration) {
        *self.held.lock().unwrap() = Some(Held { method, time });
    }

    /// Whether the message that was to be kept back has come.
    pub(crate) fn has_held(&self) -> bool {
        self.held.lock().unwrap().is_none()
    }
}

impl Drop for SlowWire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(near: TcpStream, far: &str, held: &Mutex<Option<Held>>) {
    let (mut near_write, mut near_read) = accept_async(near).await.unwrap().split();
    let (mut far_write, mut far_read) = connect_async(far).await.unwrap().0.split();
    let forth = async {
        while let Some(Ok(message)) = near_read.next().await {
            let is_it =
                |held: &mut Held| matches!(&message, Message::Text(text) if text.contains(held.method));
            let due = held.lock().unwrap().take_if(is_it);
            if let Some(due) = due {
                tokio::time::sleep(due.time).await;
            }
            far_write.send(message).await.unwrap();
        }
    };
    let back = async {
        while let Some(Ok(message)) = far_read.next().await {
            near_write.send(message).await.unwrap();
        }
    };
    tokio::select! {
        () = forth => {}
        () = back => {}
    }
}
