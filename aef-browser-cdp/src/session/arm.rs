//! Setting a new session up before anything in it runs.

use std::sync::Arc;

use chromiumoxide_cdp::cdp::browser_protocol::emulation::{
    SetDeviceMetricsOverrideParams, SetFocusEmulationEnabledParams, SetGeolocationOverrideParams,
    SetLocaleOverrideParams, SetTimezoneOverrideParams, SetUserAgentOverrideParams,
};
use chromiumoxide_cdp::cdp::browser_protocol::fetch::{self, RequestPattern};
use chromiumoxide_cdp::cdp::browser_protocol::network::{
    self, Headers, ResourceType, SetExtraHttpHeadersParams,
};
use chromiumoxide_cdp::cdp::browser_protocol::page::{
    self, AddScriptToEvaluateOnNewDocumentParams, SetInterceptFileChooserDialogParams,
    SetLifecycleEventsEnabledParams,
};
use chromiumoxide_cdp::cdp::browser_protocol::security::SetIgnoreCertificateErrorsParams;
use chromiumoxide_cdp::cdp::browser_protocol::target::{CloseTargetParams, SetAutoAttachParams};
use chromiumoxide_cdp::cdp::js_protocol::runtime::{self, RunIfWaitingForDebuggerParams};
use chromiumoxide_types::Command;
use serde_json::value::RawValue;

use super::Context;
use super::policy::PRIVATE_PATTERNS;
use crate::connection::{Batch, DEFAULT_CALL_LIMIT, Link, Reply};
use crate::error::CdpError;
use crate::script;

/// What the browser may keep of answers for a client that asks for bodies; nobody does.
const BODY_BUFFER: i64 = 64 * 1024;

/// How far off a place on the earth may be, in metres.
const ACCURACY: f64 = 10.0;

/// Commands of one session on their way, written together.
struct Arming<'a> {
    batch: Batch<'a>,
    replies: Vec<Reply<Box<RawValue>>>,
}

impl Arming<'_> {
    fn add<C: Command>(&mut self, command: &C) -> Result<(), CdpError> {
        self.replies.push(self.batch.push_as(command)?);
        Ok(())
    }
}

impl Context {
    /// Sets a session up and lets its target run. A page that cannot be set up is closed: nothing in it would
    /// be watched.
    pub(super) async fn arm(self: &Arc<Self>, session: &Arc<str>, kind: &str, target: &str) {
        let link = self.link(session);
        let armed = match kind {
            "page" | "iframe" => self.arm_frame(&link, kind == "page").await,
            _ => arm_worker(&link).await,
        };
        match armed {
            Ok(()) => self.update(|state| {
                if let Some(tab) = state.tabs.iter_mut().find(|tab| tab.session == *session) {
                    tab.armed = true;
                }
            }),
            // The target is gone already, as short-lived frames are.
            Err(CdpError::Lost(_)) => {}
            Err(error) => {
                tracing::warn!(
                    kind,
                    error = &error as &dyn std::error::Error,
                    "closing a target that cannot be set up"
                );
                self.update(|state| state.setup_error = Some(error));
                self.browser.post(&CloseTargetParams::new(target.to_owned()));
            }
        }
    }

    async fn arm_frame(&self, link: &Link, is_page: bool) -> Result<(), CdpError> {
        let mut arming = Arming { batch: link.batch(), replies: Vec::new() };
        arming.add(&page::EnableParams::default())?;
        arming.add(&SetLifecycleEventsEnabledParams::new(true))?;
        // A browser with windows would open one that nobody answers.
        arming.add(&SetInterceptFileChooserDialogParams::new(true))?;
        arming.add(&network::EnableParams {
            max_total_buffer_size: Some(BODY_BUFFER),
            max_resource_buffer_size: Some(BODY_BUFFER),
            max_post_data_size: Some(0),
            ..network::EnableParams::default()
        })?;
        arming.add(&runtime::EnableParams::default())?;
        let mut engine = AddScriptToEvaluateOnNewDocumentParams::new(script::SOURCE);
        engine.world_name = Some(script::WORLD.to_owned());
        engine.run_immediately = Some(true);
        arming.add(&engine)?;
        let mut attach = SetAutoAttachParams::new(true, true);
        attach.flatten = Some(true);
        arming.add(&attach)?;
        arming.add(&fetch::EnableParams {
            patterns: Some(self.patterns()),
            handle_auth_requests: Some(self.options.config.credentials.is_some()),
        })?;
        self.add_identity(&mut arming)?;
        if is_page {
            self.add_page(&mut arming)?;
        }
        // Answers of a target that waits may come only once it runs, so it is let go in the same flush.
        arming.add(&RunIfWaitingForDebuggerParams::default())?;
        let Arming { batch, replies } = arming;
        batch.send(None)?;
        for reply in replies {
            reply.raw_within(DEFAULT_CALL_LIMIT).await?;
        }
        Ok(())
    }

