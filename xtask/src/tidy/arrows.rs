//! The arrows between the modules of aef-core: who may name whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Source;

/// For each module those that it may name directly; it may also name what these may.
const ARROWS: [(&str, &[&str]); 15] = [
    ("ids", &[]),
    ("recovery", &["ids"]),
    ("document", &["recovery"]),
    ("phrases", &["document"]),
    ("sop", &["document", "phrases"]),
    // Names of steps and variables are made the same way, whatever a document is made of.
    ("import", &["sop"]),
    ("plan", &["document"]),
    ("enrich", &["sop", "plan"]),
    ("clock", &["ids"]),
    ("secrets", &["recovery"]),
    ("live", &["document"]),
    ("browser", &["document", "secrets", "live"]),
    // The browser's vocabulary, not its trait: what was observed on a page stands in the events.
    ("execution", &["plan", "browser"]),
    ("store", &["execution"]),
    ("engine", &["store", "browser", "secrets", "clock", "live"]),
];

pub(super) fn check(sources: &[Source], violations: &mut Vec<String>) {
    let reachable = closure();
    for source in sources {
        let Some(module) = module(&source.path) else { continue };
        if source.is_test() {
            continue;
        }
        let Some(may_name) = reachable.get(module.as_str()) else {
            violations.push(source.at(1, &format!("the module {module} has no place among the arrows")));
            continue;
        };
        for (line, named) in named_modules(source) {
            if named != module && !may_name.contains(named.as_str()) {
                violations.push(source.at(line, &format!("{module} must not name {named}")));
            }
        }
    }
}

/// The module of aef-core that a file belongs to; none for the crate's root and for other crates.
fn module(path: &Path) -> Option<String> {
    let inside = path.strip_prefix("aef-core/src").ok()?;
    let first = inside.iter().next()?.to_str()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (module != "lib").then(|| module.to_owned())
}

fn closure() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let direct: BTreeMap<_, _> = ARROWS.into_iter().collect();
    let mut reachable = BTreeMap::new();
    for module in direct.keys().copied() {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = direct[module].to_vec();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(direct[next]);
            }
        }
        reachable.insert(module, seen);
    }
    reachable
}

/// What follows `crate::` in a file's code, with the line; the names of a braced group count singly.
fn named_modules(source: &Source) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    let lines: Vec<(usize, &str)> =
        source.code().map(|(number, line)| (number, line.split("//").next().unwrap_or(line))).collect();
    for (index, (number, line)) in lines.iter().enumerate() {
        for (at, word) in line.match_indices("crate::") {
            // `pub(in crate::…)` is a path too, `$crate::` and `some_crate::` are not ours.
            let before = line[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
                continue;
            }
            let mut rest = line[at + word.len()..].to_owned();
            if rest.starts_with('{') {
                for (_, more) in &lines[index + 1..] {
                    if rest.contains(';') {
                        break;
                    }
                    rest.push_str(more);
                }
                named.extend(group(&rest).into_iter().map(|name| (*number, name)));
            } else {
                named.push((*number, identifier(&rest)));
            }
        }
    }
    named
}

/// The first names inside the braces that `text` begins with, not those of inner braces.
fn group(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut expects_name = false;
    for (at, c) in text.char_indices() {
        match c {
            '{' => {
                depth += 1;
                expects_name = depth == 1;
            }
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' => expects_name = depth == 1,
            c if !c.is_whitespace() && expects_name => {
                names.push(identifier(&text[at..]));
                expects_name = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    fn violations(path: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        check(&[source(path, text)], &mut found);
        found
    }

    #[test]
    fn arrows_are_followed_through_and_never_back() {
        assert!(violations("aef-core/src/engine/worker.rs", "use crate::document::Action;\n").is_empty());
        assert_eq!(
            violations("aef-core/src/plan/compile.rs", "\nuse crate::execution::Event;\n"),
            ["aef-core/src/plan/compile.rs:2: plan must not name execution"]
        );
        assert_eq!(violations("aef-core/src/sop/mod.rs", "fn f(p: crate::plan::Plan) {}\n").len(), 1);
    }

    #[test]
    fn groups_name_their_first_parts() {
        let text =
            "use crate::{\n    document::{Action, engine},\n    store::Store, // engine\n    ids,\n};\n";
        assert_eq!(
            violations("aef-core/src/plan/mod.rs", text),
            ["aef-core/src/plan/mod.rs:1: plan must not name store"]
        );
    }

    #[test]
    fn comments_macros_tests_and_other_crates_are_free() {
        assert!(violations("aef-core/src/plan/mod.rs", "// crate::engine\n").is_empty());
        assert!(violations("aef-core/src/plan/mod.rs", "$crate::engine::x!()\n").is_empty());
        assert!(violations("aef-core/src/plan/tests.rs", "use crate::engine::Engine;\n").is_empty());
        assert!(violations("aef-cli/src/run.rs", "use crate::engine::Engine;\n").is_empty());
        assert!(violations("aef-core/src/lib.rs", "pub use crate::engine::Engine;\n").is_empty());
    }

    #[test]
    fn a_module_without_a_place_is_told() {
        assert_eq!(
            violations("aef-core/src/misc.rs", ""),
            ["aef-core/src/misc.rs:1: the module misc has no place among the arrows"]
        );
    }

    #[test]
    fn the_arrows_have_no_cycle() {
        for (module, reachable) in closure() {
            assert!(!reachable.contains(module), "{module} reaches itself");
        }
    }
}
