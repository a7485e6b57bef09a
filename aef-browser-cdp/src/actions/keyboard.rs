//! The keyboard: fill, type and press.

use std::time::Duration;

use aef_core::browser::Effect;
use aef_core::document::{Press, Target, Text, TextPart, TypeText};
use aef_core::recovery::{ErrorKind, Failure};
use aef_core::secrets::ExposeSecret;
use chromiumoxide_cdp::cdp::browser_protocol::input::{DispatchKeyEventParams, InsertTextParams};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::time::Instant;
use url::Url;

use super::keys::{Chord, Key};
use super::{Acting, Prepared, fault};
use crate::connection::{Link, Reply};
use crate::error::CdpError;
use crate::session::{Found, FrameRef, World};

/// Keys written in one flush.
const FLUSH_KEYS: usize = 40;

/// What is entered, and whether anybody may see it.
struct Entry {
    value: Value,
    secret: bool,
}

impl Entry {
    fn text(&self) -> String {
        self.value.as_str().map_or_else(|| self.value.to_string(), ToOwned::to_owned)
    }
}

impl Acting {
    /// Replaces the content of a field and reads back what stands in it.
    pub(super) async fn fill(&mut self, target: &Target, text: &Text) -> Result<(), CdpError> {
        loop {
            match self.fill_once(target, text).await {
                // The document went away in between: the next one is filled from the beginning.
                Err(error) if error.is_document_gone() && Instant::now() < self.deadline => {}
                // The lease that ran out in the page was renewed.
                Err(CdpError::GateClosed)
                    if self.effect == Effect::None
                        && !self.gate.is_shut()
                        && Instant::now() < self.deadline => {}
                Err(error) => return Err(error.or_timeout("fill")),
                Ok(()) => return self.follow_navigation(None).await,
            }
        }
    }

    async fn fill_once(&mut self, target: &Target, text: &Text) -> Result<(), CdpError> {
        self.require_open_gate()?;
        let (prepared, found, entry) = self.prepare_entry("fill", target, text).await?;
        if prepared.done {
            return Ok(());
        }
        let world = &found.frame.world;
        let link = self.context.link(&world.session);
        let insert = InsertTextParams::new(entry.text());
        let mut batch = link.batch();
        let reply = batch.push(&insert)?;
        self.send_input(batch, vec![reply]).await?;
        self.read_back(world, &prepared, &entry).await
    }

    /// Prepares a field for what is entered. Secrets are asked for only when the page, and so the origin, is
    /// known, and go to that very document or to none.
    async fn prepare_entry(
        &mut self,
        action: &str,
        target: &Target,
        text: &Text,
    ) -> Result<(Prepared, Found, Entry), CdpError> {
        let mut request = Map::new();
        if let Some(value) = plain(text) {
            let entry = Entry { value, secret: false };
            if action == "fill" {
                request.insert("value".into(), entry.value.clone());
            }
            let (prepared, found) = self.prepare_possibly_done(action, Some(target), request).await?;
            return Ok((prepared, found, entry));
        }
        let (attached, found) = self.prepare("attached", Some(target), request.clone()).await?;
        let entry = Entry { value: json!(self.reveal(text, &attached.page.url).await?), secret: true };
        let world = &found.frame.world;
        request.insert("action".into(), json!(action));
        request.insert("target".into(), json!({ "ref": attached.reference }));
        request.insert("secret".into(), json!(true));
        request.insert("gateMs".into(), json!(self.gate_ms()));
        request.insert("timeoutMs".into(), json!(self.left().as_millis().min(20_000) as u64));
        request.insert("value".into(), entry.value.clone());
        let limit = self.left() + Duration::from_millis(500);
        let until = Instant::now() + self.gate.left();
        let value = self.context.ask_world(world, "prepare", request, None, limit).await?;
        let prepared: Prepared =
            serde_json::from_value(value.clone()).map_err(|source| CdpError::malformed("prepare", source))?;
        self.armed(world, &prepared, until);
        if prepared.done {
            self.effect = Effect::Possible;
        }
        Ok((prepared, found, entry))
    }

    /// Like [`Acting::prepare`], for a preparation that may already change the page.
    async fn prepare_possibly_done(
        &mut self,
        action: &str,
        target: Option<&Target>,
        request: Map<String, Value>,
    ) -> Result<(Prepared, Found), CdpError> {
        let before = std::mem::replace(&mut self.effect, Effect::Possible);
        match self.prepare(action, target, request).await {
            Ok((prepared, found)) => {
                if !prepared.done {
                    self.effect = before;
                }
                Ok((prepared, found))
            }
            Err(error) => {
                if matches!(&error, CdpError::Fault(fault) if fault.is_before_effect()) {
                    self.effect = before;
                }
                Err(error)
            }
        }
    }

    async fn read_back(&mut self, world: &World, prepared: &Prepared, entry: &Entry) -> Result<(), CdpError> {
        let token = prepared.token.clone();
        let mut request = Map::new();
        request.insert("token".into(), json!(token));
        request.insert("expected".into(), entry.value.clone());
        request.insert("secret".into(), json!(entry.secret));
        let read = self.ask_again(world, "readBack", request).await;
        self.end_typing(world, token.as_deref()).await?;
        read.map(drop)
    }

