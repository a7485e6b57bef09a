//! Questions to a person, as text: what is asked, what will be done, and which command answers it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use aef::execution::{
    AnswerKind, Artifact, Checkpoint, CheckpointKind, ExecutionState, RecoveryOffer, Status,
};
use aef::ids::ExecutionId;

use crate::args::StoreArgs;
use crate::describe;

/// The file of an artifact, for a person to look at.
pub(crate) fn artifact_file(artifacts: &Path, execution: ExecutionId, artifact: &Artifact) -> PathBuf {
    artifacts.join("executions").join(execution.to_string()).join(artifact.artifact.as_str())
}

/// A checkpoint with all that a person needs to answer it.
pub(crate) fn checkpoint(checkpoint: &Checkpoint, execution: ExecutionId, artifacts: &Path) -> String {
    let mut text = format!("? {}\n", checkpoint.title);
    let mut line = |name: &str, value: &str| {
        writeln!(text, "  {name:<9} {value}").expect("writing to a string cannot fail");
    };
    if let Some(description) = &checkpoint.description {
        line("", description);
    }
    let kind = checkpoint.label.clone().unwrap_or_else(|| describe::words(checkpoint.kind.as_str()));
    line("step", &format!("{} ({kind})", checkpoint.step_name));
    line("risk", describe::risk(checkpoint.risk));
    if let Some(failure) = &checkpoint.failure {
        line("doubt", &failure.to_string());
    }
    for (index, action) in checkpoint.actions.iter().enumerate() {
        let doing = if checkpoint.kind == CheckpointKind::AfterExecution { "did" } else { "will do" };
        line(if index == 0 { doing } else { "" }, &describe::action(action));
    }
    if let Some(evidence) = &checkpoint.evidence {
        line("page", &format!("{} {}", evidence.title, evidence.url));
        if let Some(picture) = &evidence.screenshot {
            line("picture", &artifact_file(artifacts, execution, picture).display().to_string());
        }
    }
    for option in &checkpoint.options {
        line("option", &format!("{}: {}", option.id, option.label));
    }
    if let Some(form) = &checkpoint.form {
        line("form", &describe::shortened(&form.to_string(), 400));
    }
    if let Some(expires) = checkpoint.expires_at {
        line("until", &expires.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    }
    line("id", &checkpoint.id.to_string());
    text
}

/// A recovery on offer.
pub(crate) fn recovery(offer: &RecoveryOffer) -> String {
    let mut text = format!("! {}\n", offer.failure);
    for option in &offer.options {
        writeln!(text, "  {:<9} {}", option.id(), option.description())
            .expect("writing to a string cannot fail");
    }
    text
}

/// The commands with which an execution in this state goes on.
pub(crate) fn commands(state: &ExecutionState, store: &StoreArgs) -> Vec<String> {
    let again = store.again();
    let resume = format!("aef resume {}{again}", state.id);
    match state.status {
        Status::WaitingCheckpoint | Status::Paused if state.checkpoint.is_some() => {
            let Some(open) = &state.checkpoint else { return vec![resume] };
            let answers = open.answers.iter().map(|answer| respond(open, *answer, &again));
            answers.chain([resume]).collect()
        }
        Status::WaitingRecovery => {
            let options = state.recovery.iter().flat_map(|offer| &offer.options);
            let chosen = options.map(|option| format!("aef recover {} {}{again}", state.id, option.id()));
            chosen.chain([resume]).collect()
        }
        Status::Created
        | Status::Queued
        | Status::Running
        | Status::Paused
        | Status::WaitingCheckpoint
        | Status::TakenOver => vec![resume],
        Status::Completed | Status::Failed | Status::Stopped => Vec::new(),
    }
}

fn respond(open: &Checkpoint, answer: AnswerKind, again: &str) -> String {
    let more = match answer {
        AnswerKind::Choose => {
            let option = open.options.first().map_or("ID", |option| &option.id);
            format!(" --option {option}")
        }
        AnswerKind::Modify => " --data '{ … }'".to_owned(),
        AnswerKind::Done if open.form.is_some() => " --data '{ … }'".to_owned(),
        AnswerKind::Approve
        | AnswerKind::Reject
        | AnswerKind::Skip
        | AnswerKind::Retry
        | AnswerKind::Done
        | AnswerKind::TakeOver
        | AnswerKind::Stop => String::new(),
    };
    format!("aef respond {} {}{more}{again}", open.id, answer.as_str())
}
