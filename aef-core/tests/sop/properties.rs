//! Arbitrary SOPs, sound and broken: nothing panics, nothing goes on for ever, and no node is lost.

use std::collections::BTreeSet;

use aef_core::document::Document;
use aef_core::plan::Plan;
use aef_core::sop::{Sop, TransformOptions, transform};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The types of nodes, known and unknown.
const TYPES: [&str; 12] = [
    "task",
    "task",
    "loop",
    "loop",
    "decision",
    "decision",
    "end",
    "trigger",
    "extract",
    "compound_task",
    "iterative_loop",
    "mystery",
];
const CONDITIONS: [&str; 12] = [
    "next",
    "next",
    "",
    "yes",
    "no",
    "start",
    "all_processed",
    "contains",
    "failure",
    "N",
    "found",
    "終わり",
];
const TEXTS: [&str; 8] = [
    "Save",
    "{{name}}",
    "{{ item.x }} {%",
    "{{{",
    "row in rows",
    "Click 'Save' {{ a + b }}",
    "go to https://a.test/{{x}}",
    "次へ",
];

prop_compose! {
    fn node(count: usize)(
        kind in prop::sample::select(TYPES.to_vec()),
        text in prop::sample::select(TEXTS.to_vec()),
        parent in prop::option::weighted(0.3, 0..count),
        children in prop::collection::vec(0..count, 0..3),
        lists in prop::bool::weighted(0.2),
        automation in prop::option::weighted(0.3, automation()),
        iterates in prop::bool::weighted(0.4),
        schema in prop::option::weighted(0.2, prop::sample::select(vec![
            json!({ "rows": ["string"] }),
            json!({ "type": "array", "items": { "type": "string" } }),
            json!({ "type": "object", "properties": { "rows": { "type": "array" } } }),
            json!({ "type": 7, "properties": { "a": 1 } }),
        ])),
    ) -> Value {
        let mut node = json!({ "type": kind, "label": text });
        if let Some(parent) = parent {
            node["parentId"] = json!(name(parent));
        }
        if lists {
            node["children"] = children.into_iter().map(name).collect();
        }
        if let Some(automation) = automation {
            node["automation"] = automation;
        }
        if iterates {
            node["iterator"] = json!(text);
        }
        if let Some(schema) = schema {
            node["extract_schema"] = schema;
        }
        node
    }
}

fn automation() -> impl Strategy<Value = Value> {
    let kinds = ["navigate", "click", "type", "extract", "wait", "verify", "dance"];
    let instruction =
        (prop::sample::select(kinds.to_vec()), prop::sample::select(TEXTS.to_vec()), any::<bool>());
    let instruction = instruction.prop_map(|(kind, text, selects)| {
        let selectors = if selects { vec!["#id", "the Save button"] } else { vec![text] };
        json!({ "action_type": kind, "description": text, "selector_strategies": selectors, "expected_result": text })
    });
    (prop::collection::vec(instruction, 0..3), any::<bool>())
        .prop_map(|(instructions, asks)| json!({ "instructions": instructions, "human_checkpoint": asks }))
}

/// Some ids are none that a document may have, and two of them come down to one.
fn name(index: usize) -> String {
    match index % 7 {
        5 => format!("n {index}"),
        6 => "é".repeat(index + 1),
        _ => format!("n{index}"),
    }
}

fn graph() -> impl Strategy<Value = Value> {
    (1usize..14).prop_flat_map(|count| {
        let edge = (0..count, 0..count, prop::sample::select(CONDITIONS.to_vec()));
        (prop::collection::vec(node(count), count), prop::collection::vec(edge, 0..24)).prop_map(|(nodes, edges)| {
            let nodes: Vec<Value> = nodes
                .into_iter()
                .enumerate()
                .map(|(index, mut node)| {
                    node["id"] = json!(name(index));
                    node
                })
                .collect();
            let edges: Vec<Value> = edges
                .into_iter()
                .map(|(from, to, condition)| json!({ "source": name(from), "target": name(to), "condition": condition }))
                .collect();
            json!({ "meta": { "id": "any", "title": "Any" }, "public": { "nodes": nodes, "edges": edges } })
        })
    })
}

/// The ids of all steps as the SOP has them.
fn ids(value: &Value, found: &mut Vec<String>) {
    for step in value.as_array().into_iter().flatten() {
        let own = step["x-sop"]["id"].as_str().or_else(|| step["id"].as_str());
        found.extend(own.map(str::to_owned));
        ids(&step["steps"], found);
        for branch in step["branches"].as_array().into_iter().flatten() {
            ids(&branch["steps"], found);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_node_is_in_the_document_or_an_error_says_why(value in graph()) {
        let sop = Sop::from_slice(value.to_string().as_bytes()).unwrap();
        match transform(&sop, &TransformOptions::default()) {
            Ok(transformed) => {
                let document = &transformed.document;
                let json = serde_json::to_value(document).unwrap();
                let mut found = Vec::new();
                ids(&json["steps"], &mut found);
                let steps: BTreeSet<&str> = found.iter().map(String::as_str).collect();
                prop_assert_eq!(steps.len(), found.len(), "each once");
                for id in sop.node_ids() {
                    prop_assert!(steps.contains(id), "{} is lost", id);
                }
                prop_assert_eq!(transformed.report.counts.steps, found.len());
                if let Err(found) = Plan::compile(document) {
                    return Err(TestCaseError::fail(format!("{found}\n{json:#}")));
                }
                let text = document.canonical_json();
                prop_assert_eq!(&Document::from_json(&text).unwrap(), document, "it reads back");
                let again = transform(&sop, &TransformOptions::default()).unwrap();
                prop_assert_eq!(again, transformed, "it is the same each time");
            }
            Err(found) => {
                let known = ["containment_cycle", "jump_into_container"];
                for found in &found {
                    prop_assert!(known.contains(&found.code), "{}", found);
                    prop_assert!(value.pointer(&found.pointer).is_some(), "{} is a place", found.pointer);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Sop::from_slice(&bytes);
    }

    #[test]
    fn any_json_of_the_outer_shape_is_read_or_refused(value in broken()) {
        if let Ok(sop) = Sop::from_slice(value.to_string().as_bytes())
            && let Ok(transformed) = transform(&sop, &TransformOptions::default())
        {
            prop_assert!(Plan::compile(&transformed.document).is_ok(), "{}", value);
        }
    }
}

/// An SOP in which a few values have been replaced by others.
fn broken() -> impl Strategy<Value = Value> {
    let places = prop::sample::select(vec![
        "/meta",
        "/meta/id",
        "/meta/title",
        "/public/nodes",
        "/public/edges",
        "/public/nodes/0",
        "/public/nodes/0/id",
        "/public/nodes/0/type",
        "/public/nodes/0/label",
        "/public/nodes/0/automation",
        "/public/edges/0",
        "/public/edges/0/source",
        "/public/edges/0/condition",
        "/public/nodes/0/extract_schema",
    ]);
    let values = prop::sample::select(vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(""),
        json!("n0"),
        json!([]),
        json!([1]),
        json!({}),
        json!({ "id": "n0" }),
        json!("{{"),
        json!({ "instructions": [1, {}], "confidence_level": 0.1 }),
    ]);
    (graph(), prop::collection::vec((places, values), 1..3)).prop_map(|(mut graph, changes)| {
        for (place, value) in changes {
            if let Some(found) = graph.pointer_mut(place) {
                *found = value;
            }
        }
        graph
    })
}
