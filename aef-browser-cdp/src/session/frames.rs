//! Asking the script: in the right frame, in the document that stands there now.

use std::time::Duration;

use aef_core::browser::InputGate;
use aef_core::document::{Locator, OneOrMany, Target};
use aef_core::recovery::{ErrorKind, Failure};
use chromiumoxide_cdp::cdp::browser_protocol::dom::DescribeNodeParams;
use chromiumoxide_cdp::cdp::js_protocol::runtime::{
    CallArgument, CallFunctionOnParams, ReleaseObjectGroupParams,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Context;
use super::state::World;
use crate::connection::Link;
use crate::error::{CdpError, Fault};
use crate::script;

/// The longest wait inside a page. A frame that is suspended answers nothing, and a new call finds the new document.
const SLICE: Duration = Duration::from_secs(20);

/// How long a ranked list whose locators stand in different frames looks in one of them before the next.
const TURN: Duration = Duration::from_millis(250);

/// What the answer may take beyond the wait that was asked for.
const GRACE: Duration = Duration::from_millis(900);

/// The group of the handles that are given out during one action.
const HANDLES: &str = "aef-action";

/// A frame, and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct FrameRef {
    /// The script's world in it.
    pub(crate) world: World,
    /// The frames' elements from the outermost in, each in its parent's world.
    pub(crate) path: Vec<Hop>,
}

/// One step into a frame.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    /// The world that the element is in.
    pub(crate) world: World,
    /// The handle of the `iframe`.
    pub(crate) element: String,
}

/// What the script answered, and where.
#[derive(Debug)]
pub(crate) struct Found {
    /// The answer.
    pub(crate) value: Value,
    /// The frame that gave it.
    pub(crate) frame: FrameRef,
}

#[derive(Deserialize)]
struct Evaluated {
    result: Remote,
    #[serde(rename = "exceptionDetails")]
    exception: Option<Exception>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Remote {
    subtype: Option<String>,
    #[serde(default)]
    value: Value,
    object_id: Option<String>,
}

#[derive(Deserialize)]
struct Exception {
    text: String,
    exception: Option<ExceptionObject>,
}

#[derive(Deserialize)]
struct ExceptionObject {
    description: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    ok: Option<Value>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Described {
    node: DescribedNode,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribedNode {
    frame_id: Option<String>,
}

/// The locators of a target that look in the same frame, without the way to it.
#[derive(Debug, PartialEq)]
struct Group {
    chain: Vec<Locator>,
    locators: Vec<Locator>,
}

impl Context {
    /// Asks the script about a target (under `key` in the request) until it answers or the time is over.
    ///
    /// A document that goes away meanwhile is followed by the next one, in which the question is asked again. Where the
    /// answer prepares input, the page is told how long the gate stays open, and asked again when that is over: the lease
    /// may have been renewed by then.
    pub(crate) async fn ask(
        &self,
        operation: &str,
        key: &str,
        target: Option<&Target>,
        request: &Map<String, Value>,
        deadline: Instant,
        gate: Option<&InputGate>,
    ) -> Result<Found, CdpError> {
        let groups = target.map(groups).unwrap_or_default();
        let recorded =
            target.and_then(|target| target.as_slice().iter().find_map(|one| one.fingerprint.as_ref()));
        let slice = if groups.len() > 1 { TURN } else { SLICE };
        let mut turn = 0;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut request = request.clone();
            if let Some(fingerprint) = recorded {
                request.insert("fingerprint".into(), json!(fingerprint));
            }
            let chain = match groups.get(turn % groups.len().max(1)) {
                Some(group) => {
                    request.insert(key.to_owned(), json!(group.locators));
                    group.chain.as_slice()
                }
                None => &[],
            };
            let mut slice = slice;
            if let Some(gate) = gate {
                let open = gate.left();
                if open.is_zero() {
                    return Err(CdpError::GateClosed);
                }
                slice = slice.min(open);
                request.insert("gateMs".into(), json!(gate_ms(open)));
            }
            let until = deadline.min(Instant::now() + slice);
            let error = match self.ask_once(operation, request, chain, until).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            turn += 1;
            // What waited to the end of a slice that is not the last is asked again; any other answer stands.
            let may_change = error.is_document_gone()
                || (left > slice && (error.is_waiting() || matches!(error, CdpError::GateClosed)));
            if !may_change || Instant::now() >= deadline {
                return Err(error.or_timeout(operation));
            }
        }
    }

    /// Asks the script about the frame that a chain of locators leads to.
    pub(crate) async fn ask_in(
        &self,
        operation: &str,
        chain: &[Locator],
        request: &Map<String, Value>,
        deadline: Instant,
    ) -> Result<Found, CdpError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let until = deadline.min(Instant::now() + SLICE);
            let error = match self.ask_once(operation, request.clone(), chain, until).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            // What waited to the end of a slice that is not the last is asked again; any other answer stands.
            let may_change = error.is_document_gone() || (left > SLICE && error.is_waiting());
            if !may_change || Instant::now() >= deadline {
                return Err(error.or_timeout(operation));
            }
        }
    }

