//! From an act on an execution to everybody who watches it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aef_bench_protocol::{Failure, micros};
use futures::StreamExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::client_async;

use crate::load::{Call, Client};
use crate::{EXECUTIONS, WATCHERS};

/// Longer than a message can take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a side gives: where an execution is watched, and the calls that pause and resume it.
pub(crate) trait Watched {
    /// The path of its socket.
    fn socket(&self, execution: usize) -> String;
    /// The call, and the word that its message holds.
    fn act(&self, execution: usize, pauses: bool) -> (Call, &'static str);
}

/// Every execution watched by as many.
pub(crate) struct FanOut {
    client: Client,
    arrivals: mpsc::UnboundedReceiver<(usize, Instant, String)>,
    paused: Vec<bool>,
}

impl FanOut {
    pub(crate) async fn open(address: SocketAddr, side: &impl Watched) -> Result<Self, Failure> {
        let (sender, mut arrivals) = mpsc::unbounded_channel();
        for execution in 0..EXECUTIONS {
            for _ in 0..WATCHERS {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let url = format!("ws://{address}{}", side.socket(execution));
                let (mut socket, _) = client_async(url, stream).await?;
                let sender = sender.clone();
                tokio::spawn(async move {
                    while let Some(Ok(message)) = socket.next().await {
                        let text = message.to_text().unwrap_or_default().to_owned();
                        if sender.send((execution, Instant::now(), text)).is_err() {
                            return;
                        }
                    }
                });
            }
        }
        // What everybody is told first is not what is measured.
        while tokio::time::timeout(Duration::from_secs(2), arrivals.recv()).await.is_ok() {}
        Ok(Self { client: Client::connect(address).await?, arrivals, paused: vec![false; EXECUTIONS] })
    }

    /// Acts `count` times, on one execution after the other; a sample is one watcher's message.
    pub(crate) async fn take(&mut self, side: &impl Watched, count: usize) -> Result<Vec<f64>, Failure> {
        let mut samples = Vec::with_capacity(count * WATCHERS);
        for at in 0..count {
            let execution = at % EXECUTIONS;
            let paused = &mut self.paused[execution];
            *paused = !*paused;
            let (call, word) = side.act(execution, *paused);
            let start = Instant::now();
            self.client.send(&call, 0).await?;
            let mut missing = WATCHERS;
            while missing > 0 {
                let arrived = tokio::time::timeout(PATIENCE, self.arrivals.recv()).await?;
                let (of, when, text) = arrived.ok_or("no socket is left")?;
                if of == execution && text.contains(word) {
                    samples.push(micros(start, when));
                    missing -= 1;
                }
            }
        }
        Ok(samples)
    }
}
