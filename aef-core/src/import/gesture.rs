//! What a recording says, whoever wrote it.

use super::report::{ImportWarning, ImportWarningCode};
use crate::document::{ActionKind, BrowserConfig, Span, Target};

/// A recording that was read.
#[derive(Debug)]
pub(super) struct Recording {
    /// Who wrote it, as `source.kind` of the document.
    pub(super) kind: &'static str,
    /// The recording's own name for the tab that it begins with.
    pub(super) first_tab: String,
    pub(super) title: Option<String>,
    /// How long each gesture may take.
    pub(super) timeout: Option<Span>,
    pub(super) browser: BrowserConfig,
    pub(super) timezone: Option<String>,
    pub(super) gestures: Vec<Recorded>,
    /// How many there were, with those that only set something up.
    pub(super) count: usize,
    pub(super) notes: Notes,
}

/// What a person should look at.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<ImportWarning>);

impl Notes {
    pub(super) fn add(&mut self, code: ImportWarningCode, gesture: usize, message: impl Into<String>) {
        self.0.push(ImportWarning { code, gesture, message: message.into() });
    }

    /// In the order of the recording.
    pub(super) fn into_warnings(mut self) -> Vec<ImportWarning> {
        self.0.sort_by_key(|warning| warning.gesture);
        self.0
    }
}

/// One gesture with what every gesture may have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recorded {
    /// Its place in the recording, from 0.
    pub(super) index: usize,
    /// The tab, by the recording's own name for it.
    pub(super) tab: String,
    pub(super) timeout: Option<Span>,
    pub(super) gesture: Gesture,
    /// Where the tab was after it, if it led somewhere.
    pub(super) landing: Option<Landing>,
    /// The tab that it opened, by the recording's own name for it.
    pub(super) opens: Option<String>,
    /// Whether a file came of it.
    pub(super) downloads: bool,
}

/// The page that a gesture led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Landing {
    pub(super) url: Option<String>,
    pub(super) title: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a recording has few gestures, and most are actions")]
pub(super) enum Gesture {
    /// Anything that an action says as it is.
    Act(ActionKind),
    /// A value in a field.
    Enter(Entry),
    /// A key goes down, by its name in the page.
    KeyDown(String),
    /// A key comes up.
    KeyUp(String),
    /// A key or a combination, put together from its events.
    Press(Stroke),
    /// Something that a person must do.
    Manual { name: String, instructions: String },
    /// Files for a file input, by their names.
    Upload { target: Target, names: Vec<String> },
    /// A tab that was opened by hand.
    Open(String),
    /// The end of a tab.
    Close,
}

/// A value in a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) target: Target,
    pub(super) value: String,
    /// Whether the field is one for a password.
    pub(super) secret: bool,
    /// Whether the field is a list of options.
    pub(super) list: bool,
}

/// A key or a combination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stroke {
    pub(super) keys: String,
    pub(super) edit: Option<Edit>,
}

/// What a key does to the field that has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    /// It writes this.
    Write(char),
    /// It takes away, pastes or undoes.
    Change,
}

impl Recorded {
    pub(super) fn new(index: usize, tab: impl Into<String>, gesture: Gesture) -> Self {
        Self { index, tab: tab.into(), timeout: None, gesture, landing: None, opens: None, downloads: false }
    }
}
