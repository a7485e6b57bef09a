//! Conformance lists, doubles and the demo site for AEF.
