//! Addresses: what can be opened, and what is held of the page that a gesture led to.

use url::Url;

use super::gesture::Landing;
use crate::document::{Condition, PageCondition, StringTest};

/// An address of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// One that a document opens, and whether a name and password were taken out of it.
    Web { url: String, had_credentials: bool },
    /// A page of the browser itself, which a recording begins with: nothing is opened for it.
    Own,
    /// Anything else.
    Other,
}

/// What kind of address a text is.
pub(super) fn address(text: &str) -> Address {
    let Ok(mut url) = Url::parse(text) else { return Address::Other };
    match url.scheme() {
        "http" | "https" if url.has_host() => {
            let had_credentials = !url.username().is_empty() || url.password().is_some();
            if !had_credentials {
                // As it was written: an address that is normalised may be another one to a server.
                return Address::Web { url: text.to_owned(), had_credentials };
            }
            let cleared = url.set_username("").and_then(|()| url.set_password(None));
            debug_assert!(cleared.is_ok(), "an address with a host takes both");
            Address::Web { url: url.to_string(), had_credentials }
        }
        "about" | "chrome" | "edge" | "brave" | "chrome-search" | "devtools" => Address::Own,
        _ => Address::Other,
    }
}

/// The origin of an address that a document opens.
pub(super) fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| url.origin().ascii_serialization())
}

/// What a person calls the page: its title, else the path of its address.
pub(super) fn page_name(landing: &Landing) -> Option<String> {
    if let Some(title) = title_of(landing) {
        return Some(title.to_owned());
    }
    let url = Url::parse(landing.url.as_deref()?).ok()?;
    let path = url.path().trim_matches('/');
    Some(if path.is_empty() { url.host_str()?.to_owned() } else { path.to_owned() })
}

/// The title, unless it is what a browser shows in its place before the page has one: its address.
fn title_of(landing: &Landing) -> Option<&str> {
    let title = landing.title.as_deref().map(str::trim).filter(|title| !title.is_empty())?;
    let is_address = landing.url.as_deref().is_some_and(|url| url.contains(title));
    (!is_address).then_some(title)
}

/// What holds when a gesture has led where it led.
pub(super) fn conditions(landing: &Landing) -> Vec<Condition> {
    let mut found = Vec::new();
    if let Some(url) = landing.url.as_deref().filter(|url| origin(url).is_some()) {
        // What a query says may be another thing each time: a session, a search, a moment.
        let test = match url.split_once('?') {
            Some((address, _)) => {
                StringTest { starts_with: Some(super::literal(address)), ..StringTest::default() }
            }
            None => StringTest { equals: Some(super::literal(url)), ..StringTest::default() },
        };
        found.push(page(PageCondition { url: Some(test), ..PageCondition::default() }));
    }
    if let Some(title) = title_of(landing) {
        let test = StringTest { equals: Some(super::literal(title)), ..StringTest::default() };
        found.push(page(PageCondition { title: Some(test), ..PageCondition::default() }));
    }
    found
}

pub(super) fn page(condition: PageCondition) -> Condition {
    Condition::Page(Box::new(condition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let web = |url: &str, had_credentials| Address::Web { url: url.to_owned(), had_credentials };
        assert_eq!(address("http://a.example/%7Ex?q=1#f"), web("http://a.example/%7Ex?q=1#f", false));
        assert_eq!(address("https://ada:secret@a.example/x"), web("https://a.example/x", true));
        assert_eq!(address("about:blank"), Address::Own);
        assert_eq!(address("chrome://new-tab-page/"), Address::Own);
        for other in ["file:///etc/passwd", "javascript:alert(1)", "data:text/html,x", "/relative", ""] {
            assert_eq!(address(other), Address::Other, "{other}");
        }
    }

    #[test]
    fn pages_are_held_by_what_stays_the_same() {
        let shown = |url: &str, title: &str| {
            let landing = Landing { url: Some(url.to_owned()), title: Some(title.to_owned()) };
            serde_json::to_value(conditions(&landing)).unwrap()
        };
        assert_eq!(
            shown("https://a.example/inbox#/new", "Inbox"),
            serde_json::json!([{ "url": { "equals": "https://a.example/inbox#/new" } }, { "title": { "equals": "Inbox" } }])
        );
        assert_eq!(
            shown("https://a.example/found?session=1", ""),
            serde_json::json!([{ "url": { "starts_with": "https://a.example/found" } }])
        );
        assert_eq!(shown("https://a.example/x", "a.example/x").as_array().map(Vec::len), Some(1));
    }
}
