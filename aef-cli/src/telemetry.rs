//! Traces for OpenTelemetry, sent over OTLP/HTTP where the environment names a collector.

use std::env;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

/// What the service is called, unless `OTEL_SERVICE_NAME` calls it something else.
const SERVICE: &str = "aef";

/// Which spans are sent: those of the engine, from an execution down to its actions.
const SPANS: &str = "off,aef=info,aef_core=info";

/// Traces under way. What is not sent yet is sent when this is dropped.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to send, where `OTEL_EXPORTER_OTLP_ENDPOINT` or its variant for traces names a collector; `OTEL_SDK_DISABLED`
    /// keeps it from doing so. The other variables of OpenTelemetry hold as they are specified.
    ///
    /// # Errors
    /// Where the collector's address cannot be used.
    pub(crate) fn begin() -> Result<Option<Self>, ExporterBuildError> {
        let named = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
        let disabled = env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        if disabled || named.iter().all(|name| env::var_os(name).is_none_or(|value| value.is_empty())) {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().build()?;
        let mut resource = Resource::builder();
        if env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(SERVICE);
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Some(Self(provider)))
    }

    /// What makes traces of spans.
    pub(crate) fn layer<S>(&self) -> impl Layer<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer().with_tracer(self.0.tracer(SERVICE)).with_filter(EnvFilter::new(SPANS))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}
