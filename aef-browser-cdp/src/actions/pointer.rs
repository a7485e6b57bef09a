//! The pointer: click, hover, check and drag.

use std::time::Duration;

use aef_core::browser::Effect;
use aef_core::document::{Click, Drag, DragPoint, Hover, Modifier, MouseButton, Point, Target, WaitUntil};
use chromiumoxide_cdp::cdp::browser_protocol::input::{
    self, DispatchMouseEventParams, DispatchMouseEventType, SetInterceptDragsParams,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{Acting, Place, Prepared, fault};
use crate::connection::{Link, Reply};
use crate::error::CdpError;
use crate::session::{FrameRef, World};

/// How often a click that another element would have got is tried again before it is given up.
const MOVES: u32 = 5;

/// How long the check of a switched box may take.
const STATE_LIMIT_MS: u64 = 1000;

/// What the interceptor saw of the input.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    #[serde(default)]
    received: u64,
    #[serde(default)]
    passed: u64,
    #[serde(default)]
    swallowed: bool,
    swallow_reason: Option<String>,
    other: Option<String>,
    /// Whether the button went down.
    #[serde(default)]
    pressed: bool,
    /// Whether it did not come up then.
    #[serde(default)]
    held: bool,
}

impl Verdict {
    /// Whether some of the input came when the lease was over.
    fn is_late(&self) -> bool {
        self.swallow_reason.as_deref() == Some("late")
    }
}

/// Interceptors on the way from a frame to the one that input is sent to.
struct Armed {
    point: Place,
    gates: Vec<(World, String)>,
}

/// One press of a button.
#[derive(Debug, Clone, Copy)]
struct Press {
    button: MouseButton,
    count: u8,
    modifiers: i64,
}

/// What is held down while something is dragged.
const DRAGGING: Press = Press { button: MouseButton::Left, count: 1, modifiers: 0 };

/// The pointer in one session's coordinates.
struct Pointer {
    link: Link,
    modifiers: i64,
}

impl Acting {
    pub(super) async fn click(&mut self, click: &Click) -> Result<(), CdpError> {
        let press = Press {
            button: click.button.unwrap_or_default(),
            count: click.count.unwrap_or(1).clamp(1, 3),
            modifiers: modifier_bits(&click.modifiers),
        };
        let action = if press.count == 2 { "dblclick" } else { "click" };
        let extra = pointer_request(click.position, click.force);
        self.press_on(action, &click.target, extra, press, click.force).await?;
        self.follow_navigation(click.wait_until).await
    }

    /// One click of the left button, and nothing behind it.
    pub(super) async fn click_plainly(&mut self, target: &Target) -> Result<(), CdpError> {
        let press = Press { button: MouseButton::Left, count: 1, modifiers: 0 };
        self.press_on("click", target, Map::new(), press, false).await
    }

    pub(super) async fn check(&mut self, target: &Target, action: &str) -> Result<(), CdpError> {
        let press = Press { button: MouseButton::Left, count: 1, modifiers: 0 };
        self.press_on(action, target, Map::new(), press, false).await?;
        self.follow_navigation(None::<WaitUntil>).await
    }

    pub(super) async fn hover(&mut self, hover: &Hover) -> Result<(), CdpError> {
        let extra = pointer_request(hover.position, hover.force);
        let (prepared, found) = self.prepare("hover", Some(&hover.target), extra).await?;
        let armed = self.map_point(&prepared, &found.frame, false).await?;
        let pointer = Pointer {
            link: self.context.link(&found.frame.world.session),
            modifiers: modifier_bits(&hover.modifiers),
        };
        let moved = pointer.event(DispatchMouseEventType::MouseMoved, armed.point, None, 0);
        self.send(&pointer.link, &[moved]).await?;
        self.verdict(&found.frame.world, prepared.token.as_deref()).await?;
        self.context.release_handles(&found.frame);
        self.follow_navigation(None).await
    }

