//! The embedded, durable AEF store, on SQLite.
