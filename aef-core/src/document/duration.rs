//! Durations as documents write them: `"30s"`, `"5m"`, or a number of seconds.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time: `"250ms"`, `"30s"`, `"5m"`, `"1.5h"`, `"30d"`, or a number of seconds. At most 100 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub Duration);

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write a number and one of ms, s, m, h, d, for example \"30s\"")]
pub struct InvalidSpan(String);

const MAX_SECONDS: f64 = 100.0 * 365.0 * 86_400.0;

impl Span {
    /// A span of this many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    fn from_seconds(seconds: f64, text: impl FnOnce() -> String) -> Result<Self, InvalidSpan> {
        if seconds.is_finite() && (0.0..=MAX_SECONDS).contains(&seconds) {
            // Microseconds are as fine as anybody writes; rounding keeps "0.1s" at exactly 100 ms.
            Ok(Self(Duration::from_micros((seconds * 1e6).round() as u64)))
        } else {
            Err(InvalidSpan(text()))
        }
    }
}

impl FromStr for Span {
    type Err = InvalidSpan;
    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let invalid = || InvalidSpan(text.chars().take(40).collect());
        let trimmed = text.trim();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let number: f64 = trimmed[..digits].parse().map_err(|_| invalid())?;
        let unit = match trimmed[digits..].trim_start() {
            "ms" => 0.001,
            "s" | "" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(invalid()),
        };
        Self::from_seconds(number * unit, || text.to_owned())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match millis {
            0 => out.write_str("0s"),
            _ if millis.is_multiple_of(86_400_000) => write!(out, "{}d", millis / 86_400_000),
            _ if millis.is_multiple_of(3_600_000) => write!(out, "{}h", millis / 3_600_000),
            _ if millis.is_multiple_of(60_000) => write!(out, "{}m", millis / 60_000),
            _ if millis.is_multiple_of(1_000) => write!(out, "{}s", millis / 1_000),
            _ => write!(out, "{millis}ms"),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer) {
            Ok(Written::Number(seconds)) => Self::from_seconds(seconds, || seconds.to_string()),
            Ok(Written::Text(text)) => text.parse(),
            Err(_) => return Err(serde::de::Error::custom("expected a duration, for example \"30s\"")),
        }
        .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: \"250ms\", \"30s\", \"5m\", \"1h\", \"30d\", or a number of seconds.",
            "anyOf": [
                { "type": "string", "pattern": "^\\s*[0-9]+(\\.[0-9]+)?\\s*(ms|s|m|h|d)?\\s*$" },
                { "type": "number", "minimum": 0 }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_reads_and_writes() {
        for text in ["250ms", "30s", "5m", "1h", "30d", "0s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("1.5h".parse::<Span>().unwrap().to_string(), "90m");
        assert_eq!(serde_json::from_str::<Span>("2.5").unwrap().0, Duration::from_millis(2500));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "5 weeks", "-5s", "1e9", "99999999999d", "1.2.3s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Span>("-1").is_err());
        assert!(serde_json::from_str::<Span>("[1]").is_err());
    }
}
