//! Reads what Playwright's code generator writes with `--target=jsonl`: a line for how the browser was started, and a
//! line for each gesture, with its signals and its locator.

use serde_json::Value;

use super::fields::{Faults, Fields};
use super::gesture::{Entry, Gesture, Landing, Notes, Recorded, Recording, Stroke};
use super::keys;
use super::landing::{Address, address, page};
use super::literal;
use super::passwords;
use super::playwright_locators::{locator, secret};
use super::report::ImportWarningCode as Code;
use crate::document::{
    ActionKind, BrowserConfig, Click, Condition, Diagnostic, Diagnostics, Hover, MouseButton, Navigate,
    OnTarget, OneOrMany, PageCondition, Point, Position, Select, Target, TextTest, Verify, Viewport, nearest,
    parse_json,
};

/// All gestures.
const NAMES: [&str; 16] = [
    "openPage",
    "closePage",
    "navigate",
    "click",
    "hover",
    "check",
    "uncheck",
    "fill",
    "press",
    "select",
    "setInputFiles",
    "assertText",
    "assertValue",
    "assertChecked",
    "assertVisible",
    "assertSnapshot",
];

pub(super) fn read(text: &str) -> Result<Recording, Diagnostics> {
    let mut reader = Reader::default();
    let mut faults = Faults::default();
    let mut offset = 0;
    let mut count = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let position = Position { line: number + 1, column: 1, offset, length: line.trim_end().len() };
        offset += line.len();
        if line.trim().is_empty() {
            continue;
        }
        let place = format!("line {}", number + 1);
        let value = match parse_json(line) {
            Ok(value) => value,
            Err(found) => {
                let found = found.iter().map(|each| {
                    let message = format!("{place}: {}", each.message);
                    Diagnostic::error(each.code, format!("/{number}"), message).with_position(Some(position))
                });
                faults.0.extend(found);
                continue;
            }
        };
        let Value::Object(map) = &value else {
            let message = format!("{place}: a gesture is an object");
            let found = Diagnostic::error("wrong_type", format!("/{number}"), message);
            faults.0.push(found.with_position(Some(position)));
            continue;
        };
        let fields = Fields { map, pointer: format!("/{number}"), place, position: Some(position) };
        let is_header = fields.get("name").is_none() && fields.get("browserName").is_some();
        let taken = if is_header { reader.header(&fields) } else { reader.line(count, &fields) };
        count += usize::from(!is_header);
        faults.0.extend(taken.err());
    }
    if !faults.0.is_empty() {
        return Err(Diagnostics::new(faults.0));
    }
    if count == 0 {
        return Err(Diagnostic::error("missing_field", "", "the recording has no gesture").into());
    }
    Ok(reader.finish(count))
}

#[derive(Default)]
struct Reader {
    browser: BrowserConfig,
    timezone: Option<String>,
    /// The first tab, by Playwright's name for it.
    first: Option<String>,
    /// Tabs that gestures have opened.
    popups: Vec<String>,
    gestures: Vec<Recorded>,
    notes: Notes,
}

impl Reader {
    fn finish(self, count: usize) -> Recording {
        Recording {
            kind: "playwright-codegen",
            first_tab: self.first.unwrap_or_default(),
            title: None,
            timeout: None,
            browser: self.browser,
            timezone: self.timezone,
            gestures: self.gestures,
            count,
            notes: self.notes,
        }
    }

    /// How the browser was started.
    fn header(&mut self, fields: &Fields<'_>) -> Result<(), Diagnostic> {
        let Some(Value::Object(map)) = fields.get("contextOptions") else { return Ok(()) };
        let pointer = format!("{}/contextOptions", fields.pointer);
        let options = Fields { map, pointer, place: fields.place.clone(), position: fields.position };
        if let Some(Value::Object(map)) = options.get("viewport") {
            let pointer = format!("{}/viewport", options.pointer);
            let viewport = Fields { map, pointer, place: options.place.clone(), position: options.position };
            let size = |key: &str| {
                let pixels = viewport.optional_count(key)?.and_then(|pixels| u32::try_from(pixels).ok());
                let wrong =
                    || viewport.fault("invalid_value", key, "a size is a whole number from 1 to 16384");
                pixels.filter(|pixels| (1..=16_384).contains(pixels)).ok_or_else(wrong)
            };
            self.browser.viewport = Some(Viewport { width: size("width")?, height: size("height")? });
        }
        let text = |key: &str| Ok::<_, Diagnostic>(options.optional_text(key)?.map(str::to_owned));
        self.browser.device_scale_factor = options.optional_number("deviceScaleFactor")?;
        self.browser.locale = text("locale")?;
        self.browser.user_agent = text("userAgent")?;
        self.browser.ignore_https_errors = options.flag("ignoreHTTPSErrors")?;
        self.timezone = text("timezoneId")?;
        Ok(())
    }

