//! Templates: texts with `{{ … }}` in them, and JSON with such texts in it.

use serde_json::{Map, Value};

use super::expression::{Expression, ExpressionError, ExpressionErrorKind, Scope};
use super::host_filters::Filters;
use super::value::{Null, append_text};
use crate::document::{Text, TextPart};

/// A piece of a text.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Plain(Box<str>),
    Expression(Expression),
    Secret(Box<str>),
}

/// A text with at least one `{{ … }}` in it.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    source: Box<str>,
    pieces: Vec<Piece>,
}

impl Template {
    /// Parses a text; `None` where nothing in it is a template.
    pub(crate) fn parse(source: &str, filters: &Filters) -> Result<Option<Self>, ExpressionError> {
        if source.contains("{%") {
            let message = "statements (`{% … %}`) are not allowed";
            return Err(ExpressionError::new(ExpressionErrorKind::Statement, message, source));
        }
        if !source.contains("{{") {
            return Ok(None);
        }
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some(start) = rest.find("{{") {
            if start > 0 {
                pieces.push(Piece::Plain(rest[..start].into()));
            }
            let inside = &rest[start + 2..];
            let end = closing(inside).ok_or_else(|| {
                ExpressionError::new(ExpressionErrorKind::Syntax, "`{{` without `}}`", source)
            })?;
            pieces.push(match secret_name(&inside[..end]) {
                Some(name) => Piece::Secret(name.into()),
                None => Piece::Expression(Expression::parse_with(&inside[..end], filters)?),
            });
            rest = &inside[end + 2..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Plain(rest.into()));
        }
        Ok(Some(Self { source: source.into(), pieces }))
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The expression, where the whole text is exactly one.
    pub(crate) fn single(&self) -> Option<&Expression> {
        match self.pieces.as_slice() {
            [Piece::Expression(expression)] => Some(expression),
            _ => None,
        }
    }

    /// The text that it gives.
    pub(crate) fn text(&self, scope: &Scope, null: Null) -> Result<String, ExpressionError> {
        let mut out = String::with_capacity(self.source.len());
        for piece in &self.pieces {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::Expression(expression) => append(expression, scope, null, &mut out)?,
                Piece::Secret(_) => return Err(self.secret_refused()),
            }
        }
        Ok(out)
    }

    /// What it gives to be entered: one `{{ … }}` keeps its type, secrets stay handles.
    pub(crate) fn entered(&self, scope: &Scope) -> Result<Text, ExpressionError> {
        if let Some(expression) = self.single() {
            let refused = |what: &str| {
                let message = format!("{what} cannot be entered: a text, a number or true or false can");
                ExpressionError::new(ExpressionErrorKind::Type, message, &self.source)
            };
            return match expression.evaluate(scope)? {
                Value::String(text) => Ok(Text::Plain(text)),
                Value::Number(number) => Ok(Text::Number(number)),
                Value::Bool(value) => Ok(Text::Boolean(value)),
                Value::Null => Err(refused("null")),
                Value::Array(_) => Err(refused("a list")),
                Value::Object(_) => Err(refused("a map")),
            };
        }
        if !self.pieces.iter().any(|piece| matches!(piece, Piece::Secret(_))) {
            return self.text(scope, Null::Refused).map(Text::Plain);
        }
        let mut parts: Vec<TextPart> = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            match piece {
                Piece::Plain(text) => parts.push(TextPart::Plain { text: text.to_string() }),
                Piece::Secret(secret) => parts.push(TextPart::Secret { secret: secret.to_string() }),
                Piece::Expression(expression) => {
                    let mut text = String::new();
                    append(expression, scope, Null::Refused, &mut text)?;
                    parts.push(TextPart::Plain { text });
                }
            }
        }
        Ok(Text::Sealed { parts })
    }

    /// What it gives as JSON: one `{{ … }}` keeps its type, everything else is a text.
    fn json(&self, scope: &Scope) -> Result<Value, ExpressionError> {
        match self.single() {
            Some(expression) => expression.evaluate(scope),
            None => self.text(scope, Null::Shown).map(Value::String),
        }
    }

    fn secret_refused(&self) -> ExpressionError {
        let message = "secrets stand only in what `fill` and `type` enter";
        ExpressionError::new(ExpressionErrorKind::Secret, message, &self.source)
    }
}

fn append(
    expression: &Expression,
    scope: &Scope,
    null: Null,
    out: &mut String,
) -> Result<(), ExpressionError> {
    let value = expression.value(scope)?;
    append_text(&value, null, out)
        .map_err(|(kind, message)| ExpressionError::new(kind, message, expression.source()))
}

