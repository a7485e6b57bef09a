//! `aef schema`.

use crate::exit::Exit;
use crate::output;

/// Runs the command.
pub(crate) fn run() -> Exit {
    output::json_pretty(&aef::document::Document::schema());
    Exit::Success
}
