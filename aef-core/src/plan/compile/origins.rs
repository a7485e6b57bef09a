//! Addresses: what `navigate` opens, and the origins that follow from it.

use serde_json::Value;
use url::Url;

use super::super::JsonTemplate;
use super::super::host_filters::Filters;
use super::super::template::{Piece, Template};
use super::Compiler;
use crate::document::{ActionKind, BrowserConfig, Config, Diagnostic, StepKind};

impl Compiler<'_> {
    /// The browser's set-up as a template; where it names no origins, those of the plan's addresses.
    pub(super) fn browser(&mut self, config: &Config) -> JsonTemplate {
        let mut browser = config.browser.clone().unwrap_or_default();
        self.check_origins(&browser.allowed_origins, "/config/browser/allowedOrigins");
        if browser.allowed_origins.is_empty() {
            browser.allowed_origins = self.named_origins();
        }
        self.check_browser(&browser);
        let value = serde_json::to_value(&browser).unwrap_or_default();
        self.json(&value, "/config/browser")
    }

    fn check_browser(&mut self, browser: &BrowserConfig) {
        if browser.device_scale_factor.is_some_and(|factor| !(0.1..=10.0).contains(&factor)) {
            let pointer = "/config/browser/deviceScaleFactor";
            self.error("invalid_value", pointer, "the scale lies between 0.1 and 10");
        }
        if let Some(place) = &browser.geolocation
            && (place.latitude.abs() > 90.0 || place.longitude.abs() > 180.0)
        {
            let message = "latitudes lie between -90 and 90, longitudes between -180 and 180";
            self.error("invalid_value", "/config/browser/geolocation", message);
        }
        if let Some(credentials) = &browser.credentials
            && !self.document.secrets.iter().any(|secret| secret.name == credentials.secret)
        {
            let message = format!("the secret `{}` is not declared", credentials.secret);
            self.error("unknown_secret", "/config/browser/credentials/secret", message);
        }
    }

    /// The origins of all addresses that are constant or made of inputs.
    fn named_origins(&self) -> Vec<String> {
        let mut origins: Vec<String> = Vec::new();
        for site in &self.layout.sites {
            let StepKind::Task(task) = &site.step.kind else { continue };
            for action in &task.actions {
                #[expect(clippy::wildcard_enum_match_arm, reason = "no other action opens an address")]
                let url = match &action.kind {
                    ActionKind::Navigate(navigate) => Some(&navigate.url),
                    ActionKind::Tab(tab) => tab.open.as_ref().map(|open| &open.url),
                    ActionKind::Download(download) => {
                        download.navigate.as_ref().map(|navigate| &navigate.url)
                    }
                    _ => None,
                };
                let origin = url.and_then(|url| origin_template(url));
                if let Some(origin) = origin.filter(|origin| !origins.contains(origin)) {
                    origins.push(origin);
                }
            }
        }
        origins
    }

    pub(super) fn check_origins(&mut self, origins: &[String], pointer: &str) {
        for (index, origin) in origins.iter().enumerate() {
            if !origin.contains("{{") && origin_of(origin).is_none() {
                let message = format!("`{origin}` is no origin");
                let found = Diagnostic::error("invalid_url", format!("{pointer}/{index}"), message);
                self.found.push(found.with_help("write scheme and host: https://example.com"));
            }
        }
    }

    pub(super) fn check_url(&mut self, url: &str, pointer: &str) {
        if url.contains("{{") || matches!(Url::parse(url), Ok(parsed) if is_web(&parsed)) {
            return;
        }
        // `about:blank` is the one page that belongs to nobody.
        if url != "about:blank" {
            let message = format!("`{url}` is no absolute http or https address");
            self.error("invalid_url", pointer, message);
        }
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// The origin of an http or https address.
pub(crate) fn origin_of(url: &str) -> Option<String> {
    Url::parse(url).ok().filter(is_web).map(|url| url.origin().ascii_serialization())
}

/// The beginning of an address up to its path, where that is constant or made of inputs only.
fn origin_template(url: &str) -> Option<String> {
    let Some(template) = Template::parse(url, &Filters::default()).ok()? else { return origin_of(url) };
    let mut origin = String::new();
    for piece in template.pieces() {
        match piece {
            Piece::Plain(text) => {
                let host = text.find("://").map_or(0, |scheme| scheme + 3);
                if let Some(end) = text[host..].find(['/', '?', '#']) {
                    origin.push_str(&text[..host + end]);
                    break;
                }
                origin.push_str(text);
            }
            Piece::Expression(expression) => {
                let of_inputs = expression.names().iter().all(|name| name.starts_with("inputs."));
                if !of_inputs {
                    return None;
                }
                origin.push_str("{{");
                origin.push_str(expression.source());
                origin.push_str("}}");
            }
            Piece::Secret(_) => return None,
        }
    }
    if origin.contains("{{") { Some(origin) } else { origin_of(&origin) }
}

/// Reduces rendered addresses to their origins; what is none stays as it is, and is refused by the driver.
pub(crate) fn reduce_origins(browser: &mut Value) {
    if let Some(Value::Array(origins)) = browser.get_mut("allowedOrigins") {
        for origin in origins {
            if let Some(reduced) = origin.as_str().and_then(origin_of) {
                *origin = Value::String(reduced);
            }
        }
    }
}
