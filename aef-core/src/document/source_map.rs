//! From JSON pointers to places in the text of a document.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, Span, StrInput};

use super::diagnostics::{Position, escape_key};

/// Where each value of a document stands in its text, JSON or YAML.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    places: BTreeMap<String, Place>,
    root: Option<Position>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    key: Option<Position>,
    value: Position,
    container: bool,
}

enum Frame {
    /// A map, its pointer, and the key that waits for its value.
    Map { pointer: String, key: Option<(String, Position)> },
    /// A list, its pointer, and how many items it has so far.
    List { pointer: String, next: usize },
}

impl SourceMap {
    /// Reads the places of a text, up to where it can be read.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut map = Self::default();
        let offsets = Offsets::new(text);
        let mut stack: Vec<Frame> = Vec::new();
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else { break };
            let position = offsets.position(text, span);
            match event {
                Event::Scalar(value, ..) => {
                    if let Some(Frame::Map { key: key @ None, .. }) = stack.last_mut() {
                        *key = Some((value.into_owned(), position));
                    } else {
                        map.value(&mut stack, position, false);
                    }
                }
                Event::Alias(_) => {
                    map.value(&mut stack, position, false);
                }
                Event::MappingStart(..) => {
                    let pointer = map.value(&mut stack, position, true);
                    stack.push(Frame::Map { pointer, key: None });
                }
                Event::SequenceStart(..) => {
                    let pointer = map.value(&mut stack, position, true);
                    stack.push(Frame::List { pointer, next: 0 });
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    stack.pop();
                }
                Event::DocumentEnd => break,
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
            }
        }
        map
    }

    /// The place of a value: of the value itself where it is a scalar, else of the key or the item that holds it. A
    /// pointer to what is not there gives the place of what is around it.
    #[must_use]
    pub fn position(&self, pointer: &str, on_key: bool) -> Option<Position> {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.places.get(pointer) {
                let shown = if on_key || place.container { place.key } else { None };
                return Some(shown.unwrap_or(place.value));
            }
            match pointer.rfind('/') {
                Some(end) => pointer = &pointer[..end],
                None => return self.root,
            }
        }
    }

    /// Notes a value and gives its pointer.
    fn value(&mut self, stack: &mut [Frame], value: Position, container: bool) -> String {
        let (pointer, key) = match stack.last_mut() {
            None => (String::new(), None),
            Some(Frame::List { pointer, next }) => {
                *next += 1;
                (format!("{pointer}/{}", *next - 1), None)
            }
            Some(Frame::Map { pointer, key }) => match key.take() {
                Some((name, position)) => (format!("{pointer}/{}", escape_key(&name)), Some(position)),
                // A map or a list as a key; readers refuse it.
                None => {
                    *key = Some((String::new(), value));
                    (format!("{pointer}/"), None)
                }
            },
        };
        if pointer.is_empty() {
            self.root = Some(Position { length: 1, ..value });
        }
        // A container is marked at its beginning, not over its whole length.
        let value = if container { Position { length: value.length.min(1), ..value } } else { value };
        self.places.entry(pointer.clone()).or_insert(Place { key, value, container });
        pointer
    }
}

/// The parser counts characters; texts are cut in bytes.
struct Offsets {
    /// The byte of every 64th character, where the text is not plain ASCII.
    marks: Option<Vec<usize>>,
}

const STRIDE: usize = 64;

impl Offsets {
    fn new(text: &str) -> Self {
        let marks =
            (!text.is_ascii()).then(|| text.char_indices().step_by(STRIDE).map(|(byte, _)| byte).collect());
        Self { marks }
    }

    fn byte(&self, text: &str, character: usize) -> usize {
        let Some(marks) = &self.marks else { return character.min(text.len()) };
        let Some(&mark) = marks.get(character / STRIDE) else { return text.len() };
        text[mark..].char_indices().nth(character % STRIDE).map_or(text.len(), |(byte, _)| mark + byte)
    }

    fn position(&self, text: &str, span: Span) -> Position {
        let offset = self.byte(text, span.start.index());
        let end = self.byte(text, span.end.index()).max(offset);
        let length = text[offset..end].trim_end().len();
        Position { line: span.start.line(), column: span.start.col() + 1, offset, length }
    }
}

/// The first place at which YAML reads an unquoted `{{` as a map that is the key of a map.
pub(crate) fn unquoted_template(text: &str) -> Option<Position> {
    if !text.contains("{{") {
        return None;
    }
    let offsets = Offsets::new(text);
    Parser::<StrInput<'_>>::new_from_str(text)
        .map_while(Result::ok)
        .map(|(event, span)| (matches!(event, Event::MappingStart(..)), span))
        .scan(None::<Span>, |last, (opens, span)| {
            let found = opens && last.is_some_and(|outer| outer.start.index() + 1 == span.start.index());
            let place = found.then(|| last.unwrap_or(span));
            *last = opens.then_some(span);
            Some(place)
        })
        .flatten()
        .map(|span| offsets.position(text, span))
        .find(|position| text[position.offset..].starts_with("{{"))
        .map(|position| Position { length: 2, ..position })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place<'t>(text: &'t str, pointer: &str, on_key: bool) -> (usize, usize, &'t str) {
        let position = SourceMap::new(text).position(pointer, on_key).unwrap();
        (position.line, position.column, &text[position.offset..position.offset + position.length])
    }

    #[test]
    fn yaml_and_json_have_the_same_pointers() {
        let yaml = "title: Größe\nsteps:\n  - id: a\n    name: \"x\"\n";
        assert_eq!(place(yaml, "/steps/0/id", false), (3, 9, "a"));
        assert_eq!(place(yaml, "/steps/0/name", true), (4, 5, "name"));
        assert_eq!(place(yaml, "/steps", false), (2, 1, "steps"));
        let json = "{\n\t\"steps\": [ { \"id\": \"a\" } ] }";
        assert_eq!(place(json, "/steps/0/id", false).2, "\"a\"");
    }

    #[test]
    fn what_is_not_there_is_shown_where_it_should_be() {
        assert_eq!(place("a:\n  b: 1\n", "/a/missing/deeper", false), (1, 1, "a"));
    }

    #[test]
    fn an_unquoted_template_is_found() {
        let text = "a: 1\nurl: {{ inputs.x }}/y\n";
        assert_eq!(unquoted_template(text).map(|position| (position.line, position.column)), Some((2, 6)));
        assert_eq!(unquoted_template("url: \"{{ inputs.x }}\"\n"), None);
        assert_eq!(unquoted_template("a: { b: { c: 1 } }\n"), None);
    }
}
