//! How many live views are open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::problem::{Code, Problem};

/// How soon a caller with too many views may try again.
const AGAIN: Duration = Duration::from_secs(5);

/// Counts the live views of each owner.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<BTreeMap<String, usize>>>);

/// One that is open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    connections: Connections,
    owner: String,
}

impl Connections {
    /// Takes one of the places that an owner has.
    pub(crate) fn open(&self, owner: &str, most: usize) -> Result<Connection, Problem> {
        let mut open = self.lock();
        let count = open.get(owner).copied().unwrap_or(0);
        if count >= most {
            let detail = format!("{most} live views are open; close one");
            return Err(Problem::new(Code::QuotaExceeded, detail).retry_after(AGAIN));
        }
        open.insert(owner.to_owned(), count + 1);
        Ok(Connection { connections: self.clone(), owner: owner.to_owned() })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        // Nothing panics between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        match open.get_mut(&self.owner) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&self.owner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_owner_and_come_back() {
        let connections = Connections::default();
        let first = connections.open("ada", 2).unwrap();
        let second = connections.open("ada", 2).unwrap();
        assert_eq!(connections.open("ada", 2).unwrap_err().code(), Code::QuotaExceeded);
        connections.open("bob", 2).unwrap();
        drop(first);
        connections.open("ada", 2).unwrap();
        drop(second);
        assert!(connections.lock().is_empty(), "nothing is kept of those that are gone");
    }
}