    /// Who the pages say they are.
    fn add_identity(&self, arming: &mut Arming<'_>) -> Result<(), CdpError> {
        let config = &self.options.config;
        if config.user_agent.is_some() || config.locale.is_some() {
            let agent = config.user_agent.clone().unwrap_or_else(|| self.host.user_agent.clone());
            let mut identity = SetUserAgentOverrideParams::new(agent);
            identity.accept_language.clone_from(&config.locale);
            arming.add(&identity)?;
        }
        if !config.headers.is_empty() {
            let headers = serde_json::to_value(&config.headers)
                .map_err(|source| CdpError::malformed("Network.setExtraHTTPHeaders", source))?;
            arming.add(&SetExtraHttpHeadersParams::new(Headers::new(headers)))?;
        }
        Ok(())
    }

    fn add_page(&self, arming: &mut Arming<'_>) -> Result<(), CdpError> {
        let config = &self.options.config;
        let (width, height) = self.viewport();
        let scale = config.device_scale_factor.unwrap_or(1.0);
        arming.add(&SetDeviceMetricsOverrideParams::new(width, height, scale, false))?;
        // Else a tab in the background of a full browser stops its animation frames.
        arming.add(&SetFocusEmulationEnabledParams::new(true))?;
        if let Some(locale) = &config.locale {
            arming.add(&SetLocaleOverrideParams { locale: Some(locale.clone()) })?;
        }
        if let Some(zone) = &self.options.timezone {
            arming.add(&SetTimezoneOverrideParams::new(zone.clone()))?;
        }
        if let Some(place) = &config.geolocation {
            arming.add(&SetGeolocationOverrideParams {
                latitude: Some(place.latitude),
                longitude: Some(place.longitude),
                accuracy: Some(place.accuracy.unwrap_or(ACCURACY)),
                ..SetGeolocationOverrideParams::default()
            })?;
        }
        if config.ignore_https_errors {
            arming.add(&SetIgnoreCertificateErrorsParams::new(true))?;
        }
        Ok(())
    }

    fn patterns(&self) -> Vec<RequestPattern> {
        let pattern = |url: &str, resource_type| RequestPattern {
            url_pattern: Some(url.to_owned()),
            resource_type,
            request_stage: None,
        };
        if self.policy.is_strict() {
            return vec![pattern("*", None)];
        }
        let documents = pattern("*", Some(ResourceType::Document));
        std::iter::once(documents).chain(PRIVATE_PATTERNS.iter().map(|url| pattern(url, None))).collect()
    }
}

/// A worker's requests are seen on its own session only.
async fn arm_worker(link: &Link) -> Result<(), CdpError> {
    let mut batch = link.batch();
    let network = batch.push_as::<_, Box<RawValue>>(&network::EnableParams::default())?;
    let run = batch.push_as::<_, Box<RawValue>>(&RunIfWaitingForDebuggerParams::default())?;
    batch.send(None)?;
    if let Err(error) = network.raw_within(DEFAULT_CALL_LIMIT).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a worker's requests are not watched");
    }
    // Some kinds of targets know no debugger; they are not waiting either.
    let _ = run.raw_within(DEFAULT_CALL_LIMIT).await;
    Ok(())
}
