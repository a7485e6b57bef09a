use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::shape::{Object, Shape};
use super::{MAX_DEPTH, MAX_LEVELS, MAX_SOURCE, MAX_STEPS, shapes};
use crate::document::{Diagnostics, Document};
use crate::plan::Plan;

fn refused(text: &str) -> Diagnostics {
    Document::from_yaml(text).expect_err(text)
}

fn codes(found: &Diagnostics) -> Vec<&'static str> {
    found.iter().map(|found| found.code).collect()
}

/// A document whose steps are these lines of YAML.
fn with_steps(steps: &str) -> String {
    format!("aef: 1\nid: d\nsteps:\n{steps}")
}

#[test]
fn everything_wrong_with_a_shape_is_told_at_once_with_its_place() {
    let text = with_steps(
        "  - id: 7
    nmae: x
    timeout: soon
    then: { goto: a, break: b }
    actions:
      - { action: clik, target: { css: a } }
      - { action: click, target: { css: a, tset: 1 } }
      - { action: http, url: 'https://a.example' }
      - { target: { css: a } }
      - { action: fill, target: [], value: [1] }
      - { action: press, keys: a, target: { css: a, nth: 1.5 } }
    verify: [ { url: { endswith: /x } }, 5 ]
  - { id: b, type: lopo }
  - { id: c, type: loop, forEach: '[1]', steps: [] }
  - { id: e, type: call, procedure: x }
  - { id: f, once: x, risk: high, verify: ['true'] }
",
    );
    insta::assert_snapshot!(refused(&text));
}

#[test]
fn a_nul_is_told_with_its_place() {
    let yaml = refused(&with_steps("  - { id: a, name: \"b\\0\" }\n"));
    let json = r#"{ "aef": 1, "id": "d", "vars": { "a\u0000": 1 }, "steps": [{ "id": "a" }] }"#;
    let json = Document::from_json(json).expect_err(json);
    let told: Vec<_> = yaml.iter().chain(json.iter()).map(|one| (one.code, one.pointer.as_str())).collect();
    assert_eq!(told, [("nul", "/steps/0/name"), ("nul", "/vars")]);
}

