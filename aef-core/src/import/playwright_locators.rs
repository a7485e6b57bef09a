//! Playwright's locators, as its code generator writes them beside each gesture: a chain of `{ kind, body, options }`
//! of which each is looked for inside of the one before.

use serde_json::Value;

use super::fields::Fields;
use super::literal;
use super::passwords;
use crate::document::{Diagnostic, Locator, OneOrMany, Target, Templated};

/// The element of a gesture.
pub(super) fn locator(fields: &Fields<'_>) -> Result<Target, Diagnostic> {
    let mut chain = Chain::default();
    for (at, selector) in fields.texts("framePath")?.iter().enumerate() {
        let wrong = || {
            let message = format!("the frame `{selector}` is named in Playwright's own words");
            fields.fault("not_supported", &format!("framePath/{at}"), &message)
        };
        chain.own = Some(selected(selector).ok_or_else(wrong)?);
        chain.enter_frame();
    }
    let mut next = Some(fields.get("locator").ok_or_else(|| {
        let found = fields.fault("missing_field", "locator", "the gesture names no element");
        found.with_help("older versions of Playwright write no locators: record it with a newer one")
    })?);
    while let Some(link) = next {
        chain.link(link).map_err(|message| fields.fault("not_supported", "locator", &message))?;
        next = link.get("next").filter(|next| !next.is_null());
    }
    let found = chain.finish();
    found.map(OneOrMany::One).ok_or_else(|| fields.fault("invalid_locator", "locator", "it names no element"))
}

/// Whether a locator tells of a field for a password.
pub(super) fn secret(target: &Target) -> bool {
    let tells = |locator: &Locator| {
        let words = [
            &locator.name,
            &locator.label,
            &locator.placeholder,
            &locator.test_id,
            &locator.css,
            &locator.title,
        ];
        words.into_iter().flatten().any(|text| passwords::tells(text))
    };
    target.as_slice().iter().any(tells)
}

#[derive(Default)]
struct Chain {
    /// The frames so far, from the outermost in.
    frames: Vec<Locator>,
    /// What the next one is looked for in.
    around: Option<Locator>,
    own: Option<Locator>,
}

impl Chain {
    fn link(&mut self, link: &Value) -> Result<(), String> {
        let kind = link.get("kind").and_then(Value::as_str).unwrap_or_default();
        let options = &link["options"];
        let exact = options["exact"] == Value::Bool(true);
        // A regular expression loses its text on the way into JSON.
        let body =
            || link["body"].as_str().map(literal).ok_or_else(|| format!("the {kind} is no plain text"));
        let plain = Locator { exact, ..Locator::default() };
        let next = match kind {
            "test-id" => Locator { test_id: Some(body()?), exact: false, ..plain },
            "text" => Locator { text: Some(body()?), ..plain },
            "label" => Locator { label: Some(body()?), ..plain },
            "placeholder" => Locator { placeholder: Some(body()?), ..plain },
            "alt" => Locator { alt_text: Some(body()?), ..plain },
            "title" => Locator { title: Some(body()?), ..plain },
            "role" => role(body()?, options, plain)?,
            "default" => {
                let selector = link["body"].as_str().unwrap_or_default();
                let locator =
                    selected(selector).ok_or_else(|| format!("`{selector}` is in Playwright's own words"))?;
                Locator { has_text: options["hasText"].as_str().map(literal), ..locator }
            }
            "first" | "last" | "nth" | "has-text" | "visible" | "filter-visible" => {
                return self.narrow(kind, link);
            }
            "frame" => {
                self.enter_frame();
                return Ok(());
            }
            "frame-locator" => {
                self.step_in();
                let selector = link["body"].as_str().unwrap_or_default();
                self.own = Some(
                    selected(selector).ok_or_else(|| format!("`{selector}` is in Playwright's own words"))?,
                );
                self.enter_frame();
                return Ok(());
            }
            other => return Err(format!("documents have no locator for `{other}`")),
        };
        self.step_in();
        self.own = Some(next);
        Ok(())
    }

    /// Narrows the matches of the locator before.
    fn narrow(&mut self, kind: &str, link: &Value) -> Result<(), String> {
        let own = self.own.as_mut().ok_or_else(|| format!("`{kind}` narrows nothing"))?;
        match kind {
            "first" => own.first = true,
            "last" => own.last = true,
            "nth" => {
                let body = &link["body"];
                let place = body.as_i64().or_else(|| body.as_str()?.parse().ok());
                own.nth = Some(Templated::Value(place.ok_or_else(|| format!("{body} is no place"))?));
            }
            "has-text" => {
                let text = link["body"].as_str().ok_or("the text is no plain text")?;
                own.has_text = Some(literal(text));
            }
            _ => own.visible = Some(kind == "visible" || link["body"].as_str() == Some("true")),
        }
        Ok(())
    }

    /// What has been named so far is what the next one is looked for in.
    fn step_in(&mut self) {
        if let Some(own) = self.own.take() {
            let around = self.around.take();
            self.around =
                Some(Locator { within: around.map(|around| Box::new(OneOrMany::One(around))), ..own });
        }
    }

    /// What has been named so far is a frame, in which the next one is looked for.
    fn enter_frame(&mut self) {
        self.step_in();
        self.frames.extend(self.around.take());
    }

    fn finish(mut self) -> Option<Locator> {
        let own = self.own.take()?;
        let within = self.around.map(|around| Box::new(OneOrMany::One(around)));
        let frame = match self.frames.len() {
            0 => None,
            1 => Some(OneOrMany::One(self.frames.remove(0))),
            _ => Some(OneOrMany::Many(self.frames)),
        };
        Some(Locator { within, frame: frame.map(Box::new), ..own })
    }
}

fn role(role: String, options: &Value, plain: Locator) -> Result<Locator, String> {
    let name = options["name"].as_str().map(literal);
    if name.is_none() && !options["name"].is_null() {
        return Err("the name is no plain text".to_owned());
    }
    if options["attrs"].as_array().is_some_and(|attributes| !attributes.is_empty()) {
        return Err(format!("documents look for a {role} by its name alone, not by {}", options["attrs"]));
    }
    let exact = plain.exact && name.is_some();
    Ok(Locator { role: Some(role), name, exact, ..plain })
}

/// CSS or XPath, with or without the name of the engine before it.
fn selected(selector: &str) -> Option<Locator> {
    let selector = selector.trim();
    let xpath = selector
        .strip_prefix("xpath=")
        .or_else(|| ["//", "(//", ".."].iter().any(|start| selector.starts_with(start)).then_some(selector));
    if let Some(path) = xpath {
        return Some(Locator { xpath: Some(literal(path)), ..Locator::default() });
    }
    let css = selector.strip_prefix("css=").unwrap_or(selector);
    let own_words = css.is_empty() || css.contains(">>") || css.starts_with("internal:");
    // `text=`, `id=`, `data-testid=` and what else is an engine of Playwright's: an `=` outside of brackets.
    let engine = css.find('=').is_some_and(|at| !css[..at].contains(['[', '(', '"', '\'']));
    let extended =
        [":has-text(", ":text(", ":text-is(", ":visible", ":nth-match(", ":right-of(", ":left-of(", ":near("];
    if own_words || engine || extended.iter().any(|word| css.contains(word)) {
        return None;
    }
    Some(Locator { css: Some(literal(css)), ..Locator::default() })
}