    /// Takes the interceptor away and tells whether it kept all input from the page.
    ///
    /// Input that came when the lease was over is an error, for the rest of it is missing.
    async fn end_typing(&mut self, world: &World, token: Option<&str>) -> Result<bool, CdpError> {
        let Some(token) = token else { return Ok(false) };
        let mut request = Map::new();
        request.insert("token".into(), json!(token));
        let Some(verdict) = self.ask_again(world, "verdict", request).await? else { return Ok(false) };
        self.saw_page(&verdict);
        if verdict["swallowed"] != json!(true) {
            return Ok(false);
        }
        let kept_all = verdict["passed"] == json!(0);
        if kept_all {
            self.effect = Effect::None;
        }
        if verdict["swallowReason"] == json!("late") { Err(CdpError::GateClosed) } else { Ok(kept_all) }
    }

    /// Types at the end of a field, key by key.
    pub(super) async fn type_text(&mut self, typed: &TypeText) -> Result<(), CdpError> {
        let (prepared, found, entry) = self.prepare_entry("type", &typed.target, &typed.value).await?;
        let link = self.context.link(&found.frame.world.session);
        let text = entry.text();
        let strokes: Vec<Stroke> = text.chars().filter(|c| *c != '\r').map(Stroke::of).collect();
        let delay = typed.delay.map(|delay| delay.0).filter(|delay| !delay.is_zero());
        for chunk in strokes.chunks(if delay.is_some() { 1 } else { FLUSH_KEYS }) {
            self.strike(&link, chunk).await?;
            if let Some(delay) = delay {
                tokio::time::sleep(delay.min(self.left())).await;
            }
        }
        self.conclude(&found.frame, prepared.token.as_deref()).await
    }

    pub(super) async fn press(&mut self, press: &Press) -> Result<(), CdpError> {
        let Some(chord) = Chord::parse(&press.keys) else {
            let failure = Failure::new(ErrorKind::Data, format!("`{}` names no key", press.keys));
            return Err(CdpError::Page(failure.with_reason("unknown_key")));
        };
        let (prepared, found) = self.prepare("press", press.target.as_ref(), Map::new()).await?;
        let link = self.context.link(&found.frame.world.session);
        self.strike(&link, &[Stroke::Keys(chord.events())]).await?;
        self.conclude(&found.frame, prepared.token.as_deref()).await
    }

    async fn conclude(&mut self, frame: &FrameRef, token: Option<&str>) -> Result<(), CdpError> {
        if self.end_typing(&frame.world, token).await? {
            return Err(fault(
                "not_actionable",
                "not_focused",
                "the keys would have gone to another element",
            ));
        }
        self.context.release_handles(frame);
        self.follow_navigation(None).await
    }

    /// Sends keys in one flush and waits until the page has taken them.
    async fn strike(&mut self, link: &Link, strokes: &[Stroke]) -> Result<(), CdpError> {
        self.keep_gate_open().await?;
        let mut batch = link.batch();
        let mut replies: Vec<Reply<Value>> = Vec::new();
        for stroke in strokes {
            match stroke {
                Stroke::Keys(events) => {
                    for event in events {
                        replies.push(batch.push_as(event)?);
                    }
                }
                Stroke::Text(text) => replies.push(batch.push_as(&InsertTextParams::new(text.clone()))?),
            }
        }
        self.send_input(batch, replies).await
    }

    /// Puts a text together, with its secrets, for a page.
    async fn reveal(&self, text: &Text, url: &str) -> Result<String, CdpError> {
        let origin = Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        let Text::Sealed { parts } = text else { return Ok(text.to_string()) };
        let mut whole = String::new();
        for part in parts {
            match part {
                TextPart::Plain { text } => whole.push_str(text),
                TextPart::Secret { secret } => {
                    let value = self.secrets.reveal(secret, &origin).await;
                    let value = value.map_err(|error| CdpError::Secret(Arc::new(error)))?;
                    self.context.update(|state| state.remember_entered(&value));
                    whole.push_str(value.expose_secret());
                }
            }
        }
        Ok(whole)
    }
}

/// What one character is typed as.
enum Stroke {
    /// Events of keys.
    Keys(Vec<DispatchKeyEventParams>),
    /// Text that no key writes.
    Text(String),
}

impl Stroke {
    fn of(character: char) -> Self {
        match Key::writing(character) {
            Some(key) => Self::Keys(key.stroke(0).to_vec()),
            None => Self::Text(character.to_string()),
        }
    }
}

/// The value of a text without secrets.
fn plain(text: &Text) -> Option<Value> {
    match text {
        Text::Plain(text) => Some(json!(text)),
        Text::Number(number) => Some(json!(number)),
        Text::Boolean(value) => Some(json!(value)),
        Text::Sealed { .. } if text.secrets().next().is_none() => Some(json!(text.to_string())),
        Text::Sealed { .. } => None,
    }
}
