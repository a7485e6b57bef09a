//! The live view across processes: from the server that somebody watches to the worker that holds the lease.
//!
//! A worker serves the browsers that it drives ([`live_router`]) and says in the store where ([`Advertisement`]). A server
//! finds it there ([`LiveRelay`]) and opens one connection for all who watch an execution, and one for each hand on mouse
//! and keyboard. Neither frames nor what is typed pass through the store.
//!
//! What is spoken, over a WebSocket:
//!
//! 1. The server says which worker it looks for, what it wants to see, and a number used once.
//! 2. The worker answers with a number of its own and the proof that it knows the secret; then the server proves the same.
//!    The secret itself is never sent, so whoever has got the port of a worker that died learns nothing; and what was
//!    recorded opens nothing later. What follows is not encrypted: that is the network's affair.
//! 3. The worker is `ready`, or says why not.
//! 4. A frame is sent for each `next`, the newest there is then: one is on its way at most, however slow the reader. Each
//!    input but moves is answered by `taken`.
//!
//! Both ends show signs of life. Whoever is silent for [`SILENCE`] is given up: a worker that is stopped answers nobody,
//! and another one may have its executions by then.

mod advertise;
mod channel;
mod hand;
mod place;
mod proof;
mod service;
mod watching;
mod wire;

use std::time::Duration;

pub use self::advertise::Advertisement;
pub use self::channel::LiveRelay;
pub use self::place::{LivePlace, LiveWorkers};
pub use self::service::live_router;

/// Where a worker serves live views.
const PATH: &str = "/live";

/// How long both ends may take to know each other.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How often a worker shows that it is there.
const PING_EVERY: Duration = Duration::from_secs(5);

/// How long either end may be silent.
const SILENCE: Duration = Duration::from_secs(16);

/// How long the other end may take to take a message.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
