//! Events as sentences.

use aef::execution::{Actor, Answer, Checkpoint, Event, EventKind, Jump, SettledBy, SkipReason};
use aef::recovery::RecoveryOption;

use crate::describe::{self, Listed};
use crate::outline::Outline;

/// What happened, as a sentence; `None` for what no reader of a log asks for.
pub(crate) fn narrate(event: &Event, outline: &Outline) -> Option<String> {
    let sentence = match &event.kind {
        EventKind::Queued { parent: None, .. } => "queued".to_owned(),
        EventKind::Queued { parent: Some(parent), .. } => format!("queued, forked from {parent}"),
        EventKind::Started { .. } => "started".to_owned(),
        EventKind::VariablesSet { sets } => {
            let names: Vec<_> = sets.keys().cloned().collect();
            format!("variables set: {}", Listed(&names))
        }
        EventKind::Paused { reason } => format!("paused ({})", describe::words(reason.as_str())),
        EventKind::Resumed { single_step: None } => "resumed".to_owned(),
        EventKind::Resumed { single_step: Some(step) } => {
            format!("resumed for one step, {}", outline.name(step))
        }
        EventKind::Completed { items_failed: 0, .. } => "completed".to_owned(),
        EventKind::Completed { items_failed, .. } => {
            format!("completed, {items_failed} rounds were given up")
        }
        EventKind::Failed { failure, .. } => format!("failed: {failure}"),
        EventKind::Stopped { .. } => "stopped".to_owned(),
        EventKind::Logged { code, message, .. } => format!("note: {code}: {message}"),
        EventKind::PauseRequested
        | EventKind::StopRequested
        | EventKind::SkipRequested
        | EventKind::TakeoverRequested
        | EventKind::TakenOver
        | EventKind::TakeoverExtended
        | EventKind::HandedBack
        | EventKind::ParkingStarted
        | EventKind::SessionOpened { .. }
        | EventKind::SessionFailed { .. }
        | EventKind::SessionLost { .. }
        | EventKind::SessionClosed
        | EventKind::BrowserStateSaved { .. } => session(&event.kind)?,
        EventKind::CheckpointRaised { checkpoint } => raised(checkpoint),
        EventKind::CheckpointAnswered { answer, .. } => answered(&event.actor, answer),
        EventKind::CheckpointExpired { .. } => "nobody answered in time".to_owned(),
        EventKind::CheckpointWithdrawn { .. } => "the question was withdrawn".to_owned(),
        EventKind::RecoveryOffered { options, .. } => {
            let options: Vec<_> = options.iter().map(|option| option.id().to_owned()).collect();
            format!("a person may choose: {}", Listed(&options))
        }
        EventKind::RecoveryChosen { option } => format!("chosen: {}", RecoveryOption::id(*option)),
        EventKind::ActionStarted { .. }
        | EventKind::ActionSucceeded { .. }
        | EventKind::ActionFailed { .. }
        | EventKind::ActionInDoubt { .. }
        | EventKind::DoubtUnverified { .. }
        | EventKind::DoubtSettled { .. }
        | EventKind::EvidenceCaptured { .. } => action(&event.kind)?,
        EventKind::StepEntered { .. }
        | EventKind::StepRetried { .. }
        | EventKind::StepCompleted { .. }
        | EventKind::StepSkipped { .. }
        | EventKind::StepFailed { .. }
        | EventKind::LoopEntered { .. }
        | EventKind::IterationStarted { .. }
        | EventKind::IterationCompleted { .. }
        | EventKind::IterationFailed { .. }
        | EventKind::GroupEntered { .. }
        | EventKind::BranchTaken { .. }
        | EventKind::Jumped { .. }
        | EventKind::HandlerEntered { .. }
        | EventKind::HandlerApplied { .. }
        | EventKind::RetryScheduled { .. }
        | EventKind::Reentered { .. } => step(&event.kind, outline)?,
    };
    Some(sentence)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "narrate hands over only these events")]
