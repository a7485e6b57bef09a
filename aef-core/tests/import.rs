//! What recordings become.

#![expect(clippy::needless_pass_by_value, reason = "what a test makes is handed over where it stands")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use aef_core::document::CheckpointMode;
use aef_core::import::{ImportOptions, ImportWarningCode, Imported, from_codegen, from_recorder};
use aef_core::plan::Plan;
use serde_json::{Value, json};

const SITE: &str = "https://a.example/";

fn recorder(steps: Value) -> Imported {
    let recording = json!({ "title": "A recording", "steps": steps }).to_string();
    let imported = from_recorder(recording.as_bytes(), &ImportOptions::default()).unwrap();
    Plan::compile(&imported.document).unwrap();
    imported
}

/// The actions of all steps, one list.
fn actions(imported: &Imported) -> Vec<Value> {
    let document = serde_json::to_value(&imported.document).unwrap();
    let steps = document["steps"].as_array().unwrap();
    steps.iter().filter_map(|step| step["actions"].as_array()).flatten().cloned().collect()
}

/// The actions behind the `navigate` with which every recording here begins.
fn done(steps: Value) -> Vec<Value> {
    let mut all = vec![json!({ "type": "navigate", "url": SITE })];
    all.extend(steps.as_array().unwrap().iter().cloned());
    actions(&recorder(Value::Array(all))).split_off(1)
}

fn change(id: &str, value: &str) -> Value {
    json!({ "type": "change", "selectors": [[id]], "value": value })
}

fn key(kind: &str, key: &str) -> Value {
    json!({ "type": kind, "key": key })
}

fn click(id: &str) -> Value {
    json!({ "type": "click", "selectors": [[id]], "offsetX": 1, "offsetY": 1 })
}

fn fill(id: &str, value: &str) -> Value {
    json!({ "action": "fill", "target": { "css": id }, "value": value })
}

fn press(keys: &str) -> Value {
    json!({ "action": "press", "keys": keys })
}

#[test]
fn values_that_grow_are_one_and_their_keys_are_none() {
    let typed = json!([
        click("#a"),
        key("keyDown", "t"),
        change("#a", "t"),
        key("keyUp", "t"),
        key("keyDown", "Shift"),
        key("keyDown", "E"),
        change("#a", "tE"),
        key("keyUp", "E"),
        key("keyUp", "Shift"),
        key("keyDown", "Backspace"),
        change("#a", "t"),
        key("keyUp", "Backspace"),
        key("keyDown", "a"),
        change("#a", "ta"),
        key("keyDown", "Tab"),
        key("keyUp", "Tab"),
        change("#b", "x"),
    ]);
    let expected = vec![
        json!({ "action": "click", "target": { "css": "#a" } }),
        fill("#a", "ta"),
        press("Tab"),
        fill("#b", "x"),
    ];
    assert_eq!(done(typed), expected);
}

#[test]
fn keys_that_are_meant_stay() {
    let steps = json!([
        key("keyDown", "/"),
        key("keyUp", "/"),
        key("keyDown", "a"),
        change("#a", "a"),
        key("keyUp", "a"),
        key("keyDown", "Control"),
        key("keyDown", "Shift"),
        key("keyDown", "K"),
        key("keyUp", "K"),
        key("keyUp", "Shift"),
        key("keyUp", "Control"),
        key("keyDown", "Enter"),
        change("#a", "a"),
        key("keyUp", "Enter"),
        key("keyDown", "ArrowDown"),
        key("keyDown", "ArrowDown"),
        key("keyUp", "ArrowDown"),
        key("keyDown", "Dead"),
        key("keyDown", "é"),
    ]);
    let expected = vec![
        press("/"),
        fill("#a", "a"),
        press("Control+Shift+K"),
        press("Enter"),
        press("ArrowDown"),
        press("ArrowDown"),
        press("é"),
    ];
    assert_eq!(done(steps), expected);
}

#[test]
fn a_double_click_is_one_and_so_is_a_scroll() {
    let double = json!({ "type": "doubleClick", "selectors": [["#a"]], "offsetX": 1, "offsetY": 1 });
    let steps = json!([
        click("#b"), click("#a"), double,
        { "type": "scroll", "x": 0, "y": 10 }, { "type": "scroll", "x": 0, "y": 90 },
        { "type": "scroll", "selectors": [["#list"]], "y": 5 },
        key("keyDown", "Control"), click("#c"), key("keyUp", "Control"), click("#d"),
    ]);
    let expected = vec![
        json!({ "action": "click", "target": { "css": "#b" } }),
        json!({ "action": "click", "target": { "css": "#a" }, "count": 2 }),
        json!({ "action": "scroll", "to": { "x": 0.0, "y": 90.0 } }),
        json!({ "action": "scroll", "target": { "css": "#list" }, "to": { "x": 0.0, "y": 5.0 } }),
        json!({ "action": "click", "target": { "css": "#c" }, "modifiers": ["Control"] }),
        json!({ "action": "click", "target": { "css": "#d" } }),
    ];
    assert_eq!(done(steps), expected);
}

