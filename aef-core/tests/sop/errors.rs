//! What is refused, all of it at once, with its places.

use aef_core::document::Diagnostics;
use aef_core::sop::Sop;
use serde_json::{Value, json};

use crate::support::{edge, node, read, sop, transformed};

/// Code and pointer of each error.
fn places(found: &Diagnostics) -> Vec<(&str, &str)> {
    found.iter().map(|found| (found.code, found.pointer.as_str())).collect()
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let found = Sop::from_slice(b"{ \"public\": ").unwrap_err();
    assert_eq!(places(&found), [("syntax", "")]);
    assert_eq!(found[0].position.unwrap().line, 1);
    assert_eq!(places(&Sop::from_slice(b"\xff{}").unwrap_err()), [("syntax", "")]);
    let twice = br#"{ "public": { "nodes": [], "nodes": [] } }"#;
    assert_eq!(places(&Sop::from_slice(twice).unwrap_err()), [("duplicate_key", "")]);
    let deep = format!("{{\"public\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    assert_eq!(places(&Sop::from_slice(deep.as_bytes()).unwrap_err()), [("too_deep", "")]);
}

#[test]
fn a_wrong_shape_is_told_for_every_place() {
    let value = json!({
        "meta": [],
        "public": {
            "triggers": {},
            "nodes": [
                "a",
                { "type": "task" },
                { "id": 7 },
                { "id": "b", "children": "c", "parentId": [], "automation": 3 },
                { "id": "c", "children": ["b", 1], "label": {} },
            ],
            "edges": [ { "source": "b" }, { "source": "b", "target": "c", "condition": [] }, 5 ],
            "variables": "x",
        }
    });
    let found = read(&value).unwrap_err();
    assert_eq!(
        places(&found),
        [
            ("wrong_type", "/meta"),
            ("wrong_type", "/public/triggers"),
            ("wrong_type", "/public/nodes/0"),
            ("missing_field", "/public/nodes/1/id"),
            ("wrong_type", "/public/nodes/2/id"),
            ("wrong_type", "/public/nodes/3/children"),
            ("wrong_type", "/public/nodes/3/parentId"),
            ("wrong_type", "/public/nodes/3/automation"),
            ("wrong_type", "/public/nodes/4/children/1"),
            ("wrong_type", "/public/nodes/4/label"),
            ("missing_field", "/public/edges/0/target"),
            ("wrong_type", "/public/edges/1/condition"),
            ("wrong_type", "/public/edges/2"),
            ("wrong_type", "/public/variables"),
        ],
        "in the order in which they stand"
    );
}

#[test]
fn an_sop_has_nodes() {
    assert_eq!(places(&read(&json!([])).unwrap_err())[0], ("wrong_type", ""));
    assert_eq!(places(&read(&json!({})).unwrap_err()), [("missing_field", "/public")]);
    let empty = json!({ "public": { "nodes": [] } });
    assert_eq!(places(&read(&empty).unwrap_err()), [("missing_field", "/public/nodes")]);
}

#[test]
fn names_that_nobody_has_are_told_together() {
    let mut child = node("child", "task");
    child["parentId"] = json!("nobody");
    let mut parent = node("parent", "loop");
    parent["children"] = json!(["child", "chidl"]);
    let value = sop(
        json!([child, parent, node("parent", "task"), node("free", "task")]),
        json!([edge("free", "fere", "next"), edge("x", "free", "next")]),
    );
    let found = read(&value).unwrap_err();
    assert_eq!(
        places(&found),
        [
            ("unknown_node", "/public/nodes/0/parentId"),
            ("unknown_node", "/public/nodes/1/children/1"),
            ("duplicate_id", "/public/nodes/2/id"),
            ("unknown_node", "/public/edges/0/target"),
            ("unknown_node", "/public/edges/1/source"),
        ],
        "a doubled id hides no other fault"
    );

    let mut value = value;
    value["public"]["nodes"][2]["id"] = json!("other");
    let found = read(&value).unwrap_err();
    assert_eq!(
        places(&found),
        [
            ("unknown_node", "/public/nodes/0/parentId"),
            ("unknown_node", "/public/nodes/1/children/1"),
            ("unknown_node", "/public/edges/0/target"),
            ("unknown_node", "/public/edges/1/source"),
        ]
    );
    assert_eq!(found[2].help.as_deref(), Some("did you mean `free`?"));
    assert!(found.iter().all(|found| found.position.is_some()), "{found}");
}

fn inside(id: &str, kind: &str, parent: &str) -> Value {
    json!({ "id": id, "type": kind, "label": id, "parentId": parent })
}

#[test]
fn nodes_that_contain_each_other_are_told() {
    let value = sop(
        json!([
            inside("a", "loop", "b"),
            inside("b", "task", "a"),
            inside("c", "task", "c"),
            node("d", "end")
        ]),
        json!([]),
    );
    let found = transformed(&value).unwrap_err();
    assert_eq!(
        places(&found),
        [("containment_cycle", "/public/nodes/0"), ("containment_cycle", "/public/nodes/2")]
    );
    assert!(found[0].message.contains("`a`, `b`"), "{found}");
}

#[test]
fn edges_into_the_middle_of_containers_are_named_together() {
    let value = sop(
        json!([
            node("start", "task"),
            node("box", "compound_task"),
            inside("one", "task", "box"),
            inside("two", "task", "box"),
            node("end", "end"),
        ]),
        json!([
            edge("start", "two", "next"),
            edge("one", "two", "next"),
            edge("box", "end", "next"),
            edge("start", "box", "other"),
            edge("end", "two", "again"),
        ]),
    );
    let found = transformed(&value).unwrap_err();
    assert_eq!(
        places(&found),
        [
            ("jump_into_container", "/public/edges/0/target"),
            ("jump_into_container", "/public/edges/4/target")
        ]
    );
    assert!(found[0].message.contains("`start` → `two`"), "{found}");
}

#[test]
fn what_is_larger_than_a_document_is_told() {
    let nodes: Vec<Value> = (0..20_001).map(|index| node(&format!("n{index}"), "task")).collect();
    let found = transformed(&sop(json!(nodes), json!([]))).unwrap_err();
    assert_eq!(places(&found), [("too_many_steps", "/public/nodes")]);

    let nested = |levels: usize| {
        let nodes: Vec<Value> = (0..levels)
            .map(|index| match index {
                0 => node("n0", "task"),
                _ => inside(&format!("n{index}"), "task", &format!("n{}", index - 1)),
            })
            .collect();
        sop(json!(nodes), json!([]))
    };
    assert!(transformed(&nested(100)).is_ok());
    assert_eq!(places(&transformed(&nested(101)).unwrap_err()), [("too_deep", "/public/nodes/100")]);
}
