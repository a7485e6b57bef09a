//! What is shown while an execution runs: a tree on a terminal, lines elsewhere, events as JSON on demand.

mod model;
mod narrate;
mod plain;
mod stream;
mod terminal;

use aef::engine::Recorded;
use aef::execution::ExecutionState;
use serde_json::Value;

pub(crate) use narrate::narrate;

use self::plain::Plain;
use self::stream::Stream;
use self::terminal::Terminal;
use crate::outline::Outline;
use crate::output;

/// Shows an execution while it runs.
#[derive(Debug)]
pub(crate) enum View {
    /// The steps as a tree that is drawn anew.
    Terminal(Terminal),
    /// A line for each thing that happens.
    Plain(Plain),
    /// A line of JSON for each event.
    Stream(Stream),
}

impl View {
    /// The view that fits: JSON where it is asked for, a tree where a person looks.
    pub(crate) fn new(json: bool, document: &Value) -> Self {
        let outline = Outline::of(document);
        if json {
            Self::Stream(Stream)
        } else if output::is_terminal() {
            Self::Terminal(Terminal::new(outline))
        } else {
            Self::Plain(Plain::new(outline))
        }
    }

    /// Says which execution it is.
    pub(crate) fn begin(&mut self, execution: &str, title: &str) {
        match self {
            Self::Terminal(_) | Self::Plain(_) => output::note(format_args!("{title} ({execution})")),
            Self::Stream(_) => Stream::begin(execution),
        }
    }

    /// Takes note of what happened before this process had a hand in it.
    pub(crate) fn replay(&mut self, recorded: &Recorded) {
        match self {
            Self::Terminal(view) => view.fold(&recorded.event),
            Self::Plain(_) | Self::Stream(_) => {}
        }
    }

    /// Shows an event.
    pub(crate) fn event(&mut self, recorded: &Recorded) {
        match self {
            Self::Terminal(view) => view.event(&recorded.event),
            Self::Plain(view) => view.event(&recorded.event),
            Self::Stream(_) => Stream::event(recorded),
        }
    }

    /// Shows how far it is.
    pub(crate) fn state(&mut self, state: &ExecutionState) {
        match self {
            Self::Terminal(view) => view.state(state),
            Self::Plain(_) | Self::Stream(_) => {}
        }
    }

    /// Makes room for questions, until [`View::resume`].
    pub(crate) fn suspend(&mut self) {
        match self {
            Self::Terminal(view) => view.hide(),
            Self::Plain(_) | Self::Stream(_) => {}
        }
    }

    /// Goes on behind a question.
    pub(crate) fn resume(&mut self) {
        match self {
            Self::Terminal(view) => view.show(),
            Self::Plain(_) | Self::Stream(_) => {}
        }
    }

    /// Says something between what is shown.
    pub(crate) fn say(&mut self, line: &str) {
        match self {
            Self::Terminal(view) => view.say(line),
            Self::Plain(_) | Self::Stream(_) => output::note(line),
        }
    }

    /// Shows how it ended, or what it waits for.
    pub(crate) fn end(&mut self, state: &ExecutionState, exit: crate::exit::Exit) {
        match self {
            Self::Terminal(view) => view.end(),
            Self::Plain(_) => {}
            Self::Stream(_) => Stream::end(state, exit),
        }
    }
}