/// The place of the `}}` that ends an expression: the first outside of its string literals and braces.
fn closing(inside: &str) -> Option<usize> {
    let bytes = inside.as_bytes();
    let (mut quote, mut depth, mut at) = (None, 0usize, 0);
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The name, where an expression is exactly `secrets.NAME`.
fn secret_name(expression: &str) -> Option<&str> {
    let name = expression.trim().strip_prefix("secrets.")?;
    let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    named.then_some(name)
}

/// JSON with templates in its strings. A string that is exactly one `{{ … }}` keeps the type of its value.
#[derive(Debug, Clone)]
pub struct JsonTemplate {
    node: Node,
}

#[derive(Debug, Clone)]
enum Node {
    Constant(Value),
    Template(Template),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl JsonTemplate {
    /// Parses all strings of a value, with the filters of the format alone. The keys of objects are no templates.
    ///
    /// # Errors
    /// Where a string is no template; the place says which.
    pub fn parse(value: &Value) -> Result<Self, ExpressionError> {
        Self::parse_with(value, &Filters::default())
    }

    /// Parses all strings of a value, which may use a host's filters, too.
    ///
    /// # Errors
    /// As for [`JsonTemplate::parse`].
    pub fn parse_with(value: &Value, filters: &Filters) -> Result<Self, ExpressionError> {
        Node::parse(value, filters).map(|node| Self { node })
    }

    /// A template that always gives this value.
    #[must_use]
    pub const fn constant(value: Value) -> Self {
        Self { node: Node::Constant(value) }
    }

    /// Whether nothing in it is a template.
    #[must_use]
    pub const fn is_constant(&self) -> bool {
        matches!(self.node, Node::Constant(_))
    }

    /// The value that it gives.
    ///
    /// # Errors
    /// Where an expression in it fails; the place says which.
    pub fn render(&self, scope: &Scope) -> Result<Value, ExpressionError> {
        self.node.render(scope)
    }

    /// Shows every template in it with its place, a JSON pointer.
    pub(crate) fn for_each(&self, visit: &mut dyn FnMut(&str, &Template)) {
        self.node.for_each("", visit);
    }
}

impl Node {
    fn parse(value: &Value, filters: &Filters) -> Result<Self, ExpressionError> {
        match value {
            Value::String(text) => {
                Ok(Template::parse(text, filters)?
                    .map_or_else(|| Self::Constant(value.clone()), Self::Template))
            }
            Value::Array(items) => {
                let nodes = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| {
                        Self::parse(item, filters).map_err(|error| error.within(&index.to_string()))
                    })
                    .collect::<Result<Vec<_>, _>>()?;
                let constant = nodes.iter().all(|node| matches!(node, Self::Constant(_)));
                Ok(if constant { Self::Constant(value.clone()) } else { Self::List(nodes) })
            }
            Value::Object(fields) => {
                let nodes = fields
                    .iter()
                    .map(|(key, field)| {
                        let node = Self::parse(field, filters).map_err(|error| error.within(key))?;
                        Ok((key.clone(), node))
                    })
                    .collect::<Result<Vec<_>, ExpressionError>>()?;
                let constant = nodes.iter().all(|(_, node)| matches!(node, Self::Constant(_)));
                Ok(if constant { Self::Constant(value.clone()) } else { Self::Map(nodes) })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(Self::Constant(value.clone())),
        }
    }

    fn render(&self, scope: &Scope) -> Result<Value, ExpressionError> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Template(template) => template.json(scope),
            Self::List(nodes) => nodes
                .iter()
                .enumerate()
                .map(|(index, node)| node.render(scope).map_err(|error| error.within(&index.to_string())))
                .collect(),
            Self::Map(nodes) => nodes
                .iter()
                .map(|(key, node)| {
                    let value = node.render(scope).map_err(|error| error.within(key))?;
                    Ok((key.clone(), value))
                })
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
        }
    }

    fn for_each(&self, place: &str, visit: &mut dyn FnMut(&str, &Template)) {
        match self {
            Self::Constant(_) => {}
            Self::Template(template) => visit(place, template),
            Self::List(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    node.for_each(&format!("{place}/{index}"), visit);
                }
            }
            Self::Map(nodes) => {
                for (key, node) in nodes {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    node.for_each(&format!("{place}/{key}"), visit);
                }
            }
        }
    }
}
