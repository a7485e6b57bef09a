//! Reads what Chrome's DevTools Recorder exports: `{ title, timeout?, selectorAttribute?, steps: [{ type, … }] }`.

use serde_json::Value;

use super::fields::{Faults, Fields};
use super::gesture::{Entry, Gesture, Landing, Notes, Recorded, Recording};
use super::keys;
use super::landing::{Address, address};
use super::literal;
use super::report::ImportWarningCode as Code;
use super::selectors::{Purpose, named};
use super::waits;
use crate::document::{
    ActionKind, BrowserConfig, Click, Diagnostic, Diagnostics, History, Hover, MouseButton, Navigate, Point,
    Scroll, ScrollTo, SourceMap, Span, Viewport, nearest, parse_json,
};

/// The tab that a recording begins with.
const MAIN: &str = "main";
/// How long a gesture may take where neither it nor the recording says: what the recorder itself waits.
const USUAL_TIMEOUT: Span = Span::seconds(5);
/// A press of the mouse that is longer, in milliseconds, was held on purpose.
const HELD: f64 = 500.0;

/// All types of steps.
const TYPES: [&str; 14] = [
    "setViewport",
    "emulateNetworkConditions",
    "navigate",
    "click",
    "doubleClick",
    "hover",
    "change",
    "keyDown",
    "keyUp",
    "scroll",
    "waitForElement",
    "waitForExpression",
    "close",
    "customStep",
];

pub(super) fn read(text: &str) -> Result<Recording, Diagnostics> {
    let value = parse_json(text)?;
    let mut faults = Faults::default();
    let recording = recording(&value, &mut faults);
    match recording {
        Some(recording) if faults.0.is_empty() => Ok(recording),
        _ => Err(Diagnostics::new(faults.0).locate(&SourceMap::new(text))),
    }
}

fn recording(value: &Value, faults: &mut Faults) -> Option<Recording> {
    let Value::Object(map) = value else {
        faults.0.push(Diagnostic::error(
            "wrong_type",
            "",
            "a recording is an object with `title` and `steps`",
        ));
        return None;
    };
    let fields = Fields { map, pointer: String::new(), place: "the recording".to_owned(), position: None };
    let mut kept = |result: Result<Option<String>, Diagnostic>| match result {
        Ok(text) => text,
        Err(fault) => {
            faults.0.push(fault);
            None
        }
    };
    let title = kept(fields.optional_text("title").map(|text| text.map(str::to_owned)));
    let attribute = kept(fields.optional_text("selectorAttribute").map(|text| text.map(str::to_owned)));
    let timeout = fields.millis("timeout").unwrap_or_else(|fault| {
        faults.0.push(fault);
        None
    });
    let steps = match fields.get("steps") {
        Some(Value::Array(steps)) => steps.as_slice(),
        Some(_) => {
            faults.0.push(fields.fault("wrong_type", "steps", "`steps` is a list"));
            &[]
        }
        None => {
            faults.0.push(fields.fault("missing_field", "steps", "`steps` is missing"));
            &[]
        }
    };
    let browser = BrowserConfig { test_id_attribute: attribute, ..BrowserConfig::default() };
    let mut reader = Reader { timeout, browser, viewports: 0, gestures: Vec::new(), notes: Notes::default() };
    for (index, step) in steps.iter().enumerate() {
        if let Err(fault) = reader.step(index, step) {
            faults.0.push(fault);
        }
    }
    Some(Recording {
        kind: "devtools-recorder",
        first_tab: MAIN.to_owned(),
        title,
        timeout,
        browser: reader.browser,
        timezone: None,
        gestures: reader.gestures,
        count: steps.len(),
        notes: reader.notes,
    })
}

struct Reader {
    timeout: Option<Span>,
    browser: BrowserConfig,
    viewports: usize,
    gestures: Vec<Recorded>,
    notes: Notes,
}

impl Reader {
    fn step(&mut self, index: usize, value: &Value) -> Result<(), Diagnostic> {
        let (pointer, place) = (format!("/steps/{index}"), format!("step {index}"));
        let Value::Object(map) = value else {
            return Err(Diagnostic::error("wrong_type", pointer, format!("{place}: a step is an object")));
        };
        let fields = Fields { map, pointer, place, position: None };
        let kind = fields.text("type")?;
        let landing = landing(&fields)?;
        let Some(gesture) = self.gesture(index, kind, &fields)? else {
            return Ok(());
        };
        let tab = fields.optional_text("target")?.unwrap_or(MAIN);
        let timeout = fields.millis("timeout")?;
        self.gestures.push(Recorded { timeout, landing, ..Recorded::new(index, tab, gesture) });
        Ok(())
    }

