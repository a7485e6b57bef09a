//! Secrets of an owner: set and removed, never read.

use std::sync::Arc;

use aef_core::engine::{SealedSecrets, SealedSecretsError};
use aef_core::secrets::SecretString;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Segment};
use crate::problem::{Code, Problem};

/// The value of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSecret {
    /// The value: up to 64 KiB. It cannot be read again.
    #[schema(value_type = String, min_length = 1, max_length = 65536, format = Password, write_only)]
    value: String,
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("NewSecret")
    }
}

/// That there is a secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SecretRow {
    /// What documents call it.
    name: String,
    /// When its value was last set.
    updated_at: Timestamp,
}

/// An owner's secrets, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Secrets {
    /// The secrets.
    secrets: Vec<SecretRow>,
}

fn kept(app: &App) -> Result<&SealedSecrets, Problem> {
    app.options.secrets.as_ref().ok_or_else(|| {
        Problem::new(Code::NotConfigured, "the host has set no key under which secrets are kept")
    })
}

/// List the names of secrets
#[utoipa::path(get, path = "/secrets", tag = "keys and secrets", responses((status = 200, body = Secrets)))]
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Secrets>, Problem> {
    let names = kept(&app)?.names(app.owner(&caller)?).await?;
    let secrets =
        names.into_iter().map(|secret| SecretRow { name: secret.name, updated_at: secret.updated_at });
    Ok(Json(Secrets { secrets: secrets.collect() }))
}

/// Set a secret
#[utoipa::path(
    put, path = "/secrets/{name}", tag = "keys and secrets",
    params(("name" = String, Path, description = "What documents call it")),
    request_body = NewSecret,
    responses((status = 204, description = "The value is kept")),
)]
pub(super) async fn set(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(name): Segment<String>,
    Body(new): Body<NewSecret>,
) -> Result<StatusCode, Problem> {
    let (secrets, owner) = (kept(&app)?, app.owner(&caller)?);
    let names = secrets.names(owner).await?;
    let most = app.options.limits.secrets;
    if names.len() >= most && names.iter().all(|known| known.name != name) {
        return Err(Problem::new(Code::QuotaExceeded, format!("an owner has at most {most} secrets")));
    }
    match secrets.set(owner, &name, &SecretString::from(new.value)).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error @ SealedSecretsError::Name(_)) => Err(Problem::invalid("", error.to_string())),
        Err(error @ SealedSecretsError::Length(_)) => Err(Problem::invalid("/value", error.to_string())),
        Err(SealedSecretsError::Store(error)) => Err(error.into()),
        Err(error) => {
            tracing::error!(%error, "a secret cannot be sealed");
            Err(Problem::new(Code::NotConfigured, "the host cannot keep secrets now"))
        }
    }
}

/// Remove a secret
#[utoipa::path(
    delete, path = "/secrets/{name}", tag = "keys and secrets",
    params(("name" = String, Path, description = "What documents call it")),
    responses((status = 204, description = "It is gone")),
)]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(name): Segment<String>,
) -> Result<StatusCode, Problem> {
    kept(&app)?.remove(app.owner(&caller)?, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
