//! Which live views are open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::problem::{Code, Problem};

/// How soon a caller with too many views may try again.
const AGAIN: Duration = Duration::from_secs(5);

/// The live views that are open: sockets, polls that wait, and traces on their way. Clones know of the same ones.
#[derive(Debug, Clone, Default)]
pub struct LiveViews(Arc<Views>);

#[derive(Debug, Default)]
struct Views {
    by_owner: Mutex<BTreeMap<String, usize>>,
    all: watch::Sender<usize>,
}

/// One that is open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    views: LiveViews,
    owner: String,
}

impl LiveViews {
    /// Waits until none is open. For a host that ends: it refuses requests first, then waits here until each socket was
    /// told why it is closed.
    pub async fn closed(&self) {
        // Whoever counts lives as long as this.
        let _ = self.0.all.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Takes one of the places that an owner has.
    pub(crate) fn open(&self, owner: &str, most: usize) -> Result<Connection, Problem> {
        let mut open = self.lock();
        let count = open.get(owner).copied().unwrap_or(0);
        if count >= most {
            let detail = format!("{most} live views are open; close one");
            return Err(Problem::new(Code::QuotaExceeded, detail).retry_after(AGAIN));
        }
        open.insert(owner.to_owned(), count + 1);
        self.0.all.send_modify(|all| *all += 1);
        Ok(Connection { views: self.clone(), owner: owner.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        // Nothing panics between two changes that belong together.
        self.0.by_owner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut open = self.views.lock();
        match open.get_mut(&self.owner) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&self.owner)),
        }
        self.views.0.all.send_modify(|all| *all -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_counted_by_owner_and_come_back() {
        let views = LiveViews::default();
        views.closed().await;
        let first = views.open("ada", 2).unwrap();
        let second = views.open("ada", 2).unwrap();
        assert_eq!(views.open("ada", 2).unwrap_err().code(), Code::QuotaExceeded);
        views.open("bob", 2).unwrap();
        drop(first);
        views.open("ada", 2).unwrap();
        let closed = views.closed();
        assert!(futures::FutureExt::now_or_never(closed).is_none(), "one is open");
        drop(second);
        views.closed().await;
        assert!(views.lock().is_empty(), "nothing is kept of those that are gone");
    }
}
