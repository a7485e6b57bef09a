//! Every document under `examples/` is sound.

use std::path::{Path, PathBuf};

use aef::document::Document;
use aef::plan::Plan;

fn documents(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the directory of examples is there") {
        let path = entry.expect("its entries can be read").path();
        if path.is_dir() {
            found.extend(documents(&path));
        } else if path.to_string_lossy().ends_with(".aef.yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn examples_compile_without_a_warning() {
    let mut wrong = Vec::new();
    for path in documents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")) {
        let document = Document::load(&path).unwrap_or_else(|error| panic!("{error}"));
        match Plan::compile(&document) {
            Ok(plan) => {
                wrong.extend(plan.warnings().iter().map(|found| format!("{}: {found}", path.display())))
            }
            Err(found) => wrong.push(format!("{}: {found}", path.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn examples_are_read_and_written_alike() {
    let examples = documents(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"));
    assert!(examples.len() >= 7, "{examples:?}");
    for path in examples {
        let document = Document::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let file = path.file_name().unwrap().to_string_lossy();
        assert_eq!(file, format!("{}.aef.yaml", document.id), "a document stands in a file of its name");
        let written = document.canonical_json();
        let again =
            Document::from_json(&written).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(document, again, "{}", path.display());
    }
}
