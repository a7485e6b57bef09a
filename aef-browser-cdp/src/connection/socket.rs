//! The two tasks at the socket. Reading never waits for anybody; writing checks the gate last.

use std::{sync::Arc, time::Duration};

use aef_core::browser::InputGate;
use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{net::TcpStream, sync::mpsc};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};
use url::Url;

use super::router::Router;
use crate::error::{CdpError, Loss};

/// The largest message taken from the browser. A full-page screenshot of a long page is the largest known.
const MESSAGE_LIMIT: usize = 256 << 20;

/// Batches written before a flush when many are waiting.
const FLUSH_AFTER: usize = 64;

pub(super) type Stream = WebSocketStream<TcpStream>;

/// Messages to write together.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) messages: Vec<String>,
    pub(super) ids: Vec<u64>,
    pub(super) gate: Option<InputGate>,
}

impl Outgoing {
    pub(super) fn ungated(message: String) -> Self {
        Self { messages: vec![message], ids: Vec::new(), gate: None }
    }
}

/// Opens the socket. Nagle's algorithm is off: it costs a pipelined click more than ten milliseconds.
pub(super) async fn dial(url: &Url, limit: Duration) -> Result<Stream, CdpError> {
    let unusable = || CdpError::Endpoint { url: url.to_string() };
    if url.scheme() != "ws" {
        return Err(unusable());
    }
    let host = url.host_str().ok_or_else(unusable)?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().ok_or_else(unusable)?;
    let connecting = async {
        let tcp = TcpStream::connect((host.as_str(), port)).await.map_err(tungstenite::Error::Io)?;
        tcp.set_nodelay(true).map_err(tungstenite::Error::Io)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_LIMIT))
            .max_frame_size(Some(MESSAGE_LIMIT));
        let (stream, _) = client_async_with_config(url.as_str(), tcp, Some(config)).await?;
        Ok(stream)
    };
    match tokio::time::timeout(limit, connecting).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(source)) => Err(CdpError::Connect { url: url.to_string(), source: Arc::new(source) }),
        Err(_) => Err(CdpError::Timeout { method: "connect".into(), limit }),
    }
}

/// Starts the reader and the writer. Both end when either end of the connection is gone.
pub(super) fn spawn_socket_tasks(stream: Stream, queue: mpsc::Receiver<Outgoing>, router: &Arc<Router>) {
    let (sink, source) = stream.split();
    let reading = tokio::spawn(read(source, Arc::clone(router)));
    let router = Arc::clone(router);
    tokio::spawn(async move {
        let loss = match write(sink, queue, &router).await {
            Ok(()) => Loss::Closed,
            Err(source) => Loss::Disconnected { source: Some(Arc::new(source)) },
        };
        // The browser may keep the socket open after our close frame; nobody listens any more.
        reading.abort();
        router.end(loss);
    });
}

async fn read(mut source: SplitStream<Stream>, router: Arc<Router>) {
    let loss = loop {
        match source.next().await {
            Some(Ok(Message::Text(text))) => router.dispatch(&text),
            Some(Ok(Message::Close(_))) | None => break Loss::Disconnected { source: None },
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(source)) => break Loss::Disconnected { source: Some(Arc::new(source)) },
        }
    };
    router.end(loss);
}

async fn write(
    mut sink: SplitSink<Stream, Message>,
    mut queue: mpsc::Receiver<Outgoing>,
    router: &Router,
) -> Result<(), tungstenite::Error> {
    let mut waiting = Vec::with_capacity(FLUSH_AFTER);
    while queue.recv_many(&mut waiting, FLUSH_AFTER).await > 0 {
        for outgoing in waiting.drain(..) {
            if outgoing.gate.as_ref().is_some_and(InputGate::is_shut) {
                router.refuse(&outgoing.ids, &CdpError::GateClosed);
                continue;
            }
            for message in outgoing.messages {
                sink.feed(Message::text(message)).await?;
            }
        }
        sink.flush().await?;
    }
    sink.close().await
}
