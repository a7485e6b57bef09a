//! The filters of the format beside minijinja's own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use regex::{Regex, RegexBuilder};

use super::environment::TIMEZONE;
use super::value::to_json;

pub(crate) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("date", date);
    environment.add_filter("number", number);
    environment.add_filter("regex_find", regex_find);
    environment.add_filter("regex_captures", regex_captures);
    environment.add_filter("regex_find_all", regex_find_all);
    environment.add_filter("slug", slug);
    environment.add_filter("urlencode", urlencode);
    environment.add_filter("json", json);
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// Formats a time in the document's time zone, `%Y-%m-%d` where no format is given. Takes RFC 3339 times, plain dates
/// and dates with times (read in that zone), and seconds since 1970.
#[expect(clippy::needless_pass_by_value, reason = "the shape that filters have")]
fn date(state: &State<'_, '_>, value: Value, format: Option<String>) -> Result<String, Error> {
    let name = state.lookup(TIMEZONE).and_then(|zone| zone.as_str().map(str::to_owned));
    let zone = match name.as_deref() {
        None | Some("UTC") => TimeZone::UTC,
        Some(name) => TimeZone::get(name).map_err(|error| failed("unknown time zone").with_source(error))?,
    };
    let time = read_time(&value, &zone).ok_or_else(|| {
        failed(format!("`{value}` is no date: RFC 3339, a date, or seconds since 1970 are read"))
    })?;
    let format = format.as_deref().unwrap_or("%Y-%m-%d");
    jiff::fmt::strtime::format(format, &time)
        .map_err(|error| failed(format!("`{format}` is no date format")).with_source(error))
}

fn read_time(value: &Value, zone: &TimeZone) -> Option<Zoned> {
    let Some(text) = value.as_str() else {
        let seconds = f64::try_from(value.clone()).ok().filter(|seconds| seconds.abs() < 1e12)?;
        return Some(Timestamp::from_millisecond((seconds * 1e3) as i64).ok()?.to_zoned(zone.clone()));
    };
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.to_zoned(zone.clone()));
    }
    if let Ok(time) = text.parse::<civil::DateTime>() {
        return time.to_zoned(zone.clone()).ok();
    }
    text.parse::<civil::Date>().ok()?.to_zoned(zone.clone()).ok()
}

/// The first number in a text, as `number` reads it from a page; null where there is none.
fn number(value: Value) -> Result<Value, Error> {
    if value.is_number() {
        return Ok(value);
    }
    let Some(text) = value.as_str() else {
        return Err(failed(format!("a number is read from a text, not from a {}", value.kind())));
    };
    Ok(first_number(text).map_or_else(|| Value::from(()), number_value))
}

fn number_value(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

/// Reads the first number of a text: digits grouped by commas, points, apostrophes or spaces, with an optional fraction.
/// The last of two different separators is the decimal one; a lone separator is a decimal one unless exactly three
/// digits follow a comma, or it stands more than once.
pub(crate) fn first_number(text: &str) -> Option<f64> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let digits = &text[start..];
    let end =
        digits.char_indices().find(|&(at, c)| !continues(digits, at, c)).map_or(digits.len(), |(at, _)| at);
    // A dash that joins a word and its number (`INV-12`) is not a sign.
    let before = text[..start].trim_end().strip_suffix(['-', '\u{2212}']);
    let negative = before.is_some_and(|before| !before.ends_with(char::is_alphanumeric));
    let written: String =
        digits[..end].chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).collect();
    let decimal = decimal_separator(&written);
    let mut plain = String::with_capacity(written.len());
    for (at, c) in written.char_indices() {
        if c.is_ascii_digit() {
            plain.push(c);
        } else if Some(at) == decimal {
            plain.push('.');
        }
    }
    let value: f64 = plain.parse().ok()?;
    Some(if negative { -value } else { value })
}

