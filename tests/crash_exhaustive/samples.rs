//! The documents that are crashed everywhere, and the site that they work on.

use aef::document::Document;
use aef::execution::ExecutionState;
use aef_testkit::scripted_browser::{Element, Page, Post, Reaction, ScriptedSite};
use serde_json::{Value, json};

pub(crate) const ORIGIN: &str = "https://crm.test";

/// A document, and what a person knows about it.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    document: fn() -> Value,
    /// The write that the open question is about: its kind and its key.
    pub(crate) write: fn(&ExecutionState) -> (&'static str, String),
}

pub(crate) const SAMPLES: [Sample; 5] = [
    Sample { name: "records", document: records, write: |state| ("save", from(state)) },
    Sample { name: "dialog", document: dialog, write: |_| ("note", "hello".to_owned()) },
    Sample { name: "letters", document: letters, write: |state| ("send", from(state)) },
    Sample { name: "page_bound", document: page_bound, write: |_| ("note", "hello".to_owned()) },
    Sample { name: "people", document: people, write: |_| ("send", "ann".to_owned()) },
];

impl Sample {
    pub(crate) fn document(&self) -> Document {
        Document::from_value((self.document)()).expect("a sample is a document")
    }
}

/// Whose mail is in hand.
fn from(state: &ExecutionState) -> String {
    state.variables["mail"]["from"].as_str().expect("a mail has a sender").to_owned()
}

pub(crate) fn site() -> ScriptedSite {
    let mail = |id: &str, from: &str| {
        Element::new("li").attribute("data-mail", id).with(Element::new("b").class("from").text(from))
    };
    let known =
        Element::new("p").test_id("known").text("{query:who} is known").once_posted("save", "{query:who}");
    let save = Element::button("Save")
        .on_click(Reaction::Post(Post::new("save", "{value:Contact}")))
        .on_click(Reaction::Open("/record?who={value:Contact}".to_owned()));
    let editor = Element::new("dialog").test_id("editor").with(Element::field("Note")).with(
        Element::button("Keep")
            .posts("note", "{value:Note}")
            .shows(Element::new("p").test_id("kept").text("Kept")),
    );
    ScriptedSite::new(ORIGIN)
        .page("/inbox", Page::new("Inbox").with_all([mail("m1", "ann"), mail("m2", "bob")]))
        .page(
            "/record",
            Page::new("Record").with(known).with(Element::field("Contact").value("{query:who}")).with(save),
        )
        .page(
            "/notes",
            Page::new("Notes")
                .with(Element::button("Edit").on_click(Reaction::Remove("editor".to_owned())).shows(editor)),
        )
        .page(
            "/letter",
            Page::new("Letter")
                .with(Element::field("To"))
                .with(Element::button("Send").posts("send", "{value:To}")),
        )
}

fn document(id: &str, steps: Value) -> Value {
    json!({
        "aef": 1,
        "id": id,
        "config": {
            "browser": { "allowedOrigins": [ORIGIN] },
            "retry": { "delay": "1s" },
            "actionTimeout": "5s",
            "stepTimeout": "5s",
        },
        "vars": { "mails": [], "done": [] },
        "steps": steps,
    })
}

fn navigate(path: &str) -> Value {
    json!({ "action": "navigate", "url": format!("{ORIGIN}{path}") })
}

fn click(name: &str) -> Value {
    json!({ "action": "click", "target": { "role": "button", "name": name } })
}

fn fill(label: &str, value: &str) -> Value {
    json!({ "action": "fill", "target": { "label": label }, "value": value })
}

fn read_inbox() -> Value {
    let extract = json!({
        "action": "extract", "list": { "css": "[data-mail]" }, "as": "mails",
        "fields": { "id": { "attribute": "data-mail" }, "from": { "css": ".from" } },
    });
    json!({ "id": "read", "actions": [navigate("/inbox"), extract] })
}

fn each_mail(steps: Value) -> Value {
    json!({
        "id": "each", "type": "loop", "forEach": "mails", "as": "mail", "maxIterations": 10,
        "collect": { "done": "mail.from" }, "steps": steps,
    })
}

fn end() -> Value {
    json!({ "id": "end", "type": "end", "result": { "done": "{{ done }}" } })
}

/// A write whose verification tells, on a fresh page, whether it happened; a person agrees to each.
fn records() -> Value {
    let known = json!({ "text": { "target": { "testId": "known" }, "contains": "{{ mail.from }}" } });
    let steps = json!([
        { "id": "open", "actions": [navigate("/record?who={{ mail.from }}")] },
        {
            "id": "save", "risk": "write", "checkpoint": { "before": { "title": "Save {{ mail.from }}?" } },
            "actions": [fill("Contact", "{{ mail.from }}"), click("Save")], "verify": [known],
        },
    ]);
    document("records", json!([read_inbox(), each_mail(steps), end()]))
}

/// A dialog that exists only behind a click: the click is made again on a fresh page, the write is not.
fn dialog() -> Value {
    let step = json!({
        "id": "note", "risk": "write",
        "actions": [navigate("/notes"), click("Edit"), fill("Note", "hello"), click("Keep")],
    });
    document("dialog", json!([step, end()]))
}

/// A write that nothing can verify: only a person knows.
fn letters() -> Value {
    let step = json!({
        "id": "send", "risk": "write",
        "actions": [navigate("/letter"), fill("To", "{{ mail.from }}"), click("Send")],
    });
    document("letters", json!([read_inbox(), each_mail(json!([step])), end()]))
}

/// A checkpoint in the middle of a group, on a page that a click has changed.
fn page_bound() -> Value {
    let group = json!({
        "id": "group", "type": "group", "steps": [
            { "id": "open", "actions": [navigate("/notes"), click("Edit")] },
            { "id": "write", "actions": [fill("Note", "hello")] },
            {
                "id": "keep", "risk": "write", "checkpoint": { "before": { "title": "Keep it?" } },
                "actions": [click("Keep")],
            },
        ],
    });
    document("page_bound", json!([group, end()]))
}

/// Questions without a page, between pages.
fn people() -> Value {
    let options = json!([{ "id": "send", "label": "Send" }, { "id": "leave", "label": "Leave" }]);
    let send = json!({
        "id": "send", "checkpoint": { "after": { "title": "Is it sent?" } },
        "actions": [navigate("/letter"), fill("To", "{{ who }}"), click("Send")],
    });
    let steps = json!([
        { "id": "set", "actions": [{ "action": "set", "vars": { "who": "'ann'" } }] },
        { "id": "look", "type": "manual", "instructions": "Look at it." },
        {
            "id": "which", "type": "decision", "ask": { "question": "Send it?", "options": options },
            "branches": [{ "option": "send", "steps": [send] }], "otherwise": { "steps": [] },
        },
        end(),
    ]);
    document("people", steps)
}
