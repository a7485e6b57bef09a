//! Identifiers. Every id is a newtype; a string never stands for one in a signature.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A text that is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form `{prefix}_…`")]
pub struct InvalidId {
    text: String,
    prefix: &'static str,
}

/// Crockford's base 32 in lower case, as [TypeID](https://github.com/jetify-com/typeid) uses it.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn encode(prefix: &str, id: Uuid) -> String {
    let bits = id.as_u128();
    let mut text = String::with_capacity(prefix.len() + 27);
    text.push_str(prefix);
    text.push('_');
    for place in (0..26).rev() {
        let digit = (bits >> (place * 5)) & 31;
        text.push(char::from(ALPHABET[digit as usize]));
    }
    text
}

fn decode(text: &str, prefix: &'static str) -> Result<Uuid, InvalidId> {
    let invalid = || InvalidId { text: text.chars().take(64).collect(), prefix };
    let suffix = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(invalid)?;
    // 26 digits of five bits hold 130 bits: the first digit may use only three of its five.
    if suffix.len() != 26 || suffix.as_bytes()[0] > b'7' {
        return Err(invalid());
    }
    let mut bits: u128 = 0;
    for byte in suffix.bytes() {
        let digit = ALPHABET.iter().position(|&letter| letter == byte).ok_or_else(invalid)?;
        bits = (bits << 5) | digit as u128;
    }
    Ok(Uuid::from_u128(bits))
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Makes the id that stands for `uuid`.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }

            /// Makes a new id: a UUID of version 7, so that ids sort by the time they were made.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&encode($prefix, self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                decode(text, $prefix).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

uuid_id! {
    /// One execution of a plan, `exec_…`.
    ExecutionId, "exec"
}
uuid_id! {
    /// One question to a person, `chk_…`. Derived, so that a machine that steps again raises the same one.
    CheckpointId, "chk"
}
uuid_id! {
    /// One batch of events on its way to the journal, `batch_…`; sent again, it has no second effect.
    BatchId, "batch"
}

uuid_id! {
    /// One SOP document in all its versions, `sop_…`.
    SopId, "sop"
}
uuid_id! {
    /// One API key, `key_…`; it names the key and gives no access.
    ApiKeyId, "key"
}

impl CheckpointId {
    /// Derives the id of a checkpoint from what it is about.
    #[must_use]
    pub fn derive(execution: ExecutionId, about: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(execution.0.as_bytes());
        hasher.update(about.as_bytes());
        let digest = hasher.finalize();
        let mut bytes = [0u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Makes the id that reads `text`.
            #[must_use]
            pub fn new(text: impl Into<std::sync::Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The id's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, out)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// The id of a step, unique in its document: `[A-Za-z0-9_.-]+`.
    StepId
}
text_id! {
    /// The id of a document, as its author wrote it; every version of it has the same.
    DocumentId
}
text_id! {
    /// Who an execution belongs to. Reads are scoped to one owner.
    OwnerId
}
text_id! {
    /// A worker process. Two live workers never share one.
    WorkerId
}
text_id! {
    /// SHA-256 of a document's canonical JSON, in lower-case hexadecimal.
    DocumentHash
}
text_id! {
    /// SHA-256 of an artifact's bytes, in lower-case hexadecimal.
    ArtifactHash
}

impl ArtifactHash {
    /// How many characters one has.
    pub const LENGTH: usize = 64;
}

/// SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let digest = Sha256::digest(bytes);
    let mut text = String::with_capacity(64);
    for byte in digest {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}

/// Counts the claims of an execution. It grows on every claim and never falls, so that a worker that lost its
/// lease is told from the one that holds it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// A place in the journal: the number of events up to and with it. The first event has 1; 0 is an empty journal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The place `count` events further on.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0 + count)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back() {
        let id = ExecutionId::generate();
        assert_eq!(id.to_string().parse::<ExecutionId>(), Ok(id));
        assert!(id.to_string().starts_with("exec_"));
    }

    #[test]
    fn ids_of_another_kind_and_broken_ones_are_refused() {
        let id = ExecutionId::generate().to_string();
        assert!(id.parse::<CheckpointId>().is_err());
        assert!(id[..id.len() - 1].parse::<ExecutionId>().is_err());
        assert!("exec_8zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<ExecutionId>().is_err(), "more than 128 bits");
        assert!("exec_é".parse::<ExecutionId>().is_err());
    }

    #[test]
    fn ids_sort_by_time() {
        let first = ExecutionId::from_uuid(Uuid::from_u128(1));
        let second = ExecutionId::from_uuid(Uuid::from_u128(2));
        assert!(first.to_string() < second.to_string());
        assert_eq!(first.to_string(), "exec_00000000000000000000000001");
    }

    #[test]
    fn a_derived_id_is_the_same_each_time() {
        let execution = ExecutionId::from_uuid(Uuid::from_u128(7));
        assert_eq!(CheckpointId::derive(execution, "save#1"), CheckpointId::derive(execution, "save#1"));
        assert_ne!(CheckpointId::derive(execution, "save#1"), CheckpointId::derive(execution, "save#2"));
    }
}