#[test]
fn faults_of_the_text_have_a_line_and_a_column() {
    let texts = [
        "aef: 1\nid: [a\n",
        "aef: 1\n  id: d\n",
        "aef: 1\nid: d\nid: e\nsteps: []\n",
        "aef: 1\nid: d\nsteps:\n  - id: a\n    actions: [ { action: navigate, url: {{ inputs.x }}/y } ]\n",
        "- 1\n- 2\n",
        "",
        "aef: 1\nid: d\nsteps: &a [ *a ]\n",
        "one: 1\n---\ntwo: 2\n",
    ];
    let told: Vec<_> = texts.iter().map(|text| format!("{text}=> {}", refused(text))).collect();
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn json_has_its_own_faults() {
    let texts = ["{ \"aef\": 1,\n  \"id\" }", "{ \"aef\": 1, \"aef\": 2 }", "[", "{} {}"];
    let told: Vec<_> =
        texts.iter().map(|text| format!("{text}\n=> {}", Document::from_json(text).unwrap_err())).collect();
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn a_text_that_is_too_long_is_not_read() {
    let text = "x".repeat(10 * 1024 * 1024);
    assert!(text.len() > MAX_SOURCE);
    assert_eq!(codes(&refused(&text)), ["document_too_large"]);
    assert_eq!(codes(&Document::from_json(&text).unwrap_err()), ["document_too_large"]);
}

#[test]
fn hostile_nesting_is_refused() {
    for depth in [1_000, 200_000] {
        let lists = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(codes(&Document::from_json(&lists).unwrap_err()), ["too_deep"], "{depth} lists as JSON");
        assert_eq!(codes(&refused(&lists)), ["too_deep"], "{depth} lists as YAML");
        let maps = format!("{}1{}", "{a: ".repeat(depth), "}".repeat(depth));
        assert_eq!(codes(&refused(&maps)), ["too_deep"], "{depth} maps as YAML");
        let dashes = "- ".repeat(depth);
        assert_eq!(codes(&refused(&dashes)), ["too_deep"], "{depth} dashes as YAML");
    }
    let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(codes(&Document::from_json(&deepest).unwrap_err()), ["wrong_type"]);
    assert_eq!(codes(&refused(&deepest)), ["wrong_type"]);
    let inside = format!(
        "{{\"aef\":1,\"id\":\"d\",\"steps\":[],\"vars\":{{\"a\":{}{}}}}}",
        "[".repeat(80),
        "]".repeat(80)
    );
    assert_eq!(codes(&Document::from_json(&inside).unwrap_err()), ["too_deep"]);
}

/// Groups and branches in turn, `levels` of them, with one task inside.
fn nested(levels: usize) -> Value {
    let mut steps = json!([{ "id": "inner", "verify": ["true"] }]);
    for level in 1..levels {
        steps = if level % 2 == 0 {
            json!([{ "id": format!("s{level}"), "type": "group", "steps": steps }])
        } else {
            json!([{ "id": format!("s{level}"), "type": "decision", "branches": [{ "when": "true", "steps": steps }] }])
        };
    }
    json!({ "aef": 1, "id": "d", "steps": steps })
}

#[test]
fn a_hundred_levels_of_steps_work() {
    let text = nested(MAX_LEVELS).to_string();
    let document = Document::from_json(&text).unwrap();
    assert_eq!(Document::from_yaml(&text).unwrap(), document);
    let again: Document = serde_json::from_value(serde_json::to_value(&document).unwrap()).unwrap();
    assert_eq!(again.hash(), document.hash());
    assert_eq!(Plan::compile(&document).unwrap().steps.len(), MAX_LEVELS);
}

#[test]
fn one_level_more_is_too_deep() {
    assert_eq!(codes(&Document::from_value(nested(MAX_LEVELS + 1)).unwrap_err()), ["too_deep"]);
}

#[test]
fn too_many_steps_are_refused_and_the_most_that_are_allowed_work() {
    let document = |count: usize| {
        let steps: Vec<_> = (0..count)
            .map(|index| json!({ "id": format!("s{index}"), "outputs": { format!("v{index}"): "1" } }))
            .collect();
        json!({ "aef": 1, "id": "d", "config": { "checkpoints": { "mode": "all" } }, "steps": steps })
            .to_string()
    };
    assert_eq!(codes(&Document::from_json(&document(100_000)).unwrap_err()), ["too_many_steps"]);
    let most = Document::from_json(&document(MAX_STEPS)).unwrap();
    assert_eq!(Plan::compile(&most).unwrap().steps.len(), MAX_STEPS);
}

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let before = level - 1;
        let aliases = vec![format!("*a{before}"); 9].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(refused(&text).has_errors());
}

#[test]
fn a_document_is_the_same_as_json_and_as_yaml() {
    let yaml =
        with_steps("  - { id: a, x-note: [1], verify: [ 'true' ], then: b }\n  - { id: b, type: end }\n");
    let document = Document::from_yaml(&yaml).unwrap();
    let json = serde_json::to_string(&document).unwrap();
    assert_eq!(Document::from_json(&json).unwrap(), document);
    assert!(
        document
            .canonical_json()
            .starts_with(r#"{"aef":1,"id":"d","steps":[{"id":"a","then":"b","type":"task""#)
    );
    assert_eq!(document.hash().as_str().len(), 64);
}

/// Holds a table against the schema of the same object: the same keys, the same required ones, and so on inside.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other shapes have nothing inside")]
fn compare(shape: &'static Shape, schema: &Value, root: &Value, at: &str, done: &mut BTreeSet<String>) {
    let schema = resolve(schema, root);
    match shape {
        Shape::Object(object) => compare_object(object, schema, root, at, done),
        Shape::Condition => {
            compare_object(&shapes::PAGE_CONDITION, &root["$defs"]["PageCondition"], root, "condition", done)
        }
        Shape::List(inner) => compare(inner, &schema["items"], root, at, done),
        Shape::OneOrMany(inner) => compare(inner, &schema["anyOf"][0], root, at, done),
        Shape::Map(inner) if !matches!(inner, Shape::Any) => {
            compare(inner, &schema["additionalProperties"], root, at, done);
        }
        Shape::Step => {
            for (name, object) in &shapes::STEPS {
                let form =
                    schema["oneOf"].as_array().unwrap().iter().find(|form| form["title"] == *name).unwrap();
                compare_object(object, form, root, name, done);
            }
        }
        Shape::Action => {
            let forms = schema["oneOf"].as_array().unwrap();
            for (name, object) in &shapes::ACTIONS {
                let form = forms.iter().find(|form| form["properties"]["action"]["const"] == *name).unwrap();
                compare_object(object, form, root, name, done);
            }
            assert_eq!(forms.len(), shapes::ACTIONS.len() + 1, "the actions and the host's own");
        }
        Shape::Word(words) => {
            let known = enum_words(schema, root);
            assert_eq!(words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>(), known, "{at}");
        }
        _ => {}
    }
}

fn resolve<'v>(schema: &'v Value, root: &'v Value) -> &'v Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return resolve(root.pointer(reference.trim_start_matches('#')).unwrap(), root);
    }
    // An optional field is its schema or null.
    if let Some([inner, null]) = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice)
        && null["type"] == "null"
    {
        return resolve(inner, root);
    }
    schema
}

