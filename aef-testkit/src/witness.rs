//! What a simulated server remembers of writes, whatever becomes of the browsers that made them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts writes by kind and key. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Witness(Arc<Mutex<BTreeMap<(String, String), u64>>>);

impl Witness {
    /// A witness that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one write.
    pub fn record(&self, kind: &str, key: &str) {
        *self.counts().entry((kind.to_owned(), key.to_owned())).or_default() += 1;
    }

    /// How often `kind` was written for `key`.
    #[must_use]
    pub fn count(&self, kind: &str, key: &str) -> u64 {
        self.counts().get(&(kind.to_owned(), key.to_owned())).copied().unwrap_or(0)
    }

    /// How often `kind` was written for any key.
    #[must_use]
    pub fn total(&self, kind: &str) -> u64 {
        self.counts().iter().filter(|((of, _), _)| of == kind).map(|(_, count)| count).sum()
    }

    /// All that was counted: how often, by kind and key.
    #[must_use]
    pub fn all(&self) -> BTreeMap<(String, String), u64> {
        self.counts().clone()
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together() {
        let witness = Witness::new();
        witness.clone().record("save", "ann");
        witness.record("save", "ann");
        witness.record("save", "bob");
        assert_eq!((witness.count("save", "ann"), witness.total("save"), witness.total("send")), (2, 3, 0));
        assert_eq!(witness.all().len(), 2);
    }
}
