//! Selectors of a DevTools recording as locators.
//!
//! A gesture has a list of selectors, each of which leads to the element by itself: a text, or a chain of texts of which
//! each is looked for inside of the one before (the hosts of shadow roots). `aria/`, `text/`, `xpath/` and `pierce/` say
//! what a text is; without any it is CSS.

use serde_json::Value;

use super::fields::Fields;
use super::gesture::Notes;
use super::literal;
use super::passwords;
use super::report::ImportWarningCode as Code;
use crate::document::{Diagnostic, Locator, OneOrMany, Target, Templated};

/// What the element of a gesture is to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is pointed at.
    Point,
    /// Something is entered in it.
    Enter,
    /// It is looked at.
    Look,
}

/// The element of a gesture.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    pub(super) target: Target,
    /// Whether a selector tells of a field for a password.
    pub(super) secret: bool,
    /// Whether it is known to be a list of options.
    pub(super) list: bool,
    /// Whether it is drawn, so that it matters where it was clicked.
    pub(super) drawn: bool,
}

/// Reads `selectors` and `frame`.
pub(super) fn named(
    fields: &Fields<'_>,
    purpose: Purpose,
    test_id_attribute: &str,
    (index, notes): (usize, &mut Notes),
) -> Result<Named, Diagnostic> {
    let chains = chains(fields)?;
    let frame = frame(fields)?;
    if frame.is_some() {
        let message = "its frame is named by its place, as the recording has no other name for it";
        notes.add(Code::FrameByPlace, index, message);
    }
    let reading = Reading { purpose, test_id_attribute, tag: tag(&chains) };
    let mut locators: Vec<Locator> = Vec::new();
    let mut last: Vec<Locator> = Vec::new();
    for chain in &chains {
        match reading.chain(chain) {
            Some(found) => {
                locators.extend(found.first);
                last.extend(found.last);
            }
            None => {
                let message = format!("`{}` cannot be looked for", chain.join(" » "));
                notes.add(Code::SelectorDropped, index, message);
            }
        }
    }
    let mut unique: Vec<Locator> = Vec::new();
    for mut locator in locators.into_iter().chain(last) {
        locator.frame = frame.clone().map(Box::new);
        if !unique.contains(&locator) {
            unique.push(locator);
        }
    }
    let texts = || chains.iter().flatten().map(String::as_str);
    let target = match unique.len() {
        0 => {
            return Err(fields.fault(
                "invalid_locator",
                "selectors",
                "none of its selectors can be looked for",
            ));
        }
        1 => OneOrMany::One(unique.remove(0)),
        _ => OneOrMany::Many(unique),
    };
    Ok(Named {
        target,
        secret: texts().any(passwords::tells),
        list: tag(&chains).as_deref() == Some("select"),
        drawn: matches!(tag(&chains).as_deref(), Some("canvas" | "svg" | "area" | "map")),
    })
}

fn chains(fields: &Fields<'_>) -> Result<Vec<Vec<String>>, Diagnostic> {
    let given = fields.list("selectors")?;
    let mut chains = Vec::with_capacity(given.len());
    for (at, selector) in given.iter().enumerate() {
        let chain = match selector {
            Value::String(text) => Some(split(text)),
            Value::Array(parts) => {
                let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
                parts.map(|parts| parts.into_iter().flat_map(split).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        };
        let wrong = || {
            fields.fault("wrong_type", &format!("selectors/{at}"), "a selector is a text or a list of texts")
        };
        chains.push(chain.ok_or_else(wrong)?);
    }
    if chains.iter().all(Vec::is_empty) {
        return Err(fields.fault("missing_field", "selectors", "`selectors` is missing"));
    }
    Ok(chains)
}

/// The parts of a selector that reaches through shadow roots by itself.
fn split(text: &str) -> Vec<String> {
    if ["aria/", "text/", "xpath/"].iter().any(|prefix| text.starts_with(prefix)) {
        return vec![text.to_owned()];
    }
    text.split(">>>").map(|part| part.trim_start_matches('>').trim().to_owned()).collect()
}

/// The places of the frames from the outermost in, as a chain of locators.
fn frame(fields: &Fields<'_>) -> Result<Option<OneOrMany<Locator>>, Diagnostic> {
    let places: Option<Vec<i64>> = fields
        .list("frame")?
        .iter()
        .map(|place| place.as_u64().and_then(|place| i64::try_from(place).ok()))
        .collect();
    let places =
        places.ok_or_else(|| fields.fault("wrong_type", "frame", "`frame` is a list of whole numbers"))?;
    let locator = |place: &i64| Locator {
        css: Some("iframe, frame".to_owned()),
        nth: Some(Templated::Value(*place)),
        ..Locator::default()
    };
    let mut chain: Vec<Locator> = places.iter().map(locator).collect();
    Ok(match chain.len() {
        0 => None,
        1 => Some(OneOrMany::One(chain.remove(0))),
        _ => Some(OneOrMany::Many(chain)),
    })
}

/// What one selector becomes: locators for its place in the list, and those that are tried when all others fail.
#[derive(Default)]
struct Found {
    first: Vec<Locator>,
    last: Vec<Locator>,
}

impl Found {
    fn one(locator: Locator) -> Self {
        Self { first: vec![locator], last: Vec::new() }
    }
}

struct Reading<'r> {
    purpose: Purpose,
    test_id_attribute: &'r str,
    tag: Option<String>,
}

impl Reading<'_> {
    fn chain(&self, chain: &[String]) -> Option<Found> {
        let (own, around) = chain.split_last()?;
        let mut within: Option<Target> = None;
        for host in around {
            let found = self.part(host, Purpose::Look, None)?;
            let locators: Vec<Locator> = found.first.into_iter().chain(found.last).collect();
            let inside = |locator: Locator| Locator { within: within.clone().map(Box::new), ..locator };
            within = Some(OneOrMany::Many(locators.into_iter().map(inside).collect()));
        }
        let role = if around.is_empty() { self.tag.as_deref().and_then(role_of) } else { None };
        let mut found = self.part(own, self.purpose, role)?;
        for locator in found.first.iter_mut().chain(&mut found.last) {
            locator.within = within.clone().map(Box::new);
        }
        Some(found)
    }

    fn part(&self, text: &str, purpose: Purpose, role: Option<&str>) -> Option<Found> {
        if let Some(named) = text.strip_prefix("aria/") {
            return aria(named, purpose, role);
        }
        let some = |text: &str| Some(literal(text.trim())).filter(|text| !text.is_empty());
        if let Some(wanted) = text.strip_prefix("text/") {
            return some(wanted).map(|text| Found::one(Locator { text: Some(text), ..Locator::default() }));
        }
        if let Some(path) = text.strip_prefix("xpath/") {
            return some(path).map(|path| Found::one(Locator { xpath: Some(path), ..Locator::default() }));
        }
        let css = text.strip_prefix("pierce/").unwrap_or(text).trim();
        if css.is_empty() || css.contains("::-p-") {
            return None;
        }
        if let Some(id) = test_id(css, self.test_id_attribute) {
            return Some(Found::one(Locator { test_id: Some(literal(id)), ..Locator::default() }));
        }
        Some(Found::one(Locator { css: Some(literal(css)), ..Locator::default() }))
    }
}

