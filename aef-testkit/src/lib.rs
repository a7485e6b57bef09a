//! Conformance lists, doubles and the demo site for AEF.

pub mod demo_site;
