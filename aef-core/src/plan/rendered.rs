//! Actions and conditions with their templates, and what they are once rendered.

use std::sync::Arc;

use serde_json::Value;

use super::PlanAction;
use super::expression::{Expression, ExpressionError, ExpressionErrorKind, Scope};
use super::host_filters::Filters;
use super::slots::{self, Key, Slot, Visitor};
use super::template::{JsonTemplate, Piece, Template};
use super::value::Null;
use crate::document::{Action, Condition, OneOrMany, Text};

/// The parsed templates of an action or a condition, by the number of their place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holes(Vec<Hole>);

#[derive(Debug, Clone)]
struct Hole {
    slot: usize,
    place: String,
    filling: Filling,
}

#[derive(Debug, Clone)]
enum Filling {
    Text(Template),
    Entered(Template),
    Json(JsonTemplate),
    Texts(OneOrMany<Result<Template, String>>),
    Condition(Expression),
    Typed(Template),
}

/// A template or expression found in an action or condition, with its place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'a> {
    Expression(&'a Expression),
    /// A template, and whether secrets may stand in it.
    Template(&'a Template, bool),
}

impl Holes {
    /// Finds and parses the templates of an action, with all errors.
    pub(crate) fn of_action(action: &Action, filters: &Filters) -> (Self, Vec<ExpressionError>) {
        let mut finder = Finder::new(filters);
        let Ok(()) = slots::action(&mut finder, &mut action.clone());
        (Self(finder.holes), finder.errors)
    }

    /// Finds and parses the templates of a condition, with all errors.
    pub(crate) fn of_condition(condition: &Condition, filters: &Filters) -> (Self, Vec<ExpressionError>) {
        let mut finder = Finder::new(filters);
        let Ok(()) = slots::condition(&mut finder, &mut condition.clone());
        (Self(finder.holes), finder.errors)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Shows all that was found, each with its place: a JSON pointer.
    pub(crate) fn for_each(&self, visit: &mut dyn FnMut(&str, Found<'_>)) {
        for hole in &self.0 {
            match &hole.filling {
                Filling::Text(template) | Filling::Typed(template) => {
                    visit(&hole.place, Found::Template(template, false));
                }
                Filling::Entered(template) => visit(&hole.place, Found::Template(template, true)),
                Filling::Condition(expression) => visit(&hole.place, Found::Expression(expression)),
                Filling::Texts(texts) => {
                    for template in texts.as_slice().iter().flatten() {
                        visit(&hole.place, Found::Template(template, false));
                    }
                }
                Filling::Json(json) => json.for_each(&mut |place, template| {
                    visit(&format!("{}{place}", hole.place), Found::Template(template, false));
                }),
            }
        }
    }
}

/// Finds the places that hold something to be rendered.
#[derive(Debug)]
struct Finder<'a> {
    filters: &'a Filters,
    seen: usize,
    path: Vec<Key>,
    holes: Vec<Hole>,
    errors: Vec<ExpressionError>,
}

impl<'a> Finder<'a> {
    const fn new(filters: &'a Filters) -> Self {
        Self { filters, seen: 0, path: Vec::new(), holes: Vec::new(), errors: Vec::new() }
    }

    fn place(&self) -> String {
        let mut place = String::new();
        for key in &self.path {
            place.push('/');
            match key {
                Key::Field(name) => place.push_str(name),
                Key::Name(name) => place.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Key::Item(index) => place.push_str(&index.to_string()),
            }
        }
        place
    }

    fn parse(&self, slot: &Slot<'_>) -> Result<Option<Filling>, ExpressionError> {
        let filters = self.filters;
        match slot {
            Slot::Text(text) => Ok(Template::parse(text, filters)?.map(Filling::Text)),
            Slot::Entered(Text::Plain(text)) => Ok(Template::parse(text, filters)?.map(Filling::Entered)),
            Slot::Entered(_) | Slot::Expression(Condition::Constant(_) | Condition::Page(_)) => Ok(None),
            Slot::Json(value) => {
                let template = JsonTemplate::parse_with(value, filters)?;
                Ok((!template.is_constant()).then_some(Filling::Json(template)))
            }
            Slot::Texts(texts) => parse_texts(texts, filters),
            Slot::Expression(Condition::Expression(source)) => {
                Expression::parse_with(source, filters).map(|expression| Some(Filling::Condition(expression)))
            }
            Slot::Typed(typed) => match typed.template() {
                None => Ok(None),
                Some(text) => Ok(Template::parse(text, filters)?.map(Filling::Typed)),
            },
        }
    }
}

fn parse_texts(texts: &OneOrMany<String>, filters: &Filters) -> Result<Option<Filling>, ExpressionError> {
    let parse = |text: &String| Ok(Template::parse(text, filters)?.ok_or_else(|| text.clone()));
    let parsed = match texts {
        OneOrMany::One(text) => OneOrMany::One(parse(text)?),
        OneOrMany::Many(many) => {
            OneOrMany::Many(many.iter().map(parse).collect::<Result<_, ExpressionError>>()?)
        }
    };
    let templated = parsed.as_slice().iter().any(Result::is_ok);
    Ok(templated.then_some(Filling::Texts(parsed)))
}

impl Visitor for Finder<'_> {
    type Error = std::convert::Infallible;

    fn slot(&mut self, slot: Slot<'_>) -> Result<(), Self::Error> {
        match self.parse(&slot) {
            Ok(None) => {}
            Ok(Some(filling)) => self.holes.push(Hole { slot: self.seen, place: self.place(), filling }),
            Err(mut error) => {
                error.place.insert_str(0, &self.place());
                self.errors.push(error);
            }
        }
        self.seen += 1;
        Ok(())
    }

    fn enter(&mut self, key: Key) {
        self.path.push(key);
    }

    fn leave(&mut self) {
        self.path.pop();
    }
}

/// Renders the holes into a copy of what they were found in.
struct Filler<'a> {
    holes: std::slice::Iter<'a, Hole>,
    next: Option<&'a Hole>,
    seen: usize,
    scope: &'a Scope,
}

