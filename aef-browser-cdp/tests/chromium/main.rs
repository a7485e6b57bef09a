//! The back end in a real Chromium, on pages of our own on loopback.

mod actions;
mod frames;
mod loss;
mod navigation;
mod policy;
mod report;
mod state;
mod support;
