//! The filters that a host adds to those of the format.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use minijinja::value::{Rest, Serde};
use minijinja::{Environment, Error, ErrorKind, Value as Seen};
use serde_json::Value;

use super::environment::{environment, new_environment};
use super::tokens::{filter_at, tokens};
use super::value::to_json;

/// Why a filter could not give a value.
pub type FilterError = Box<dyn std::error::Error + Send + Sync>;

/// A host's own filters for expressions and templates: `{{ mail.from | initials }}`.
///
/// A filter is a pure function of the value in front of it and of its arguments: it reads no clock, asks nobody and draws
/// no random number, and gives the same for the same. What it gives stands in the journal, so a newer filter changes no
/// execution's past, but an expression may be evaluated more than once before it is written down. A filter is not
/// interrupted: it should be quick. A panic in it fails the expression.
///
/// Documents that name a filter are compiled with it, by [`Engine::compile`](crate::engine::Engine::compile) or with
/// [`CompileOptions`](super::CompileOptions); without, they are refused with `expression_unknown`.
///
/// ```
/// use aef_core::document::Document;
/// use aef_core::plan::{CompileOptions, Filters, Plan};
/// use serde_json::{Value, json};
///
/// let mut filters = Filters::default();
/// filters.add("initials", |name: &Value, _arguments: &[Value]| {
///     let name = name.as_str().ok_or("initials are those of a text")?;
///     Ok(json!(name.split_whitespace().filter_map(|word| word.chars().next()).collect::<String>()))
/// })?;
/// let document = Document::from_yaml(
///     r#"
///     aef: 1
///     id: sign
///     steps:
///       - { id: done, type: end, result: { by: "{{ 'Ada Lovelace' | initials }}" } }
///     "#,
/// )?;
/// assert!(Plan::compile(&document).is_err());
/// Plan::compile_with(&document, &CompileOptions { filters, ..CompileOptions::default() })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Filters {
    names: BTreeSet<String>,
    /// The environment with them; that of the format where there are none.
    environment: Option<Arc<Environment<'static>>>,
}

/// A name that no filter can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterNameError {
    /// Expressions cannot write it: it is no identifier.
    #[error("`{0}` is no name for a filter: letters, digits and `_` are, not beginning with a digit")]
    Invalid(String),
    /// The format has a filter of this name, or it was added before.
    #[error("there is a filter `{0}` already")]
    Taken(String),
}

impl Filters {
    /// Adds a filter. It is given the value in front of it and its arguments.
    ///
    /// # Errors
    /// Where it cannot have this name.
    pub fn add<F>(&mut self, name: impl Into<String>, filter: F) -> Result<(), FilterNameError>
    where
        F: Fn(&Value, &[Value]) -> Result<Value, FilterError> + Send + Sync + 'static,
    {
        let name = name.into();
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(FilterNameError::Invalid(name));
        }
        if self.exists(&name) {
            return Err(FilterNameError::Taken(name));
        }
        let shared = self.environment.get_or_insert_with(|| Arc::new(new_environment()));
        let called = name.clone();
        Arc::make_mut(shared).add_filter(name.clone(), move |value: Seen, arguments: Rest<Seen>| {
            apply(&called, &filter, &value, &arguments)
        });
        self.names.insert(name);
        Ok(())
    }

    /// Whether there is a filter of this name, here or in the format.
    pub(super) fn exists(&self, name: &str) -> bool {
        let outcome = self.environment().empty_state().apply_filter(name, &[]);
        !matches!(outcome, Err(error) if error.kind() == ErrorKind::UnknownFilter)
    }

    /// Whether an expression uses one of them.
    pub(super) fn are_in(&self, source: &str) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let tokens = tokens(source);
        (0..tokens.len()).any(|index| filter_at(&tokens, index).is_some_and(|name| self.names.contains(name)))
    }

    pub(super) fn environment(&self) -> &Environment<'static> {
        self.environment.as_deref().unwrap_or_else(|| environment())
    }
}

impl fmt::Debug for Filters {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(&self.names).finish()
    }
}

/// A filter, as it is called.
type Filter = dyn Fn(&Value, &[Value]) -> Result<Value, FilterError>;