impl<'a> Filler<'a> {
    fn new(holes: &'a Holes, scope: &'a Scope) -> Self {
        let mut holes = holes.0.iter();
        let next = holes.next();
        Self { holes, next, seen: 0, scope }
    }
}

impl Visitor for Filler<'_> {
    type Error = ExpressionError;

    fn slot(&mut self, slot: Slot<'_>) -> Result<(), ExpressionError> {
        let here = self.seen;
        self.seen += 1;
        let Some(hole) = self.next.filter(|hole| hole.slot == here) else { return Ok(()) };
        self.next = self.holes.next();
        fill(slot, &hole.filling, self.scope).map_err(|mut error| {
            error.place.insert_str(0, &hole.place);
            error
        })
    }
}

fn fill(slot: Slot<'_>, filling: &Filling, scope: &Scope) -> Result<(), ExpressionError> {
    match (slot, filling) {
        (Slot::Text(text), Filling::Text(template)) => *text = template.text(scope, Null::Refused)?,
        (Slot::Entered(text), Filling::Entered(template)) => *text = template.entered(scope)?,
        (Slot::Json(value), Filling::Json(template)) => *value = template.render(scope)?,
        (Slot::Texts(texts), Filling::Texts(templates)) => *texts = render_texts(templates, scope)?,
        (Slot::Expression(condition), Filling::Condition(expression)) => {
            *condition = Condition::Constant(expression.truth(scope)?);
        }
        (Slot::Typed(typed), Filling::Typed(template)) => {
            let value = match template.single() {
                Some(expression) => expression.evaluate(scope)?,
                None => Value::String(template.text(scope, Null::Refused)?),
            };
            if !typed.set(value.clone()) {
                let message = format!("the result has the wrong type: {value}");
                return Err(ExpressionError::new(ExpressionErrorKind::Type, message, template.source()));
            }
        }
        // Places are shown in the same order each time, so a filling always meets the kind of place it was made for.
        _ => unreachable!("a place changed its kind between two visits"),
    }
    Ok(())
}

