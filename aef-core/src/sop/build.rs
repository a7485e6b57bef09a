//! From the placed nodes to a document and its report.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Transformed;
use super::draft::Draft;
use super::flow::Role;
use super::model::{TRIGGER_TYPES, filled, is_blank};
use super::names::{id_of, is_id};
use super::options::TransformOptions;
use super::report::{Counts, Report, WarningCode};
use super::secrets::Secrets;
use super::steps::Builder;
use super::texts::Inputs;
use crate::document::{CheckpointConfig, Config, Document, FORMAT_VERSION, Source, Span, Step};
use crate::ids::DocumentId;

/// What a step takes where the SOP does not say, in milliseconds.
const USUAL_DURATION: f64 = 120_000.0;
/// The least estimate of a whole procedure, in minutes.
const LEAST_MINUTES: f64 = 5.0;
/// How long a person has to answer a checkpoint.
const CHECKPOINT_TIMEOUT: Span = Span::seconds(300);
/// What the generator writes where an id should stand.
const PLACEHOLDER: &str = "REPLACE_WITH_CRYPTO_RANDOMUUID";
/// The title of an SOP that has none.
const UNTITLED: &str = "Untitled procedure";
/// What of `meta` has its own place in a document.
const META: [&str; 5] = ["id", "title", "version", "goal", "purpose"];

/// Builds the document of a draft.
pub(super) fn build(draft: &Draft) -> Transformed {
    let mut builder = Builder {
        draft,
        inputs: Inputs::of(&draft.sop.variables),
        secrets: Secrets::default(),
        found: draft.findings.clone(),
        counts: Counts { nodes: draft.sop.nodes.len(), edges: draft.sop.edges.len(), ..Counts::default() },
        mode: draft.options.checkpoint_mode(),
        edges: told_edges(draft),
    };
    draft.sop.nodes.iter().for_each(|node| builder.secrets.declare(node));
    let steps = builder.block(0);
    builder.document(steps)
}

/// The edges that say more than where control goes, by the node that they leave.
fn told_edges(draft: &Draft) -> BTreeMap<String, Vec<usize>> {
    let mut told: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, edge) in draft.sop.edges.iter().enumerate() {
        if edge.label.words().is_some() || says_more(&edge.fields) {
            told.entry(edge.source.clone()).or_default().push(index);
        }
    }
    told
}

pub(super) fn says_more(fields: &Map<String, Value>) -> bool {
    let told = ["source", "target", "condition"];
    fields.iter().any(|(key, value)| !told.contains(&key.as_str()) && !is_blank(value))
}

/// The SOP's own estimate, in minutes.
fn minutes(draft: &Draft) -> u64 {
    let works = (0..draft.sop.nodes.len()).filter(|node| draft.graph.roles[*node] == Role::Work);
    let total: f64 = works
        .map(|node| {
            let fields = &draft.sop.nodes[node].fields;
            let of_automation =
                fields.get("automation").and_then(|fields| fields.get("estimated_duration_ms"));
            let own = of_automation.or_else(|| fields.get("estimated_duration_ms")).and_then(Value::as_f64);
            own.filter(|millis| *millis >= 0.0).unwrap_or(USUAL_DURATION)
        })
        .sum();
    (total / 60_000.0).max(LEAST_MINUTES).ceil() as u64
}