    fn line(&mut self, index: usize, fields: &Fields<'_>) -> Result<(), Diagnostic> {
        let name = fields.text("name")?;
        let tab = fields.optional_text("pageAlias")?.or(fields.optional_text("pageGuid")?).unwrap_or("page");
        let gesture = self.gesture(index, name, tab, fields)?;
        self.first.get_or_insert_with(|| tab.to_owned());
        let Some(gesture) = gesture else { return Ok(()) };
        let mut recorded = Recorded::new(index, tab, gesture);
        self.signals(fields, &mut recorded)?;
        self.gestures.push(recorded);
        Ok(())
    }

    fn gesture(
        &mut self,
        index: usize,
        name: &str,
        tab: &str,
        fields: &Fields<'_>,
    ) -> Result<Option<Gesture>, Diagnostic> {
        let on_target = |fields: &Fields<'_>| Ok::<_, Diagnostic>(OnTarget { target: locator(fields)? });
        Ok(Some(match name {
            "openPage" => return self.open(index, tab, fields),
            "closePage" => Gesture::Close,
            "navigate" => match self.address(index, fields)? {
                Some(url) => Gesture::Act(navigate(&url)),
                None => return Ok(None),
            },
            "click" => click(fields)?,
            "hover" => {
                let (target, position) = (locator(fields)?, position(fields)?);
                Gesture::Act(ActionKind::Hover(Hover {
                    target,
                    modifiers: Vec::new(),
                    position,
                    force: false,
                }))
            }
            "check" => Gesture::Act(ActionKind::Check(on_target(fields)?)),
            "uncheck" => Gesture::Act(ActionKind::Uncheck(on_target(fields)?)),
            "fill" => {
                let target = locator(fields)?;
                let typed =
                    fields.get("targetInfo").and_then(|info| info.get("inputType")).and_then(Value::as_str);
                let selector = fields.optional_text("selector")?.unwrap_or_default();
                let secret = typed == Some("password") || passwords::tells(selector) || secret(&target);
                let value = fields.text("text")?.to_owned();
                Gesture::Enter(Entry { target, value, secret, list: false })
            }
            "press" => press(fields)?,
            "select" => {
                let target = locator(fields)?;
                let mut options: Vec<String> =
                    fields.texts("options")?.iter().map(|text| literal(text)).collect();
                let value = if options.len() == 1 {
                    OneOrMany::One(options.remove(0))
                } else {
                    OneOrMany::Many(options)
                };
                Gesture::Act(ActionKind::Select(Select {
                    target,
                    value: Some(value),
                    label: None,
                    index: None,
                }))
            }
            "setInputFiles" => {
                let target = locator(fields)?;
                Gesture::Upload { target, names: fields.texts("files")? }
            }
            "assertText" | "assertValue" | "assertChecked" | "assertVisible" => assertion(name, fields)?,
            "assertSnapshot" => {
                let message = "the outline of the page that was asserted is left out";
                self.notes.add(Code::AssertionDropped, index, message);
                return Ok(None);
            }
            unknown => {
                let message = format!("there is no gesture `{unknown}`");
                let found = fields.fault("unknown_step_type", "name", &message);
                return Err(match nearest(unknown, NAMES) {
                    Some(known) => found.with_help(format!("is it `{known}`?")),
                    None => found.with_help(format!("known are {}", NAMES.join(", "))),
                });
            }
        }))
    }

    /// A tab that was there or opened by hand; popups are told by the gesture that opened them.
    fn open(&mut self, index: usize, tab: &str, fields: &Fields<'_>) -> Result<Option<Gesture>, Diagnostic> {
        if self.popups.iter().any(|popup| popup == tab) {
            return Ok(None);
        }
        let is_first = self.first.is_none();
        let Some(url) = self.address(index, fields)? else {
            return Ok((!is_first).then(|| Gesture::Open("about:blank".to_owned())));
        };
        Ok(Some(if is_first { Gesture::Act(navigate(&url)) } else { Gesture::Open(url) }))
    }

    /// The address that is opened; none where it is a page of the browser's own.
    fn address(&mut self, index: usize, fields: &Fields<'_>) -> Result<Option<String>, Diagnostic> {
        let url = fields.text("url")?;
        match address(url) {
            Address::Web { url, had_credentials } => {
                if had_credentials {
                    let message = "the name and password in its address are left out";
                    self.notes.add(Code::CredentialsDropped, index, message);
                }
                Ok(Some(url))
            }
            Address::Own => Ok(None),
            Address::Other => {
                Err(fields.fault("invalid_url", "url", &format!("`{url}` is no http or https address")))
            }
        }
    }

