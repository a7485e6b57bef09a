//! Walks a JSON value along the shape that it should have, and tells everything that differs.

#![expect(clippy::wildcard_enum_match_arm, reason = "every other kind of JSON is the wrong one")]

use serde_json::Value;

use super::shapes;
use super::{MAX_LEVELS, MAX_STEPS};
use crate::document::diagnostics::{Diagnostic, escape_key, nearest};

/// What may stand in a place.
#[derive(Debug)]
pub(super) enum Shape {
    /// Any JSON.
    Any,
    Text,
    Flag,
    /// A whole number that is not negative.
    Whole,
    Number,
    /// A whole number, negative or not.
    Integer,
    /// A text, number or boolean: what can be entered.
    Entered,
    Duration,
    Word(&'static [&'static str]),
    /// An object with any keys.
    Map(&'static Self),
    List(&'static Self),
    OneOrMany(&'static Self),
    /// The shape, or a template that gives it.
    Templated(&'static Self),
    Object(&'static Object),
    Condition,
    Action,
    Step,
    /// Where control goes: the id of a sibling, or an object with exactly one key.
    Jump,
    /// One of the words, or an object.
    WordOr(&'static [&'static str], &'static Object),
    /// An element, or a place in one.
    DragPoint,
}

/// An object with known keys.
#[derive(Debug)]
pub(super) struct Object {
    /// What it is, for a person.
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
    /// Further fields that it shares with others.
    pub(super) shared: Option<&'static Self>,
    /// Keys of the format that this version does not run.
    pub(super) later: &'static [&'static str],
    /// Whether keys that begin with `x-` are kept.
    pub(super) extensible: bool,
}

/// A field of an object.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) shape: &'static Shape,
    pub(super) required: bool,
}

impl Object {
    pub(super) fn all_fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().chain(self.shared.map_or(&[][..], |shared| shared.fields))
    }
}

/// How deep JSON may be nested inside of one step, or of the document beside its steps.
const MAX_INSIDE: u16 = 60;
/// Of a text with more mistakes than this, no one wants to read all.
const MAX_FOUND: usize = 1_000;

/// Tells everything that is wrong with the shape of a document.
pub(super) fn check(document: &Value) -> Vec<Diagnostic> {
    let mut walk = Walk {
        paths: vec![Path { parent: 0, key: Key::Root }],
        queue: Vec::new(),
        found: Vec::new(),
        steps: 0,
    };
    walk.queue.push(Place { value: document, shape: &shapes::DOCUMENT_SHAPE, path: 0, inside: 0, level: 0 });
    // A list of places to visit, and no recursion: hostile nesting cannot reach the end of the stack.
    while let Some(place) = walk.queue.pop() {
        if walk.found.len() >= MAX_FOUND {
            break;
        }
        walk.visit(place);
    }
    walk.found
}

struct Walk<'v> {
    paths: Vec<Path<'v>>,
    queue: Vec<Place<'v>>,
    found: Vec<Diagnostic>,
    steps: usize,
}

#[derive(Clone, Copy)]
struct Place<'v> {
    value: &'v Value,
    shape: &'static Shape,
    path: usize,
    /// Levels of JSON since the last step.
    inside: u16,
    /// Steps around it.
    level: usize,
}

struct Path<'v> {
    parent: usize,
    key: Key<'v>,
}

enum Key<'v> {
    Root,
    Name(&'v str),
    Item(usize),
}

impl<'v> Walk<'v> {
    fn pointer(&self, mut path: usize) -> String {
        let mut segments = Vec::new();
        loop {
            match &self.paths[path].key {
                Key::Root => break,
                Key::Name(name) => segments.push(escape_key(name)),
                Key::Item(index) => segments.push(index.to_string()),
            }
            path = self.paths[path].parent;
        }
        segments.iter().rev().fold(String::new(), |pointer, segment| pointer + "/" + segment)
    }

    fn go(&mut self, from: Place<'v>, key: Key<'v>, value: &'v Value, shape: &'static Shape) {
        self.paths.push(Path { parent: from.path, key });
        let path = self.paths.len() - 1;
        self.queue.push(Place { value, shape, path, inside: from.inside + 1, level: from.level });
    }

