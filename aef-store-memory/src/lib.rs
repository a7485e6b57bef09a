//! An in-memory AEF store, for tests and trials.
