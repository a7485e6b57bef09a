//! Expressions: parsed once, evaluated against a scope that is asked for one name at a time.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;

use super::environment::{TIMEZONE, environment};
use super::host_filters::Filters;
use super::tokens::operators;
use super::value::to_json;

/// The names that an expression may use.
pub trait Names: fmt::Debug + Send + Sync + 'static {
    /// The value of a name; `None` where there is none.
    fn lookup(&self, name: &str) -> Option<Value>;

    /// The IANA time zone of the `date` filter.
    fn timezone(&self) -> &str;
}

/// A shared [`Names`].
pub type Scope = Arc<dyn Names>;

/// The longest expression or template that is read, in bytes.
pub const MAX_EXPRESSION: usize = 64 * 1024;

/// How many operators (signs, dots, filters, `and`, `is`, …) one expression may have.
const MAX_OPERATORS: usize = 256;

/// Why an expression or template could not be read or evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}, in `{source_text}`{}", self.place_suffix())]
pub struct ExpressionError {
    /// What went wrong.
    pub kind: ExpressionErrorKind,
    /// The same in words.
    pub message: String,
    /// The expression or template, shortened where it is long.
    pub source_text: String,
    /// The JSON pointer to it inside the action, condition or value; empty where it is the whole.
    pub place: String,
}

/// What can go wrong with an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpressionErrorKind {
    /// It cannot be parsed.
    Syntax,
    /// It is too long.
    TooLong,
    /// It holds `{{`, where the whole is an expression already.
    Braces,
    /// It holds a statement, `{% … %}`.
    Statement,
    /// It uses a secret otherwise than as `{{ secrets.NAME }}` in a text that is entered.
    Secret,
    /// Its result, or something it reads, is undefined.
    Undefined,
    /// It names a filter, test or function that there is not.
    Unknown,
    /// It failed.
    Evaluation,
    /// It took more steps than an expression may.
    OutOfFuel,
    /// Its result has a type that cannot stand in this place.
    Type,
    /// Its result is larger than a value may be.
    TooLarge,
}

impl ExpressionError {
    pub(crate) fn new(kind: ExpressionErrorKind, message: impl Into<String>, source: &str) -> Self {
        let mut source_text: String = source.chars().take(120).collect();
        if source_text.len() < source.len() {
            source_text.push('…');
        }
        Self { kind, message: message.into(), source_text, place: String::new() }
    }

    pub(crate) fn within(mut self, key: &str) -> Self {
        self.place.insert_str(0, &format!("/{}", key.replace('~', "~0").replace('/', "~1")));
        self
    }

    fn place_suffix(&self) -> String {
        if self.place.is_empty() { String::new() } else { format!(" at {}", self.place) }
    }

    fn evaluation(error: &minijinja::Error, source: &str) -> Self {
        use minijinja::ErrorKind as Kind;
        #[expect(clippy::wildcard_enum_match_arm, reason = "all other kinds are failures of evaluation")]
        let kind = match error.kind() {
            Kind::SyntaxError | Kind::BadEscape => ExpressionErrorKind::Syntax,
            Kind::UndefinedError => ExpressionErrorKind::Undefined,
            Kind::UnknownFilter | Kind::UnknownTest | Kind::UnknownFunction | Kind::UnknownMethod => {
                ExpressionErrorKind::Unknown
            }
            Kind::OutOfFuel => ExpressionErrorKind::OutOfFuel,
            _ => ExpressionErrorKind::Evaluation,
        };
        let message = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        Self::new(kind, message, source)
    }

    fn undefined(source: &str) -> Self {
        Self::new(ExpressionErrorKind::Undefined, "the result is undefined", source)
    }
}

/// A parsed expression. Cheap to clone.
#[derive(Clone)]
pub struct Expression {
    inner: Arc<Inner>,
}

struct Inner {
    source: Box<str>,
    code: Code,
}

enum Code {
    /// A dotted name, the most frequent expression by far: looked up without the virtual machine.
    Path(Box<str>, Box<[Box<str>]>),
    Program(minijinja::Expression<'static, 'static>),
    /// One that uses filters of a host. Their environment ends with its last plan, so what is compiled in it cannot be
    /// kept beside it: it is compiled for each evaluation.
    Hosted(Filters),
}

/// Gives a scope to minijinja, one name at a time.
#[derive(Debug)]
struct Context(Scope);

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == TIMEZONE { Some(Value::from(self.0.timezone())) } else { self.0.lookup(key) }
    }
}

