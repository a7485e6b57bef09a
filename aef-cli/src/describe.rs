//! Actions and values in words, for terminals and reports. Secrets stand masked.

use std::fmt::{self, Display};
use std::time::Duration;

use aef::document::{
    Action, ActionKind, DialogPolicy, DragPoint, OneOrMany, Press, Risk, Scroll, ScrollEdge, ScrollTo,
    Select, Tab, Target, Templated, WaitFor, WaitUntil,
};
use serde_json::Value;

/// The longest value that stands in a line.
const LINE_LIMIT: usize = 120;

/// An action as a line: `Fill label "Contact" with “ada@nova.vc”`.
pub(crate) fn action(action: &Action) -> String {
    let kind = &action.kind;
    match kind {
        ActionKind::Navigate(navigate) => format!("Open {}", navigate.url),
        ActionKind::Back(_) => "Go back".to_owned(),
        ActionKind::Forward(_) => "Go forward".to_owned(),
        ActionKind::Reload(_) => "Load the page again".to_owned(),
        ActionKind::Click(click) => format!("{} {}", clicking(click.count), target(&click.target)),
        ActionKind::Hover(hover) => format!("Point at {}", target(&hover.target)),
        ActionKind::Fill(fill) => format!("Fill {} with {}", target(&fill.target), quoted(&fill.value)),
        ActionKind::Type(typed) => format!("Type {} into {}", quoted(&typed.value), target(&typed.target)),
        ActionKind::Clear(on) => format!("Empty {}", target(&on.target)),
        ActionKind::Press(press) => pressing(press),
        ActionKind::Select(select) => selecting(select),
        ActionKind::Check(on) => format!("Check {}", target(&on.target)),
        ActionKind::Uncheck(on) => format!("Uncheck {}", target(&on.target)),
        ActionKind::Scroll(scroll) => scrolling(scroll),
        ActionKind::WaitFor(wait) => waiting(wait),
        ActionKind::Extract(extract) => format!("Read {} from the page", extract.variable),
        ActionKind::Verify(_) => "Verify the page".to_owned(),
        ActionKind::Screenshot(_) => "Take a picture".to_owned(),
        ActionKind::Upload(upload) => format!("Upload into {}", target(&upload.target)),
        ActionKind::Download(download) => match (&download.click, &download.navigate) {
            (Some(click), _) => format!("Download by clicking {}", target(&click.target)),
            (None, Some(navigate)) => format!("Download {}", navigate.url),
            (None, None) => "Download".to_owned(),
        },
        ActionKind::Drag(drag) => format!("Drag {} onto {}", drag_point(&drag.from), drag_point(&drag.to)),
        ActionKind::SelectText(select) => format!("Select text of {}", target(&select.target)),
        ActionKind::Tab(tab) => tabbing(tab),
        ActionKind::Dialog(policy) => dialog(policy),
        ActionKind::Set(set) => {
            format!("Set {}", set.vars.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
        }
        ActionKind::Evaluate(_) => "Run a script in the page".to_owned(),
        ActionKind::Act(act) => act.instruction.clone(),
        ActionKind::Custom(custom) => {
            format!("{} {}", custom.name, line(&Value::Object(custom.with.clone())))
        }
    }
}

/// A value on one line, shortened where it is long.
pub(crate) fn line(value: &Value) -> String {
    match value {
        Value::String(text) => shortened(text, LINE_LIMIT),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            shortened(&value.to_string(), LINE_LIMIT)
        }
    }
}

/// A text cut to `limit` characters, line ends as spaces.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    let mut cut: String =
        text.chars().take(limit).map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// A length of time for a person: `350 ms`, `4.2 s`, `3 min 05 s`, `2 h 04 min`.
pub(crate) fn duration(time: Duration) -> String {
    let millis = time.as_millis();
    let seconds = time.as_secs();
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", seconds, millis % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// What a step may change, in words.
pub(crate) const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Read => "reads only",
        Risk::Write => "writes",
        Risk::Destructive => "destructive",
    }
}

/// A status or another name of the wire as words.
pub(crate) fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn target(target: &Target) -> String {
    target.as_slice().first().map_or_else(|| "nothing".to_owned(), ToString::to_string)
}

fn quoted(value: &impl Display) -> String {
    format!("“{}”", shortened(&value.to_string(), LINE_LIMIT))
}

const fn clicking(count: Option<u8>) -> &'static str {
    match count {
        None | Some(0 | 1) => "Click",
        Some(2) => "Double-click",
        Some(_) => "Click repeatedly",
    }
}

fn pressing(press: &Press) -> String {
    match &press.target {
        Some(on) => format!("Press {} in {}", press.keys, target(on)),
        None => format!("Press {}", press.keys),
    }
}