#[test]
fn selectors_become_a_ranked_list() {
    let target = |selectors: Value| {
        let step = json!({ "type": "click", "selectors": selectors, "offsetX": 1, "offsetY": 1 });
        done(json!([step])).remove(0)["target"].clone()
    };
    assert_eq!(
        target(json!([
            ["aria/Save"],
            ["#save > button.x"],
            ["xpath///*[@id=\"save\"]/button"],
            ["pierce/#save > button.x"],
            ["text/Save"]
        ])),
        json!([
            { "role": "button", "name": "Save", "exact": true },
            { "css": "#save > button.x" },
            { "xpath": "//*[@id=\"save\"]/button" },
            { "text": "Save" },
        ])
    );
    assert_eq!(
        target(json!([["aria/Save"], ["#save"]])),
        json!([{ "label": "Save", "exact": true }, { "css": "#save" }, { "text": "Save", "exact": true }])
    );
    assert_eq!(
        target(json!(["aria/Menu[role=\"link\"]"])),
        json!({ "role": "link", "name": "Menu", "exact": true })
    );
    assert_eq!(
        target(json!([["x-app", "x-card", "button"], ["x-app >>> button.deep"]])),
        json!([
            { "css": "button", "within": [{ "css": "x-card", "within": [{ "css": "x-app" }] }] },
            { "css": "button.deep", "within": [{ "css": "x-app" }] },
        ])
    );
    assert_eq!(target(json!(["[data-testid='go']"])), json!({ "testId": "go" }));
    assert_eq!(
        target(json!([["aria/"], ["aria/Confirm", "aria/[role=\"generic\"]"], ["#c"]])),
        json!({ "css": "#c" })
    );
    let braces = json!([{ "css": "[title=\"{{ \"{\" ~ \"{\" }}x\"]" }]);
    assert_eq!(json!([target(json!(["[title=\"{{x\"]"]))]), braces);
}

#[test]
fn frames_are_named_by_their_places() {
    let step = json!({ "type": "click", "selectors": [["#a"]], "frame": [1, 0], "offsetX": 1, "offsetY": 1 });
    let frame = |place: u32| json!({ "css": "iframe, frame", "nth": place });
    let expected = json!({ "css": "#a", "frame": [frame(1), frame(0)] });
    assert_eq!(done(json!([step]))[0]["target"], expected);
}

#[test]
fn steps_end_where_the_page_changes_and_hold_where_it_led() {
    let navigation = |url: &str, title: &str| json!([{ "type": "navigation", "url": url, "title": title }]);
    let mut submit = click("#go");
    submit["assertedEvents"] = navigation("https://b.example/found?q=tea", "Found");
    let imported = recorder(json!([
        { "type": "navigate", "url": SITE, "assertedEvents": navigation("https://a.example/home", "Home") },
        change("#q", "tea"), submit, click("#first"),
    ]));
    let document = serde_json::to_value(&imported.document).unwrap();
    assert_eq!(document["id"], "a-recording");
    assert_eq!(
        document["config"]["browser"]["allowedOrigins"],
        json!(["https://a.example", "https://b.example"])
    );
    let steps = document["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Open Home", "On Found"]);
    let kinds: Vec<&Value> =
        steps[0]["actions"].as_array().unwrap().iter().map(|each| &each["action"]).collect();
    assert_eq!(kinds, ["navigate", "verify", "fill", "click"]);
    assert_eq!(
        steps[0]["verify"],
        json!([{ "url": { "starts_with": "https://b.example/found" } }, { "title": { "equals": "Found" } }])
    );
}

#[test]
fn popups_are_announced_by_what_opened_them() {
    let on = |mut step: Value, target: &str| {
        step["target"] = json!(target);
        step
    };
    let popup = "https://a.example/popup.html";
    let steps = json!([
        on(click("#open"), "main"),
        on(json!({ "type": "setViewport", "width": 300, "height": 200, "deviceScaleFactor": 1 }), popup),
        on(click("#ok"), popup),
        on(click("#back"), "main"),
        on(json!({ "type": "close" }), popup),
        on(json!({ "type": "close" }), "main"),
    ]);
    let expected = vec![
        json!({ "action": "click", "target": { "css": "#open" }, "popup": { "as": "popup_html" } }),
        json!({ "action": "tab", "switch": "popup_html" }),
        json!({ "action": "click", "target": { "css": "#ok" } }),
        json!({ "action": "tab", "switch": "t1" }),
        json!({ "action": "click", "target": { "css": "#back" } }),
        json!({ "action": "tab", "close": "popup_html" }),
    ];
    assert_eq!(done(steps), expected);
}