fn render_texts(
    templates: &OneOrMany<Result<Template, String>>,
    scope: &Scope,
) -> Result<OneOrMany<String>, ExpressionError> {
    let render = |template: &Result<Template, String>| match template {
        Ok(template) => template.text(scope, Null::Refused),
        Err(plain) => Ok(plain.clone()),
    };
    match templates {
        OneOrMany::Many(many) => Ok(OneOrMany::Many(many.iter().map(render).collect::<Result<_, _>>()?)),
        OneOrMany::One(one) => {
            if let Some((template, expression)) =
                one.as_ref().ok().and_then(|template| Some((template, template.single()?)))
                && let Value::Array(items) = expression.evaluate(scope)?
            {
                let texts = items.iter().map(|item| scalar_text(item, template)).collect::<Result<_, _>>()?;
                return Ok(OneOrMany::Many(texts));
            }
            render(one).map(OneOrMany::One)
        }
    }
}

fn scalar_text(value: &Value, template: &Template) -> Result<String, ExpressionError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(super::value::number_text(number)),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            let message = "the list holds something else than texts and numbers";
            Err(ExpressionError::new(ExpressionErrorKind::Type, message, template.source()))
        }
    }
}

/// A condition with its expressions and templates parsed.
#[derive(Debug, Clone)]
pub struct PlanCondition {
    source: Condition,
    holes: Holes,
    needs_page: bool,
}

impl PlanCondition {
    /// Parses the expressions and templates of a condition, with the filters of the format alone.
    ///
    /// # Errors
    /// The first of them that cannot be parsed.
    pub fn parse(condition: &Condition) -> Result<Self, ExpressionError> {
        let (holes, errors) = Holes::of_condition(condition, &Filters::default());
        match errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(Self::with_holes(condition, holes)),
        }
    }

    pub(crate) fn with_holes(condition: &Condition, holes: Holes) -> Self {
        Self { source: condition.clone(), holes, needs_page: asks_the_page(condition) }
    }

    /// The condition as it was written.
    #[must_use]
    pub const fn source(&self) -> &Condition {
        &self.source
    }

    pub(crate) const fn holes(&self) -> &Holes {
        &self.holes
    }

    /// Whether a page is needed to know whether it holds.
    #[must_use]
    pub const fn needs_page(&self) -> bool {
        self.needs_page
    }

    /// The condition with expressions replaced by their values and templates by what they give.
    ///
    /// # Errors
    /// Where one of them fails.
    pub fn render(&self, scope: &Scope) -> Result<Condition, ExpressionError> {
        if let (Condition::Expression(_), [Hole { filling: Filling::Condition(expression), .. }]) =
            (&self.source, self.holes.0.as_slice())
        {
            return expression.truth(scope).map(Condition::Constant);
        }
        let mut condition = self.source.clone();
        if !self.holes.is_empty() {
            slots::condition(&mut Filler::new(&self.holes, scope), &mut condition)?;
        }
        Ok(condition)
    }
}

fn asks_the_page(condition: &Condition) -> bool {
    match condition {
        Condition::Expression(_) | Condition::Constant(_) => false,
        Condition::Page(page) => {
            let mut inner =
                page.all.iter().flatten().chain(page.any.iter().flatten()).chain(page.not.as_deref());
            if page.all.is_some() || page.any.is_some() || page.not.is_some() {
                inner.any(asks_the_page)
            } else {
                true
            }
        }
    }
}

impl PlanAction {
    /// The names of the secrets that it enters.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.holes.for_each(&mut |_, found| {
            let Found::Template(template, true) = found else { return };
            names.extend(template.pieces().iter().filter_map(Piece::secret).map(ToOwned::to_owned));
        });
        names
    }

    /// The action with its templates rendered; an action without templates is shared, not copied.
    ///
    /// # Errors
    /// Where an expression in it fails or gives a value of the wrong type; the place says which.
    pub fn render(&self, scope: &Scope) -> Result<Arc<Action>, ExpressionError> {
        if self.holes.is_empty() {
            return Ok(Arc::clone(&self.source));
        }
        let mut action = Action::clone(&self.source);
        slots::action(&mut Filler::new(&self.holes, scope), &mut action)?;
        Ok(Arc::new(action))
    }
}

impl Piece {
    /// The expression of a piece that is one.
    pub(crate) const fn expression(&self) -> Option<&Expression> {
        match self {
            Self::Expression(expression) => Some(expression),
            Self::Plain(_) | Self::Secret(_) => None,
        }
    }

    /// The name of a secret, where the piece is one.
    const fn secret(&self) -> Option<&str> {
        match self {
            Self::Secret(name) => Some(name),
            Self::Plain(_) | Self::Expression(_) => None,
        }
    }
}
