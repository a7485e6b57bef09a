use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Arc;

use minijinja::value::{Serde, Value as Seen};
use serde_json::{Value, json};

use super::*;
use crate::document::{Condition, Text, TextPart};

#[derive(Debug)]
struct Table(BTreeMap<String, Value>);

impl Names for Table {
    fn lookup(&self, name: &str) -> Option<Seen> {
        self.0.get(name).map(|value| Seen::from(Serde(value)))
    }

    fn timezone(&self) -> &str {
        "Europe/Berlin"
    }
}

fn scope(values: Value) -> Scope {
    Arc::new(Table(serde_json::from_value(values).unwrap()))
}

fn evaluate(source: &str, values: Value) -> Result<Value, ExpressionErrorKind> {
    Expression::parse(source).and_then(|parsed| parsed.evaluate(&scope(values))).map_err(|error| error.kind)
}

fn document(yaml: &str) -> Document {
    Document::from_yaml(yaml).unwrap_or_else(|found| panic!("{found}"))
}

/// A document with these steps.
fn steps(steps: &str) -> Document {
    document(&format!("aef: 1\nid: d\nsteps:\n{steps}"))
}

fn plan(document: &Document) -> Plan {
    Plan::compile(document).unwrap_or_else(|found| panic!("{found}"))
}

#[expect(clippy::needless_pass_by_value, reason = "JSON that is written in place is given away")]
fn action(json: Value) -> PlanAction {
    let document = Document::from_value(json!({
        "aef": 1, "id": "d", "vars": { "row": 1, "items": 1 }, "secrets": [{ "name": "pin" }],
        "steps": [{ "id": "a", "actions": [json] }],
    }));
    let plan = plan(&document.unwrap_or_else(|found| panic!("{found}")));
    let PlanKind::Task(task) = &plan.steps[0].kind else { panic!("a task") };
    task.actions[0].clone()
}

#[test]
fn every_sample_document_compiles() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let validator = jsonschema::validator_for(&Document::schema()).unwrap();
    let mut count = 0;
    for folder in [root.to_owned(), format!("{root}/documents")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let document =
                Document::load(&path).unwrap_or_else(|error| panic!("{error}: {:?}", error.source()));
            let plan = plan(&document);
            assert_eq!(plan.warnings(), [], "{}", path.display());
            let errors: Vec<_> = validator
                .iter_errors(&serde_json::to_value(&document).unwrap())
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 7, "only {count} documents found");
}

