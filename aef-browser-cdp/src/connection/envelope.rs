//! The frame around every message. Payloads stay unparsed until somebody wants them, so that an event whose
//! shape this crate does not know costs nothing and breaks nothing.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::error::CdpError;

/// The name of the event that the connection makes itself.
pub(crate) const MARK: &str = "aef.mark";

/// One event of the browser.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// The session it belongs to; `None` for events of the browser.
    pub(crate) session: Option<Arc<str>>,
    /// The name, such as `Page.frameNavigated`.
    pub(crate) method: Box<str>,
    params: Option<Box<RawValue>>,
}

impl Event {
    pub(super) fn new(session: Option<Arc<str>>, method: &str, params: Option<&RawValue>) -> Self {
        Self { session, method: method.into(), params: params.map(ToOwned::to_owned) }
    }

    /// An event of our own, see [`Connection::mark`](super::Connection::mark).
    pub(super) fn marking(mark: u64) -> Self {
        Self { session: None, method: MARK.into(), params: RawValue::from_string(mark.to_string()).ok() }
    }

    /// Reads the payload. An event without one reads as an empty object.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, CdpError> {
        let text = self.params.as_deref().map_or("{}", RawValue::get);
        serde_json::from_str(text).map_err(|source| CdpError::malformed(&self.method, source))
    }
}

/// A message of the browser, borrowed from the text of the frame.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming<'a> {
    pub(super) id: Option<u64>,
    #[serde(borrow)]
    pub(super) method: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "sessionId")]
    pub(super) session: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) params: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) result: Option<&'a RawValue>,
    pub(super) error: Option<Refusal>,
}

/// The browser's refusal of a command.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) code: i64,
    pub(super) message: String,
}

#[derive(Serialize)]
struct Request<'a, P> {
    id: u64,
    #[serde(rename = "sessionId", skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    method: &'a str,
    params: &'a P,
}

pub(super) fn encode<P: Serialize>(
    id: u64,
    session: Option<&str>,
    method: &str,
    params: &P,
) -> Result<String, CdpError> {
    serde_json::to_string(&Request { id, session, method, params })
        .map_err(|source| CdpError::malformed(method, source))
}
