//! Expressions: filters and tests that there are not, and constant patterns that cannot be compiled. minijinja tells
//! these when an expression is evaluated; a document is told before.

use minijinja::ErrorKind;

use super::super::environment::environment;
use super::super::expression::Expression;
use super::super::filters::compile_pattern;
use super::super::host_filters::Filters;
use super::super::rendered::{Found, Holes};
use super::super::template::{Piece, Template};
use super::super::tokens::{Token, filter_at, tokens};
use crate::document::Diagnostic;

pub(super) fn holes(holes: &Holes, filters: &Filters, at: &str, found: &mut Vec<Diagnostic>) {
    holes.for_each(&mut |place, hole| {
        let at = format!("{at}{place}");
        match hole {
            Found::Expression(parsed) => expression(parsed, filters, &at, found),
            Found::Template(parsed, _) => template(parsed, filters, &at, found),
        }
    });
}

pub(super) fn template(template: &Template, filters: &Filters, at: &str, found: &mut Vec<Diagnostic>) {
    for parsed in template.pieces().iter().filter_map(Piece::expression) {
        expression(parsed, filters, at, found);
    }
}

pub(super) fn expression(expression: &Expression, filters: &Filters, at: &str, found: &mut Vec<Diagnostic>) {
    let tokens = tokens(expression.source());
    for (index, token) in tokens.iter().enumerate() {
        let before = |back: usize| index.checked_sub(back).and_then(|place| tokens.get(place));
        let Token::Word(word) = token else { continue };
        if filter_at(&tokens, index).is_some() {
            if !filters.exists(word) {
                found.push(unknown_filter(word, at));
            }
            if let (true, Some(Token::Sign('(')), Some(Token::Text(pattern))) =
                (word.starts_with("regex_"), tokens.get(index + 1), tokens.get(index + 2))
            {
                check_pattern(pattern, at, found);
            }
        }
        let tested = before(1) == Some(&Token::Word("is"))
            || (before(1) == Some(&Token::Word("not")) && before(2) == Some(&Token::Word("is")));
        if tested && *word != "not" && !test_exists(word) {
            found.push(Diagnostic::error("expression_unknown", at, format!("there is no test `{word}`")));
        }
    }
}

fn check_pattern(pattern: &str, at: &str, found: &mut Vec<Diagnostic>) {
    // What an escape in a string literal stands for is not worked out here; such a pattern is compiled when it is used.
    if pattern.contains('\\') {
        return;
    }
    if let Err(error) = compile_pattern(pattern) {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        found.push(Diagnostic::error("invalid_pattern", at, format!("no pattern: {reason}")));
    }
}

fn unknown_filter(name: &str, at: &str) -> Diagnostic {
    let found = Diagnostic::error("expression_unknown", at, format!("there is no filter `{name}`"));
    found.with_help("a filter of the host's own must be given to what compiles the document")
}

fn test_exists(name: &str) -> bool {
    let outcome = environment().empty_state().perform_test(name, &[]);
    !matches!(outcome, Err(error) if error.kind() == ErrorKind::UnknownTest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(source: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        expression(&Expression::parse(source).unwrap(), &Filters::default(), "", &mut found);
        found.into_iter().map(|found| found.code).collect()
    }

    #[test]
    fn what_there_is_is_let_through() {
        for source in
            ["a | upper | regex_find('x(.)')", "a is endingwith('.vc')", "a is not defined", "'x | nope'"]
        {
            assert_eq!(codes(source), Vec::<&str>::new(), "{source}");
        }
    }

    #[test]
    fn what_there_is_not_is_told() {
        assert_eq!(codes("a | uper"), ["expression_unknown"]);
        assert_eq!(codes("a is endswith('x')"), ["expression_unknown"]);
        assert_eq!(codes("a | regex_find('(')"), ["invalid_pattern"]);
    }
}
