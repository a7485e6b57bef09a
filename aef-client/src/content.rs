//! What is sent and what is read: JSON, documents, files.

use bytes::Bytes;
use serde_json::Value;

use crate::types;

/// What a request holds.
pub(crate) trait Content {
    /// Its media type and its bytes.
    fn content(&self) -> serde_json::Result<(&str, Bytes)>;

    /// What is written of a value that was read; `None` where it is no JSON.
    #[cfg(test)]
    fn again(value: Value) -> Option<serde_json::Result<Value>>;
}

/// What an answer holds.
pub(crate) trait Answer: Sized {
    /// Reads it.
    fn read(bytes: Bytes) -> Result<Self, Box<dyn std::error::Error + Send + Sync>>;

    /// What is written of a value that was read; `None` where it is no JSON.
    #[cfg(test)]
    fn again(value: Value) -> Option<serde_json::Result<Value>>;
}

/// A document as its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentText {
    /// The text.
    pub text: String,
    /// Whether it is YAML; else it is JSON.
    pub is_yaml: bool,
}

/// A file with its media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBytes {
    /// The bytes.
    pub bytes: Bytes,
    /// The media type, such as `text/csv`.
    pub media_type: String,
}

const JSON: &str = "application/json";

impl Content for DocumentText {
    fn content(&self) -> serde_json::Result<(&str, Bytes)> {
        let media_type = if self.is_yaml { "application/yaml" } else { JSON };
        Ok((media_type, Bytes::copy_from_slice(self.text.as_bytes())))
    }

    #[cfg(test)]
    fn again(_: Value) -> Option<serde_json::Result<Value>> {
        None
    }
}

impl Content for FileBytes {
    fn content(&self) -> serde_json::Result<(&str, Bytes)> {
        Ok((&self.media_type, self.bytes.clone()))
    }

    #[cfg(test)]
    fn again(_: Value) -> Option<serde_json::Result<Value>> {
        None
    }
}

macro_rules! contents {
    ($($name:ty),+ $(,)?) => {$(
        impl Content for $name {
            fn content(&self) -> serde_json::Result<(&str, Bytes)> {
                Ok((JSON, serde_json::to_vec(self)?.into()))
            }

            #[cfg(test)]
            fn again(value: Value) -> Option<serde_json::Result<Value>> {
                Some(serde_json::from_value::<Self>(value).and_then(serde_json::to_value))
            }
        }
    )+};
}

macro_rules! answers {
    ($($name:ty),+ $(,)?) => {$(
        impl Answer for $name {
            fn read(bytes: Bytes) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                Ok(serde_json::from_slice(&bytes)?)
            }

            #[cfg(test)]
            fn again(value: Value) -> Option<serde_json::Result<Value>> {
                Some(serde_json::from_value::<Self>(value).and_then(serde_json::to_value))
            }
        }
    )+};
}

contents!(
    Value,
    types::Act,
    types::Execute,
    types::Fork,
    types::NewKey,
    types::NewSecret,
    types::Process,
    types::ProcessOne,
    types::Respond,
    types::Resume,
    types::Submit,
    types::Transform,
);

answers!(
    types::Accepted,
    types::Answered,
    types::Audit,
    types::Checkpoints,
    types::Document,
    types::Documents,
    types::Engine,
    types::Engines,
    types::Execution,
    types::Executions,
    types::Forked,
    types::Halted,
    types::Health,
    types::KeptDocument,
    types::KeptFile,
    types::Key,
    types::Keys,
    types::LiveMessage,
    types::Logs,
    types::MadeKey,
    types::Performed,
    types::Progress,
    types::Resumed,
    types::Secrets,
    types::Sop,
    types::SopRow,
    types::Sops,
    types::Stats,
    types::Stopped,
    types::Submitted,
    types::Ticket,
    types::Transformed,
    types::ValidatedDocument,
    types::Work,
);

impl Answer for Bytes {
    fn read(bytes: Bytes) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(bytes)
    }

    #[cfg(test)]
    fn again(_: Value) -> Option<serde_json::Result<Value>> {
        None
    }
}

impl Answer for String {
    fn read(bytes: Bytes) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self::from_utf8(bytes.into())?)
    }

    #[cfg(test)]
    fn again(_: Value) -> Option<serde_json::Result<Value>> {
        None
    }
}

impl Answer for () {
    fn read(_: Bytes) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }

    #[cfg(test)]
    fn again(_: Value) -> Option<serde_json::Result<Value>> {
        None
    }
}
