//! As much of an HTTP client as the demo site needs.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Position, Url};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("the address names no host")]
    Address,
    #[error("cannot connect")]
    Connect(#[from] std::io::Error),
    #[error("the exchange was cut off")]
    Exchange(#[from] hyper::Error),
    #[error("the request cannot be written")]
    Request(#[from] hyper::http::Error),
}

/// What a site answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

pub(crate) async fn get(url: &Url) -> Result<Answer, HttpError> {
    exchange(url, Method::GET, Bytes::new()).await
}

/// Posts JSON.
pub(crate) async fn post(url: &Url, json: String) -> Result<Answer, HttpError> {
    exchange(url, Method::POST, json.into()).await
}

async fn exchange(url: &Url, method: Method, body: Bytes) -> Result<Answer, HttpError> {
    let address = url.socket_addrs(|| None)?;
    let stream = TcpStream::connect(address.first().ok_or(HttpError::Address)?).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body))?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    connection.abort();
    Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
}
