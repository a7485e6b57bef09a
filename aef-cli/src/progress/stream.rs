//! What happens, as lines of JSON on stdout: one `execution`, an `event` for each event of the journal, one `end`.

use aef::engine::Recorded;
use aef::execution::ExecutionState;
use serde::Serialize;

use crate::exit::Exit;
use crate::output;

/// Prints lines of JSON.
#[derive(Debug)]
pub(crate) struct Stream;

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'a> {
    Execution {
        id: &'a str,
    },
    Event {
        #[serde(flatten)]
        recorded: &'a Recorded,
    },
    End {
        exit: u8,
        state: &'a ExecutionState,
    },
}

impl Stream {
    pub(super) fn begin(execution: &str) {
        output::json(&Line::Execution { id: execution });
    }

    pub(super) fn event(recorded: &Recorded) {
        output::json(&Line::Event { recorded });
    }

    pub(super) fn end(state: &ExecutionState, exit: Exit) {
        output::json(&Line::End { exit: exit as u8, state });
    }
}