fn continues(text: &str, at: usize, c: char) -> bool {
    if c.is_ascii_digit() {
        return true;
    }
    let mut rest = text[at..].chars().skip(1);
    match c {
        '.' | ',' => rest.next().is_some_and(|next| next.is_ascii_digit()),
        // A space or an apostrophe groups thousands: three digits follow, and then none.
        ' ' | '\u{a0}' | '\u{202f}' | '\'' | '\u{2019}' => {
            rest.by_ref().take(3).filter(char::is_ascii_digit).count() == 3
                && !rest.next().is_some_and(|next| next.is_ascii_digit())
        }
        _ => false,
    }
}

fn decimal_separator(written: &str) -> Option<usize> {
    let last = written.rfind(['.', ','])?;
    let separator = written[last..].chars().next()?;
    let same = written.matches(separator).count();
    let other = written.contains(if separator == '.' { ',' } else { '.' });
    let grouped = separator == ',' && !other && written.len() - last == 4;
    (same == 1 && !grouped).then_some(last)
}

/// How many patterns are kept compiled.
const KEPT_PATTERNS: usize = 256;

/// Compiles a pattern in the syntax of the `regex` crate, bounded in size.
pub(crate) fn compile_pattern(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(1 << 20).dfa_size_limit(1 << 20).build()
}

fn pattern(text: &str) -> Result<Regex, Error> {
    static PATTERNS: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
    if let Some(regex) = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner).get(text) {
        return Ok(regex.clone());
    }
    let regex = compile_pattern(text)
        .map_err(|error| failed(format!("`{text}` is no pattern")).with_source(error))?;
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    if patterns.len() >= KEPT_PATTERNS {
        patterns.clear();
    }
    patterns.insert(text.to_owned(), regex.clone());
    Ok(regex)
}

/// The first group of the first match, or the whole match where the pattern has no group; null where none matches.
#[expect(clippy::needless_pass_by_value, reason = "the shape that filters have")]
fn regex_find(text: String, pattern_text: String) -> Result<Value, Error> {
    let regex = pattern(&pattern_text)?;
    Ok(regex
        .captures(&text)
        .and_then(|found| found.get(1).or_else(|| found.get(0)))
        .map_or_else(|| Value::from(()), |found| Value::from(found.as_str())))
}

/// The whole first match and its groups; null where none matches.
#[expect(clippy::needless_pass_by_value, reason = "the shape that filters have")]
fn regex_captures(text: String, pattern_text: String) -> Result<Value, Error> {
    let regex = pattern(&pattern_text)?;
    Ok(regex.captures(&text).map_or_else(
        || Value::from(()),
        |found| {
            found
                .iter()
                .map(|group| group.map_or_else(|| Value::from(()), |group| group.as_str().into()))
                .collect()
        },
    ))
}

/// Every match: its first group, or the whole where the pattern has no group.
#[expect(clippy::needless_pass_by_value, reason = "the shape that filters have")]
fn regex_find_all(text: String, pattern_text: String) -> Result<Value, Error> {
    let regex = pattern(&pattern_text)?;
    Ok(regex
        .captures_iter(&text)
        .filter_map(|found| found.get(1).or_else(|| found.get(0)))
        .map(|found| Value::from(found.as_str()))
        .collect())
}

/// Lower-case letters and digits, with one hyphen for everything between them.
#[expect(clippy::needless_pass_by_value, reason = "the shape that filters have")]
fn slug(text: String) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    out
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, so that it fits any part of a URL.
#[expect(clippy::needless_pass_by_value, reason = "the shape that filters have")]
fn urlencode(value: Value) -> Result<String, Error> {
    let text = match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_number() || value.kind() == minijinja::value::ValueKind::Bool => value.to_string(),
        None => return Err(failed(format!("a {} does not stand in a URL", value.kind()))),
    };
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    Ok(out)
}

/// The value as JSON.
#[expect(clippy::needless_pass_by_value, reason = "the shape that filters have")]
fn json(value: Value) -> Result<String, Error> {
    to_json(&value).map(|json| json.to_string()).map_err(|(_, message)| failed(message))
}