fn selecting(select: &Select) -> String {
    let chosen = match (&select.label, &select.value, &select.index) {
        (Some(names), ..) | (None, Some(names), _) => listed(names),
        (None, None, Some(places)) => match places {
            OneOrMany::One(place) => format!("number {}", templated(place)),
            OneOrMany::Many(places) => {
                format!("numbers {}", places.iter().map(templated).collect::<Vec<_>>().join(", "))
            }
        },
        (None, None, None) => "nothing".to_owned(),
    };
    format!("Select {chosen} in {}", target(&select.target))
}

fn listed(names: &OneOrMany<String>) -> String {
    names.as_slice().iter().map(quoted).collect::<Vec<_>>().join(", ")
}

fn templated<T: Display>(value: &Templated<T>) -> String {
    match value {
        Templated::Value(value) => value.to_string(),
        Templated::Template(template) => template.clone(),
    }
}

fn scrolling(scroll: &Scroll) -> String {
    let place = match scroll.to {
        Some(ScrollTo::Edge(ScrollEdge::Top)) => "to the top",
        Some(ScrollTo::Edge(ScrollEdge::Bottom)) => "to the bottom",
        Some(ScrollTo::Edge(ScrollEdge::IntoView)) => "into view",
        Some(ScrollTo::Point(point)) => return format!("Scroll to {}, {}", point.x, point.y),
        None if scroll.until.is_some() => "until a condition holds",
        None => "into view",
    };
    match &scroll.target {
        Some(on) => format!("Scroll {} {place}", target(on)),
        None => format!("Scroll {place}"),
    }
}

fn waiting(wait: &WaitFor) -> String {
    match (wait.load, &wait.duration) {
        (Some(WaitUntil::NetworkIdle), _) => "Wait until the network is idle".to_owned(),
        (Some(_), _) => "Wait until the page is loaded".to_owned(),
        (None, Some(span)) => format!("Wait {}", templated(span)),
        (None, None) => "Wait until a condition holds".to_owned(),
    }
}

fn drag_point(point: &DragPoint) -> String {
    match point {
        DragPoint::Offset { target: on, .. } | DragPoint::Target(on) => target(on),
    }
}

fn tabbing(tab: &Tab) -> String {
    match (&tab.open, &tab.switch, &tab.close) {
        (Some(open), ..) => format!("Open {} in a new tab", open.url),
        (None, Some(name), _) => format!("Switch to tab {name}"),
        (None, None, Some(name)) => format!("Close tab {name}"),
        (None, None, None) => "Use tabs".to_owned(),
    }
}

fn dialog(policy: &DialogPolicy) -> String {
    match (&policy.answer, policy.accept) {
        (Some(text), _) => format!("Answer dialogs with {}", quoted(text)),
        (None, Some(true)) => "Accept dialogs from here on".to_owned(),
        (None, _) => "Dismiss dialogs from here on".to_owned(),
    }
}

/// Several parts as a sentence's list: `a, b and c`.
#[derive(Debug)]
pub(crate) struct Listed<'a>(pub(crate) &'a [String]);

impl Display for Listed<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            [one] => out.write_str(one),
            [head @ .., last] => write!(out, "{} and {last}", head.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described(value: Value) -> String {
        action(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn actions_read_as_sentences() {
        let cases = [
            (json!({ "action": "navigate", "url": "https://a.test/" }), "Open https://a.test/"),
            (
                json!({ "action": "click", "target": { "role": "button", "name": "Save" } }),
                "Click button \"Save\"",
            ),
            (
                json!({ "action": "fill", "target": { "label": "Amount" }, "value": 12 }),
                "Fill label \"Amount\" with “12”",
            ),
            (
                json!({ "action": "select", "target": { "label": "Stage" }, "label": "Meeting" }),
                "Select “Meeting” in label \"Stage\"",
            ),
            (json!({ "action": "press", "keys": "Enter" }), "Press Enter"),
            (json!({ "action": "wait_for", "duration": "2s" }), "Wait 2s"),
        ];
        for (value, sentence) in cases {
            assert_eq!(described(value), sentence);
        }
    }

    #[test]
    fn a_secret_is_masked() {
        let text = described(json!({
            "action": "fill", "target": { "label": "Password" },
            "value": { "parts": [{ "secret": "crm_password" }] }
        }));
        assert_eq!(text, "Fill label \"Password\" with “••••••”");
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        let times = [350, 4_230, 185_000, 7_440_000].map(|millis| duration(Duration::from_millis(millis)));
        assert_eq!(times, ["350 ms", "4.2 s", "3 min 05 s", "2 h 04 min"]);
    }

    #[test]
    fn a_cut_text_says_so() {
        assert_eq!(shortened("one\ntwo", 10), "one two");
        assert_eq!(shortened("äöü", 2), "äö…");
    }
}