#[test]
fn passwords_become_secrets_wherever_they_stand() {
    let imported = recorder(json!([
        { "type": "navigate", "url": "https://ada:hunter2@a.example/" },
        { "type": "change", "selectors": [["aria/Password"], ["#p"]], "value": "hunter22" },
        { "type": "change", "selectors": [["aria/Repeat"], ["input[type=password]:nth-of-type(2)"]], "value": "hunter22" },
        { "type": "change", "selectors": [["#shown"]], "value": "hunter22" },
        { "type": "change", "selectors": [["aria/Kennwort der Bank"]], "value": "other" },
    ]));
    let text = serde_json::to_string(&imported.document).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("other"), "{text}");
    assert_eq!(imported.report.secrets, ["password", "kennwort_der_bank"]);
    let values: Vec<Value> = actions(&imported).into_iter().map(|action| action["value"].clone()).collect();
    assert_eq!(
        values[1..4],
        [json!("{{ secrets.password }}"), json!("{{ secrets.password }}"), json!("{{ secrets.password }}")]
    );
    assert_eq!(values[4], "{{ secrets.kennwort_der_bank }}");
    assert_eq!(imported.report.warnings[0].code, ImportWarningCode::CredentialsDropped);
}

#[test]
fn waits_files_and_what_a_person_does() {
    let imported = recorder(json!([
        { "type": "navigate", "url": SITE },
        { "type": "waitForElement", "selectors": [[".row"]], "operator": ">=", "count": 2, "visible": true,
          "attributes": { "data-x": "1" }, "properties": { "checked": false, "offsetTop": 3 } },
        { "type": "waitForExpression", "expression": "window.ready" },
        { "type": "change", "selectors": [["#file"]], "value": "C:\\fakepath\\list.csv" },
        { "type": "customStep", "name": "vendor.approve", "parameters": { "by": "Ada" } },
        { "type": "hover", "selectors": [["#x"]], "timeout": 1500 },
    ]));
    let document = serde_json::to_value(&imported.document).unwrap();
    let target = json!([{ "css": ".row", "visible": true }]);
    let all = actions(&imported);
    assert_eq!(
        all[1]["condition"],
        json!({ "all": [
            { "count": { "target": target, "atLeast": 2 } },
            { "attribute": { "target": { "css": ".row" }, "name": "data-x", "equals": "1" } },
            { "not": { "checked": { "css": ".row" } } },
        ] })
    );
    assert_eq!(all[2]["action"], "evaluate");
    assert!(all[2]["script"].as_str().unwrap().contains("(window.ready\n)"));
    assert_eq!(
        all[3],
        json!({ "action": "upload", "target": { "css": "#file" }, "files": ["{{ inputs.list }}"] })
    );
    assert_eq!(document["inputs"]["properties"]["list"]["format"], "artifact");
    assert_eq!(all[4]["timeout"], json!("1500ms"));
    let manual = &document["steps"][1];
    assert_eq!((&manual["type"], &manual["name"]), (&json!("manual"), &json!("vendor.approve")));
    assert_eq!(manual["instructions"], "vendor.approve, with {\"by\":\"Ada\"}");
    let codes: Vec<_> =
        imported.report.warnings.iter().map(|warning| (warning.gesture, warning.code.as_str())).collect();
    assert_eq!(codes, [(1, "assertion_dropped"), (2, "script_needed"), (4, "manual_step")]);
    assert_eq!((imported.report.counts.steps, imported.report.counts.manual_steps), (3, 1));
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place() {
    let recording = json!({ "title": 7, "steps": [
        { "type": "clik" }, { "type": "click", "selectors": [] }, { "type": "keyDown", "key": "EndCall" }, 5,
        { "type": "waitForElement", "selectors": [["#a"]], "operator": "<" },
        { "type": "navigate", "url": "javascript:1", "assertedEvents": [{ "type": "load" }] },
        { "type": "setViewport", "width": 0.5, "height": 2 },
    ] });
    let found = from_recorder(recording.to_string().as_bytes(), &ImportOptions::default()).unwrap_err();
    let told: Vec<(&str, &str)> = found.iter().map(|each| (each.code, each.pointer.as_str())).collect();
    assert_eq!(
        told,
        [
            ("wrong_type", "/title"),
            ("unknown_step_type", "/steps/0/type"),
            ("missing_field", "/steps/1/selectors"),
            ("not_supported", "/steps/2/key"),
            ("wrong_type", "/steps/3"),
            ("invalid_value", "/steps/4/operator"),
            ("unknown_step_type", "/steps/5/assertedEvents/0/type"),
            ("invalid_value", "/steps/6/width"),
        ]
    );
    let help = found.iter().find_map(|each| each.help.clone());
    assert_eq!(help.as_deref(), Some("is it `click`?"));
    assert!(found.iter().all(|each| each.position.is_some()));
    let empty = from_recorder(b"{ \"steps\": [] }", &ImportOptions::default()).unwrap_err();
    assert_eq!(empty.iter().next().unwrap().code, "missing_field");
}

fn codegen(lines: &[Value]) -> Imported {
    let mut text = json!({ "browserName": "chromium", "contextOptions": { "locale": "de-DE" } }).to_string();
    let opened = json!({ "name": "openPage", "url": SITE, "signals": [], "pageAlias": "page" });
    for line in std::iter::once(&opened).chain(lines) {
        text.push('\n');
        text.push_str(&line.to_string());
    }
    let options = ImportOptions { id: Some("mine".to_owned()), checkpoints: Some(CheckpointMode::All) };
    let imported = from_codegen(text.as_bytes(), &options).unwrap();
    Plan::compile(&imported.document).unwrap();
    imported
}

fn link(kind: &str, body: &str, next: Value) -> Value {
    json!({ "kind": kind, "body": body, "options": { "exact": true }, "next": next })
}

#[test]
fn chains_of_playwright_become_locators() {
    let target = |locator: Value| {
        let line = json!({ "name": "check", "pageAlias": "page", "locator": locator });
        actions(&codegen(&[line])).remove(1)["target"].clone()
    };
    assert_eq!(target(link("test-id", "go", Value::Null)), json!({ "testId": "go" }));
    assert_eq!(
        target(link(
            "default",
            "tr",
            link("has-text", "Ada", link("label", "Pick", json!({ "kind": "first" })))
        )),
        json!({ "label": "Pick", "exact": true, "first": true, "within": { "css": "tr", "hasText": "Ada" } })
    );
    assert_eq!(
        target(link(
            "frame-locator",
            "#outer",
            link("frame-locator", "xpath=//iframe", link("placeholder", "Name", Value::Null))
        )),
        json!({ "placeholder": "Name", "exact": true, "frame": [{ "css": "#outer" }, { "xpath": "//iframe" }] })
    );
    let line = |locator: Value| json!({ "name": "check", "locator": locator }).to_string();
    for unsupported in [
        json!({ "kind": "or", "body": "x" }),
        json!({ "kind": "text", "body": {} }),
        json!({ "kind": "default", "body": "a:has-text('x')" }),
    ] {
        let found = from_codegen(line(unsupported).as_bytes(), &ImportOptions::default()).unwrap_err();
        assert_eq!(found.iter().next().unwrap().code, "not_supported");
    }
}

#[test]
fn tabs_downloads_and_files_of_playwright() {
    let on =
        |name: &str| json!({ "kind": "role", "body": "button", "options": { "attrs": [], "name": name } });
    let imported = codegen(&[
        json!({ "name": "click", "pageAlias": "page", "locator": on("Get"), "clickCount": 1, "modifiers": 8,
                "signals": [{ "name": "download", "downloadAlias": "" }] }),
        json!({ "name": "openPage", "url": "https://c.example/x", "pageAlias": "page1" }),
        json!({ "name": "setInputFiles", "pageAlias": "page1", "locator": on("File"), "files": ["a.txt", "a.txt"] }),
        json!({ "name": "closePage", "pageAlias": "page1" }),
        json!({ "name": "press", "pageAlias": "page", "locator": on("Get"), "key": "a", "modifiers": 2 }),
    ]);
    let target = |name: &str| json!({ "role": "button", "name": name });
    let expected = vec![
        json!({ "action": "download", "click": { "target": target("Get"), "modifiers": ["Shift"] }, "as": "download" }),
        json!({ "action": "tab", "open": { "url": "https://c.example/x", "as": "x" } }),
        json!({ "action": "upload", "target": target("File"), "files": ["{{ inputs.a }}", "{{ inputs.a_2 }}"] }),
        json!({ "action": "tab", "close": "x" }),
        json!({ "action": "press", "keys": "Control+a", "target": target("Get") }),
    ];
    assert_eq!(actions(&imported).split_off(1), expected);
    assert_eq!(imported.document.id.as_str(), "mine");
    assert_eq!(imported.document.config.browser.unwrap().locale.as_deref(), Some("de-DE"));
    assert_eq!(imported.document.config.checkpoints.unwrap().mode, Some(CheckpointMode::All));
}
