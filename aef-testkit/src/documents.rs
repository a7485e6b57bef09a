//! Random documents that are valid, for property tests.
//!
//! Every generated document compiles. They are small, and all kinds of steps, checkpoints, handlers and jumps stand in them.

use aef_core::document::Document;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// How deep steps stand in steps.
const DEPTH: u32 = 3;
/// About how many steps a document has.
const STEPS: u32 = 12;

/// A document as JSON.
pub fn document_json() -> impl Strategy<Value = Value> {
    (prop::collection::vec(node(), 1..5), settings()).prop_map(|(nodes, config)| {
        let steps = Steps::default().list(&nodes, None);
        json!({
            "aef": 1,
            "id": "generated",
            "inputs": { "type": "object", "properties": { "n": { "type": "integer", "default": 2 } } },
            "vars": { "count": 0, "read": null, "touched": [] },
            "config": config,
            "steps": steps,
        })
    })
}

/// A document.
///
/// # Panics
/// Where a generated document cannot be read, which is a bug of the generator.
pub fn document() -> impl Strategy<Value = Document> {
    document_json().prop_map(|json| Document::from_value(json).expect("a generated document is valid"))
}

/// A step without its id.
#[derive(Debug, Clone)]
struct Node {
    kind: Kind,
    extras: Extras,
}

#[derive(Debug, Clone)]
enum Kind {
    Task { actions: Vec<Value>, verify: bool },
    Group(Vec<Node>),
    ForEach(u8, Vec<Node>),
    Until(Vec<Node>),
    Decide(bool, Vec<Node>, Vec<Node>),
    Ask(Vec<Node>, Vec<Node>),
    Manual,
    End(bool),
}

/// The common fields that a step may have.
#[derive(Debug, Clone)]
struct Extras {
    when: Option<&'static str>,
    before: bool,
    after: bool,
    counts: bool,
    risk: Option<&'static str>,
    repeatable: Option<bool>,
    handler: Option<&'static str>,
    jump: Jump,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jump {
    None,
    /// Over the next step, where there is one behind it.
    Forward,
    Break,
    Continue,
}

fn settings() -> impl Strategy<Value = Value> {
    let modes = prop::sample::select(vec!["all", "risky", "declared", "none"]);
    let expiries = prop::sample::select(vec!["pause", "reject", "skip"]);
    (modes, expiries, 1u32..4, any::<bool>()).prop_map(|(mode, on_timeout, attempts, asks)| {
        json!({
            "checkpoints": { "mode": mode, "onTimeout": on_timeout },
            "retry": { "maxAttempts": attempts, "delay": "10s", "kinds": ["any"] },
            "recovery": { "wait": if asks { "1h" } else { "0s" } },
            "inDoubt": if asks { "ask" } else { "fail" },
            "browser": { "allowedOrigins": ["https://crm.test"] },
            "maxSteps": 200,
        })
    })
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        8 => (prop::collection::vec(action(), 1..4), any::<bool>())
            .prop_map(|(actions, verify)| Kind::Task { actions, verify }),
        1 => Just(Kind::Manual),
        1 => any::<bool>().prop_map(Kind::End),
    ];
    let leaf = (leaf, extras()).prop_map(|(kind, extras)| Node { kind, extras });
    leaf.prop_recursive(DEPTH, STEPS, 3, |inner| {
        let body = || prop::collection::vec(inner.clone(), 1..4);
        let kind = prop_oneof![
            body().prop_map(Kind::Group),
            (0u8..4, body()).prop_map(|(items, body)| Kind::ForEach(items, body)),
            body().prop_map(Kind::Until),
            (any::<bool>(), body(), body()).prop_map(|(holds, yes, no)| Kind::Decide(holds, yes, no)),
            (body(), body()).prop_map(|(yes, no)| Kind::Ask(yes, no)),
        ];
        (kind, extras()).prop_map(|(kind, extras)| Node { kind, extras })
    })
}

fn extras() -> impl Strategy<Value = Extras> {
    let rare = |of: Vec<&'static str>| prop::option::weighted(0.15, prop::sample::select(of));
    let flag = prop::bool::weighted(0.2);
    let jump = prop_oneof![
        12 => Just(Jump::None),
        1 => Just(Jump::Forward),
        1 => Just(Jump::Break),
        1 => Just(Jump::Continue),
    ];
    (
        rare(vec!["count < 3", "true", "false"]),
        flag,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.3),
        rare(vec!["read", "write", "destructive"]),
        prop::option::weighted(0.1, any::<bool>()),
        rare(vec!["retry", "skip", "fail", "ask"]),
        jump,
    )
        .prop_map(|(when, before, after, counts, risk, repeatable, handler, jump)| Extras {
            when,
            before,
            after,
            counts,
            risk,
            repeatable,
            handler,
            jump,
        })
}

fn action() -> impl Strategy<Value = Value> {
    let save = json!({ "role": "button", "name": "Save" });
    let contact = json!({ "label": "Contact" });
    prop_oneof![
        3 => Just(json!({ "action": "navigate", "url": "https://crm.test/crm" })),
        3 => Just(json!({ "action": "click", "target": save })),
        2 => Just(json!({ "action": "fill", "target": contact, "value": "{{ count }}" })),
        1 => Just(json!({ "action": "press", "keys": "Enter" })),
        2 => Just(json!({ "action": "extract", "target": { "testId": "total" }, "as": "read" })),
        1 => Just(json!({ "action": "set", "vars": { "count": "count + 1" } })),
        1 => Just(json!({ "action": "wait_for", "condition": { "visible": { "testId": "total" } } })),
        1 => Just(json!({ "action": "verify", "conditions": [{ "visible": { "testId": "total" } }] })),
        1 => Just(json!({ "action": "screenshot" })),
    ]
}