/// `Save`, `Save[role="button"]`: the accessible name, exactly, and the role where the recorder gave it.
fn aria(text: &str, purpose: Purpose, role: Option<&str>) -> Option<Found> {
    let (name, told) = match text.rsplit_once("[role=") {
        Some((name, role)) => (name, Some(role.trim_end_matches(']').trim_matches(['"', '\'']))),
        None => (text, role),
    };
    let name = name.trim();
    // Elements that the browser calls generic have no role to be looked for.
    let told = told.filter(|role| !matches!(*role, "generic" | "none" | "StaticText" | ""));
    let named = || Some(literal(name)).filter(|name| !name.is_empty());
    if let Some(role) = told {
        let exact = !name.is_empty();
        return Some(Found::one(Locator {
            role: Some(role.to_owned()),
            name: named(),
            exact,
            ..Locator::default()
        }));
    }
    let name = named()?;
    let label = Locator { label: Some(name.clone()), exact: true, ..Locator::default() };
    let mut found = Found::one(label);
    if purpose == Purpose::Enter {
        let placeholder = Locator { placeholder: Some(name), exact: true, ..Locator::default() };
        found.first.push(placeholder);
    } else {
        // A name may be the element's text, but a text may stand in several places: selectors of the element go first.
        found.last.push(Locator { text: Some(name), exact: true, ..Locator::default() });
    }
    Some(found)
}

/// The value of `[data-testid='x']`, where that is the whole selector.
fn test_id<'t>(css: &'t str, attribute: &str) -> Option<&'t str> {
    let value = css.strip_prefix('[')?.strip_suffix(']')?.strip_prefix(attribute)?.strip_prefix('=')?;
    let value = ["'", "\""].iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))?;
    (!value.contains(['\'', '"', '\\', ']'])).then_some(value)
}

/// The tag of the element, where CSS or XPath end in one.
fn tag(chains: &[Vec<String>]) -> Option<String> {
    chains.iter().filter_map(|chain| chain.last()).find_map(|own| {
        let part = if let Some(path) = own.strip_prefix("xpath/") {
            path.rsplit('/').next().unwrap_or_default()
        } else if own.starts_with("aria/") || own.starts_with("text/") {
            return None;
        } else {
            let css = own.strip_prefix("pierce/").unwrap_or(own);
            css.rsplit([' ', '>', '+', '~']).next().unwrap_or_default()
        };
        let end = part.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(part.len());
        (end > 0 && part.starts_with(|c: char| c.is_ascii_lowercase())).then(|| part[..end].to_owned())
    })
}

/// The role of a tag whose elements are named by what stands in them or by their label.
fn role_of(tag: &str) -> Option<&'static str> {
    Some(match tag {
        "a" => "link",
        "button" => "button",
        "textarea" => "textbox",
        "img" => "img",
        "option" => "option",
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => "heading",
        _ => return None,
    })
}