/// Documents with one kind of fault each: a name, and the steps (or the whole, where it begins with `aef`).
const FAULTY: &[(&str, &str)] = &[
    (
        "duplicate ids",
        "  - { id: a, verify: ['true'] }\n  - { id: a, verify: ['true'] }\n  - { id: 'b c', verify: ['true'] }\n",
    ),
    (
        "unknown targets",
        "  - { id: save, verify: ['true'], then: savee }\n  - { id: b, verify: ['true'], then: { goto: saev } }\n",
    ),
    (
        "a jump into a container",
        "  - { id: a, verify: ['true'], then: inner }\n  - { id: g, type: group, steps: [ { id: inner, verify: ['true'], then: a } ] }\n",
    ),
    (
        "break of what is no loop around",
        "  - { id: l, type: loop, while: 'true', maxIterations: 2, steps: [ { id: a, verify: ['true'] } ] }\n  - { id: b, verify: ['true'], then: { break: l } }\n",
    ),
    (
        "loops without bound or kind",
        "  - { id: a, type: loop, forEach: '[1]', while: 'true', maxIterations: 0, steps: [] }\n  - { id: b, type: loop, maxIterations: 1, steps: [] }\n",
    ),
    (
        "undefined names",
        "  - { id: a, actions: [ { action: extract, target: { css: a }, as: mails } ] }\n  - { id: b, outputs: { x: 'mail.from', y: 'inputs.base', z: 'execution.now', m: 'mails | length' } }\n",
    ),
    (
        "results that are not there",
        "  - { id: l, type: loop, forEach: '[1]', as: item, maxIterations: 2, steps: [ { id: a, outputs: { inner: item } } ] }\n  - id: d\n    type: decision\n    branches: [ { when: 'true', steps: [ { id: b, outputs: { some: '1' } } ] }, { when: '1 == 2', steps: [] } ]\n  - { id: c, outputs: { x: inner, y: item, z: some, w: \"some | default('none')\" } }\n",
    ),
    (
        "secrets",
        "aef: 1\nid: d\nsecrets: [ { name: pin }, { name: pin }, { name: code, kind: totp } ]\nsteps:\n  - id: a\n    actions:\n      - { action: navigate, url: 'https://a.example/{{ secrets.pin }}' }\n      - { action: fill, target: { css: a }, value: '{{ secrets.pni }}' }\n      - { action: fill, target: { css: a }, value: '{{ secrets.pin | upper }}' }\n    outputs: { x: secrets.pin }\n",
    ),
    (
        "expressions",
        "  - id: a\n    when: '{{ x }}'\n    outputs: { a: '1 +', b: \"'a' | uper\", c: \"'a' is endswith('b')\", d: \"'a' | regex_find('(')\" }\n    actions:\n      - { action: act, instruction: '{% for i in range(9) %}{% endfor %}' }\n      - { action: act, instruction: '{{ open' }\n",
    ),
    (
        "locators and conditions",
        "  - id: a\n    actions:\n      - { action: click, target: { css: a, text: b } }\n      - { action: click, target: { name: a } }\n      - { action: click, target: [] }\n      - { action: click, target: { css: a, first: true, nth: 1 } }\n      - { action: select, target: { css: a } }\n      - { action: wait_for, duration: 2s, load: load }\n      - { action: extract, as: x }\n    verify: [ { url: {} }, { visible: { css: a }, hidden: { css: b } }, { title: { matches: '(' } }, {} ]\n",
    ),
    (
        "decisions",
        "  - { id: a, type: decision, branches: [ { when: '1 == 2', steps: [] }, { steps: [] } ] }\n  - { id: b, type: decision, ask: { question: q, options: [ { id: x, label: X }, { id: x, label: Y } ] }, branches: [ { option: z, steps: [] } ] }\n",
    ),
    (
        "checkpoints that approve themselves",
        "  - { id: a, risk: write, checkpoint: { before: { onTimeout: approve } }, actions: [ { action: click, target: { css: a } } ] }\n  - { id: b, type: manual, onTimeout: approve }\n",
    ),
    (
        "addresses, zones and names",
        "aef: 1\nid: d\nconfig: { timezone: Mars/Base, browser: { allowedOrigins: [ example.com ] } }\nvars: { 'a b': 1, inputs: 2 }\ninputs: { type: 7 }\nsteps:\n  - { id: a, actions: [ { action: navigate, url: 'ftp://a' }, { action: navigate, url: /x }, { action: acme.go } ] }\n  - { id: b }\n",
    ),
    (
        "warnings beside an error",
        "  - { id: a, actions: [ { action: navigate, url: 'https://a.example' }, { action: wait_for, duration: 1s }, { action: click, target: { css: a } } ] }\n  - { id: m, type: manual }\n  - { id: e, type: end }\n  - { id: z, verify: [ nope ] }\n  - { id: l, type: loop, forEach: '[1]', maxIterations: 1, steps: [ { id: n, actions: [ { action: hover, target: { css: tr, nth: '{{ 1 }}' } } ] } ] }\n",
    ),
];

