//! Pictures, with what nobody may see painted over before the browser takes them.

use std::collections::HashMap;
use std::time::Duration;

use aef_core::browser::{Capture, CaptureRequest, FileContent};
use aef_core::document::{Fingerprint, ImageFormat, Screenshot, Target};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chromiumoxide_cdp::cdp::browser_protocol::page::{
    CaptureScreenshotFormat, CaptureScreenshotParams, GetLayoutMetricsParams, Viewport,
};
use chromiumoxide_cdp::cdp::js_protocol::runtime::{CallArgument, CallFunctionOnParams};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{Acting, Area, Place, fault};
use crate::error::CdpError;
use crate::session::{Context, FrameRef, World, split_frame};

/// Paints over boxes in one frame; described in the file.
const MASK: &str = include_str!("mask.js");

/// How long a picture for evidence may take.
const CAPTURE_LIMIT: Duration = Duration::from_secs(10);

/// The longest side of a picture in CSS px; the browser's own limit for a texture.
const SIDE_LIMIT: f64 = 16_384.0;

/// The quality of a JPEG, as text stays readable.
const JPEG_QUALITY: i64 = 80;

/// How often a picture is begun anew because its document went away.
const ATTEMPTS: u32 = 5;

#[derive(Deserialize)]
struct Shot {
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    css_content_size: Area,
}

#[derive(Deserialize)]
struct Fingerprints {
    fingerprints: Vec<Option<Fingerprint>>,
}

impl Context {
    /// Takes evidence of the current tab.
    pub(crate) async fn capture(&self, request: &CaptureRequest) -> Result<Capture, CdpError> {
        let deadline = Instant::now() + CAPTURE_LIMIT;
        let mut capture = Capture::default();
        if !request.fingerprints.is_empty() {
            capture.fingerprints = self.fingerprints(&request.fingerprints, deadline).await?;
        }
        if let Some(format) = request.screenshot {
            capture.screenshot = Some(self.picture(format, None, &[], deadline).await?);
        }
        let tab = self.read(|state| {
            let tab = state.current_tab()?;
            Some((tab.page.url.clone(), state.worlds.get(&tab.target).cloned()))
        });
        let Some((url, world)) = tab else { return Ok(capture) };
        capture.url = url;
        if let Some(world) = world {
            // A page that does not answer has no title; the address stands all the same.
            let page = self.ask_world(&world, "ping", Map::new(), None, Duration::from_secs(1)).await;
            let title = page.ok().and_then(|page| page["title"].as_str().map(ToOwned::to_owned));
            capture.title = title.unwrap_or_default();
        }
        Ok(capture)
    }

    async fn fingerprints(
        &self,
        targets: &[Target],
        deadline: Instant,
    ) -> Result<Vec<Option<Fingerprint>>, CdpError> {
        let mut all = Vec::with_capacity(targets.len());
        for target in targets {
            let (chain, bare) = split_frame(target);
            let mut request = Map::new();
            request.insert("locators".into(), json!([bare]));
            let until = deadline.min(Instant::now() + Duration::from_millis(500));
            let found = match self.ask_in("fingerprints", &chain, &request, until).await {
                Ok(found) => found,
                Err(error @ CdpError::Lost(_)) => return Err(error),
                // The frame is not there, so the element is not.
                Err(_) => {
                    all.push(None);
                    continue;
                }
            };
            self.release_handles(&found.frame);
            let answer: Fingerprints = serde_json::from_value(found.value)
                .map_err(|source| CdpError::malformed("fingerprints", source))?;
            all.push(answer.fingerprints.into_iter().next().flatten());
        }
        Ok(all)
    }

    /// Where an area of a frame's viewport stands in the document of the tab.
    async fn area_on_page(&self, frame: &FrameRef, area: Area, deadline: Instant) -> Result<Area, CdpError> {
        let start = Place { x: area.x, y: area.y };
        let end = Place { x: area.x + area.width, y: area.y + area.height };
        let (start, end) = tokio::try_join!(
            self.place_on_page(frame, start, deadline),
            self.place_on_page(frame, end, deadline)
        )?;
        Ok(Area { x: start.x, y: start.y, width: end.x - start.x, height: end.y - start.y })
    }

    async fn place_on_page(
        &self,
        frame: &FrameRef,
        mut place: Place,
        deadline: Instant,
    ) -> Result<Place, CdpError> {
        let mut on_page = place;
        for hop in frame.path.iter().rev() {
            let mut request = Map::new();
            request.insert("point".into(), json!({ "x": place.x, "y": place.y }));
            request.insert("blind".into(), json!(true));
            let left = deadline.saturating_duration_since(Instant::now());
            let mapped = self.ask_world(&hop.world, "mapPoint", request, Some(&hop.element), left).await?;
            let read = |key: &str| {
                serde_json::from_value(mapped[key].clone())
                    .map_err(|source| CdpError::malformed("mapPoint", source))
            };
            (place, on_page) = (read("point")?, read("pagePoint")?);
        }
        Ok(on_page)
    }

    /// Takes a picture of the current tab: of an area of the document, or of what is in view.
    async fn picture(
        &self,
        format: ImageFormat,
        area: Option<Area>,
        masks: &[Target],
        deadline: Instant,
    ) -> Result<FileContent, CdpError> {
        for _ in 1..ATTEMPTS {
            match self.picture_once(format, area, masks, deadline).await {
                Err(error) if error.is_document_gone() && Instant::now() < deadline => {}
                result => return result,
            }
        }
        self.picture_once(format, area, masks, deadline).await
    }

