//! Requests over connections that are kept open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use aef_bench_protocol::{Failure, micros};
use bytes::Bytes;
use futures::future::try_join_all;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How many requests are under way at once.
const CONNECTIONS: usize = 16;

/// A request to send again and again.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Taken in turns.
    pub(crate) paths: Arc<[String]>,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn get(paths: impl IntoIterator<Item = String>) -> Self {
        Self { method: Method::GET, paths: paths.into_iter().collect(), body: Bytes::new() }
    }

    pub(crate) fn post(path: String, body: String) -> Self {
        Self { method: Method::POST, paths: [path].into(), body: body.into() }
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with the sender; what goes wrong is told to whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, address })
    }

    /// Sends the call once, and reads the whole answer, which must be a good one.
    pub(crate) async fn send(&mut self, call: &Call, turn: usize) -> Result<Bytes, Failure> {
        let path = &call.paths[turn % call.paths.len()];
        let mut request =
            Request::builder().method(&call.method).uri(path).header(header::HOST, self.address.to_string());
        if call.method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(call.body.clone()))?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        Err(format!("{} {path} gave {status}: {}", call.method, String::from_utf8_lossy(&body)).into())
    }
}

/// What a number of requests took.
pub(crate) struct Taken {
    /// Each of them.
    pub(crate) each: Vec<f64>,
    /// All of them, divided by their number.
    pub(crate) share: f64,
}

/// Sends `count` requests over all connections, each when the one before it is answered.
pub(crate) async fn drive(address: SocketAddr, call: &Call, count: usize) -> Result<Taken, Failure> {
    let mut clients = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let mut client = Client::connect(address).await?;
        // The first one also pays for the connection.
        client.send(call, 0).await?;
        clients.push(client);
    }
    let turns = AtomicUsize::new(0);
    let start = Instant::now();
    let each = try_join_all(clients.iter_mut().map(|client| async {
        let mut samples = Vec::new();
        loop {
            let turn = turns.fetch_add(1, Ordering::Relaxed);
            if turn >= count {
                return Ok::<_, Failure>(samples);
            }
            let sent = Instant::now();
            client.send(call, turn).await?;
            samples.push(micros(sent, Instant::now()));
        }
    }))
    .await?;
    let share = micros(start, Instant::now()) / count as f64;
    Ok(Taken { each: each.into_iter().flatten().collect(), share })
}
