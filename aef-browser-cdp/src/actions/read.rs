//! Reading: conditions, waiting, extracting, and scripts where they are allowed.

use std::time::Duration;

use aef_core::browser::{ConditionResult, Effect, Observation, ObserveRequest};
use aef_core::document::{Condition, Evaluate, Extract, Target, Templated, Verify, WaitFor, WaitUntil};
use aef_core::recovery::{ErrorKind, Failure};
use chromiumoxide_cdp::cdp::js_protocol::runtime::EvaluateParams;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::navigate::{network_idle, wait_until};
use super::{Acting, PageInfo};
use crate::error::CdpError;
use crate::session::{Context, split_frame};

/// How often conditions that look into frames are looked at again.
const POLL: Duration = Duration::from_millis(100);

/// What one look takes at most where no time is given to wait.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize)]
struct Observed {
    holds: bool,
    results: Vec<ConditionResult>,
    #[serde(default)]
    page: PageInfo,
}

#[derive(Deserialize)]
struct Scripted {
    result: ScriptResult,
    #[serde(rename = "exceptionDetails")]
    exception: Option<Value>,
}

#[derive(Deserialize)]
struct ScriptResult {
    #[serde(default)]
    value: Value,
}

impl Context {
    /// Answers conditions: once, or until all hold.
    pub(crate) async fn observe(&self, request: &ObserveRequest) -> Result<Observation, CdpError> {
        let own = request.conditions.iter().filter_map(Condition::timeout).map(|span| span.0).max();
        let deadline = Instant::now() + request.timeout.max(own.unwrap_or_default());
        let tab = self.read(|state| state.current.clone());
        self.await_document(&tab, deadline.max(Instant::now() + LOOK_LIMIT)).await?;
        self.look(&request.conditions, deadline).await
    }

    /// Looks at conditions until all hold or the deadline has come; the last look is the answer.
    pub(crate) async fn look(
        &self,
        conditions: &[Condition],
        deadline: Instant,
    ) -> Result<Observation, CdpError> {
        let asked: Vec<Value> = conditions.iter().map(in_script).collect();
        let in_frames = asked.iter().any(looks_into_frame);
        loop {
            let conditions = if in_frames { self.answer_frames(&asked).await? } else { asked.clone() };
            let mut request = Map::new();
            request.insert("conditions".into(), json!(conditions));
            request.insert("poll".into(), json!(!in_frames));
            let until = if in_frames { Instant::now() } else { deadline };
            let observed = self.observed(&request, until).await?;
            if observed.holds || Instant::now() >= deadline {
                return Ok(self.observation(observed));
            }
            if in_frames {
                tokio::time::sleep(POLL.min(deadline.saturating_duration_since(Instant::now()))).await;
            }
        }
    }

    async fn observed(&self, request: &Map<String, Value>, until: Instant) -> Result<Observed, CdpError> {
        match self.ask("observe", "", None, request, until.max(Instant::now() + POLL), None).await {
            Ok(found) => {
                serde_json::from_value(found.value).map_err(|source| CdpError::malformed("observe", source))
            }
            Err(error @ CdpError::Lost(_)) => Err(error),
            // A page that cannot be asked satisfies nothing, and says why.
            Err(error) => {
                let count = request["conditions"].as_array().map_or(0, Vec::len);
                let result = ConditionResult { holds: false, detail: error.failure().message };
                Ok(Observed { holds: false, results: vec![result; count], page: PageInfo::default() })
            }
        }
    }

    fn observation(&self, observed: Observed) -> Observation {
        let url = self.read(|state| state.current_tab().map(|tab| tab.page.url.clone()));
        Observation {
            results: observed.results,
            url: if observed.page.url.is_empty() { url.unwrap_or_default() } else { observed.page.url },
            title: observed.page.title,
        }
    }

    /// Answers the conditions that look into frames there, and puts the answers in their place.
    async fn answer_frames(&self, conditions: &[Value]) -> Result<Vec<Value>, CdpError> {
        let mut answered = Vec::with_capacity(conditions.len());
        for condition in conditions {
            answered.push(Box::pin(self.answer_frame(condition)).await?);
        }
        Ok(answered)
    }

