//! The back end in a real Chromium, on pages of our own on loopback.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test; helpers are not taken for tests")]

mod actions;
mod behaviour;
mod conformance;
mod dialogs;
mod features;
mod frames;
mod gate;
mod live;
mod loss;
mod motion;
mod navigation;
mod policy;
mod pool;
mod processes;
mod report;
mod slow_wire;
mod state;
mod support;
mod ways_out;