    /// What came of a gesture.
    fn signals(&mut self, fields: &Fields<'_>, recorded: &mut Recorded) -> Result<(), Diagnostic> {
        for (at, signal) in fields.list("signals")?.iter().enumerate() {
            let Value::Object(map) = signal else {
                return Err(fields.fault("wrong_type", &format!("signals/{at}"), "a signal is an object"));
            };
            let pointer = format!("{}/signals/{at}", fields.pointer);
            let signal = Fields { map, pointer, place: fields.place.clone(), position: fields.position };
            match signal.text("name")? {
                "navigation" => {
                    let url = signal.optional_text("url")?.map(str::to_owned);
                    recorded.landing = Some(Landing { url, title: None });
                }
                "popup" => {
                    let alias = signal.optional_text("popupAlias")?;
                    let guid = signal.optional_text("popupPageGuid")?;
                    // Versions that name tabs by their ids tell of popups by these, too.
                    let by_alias = fields.get("pageAlias").is_some();
                    let called = if by_alias { alias.or(guid) } else { guid.or(alias) };
                    let alias = called.unwrap_or("popup").to_owned();
                    self.popups.push(alias.clone());
                    recorded.opens = Some(alias);
                }
                "download" => recorded.downloads = true,
                // A dialog was dismissed, which is what a document does where it says nothing; what was seen next
                // is not asserted.
                _ => {}
            }
        }
        Ok(())
    }
}

fn navigate(url: &str) -> ActionKind {
    ActionKind::Navigate(Navigate { url: literal(url), wait_until: None, allow_status: Vec::new() })
}

fn position(fields: &Fields<'_>) -> Result<Option<Point>, Diagnostic> {
    let Some(Value::Object(map)) = fields.get("position") else { return Ok(None) };
    let pointer = format!("{}/position", fields.pointer);
    let place = Fields { map, pointer, place: fields.place.clone(), position: fields.position };
    Ok(Some(Point { x: place.number("x")?, y: place.number("y")? }))
}

fn click(fields: &Fields<'_>) -> Result<Gesture, Diagnostic> {
    let button = match fields.optional_text("button")? {
        None | Some("left") => None,
        Some("middle") => Some(MouseButton::Middle),
        Some("right") => Some(MouseButton::Right),
        Some(_) => return Err(fields.fault("invalid_value", "button", "there is no such button")),
    };
    let count = fields.optional_count("clickCount")?.and_then(|count| u8::try_from(count).ok());
    Ok(Gesture::Act(ActionKind::Click(Click {
        target: locator(fields)?,
        button,
        count: count.filter(|count| *count > 1),
        modifiers: keys::modifiers(fields.optional_count("modifiers")?.unwrap_or(0)),
        position: position(fields)?,
        force: false,
        wait_until: None,
    })))
}

fn press(fields: &Fields<'_>) -> Result<Gesture, Diagnostic> {
    let name = fields.text("key")?;
    let held = keys::modifiers(fields.optional_count("modifiers")?.unwrap_or(0));
    let target = locator(fields)?;
    match keys::key(name) {
        Some(keys::Key::Named(key)) => {
            let Stroke { keys, .. } = keys::stroke(&key, &held);
            let press = crate::document::Press { keys: literal(&keys), target: Some(target) };
            Ok(Gesture::Act(ActionKind::Press(press)))
        }
        Some(keys::Key::Modifier(_) | keys::Key::Silent) | None => {
            Err(fields.fault("not_supported", "key", &format!("the key `{name}` cannot be pressed")))
        }
    }
}

fn assertion(name: &str, fields: &Fields<'_>) -> Result<Gesture, Diagnostic> {
    let target = locator(fields)?;
    let test = |target: Target, text: &str, part: bool| {
        let text = Some(Value::String(literal(text)));
        let (equals, contains) = if part { (None, text) } else { (text, None) };
        Some(TextTest { target, equals, contains, matches: None })
    };
    let none = PageCondition::default;
    let condition = match name {
        "assertText" => {
            let part = fields.flag("substring")?;
            PageCondition { text: test(target, fields.text("text")?, part), ..none() }
        }
        "assertValue" => PageCondition { value: test(target, fields.text("value")?, false), ..none() },
        "assertChecked" => {
            let checked = PageCondition { checked: Some(target), ..none() };
            if fields.flag("checked")? {
                checked
            } else {
                PageCondition { not: Some(Box::new(page(checked))), ..none() }
            }
        }
        _ => PageCondition { visible: Some(target), ..none() },
    };
    let conditions: Vec<Condition> = vec![page(condition)];
    Ok(Gesture::Act(ActionKind::Verify(Verify { conditions, soft: false })))
}