    async fn answer_frame(&self, condition: &Value) -> Result<Value, CdpError> {
        if !looks_into_frame(condition) {
            return Ok(condition.clone());
        }
        for key in ["all", "any"] {
            if let Some(inner) = condition.get(key).and_then(Value::as_array) {
                return Ok(json!({ key: self.answer_frames(inner).await? }));
            }
        }
        if let Some(inner) = condition.get("not") {
            let inner = Box::pin(self.answer_frame(inner)).await?;
            return Ok(json!({ "not": inner }));
        }
        let Some((target, leaf)) = target_of(condition) else { return Ok(condition.clone()) };
        let (chain, bare) = split_frame(&target);
        let deadline = Instant::now() + POLL;
        let looked = async {
            let frame = self.frame(&chain, deadline).await?;
            let mut request = Map::new();
            request.insert("conditions".into(), json!([leaf(&bare)]));
            let value = self.ask_world(&frame.world, "observe", request, None, LOOK_LIMIT).await?;
            self.release_handles(&frame);
            serde_json::from_value::<Observed>(value).map_err(|source| CdpError::malformed("observe", source))
        };
        match looked.await {
            Ok(observed) => {
                let result = observed.results.into_iter().next();
                let (holds, detail) =
                    result.map_or((false, String::new()), |result| (result.holds, result.detail));
                Ok(json!({ "const": holds, "detail": detail }))
            }
            Err(error @ CdpError::Lost(_)) => Err(error),
            // What stands in a frame that is not there is hidden, and nothing else.
            Err(error) => {
                let holds = condition.get("hidden").is_some();
                Ok(json!({ "const": holds, "detail": error.failure().message }))
            }
        }
    }
}

impl Acting {
    pub(super) async fn verify(&mut self, verify: &Verify) -> Result<(), CdpError> {
        let observation = self.context.look(&verify.conditions, self.deadline).await?;
        let failed: Vec<String> = observation
            .results
            .iter()
            .enumerate()
            .filter(|(_, result)| !result.holds)
            .map(|(index, result)| format!("condition {}: {}", index + 1, result.detail))
            .collect();
        self.page = Some(PageInfo { url: observation.url, title: observation.title });
        if failed.is_empty() {
            return Ok(());
        }
        if verify.soft {
            self.note("verification_failed", failed.join("; "));
            return Ok(());
        }
        Err(CdpError::Page(Failure::new(ErrorKind::VerificationFailed, failed.join("; "))))
    }

    pub(super) async fn wait_for(&mut self, wait: &WaitFor) -> Result<(), CdpError> {
        if let Some(condition) = &wait.condition {
            let observation = self.context.look(std::slice::from_ref(condition), self.deadline).await?;
            let unmet =
                observation.results.iter().find(|result| !result.holds).map(|result| result.detail.clone());
            self.page = Some(PageInfo { url: observation.url, title: observation.title });
            return match unmet {
                Some(detail) => Err(CdpError::Page(
                    Failure::new(ErrorKind::Timeout, format!("waited in vain: {detail}"))
                        .with_reason("condition"),
                )),
                None => Ok(()),
            };
        }
        if let Some(load) = wait.load {
            return self.wait_for_load(load).await;
        }
        if let Some(Templated::Value(duration)) = &wait.duration {
            // Within the timeout all the same: nothing waits longer than it was given.
            if duration.0 > self.left() {
                let message = "the wait is longer than the action's timeout";
                return Err(CdpError::Page(
                    Failure::new(ErrorKind::Timeout, message).with_reason("duration"),
                ));
            }
            let until = Instant::now() + duration.0;
            // The wait ends early only with the session.
            self.context.wait(until, |_| None::<()>).await?;
        }
        Ok(())
    }

    async fn wait_for_load(&mut self, load: WaitUntil) -> Result<(), CdpError> {
        let tab = self.tab.clone();
        if load == WaitUntil::NetworkIdle {
            if network_idle(&self.context, &tab, self.deadline).await? {
                return Ok(());
            }
            let message = "the network did not become idle in time";
            return Err(CdpError::Page(
                Failure::new(ErrorKind::Timeout, message).with_reason("network_idle"),
            ));
        }
        let has_document =
            self.context.read(|state| state.tab(&tab).is_some_and(|tab| tab.page.arrivals > 0));
        if has_document
            && let Some((code, message)) = wait_until(&self.context, &tab, Some(load), self.deadline).await?
        {
            self.note(code, message);
        }
        Ok(())
    }

