//! Asking the person who is there, whoever performs the execution: this process or a server.

use aef::execution::Answer;
use aef::recovery::RecoveryOption;

use crate::args::{Checkpoints, DriveArgs};
use crate::output;
use crate::prompt::{self, Lines};
use crate::questions::{Offer, Question};

/// What to do about how an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Watch on.
    On,
    /// What was answered was not taken: see how it stands now.
    Again,
    /// Nothing more happens here.
    End,
}

/// What has become of a question.
#[derive(Debug)]
pub(crate) enum Reply<T> {
    /// The person has answered.
    Given(T),
    /// Somebody else has, or the time is over.
    Overtaken,
    /// Nobody types any more.
    Nobody,
}

/// Asks the person at the terminal, where there is one and the command line does not say otherwise.
#[derive(Debug)]
pub(crate) struct Asker<'a> {
    args: &'a DriveArgs,
    lines: Lines,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(args: &'a DriveArgs) -> Self {
        Self { args, lines: Lines::default() }
    }

    /// Whether somebody is there to be asked.
    pub(crate) fn may_ask(&self) -> bool {
        self.args.checkpoints != Checkpoints::Wait && output::can_ask()
    }

    /// Whether a question is answered with yes, without asking.
    pub(crate) fn approves(&self, question: &Question) -> bool {
        self.args.checkpoints == Checkpoints::Approve && question.is_routine()
    }

    /// Asks a question, unless `overtaken` ends first.
    pub(crate) async fn answer(
        &mut self,
        question: &Question,
        overtaken: impl Future<Output = ()>,
    ) -> Reply<Answer> {
        output::note(question.to_string().trim_end());
        let answer = prompt::answer(&mut self.lines, question, self.args.perform.headed);
        until(answer, overtaken).await
    }

    /// Asks how to recover, unless `overtaken` ends first.
    pub(crate) async fn recovery(
        &mut self,
        offer: &Offer,
        overtaken: impl Future<Output = ()>,
    ) -> Reply<RecoveryOption> {
        output::note(offer.to_string().trim_end());
        let chosen = prompt::recovery(&mut self.lines, &offer.options, self.args.perform.headed);
        until(chosen, overtaken).await
    }

    /// Waits until the person presses Enter, unless `overtaken` ends first.
    pub(crate) async fn enter(&mut self, overtaken: impl Future<Output = ()>) -> bool {
        tokio::select! {
            typed = self.lines.next() => typed.is_some(),
            () = overtaken => false,
        }
    }
}

async fn until<T>(asked: impl Future<Output = Option<T>>, overtaken: impl Future<Output = ()>) -> Reply<T> {
    tokio::select! {
        answer = asked => answer.map_or(Reply::Nobody, Reply::Given),
        () = overtaken => {
            // The prompt's line ends here.
            output::note("");
            Reply::Overtaken
        }
    }
}
