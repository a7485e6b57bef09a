//! The pages of the cases as a scripted site, and the cases run on it.

use std::time::Duration;

use crate::scripted_browser::{Element, Page, Post, Reaction, ScriptedSite};

/// The pages of [`Pages`](super::Pages) for a [`ScriptedBrowser`](crate::ScriptedBrowser), at this origin.
#[must_use]
pub fn scripted_pages(origin: &str) -> ScriptedSite {
    let heading = |title: &str| Page::new(title).with(Element::new("h1").text(title));
    let late = Duration::from_millis(700);
    let popup = Element::new("a").text("Beside").on_click(Reaction::Popup("/second".to_owned()));
    let log_in = Element::button("Log in")
        .on_click(Reaction::SetCookie("session".to_owned(), "1".to_owned()))
        .on_click(Reaction::Open("/private".to_owned()));
    let rows = Element::new("ul").attribute("id", "rows");
    let late_rows = ["Ann", "Bob"].map(|name| Element::new("li").class("row").text(name).appears_after(late));
    ScriptedSite::new(origin)
        .page("/", heading("Home").with(Element::link("Second", "/second")).with(popup))
        .page("/second", heading("Second").with(Element::link("Home", "/")))
        .page("/buttons", buttons(heading("Buttons"), late))
        .page("/form", form(heading("Form")))
        .page("/places", places(heading("Places")))
        .page("/list", list(heading("List"), rows.clone()))
        .page("/late", heading("Late").with(late_rows.into_iter().fold(rows, Element::with)))
        .page("/login", heading("Log in").with(log_in))
        .page("/private", heading("Private").needs_cookie("session", "/login"))
        .page("/broken", Page::new("Broken").status(503))
}

fn buttons(page: Page, late: Duration) -> Page {
    let shows =
        |element: Element, id: &str, text: &str| element.shows(Element::new("p").test_id(id).text(text));
    let shown = |element: Element| shows(element, "shown", "Shown");
    let ask = Reaction::Dialog {
        kind: "confirm".to_owned(),
        message: "Really?".to_owned(),
        accepted: vec![Reaction::Show(Element::new("p").test_id("accepted").text("Accepted"))],
    };
    let refused = Reaction::Post(Post::new("refused", "").refused_first(u32::MAX));
    page.with(shown(Element::button("Show")))
        .with(shows(Element::button("Save").posts("save", ""), "saved", "Saved"))
        .with(shows(Element::button("Refused").on_click(refused), "saved", "Saved"))
        .with(Element::button("Ask").on_click(ask))
        .with(shown(Element::button("Disabled").disabled()))
        .with(shown(Element::button("Hidden").test_id("hidden").hidden()))
        .with(shown(Element::button("Twin").class("twin")))
        .with(shown(Element::button("Twin").class("twin")))
        .with(shown(Element::button("Late").appears_after(late)))
}

fn form(page: Page) -> Page {
    let found = Element::new("p").test_id("found").text("Found {value:Search}");
    page.with(Element::field("Name").value("old"))
        .with(Element::field("Fixed").value("fixed").read_only())
        .with(Element::field("Password"))
        .with(Element::select("Colour", &[("r", "Red"), ("g", "Green"), ("b", "Blue")]))
        .with(Element::checkbox("Agree"))
        .with(Element::field("Search").on_enter(Reaction::Show(found)))
}

fn places(page: Page) -> Page {
    let shown = Element::new("p").test_id("shown").text("Shown");
    let saved = Element::new("p").test_id("saved").text("Saved");
    page.with(Element::field("Name").at(100.0, 100.0, 200.0, 40.0))
        .with(Element::button("Show").shows(shown).at(100.0, 200.0, 200.0, 40.0))
        .with(Element::button("Save").posts("save", "").shows(saved).at(100.0, 300.0, 200.0, 40.0))
}

fn list(page: Page, rows: Element) -> Page {
    let row = |id: &str, name: &str, price: Option<&str>| {
        let row = Element::new("li").class("row").attribute("data-id", id);
        let row = row.with(Element::new("span").class("name").text(name));
        price.into_iter().fold(row, |row, price| row.with(Element::new("span").class("price").text(price)))
    };
    let rows = rows
        .with(row("1", "Ann", Some("17.5 EUR")))
        .with(row("2", "Bob", Some("-3 EUR")))
        .with(row("3", "Eve", None));
    page.with(rows).with(Element::new("p").test_id("total").text("  3   people\n"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aef_core::browser::Browser;
    use aef_core::recovery::ErrorKind;
    use async_trait::async_trait;

    use super::super::{BrowserBench, cases};
    use super::*;
    use crate::ScriptedBrowser;

    const ORIGIN: &str = "http://127.0.0.1:1";

    struct ScriptedBench(ScriptedBrowser);

    #[async_trait]
    impl BrowserBench for ScriptedBench {
        fn browser(&self) -> Arc<dyn Browser> {
            Arc::new(self.0.clone())
        }

        fn origin(&self) -> String {
            ORIGIN.to_owned()
        }

        fn posts(&self, path: &str) -> u64 {
            self.0.witness().total(path.trim_start_matches('/'))
        }

        async fn kill(&self) {
            self.0.lose_sessions(ErrorKind::Crashed);
        }
    }

    macro_rules! browser_case {
        ($($name:ident)*) => {
            $(
                #[tokio::test(start_paused = true)]
                async fn $name() {
                    cases::$name(&ScriptedBench(ScriptedBrowser::new(scripted_pages(ORIGIN)))).await;
                }
            )*
        };
    }
    crate::for_each_browser_case!(browser_case);
}