impl Expression {
    /// Parses an expression that uses the filters of the format alone.
    ///
    /// # Errors
    /// Where it is no expression.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        Self::parse_with(source, &Filters::default())
    }

    /// Parses an expression that may use a host's filters, too.
    ///
    /// # Errors
    /// Where it is no expression.
    pub fn parse_with(source: &str, filters: &Filters) -> Result<Self, ExpressionError> {
        use ExpressionErrorKind as Kind;
        if source.len() > MAX_EXPRESSION {
            return Err(ExpressionError::new(Kind::TooLong, "an expression has at most 64 KiB", source));
        }
        // A chain of operators is a tree as deep as it is long, and minijinja walks trees by recursion.
        if operators(source) > MAX_OPERATORS {
            let message = format!("an expression has at most {MAX_OPERATORS} operators");
            return Err(ExpressionError::new(Kind::TooLong, message, source));
        }
        if source.contains("{%") {
            return Err(ExpressionError::new(
                Kind::Statement,
                "statements (`{% … %}`) are not allowed",
                source,
            ));
        }
        if source.trim_start().starts_with("{{") {
            let message = "this is an expression already: write it without `{{` and `}}`";
            return Err(ExpressionError::new(Kind::Braces, message, source));
        }
        let code = match path(source.trim()) {
            Some((root, rest)) => Code::Path(root, rest),
            None if filters.are_in(source) => {
                hosted(filters, source)?;
                Code::Hosted(filters.clone())
            }
            None => Code::Program(
                environment()
                    .compile_expression_owned(source.to_owned())
                    .map_err(|error| ExpressionError::evaluation(&error, source))?,
            ),
        };
        Ok(Self { inner: Arc::new(Inner { source: source.into(), code }) })
    }

    /// The expression as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// Evaluates it to JSON.
    ///
    /// # Errors
    /// Where evaluation fails, or its result is undefined or too large.
    pub fn evaluate(&self, scope: &Scope) -> Result<serde_json::Value, ExpressionError> {
        let value = self.value(scope)?;
        to_json(&value).map_err(|(kind, message)| ExpressionError::new(kind, message, self.source()))
    }

    /// Evaluates it to true or false: empty texts, lists and maps, zero and null are false.
    ///
    /// # Errors
    /// As for [`Expression::evaluate`].
    pub fn truth(&self, scope: &Scope) -> Result<bool, ExpressionError> {
        Ok(self.value(scope)?.is_true())
    }

    /// Evaluates it; the result is never undefined.
    pub(crate) fn value(&self, scope: &Scope) -> Result<Value, ExpressionError> {
        let value = match &self.inner.code {
            Code::Path(root, rest) => self.follow(scope, root, rest)?,
            Code::Program(program) => self.run(program, scope)?,
            Code::Hosted(filters) => self.run(&hosted(filters, self.source())?, scope)?,
        };
        if value.is_undefined() { Err(ExpressionError::undefined(self.source())) } else { Ok(value) }
    }

    fn run(&self, program: &minijinja::Expression<'_, '_>, scope: &Scope) -> Result<Value, ExpressionError> {
        program
            .eval(Value::from_object(Context(Arc::clone(scope))))
            .map_err(|error| ExpressionError::evaluation(&error, self.source()))
    }

    fn follow(&self, scope: &Scope, root: &str, rest: &[Box<str>]) -> Result<Value, ExpressionError> {
        let undefined = |name: &str| {
            let message = format!("`{name}` is undefined");
            ExpressionError::new(ExpressionErrorKind::Undefined, message, self.source())
        };
        let mut value = scope.lookup(root).ok_or_else(|| undefined(root))?;
        for key in rest {
            value =
                value.get_attr(key).map_err(|error| ExpressionError::evaluation(&error, self.source()))?;
            if value.is_undefined() {
                return Err(undefined(key));
            }
        }
        Ok(value)
    }

    /// The names that it reads, dotted as far as they are constant.
    pub(crate) fn names(&self) -> Vec<String> {
        match &self.inner.code {
            Code::Path(root, rest) => {
                let mut name = root.to_string();
                for key in rest {
                    name.push('.');
                    name.push_str(key);
                }
                vec![name]
            }
            Code::Program(program) => names_of(program),
            Code::Hosted(filters) => {
                hosted(filters, self.source()).map_or_else(|_| Vec::new(), |program| names_of(&program))
            }
        }
    }
}

fn hosted<'a>(
    filters: &'a Filters,
    source: &'a str,
) -> Result<minijinja::Expression<'a, 'a>, ExpressionError> {
    let compiled = filters.environment().compile_expression(source);
    compiled.map_err(|error| ExpressionError::evaluation(&error, source))
}

fn names_of(program: &minijinja::Expression<'_, '_>) -> Vec<String> {
    let mut names: Vec<_> = program.undeclared_variables(true).into_iter().collect();
    names.sort();
    names
}

impl fmt::Debug for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Expression").field(&self.source()).finish()
    }
}

/// A name and the keys behind it.
type DottedName = (Box<str>, Box<[Box<str>]>);

/// Reads `name.key.key`; anything else, the constants included, is for the full parser.
fn path(source: &str) -> Option<DottedName> {
    const WORDS: [&str; 14] = [
        "true", "True", "false", "False", "none", "None", "not", "and", "or", "in", "is", "if", "else",
        "self",
    ];
    let identifier = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let mut parts = source.split('.');
    let root = parts.next().filter(|root| identifier(root) && !WORDS.contains(root))?;
    let rest: Vec<_> = parts.map(|part| identifier(part).then(|| part.into())).collect::<Option<_>>()?;
    Some((root.into(), rest.into()))
}