/// What a filter failed with, as an error that has a type.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Failed(FilterError);

fn apply(name: &str, filter: &Filter, value: &Seen, arguments: &[Seen]) -> Result<Seen, Error> {
    let value = given(value)?;
    let arguments = arguments.iter().map(given).collect::<Result<Vec<_>, _>>()?;
    // A bug of the host must not take the worker along.
    let result = catch_unwind(AssertUnwindSafe(|| filter(&value, &arguments)))
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, format!("the filter `{name}` panicked")))?;
    match result {
        Ok(value) => Ok(Seen::from(Serde(value))),
        Err(error) => {
            Err(Error::new(ErrorKind::InvalidOperation, format!("`{name}`: {error}"))
                .with_source(Failed(error)))
        }
    }
}

/// What a filter is given; undefined is an error, as everywhere.
fn given(value: &Seen) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    to_json(value).map_err(|(_, message)| Error::new(ErrorKind::InvalidOperation, message))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::expression::{ExpressionError, ExpressionErrorKind, Names};
    use super::super::{Expression, Scope};
    use super::*;

    #[derive(Debug)]
    struct Nothing;

    impl Names for Nothing {
        fn lookup(&self, name: &str) -> Option<Seen> {
            (name == "n").then(|| Seen::from(20))
        }

        fn timezone(&self) -> &str {
            "UTC"
        }
    }

    fn filters() -> Filters {
        let mut filters = Filters::default();
        filters
            .add("plus", |value: &Value, arguments: &[Value]| {
                let sum =
                    value.as_i64().ok_or("no number")? + arguments[0].as_i64().ok_or("nothing to add")?;
                Ok(json!(sum))
            })
            .unwrap();
        filters
            .add("pair", |value: &Value, _: &[Value]| Ok(json!({ "one": value, "two": [value] })))
            .unwrap();
        filters
    }

    fn evaluate(source: &str) -> Result<Value, ExpressionError> {
        let scope: Scope = Arc::new(Nothing);
        Expression::parse_with(source, &filters()).and_then(|parsed| parsed.evaluate(&scope))
    }

    #[test]
    fn they_work_among_those_of_the_format() {
        assert_eq!(evaluate("n | plus(2) | plus(1)").unwrap(), json!(23));
        assert_eq!(evaluate("(n | pair).two[0] ~ ('a b' | slug)").unwrap(), json!("20a-b"));
        assert_eq!(evaluate("'| plus'").unwrap(), json!("| plus"));
        assert_eq!(
            evaluate("0 | plus(86400) | date").unwrap(),
            json!("1970-01-02"),
            "the time zone is found"
        );
    }

    #[test]
    fn what_goes_wrong_in_them_is_told() {
        let message = |source: &str| evaluate(source).unwrap_err().message;
        assert!(message("'x' | plus(1)").contains("`plus`: no number"), "{}", message("'x' | plus(1)"));
        assert!(message("n | plus").contains("`plus` panicked"), "{}", message("n | plus"));
        assert_eq!(evaluate("nowhere | plus(1)").unwrap_err().kind, ExpressionErrorKind::Undefined);
        assert_eq!(evaluate("n | plus(").unwrap_err().kind, ExpressionErrorKind::Syntax);
    }

    #[test]
    fn names_are_read_through_them() {
        let parsed = Expression::parse_with("n | plus(m.k)", &filters()).unwrap();
        assert_eq!(parsed.names(), ["m.k", "n"]);
    }

    #[test]
    fn a_name_must_be_free_and_fit_for_expressions() {
        let mut filters = filters();
        let mut add = |name: &str| filters.add(name, |value: &Value, _: &[Value]| Ok(value.clone()));
        assert_eq!(add("plus"), Err(FilterNameError::Taken("plus".into())));
        assert_eq!(add("urlencode"), Err(FilterNameError::Taken("urlencode".into())));
        assert_eq!(add("a.b"), Err(FilterNameError::Invalid("a.b".into())));
        assert_eq!(add("2nd"), Err(FilterNameError::Invalid("2nd".into())));
        assert_eq!(add("second"), Ok(()));
    }
}
