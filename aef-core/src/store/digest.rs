//! Hashes by which a store tells what is sent again from something else under the same id.

use bytes::Bytes;
use serde::Serialize;

use super::{Append, NewExecution};
use crate::ids::sha256_hex;

impl Append {
    /// A hash of what the batch says: by this a store tells a batch that is sent again from another under the same id.
    /// Who sends it and what it expects of the journal is not part of it, nor is the snapshot, which follows from the
    /// events.
    #[must_use]
    pub fn digest(&self) -> String {
        let Self { events, format, summary, wake_at, release, .. } = self;
        digest((summary, wake_at, release, format), events)
    }
}

impl NewExecution {
    /// A hash of what is to be made: by this a store tells a request that is sent again from another under the same id.
    #[must_use]
    pub fn digest(&self) -> String {
        let Self { id: _, owner, document, document_hash, subset, parent, priority, events, .. } = self;
        let Self { format, summary, wake_at, idempotency: _, .. } = self;
        let about = (owner, document, document_hash, subset, parent, priority, format, summary, wake_at);
        digest(about, events)
    }
}

/// A hash of events and what stands beside them. Each event's length goes before it, so that no two lists run together
/// to the same bytes.
fn digest(beside: impl Serialize, events: &[Bytes]) -> String {
    let mut bytes = serde_json::to_vec(&beside).expect("what stands beside events is plain data");
    for event in events {
        bytes.extend_from_slice(&(event.len() as u64).to_be_bytes());
        bytes.extend_from_slice(event);
    }
    sha256_hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_events_do_not_run_together() {
        let split = |events: &[&'static str]| {
            digest((), &events.iter().map(|event| Bytes::from_static(event.as_bytes())).collect::<Vec<_>>())
        };
        assert_ne!(split(&["ab", "c"]), split(&["a", "bc"]));
        assert_ne!(split(&["a", ""]), split(&["a"]));
        assert_eq!(split(&["a", "b"]), split(&["a", "b"]));
    }
}
