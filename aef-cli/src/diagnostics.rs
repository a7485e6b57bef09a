//! Diagnostics as a compiler shows them: with the line of the document that they are about.

use std::path::Path;

use aef::document::{Diagnostic, Diagnostics, Severity};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};

use crate::output;

/// The width of what is shown where nobody looks at a terminal.
const WIDTH: usize = 100;

/// Shows diagnostics on stderr.
pub(crate) fn tell(path: &Path, text: &str, found: &Diagnostics) {
    if found.is_empty() {
        return;
    }
    let theme = if output::is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    output::note(render(path, text, found, theme).trim_end());
    output::note(format_args!("{}: {}", path.display(), count(found)));
}

/// How many there are: `2 errors, 1 warning`.
pub(crate) fn count(found: &Diagnostics) -> String {
    let errors = found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    let warnings = found.len() - errors;
    let plural = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let parts: Vec<_> =
        [plural(errors, "error"), plural(warnings, "warning")].into_iter().flatten().collect();
    if parts.is_empty() { "nothing to say".to_owned() } else { parts.join(", ") }
}

fn render(path: &Path, text: &str, found: &Diagnostics, theme: GraphicalTheme) -> String {
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_context_lines(1)
        .without_syntax_highlighting()
        .with_links(false);
    let mut shown = String::new();
    for diagnostic in found {
        let report = report(path, text, diagnostic);
        // Writing to a string fails only where a source cannot be read, and a text always can.
        let _ = handler.render_report(&mut shown, report.as_ref());
        shown.push('\n');
    }
    shown
}

fn report(path: &Path, text: &str, diagnostic: &Diagnostic) -> Report {
    let severity = match diagnostic.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let pointer = if diagnostic.pointer.is_empty() { "the document" } else { &diagnostic.pointer };
    let mut shown =
        MietteDiagnostic::new(&diagnostic.message).with_code(diagnostic.code).with_severity(severity);
    if let Some(help) = &diagnostic.help {
        shown = shown.with_help(help);
    }
    match diagnostic.position {
        Some(position) => {
            let offset = position.offset.min(text.len());
            let length = position.length.clamp(usize::from(offset < text.len()), text.len() - offset);
            let label = LabeledSpan::new_with_span(Some(pointer.to_owned()), offset..offset + length);
            let source = NamedSource::new(path.display().to_string(), text.to_owned());
            Report::new(shown.with_label(label)).with_source_code(source)
        }
        None => {
            shown.message = format!("{} (at {pointer})", shown.message);
            Report::new(shown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_and_the_pointer_are_shown() {
        let text = "aef: 1\nid: a\nsteps:\n  - idd: b\n";
        let position = aef::document::Position { line: 4, column: 5, offset: 24, length: 3 };
        let wrong = Diagnostic::error("unknown_key", "/steps/0/idd", "there is no key `idd`")
            .with_help("`id` is near")
            .with_position(Some(position));
        let nowhere = Diagnostic::warning("unused_secret", "/secrets/0", "secret `a` is entered nowhere");
        let found = Diagnostics::new(vec![wrong, nowhere]);
        insta::assert_snapshot!(render(
            Path::new("a.aef.yaml"),
            text,
            &found,
            GraphicalTheme::unicode_nocolor()
        ));
        assert_eq!(count(&found), "1 error, 1 warning");
    }
}