/// Gives steps their ids and turns them into JSON.
#[derive(Debug, Default)]
struct Steps {
    given: u32,
}

impl Steps {
    fn id(&mut self) -> String {
        self.given += 1;
        format!("s{}", self.given)
    }

    /// A list of steps, inside the loop of this id.
    fn list(&mut self, nodes: &[Node], around: Option<&str>) -> Vec<Value> {
        let ids: Vec<_> = nodes.iter().map(|_| self.id()).collect();
        let last = nodes.len() - 1;
        let steps = nodes.iter().zip(&ids).enumerate().map(|(place, (node, id))| {
            // Nothing behind an end is ever reached.
            let node = if matches!(node.kind, Kind::End(_)) && place < last { &PLAIN } else { node };
            let mut step = self.body(&node.kind, id, around);
            extend(&mut step, node);
            let then = match (node.extras.jump, around) {
                (Jump::Forward, _) if place + 2 <= last => Some(json!(ids[place + 2])),
                (Jump::Break, Some(around)) => Some(json!({ "break": around })),
                (Jump::Continue, Some(around)) => Some(json!({ "continue": around })),
                (Jump::None | Jump::Forward | Jump::Break | Jump::Continue, _) => None,
            };
            if let Some(then) = then.filter(|_| place == last || node.extras.when.is_some()) {
                step.insert("then".to_owned(), then);
            }
            Value::Object(step)
        });
        steps.collect()
    }

    fn body(&mut self, kind: &Kind, id: &str, around: Option<&str>) -> Map<String, Value> {
        let mut step = match kind {
            Kind::Task { actions, verify } => {
                let verify = if *verify { json!([{ "visible": { "testId": "total" } }]) } else { json!([]) };
                json!({ "actions": actions, "verify": verify })
            }
            Kind::Group(body) => json!({ "type": "group", "steps": self.list(body, around) }),
            Kind::ForEach(items, body) => {
                let items: Vec<_> = (0..*items).collect();
                let body = self.list(body, Some(id));
                json!({
                    "type": "loop", "forEach": format!("{items:?}"), "as": format!("item_{id}"), "maxIterations": 5,
                    "collect": { "touched": "count" }, "steps": body,
                })
            }
            Kind::Until(body) => {
                let body = self.list(body, Some(id));
                json!({ "type": "loop", "until": "count > 0", "maxIterations": 3, "steps": body })
            }
            Kind::Decide(holds, yes, no) => {
                let branch = json!({ "when": holds.to_string(), "steps": self.list(yes, around) });
                let otherwise = json!({ "steps": self.list(no, around) });
                json!({ "type": "decision", "branches": [branch], "otherwise": otherwise })
            }
            Kind::Ask(yes, no) => {
                let options = json!([{ "id": "yes", "label": "Yes" }, { "id": "no", "label": "No" }]);
                let branch = json!({ "option": "yes", "steps": self.list(yes, around) });
                let otherwise = json!({ "steps": self.list(no, around) });
                json!({
                    "type": "decision", "ask": { "question": "Which?", "options": options },
                    "branches": [branch], "otherwise": otherwise,
                })
            }
            Kind::Manual => json!({ "type": "manual" }),
            Kind::End(failed) => {
                json!({ "type": "end", "outcome": if *failed { "failed" } else { "completed" }, "result": "{{ count }}" })
            }
        };
        let step = step.as_object_mut().expect("a step is an object");
        step.insert("id".to_owned(), json!(id));
        std::mem::take(step)
    }
}

/// What stands in the place of an end that is not the last step.
static PLAIN: Node = Node {
    kind: Kind::Manual,
    extras: Extras {
        when: None,
        before: false,
        after: false,
        counts: false,
        risk: None,
        repeatable: None,
        handler: None,
        jump: Jump::None,
    },
};

/// Adds the common fields that the type of a step takes.
fn extend(step: &mut Map<String, Value>, node: &Node) {
    let extras = &node.extras;
    let is_task = matches!(node.kind, Kind::Task { .. });
    let is_end = matches!(node.kind, Kind::End(_));
    if let Some(when) = extras.when {
        step.insert("when".to_owned(), json!(when));
    }
    if extras.counts && !is_end {
        step.insert("outputs".to_owned(), json!({ "count": "count + 1" }));
    }
    if !is_task {
        return;
    }
    let mut checkpoint = Map::new();
    if extras.before {
        checkpoint.insert("before".to_owned(), json!({ "title": "May it begin?" }));
    }
    if extras.after {
        checkpoint.insert("after".to_owned(), json!({ "title": "Is it right?" }));
    }
    if !checkpoint.is_empty() {
        step.insert("checkpoint".to_owned(), checkpoint.into());
    }
    if let Some(risk) = extras.risk {
        step.insert("risk".to_owned(), json!(risk));
    }
    if let Some(repeatable) = extras.repeatable {
        step.insert("repeatable".to_owned(), json!(repeatable));
    }
    if let Some(then) = extras.handler {
        step.insert("onError".to_owned(), json!([{ "then": then, "max": 2 }]));
    }
}

#[cfg(test)]
mod tests {
    use aef_core::plan::Plan;

    use super::*;

    proptest! {
        #[test]
        fn every_generated_document_compiles(json in document_json()) {
            let document = Document::from_value(json.clone());
            let document = document.map_err(|found| TestCaseError::fail(format!("{found}\n{json:#}")))?;
            let plan = Plan::compile(&document);
            plan.map_err(|found| TestCaseError::fail(format!("{found}\n{json:#}")))?;
        }
    }
}
