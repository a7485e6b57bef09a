use aef::execution::EventKind;
use aef::ids::ArtifactHash;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;

/// A red dot: the smallest picture that a browser shows.
const DOT: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

struct Fixture {
    record: ExecutionRecord,
    document: Value,
    events: Vec<Event>,
}

fn fixture() -> Fixture {
    let events = include_str!("fixtures/investor-update.jsonl");
    Fixture {
        record: serde_json::from_str(include_str!("fixtures/investor-update.record.json")).unwrap(),
        document: serde_json::from_str(include_str!("fixtures/investor-update.document.json")).unwrap(),
        events: events.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
    }
}

fn rendered(fixture: &Fixture, events: &[Event]) -> String {
    let mut images = Images::new();
    for artifact in wanted_images(events) {
        load_images(&mut images, artifact, &BASE64_STANDARD.decode(DOT).unwrap().into());
    }
    let source =
        Source { record: &fixture.record, document: Some(&fixture.document), events, images: &images };
    render(&source).unwrap()
}

/// The report as a screen reader meets it: without style and markup.
fn read_aloud(html: &str) -> String {
    let body = &html[html.find("<body>").unwrap()..];
    let mut text = String::new();
    let mut inside = false;
    for letter in body.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            _ if !inside => text.push(letter),
            _ => {}
        }
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_report_tells_the_whole_story() {
    let fixture = fixture();
    insta::assert_snapshot!(read_aloud(&rendered(&fixture, &fixture.events)));
}

#[test]
fn the_same_journal_gives_the_same_bytes() {
    let fixture = fixture();
    assert_eq!(rendered(&fixture, &fixture.events), rendered(&fixture, &fixture.events));
}

#[test]
fn what_pages_and_people_wrote_stays_text() {
    let fixture = fixture();
    let html = rendered(&fixture, &fixture.events);
    assert!(!html.contains("<script"), "a comment became a script");
    assert!(!html.contains("<b>bob</b>"), "a value became markup");
    assert!(html.contains("&lt;b&gt;bob"), "the value is shown");
}

#[test]
fn it_needs_nothing_beside_it() {
    let fixture = fixture();
    let html = rendered(&fixture, &fixture.events);
    assert!(html.contains("src=\"data:image/png;base64,"));
    for outside in ["<link", "src=\"http", "@import", "url("] {
        assert!(!html.contains(outside), "the report refers to something outside by {outside}");
    }
}

#[test]
fn secrets_and_masked_inputs_do_not_stand_in_it() {
    let fixture = fixture();
    let html = rendered(&fixture, &fixture.events);
    assert!(html.contains("••••••"));
    assert!(!html.contains("4711"), "an input that is write-only is shown");
}

#[test]
fn a_picture_that_is_too_large_is_named_and_left_out() {
    let fixture = fixture();
    let wanted: Vec<_> =
        wanted_images(&fixture.events).iter().map(|artifact| artifact.name.clone()).collect();
    assert_eq!(wanted, ["screenshot.png"]);
    let html = rendered(&fixture, &fixture.events);
    assert!(html.contains("Picture large.png (8.5 MiB)"));
    assert!(html.contains(ArtifactHash::new("a".repeat(64)).as_str()));
}

#[test]
fn every_beginning_of_a_journal_has_a_report() {
    let fixture = fixture();
    for length in 1..=fixture.events.len() {
        let html = rendered(&fixture, &fixture.events[..length]);
        assert_eq!(html.matches("<details").count(), html.matches("</details>").count());
        assert_eq!(html.matches("<li").count(), html.matches("</li>").count());
    }
}

#[test]
fn a_report_without_its_document_names_steps_by_their_ids() {
    let fixture = fixture();
    let source =
        Source { record: &fixture.record, document: None, events: &fixture.events, images: &Images::new() };
    let html = render(&source).unwrap();
    assert!(html.contains("<span class=\"name\">read_inbox</span>"));
}

#[test]
fn a_picture_stands_in_the_report_once() {
    let fixture = fixture();
    let mut events = fixture.events.clone();
    let place =
        events.iter().position(|event| matches!(event.kind, EventKind::CheckpointRaised { .. })).unwrap();
    events.insert(place, events[place].clone());
    let html = rendered(&fixture, &events);
    assert_eq!(html.matches("data:image/png").count(), 1);
    assert_eq!(html.matches("The same picture stands further up").count(), 1);
}
