//! The corpus: processes, each told by one or more SOPs, with what is expected of them.
//!
//! A file holds one process. Its `runs` say what people answer and which steps then run, in which order; they are the
//! same for all `variants`, each of which is one SOP with the report that it is expected to give.

use std::path::Path;

use aef::document::Document;
use aef::sop::{Sop, TransformOptions, Transformed, transform};
use serde_json::Value;

/// One way to tell a process.
#[derive(Debug)]
pub(crate) struct Variant {
    /// The file and the name in it.
    pub(crate) name: String,
    /// What the file says about it.
    pub(crate) expected: Value,
    /// What runs, for all variants of the process.
    pub(crate) runs: Vec<Value>,
    pub(crate) transformed: Transformed,
}

impl Variant {
    pub(crate) const fn document(&self) -> &Document {
        &self.transformed.document
    }
}

/// All variants of all processes.
pub(crate) fn variants() -> Vec<Variant> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sop/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|file| variants_in(file)).collect()
}

fn variants_in(file: &Path) -> Vec<Variant> {
    let text = std::fs::read_to_string(file).unwrap();
    let process: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let stem = file.file_stem().unwrap().to_str().unwrap();
    let variants = process["variants"].as_object().unwrap();
    let variants = variants.iter().map(|(name, expected)| {
        let name = format!("{stem}/{name}");
        let sop = Sop::from_slice(expected["sop"].to_string().as_bytes());
        let sop = sop.unwrap_or_else(|found| panic!("{name}: {found}"));
        let transformed = transform(&sop, &TransformOptions::default());
        let transformed = transformed.unwrap_or_else(|found| panic!("{name}: {found}"));
        let runs = process["runs"].as_array().unwrap().clone();
        Variant { name, expected: expected.clone(), runs, transformed }
    });
    variants.collect()
}