    /// What a step does; nothing where it only says how the recorder's own window was set up.
    fn gesture(
        &mut self,
        index: usize,
        kind: &str,
        fields: &Fields<'_>,
    ) -> Result<Option<Gesture>, Diagnostic> {
        Ok(Some(match kind {
            "setViewport" => return self.viewport(index, fields).map(|()| None),
            "emulateNetworkConditions" => {
                let message = "the speed of the network that was emulated is left out";
                self.notes.add(Code::SettingDropped, index, message);
                return Ok(None);
            }
            "navigate" => match self.navigate(index, fields)? {
                Some(navigate) => navigate,
                None => return Ok(None),
            },
            "click" => self.click(index, fields, None)?,
            "doubleClick" => self.click(index, fields, Some(2))?,
            "hover" => {
                let target = self.named(index, fields, Purpose::Point)?.target;
                Gesture::Act(ActionKind::Hover(Hover {
                    target,
                    modifiers: Vec::new(),
                    position: None,
                    force: false,
                }))
            }
            "change" => self.change(index, fields)?,
            "keyDown" => Gesture::KeyDown(key_of(fields)?),
            "keyUp" => Gesture::KeyUp(key_of(fields)?),
            "scroll" => self.scroll(index, fields)?,
            "waitForElement" => {
                let target = self.named(index, fields, Purpose::Look)?.target;
                Gesture::Act(waits::element(fields, &target, (index, &mut self.notes))?)
            }
            "waitForExpression" => self.expression(index, fields)?,
            "close" => Gesture::Close,
            "customStep" => self.custom(index, fields)?,
            unknown => {
                let found = fields.fault(
                    "unknown_step_type",
                    "type",
                    &format!("there is no step of type `{unknown}`"),
                );
                return Err(match nearest(unknown, TYPES) {
                    Some(known) => found.with_help(format!("is it `{known}`?")),
                    None => found.with_help(format!("known are {}", TYPES.join(", "))),
                });
            }
        }))
    }

    fn named(
        &mut self,
        index: usize,
        fields: &Fields<'_>,
        purpose: Purpose,
    ) -> Result<super::selectors::Named, Diagnostic> {
        let attribute = self.browser.test_id_attribute.clone();
        named(fields, purpose, attribute.as_deref().unwrap_or("data-testid"), (index, &mut self.notes))
    }

    fn viewport(&mut self, index: usize, fields: &Fields<'_>) -> Result<(), Diagnostic> {
        let size = |key: &str| {
            let pixels = fields.number(key)?;
            let whole = (1.0..=16_384.0).contains(&pixels) && pixels.fract() == 0.0;
            let wrong =
                || fields.fault("invalid_value", key, &format!("`{key}` is a whole number from 1 to 16384"));
            whole.then_some(pixels as u32).ok_or_else(wrong)
        };
        let viewport = Viewport { width: size("width")?, height: size("height")? };
        let scale = fields.optional_number("deviceScaleFactor")?.filter(|scale| *scale > 0.0);
        let (mobile, touch) = (fields.flag("isMobile")?, fields.flag("hasTouch")?);
        self.viewports += 1;
        if self.viewports == 1 {
            self.browser.viewport = Some(viewport);
            self.browser.device_scale_factor = scale.filter(|scale| (*scale - 1.0).abs() > f64::EPSILON);
        } else if self.browser.viewport != Some(viewport) {
            let message =
                format!("the size {} × {} is left out: a session has one", viewport.width, viewport.height);
            self.notes.add(Code::SettingDropped, index, message);
        }
        if mobile || touch {
            self.notes.add(
                Code::SettingDropped,
                index,
                "the page is not shown as on a phone: it has a mouse",
            );
        }
        Ok(())
    }

    fn navigate(&mut self, index: usize, fields: &Fields<'_>) -> Result<Option<Gesture>, Diagnostic> {
        let url = fields.text("url")?;
        match address(url) {
            Address::Web { url, had_credentials } => {
                if had_credentials {
                    let message = "the name and password in its address are left out";
                    self.notes.add(Code::CredentialsDropped, index, message);
                }
                let navigate = Navigate { url: literal(&url), wait_until: None, allow_status: Vec::new() };
                Ok(Some(Gesture::Act(ActionKind::Navigate(navigate))))
            }
            Address::Own => {
                self.notes.add(
                    Code::AddressDropped,
                    index,
                    format!("`{url}` is the browser's own and is not opened"),
                );
                Ok(None)
            }
            Address::Other => {
                Err(fields.fault("invalid_url", "url", &format!("`{url}` is no http or https address")))
            }
        }
    }