    async fn picture_once(
        &self,
        format: ImageFormat,
        area: Option<Area>,
        masks: &[Target],
        deadline: Instant,
    ) -> Result<FileContent, CdpError> {
        let (kind, extension, media_type) = match format {
            ImageFormat::Png => (CaptureScreenshotFormat::Png, "png", "image/png"),
            ImageFormat::Jpeg => (CaptureScreenshotFormat::Jpeg, "jpg", "image/jpeg"),
        };
        let mut params = CaptureScreenshotParams {
            format: Some(kind),
            quality: (format == ImageFormat::Jpeg).then_some(JPEG_QUALITY),
            ..CaptureScreenshotParams::default()
        };
        if let Some(area) = area {
            let (width, height) = (area.width.clamp(1.0, SIDE_LIMIT), area.height.clamp(1.0, SIDE_LIMIT));
            params.clip = Some(Viewport { x: area.x, y: area.y, width, height, scale: 1.0 });
            params.capture_beyond_viewport = Some(true);
        }
        let link = self.page_link()?;
        let painted = self.paint(masks, deadline).await;
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
        let shot: Result<Shot, CdpError> = match &painted {
            Ok(_) => link.call_as(&params, left).await,
            Err(error) => Err(error.clone()),
        };
        for world in painted.unwrap_or_default() {
            self.link(&world.session).post(&mask_call(&world, Value::Null));
        }
        Ok(FileContent {
            name: format!("screenshot.{extension}"),
            media_type: media_type.to_owned(),
            bytes: decoded(&shot?.data)?,
        })
    }

    /// Paints over fields of secrets and what is named, in every frame of the tab.
    async fn paint(&self, masks: &[Target], deadline: Instant) -> Result<Vec<World>, CdpError> {
        let worlds = self.read(|state| state.worlds_of(&state.current));
        let mut wanted: HashMap<World, Vec<Value>> =
            worlds.into_iter().map(|world| (world, Vec::new())).collect();
        for mask in masks {
            let (chain, bare) = split_frame(mask);
            let frame = self.frame(&chain, deadline).await?;
            wanted.entry(frame.world).or_default().push(json!(bare));
        }
        let painting = wanted.into_iter().map(|(world, locators)| async move {
            let mut request = json!({ "locators": locators, "secrets": true });
            if let Some(attribute) = &self.options.config.test_id_attribute {
                request["testIdAttribute"] = json!(attribute);
            }
            let call = mask_call(&world, request);
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
            let painted: Value = self.link(&world.session).call_as(&call, left).await?;
            match painted.get("exceptionDetails") {
                // A picture that may show what it must not is not taken.
                Some(details) => {
                    let description = details["exception"]["description"].as_str().unwrap_or_default();
                    Err(fault(
                        "internal",
                        "exception",
                        format!("the picture could not be masked: {description}"),
                    ))
                }
                None => Ok(world),
            }
        });
        let mut painted = Vec::new();
        for result in futures::future::join_all(painting).await {
            match result {
                Ok(world) => painted.push(world),
                // A frame that went away shows nothing any more.
                Err(error) if error.is_document_gone() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(painted)
    }
}

impl Acting {
    pub(super) async fn screenshot(&mut self, screenshot: &Screenshot) -> Result<(), CdpError> {
        let area = match &screenshot.target {
            Some(target) => {
                let (prepared, found) = self.prepare("screenshot", Some(target), Map::new()).await?;
                let area = match prepared.area {
                    Some(area) if !found.frame.path.is_empty() => {
                        Some(self.context.area_on_page(&found.frame, area, self.deadline).await?)
                    }
                    _ => prepared.page_box,
                };
                self.context.release_handles(&found.frame);
                area
            }
            None if screenshot.full_page => {
                let metrics: Metrics = self
                    .context
                    .page_link()?
                    .call_as(&GetLayoutMetricsParams::default(), self.left())
                    .await?;
                if metrics.css_content_size.height > SIDE_LIMIT {
                    self.note("picture_cut", format!("the page is longer than {SIDE_LIMIT} px"));
                }
                Some(metrics.css_content_size)
            }
            None => None,
        };
        let format = screenshot.format.unwrap_or_default();
        self.file = Some(self.context.picture(format, area, &screenshot.mask, self.deadline).await?);
        Ok(())
    }
}

fn mask_call(world: &World, request: Value) -> CallFunctionOnParams {
    let mut call = CallFunctionOnParams::new(MASK);
    call.unique_context_id = Some(world.id.to_string());
    call.await_promise = Some(true);
    call.return_by_value = Some(true);
    call.arguments = Some(vec![CallArgument { value: Some(request), ..CallArgument::default() }]);
    call
}

fn decoded(picture: &str) -> Result<Bytes, CdpError> {
    Ok(Bytes::from(STANDARD.decode(picture)?))
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_damaged_picture_says_where_it_is_damaged() {
        assert_eq!(decoded("cGl4ZWw=").unwrap(), "pixel");
        let error = decoded("cGl4!Ww=").unwrap_err().during("capture");
        let source = error.source().unwrap().source().unwrap();
        assert!(source.downcast_ref::<base64::DecodeError>().is_some(), "{source}");
    }
}