    /// Prepares, presses and looks at the verdict, until the right element has got the input.
    async fn press_on(
        &mut self,
        action: &str,
        target: &Target,
        mut extra: Map<String, Value>,
        press: Press,
        force: bool,
    ) -> Result<(), CdpError> {
        loop {
            let (prepared, found) = self.prepare(action, Some(target), extra.clone()).await?;
            if prepared.done {
                self.context.release_handles(&found.frame);
                return Ok(());
            }
            let armed = self.map_point(&prepared, &found.frame, true).await?;
            let link = self.context.link(&found.frame.world.session);
            let pointer = Pointer { link, modifiers: press.modifiers };
            let events = pointer.click(armed.point, press);
            let answered = self.answered();
            self.send(&pointer.link, &events).await?;
            let verdict = self.verdict(&found.frame.world, prepared.token.as_deref()).await?;
            let missed = self.disarm(&armed).await?;
            self.context.release_handles(&found.frame);
            let Some(verdict) = verdict else { return Ok(()) };
            if verdict.passed == 0 && (verdict.swallowed || missed) {
                self.effect = Effect::None;
                if verdict.is_late() {
                    // The lease that ran out in the page may have been renewed.
                    if self.gate.is_shut() || Instant::now() >= self.deadline {
                        return Err(CdpError::GateClosed);
                    }
                    continue;
                }
                // It moves, whatever the page looked like.
                extra.insert("cautious".into(), json!(true));
                let covering = verdict.other.unwrap_or_else(|| "another element".to_owned());
                if Instant::now() < self.deadline {
                    continue;
                }
                let message = format!("{covering} took its place when it was to be clicked");
                return Err(fault("not_actionable", "covered", message));
            }
            if verdict.is_late() {
                return Err(CdpError::GateClosed);
            }
            let is_frame = prepared.fingerprint.get("tag").is_some_and(|tag| tag == "iframe");
            if verdict.held {
                self.release(&pointer, armed.point, press).await?;
                if matches!(action, "check" | "uncheck") && Instant::now() < self.deadline {
                    // Nobody has looked yet what came of it.
                    continue;
                }
            }
            let is_unpressed = !verdict.pressed && !force && !is_frame && !self.has_happened();
            let is_lost = is_unpressed && verdict.received == 0;
            if is_unpressed && self.has_been_asked(answered) && Instant::now() < self.deadline {
                // While a dialog stands, the browser lets no input through, and nobody hears of it. The end of a click
                // without its beginning does nothing.
                if is_lost {
                    self.effect = Effect::None;
                }
                continue;
            }
            if is_lost {
                let message = "the click went to another frame that lies above the element";
                return Err(fault("not_actionable", "covered", message));
            }
            return Ok(());
        }
    }

    /// Lets go of a button whose release a dialog has swallowed, which the page would else take for held down; and again
    /// where there was another dialog meanwhile.
    async fn release(&mut self, pointer: &Pointer, place: Place, press: Press) -> Result<(), CdpError> {
        loop {
            let answered = self.answered();
            self.send(&pointer.link, &[pointer.release(place, press)]).await?;
            if !self.has_been_asked(answered) || Instant::now() >= self.deadline {
                return Ok(());
            }
        }
    }

    /// How many dialogs have been answered so far.
    fn answered(&self) -> u64 {
        self.context.read(|state| state.answered)
    }

    /// Whether a dialog has stood since so many had been answered.
    fn has_been_asked(&self, answered: u64) -> bool {
        self.context.read(|state| state.asked) > answered
    }

    /// Whether something shows that the input arrived although no event was seen.
    fn has_happened(&self) -> bool {
        self.context.read(|state| !state.record.navigations.is_empty() || !state.record.popups.is_empty())
    }

