//! Where a browser that somebody else runs is reached.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use url::Url;

use crate::error::CdpError;

/// The longest answer to the question for the address.
const ANSWER_LIMIT: u64 = 64 * 1024;

/// An address as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// The socket itself.
    Socket(Url),
    /// A browser that tells its socket. One that was started anew tells another.
    Browser(Url),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    web_socket_debugger_url: Url,
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, CdpError> {
        match Url::parse(text) {
            Ok(url) if url.scheme() == "ws" && url.has_host() => Ok(Self::Socket(url)),
            Ok(url) if url.scheme() == "http" && url.has_host() => Ok(Self::Browser(url)),
            Ok(_) | Err(_) => Err(CdpError::Endpoint { url: text.to_owned() }),
        }
    }

    /// The socket's address.
    pub(crate) async fn resolve(&self, limit: Duration) -> Result<Url, CdpError> {
        match self {
            Self::Socket(url) => Ok(url.clone()),
            Self::Browser(url) => match tokio::time::timeout(limit, ask(url)).await {
                Ok(Ok(socket)) => Ok(socket),
                Ok(Err(source)) => Err(CdpError::Discover { url: url.to_string(), source: Arc::new(source) }),
                Err(_) => Err(CdpError::Timeout { method: "connect".into(), limit }),
            },
        }
    }
}

/// Asks a browser for its socket, and puts the host and port in it by which it was asked: it knows only its own.
async fn ask(url: &Url) -> io::Result<Url> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    let mut stream = TcpStream::connect((host.as_str(), port)).await?;
    // A browser answers only to names that cannot be made to mean another address.
    let question =
        format!("GET /json/version HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).await?;
    let body = read_body(stream).await?;
    let version: Version = serde_json::from_slice(&body).map_err(io::Error::from)?;
    let mut socket = version.web_socket_debugger_url;
    let moved = socket.set_host(url.host_str()).is_ok() && socket.set_port(Some(port)).is_ok();
    if moved { Ok(socket) } else { Err(io::Error::other("the address cannot be put together")) }
}

/// Reads the body of an answer. The browser keeps the connection whatever it is asked, so the end is where the head says.
async fn read_body(stream: TcpStream) -> io::Result<Vec<u8>> {
    let mut answer = BufReader::new(stream).take(ANSWER_LIMIT);
    let (mut line, mut length) = (String::new(), 0);
    while answer.read_line(&mut line).await? > 0 && line != "\r\n" {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        line.clear();
    }
    if length as u64 > ANSWER_LIMIT {
        return Err(io::Error::other("the answer is too long"));
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).await?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_socket_or_a_browser() {
        assert!(matches!(Endpoint::parse("ws://127.0.0.1:9222/devtools/browser/1"), Ok(Endpoint::Socket(_))));
        assert!(matches!(Endpoint::parse("http://127.0.0.1:9222"), Ok(Endpoint::Browser(_))));
        for refused in ["", "127.0.0.1:9222", "wss://example.org/", "https://example.org/", "file:///x"] {
            assert!(matches!(Endpoint::parse(refused), Err(CdpError::Endpoint { .. })), "{refused}");
        }
    }
}