fn enum_words(schema: &Value, root: &Value) -> BTreeSet<String> {
    let schema = resolve(schema, root);
    let mut words = BTreeSet::new();
    if let Some(word) = schema.get("const").and_then(Value::as_str) {
        words.insert(word.to_owned());
    }
    words.extend(
        schema
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned),
    );
    for form in ["oneOf", "anyOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten() {
        words.extend(enum_words(form, root));
    }
    words
}

fn compare_object(
    object: &'static Object,
    schema: &Value,
    root: &Value,
    at: &str,
    done: &mut BTreeSet<String>,
) {
    if !done.insert(format!("{} {at}", object.name)) || done.len() > 2_000 {
        return;
    }
    let schema = resolve(schema, root);
    let fields: BTreeSet<_> = object.all_fields().map(|field| field.key).collect();
    let properties =
        schema["properties"].as_object().unwrap_or_else(|| panic!("{at} is no object: {schema}"));
    assert_eq!(fields, properties.keys().map(String::as_str).collect(), "keys of {} at {at}", object.name);
    let required: BTreeSet<_> =
        object.all_fields().filter(|field| field.required).map(|field| field.key).collect();
    let stated = schema.get("required").and_then(Value::as_array);
    let mut stated: BTreeSet<_> = stated.into_iter().flatten().filter_map(Value::as_str).collect();
    stated.remove("type");
    assert_eq!(required, stated, "required keys of {} at {at}", object.name);
    for field in object.all_fields() {
        compare(field.shape, &properties[field.key], root, field.key, done);
    }
}

#[test]
fn the_tables_are_those_of_the_types() {
    let schema = Document::schema();
    compare_object(&shapes::DOCUMENT, &schema, &schema, "", &mut BTreeSet::new());
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "id",
        "aef",
        "steps",
        "type",
        "task",
        "loop",
        "decision",
        "actions",
        "action",
        "click",
        "target",
        "css",
        "when",
        "branches",
        "verify",
        "url",
        "then",
        "goto",
        "{{ inputs.x }}",
        "{{",
        "x-a",
        "forEach",
        "maxIterations",
        "a.b",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..8)
                .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused(value in any_json(), more in any_json()) {
        let _ = Document::from_value(value.clone());
        // What stands where steps are expected gets further.
        let document = json!({ "aef": 1, "id": "d", "vars": { "a": more }, "steps": [value.clone(), { "id": "a", "type": "group", "steps": value }] });
        if let Ok(document) = Document::from_value(document) {
            let _ = Plan::compile(&document);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let _ = Document::from_json(&text);
        let _ = Document::from_yaml(&text);
    }

    #[test]
    fn any_yaml_is_read_or_refused(text in r"([ \n]{0,3}(- |\? |[a-z]+: |[&*][a-z] |\{\{|[\[\]{},:|>'#!%@]|aef: 1|steps:|id: a)){0,40}") {
        let _ = Document::from_yaml(&text);
    }
}
