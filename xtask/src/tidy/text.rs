//! Rules on single files: their length, and what may not stand in them.

use super::Source;

/// The lines a file may have before its tests.
const MAX_LINES: usize = 800;

/// What may not stand in a file, and why. In two parts, so that this file keeps its own rules.
const BANNED: [(&str, &str, &str); 5] = [
    ("#[al", "low(", "suppress a lint with #[expect(…, reason = \"…\")]"),
    ("#![al", "low(", "suppress a lint with #![expect(…, reason = \"…\")]"),
    ("#[ig", "nore", "a test is never skipped: let it fail and say what it lacks"),
    ("TO", "DO", "finish it, or write down where it is described"),
    ("FIX", "ME", "finish it, or write down where it is described"),
];

pub(super) fn check(source: &Source, violations: &mut Vec<String>) {
    for (index, line) in source.text.lines().enumerate() {
        for (head, tail, why) in BANNED {
            if line.contains(&[head, tail].concat()) {
                violations.push(source.at(index + 1, why));
            }
        }
    }
    let length = source.code().count();
    if source.is_rust() && !source.is_test() && length > MAX_LINES {
        violations
            .push(source.at(MAX_LINES, &format!("{length} lines, {MAX_LINES} is the limit: split the file")));
    }
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    fn violations(path: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        check(&source(path, text), &mut found);
        found
    }

    #[test]
    fn each_banned_text_is_found_with_its_line() {
        for (head, tail, why) in BANNED {
            let text = format!("//! A file.\n{head}{tail}\n");
            assert_eq!(violations("a/src/b.rs", &text), [format!("a/src/b.rs:2: {why}")]);
        }
        assert!(violations("a/src/b.rs", "#[expect(dead_code, reason = \"…\")]\n").is_empty());
    }

    #[test]
    fn tests_do_not_count_as_lines_of_a_file() {
        let long = "fn f() {}\n".repeat(MAX_LINES);
        assert!(violations("a/src/b.rs", &long).is_empty());
        assert!(violations("a/src/b.rs", &format!("{long}#[cfg(test)]\nmod tests {{\n}}\n")).is_empty());
        assert!(violations("a/src/b/tests.rs", &format!("{long}{long}")).is_empty());
        assert_eq!(violations("a/src/b.rs", &format!("{long}fn g() {{}}\n")).len(), 1);
    }
}
