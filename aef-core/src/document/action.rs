//! What a step does. The same types stand in documents, with templates in their texts, and in the journal, rendered.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::condition::Condition;
use super::duration::Span;
use super::locator::{Locator, Target};
use super::text::{OneOrMany, Templated, Text};

/// One action with the fields that every action takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// What to do.
    pub kind: ActionKind,
    /// How long it may take. Default: `config.actionTimeout`.
    pub timeout: Option<Span>,
    /// Whether it may be performed again when its outcome is unknown. Default: by its kind.
    pub repeatable: Option<bool>,
    /// What it is for, shown at checkpoints.
    pub description: Option<String>,
    /// The popup that it opens and that is waited for.
    pub popup: Option<Popup>,
}

/// The announcement of a popup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Popup {
    /// The name of the tab from then on.
    #[serde(rename = "as")]
    pub name: String,
}

/// What an action does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ActionKind {
    /// Opens an address.
    Navigate(Navigate),
    /// Goes back in the tab's history.
    Back(History),
    /// Goes forward in the tab's history.
    Forward(History),
    /// Loads the page again.
    Reload(History),
    /// Clicks an element.
    Click(Click),
    /// Moves the pointer over an element.
    Hover(Hover),
    /// Replaces the content of a field.
    Fill(Fill),
    /// Types at the end of a field.
    Type(TypeText),
    /// Empties a field.
    Clear(OnTarget),
    /// Presses keys.
    Press(Press),
    /// Chooses options of a select element.
    Select(Select),
    /// Switches a box, switch or radio button on.
    Check(OnTarget),
    /// Switches a box or switch off.
    Uncheck(OnTarget),
    /// Scrolls.
    Scroll(Scroll),
    /// Waits.
    WaitFor(WaitFor),
    /// Reads from the page into a variable.
    Extract(Extract),
    /// Demands that conditions hold.
    Verify(Verify),
    /// Takes a picture as evidence.
    Screenshot(Screenshot),
    /// Gives files to a file input.
    Upload(Upload),
    /// Performs what starts a download and keeps the file.
    Download(Download),
    /// Drags one element onto another.
    Drag(Drag),
    /// Selects text.
    SelectText(SelectText),
    /// Opens, switches or closes a tab.
    Tab(Tab),
    /// Says how dialogs are answered from here on.
    Dialog(DialogPolicy),
    /// Sets variables.
    Set(Set),
    /// Runs a script in the page, where the host allows it.
    Evaluate(Evaluate),
    /// Asks the host's resolver to find the action for words.
    Act(Act),
    /// A host's own action, `NAMESPACE.NAME`.
    #[serde(skip)]
    #[schemars(skip)]
    Custom(CustomAction),
}

/// When a navigation counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitUntil {
    /// The server has answered and the new document has begun.
    Commit,
    /// The document is parsed.
    DomContentLoaded,
    /// Its resources are loaded.
    Load,
    /// Nothing has been in flight for 500 ms.
    NetworkIdle,
}

/// `navigate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Navigate {
    /// An absolute http or https address.
    pub url: String,
    /// When it counts as done. Default: load, but at most 5 s past `dom_content_loaded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_until: Option<WaitUntil>,
    /// Statuses of 400 and above that are no error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_status: Vec<u16>,
}

/// `back`, `forward` and `reload`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct History {
    /// When it counts as done. Default as for `navigate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_until: Option<WaitUntil>,
    /// Statuses of 400 and above that are no error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_status: Vec<u16>,
}

/// A button of the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MouseButton {
    /// The main one.
    #[default]
    Left,
    /// The one in the middle.
    Middle,
    /// The one that opens context menus.
    Right,
}

/// A key held during a click.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Modifier {
    /// Alt, or Option.
    Alt,
    /// Control.
    Control,
    /// Command, or the Windows key.
    Meta,
    /// Shift.
    Shift,
}

/// A place in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// `click`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Click {
    /// The element.
    pub target: Target,
    /// The button. Default left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub button: Option<MouseButton>,
    /// How often: 2 is a double click. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u8>,
    /// Keys held meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifiers: Vec<Modifier>,
    /// Where, from the target's top left. Default its centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Point>,
    /// Resolves the target and sends the click without checks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Waits for the navigation that it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_until: Option<WaitUntil>,
}

/// `hover`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hover {
    /// The element.
    pub target: Target,
    /// Keys held meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifiers: Vec<Modifier>,
    /// Where, from the target's top left. Default its centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Point>,
    /// Moves there without checks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// `clear`, `check` and `uncheck`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnTarget {
    /// The element.
    pub target: Target,
}

/// `fill`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// The field.
    pub target: Target,
    /// What stands in it afterwards.
    pub value: Text,
}

/// `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TypeText {
    /// The field.
    pub target: Target,
    /// What is typed at its end.
    pub value: Text,
    /// The pause between two keys. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
}

/// `press`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Press {
    /// A key or a combination: `Enter`, `Control+a`.
    pub keys: String,
    /// The element that gets the focus first. Default: the one that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

/// `select`. Exactly one of value, label and index is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// The select element.
    pub target: Target,
    /// Options by their value; a template may give a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<OneOrMany<String>>,
    /// Options by their text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<OneOrMany<String>>,
    /// Options by their place, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<OneOrMany<Templated<u32>>>,
}