    async fn ask_once(
        &self,
        operation: &str,
        mut request: Map<String, Value>,
        chain: &[Locator],
        until: Instant,
    ) -> Result<Found, CdpError> {
        let frame = self.frame(chain, until).await?;
        let left = until.saturating_duration_since(Instant::now());
        request.insert("timeoutMs".into(), json!(left.as_millis().min(SLICE.as_millis()) as u64));
        let value = self.ask_world(&frame.world, operation, request, None, left + GRACE).await?;
        Ok(Found { value, frame })
    }

    /// Asks the script in one world, once. `element` is a handle of that world.
    pub(crate) async fn ask_world(
        &self,
        world: &World,
        operation: &str,
        mut request: Map<String, Value>,
        element: Option<&str>,
        limit: Duration,
    ) -> Result<Value, CdpError> {
        if let Some(attribute) = &self.options.config.test_id_attribute {
            request.insert("testIdAttribute".into(), json!(attribute));
        }
        let evaluated = self.call_script(world, operation, request, element, true, limit).await?;
        let answer: Answer = serde_json::from_value(evaluated.result.value)
            .map_err(|source| CdpError::malformed(operation, source))?;
        match answer {
            Answer { ok: Some(value), .. } => Ok(value),
            Answer { error: Some(fault), .. } if fault.kind == "lease_ended" => Err(CdpError::GateClosed),
            Answer { error: Some(fault), .. } => Err(CdpError::Fault(fault)),
            Answer { .. } => Ok(Value::Null),
        }
    }

    /// Finds an element and gives a handle of it.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        target: &Target,
        deadline: Instant,
    ) -> Result<(String, FrameRef), CdpError> {
        loop {
            let groups = groups(target);
            let group =
                groups.first().ok_or_else(|| CdpError::Fault(Fault::not_found("no locator is given")))?;
            let found = async {
                let frame = self.frame(&group.chain, deadline).await?;
                let element = self.element(&frame.world, operation, &group.locators, deadline).await?;
                Ok((element, frame))
            };
            match found.await {
                Err(error) if CdpError::is_document_gone(&error) && Instant::now() < deadline => {}
                result => return result,
            }
        }
    }

    /// Walks to the frame that a chain of locators names, from the main frame of the current tab.
    pub(crate) async fn frame(&self, chain: &[Locator], deadline: Instant) -> Result<FrameRef, CdpError> {
        let main = self.read(|state| state.current_tab().map(|tab| tab.target.clone()));
        let main = main.ok_or(CdpError::Lost(crate::error::Loss::PageClosed))?;
        let mut frame = FrameRef { world: self.world(&main, deadline).await?, path: Vec::new() };
        for locator in chain {
            let element =
                self.element(&frame.world, "resolveFrame", std::slice::from_ref(locator), deadline).await?;
            let object_id = Some(element.clone().into());
            let describe = DescribeNodeParams { object_id, ..DescribeNodeParams::default() };
            let left = deadline.saturating_duration_since(Instant::now()) + GRACE;
            let described: Described = self.link(&frame.world.session).call_as(&describe, left).await?;
            // The script finds nothing but frames: one without a document has been taken out since.
            let id = described.node.frame_id.ok_or_else(CdpError::frame_gone)?;
            let world = self.world(&id, deadline).await?;
            let hop = Hop { world: frame.world, element };
            frame.path.push(hop);
            frame.world = world;
        }
        Ok(frame)
    }

    /// Waits for the script's world in a frame; a frame that is being loaded gets it with its document.
    async fn world(&self, frame: &str, deadline: Instant) -> Result<World, CdpError> {
        // A moment even where the time is over, so that one look is always possible.
        let until = deadline.max(Instant::now() + Duration::from_millis(50));
        self.wait(until, |state| state.worlds.get(frame).cloned()).await?.ok_or_else(|| CdpError::Timeout {
            method: "the frame's document".into(),
            limit: until.saturating_duration_since(Instant::now()),
        })
    }

    async fn element(
        &self,
        world: &World,
        operation: &str,
        locators: &[Locator],
        deadline: Instant,
    ) -> Result<String, CdpError> {
        let left = deadline.saturating_duration_since(Instant::now()).min(SLICE);
        let mut request = Map::new();
        request.insert("locator".into(), json!(locators));
        request.insert("timeoutMs".into(), json!(left.as_millis() as u64));
        if let Some(attribute) = &self.options.config.test_id_attribute {
            request.insert("testIdAttribute".into(), json!(attribute));
        }
        let evaluated = self.call_script(world, operation, request, None, false, left + GRACE).await?;
        match evaluated.result {
            Remote { subtype: Some(subtype), object_id: Some(id), .. } if subtype == "node" => Ok(id),
            Remote { value: Value::String(text), .. } => {
                let answer: Answer =
                    serde_json::from_str(&text).map_err(|source| CdpError::malformed(operation, source))?;
                Err(CdpError::Fault(answer.error.unwrap_or_else(|| Fault::not_found("no element"))))
            }
            Remote { .. } => Err(CdpError::Fault(Fault::not_found("no element"))),
        }
    }

    async fn call_script(
        &self,
        world: &World,
        operation: &str,
        request: Map<String, Value>,
        element: Option<&str>,
        by_value: bool,
        limit: Duration,
    ) -> Result<Evaluated, CdpError> {
        let mut call = CallFunctionOnParams::new(script::CALL);
        call.unique_context_id = Some(world.id.to_string());
        call.await_promise = Some(true);
        call.return_by_value = Some(by_value);
        call.object_group = Some(HANDLES.to_owned());
        let mut arguments = vec![argument(json!(operation)), argument(Value::Object(request))];
        if let Some(element) = element {
            arguments
                .push(CallArgument { object_id: Some(element.to_owned().into()), ..CallArgument::default() });
        }
        call.arguments = Some(arguments);
        let link = self.link(&world.session);
        let evaluated = evaluate(&link, &call, limit).await?;
        // A world made before the script was installed, such as that of a frame without a document of its own.
        let is_bare = by_value && evaluated.result.value["error"]["reason"] == "not_installed"
            || evaluated.result.value.as_str().is_some_and(|text| text.contains("\"not_installed\""));
        if !is_bare {
            return Ok(evaluated);
        }
        let mut install = chromiumoxide_cdp::cdp::js_protocol::runtime::EvaluateParams::new(script::SOURCE);
        install.unique_context_id = Some(world.id.to_string());
        link.call_within(install, limit).await?;
        evaluate(&link, &call, limit).await
    }

    /// Lets go of the handles that were given out in a session.
    pub(crate) fn release_handles(&self, frame: &FrameRef) {
        for hop in &frame.path {
            self.link(&hop.world.session).post(&ReleaseObjectGroupParams::new(HANDLES));
        }
        self.link(&frame.world.session).post(&ReleaseObjectGroupParams::new(HANDLES));
    }
}

