//! What a transform reports, and that it keeps what it was given.

use std::collections::BTreeSet;

use aef::document::{CheckpointMode, Config, Document};
use aef::plan::Plan;
use aef::sop::{Report, Sop, TransformOptions, Warning, WarningCode, transform};
use serde_json::{Value, json};

use crate::corpus::variants;

/// `code`, `code node` or `code source->target`.
fn shown(warning: &Warning) -> String {
    match (&warning.node, &warning.edge) {
        (_, Some(edge)) => format!("{} {}->{}", warning.code.as_str(), edge.source, edge.target),
        (Some(node), None) => format!("{} {node}", warning.code.as_str()),
        (None, None) => warning.code.as_str().to_owned(),
    }
}

#[test]
fn every_sop_is_reported_as_expected() {
    let mut wrong = Vec::new();
    for variant in variants() {
        let report = &variant.transformed.report;
        let found = json!({
            "counts": serde_json::to_value(report.counts).unwrap(),
            "minutes": report.estimated_duration,
            "warnings": report.warnings.iter().map(shown).collect::<Vec<_>>(),
        });
        for key in ["counts", "minutes", "warnings"] {
            if found[key] != variant.expected[key] {
                wrong.push(format!(
                    "{}: {key}\n  found    {}\n  expected {}",
                    variant.name, found[key], variant.expected[key]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_is_large_and_has_every_warning() {
    let variants = variants();
    assert!(variants.len() >= 25, "{}", variants.len());
    let found: BTreeSet<WarningCode> = variants
        .iter()
        .flat_map(|variant| &variant.transformed.report.warnings)
        .map(|warning| warning.code)
        .collect();
    let missing: Vec<_> = WarningCode::ALL.iter().filter(|code| !found.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_document_compiles_and_reads_back() {
    for variant in variants() {
        let document = variant.document();
        Plan::compile(document).unwrap_or_else(|found| panic!("{}: {found}", variant.name));
        let text = serde_json::to_string(document).unwrap();
        assert_eq!(&Document::from_json(&text).unwrap(), document, "{}", variant.name);
        let report = serde_json::to_string(&variant.transformed.report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&report).unwrap(), variant.transformed.report);
    }
}

const PROCEDURE: &[u8] = r##"{ "meta": { "id": "Ä 1", "title": "Überweisen", "version": "1.0.4", "owner": ["ann"] },
  "public": {
    "triggers": [ { "type": "cron", "config": "0 20 * * *" }, { "type": "dawn" } ],
    "nodes": [
      { "id": "sign", "type": "task", "label": "署名する", "automation": { "human_checkpoint": true,
        "instructions": [ { "action_type": "click", "description": "Sign", "selector_strategies": ["#sign"] } ] } },
      { "id": "look", "type": "task", "label": "Nachsehen", "automation": {
        "instructions": [ { "action_type": "wait", "description": "Wait", "selector_strategies": ["#seen"] } ] } },
      { "id": "ask", "type": "task", "label": "Ask" },
      { "id": "end", "type": "end", "label": "Fin" } ],
    "edges": [
      { "source": "sign", "target": "look", "condition": "weiter", "error_recovery": ["try again"] },
      { "source": "look", "target": "ask" },
      { "source": "ask", "target": "end" } ] },
  "private": { "steps": [ { "what": "secret recording" } ] } }"##
    .as_bytes();

fn with(options: &TransformOptions) -> aef::sop::Transformed {
    transform(&Sop::from_slice(PROCEDURE).unwrap(), options).unwrap()
}

#[test]
fn the_sop_stays_as_it_was_and_the_document_names_it() {
    let sop = Sop::from_slice(PROCEDURE).unwrap();
    let transformed = transform(&sop, &TransformOptions::default()).unwrap();
    assert_eq!(sop.original(), PROCEDURE);
    let json = serde_json::to_value(&transformed.document).unwrap();
    assert_eq!(json["source"]["kind"], "sop");
    assert_eq!((&json["source"]["id"], &json["source"]["version"]), (&json!("Ä 1"), &json!("1.0.4")));
    assert_eq!(json["source"]["sha256"], sop.sha256());
    assert_eq!(
        (&json["id"], &json["version"], &json["title"]),
        (&json!("_1"), &json!("1.0.4"), &json!("Überweisen"))
    );
    let kept = &json["x-sop"];
    assert_eq!((&kept["id"], &kept["meta"]), (&json!("Ä 1"), &json!({ "owner": ["ann"] })));
    assert_eq!(kept["triggers"], json!([{ "type": "cron", "config": "0 20 * * *" }, { "type": "dawn" }]));
    assert_eq!(kept["private"]["steps"], json!([{ "what": "secret recording" }]));
    assert_eq!(kept["estimatedDuration"], json!(6));
    let names: Vec<&Value> = json["steps"].as_array().unwrap().iter().map(|step| &step["name"]).collect();
    assert_eq!(names, ["署名する", "Nachsehen", "Ask", "Fin"]);
    let edges = &json["steps"][0]["x-sop"]["edges"];
    assert_eq!(edges[0]["error_recovery"], json!(["try again"]));
    assert_eq!(edges[0]["condition"], json!("weiter"));
}

#[test]
fn checkpoints_follow_the_policy() {
    let checkpoints = |mode| {
        let transformed = with(&TransformOptions { checkpoints: Some(mode), ..TransformOptions::default() });
        let plan = Plan::compile(&transformed.document).unwrap();
        let asked: Vec<String> =
            plan.steps.iter().filter(|step| step.before.is_some()).map(|step| step.id.to_string()).collect();
        (transformed.report.counts.checkpoints, asked.join(" "))
    };
    assert_eq!(
        checkpoints(CheckpointMode::All),
        (3, "sign look".to_owned()),
        "the third is the manual step itself"
    );
    assert_eq!(checkpoints(CheckpointMode::Risky), (1, "sign".to_owned()));
    assert_eq!(checkpoints(CheckpointMode::Declared), (1, "sign".to_owned()));
    assert_eq!(checkpoints(CheckpointMode::None), (0, String::new()));
}

#[test]
fn the_callers_settings_are_laid_over_those_of_the_transform() {
    let config = |json: Value| -> Value {
        let config: Config = serde_json::from_value(json).unwrap();
        let transformed = with(&TransformOptions { config, ..TransformOptions::default() });
        serde_json::to_value(&transformed.document.config).unwrap()
    };
    assert_eq!(config(json!({})), json!({ "checkpoints": { "mode": "all", "timeout": "5m" } }));
    assert_eq!(
        config(json!({ "maxDuration": 90, "checkpoints": { "timeout": 60, "onTimeout": "reject" } })),
        json!({ "checkpoints": { "mode": "all", "timeout": "1m", "onTimeout": "reject" }, "maxDuration": "90s" })
    );
    assert_eq!(
        config(json!({ "checkpoints": { "mode": "risky" }, "timezone": "Asia/Tokyo" })),
        json!({ "checkpoints": { "mode": "risky", "timeout": "5m" }, "timezone": "Asia/Tokyo" })
    );
}
