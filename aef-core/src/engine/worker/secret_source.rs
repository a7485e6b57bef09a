//! The secrets of one action.

use std::sync::Arc;

use async_trait::async_trait;

use minijinja::Value;
use minijinja::value::Serde;

use super::super::Inner;
use super::super::error::EngineError;
use super::super::given::Given;
use super::super::policy::origin_allowed;
use crate::browser::SecretSource;
use crate::ids::{DocumentId, ExecutionId, OwnerId, StepId};
use crate::plan::{Names, Plan, Scope};
use crate::secrets::{SecretError, SecretProvider, SecretRequest, SecretString};

/// A declared secret and where it may be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeclaredSecret {
    pub(super) name: String,
    /// `None` where the document names none: then it is wherever the browser may go.
    pub(super) origins: Option<Vec<String>>,
    /// Whether a person gives it in a form, rather than the host.
    pub(super) given: bool,
}

/// The secrets that a plan declares, their origins rendered with the inputs of this execution.
pub(super) async fn declared_by(
    engine: &Inner,
    plan: &Plan,
    execution: ExecutionId,
) -> Result<Arc<[DeclaredSecret]>, EngineError> {
    let asked = plan.settings.given.keys().map(|name| DeclaredSecret {
        name: name.clone(),
        origins: None,
        given: true,
    });
    if plan.settings.secrets.is_empty() {
        return Ok(asked.collect());
    }
    let inputs = Value::from(Serde(&*engine.inputs_of(execution).await?));
    let scope: Scope = Arc::new(Inputs { inputs, timezone: plan.settings.timezone.clone() });
    let declared = plan.settings.secrets.iter().map(|secret| {
        let name = secret.declaration.name.clone();
        let named = !secret.declaration.origins.is_empty();
        let origins = named.then(|| match secret.origins.render(&scope) {
            Ok(rendered) => serde_json::from_value(rendered).unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, secret = name, "it may be entered nowhere: its origins are not known");
                Vec::new()
            }
        });
        DeclaredSecret { name, origins, given: false }
    });
    Ok(declared.chain(asked).collect())
}

/// The names that origins may use.
#[derive(Debug)]
struct Inputs {
    inputs: Value,
    timezone: String,
}

impl Names for Inputs {
    fn lookup(&self, name: &str) -> Option<Value> {
        (name == "inputs").then(|| self.inputs.clone())
    }

    fn timezone(&self) -> &str {
        &self.timezone
    }
}

/// Gives secrets to one action: those that its document declares, on the origins that it names.
#[derive(Debug)]
pub(super) struct BoundSecrets {
    pub(super) provider: Option<Arc<dyn SecretProvider>>,
    pub(super) given: Given,
    pub(super) execution: ExecutionId,
    pub(super) owner: OwnerId,
    pub(super) document: DocumentId,
    pub(super) step: StepId,
    pub(super) declared: Arc<[DeclaredSecret]>,
}

#[async_trait]
impl SecretSource for BoundSecrets {
    async fn reveal(&self, name: &str, origin: &str) -> Result<SecretString, SecretError> {
        let missing = |help: &str| SecretError::Missing { name: name.to_owned(), help: help.to_owned() };
        let declared = self.declared.iter().find(|secret| secret.name == name);
        let declared = declared.ok_or_else(|| missing("the document does not declare it"))?;
        if !origin_allowed(declared.origins.as_deref().unwrap_or_default(), origin) {
            return Err(SecretError::OriginRefused { name: name.to_owned(), origin: origin.to_owned() });
        }
        if declared.given {
            let given = self.given.get(self.execution, name);
            return given.ok_or_else(|| SecretError::NotGiven { name: name.to_owned() });
        }
        let provider = self.provider.as_ref().ok_or_else(|| missing("the host gives no secrets"))?;
        let request = SecretRequest {
            owner: self.owner.clone(),
            document: self.document.clone(),
            step: self.step.clone(),
            name: name.to_owned(),
            origin: Some(origin.to_owned()),
        };
        provider.resolve(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::{ExposeSecret, MapSecrets};

    fn source() -> BoundSecrets {
        let declared = DeclaredSecret {
            name: "pin".into(),
            origins: Some(vec!["https://crm.example".into()]),
            given: false,
        };
        BoundSecrets {
            provider: Some(Arc::new(MapSecrets::default().with("pin", "1234").with("other", "5678"))),
            given: Given::default(),
            execution: ExecutionId::generate(),
            owner: "me".into(),
            document: "doc".into(),
            step: "log_in".into(),
            declared: Arc::from([declared]),
        }
    }

    #[tokio::test]
    async fn a_secret_is_revealed_only_where_the_document_says() {
        let source = source();
        let pin = source.reveal("pin", "https://crm.example").await.unwrap();
        assert_eq!(pin.expose_secret(), "1234");
        let elsewhere = source.reveal("pin", "https://evil.example").await.unwrap_err();
        assert!(matches!(elsewhere, SecretError::OriginRefused { .. }), "{elsewhere}");
        let undeclared = source.reveal("other", "https://crm.example").await.unwrap_err();
        assert!(matches!(undeclared, SecretError::Missing { .. }), "{undeclared}");
    }
}
