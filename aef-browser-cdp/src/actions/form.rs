//! What the script does by itself: choosing options, scrolling, selecting text.

use aef_core::document::{OneOrMany, Scroll, ScrollEdge, ScrollTo, Select, SelectText, Templated};
use aef_core::recovery::{ErrorKind, Failure};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Acting;
use crate::error::CdpError;

/// How often a page is scrolled for a condition unless the action says.
const SCROLLS: u32 = 20;

impl Acting {
    pub(super) async fn select(&mut self, select: &Select) -> Result<(), CdpError> {
        let mut request = Map::new();
        request.insert("value".into(), wanted(select)?);
        self.in_page("select", &select.target, request).await.map(drop)
    }

    pub(super) async fn select_text(&mut self, select: &SelectText) -> Result<(), CdpError> {
        let mut request = Map::new();
        if let Some(text) = &select.text {
            request.insert("text".into(), json!(text));
        }
        if let Some(from) = select.from {
            request.insert("from".into(), json!(from));
        }
        if let Some(to) = select.to {
            request.insert("to".into(), json!(to));
        }
        self.in_page("select_text", &select.target, request).await.map(drop)
    }

    pub(super) async fn scroll(&mut self, scroll: &Scroll) -> Result<(), CdpError> {
        let Some(until) = &scroll.until else {
            self.scroll_to(scroll, place(scroll)).await?;
            return Ok(());
        };
        let most = scroll.max.unwrap_or(SCROLLS);
        for scrolled in 0..=most {
            let held = self.context.look(std::slice::from_ref(until), Instant::now()).await?;
            if held.results.iter().all(|result| result.holds) {
                return Ok(());
            }
            let at_end =
                if scrolled < most { self.scroll_to(scroll, json!("page_down")).await? } else { false };
            if at_end && Instant::now() >= self.deadline {
                break;
            }
        }
        let message = format!("the condition did not hold after scrolling {most} times");
        Err(CdpError::Page(Failure::new(ErrorKind::Timeout, message).with_reason("scroll")))
    }

    /// Scrolls; true where the end is reached.
    async fn scroll_to(&mut self, scroll: &Scroll, to: Value) -> Result<bool, CdpError> {
        self.require_open_gate()?;
        let mut request = Map::new();
        request.insert("to".into(), to);
        let (prepared, found) = self.prepare("scroll", scroll.target.as_ref(), request).await?;
        self.context.release_handles(&found.frame);
        Ok(prepared.at_end)
    }
}

fn place(scroll: &Scroll) -> Value {
    match &scroll.to {
        Some(ScrollTo::Edge(ScrollEdge::Top)) => json!("top"),
        Some(ScrollTo::Edge(ScrollEdge::Bottom)) => json!("bottom"),
        Some(ScrollTo::Edge(ScrollEdge::IntoView)) => json!("into_view"),
        Some(ScrollTo::Point(point)) => json!({ "x": point.x, "y": point.y }),
        None if scroll.target.is_some() => json!("into_view"),
        None => json!("bottom"),
    }
}

/// The options that are asked for, in the script's words.
fn wanted(select: &Select) -> Result<Value, CdpError> {
    if let Some(values) = &select.value {
        return Ok(match values {
            OneOrMany::One(value) => json!(value),
            OneOrMany::Many(values) => json!(values),
        });
    }
    if let Some(labels) = &select.label {
        return Ok(labels.as_slice().iter().map(|label| json!({ "label": label })).collect());
    }
    let Some(indices) = &select.index else {
        let failure = Failure::new(ErrorKind::Data, "select needs value, label or index");
        return Err(CdpError::Page(failure.with_reason("invalid_request")));
    };
    indices
        .as_slice()
        .iter()
        .map(|index| match index {
            Templated::Value(index) => Ok(json!({ "index": index })),
            Templated::Template(text) => {
                let failure = Failure::new(ErrorKind::Data, format!("`{text}` is no index"));
                Err(CdpError::Page(failure.with_reason("invalid_request")))
            }
        })
        .collect()
}
