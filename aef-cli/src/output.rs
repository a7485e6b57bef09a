//! The one place that writes to the standard streams.
//!
//! Results go to stdout, everything said on the way to stderr, so that a pipe gets results alone. A reader that
//! went away (`aef list | head`) is no error.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;

/// Writes a line of a result.
pub(crate) fn result(line: impl Display) {
    write_line(&mut io::stdout().lock(), &line);
}

/// Writes a result that ends its own lines.
pub(crate) fn result_text(text: &str) {
    let mut out = io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Writes a value as one line of JSON.
///
/// # Panics
/// Never: the binary writes only values that JSON can say.
pub(crate) fn json(value: &impl Serialize) {
    result(serde_json::to_string(value).expect("what the binary writes is JSON"));
}

/// Writes a value as indented JSON.
///
/// # Panics
/// Never: the binary writes only values that JSON can say.
pub(crate) fn json_pretty(value: &impl Serialize) {
    result(serde_json::to_string_pretty(value).expect("what the binary writes is JSON"));
}

/// Writes a line that is no result: progress, a hint, an error.
pub(crate) fn note(line: impl Display) {
    write_line(&mut io::stderr().lock(), &line);
}

/// Whether a person reads what is said on the way.
pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether a person can be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Writes a question that is answered on the same line.
pub(crate) fn prompt(text: &str) {
    let mut out = io::stderr().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

fn write_line(out: &mut impl Write, line: &impl Display) {
    // Nobody is left to hear of a stream that cannot be written to.
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
