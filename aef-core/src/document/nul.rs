//! Texts that not every store can keep.

#![expect(clippy::wildcard_enum_match_arm, reason = "every other kind of JSON holds no text")]

use serde_json::Value;

use super::diagnostics::escape_key;

/// The place of the first text or key that holds a NUL (U+0000), as a JSON pointer. No page shows one, and PostgreSQL keeps
/// none.
#[must_use]
pub fn nul_in(value: &Value) -> Option<String> {
    // A list of places to visit, and no recursion: hostile nesting cannot reach the end of the stack.
    let mut parents: Vec<(usize, Option<&str>, usize)> = vec![(0, None, 0)];
    let mut queue = vec![(value, 0)];
    while let Some((value, place)) = queue.pop() {
        let found = match value {
            Value::String(text) => text.contains('\0').then_some(place),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate().rev() {
                    parents.push((place, None, index));
                    queue.push((item, parents.len() - 1));
                }
                None
            }
            Value::Object(fields) => {
                for (key, item) in fields.iter().rev() {
                    parents.push((place, Some(key), 0));
                    queue.push((item, parents.len() - 1));
                }
                fields.keys().any(|key| key.contains('\0')).then_some(place)
            }
            _ => None,
        };
        if let Some(place) = found {
            return Some(pointer(&parents, place));
        }
    }
    None
}

fn pointer(parents: &[(usize, Option<&str>, usize)], mut place: usize) -> String {
    let mut parts = Vec::new();
    while place != 0 {
        let (parent, key, index) = parents[place];
        parts.push(key.map_or_else(|| index.to_string(), escape_key));
        place = parent;
    }
    parts.iter().rev().map(|part| format!("/{part}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_nul_is_found_where_it_stands() {
        let found = |value: Value| nul_in(&value);
        assert_eq!(found(json!({ "a": ["b", "\\u0000", 0, null, {}] })), None);
        assert_eq!(found(json!("\0")).as_deref(), Some(""));
        assert_eq!(found(json!({ "a": [1, { "b/~": "x\0" }], "c": "\0" })).as_deref(), Some("/a/1/b~1~0"));
        assert_eq!(found(json!({ "a": { "b\0": 1 } })).as_deref(), Some("/a"), "a key is its object's");
    }

    #[test]
    fn the_deepest_value_is_walked() {
        let mut deep = json!("\0");
        for _ in 0..10_000 {
            deep = Value::Array(vec![deep]);
        }
        assert_eq!(nul_in(&deep).map(|pointer| pointer.len()), Some(20_000));
        // Dropping it level by level spares the stack, too.
        while let Value::Array(mut items) = deep {
            deep = items.pop().unwrap_or_default();
        }
    }
}