async fn evaluate(link: &Link, call: &CallFunctionOnParams, limit: Duration) -> Result<Evaluated, CdpError> {
    let evaluated: Evaluated = link.call_as(call, limit).await?;
    match evaluated.exception {
        Some(exception) => {
            let description = exception.exception.and_then(|object| object.description);
            let message = description.unwrap_or(exception.text);
            Err(CdpError::Page(Failure::new(ErrorKind::Internal, message).with_reason("exception")))
        }
        None => Ok(evaluated),
    }
}

/// The time for which input may reach the page, as the script takes it.
pub(crate) fn gate_ms(left: Duration) -> u64 {
    left.as_millis().min(u128::from(u32::MAX)) as u64
}

fn argument(value: Value) -> CallArgument {
    CallArgument { value: Some(value), ..CallArgument::default() }
}

/// Sorts a ranked list by the frames that its locators look in, in the order of their rank.
fn groups(target: &Target) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for locator in target.as_slice() {
        let mut bare = locator.clone();
        bare.fingerprint = None;
        let chain = bare.frame.take().map(|chain| chain.as_slice().to_vec()).unwrap_or_default();
        match groups.last_mut().filter(|group| group.chain == chain) {
            Some(group) => group.locators.push(bare),
            None => groups.push(Group { chain, locators: vec![bare] }),
        }
    }
    groups
}

/// The way to the frame of a target whose locators all look in the same one, and the target without it.
pub(crate) fn split_frame(target: &Target) -> (Vec<Locator>, Target) {
    let mut groups = groups(target);
    if groups.len() == 1 {
        let group = groups.remove(0);
        return (group.chain, OneOrMany::Many(group.locators));
    }
    (Vec::new(), target.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn css(selector: &str, frame: Option<&str>) -> Locator {
        Locator {
            css: Some(selector.to_owned()),
            frame: frame.map(|frame| Box::new(OneOrMany::One(css(frame, None)))),
            ..Locator::default()
        }
    }

    #[test]
    fn locators_of_one_frame_are_asked_together() {
        let target = OneOrMany::Many(vec![css("a", Some("#f")), css("b", Some("#f")), css("c", None)]);
        let groups = groups(&target);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].locators, [css("a", None), css("b", None)]);
        assert_eq!(groups[0].chain, [css("#f", None)]);
        assert!(groups[1].chain.is_empty());
    }
}