fn session(kind: &EventKind) -> Option<String> {
    let sentence = match kind {
        EventKind::PauseRequested => "a pause was asked for",
        EventKind::StopRequested => "a stop was asked for",
        EventKind::SkipRequested => "leaving the step out was asked for",
        EventKind::TakeoverRequested => "the live page was asked for",
        EventKind::TakenOver => "the live page was taken over",
        EventKind::HandedBack => "the live page was handed back",
        EventKind::ParkingStarted => "the browser is closed while it waits",
        EventKind::SessionOpened { restored: true } => "a browser was opened, as the last one was left",
        EventKind::SessionOpened { restored: false } => "a browser was opened",
        EventKind::BrowserStateSaved { state: None } => "cookies and storage could not be kept",
        EventKind::SessionFailed { failure } => {
            return Some(format!("no browser could be opened: {failure}"));
        }
        EventKind::SessionLost { failure } => return Some(format!("the browser was lost: {failure}")),
        _ => return None,
    };
    Some(sentence.to_owned())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "narrate hands over only these events")]
fn action(kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::ActionStarted { action, .. } => Some(format!("  {}", describe::action(action))),
        EventKind::ActionFailed { failure, .. } => Some(format!("  that failed: {failure}")),
        EventKind::ActionInDoubt { failure, .. } => {
            Some(format!("  it is not known whether that happened: {}", failure.message))
        }
        EventKind::DoubtUnverified { .. } => Some("  what the step verifies does not hold".to_owned()),
        EventKind::DoubtSettled { by: SettledBy::Verify, .. } => {
            Some("  it has happened: what the step verifies holds now".to_owned())
        }
        EventKind::DoubtSettled { by: SettledBy::Person, .. } => {
            Some("  it has happened: a person said so".to_owned())
        }
        EventKind::ActionSucceeded { outcome, .. } if !outcome.writes.is_empty() => {
            let writes: Vec<_> =
                outcome.writes.iter().map(|write| format!("{} {}", write.method, write.url)).collect();
            Some(format!("  that sent {}", Listed(&writes)))
        }
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "narrate hands over only these events")]
fn step(kind: &EventKind, outline: &Outline) -> Option<String> {
    let sentence = match kind {
        EventKind::StepEntered { step, .. } => format!("{} …", outline.name(step)),
        EventKind::StepRetried { step, attempt, .. } => {
            format!("{}, attempt {attempt} …", outline.name(step))
        }
        EventKind::StepCompleted { step, verified: true, .. } => {
            format!("{}: done, verified", outline.name(step))
        }
        EventKind::StepCompleted { step, .. } => format!("{}: done", outline.name(step)),
        EventKind::StepSkipped { step, reason, .. } => {
            let why = match reason {
                SkipReason::Guard => "its condition was false",
                SkipReason::Person => "a person said so",
                SkipReason::Timeout => "nobody answered",
                SkipReason::Error => "it had failed",
            };
            format!("{}: skipped, {why}", outline.name(step))
        }
        EventKind::StepFailed { step, failure } => format!("{}: failed: {failure}", outline.name(step)),
        EventKind::LoopEntered { step, items: Some(items) } => {
            format!("{}: {} items", outline.name(step), items.len())
        }
        EventKind::IterationStarted { step, index } => format!("{}, round {}", outline.name(step), index + 1),
        EventKind::IterationFailed { step, index, failure } => {
            format!("{}, round {} was given up: {failure}", outline.name(step), index + 1)
        }
        EventKind::BranchTaken { step, label, .. } => format!("{} → {label}", outline.name(step)),
        EventKind::Jumped { to, .. } => match to {
            Jump::Goto(target) => format!("went to {}", outline.name(target)),
            Jump::Break(target) => format!("left the loop {}", outline.name(target)),
            Jump::Continue(target) => format!("went to the next round of {}", outline.name(target)),
            Jump::End => return None,
        },
        EventKind::HandlerApplied { step, then, .. } => {
            format!("{}: its error handler says {}", outline.name(step), describe::words(then))
        }
        EventKind::Reentered { step: Some(step), .. } => {
            format!("went back to the beginning of {} to make the page again", outline.name(step))
        }
        EventKind::Reentered { step: None, .. } => {
            "went back to the beginning to make the page again".to_owned()
        }
        EventKind::RetryScheduled { step, attempt, due } => {
            format!("{}: attempt {attempt} at {}", outline.name(step), due.strftime("%H:%M:%SZ"))
        }
        _ => return None,
    };
    Some(sentence)
}

fn raised(checkpoint: &Checkpoint) -> String {
    format!("? {} ({}, {})", checkpoint.title, describe::words(checkpoint.kind.as_str()), checkpoint.id)
}

fn answered(actor: &Actor, answer: &Answer) -> String {
    let option = answer.option.as_ref().map(|option| format!(" {option}")).unwrap_or_default();
    format!("  answered by {actor}: {}{option}", describe::words(answer.response.as_str()))
}
