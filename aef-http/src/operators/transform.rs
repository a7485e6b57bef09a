//! Making documents of SOPs.

use std::sync::Arc;

use aef_core::document::Config;
use aef_core::engine::SubmitOptions;
use aef_core::enrich::{EnrichOptions, EnrichReport, Enriched, enrich};
use aef_core::ids::{DocumentId, ExecutionId, SopId, sha256_hex};
use aef_core::sop::{Draft, Report, Sop, TransformOptions, Transformed};
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema as _;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::Ref;

use super::documents::compile;
use crate::app::{App, apart};
use crate::auth::Caller;
use crate::extract::{Body, Idempotency};
use crate::problem::Problem;
use crate::wire::json;

/// Of what a document is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Transform {
    /// The SOP.
    #[schema(value_type = String)]
    sop_id: SopId,
    /// Which version; the newest where nothing is asked.
    #[schema(minimum = 1)]
    version: Option<u32>,
    /// Settings of the document, laid over those that the transform makes; bare numbers are seconds.
    #[schema(value_type = Option<Object>, example = json!({ "checkpoints": { "mode": "risky", "timeout": 300 } }))]
    config: Option<Config>,
}

/// A document that was made of an SOP, with an execution that waits to be started.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    /// The document.
    #[schema(value_type = Object)]
    aef_document: Value,
    /// Its id.
    #[schema(value_type = String)]
    aef_document_id: DocumentId,
    /// An execution of it that is held: its live view can be opened before it is started. It is stopped where nobody has
    /// started it within a day.
    #[schema(value_type = String)]
    execution_id: ExecutionId,
    /// How long the procedure takes by the SOP's own estimates, in minutes.
    estimated_duration: u64,
    /// What was found and what was done about it: counts and warnings.
    #[schema(schema_with = of_report)]
    report: Report,
    /// What became of the steps that are told in words only, where the host reads them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = of_enrichment)]
    enrichment: Option<EnrichReport>,
}

fn of_report() -> Ref {
    Ref::from_schema_name(Report::schema_name())
}

fn of_enrichment() -> Ref {
    Ref::from_schema_name(EnrichReport::schema_name())
}

/// The schemas of what the core makes, by the names under which others refer to them.
pub(crate) fn schemas() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = settings.for_serialize().into_generator();
    generator.subschema_for::<Report>();
    generator.subschema_for::<EnrichReport>();
    generator.take_definitions(true)
}

/// Make a document of an SOP
///
/// The document is kept, and an execution of it is made and held: `POST /api/aef/execute` with its id starts it, and gives
/// it the inputs that it needs.
#[utoipa::path(
    post, path = "/transform", tag = "operators", request_body = Transform,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes asking twice safe")),
    responses((status = 200, body = Made)),
)]
pub(super) async fn transform(
    State(app): State<Arc<App>>,
    caller: Caller,
    Idempotency(key): Idempotency,
    Body(asked): Body<Transform>,
) -> Result<Json<Made>, Problem> {
    let owner = app.owner(&caller)?;
    let sop = app.host().sop(&app.scope(&caller), asked.sop_id, asked.version).await?;
    app.has_room(owner).await?;
    let config = asked.config.unwrap_or_default();
    let fingerprint = sha256_hex(format!("{} {}", sop.hash(), json(&config)).as_bytes());
    let options = TransformOptions { config, ..TransformOptions::default() };
    let draft = apart(move || draft(sop.content.as_bytes(), &options)).await??;
    let (Transformed { document, report }, enrichment) = match &app.options.enricher {
        None => (draft.finish(), None),
        Some(enricher) => {
            let Enriched { transformed, report } =
                enrich(&draft, &**enricher, &EnrichOptions::default()).await;
            (transformed, Some(report))
        }
    };
    let submit = SubmitOptions {
        idempotency_key: key,
        // Of what is asked, for whoever reads the words may propose something else each time.
        fingerprint: Some(fingerprint),
        held: true,
        ..SubmitOptions::default()
    };
    let engine = app.engine.clone();
    let plan = apart(move || compile(&engine, &document)).await??;
    let handle = app.scoped(&caller)?.submit(&plan, Value::Null, submit).await?;
    // Under a key that was used before it is the execution that was made then, with the document of then.
    let inspection = handle.inspect().await?;
    Ok(Json(Made {
        aef_document: json(&*inspection.plan.document),
        aef_document_id: inspection.record.document,
        execution_id: inspection.record.id,
        estimated_duration: report.estimated_duration,
        report,
        enrichment: enrichment.filter(|_| !handle.was_existing()),
    }))
}

/// Reads the structure of an SOP. What is wrong comes with pointers into the SOP.
fn draft(text: &[u8], options: &TransformOptions) -> Result<Draft, Problem> {
    let draft = Sop::from_slice(text).and_then(|sop| Draft::new(&sop, options));
    draft.map_err(|found| Problem::of_diagnostics("SOP", &found))
}