    /// Turns a point of a frame into one of the frame that input for its session is counted from.
    async fn map_point(&self, prepared: &Prepared, frame: &FrameRef, arm: bool) -> Result<Armed, CdpError> {
        let point = prepared
            .point
            .ok_or_else(|| fault("internal", "exception", "no point was prepared for the pointer"))?;
        let mut armed = Armed { point, gates: Vec::new() };
        for hop in frame.path.iter().rev().take_while(|hop| hop.world.session == frame.world.session) {
            let mut request = Map::new();
            request.insert("point".into(), json!({ "x": armed.point.x, "y": armed.point.y }));
            request.insert("arm".into(), json!(arm));
            request.insert("gateMs".into(), json!(self.gate_ms()));
            let limit = self.left() + Duration::from_millis(500);
            request.insert("timeoutMs".into(), json!(self.left().as_millis().min(20_000) as u64));
            let mapped =
                self.context.ask_world(&hop.world, "mapPoint", request, Some(&hop.element), limit).await?;
            armed.point = serde_json::from_value(mapped["point"].clone())
                .map_err(|source| CdpError::malformed("mapPoint", source))?;
            if let Some(token) = mapped["token"].as_str() {
                armed.gates.push((hop.world.clone(), token.to_owned()));
            }
        }
        Ok(armed)
    }

    /// Takes the outer interceptors away; true where one of them kept the input from the wrong element.
    async fn disarm(&mut self, armed: &Armed) -> Result<bool, CdpError> {
        let mut missed = false;
        for (world, token) in &armed.gates {
            missed |= self.verdict(world, Some(token)).await?.is_some_and(|verdict| verdict.swallowed);
        }
        Ok(missed)
    }

    /// Sends pointer events in one flush and waits until the page has taken them.
    async fn send(&mut self, link: &Link, events: &[DispatchMouseEventParams]) -> Result<(), CdpError> {
        self.keep_gate_open().await?;
        let mut batch = link.batch();
        let replies: Vec<Reply<_>> =
            events.iter().map(|event| batch.push(event)).collect::<Result<_, _>>()?;
        self.send_input(batch, replies).await
    }

    async fn verdict(&mut self, world: &World, token: Option<&str>) -> Result<Option<Verdict>, CdpError> {
        let Some(token) = token else { return Ok(None) };
        let mut request = Map::new();
        request.insert("token".into(), json!(token));
        request.insert("timeoutMs".into(), json!(STATE_LIMIT_MS));
        match self.ask_again(world, "verdict", request).await? {
            Some(value) => {
                self.saw_page(&value);
                serde_json::from_value(value)
                    .map(Some)
                    .map_err(|source| CdpError::malformed("verdict", source))
            }
            None => Ok(None),
        }
    }

    pub(super) async fn drag(&mut self, drag: &Drag) -> Result<(), CdpError> {
        let (from, position) = ends(&drag.from);
        let (prepared, found) = self.prepare("drag", Some(from), pointer_request(position, false)).await?;
        let start = self.map_point(&prepared, &found.frame, false).await?.point;
        let pointer = Pointer { link: self.context.link(&found.frame.world.session), modifiers: 0 };
        // The browser would run the drag itself and wait for a real pointer; so it hands it over instead.
        pointer.link.call_within(SetInterceptDragsParams::new(true), self.left()).await?;
        self.context.update(|state| state.intercepted_drag = None);
        let dragged = self.drag_from(&pointer, start, drag).await;
        pointer.link.post(&SetInterceptDragsParams::new(false));
        let end = dragged?;
        let verdict = self.verdict(&found.frame.world, prepared.token.as_deref()).await?;
        self.context.release_handles(&found.frame);
        if let Some(verdict) = verdict.filter(|verdict| verdict.swallowed) {
            if verdict.passed == 0 {
                self.effect = Effect::None;
            }
            if verdict.is_late() {
                return Err(CdpError::GateClosed);
            }
            return Err(fault(
                "not_actionable",
                "covered",
                "another element took the place of what was to be dragged",
            ));
        }
        tracing::trace!(x = end.x, y = end.y, "dragged");
        self.follow_navigation(None).await
    }