    fn click(&mut self, index: usize, fields: &Fields<'_>, count: Option<u8>) -> Result<Gesture, Diagnostic> {
        let element = self.named(index, fields, Purpose::Point)?;
        let button = match fields.optional_text("button")? {
            None | Some("primary") => None,
            Some("auxiliary") => Some(MouseButton::Middle),
            Some("secondary") => Some(MouseButton::Right),
            Some("back") => return Ok(Gesture::Act(ActionKind::Back(History::default()))),
            Some("forward") => return Ok(Gesture::Act(ActionKind::Forward(History::default()))),
            Some(_) => return Err(fields.fault("invalid_value", "button", "there is no such button")),
        };
        match fields.optional_text("deviceType")? {
            None | Some("mouse") => {}
            Some(device @ ("pen" | "touch")) => {
                self.notes.add(
                    Code::SettingDropped,
                    index,
                    format!("it is clicked with the mouse, not by {device}"),
                );
            }
            Some(_) => return Err(fields.fault("invalid_value", "deviceType", "there is no such device")),
        }
        if fields.optional_number("duration")?.is_some_and(|millis| millis >= HELD) {
            self.notes.add(Code::SettingDropped, index, "the button is not held down as long as it was");
        }
        // Elsewhere the middle is safer than the place that happened to be hit: sizes change.
        let place = fields.optional_number("offsetX")?.zip(fields.optional_number("offsetY")?);
        let position = place.filter(|_| element.drawn).map(|(x, y)| Point { x, y });
        Ok(Gesture::Act(ActionKind::Click(Click {
            target: element.target,
            button,
            count,
            modifiers: Vec::new(),
            position,
            force: false,
            wait_until: None,
        })))
    }

    fn change(&mut self, index: usize, fields: &Fields<'_>) -> Result<Gesture, Diagnostic> {
        let element = self.named(index, fields, Purpose::Enter)?;
        let value = fields.text("value")?;
        // Browsers show a page no more of a chosen file than its name.
        if let Some(name) = value.strip_prefix("C:\\fakepath\\") {
            return Ok(Gesture::Upload { target: element.target, names: vec![name.to_owned()] });
        }
        let value = value.to_owned();
        Ok(Gesture::Enter(Entry {
            target: element.target,
            value,
            secret: element.secret,
            list: element.list,
        }))
    }

    fn scroll(&mut self, index: usize, fields: &Fields<'_>) -> Result<Gesture, Diagnostic> {
        let target = match fields.get("selectors") {
            Some(_) => Some(self.named(index, fields, Purpose::Look)?.target),
            None => None,
        };
        let x = fields.optional_number("x")?.unwrap_or(0.0);
        let y = fields.optional_number("y")?.unwrap_or(0.0);
        if target.is_none() && !fields.list("frame")?.is_empty() {
            let message =
                "the page of a frame is scrolled by name only: whatever is acted on is brought into view";
            self.notes.add(Code::SettingDropped, index, message);
        }
        let to = Some(ScrollTo::Point(Point { x, y }));
        Ok(Gesture::Act(ActionKind::Scroll(Scroll { target, to, until: None, max: None })))
    }

    fn expression(&mut self, index: usize, fields: &Fields<'_>) -> Result<Gesture, Diagnostic> {
        let expression = fields.text("expression")?;
        if !fields.list("frame")?.is_empty() {
            let instructions = format!("Wait until this holds in the frame: {expression}");
            self.notes.add(
                Code::ManualStep,
                index,
                "a script cannot be waited for in a frame: a person does",
            );
            return Ok(Gesture::Manual { name: "Wait for a frame".to_owned(), instructions });
        }
        let timeout = fields.millis("timeout")?.or(self.timeout).unwrap_or(USUAL_TIMEOUT);
        Ok(Gesture::Act(waits::expression(expression, timeout, (index, &mut self.notes))))
    }

    fn custom(&mut self, index: usize, fields: &Fields<'_>) -> Result<Gesture, Diagnostic> {
        let name = fields.text("name")?.to_owned();
        let instructions = match fields.get("parameters") {
            Some(parameters) if !is_empty(parameters) => format!("{name}, with {parameters}"),
            _ => name.clone(),
        };
        self.notes.add(
            Code::ManualStep,
            index,
            format!("`{name}` is a step of another tool: a person does it"),
        );
        Ok(Gesture::Manual { name, instructions })
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn key_of(fields: &Fields<'_>) -> Result<String, Diagnostic> {
    let name = fields.text("key")?;
    match keys::key(name) {
        Some(_) => Ok(name.to_owned()),
        None => Err(fields.fault("not_supported", "key", &format!("the key `{name}` cannot be pressed"))),
    }
}

/// The page that the step's asserted events tell of; the last one is where it ended.
fn landing(fields: &Fields<'_>) -> Result<Option<Landing>, Diagnostic> {
    let mut landing = None;
    for (at, event) in fields.list("assertedEvents")?.iter().enumerate() {
        let key = format!("assertedEvents/{at}");
        let Value::Object(map) = event else {
            return Err(fields.fault("wrong_type", &key, "an asserted event is an object"));
        };
        let pointer = format!("{}/{key}", fields.pointer);
        let event = Fields { map, pointer, place: fields.place.clone(), position: None };
        match event.text("type")? {
            "navigation" => {
                let text = |key| Ok(event.optional_text(key)?.map(str::to_owned));
                landing = Some(Landing { url: text("url")?, title: text("title")? });
            }
            unknown => {
                let message = format!("there is no event of type `{unknown}`");
                return Err(event.fault("unknown_step_type", "type", &message));
            }
        }
    }
    Ok(landing)
}
