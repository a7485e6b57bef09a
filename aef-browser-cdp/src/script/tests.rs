//! The script in a real browser: tables of pages with what is asked of them, and the frames that a table cannot say.

mod cases;
mod laboratory;

use std::error::Error as _;

use serde_json::{Value, json};

use self::{cases::Table, laboratory::Laboratory};

/// Runs every case of a table and reports all that went wrong at once.
async fn run(table: &str) {
    let table = Table::parse(table);
    let mut laboratory = Laboratory::open().await;
    let mut wrong = Vec::new();
    for (group, case) in table.cases() {
        if let Err(failed) = case.run(&mut laboratory).await {
            let difference = failed.source().map(ToString::to_string).unwrap_or_default();
            wrong.push(format!("{group} / {}: {failed}: {difference}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[tokio::test]
async fn names_and_roles() {
    run(include_str!("cases/names.yaml")).await;
}

#[tokio::test]
async fn locators() {
    run(include_str!("cases/locate.yaml")).await;
}

#[tokio::test]
async fn actionability_and_the_gate() {
    run(include_str!("cases/act.yaml")).await;
}

#[tokio::test]
async fn values() {
    run(include_str!("cases/edit.yaml")).await;
}

#[tokio::test]
async fn conditions() {
    run(include_str!("cases/observe.yaml")).await;
}

#[tokio::test]
async fn extraction_and_evidence() {
    run(include_str!("cases/extract.yaml")).await;
}

#[tokio::test]
async fn a_new_world_says_that_it_lacks_the_script() {
    let mut laboratory = Laboratory::open().await;
    laboratory.load("<p>x").await;
    let world = laboratory.bare_world("another").await;
    assert_eq!(laboratory.call_in(world, "ping", &json!({}), None).await["error"]["reason"], "not_installed");
    let handle = laboratory.handle_in(world, "element", &json!({"locator": {"css": "p"}})).await;
    assert!(handle["value"].as_str().is_some_and(|text| text.contains("not_installed")), "{handle}");
    laboratory.install(world).await;
    assert_eq!(laboratory.call_in(world, "ping", &json!({}), None).await["ok"]["version"], 1);
}

#[tokio::test]
async fn installing_again_changes_nothing() {
    let mut laboratory = Laboratory::open().await;
    laboratory.load("<p>x").await;
    let locator = json!({"locator": {"css": "p"}});
    let first = laboratory.call("resolve", &locator).await;
    laboratory.install(laboratory.world).await;
    let again = laboratory.call("resolve", &json!({"locator": {"ref": first["ok"]["ref"]}})).await;
    assert_eq!(again["ok"]["fingerprint"], first["ok"]["fingerprint"]);
}

const FRAMED: &str = r#"
    <div style="height:1200px"></div>
    <div style="transform:scale(.8);transform-origin:0 0">
      <iframe id=f style="border:5px solid;padding:7px;width:300px;height:200px"
        srcdoc='<body style="margin:0"><div style="height:1500px"></div>
          <button style="width:100px;height:40px" onclick="parent.hits++">In</button>'></iframe>
    </div>
    <div id=veil style="position:fixed;inset:0;display:none" onmousedown="veiled++"></div>
    <script>var hits = 0, veiled = 0;</script>"#;

/// A button in a scaled and scrolled frame, prepared, and where the pointer has to go in the outer frame.
struct Framed {
    laboratory: Laboratory,
    inner: i64,
    frame: String,
    token: Value,
    inner_point: Value,
}

impl Framed {
    async fn prepare() -> Self {
        let mut laboratory = Laboratory::open().await;
        laboratory.load(FRAMED).await;
        let inner = laboratory.child_world().await;
        let request = json!({"locator": {"css": "iframe"}, "timeoutMs": 2000});
        let frame = laboratory.handle("resolveFrame", &request).await;
        let frame = frame["objectId"].as_str().unwrap().to_owned();
        let click = json!({"action": "click", "target": {"text": "In"}, "timeoutMs": 2000});
        let prepared = laboratory.call_in(inner, "prepare", &click, None).await;
        assert_eq!(prepared.get("error"), None, "{prepared}");
        let (token, inner_point) = (prepared["ok"]["token"].clone(), prepared["ok"]["point"].clone());
        Self { laboratory, inner, frame, token, inner_point }
    }

    async fn map(&self, timeout_ms: u64) -> Value {
        let request = json!({"point": self.inner_point, "arm": true, "timeoutMs": timeout_ms});
        self.laboratory.call_in(self.laboratory.world, "mapPoint", &request, Some(&self.frame)).await
    }
}

#[tokio::test]
async fn a_point_of_a_frame_is_found_in_its_parent() {
    let framed = Framed::prepare().await;
    let mapped = framed.map(2000).await;
    framed.laboratory.click(&mapped["ok"]["point"]).await;
    let verdict =
        framed.laboratory.call_in(framed.inner, "verdict", &json!({"token": framed.token}), None).await;
    assert_eq!(verdict["ok"]["hit"], true, "{verdict}");
    let outer = framed.laboratory.call("verdict", &json!({"token": mapped["ok"]["token"]})).await;
    assert_eq!(outer["ok"]["received"], 0, "{outer}");
    assert_eq!(framed.laboratory.evaluate("hits").await, 1);
}

#[tokio::test]
async fn input_that_misses_a_frame_is_swallowed() {
    let framed = Framed::prepare().await;
    let mapped = framed.map(2000).await;
    framed.laboratory.evaluate("veil.style.display = 'block'").await;
    framed.laboratory.click(&mapped["ok"]["point"]).await;
    let outer = framed.laboratory.call("verdict", &json!({"token": mapped["ok"]["token"]})).await;
    assert_eq!(outer["ok"]["swallowReason"], "other_element", "{outer}");
    assert_eq!(outer["ok"]["other"], "div #veil", "{outer}");
    assert_eq!(framed.laboratory.evaluate("[hits, veiled]").await, json!([0, 0]));
}

#[tokio::test]
async fn a_covered_frame_is_said_to_be_covered() {
    let framed = Framed::prepare().await;
    framed.laboratory.evaluate("veil.style.display = 'block'").await;
    let mapped = framed.map(0).await;
    assert_eq!(mapped["error"]["reason"], "covered", "{mapped}");
    assert_eq!(mapped["error"]["covering"], "div #veil", "{mapped}");
}

#[tokio::test]
async fn what_is_no_frame_is_refused_in_writing() {
    let mut laboratory = Laboratory::open().await;
    laboratory.load("<p>x").await;
    let answer = laboratory.handle("resolveFrame", &json!({"locator": {"css": "p"}})).await;
    let text = answer["value"].as_str().unwrap_or_else(|| panic!("not a text: {answer}"));
    let error: Value = serde_json::from_str(text).unwrap();
    assert_eq!(error["error"]["reason"], "wrong_element");
    let element = laboratory.handle("element", &json!({"locator": {"css": "p"}})).await;
    assert_eq!(element["subtype"], "node");
}
