//! What an import has found, and what it did about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an import has found and done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// How much there is of what.
    pub counts: ImportCounts,
    /// The secrets that the document asks for, by name. Their values were in the recording and are not in the document.
    pub secrets: Vec<String>,
    /// What a person should look at, in the order of the recording.
    pub warnings: Vec<ImportWarning>,
}

/// How much there is of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportCounts {
    /// Gestures of the recording.
    pub gestures: usize,
    /// Steps of the document.
    pub steps: usize,
    /// Actions of the document.
    pub actions: usize,
    /// Steps of the document that a person does.
    pub manual_steps: usize,
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportWarning {
    /// What it is.
    pub code: ImportWarningCode,
    /// The place of the gesture in the recording, from 0.
    pub gesture: usize,
    /// What was found and what was done about it.
    pub message: String,
}

/// Kinds of what a person should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImportWarningCode {
    /// An address of the browser's own, such as its new tab page, is not opened.
    AddressDropped,
    /// A name and password in an address are left out.
    CredentialsDropped,
    /// A setting that documents do not have is left out.
    SettingDropped,
    /// A frame is named by its place among the frames.
    FrameByPlace,
    /// Something that a person must do.
    ManualStep,
    /// A script is run in the page, which the host must allow.
    ScriptNeeded,
    /// A value was taken for a password and is asked for as a secret.
    SecretMade,
    /// A selector that cannot be looked for is left out; others of the gesture stay.
    SelectorDropped,
    /// An assertion that cannot be made is left out.
    AssertionDropped,
}

impl ImportWarningCode {
    /// The code as reports write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddressDropped => "address_dropped",
            Self::CredentialsDropped => "credentials_dropped",
            Self::SettingDropped => "setting_dropped",
            Self::FrameByPlace => "frame_by_place",
            Self::ManualStep => "manual_step",
            Self::ScriptNeeded => "script_needed",
            Self::SecretMade => "secret_made",
            Self::SelectorDropped => "selector_dropped",
            Self::AssertionDropped => "assertion_dropped",
        }
    }
}

/// One line: `manual_step (gesture 4): …`.
impl fmt::Display for ImportWarning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (gesture {}): {}", self.code.as_str(), self.gesture, self.message)
    }
}