    fn tell(&mut self, code: &'static str, place: Place<'v>, message: impl Into<String>) -> &mut Diagnostic {
        let pointer = self.pointer(place.path);
        self.found.push(Diagnostic::error(code, pointer, message));
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    fn wrong_type(&mut self, place: Place<'v>, expected: &str) {
        let message = format!("expected {expected}, found {}", describe(place.value));
        let unquoted = expected == "a text" && (place.value.is_number() || place.value.is_boolean());
        self.tell("wrong_type", place, message).help = unquoted.then(|| "put it in quotes".to_owned());
    }

    fn visit(&mut self, place: Place<'v>) {
        if place.inside > MAX_INSIDE {
            self.tell("too_deep", place, format!("values are nested more than {MAX_INSIDE} levels deep"));
            return;
        }
        let value = place.value;
        match place.shape {
            Shape::Any => self.any(place),
            Shape::Text if !value.is_string() => self.wrong_type(place, "a text"),
            Shape::Flag if !value.is_boolean() => self.wrong_type(place, "true or false"),
            Shape::Whole if !value.is_u64() => self.wrong_type(place, "a whole number, 0 or more"),
            Shape::Integer if !value.is_i64() => self.wrong_type(place, "a whole number"),
            Shape::Number if !value.is_number() => self.wrong_type(place, "a number"),
            Shape::Entered if !(value.is_string() || value.is_number() || value.is_boolean()) => {
                self.wrong_type(place, "a text, a number, or true or false");
            }
            Shape::Text | Shape::Flag | Shape::Whole | Shape::Integer | Shape::Number | Shape::Entered => {}
            Shape::Duration => self.duration(place),
            Shape::Word(words) => self.word(place, words),
            Shape::Map(shape) => self.map(place, shape),
            Shape::List(shape) => self.list(place, shape),
            Shape::OneOrMany(shape) => {
                if value.is_array() {
                    self.list(place, shape);
                } else {
                    self.queue.push(Place { shape, ..place });
                }
            }
            Shape::Templated(shape) => {
                if !value.as_str().is_some_and(|text| text.contains("{{")) {
                    self.queue.push(Place { shape, ..place });
                }
            }
            Shape::Object(object) => self.object(place, object),
            Shape::Condition => match value {
                Value::String(_) | Value::Bool(_) => {}
                Value::Object(_) => self.object(place, &shapes::PAGE_CONDITION),
                _ => self
                    .wrong_type(place, "a condition: an expression, or one of `visible`, `text`, `url`, …"),
            },
            Shape::Action => self.action(place),
            Shape::Step => self.step(place),
            Shape::Jump => match value {
                Value::String(_) => {}
                Value::Object(fields) => {
                    self.object(place, &shapes::THEN);
                    if fields.len() != 1 {
                        self.tell(
                            "invalid_value",
                            place,
                            "exactly one of `goto`, `break` and `continue` is given",
                        );
                    }
                }
                _ => self.wrong_type(place, &format!("the id of a sibling, or {}", shapes::THEN.name)),
            },
            Shape::WordOr(words, object) => match value {
                Value::Object(_) => self.object(place, object),
                _ => self.word(place, words),
            },
            Shape::DragPoint => {
                let offset = value.get("offset").is_some() || value.get("target").is_some();
                let shape = if offset { &shapes::DRAG_OFFSET_SHAPE } else { &shapes::TARGET };
                self.queue.push(Place { shape, ..place });
            }
        }
    }

    fn any(&mut self, place: Place<'v>) {
        match place.value {
            Value::Array(items) => {
                for (index, item) in
                    items.iter().enumerate().filter(|(_, item)| item.is_array() || item.is_object())
                {
                    self.go(place, Key::Item(index), item, &Shape::Any);
                }
            }
            Value::Object(fields) => {
                for (key, field) in fields.iter().filter(|(_, field)| field.is_array() || field.is_object()) {
                    self.go(place, Key::Name(key), field, &Shape::Any);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn map(&mut self, place: Place<'v>, shape: &'static Shape) {
        match place.value {
            Value::Object(fields) => {
                for (key, field) in fields {
                    self.go(place, Key::Name(key), field, shape);
                }
            }
            _ => self.wrong_type(place, "a map"),
        }
    }

    fn list(&mut self, place: Place<'v>, shape: &'static Shape) {
        match place.value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.go(place, Key::Item(index), item, shape);
                }
            }
            _ => self.wrong_type(place, "a list"),
        }
    }

    fn duration(&mut self, place: Place<'v>) {
        match place.value {
            Value::String(_) | Value::Number(_) => {
                if let Err(error) = serde_json::from_value::<crate::document::Span>(place.value.clone()) {
                    self.tell("invalid_value", place, error.to_string());
                }
            }
            _ => self.wrong_type(place, "a duration, for example \"30s\""),
        }
    }

    fn word(&mut self, place: Place<'v>, words: &'static [&'static str]) {
        let Value::String(word) = place.value else {
            return self.wrong_type(place, &one_of(words));
        };
        if !words.contains(&word.as_str()) {
            let near = nearest(word, words.iter().copied());
            let help = near.map(|near| format!("did you mean `{near}`?"));
            let message = format!("`{}` is none of {}", shorten(word), one_of(words));
            self.tell("invalid_value", place, message).help = help;
        }
    }

    fn object(&mut self, place: Place<'v>, object: &'static Object) {
        let Value::Object(fields) = place.value else {
            return self.wrong_type(place, object.name);
        };
        for (key, value) in fields {
            if let Some(field) = object.all_fields().find(|field| field.key == key) {
                self.go(place, Key::Name(key), value, field.shape);
            } else if object.extensible && key.starts_with("x-") {
                self.go(place, Key::Name(key), value, &Shape::Any);
            } else {
                self.unknown_key(place, object, key);
            }
        }
        for field in object.all_fields().filter(|field| field.required && !fields.contains_key(field.key)) {
            if field.key == "maxIterations" {
                let message = "the loop has no bound";
                self.tell("unbounded_loop", place, message).help = Some("give it `maxIterations`".to_owned());
            } else {
                self.tell("missing_field", place, format!("{} has no `{}`", object.name, field.key));
            }
        }
    }

    fn unknown_key(&mut self, place: Place<'v>, object: &'static Object, key: &'v str) {
        self.paths.push(Path { parent: place.path, key: Key::Name(key) });
        let place = Place { path: self.paths.len() - 1, ..place };
        if object.later.contains(&key) {
            self.tell("not_supported", place, format!("`{key}` is not supported yet"));
            return;
        }
        let near = nearest(key, object.all_fields().map(|field| field.key));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        let message = format!("{} has no key `{}`", object.name, shorten(key));
        self.tell("unknown_key", place, message).help = help;
    }

    fn action(&mut self, place: Place<'v>) {
        if !place.value.is_object() {
            return self.wrong_type(place, "an action, for example { action: click, target: { css: … } }");
        }
        let name = match place.value.get("action") {
            None => {
                let message = "the action does not say which it is";
                self.tell("missing_field", place, message).help =
                    Some("give it `action: navigate`, `click`, `fill`, …".to_owned());
                return;
            }
            Some(Value::String(name)) => name,
            Some(value) => {
                self.paths.push(Path { parent: place.path, key: Key::Name("action") });
                return self.wrong_type(
                    Place { value, path: self.paths.len() - 1, ..place },
                    "the name of an action",
                );
            }
        };
        let known = shapes::ACTIONS.iter().find(|(known, _)| known == name);
        if let Some((_, object)) = known {
            return self.object(place, object);
        }
        if name.contains('.') {
            return self.object(place, &shapes::CUSTOM_ACTION);
        }
        self.paths.push(Path { parent: place.path, key: Key::Name("action") });
        let place = Place { path: self.paths.len() - 1, ..place };
        if shapes::LATER_ACTIONS.contains(&name.as_str()) {
            self.tell("not_supported", place, format!("the action `{name}` is not supported yet"));
            return;
        }
        let near = nearest(name, shapes::ACTIONS.iter().map(|(name, _)| *name));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        self.tell("unknown_action", place, format!("there is no action `{}`", shorten(name))).help = help;
    }

    fn step(&mut self, place: Place<'v>) {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            if self.steps == MAX_STEPS + 1 {
                self.found.push(Diagnostic::error(
                    "too_many_steps",
                    "/steps",
                    format!("the document has more than {MAX_STEPS} steps"),
                ));
            }
            return;
        }
        let level = place.level + 1;
        if level > MAX_LEVELS {
            self.tell("too_deep", place, format!("steps stand in steps at most {MAX_LEVELS} levels deep"));
            return;
        }
        let place = Place { inside: 0, level, ..place };
        let kind = match place.value.get("type") {
            None => "task",
            Some(Value::String(kind)) => kind,
            Some(_) => "",
        };
        if let Some((_, object)) = shapes::STEPS.iter().find(|(known, _)| *known == kind) {
            return self.object(place, object);
        }
        self.paths.push(Path { parent: place.path, key: Key::Name("type") });
        let place = Place { value: &place.value["type"], path: self.paths.len() - 1, ..place };
        if kind == "call" {
            self.tell("not_supported", place, "steps of type `call` are not supported yet");
        } else {
            self.word(place, &crate::document::StepKind::NAMES);
        }
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing (null)".to_owned(),
        Value::Bool(value) => format!("{value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text \"{}\"", shorten(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

fn one_of(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