impl Builder<'_> {
    fn document(mut self, steps: Vec<Step>) -> Transformed {
        let sop = &self.draft.sop;
        let mut kept = Map::new();
        let id = self.id(&mut kept);
        let rest = sop
            .meta
            .iter()
            .flatten()
            .filter(|(key, value)| !META.contains(&key.as_str()) && !is_blank(value));
        let meta: Map<String, Value> = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
        self.triggers();
        let of_whole = [
            ("meta", Value::Object(meta)),
            ("triggers", Value::Array(sop.triggers.clone())),
            ("variables", Value::Object(sop.variables.clone())),
        ];
        kept.extend(
            of_whole
                .into_iter()
                .filter(|(_, value)| !is_blank(value))
                .map(|(key, value)| (key.to_owned(), value)),
        );
        if !sop.rest.is_empty() {
            let names: Vec<String> = sop.rest.keys().map(|key| format!("`{key}`")).collect();
            let message = format!("{} are kept under x-sop", names.join(", "));
            self.found.whole(WarningCode::FieldKeptAsExtension, message);
            kept.extend(sop.rest.clone());
        }
        let estimated_duration = minutes(self.draft);
        kept.insert("estimatedDuration".to_owned(), json!(estimated_duration));
        let text = |key: &str| sop.meta_text(key).map(str::to_owned);
        let document = Document {
            aef: FORMAT_VERSION,
            id: DocumentId::new(id),
            version: sop.version(),
            title: Some(text("title").unwrap_or_else(|| UNTITLED.to_owned())),
            goal: text("goal"),
            description: text("purpose"),
            inputs: self.inputs.schema(),
            secrets: self.secrets.into_declarations(),
            vars: Map::new(),
            config: config(&self.draft.options),
            source: Some(Source {
                kind: "sop".to_owned(),
                id: text("id").filter(|id| id != PLACEHOLDER),
                version: sop.version(),
                sha256: sop.sha256.clone(),
            }),
            steps,
            extensions: BTreeMap::from([("x-sop".to_owned(), Value::Object(kept))]),
        };
        let report = Report { counts: self.counts, estimated_duration, warnings: self.found.into_warnings() };
        Transformed { document, report }
    }

    /// The document's id: that of the SOP as far as it can be, else one made of the title, else of the hash.
    fn id(&mut self, kept: &mut Map<String, Value>) -> String {
        let sop = &self.draft.sop;
        let given = sop.meta_text("id");
        let title = sop.meta_text("title");
        let made = || {
            let slug = title.map(|title| title.to_lowercase().replace(' ', "-")).as_deref().and_then(id_of);
            slug.unwrap_or_else(|| format!("sop-{}", &sop.sha256[..12]))
        };
        let missing: Vec<&str> = [("id", given), ("title", title)]
            .into_iter()
            .filter_map(|(key, value)| value.is_none().then_some(key))
            .collect();
        let id = match given {
            Some(PLACEHOLDER) => {
                let id = made();
                let message = format!("its id is the generator's placeholder: the document is `{id}`");
                self.found.whole(WarningCode::MetaIdPlaceholder, message);
                id
            }
            Some(given) if is_id(given) => given.to_owned(),
            Some(given) => {
                let id = id_of(given).unwrap_or_else(made);
                let message =
                    format!("a document cannot have its id: it is `{id}`, and the SOP's is kept under x-sop");
                self.found.whole(WarningCode::FieldKeptAsExtension, message);
                kept.insert("id".to_owned(), json!(given));
                id
            }
            None => made(),
        };
        if !missing.is_empty() {
            let message = format!("`meta` names no {}: the document is `{id}`", missing.join(" and no "));
            self.found.whole(WarningCode::MetaMissing, message);
        }
        id
    }

    fn triggers(&mut self) {
        for (index, trigger) in self.draft.sop.triggers.iter().enumerate() {
            let kind = trigger.get("type").and_then(filled);
            if kind.is_none_or(|kind| !TRIGGER_TYPES.contains(&kind)) {
                let kind = kind.map_or_else(|| "none".to_owned(), |kind| format!("`{kind}`"));
                let message =
                    format!("the type of trigger {index} is {kind}: it is kept under x-sop as it is");
                self.found.whole(WarningCode::TriggerTypeUnknown, message);
            }
        }
    }
}

/// The settings: checkpoints as asked for, and the caller's own laid over them.
fn config(options: &TransformOptions) -> Config {
    let own = options.config.checkpoints.clone().unwrap_or_default();
    let checkpoints = CheckpointConfig {
        mode: Some(options.checkpoint_mode()),
        timeout: own.timeout.or(Some(CHECKPOINT_TIMEOUT)),
        on_timeout: own.on_timeout,
    };
    Config { checkpoints: Some(checkpoints), ..options.config.clone() }
}