#[test]
fn everything_wrong_with_a_document_is_told_at_once() {
    let mut told = String::new();
    for (name, text) in FAULTY {
        let text = if text.starts_with("aef") {
            (*text).to_owned()
        } else {
            format!("aef: 1\nid: d\nsteps:\n{text}")
        };
        let found = Plan::compile(&document(&text)).expect_err(name);
        let found = found.locate(&crate::document::SourceMap::new(&text));
        writeln!(told, "## {name}\n{found}\n").unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn values_keep_their_types_and_texts_their_form() {
    assert_eq!(evaluate("a.b", json!({ "a": { "b": [1, 2.5, null] } })), Ok(json!([1, 2.5, null])));
    let template =
        JsonTemplate::parse(&json!({ "n": "{{ n }}", "t": "{{ n }} of {{ f }}", "k": "plain" })).unwrap();
    assert!(!template.is_constant());
    let rendered = template.render(&scope(json!({ "n": 3, "f": 4.0 }))).unwrap();
    assert_eq!(rendered, json!({ "n": 3, "t": "3 of 4", "k": "plain" }));
    let literal = JsonTemplate::parse(&json!("{{ '}}' ~ {'a': 'b'}['a'] }}")).unwrap();
    assert_eq!(literal.render(&scope(json!({}))).unwrap(), json!("}}b"));
}

#[test]
fn an_undefined_result_is_an_error_with_its_place() {
    for source in
        ["missing", "mail.nope", "mail.nope.deeper", "[mail.nope]", "mail.nope | upper", "missing ~ 'x'"]
    {
        assert_eq!(evaluate(source, json!({ "mail": {} })), Err(ExpressionErrorKind::Undefined), "{source}");
    }
    let template = JsonTemplate::parse(&json!({ "a": ["x", "{{ mail.nope }}"] })).unwrap();
    let error = template.render(&scope(json!({ "mail": {} }))).unwrap_err();
    assert_eq!(error.to_string(), "`nope` is undefined, in ` mail.nope ` at /a/1");
}

#[test]
fn an_expression_that_takes_too_long_runs_out_of_fuel() {
    let long = format!("[{}]", vec!["a"; 12_000].join(","));
    assert_eq!(evaluate(&long, json!({ "a": 1 })), Err(ExpressionErrorKind::OutOfFuel));
    assert_eq!(evaluate(&"a,".repeat(40_000), json!({})), Err(ExpressionErrorKind::TooLong));
    assert_eq!(evaluate(&vec!["a"; 300].join("+"), json!({ "a": 1 })), Err(ExpressionErrorKind::TooLong));
    assert_eq!(evaluate(&vec!["a"; 250].join("+"), json!({ "a": 1 })), Ok(json!(250)));
    let deep = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert_eq!(evaluate(&deep, json!({})), Err(ExpressionErrorKind::Syntax));
}

#[test]
fn a_value_has_a_greatest_size() {
    let text = "x".repeat(600_000);
    assert_eq!(evaluate("a ~ a", json!({ "a": text })), Err(ExpressionErrorKind::TooLarge));
    assert_eq!(evaluate("[a, a]", json!({ "a": text })), Err(ExpressionErrorKind::TooLarge));
    let twice = JsonTemplate::parse(&json!("{{ a }}{{ a }}")).unwrap();
    let error = twice.render(&scope(json!({ "a": text }))).unwrap_err();
    assert_eq!(error.kind, ExpressionErrorKind::TooLarge);
}

#[test]
fn the_filters_of_the_format_do_what_they_say() {
    let values = json!({ "t": "2026-01-31T23:30:00Z", "d": "2026-03-01", "m": "EUR 1.234,50 each", "s": "Ärzte & Co. 7" });
    let cases = [
        ("t | date('%d.%m.%Y %H:%M')", json!("01.02.2026 00:30")),
        ("d | date", json!("2026-03-01")),
        ("0 | date('%Y')", json!("1970")),
        ("m | number", json!(1234.5)),
        ("'1,234' | number", json!(1234)),
        ("'-0.5 %' | number", json!(-0.5)),
        ("'none' | number", json!(null)),
        ("m | regex_find('EUR ([0-9.]+)')", json!("1.234")),
        ("m | regex_find('each')", json!("each")),
        ("m | regex_find('nope')", json!(null)),
        ("'a1b2' | regex_find_all('[0-9]')", json!(["1", "2"])),
        ("'k=v' | regex_captures('(.)=(.)')", json!(["k=v", "k", "v"])),
        ("s | slug", json!("ärzte-co-7")),
        ("'a b&ü' | urlencode", json!("a%20b%26%C3%BC")),
        ("{'a': [1]} | json", json!("{\"a\":[1]}")),
        ("'x.vc' is endingwith('.vc')", json!(true)),
    ];
    for (source, value) in cases {
        assert_eq!(evaluate(source, values.clone()), Ok(value), "{source}");
    }
    assert_eq!(evaluate("'x' | date", json!({})), Err(ExpressionErrorKind::Evaluation));
}

#[test]
fn an_action_without_templates_is_shared() {
    let constant = action(json!({ "action": "click", "target": { "css": "a" } }));
    assert!(Arc::ptr_eq(&constant.render(&scope(json!({}))).unwrap(), &constant.source));
}

#[test]
fn the_templates_of_an_action_are_rendered_in_their_places() {
    let written = action(json!({
        "action": "select",
        "target": [{ "role": "row", "name": "{{ row.name }} {{ row.id }}", "nth": "{{ row.id }}" }, { "css": "tr" }],
        "label": "{{ items }}", "description": "choose for {{ row.name }}",
    }));
    let names = scope(json!({ "row": { "name": "Ada", "id": 2 }, "items": ["x", 1] }));
    let rendered = serde_json::to_value(&*written.render(&names).unwrap()).unwrap();
    assert_eq!(
        rendered,
        json!({
            "action": "select",
            "target": [{ "role": "row", "name": "Ada 2", "nth": 2 }, { "css": "tr" }],
            "label": ["x", "1"], "description": "choose for Ada",
        })
    );
    let error =
        written.render(&scope(json!({ "row": { "name": "Ada", "id": "x" }, "items": [] }))).unwrap_err();
    assert_eq!((error.kind, error.place.as_str()), (ExpressionErrorKind::Type, "/target/0/nth"));
}

#[test]
fn a_secret_stays_a_handle() {
    let written =
        action(json!({ "action": "fill", "target": { "css": "a" }, "value": "{{ row }}-{{ secrets.pin }}" }));
    let rendered = written.render(&scope(json!({ "row": 7 }))).unwrap();
    let Some(Text::Sealed { parts }) = rendered.kind.entered() else { panic!("{rendered:?}") };
    let secret = TextPart::Secret { secret: "pin".to_owned() };
    assert_eq!(
        parts,
        &[TextPart::Plain { text: "7".to_owned() }, TextPart::Plain { text: "-".to_owned() }, secret]
    );
}

#[test]
fn what_is_entered_is_a_text_a_number_or_a_boolean() {
    let written = action(json!({ "action": "fill", "target": { "css": "a" }, "value": "{{ row }}" }));
    let entered = |value: Value| {
        written.render(&scope(json!({ "row": value }))).map(|action| action.kind.entered().cloned())
    };
    assert_eq!(entered(json!(5)).unwrap(), Some(Text::Number(5.into())));
    assert_eq!(entered(json!(true)).unwrap(), Some(Text::Boolean(true)));
    for refused in [json!(null), json!([1]), json!({})] {
        assert_eq!(entered(refused).unwrap_err().kind, ExpressionErrorKind::Type);
    }
}

#[test]
fn a_condition_is_rendered_to_constants_and_questions() {
    let written: Condition = serde_json::from_value(json!({
        "all": ["n > 1", { "text": { "target": { "css": "a" }, "equals": "{{ n }}" } }]
    }))
    .unwrap();
    let condition = PlanCondition::parse(&written).unwrap();
    assert!(condition.needs_page());
    let rendered = serde_json::to_value(condition.render(&scope(json!({ "n": 2 }))).unwrap()).unwrap();
    assert_eq!(rendered, json!({ "all": [true, { "text": { "target": { "css": "a" }, "equals": 2 } }] }));
    assert!(!PlanCondition::parse(&Condition::Expression("n".into())).unwrap().needs_page());
}

#[test]
fn risk_and_repeatability_follow_from_the_actions() {
    let document = steps(
        "  - { id: read, actions: [ { action: navigate, url: 'https://a.example' }, { action: fill, target: { css: a }, value: x } ] }
  - { id: click, actions: [ { action: fill, target: { css: a }, value: x }, { action: click, target: { css: b } } ] }
  - { id: fill, risk: write, actions: [ { action: fill, target: { css: a }, value: x } ] }
  - { id: never, repeatable: false, actions: [ { action: navigate, url: 'https://a.example' } ] }
",
    );
    let plan = plan(&document);
    let facts: Vec<_> = plan
        .steps
        .iter()
        .map(|step| {
            let PlanKind::Task(task) = &step.kind else { panic!("a task") };
            (step.risk, task.actions.iter().map(|action| action.repeatable).collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(
        facts,
        [
            (Risk::Read, vec![true, true]),
            (Risk::Write, vec![true, false]),
            (Risk::Write, vec![false]),
            (Risk::Read, vec![false]),
        ]
    );
}

#[test]
fn the_mode_says_which_steps_ask() {
    let ask = |mode: &str| {
        let text = format!(
            "aef: 1\nid: d\nconfig: {{ checkpoints: {{ mode: {mode} }} }}\nsteps:
  - {{ id: read, verify: ['true'] }}
  - {{ id: write, actions: [ {{ action: click, target: {{ css: a }} }} ] }}
  - {{ id: said, checkpoint: {{ before: {{}} }}, verify: ['true'] }}
  - {{ id: required, checkpoint: {{ before: {{ required: true }} }}, verify: ['true'] }}
"
        );
        let plan = plan(&document(&text));
        let asked = plan.steps.iter().filter(|step| step.before.is_some());
        asked.map(|step| step.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ask("all"), "read write said required");
    assert_eq!(ask("risky"), "write said required");
    assert_eq!(ask("declared"), "said required");
    assert_eq!(ask("none"), "required");
}

#[test]
fn origins_default_to_those_that_are_opened() {
    let document = document(
        "aef: 1
id: d
inputs: { type: object, required: [base], properties: { base: { type: string } } }
vars: { path: x }
steps:
  - id: a
    actions:
      - { action: navigate, url: '{{ inputs.base }}/inbox?x={{ path }}' }
      - { action: navigate, url: 'https://b.example:8443/x' }
      - { action: navigate, url: '{{ path }}' }
",
    );
    let browser = plan(&document)
        .settings
        .render_browser(&scope(json!({ "inputs": { "base": "http://a.example/crm" } })));
    assert_eq!(browser.unwrap().allowed_origins, ["http://a.example", "https://b.example:8443"]);
}

#[test]
fn credentials_name_a_declared_secret_and_places_lie_on_the_earth() {
    let compiled = |browser: &str| {
        let text = format!(
            "{{ aef: 1, id: d, secrets: [ {{ name: door }} ], config: {{ browser: {browser} }}, \
             steps: [ {{ id: a, actions: [ {{ action: navigate, url: 'https://a.example/' }} ] }} ] }}"
        );
        Plan::compile(&document(&text))
            .map(|plan| plan.settings.render_browser(&scope(json!({}))).unwrap())
            .map_err(|found| {
                let told = found.iter().map(|found| format!("{} {}", found.code, found.pointer));
                told.collect::<Vec<_>>().join(", ")
            })
    };
    let browser = compiled(
        "{ credentials: { username: me, secret: door }, geolocation: { latitude: 52.5, longitude: 13.25 }, \
         permissions: [ camera ] }",
    )
    .unwrap();
    assert_eq!(browser.credentials.unwrap().secret, "door");
    assert_eq!(browser.geolocation.unwrap().latitude, 52.5);
    let nowhere = compiled(
        "{ geolocation: { latitude: 91, longitude: 0 }, credentials: { username: me, secret: door } }",
    );
    assert_eq!(nowhere.unwrap_err(), "invalid_value /config/browser/geolocation");
    let undeclared = compiled("{ credentials: { username: me, secret: window } }").unwrap_err();
    assert!(undeclared.contains("unknown_secret /config/browser/credentials/secret"), "{undeclared}");
}

#[test]
fn inputs_are_checked_and_filled_in() {
    let document = document(
        "aef: 1
id: d
inputs:
  type: object
  required: [url]
  properties:
    url: { type: string, format: uri }
    count: { type: integer, default: 3, maximum: 5 }
    more: { type: object, properties: { deep: { default: true } } }
steps: [ { id: a, verify: [ 'inputs.count > 1' ] } ]
",
    );
    let plan = plan(&document);
    let good = plan.check_inputs(&json!({ "url": "https://a.example", "more": {} }));
    assert_eq!(good.unwrap(), json!({ "url": "https://a.example", "more": { "deep": true }, "count": 3 }));
    let bad = plan.check_inputs(&json!({ "url": "not a uri", "count": "7", "cuont": 1 })).unwrap_err();
    insta::assert_snapshot!(bad);
    assert!(plan.check_inputs(&Value::Null).is_err());
    let form =
        json!({ "type": "object", "required": ["note"], "properties": { "note": { "type": "string" } } });
    assert!(Plan::check_form(&form, &json!({ "note": "x" })).is_ok());
    assert!(Plan::check_form(&form, &json!({})).is_err());
}

#[test]
fn a_subset_asks_for_what_it_lacks() {
    let document = steps(
        "  - { id: read, actions: [ { action: extract, list: { css: a }, fields: { id: {} }, as: mails } ] }
  - id: each
    type: loop
    forEach: mails
    as: mail
    maxIterations: 5
    steps: [ { id: save, outputs: { saved: mail.id }, then: { continue: each } } ]
  - { id: done, type: end, result: '{{ mails }}' }
",
    );
    let whole = plan(&document);
    assert_eq!(whole.warnings(), []);
    let part =
        Plan::subset(&document, &["save".into(), "done".into()]).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(part.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["save", "done"]);
    assert_eq!(part.hash, whole.hash);
    assert!(part.check_inputs(&json!({ "mail": { "id": 1 }, "mails": [] })).is_ok());
    assert_eq!(part.check_inputs(&json!({ "mail": {} })).unwrap_err().len(), 1);
    let unknown = Plan::subset(&document, &["svae".into()]).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "error[unknown_step]: there is no step `svae`\n  help: did you mean `save`?"
    );
}

#[test]
fn a_step_sets_alone_what_nothing_else_sets() {
    let document = document(
        "aef: 1
id: d
vars: { shared: 0 }
steps:
  - { id: g, type: group, steps: [ { id: a, outputs: { one: '1', both: '1', shared: '1' } } ] }
  - { id: b, outputs: { both: '2' } }
  - { id: l, type: loop, forEach: '[1]', maxIterations: 1, collect: { all: inner }, steps: [ { id: c, outputs: { inner: '1' } } ] }
",
    );
    let plan = plan(&document);
    let sets = |id: &str| plan.step(plan.find(&id.into()).unwrap()).sets.join(" ");
    assert_eq!([sets("g"), sets("a"), sets("b"), sets("l"), sets("c")], ["one", "one", "", "all", "inner"]);
}

#[test]
fn a_hosts_action_is_known_by_its_spec() {
    let document = steps(
        "  - { id: a, actions: [ { action: acme.look, with: { q: 1 }, as: found } ], outputs: { x: found } }\n",
    );
    assert!(Plan::compile(&document).is_err());
    let spec = CustomActionSpec {
        input: Some(json!({ "type": "object", "properties": { "q": { "type": "string" } } })),
        risk: Risk::Read,
        repeatable: true,
    };
    let mut options = CompileOptions::default();
    options.actions.insert("acme.look".into(), spec);
    let found = Plan::compile_with(&document, &options).unwrap_err();
    assert_eq!((found.len(), found[0].pointer.as_str()), (1, "/steps/0/actions/0/with/q"));
    options
        .actions
        .insert("acme.look".into(), CustomActionSpec { input: None, ..options.actions["acme.look"].clone() });
    let plan = Plan::compile_with(&document, &options).unwrap();
    assert_eq!(plan.steps[0].risk, Risk::Read);
}

/// A document whose form has these properties, and whose task enters this.
fn asking(properties: &str, entered: &str) -> Document {
    let form = format!("{{ type: object, properties: {properties} }}");
    document(&format!(
        "aef: 1\nid: d\nsecrets: [ {{ name: known }} ]\nsteps:\n  - {{ id: ask, type: manual, form: {form} }}\n  \
         - id: log_in\n    actions:\n      - {{ action: navigate, url: 'https://a.test' }}\n      \
         - {{ action: fill, target: {{ label: A }}, value: '{{{{ secrets.known }}}} {{{{ secrets.{entered} }}}}' }}\n",
    ))
}

#[test]
fn a_form_gives_secrets_to_what_is_entered() {
    let given = plan(&asking("{ pin: { type: string, writeOnly: true }, note: { type: string } }", "pin"));
    assert_eq!(given.settings.given.keys().collect::<Vec<_>>(), ["pin"]);
    let step = given.step(given.find(&"log_in".into()).unwrap());
    let PlanKind::Task(task) = &step.kind else { panic!("{step:?}") };
    assert_eq!(task.actions[1].secrets(), ["known", "pin"]);
}

#[test]
fn a_form_that_asks_for_a_secret_in_the_wrong_way_is_told() {
    let wrong = |properties: &str, entered: &str| {
        let found = Plan::compile(&asking(properties, entered)).unwrap_err();
        let errors = found.iter().filter(|found| found.severity == crate::document::Severity::Error);
        errors.map(|found| format!("{} {}", found.code, found.pointer)).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(wrong("{ note: { type: string } }", "note"), "unknown_secret /steps/1/actions/1/value");
    assert_eq!(
        wrong("{ known: { writeOnly: true } }", "known"),
        "duplicate_secret /steps/0/form/properties/known"
    );
    assert_eq!(wrong("{ 'a b': { writeOnly: true } }", "known"), "invalid_name /steps/0/form/properties/a b");
    let inside = "{ card: { type: object, properties: { pin: { writeOnly: true } } } }";
    assert_eq!(wrong(inside, "known"), "invalid_schema /steps/0/form");
}