    pub(super) async fn extract(&mut self, extract: &Extract) -> Result<(), CdpError> {
        let mut spec =
            serde_json::to_value(extract).map_err(|source| CdpError::malformed("extract", source))?;
        // The document's own fields that the script does not read.
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("as");
            spec.remove("schema");
        }
        let mut chain = Vec::new();
        for key in ["list", "target"] {
            let Some(target) = spec.get(key).cloned() else { continue };
            let target: Target =
                serde_json::from_value(target).map_err(|source| CdpError::malformed("extract", source))?;
            let (frames, bare) = split_frame(&target);
            chain = if chain.is_empty() { frames } else { chain };
            spec[key] = json!(bare);
        }
        let mut request = Map::new();
        request.insert("spec".into(), spec);
        let found = self.context.ask_in("extract", &chain, &request, self.deadline).await?;
        self.context.release_handles(&found.frame);
        self.value = Some(found.value["value"].clone());
        Ok(())
    }

    /// Runs a script of the document in the page's own world.
    pub(super) async fn evaluate(&mut self, evaluate: &Evaluate) -> Result<(), CdpError> {
        if !self.context.policy.allows_evaluate() {
            let message = "this host does not allow `evaluate`";
            return Err(CdpError::Page(
                Failure::new(ErrorKind::Policy, message).with_reason("evaluate_refused"),
            ));
        }
        self.require_open_gate()?;
        let args = json!(evaluate.args);
        let mut params =
            EvaluateParams::new(format!("(async (args) => {{\n{}\n}})({args})", evaluate.script));
        params.await_promise = Some(true);
        params.return_by_value = Some(true);
        params.user_gesture = Some(true);
        self.effect = Effect::Possible;
        let scripted: Scripted = match self.context.page_link()?.call_as(&params, self.left()).await {
            // A script that leaves the page has no result.
            Err(error) if error.is_document_gone() => return self.follow_navigation(None).await,
            other => other?,
        };
        if let Some(exception) = scripted.exception {
            let description = exception["exception"]["description"].as_str().or(exception["text"].as_str());
            let message =
                description.unwrap_or("the script threw").lines().next().unwrap_or_default().to_owned();
            return Err(CdpError::Page(Failure::new(ErrorKind::Script, message)));
        }
        self.value = Some(scripted.result.value);
        self.follow_navigation(None).await
    }
}

/// A condition in the script's words: constants have a name there.
fn in_script(condition: &Condition) -> Value {
    match condition {
        Condition::Constant(value) => json!({ "const": value }),
        // Expressions are evaluated before a driver sees them; one that was not holds nowhere.
        Condition::Expression(text) => {
            json!({ "const": false, "detail": format!("`{text}` was not evaluated") })
        }
        Condition::Page(page) => {
            let mut value = json!(page);
            for (key, inner) in [("all", &page.all), ("any", &page.any)] {
                if let Some(inner) = inner {
                    value[key] = inner.iter().map(in_script).collect();
                }
            }
            if let Some(inner) = &page.not {
                value["not"] = in_script(inner);
            }
            if let Some(object) = value.as_object_mut() {
                object.remove("timeout");
            }
            value
        }
    }
}

fn looks_into_frame(condition: &Value) -> bool {
    match condition {
        Value::Object(object) => object.contains_key("frame") || object.values().any(looks_into_frame),
        Value::Array(items) => items.iter().any(looks_into_frame),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The target of a single condition, and how to write the condition with another one.
fn target_of(condition: &Value) -> Option<(Target, impl Fn(&Target) -> Value)> {
    let (key, test) = condition.as_object()?.iter().next()?;
    let nested = test.get("target").is_some();
    let target = if nested { test["target"].clone() } else { test.clone() };
    let target = serde_json::from_value(target).ok()?;
    let (key, test) = (key.clone(), test.clone());
    Some((target, move |bare: &Target| {
        let mut test = test.clone();
        if nested {
            test["target"] = json!(bare);
        } else {
            test = json!(bare);
        }
        json!({ &key: test })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(value: Value) -> Value {
        in_script(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn constants_get_a_name_at_every_depth() {
        let written =
            json!({ "all": [true, { "not": false }, { "url": { "contains": "x" } }], "timeout": 2 });
        let expected = json!({ "all": [{ "const": true }, { "not": { "const": false } }, { "url": { "contains": "x" } }] });
        assert_eq!(condition(written), expected);
    }

    #[test]
    fn the_target_of_a_condition_is_found_and_replaced() {
        let written =
            condition(json!({ "text": { "target": { "css": "p", "frame": { "css": "#f" } }, "equals": 1 } }));
        assert!(looks_into_frame(&written));
        let (target, leaf) = target_of(&written).unwrap();
        let (chain, bare) = split_frame(&target);
        assert_eq!(chain.len(), 1);
        assert_eq!(leaf(&bare), json!({ "text": { "target": [{ "css": "p" }], "equals": 1 } }));
    }
}
