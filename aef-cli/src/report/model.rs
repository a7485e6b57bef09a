//! What a report shows, in the form that its template reads.

use serde::Serialize;

/// The whole report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) execution: String,
    pub(crate) document: String,
    pub(crate) version: Option<String>,
    pub(crate) hash: String,
    pub(crate) parent: Option<String>,
    pub(crate) owner: String,
    pub(crate) title: String,
    pub(crate) goal: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) status: Badge,
    pub(crate) sentence: String,
    pub(crate) created: String,
    pub(crate) started: Option<String>,
    pub(crate) finished: Option<String>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) inputs: Vec<Pair>,
    pub(crate) result: Option<String>,
    pub(crate) failure: Option<FailureView>,
    pub(crate) timeline: Vec<Child>,
    pub(crate) variables: Vec<Pair>,
    pub(crate) writes: Vec<WriteView>,
    pub(crate) events: u64,
}

/// A word with the colour that it is shown in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Badge {
    pub(crate) text: String,
    /// `good`, `bad`, `wait` or `plain`.
    pub(crate) tone: &'static str,
    /// What stands for it where there is no colour.
    pub(crate) mark: &'static str,
}

/// A number of the summary.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) value: String,
    pub(crate) label: &'static str,
}

/// A name and its value as text.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Whether it needs a block of its own.
    pub(crate) long: bool,
}

/// A part of a timeline.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Child {
    /// A step, an iteration, a branch or a handler.
    Node(Node),
    /// An action.
    Action(ActionView),
    /// A question to a person.
    Checkpoint(CheckpointView),
    /// An error.
    Failure(FailureView),
    /// The page, as it was seen.
    Evidence(EvidenceView),
    /// A sentence.
    Note(NoteView),
    /// Variables that were set.
    Values {
        /// Their values.
        values: Vec<Pair>,
    },
}

/// Something that contains others.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Node {
    pub(crate) title: String,
    pub(crate) detail: Option<String>,
    pub(crate) status: Badge,
    pub(crate) at: String,
    pub(crate) took: Option<String>,
    /// Whether it is shown unfolded at first.
    pub(crate) open: bool,
    pub(crate) children: Vec<Child>,
}

/// An action and what became of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ActionView {
    pub(crate) text: String,
    pub(crate) purpose: Option<String>,
    pub(crate) status: Badge,
    pub(crate) at: String,
    pub(crate) took: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) writes: Vec<WriteView>,
    pub(crate) notes: Vec<String>,
    pub(crate) values: Vec<Pair>,
    pub(crate) failure: Option<FailureView>,
    pub(crate) settled: Option<String>,
    pub(crate) file: Option<FileView>,
}

/// A request that may have changed something.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct WriteView {
    pub(crate) at: String,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) status: Option<u16>,
}

/// A question and its answer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CheckpointView {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) at: String,
    pub(crate) risk: String,
    pub(crate) actions: Vec<String>,
    pub(crate) options: Vec<String>,
    pub(crate) failure: Option<FailureView>,
    pub(crate) evidence: Option<EvidenceView>,
    pub(crate) answer: Option<AnswerView>,
    pub(crate) status: Badge,
}

/// What was answered, by whom and when.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AnswerView {
    pub(crate) text: String,
    pub(crate) by: String,
    pub(crate) at: String,
    pub(crate) waited: String,
    pub(crate) comment: Option<String>,
    pub(crate) data: Option<String>,
}

/// An error.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FailureView {
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) step: Option<String>,
}

/// The page, as it was seen.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EvidenceView {
    pub(crate) url: String,
    pub(crate) title: String,
    pub(crate) picture: Option<FileView>,
}

/// A file; a picture that is small enough stands in the report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FileView {
    pub(crate) name: String,
    pub(crate) hash: String,
    pub(crate) size: String,
    /// Whether the same picture stands further up.
    pub(crate) again: bool,
    /// A data URL of our own making: it needs no escaping.
    pub(crate) data: Option<String>,
}

/// A sentence with its time.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NoteView {
    pub(crate) at: String,
    pub(crate) text: String,
    pub(crate) by: Option<String>,
    /// `good`, `bad`, `wait` or `plain`.
    pub(crate) tone: &'static str,
}