    async fn drag_from(&mut self, pointer: &Pointer, start: Place, drag: &Drag) -> Result<Place, CdpError> {
        let press = [
            pointer.event(DispatchMouseEventType::MouseMoved, start, None, 0),
            pointer.event(DispatchMouseEventType::MousePressed, start, Some(MouseButton::Left), 1),
        ];
        self.send(&pointer.link, &press).await?;
        let mut at = start;
        for stop in drag.via.iter().chain([&drag.to]) {
            let (target, position) = ends(stop);
            let found = self.prepare("drop", Some(target), pointer_request(position, false)).await;
            // The button is down: whatever happens now, it must come up again.
            let next = match found {
                Ok((prepared, found)) => {
                    self.map_point(&prepared, &found.frame, false).await.map(|armed| armed.point)
                }
                Err(error) => Err(error),
            };
            match next {
                Ok(next) => {
                    self.glide(pointer, at, next, drag.moves.unwrap_or(MOVES)).await?;
                    at = next;
                }
                Err(error) => {
                    self.send(&pointer.link, &[pointer.release(at, DRAGGING)]).await?;
                    return Err(error);
                }
            }
        }
        self.drop_at(pointer, at).await?;
        self.send(&pointer.link, &[pointer.release(at, DRAGGING)]).await?;
        Ok(at)
    }

    async fn glide(&mut self, pointer: &Pointer, from: Place, to: Place, moves: u32) -> Result<(), CdpError> {
        let moves = moves.clamp(1, 100);
        for step in 1..=moves {
            let part = f64::from(step) / f64::from(moves);
            let place = Place { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
            let mut event =
                pointer.event(DispatchMouseEventType::MouseMoved, place, Some(MouseButton::Left), 0);
            event.buttons = Some(1);
            self.send(&pointer.link, &[event]).await?;
        }
        Ok(())
    }

    /// Performs the drop of a drag that the page declared by `draggable`; others end with the button.
    async fn drop_at(&mut self, pointer: &Pointer, at: Place) -> Result<(), CdpError> {
        self.context.catch_up().await?;
        let Some(data) = self.context.read(|state| state.intercepted_drag.clone()) else { return Ok(()) };
        for kind in ["dragEnter", "dragOver", "drop"] {
            let params = json!({ "type": kind, "x": at.x, "y": at.y, "data": data });
            let mut batch = pointer.link.batch();
            let reply = batch.push_raw("Input.dispatchDragEvent", &params)?;
            batch.send(Some(self.gate.clone()))?;
            reply.raw_within(self.left()).await?;
        }
        Ok(())
    }
}

impl Pointer {
    fn event(
        &self,
        kind: DispatchMouseEventType,
        place: Place,
        button: Option<MouseButton>,
        count: u8,
    ) -> DispatchMouseEventParams {
        let mut event = DispatchMouseEventParams::new(kind, place.x, place.y);
        event.modifiers = Some(self.modifiers);
        event.button = button.map(protocol_button);
        event.click_count = (count > 0).then_some(i64::from(count));
        event
    }

    fn click(&self, place: Place, press: Press) -> Vec<DispatchMouseEventParams> {
        let mut events = vec![self.event(DispatchMouseEventType::MouseMoved, place, None, 0)];
        for count in 1..=press.count {
            for kind in [DispatchMouseEventType::MousePressed, DispatchMouseEventType::MouseReleased] {
                events.push(self.event(kind, place, Some(press.button), count));
            }
        }
        events
    }

    fn release(&self, place: Place, press: Press) -> DispatchMouseEventParams {
        self.event(DispatchMouseEventType::MouseReleased, place, Some(press.button), press.count)
    }
}

const fn ends(point: &DragPoint) -> (&Target, Option<Point>) {
    match point {
        DragPoint::Offset { target, offset } => (target, Some(*offset)),
        DragPoint::Target(target) => (target, None),
    }
}

fn pointer_request(position: Option<Point>, force: bool) -> Map<String, Value> {
    let mut request = Map::new();
    if let Some(position) = position {
        request.insert("position".into(), json!({ "x": position.x, "y": position.y }));
    }
    if force {
        request.insert("force".into(), json!(true));
    }
    request
}

pub(super) const fn protocol_button(button: MouseButton) -> input::MouseButton {
    match button {
        MouseButton::Left => input::MouseButton::Left,
        MouseButton::Middle => input::MouseButton::Middle,
        MouseButton::Right => input::MouseButton::Right,
    }
}

pub(super) fn modifier_bits(modifiers: &[Modifier]) -> i64 {
    modifiers.iter().fold(0, |bits, modifier| {
        bits | match modifier {
            Modifier::Alt => 1,
            Modifier::Control => 2,
            Modifier::Meta => 4,
            Modifier::Shift => 8,
        }
    })
}
