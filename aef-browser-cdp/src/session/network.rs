//! What a tab asks of the network: what is in flight, and what may have changed something at the other end.

use std::collections::{HashMap, VecDeque};

use aef_core::browser::Write;
use tokio::time::Instant;
use url::Url;

/// Writes that are remembered until an action reports them; the oldest go first.
const WRITE_LIMIT: usize = 256;

/// Requests and sockets that are followed at a time in one tab.
const FOLLOWED_LIMIT: usize = 4096;

/// The network of one tab.
#[derive(Debug, Default)]
pub(super) struct Network {
    in_flight: HashMap<Box<str>, Box<str>>,
    sockets: HashMap<Box<str>, Box<str>>,
    quiet_since: Option<Instant>,
    writes: VecDeque<Sent>,
}

#[derive(Debug)]
struct Sent {
    request: Box<str>,
    write: Write,
}

impl Network {
    /// A request goes out. `kind` is the protocol's resource type.
    pub(super) fn sent(&mut self, request: &str, loader: &str, method: &str, url: &str, kind: &str) {
        let is_stream = matches!(kind, "WebSocket" | "EventSource" | "Ping");
        if !is_stream && self.in_flight.len() < FOLLOWED_LIMIT {
            self.in_flight.insert(request.into(), loader.into());
            self.quiet_since = None;
        }
        let method = if kind == "Ping" { "BEACON" } else { method };
        if !matches!(method, "GET" | "HEAD" | "OPTIONS") {
            self.write(request, method, url, None);
        }
    }

    /// The head of an answer came. A body that the page does not read never ends, so for `fetch` the head counts.
    pub(super) fn answered(&mut self, request: &str, kind: &str, status: i64) {
        if let Some(sent) = self.writes.iter_mut().rev().find(|sent| &*sent.request == request) {
            sent.write.status = u16::try_from(status).ok();
        }
        if matches!(kind, "Fetch" | "EventSource") {
            self.ended(request);
        }
    }

    /// A request is over.
    pub(super) fn ended(&mut self, request: &str) {
        self.in_flight.remove(request);
        self.note_quiet();
    }

    /// A new document stands in the main frame: what the old ones loaded is of no interest any more.
    pub(super) fn committed(&mut self, loader: &str) {
        self.in_flight.retain(|_, of| &**of == loader);
        self.note_quiet();
    }

    pub(super) fn socket_opened(&mut self, request: &str, url: &str) {
        if self.sockets.len() < FOLLOWED_LIMIT {
            self.sockets.insert(request.into(), url.into());
        }
    }

    pub(super) fn socket_closed(&mut self, request: &str) {
        self.sockets.remove(request);
    }

    /// A frame with data goes out; one write stands for all frames of a socket between two reports.
    pub(super) fn socket_sent(&mut self, request: &str) {
        if self.writes.iter().any(|sent| &*sent.request == request) {
            return;
        }
        let url = self.sockets.get(request).cloned().unwrap_or_default();
        self.write(request, "WEBSOCKET", &url, None);
    }

    /// Since when nothing is in flight.
    pub(super) const fn quiet_since(&self) -> Option<Instant> {
        self.quiet_since
    }

    /// The writes since the last report.
    pub(super) fn take_writes(&mut self) -> Vec<Write> {
        self.writes.drain(..).map(|sent| sent.write).collect()
    }

    fn write(&mut self, request: &str, method: &str, url: &str, status: Option<u16>) {
        if self.writes.len() == WRITE_LIMIT {
            self.writes.pop_front();
        }
        let write = Write { method: method.to_owned(), url: bare(url), status };
        self.writes.push_back(Sent { request: request.into(), write });
    }

    fn note_quiet(&mut self) {
        if self.in_flight.is_empty() && self.quiet_since.is_none() {
            self.quiet_since = Some(Instant::now());
        }
    }
}

/// An address without what may be private in it: query, fragment and credentials.
pub(super) fn bare(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return String::new() };
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_no_write_and_every_other_method_is() {
        let mut network = Network::default();
        network.sent("1", "l", "GET", "http://a/", "Document");
        network.sent("2", "l", "POST", "http://u:p@a/save?token=1#x", "XHR");
        network.sent("3", "l", "POST", "http://a/beacon", "Ping");
        network.sent("4", "l", "OPTIONS", "http://a/save", "Preflight");
        network.answered("2", "XHR", 201);
        let writes = network.take_writes();
        let shown: Vec<_> = writes.iter().map(|w| (&*w.method, &*w.url, w.status)).collect();
        assert_eq!(shown, [("POST", "http://a/save", Some(201)), ("BEACON", "http://a/beacon", None)]);
        assert!(network.take_writes().is_empty());
    }

    #[test]
    fn many_frames_of_a_socket_are_one_write_a_report() {
        let mut network = Network::default();
        network.socket_opened("9", "ws://a/live?key=1");
        network.socket_sent("9");
        network.socket_sent("9");
        assert_eq!(network.take_writes().len(), 1);
        network.socket_sent("9");
        let writes = network.take_writes();
        assert_eq!((&*writes[0].method, &*writes[0].url), ("WEBSOCKET", "ws://a/live"));
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_begins_when_the_last_request_ends_and_streams_do_not_count() {
        let mut network = Network::default();
        network.sent("1", "l", "GET", "http://a/", "Document");
        network.sent("2", "l", "GET", "http://a/events", "EventSource");
        network.sent("3", "l", "GET", "http://a/unread", "Fetch");
        assert_eq!(network.quiet_since(), None);
        network.ended("1");
        assert_eq!(network.quiet_since(), None);
        network.answered("3", "Fetch", 200);
        let since = network.quiet_since().unwrap();
        tokio::time::advance(std::time::Duration::from_millis(10)).await;
        network.ended("3");
        assert_eq!(network.quiet_since(), Some(since), "nothing new ended");
        network.sent("4", "old", "GET", "http://a/slow", "Image");
        network.committed("new");
        assert!(network.quiet_since().unwrap() > since);
    }
}
