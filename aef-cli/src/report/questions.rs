//! The part of the fold that reads questions to a person, and the answers.

use aef::execution::{Answer, ApplyTo, Checkpoint, Event, EventKind};
use aef::ids::CheckpointId;

use super::fold::{Draft, Fold, Slot};
use super::model::{AnswerView, Badge, CheckpointView, Child};
use super::views::{self, BAD, DONE, PLAIN, WAIT};
use crate::describe::{self, Listed};

impl Fold<'_> {
    /// Reads an event of a question; tells whether it was one.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other parts of the fold read the rest")]
    pub(super) fn question_event(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::CheckpointRaised { checkpoint } => {
                self.counts.asked += 1;
                let view = self.question(event, checkpoint);
                self.by_checkpoint.insert(checkpoint.id, self.checkpoints.len());
                self.push(Slot::Checkpoint(self.checkpoints.len()));
                self.checkpoints.push(Draft { began: event.at, view });
            }
            EventKind::CheckpointAnswered { checkpoint, answer, .. } => {
                self.answered(event, *checkpoint, answer)
            }
            EventKind::CheckpointExpired { checkpoint } => {
                self.settle(*checkpoint, views::badge("nobody answered in time", BAD));
            }
            EventKind::CheckpointWithdrawn { checkpoint } => {
                self.settle(*checkpoint, views::badge("withdrawn", PLAIN));
            }
            EventKind::RecoveryOffered { options, .. } => {
                self.notable();
                let options: Vec<_> = options.iter().map(|option| option.label().to_lowercase()).collect();
                self.note(event, "wait", format!("A person may choose: {}", Listed(&options)));
            }
            EventKind::RecoveryChosen { option } => {
                self.note(event, "plain", format!("Chosen: {}", option.label().to_lowercase()));
            }
            EventKind::EvidenceCaptured { evidence, .. } => {
                let view = views::evidence(evidence, &mut self.pictures);
                self.push(Slot::Leaf(Box::new(Child::Evidence(view))));
            }
            _ => return false,
        }
        true
    }

    fn question(&mut self, event: &Event, checkpoint: &Checkpoint) -> CheckpointView {
        let kind = checkpoint.label.clone().unwrap_or_else(|| describe::words(checkpoint.kind.as_str()));
        CheckpointView {
            id: checkpoint.id.to_string(),
            kind,
            title: checkpoint.title.clone(),
            description: checkpoint.description.clone(),
            at: views::clock(event.at),
            risk: describe::risk(checkpoint.risk).to_owned(),
            actions: checkpoint.actions.iter().map(|action| describe::action(action)).collect(),
            options: checkpoint.options.iter().map(|option| option.label.clone()).collect(),
            failure: checkpoint.failure.as_ref().map(|failure| views::failure(failure, self.outline)),
            evidence: checkpoint.evidence.as_ref().map(|seen| views::evidence(seen, &mut self.pictures)),
            answer: None,
            status: views::badge("open", WAIT),
        }
    }

    fn answered(&mut self, event: &Event, id: CheckpointId, answer: &Answer) {
        self.counts.answered += 1;
        let Some(Draft { began, view }) =
            self.by_checkpoint.get(&id).and_then(|index| self.checkpoints.get_mut(*index))
        else {
            return;
        };
        let mut text = describe::words(answer.response.as_str());
        if let Some(option) = &answer.option {
            text = format!("{text}: {option}");
        }
        if answer.apply_to == ApplyTo::Step {
            text.push_str(", for this step from here on");
        }
        view.status = views::badge("answered", DONE);
        view.answer = Some(AnswerView {
            text,
            by: event.actor.to_string(),
            at: views::moment(event.at),
            waited: views::between(*began, event.at),
            comment: answer.comment.clone(),
            data: answer.data.as_ref().map(views::text),
        });
    }

    fn settle(&mut self, id: CheckpointId, status: Badge) {
        if let Some(index) = self.by_checkpoint.get(&id) {
            self.checkpoints[*index].view.status = status;
        }
    }
}
