//! Chromium for AEF, over the DevTools protocol.

mod script;
