//! The pictures of a report, as data URLs, within bounds.

use std::collections::BTreeSet;

use aef::execution::{Artifact, Event, EventKind};
use aef::ids::ArtifactHash;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use super::views::Images;

/// No single picture is larger, in bytes.
const PICTURE_LIMIT: u64 = 3 * 1024 * 1024;

/// All pictures together are not larger, in bytes.
const REPORT_LIMIT: u64 = 32 * 1024 * 1024;

/// The pictures that a journal names and that fit, in the order in which they were taken.
pub(crate) fn wanted(events: &[Event]) -> Vec<&Artifact> {
    let mut seen: BTreeSet<&ArtifactHash> = BTreeSet::new();
    let mut total = 0;
    events
        .iter()
        .filter_map(artifact)
        .filter(|artifact| matches!(artifact.media_type.as_str(), "image/png" | "image/jpeg"))
        .filter(|artifact| artifact.size <= PICTURE_LIMIT && seen.insert(&artifact.artifact))
        .take_while(|artifact| {
            total += artifact.size;
            total <= REPORT_LIMIT
        })
        .collect()
}

/// Puts bytes that were read into the form in which a page shows them.
pub(crate) fn load(images: &mut Images, artifact: &Artifact, bytes: &Bytes) {
    let url = format!("data:{};base64,{}", artifact.media_type, BASE64_STANDARD.encode(bytes));
    images.insert(artifact.artifact.clone(), url);
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only these events name pictures")]
fn artifact(event: &Event) -> Option<&Artifact> {
    match &event.kind {
        EventKind::ActionSucceeded { artifact, .. } => artifact.as_ref(),
        EventKind::EvidenceCaptured { evidence, .. } => evidence.screenshot.as_ref(),
        EventKind::CheckpointRaised { checkpoint } => checkpoint.evidence.as_ref()?.screenshot.as_ref(),
        _ => None,
    }
}