/// `scroll`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scroll {
    /// The element that scrolls, or one to bring into view. Default the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Where to. Default `into_view` with a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ScrollTo>,
    /// Scrolls down by a page until this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Condition>,
    /// With `until`: how often at most. Default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

/// Where to scroll.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ScrollTo {
    /// A named place.
    Edge(ScrollEdge),
    /// An offset in CSS pixels.
    Point(Point),
}

/// A named place to scroll to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScrollEdge {
    /// The beginning.
    Top,
    /// The end.
    Bottom,
    /// Where the target can be seen.
    IntoView,
}

/// `wait_for`. Exactly one of condition, load and duration is given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitFor {
    /// Until this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Until the page has come so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<WaitUntil>,
    /// So long. Warns: a condition is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Templated<Span>>,
}

/// What is read of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// Its text as rendered.
    #[default]
    Text,
    /// The value of a form control.
    Value,
    /// An attribute.
    Attribute,
    /// Its inner HTML.
    Html,
    /// The first number in its text.
    Number,
    /// How many elements match.
    Count,
    /// Whether it is checked.
    Checked,
    /// Its box: x, y, width, height in CSS px.
    Box,
}

/// `extract`: one value (`target`), a map (`fields`), or rows (`list` and `fields`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Extract {
    /// The variable that gets it.
    #[serde(rename = "as")]
    pub variable: String,
    /// The element to read one value of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// What is read of it. Default text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Read>,
    /// With `read: attribute`: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// The elements of which each is a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Locator>,
    /// What is read, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Field>,
    /// Waits until there are so many rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_items: Option<u32>,
    /// Reads no more rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u32>,
    /// A JSON Schema that the value must satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
}

/// One field of an `extract`. Its locator stands in `locator`, or its fields stand here; none means the item itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// The element, inside the row where there are rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locator: Option<Target>,
    /// What is read of it. Default text, or the attribute where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Read>,
    /// The attribute to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// Whether its absence is an error. Default false: null.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// A locator written in place: `{ css: .from }`.
    #[serde(flatten)]
    pub inline: Locator,
}

impl Field {
    /// The locator, wherever it is written.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        self.locator
            .clone()
            .or_else(|| (!self.inline.strategies().is_empty()).then(|| OneOrMany::One(self.inline.clone())))
    }
}

/// `verify`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// All of these must hold.
    pub conditions: Vec<Condition>,
    /// Only note it where one does not. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soft: bool,
}

/// The format of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImageFormat {
    /// Lossless.
    #[default]
    Png,
    /// Small.
    Jpeg,
}

/// `screenshot`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Screenshot {
    /// One element. Default the viewport.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// The whole page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub full_page: bool,
    /// Elements that are painted over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mask: Vec<Target>,
    /// The format. Default png.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ImageFormat>,
    /// The variable that gets the artifact.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

/// `upload`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// The file input.
    pub target: Target,
    /// Artifacts, as templates that give them: one, or a list.
    pub files: OneOrMany<Value>,
}

impl Upload {
    /// The files one by one: a list that stands for one value, as a template may give it, counts as what is in it.
    pub fn named(&self) -> impl Iterator<Item = &Value> {
        self.files.as_slice().iter().flat_map(|value| match value {
            Value::Array(files) => files.as_slice(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                std::slice::from_ref(value)
            }
        })
    }
}

/// `download`: what starts it is a click or a navigation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// The click that starts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub click: Option<Click>,
    /// The navigation that starts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub navigate: Option<Navigate>,
    /// The variable that gets `{artifact, name, mediaType, size, sha256}`.
    #[serde(rename = "as")]
    pub variable: String,
}

/// An end of a drag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DragPoint {
    /// A place in an element.
    Offset {
        /// The element.
        target: Target,
        /// From its top left, in CSS px.
        offset: Point,
    },
    /// An element's centre.
    Target(Target),
}

/// `drag`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drag {
    /// Where the button is pressed.
    pub from: DragPoint,
    /// Where it is released.
    pub to: DragPoint,
    /// Places on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<DragPoint>,
    /// How many moves between two places. Default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moves: Option<u32>,
}

/// `select_text`: a text in the target, or the range from one character to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectText {
    /// The element.
    pub target: Target,
    /// The text to select. Default all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The first character, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u32>,
    /// The character behind the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u32>,
}

/// `tab`. Exactly one of open, switch and close is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tab {
    /// Opens a tab and switches to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<TabOpen>,
    /// Switches to the tab of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<String>,
    /// Closes the tab of this name; then its opener is current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<String>,
}

/// `tab: { open }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TabOpen {
    /// The address.
    pub url: String,
    /// The tab's name. Default `t2`, `t3`, …
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `dialog`: the answer to dialogs from here on. Exactly one field is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DialogPolicy {
    /// Accepts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<bool>,
    /// Dismisses them. This is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismiss: Option<bool>,
    /// Accepts them with this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// `set`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Expressions by the name of the variable that gets their value. All read the state before.
    pub vars: BTreeMap<String, String>,
}

/// `evaluate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// The body of a function of `args`.
    pub script: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Value>,
    /// The variable that gets its result.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

/// `act`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// What to do, in words.
    pub instruction: String,
}

/// A host's own action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomAction {
    /// `NAMESPACE.NAME`.
    pub name: String,
    /// Its arguments.
    pub with: serde_json::Map<String, Value>,
    /// The variable that gets its result.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}
