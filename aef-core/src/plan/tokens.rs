//! The words, literals and signs of an expression: enough to look at it without the parser's own tree.

/// A part of an expression.
#[derive(Debug, PartialEq)]
pub(crate) enum Token<'s> {
    Word(&'s str),
    Text(&'s str),
    Sign(char),
}

/// Splits an expression into words, string literals (without quotes) and signs.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' | '\'' => {
                let end = literal_end(rest, first);
                tokens.push(Token::Text(rest[1..end].trim_end_matches(first)));
                end
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                tokens.push(Token::Word(&rest[..end]));
                end
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token::Sign(c));
                }
                c.len_utf8()
            }
        };
        rest = &rest[end..];
    }
    tokens
}

/// The name of the filter that stands at this place.
pub(crate) fn filter_at<'s>(tokens: &[Token<'s>], place: usize) -> Option<&'s str> {
    let before = place.checked_sub(1).and_then(|before| tokens.get(before))?;
    match (before, tokens.get(place)?) {
        (Token::Sign('|'), Token::Word(word)) => Some(word),
        _ => None,
    }
}

fn literal_end(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// How many operators an expression has: each makes the tree of it deeper by one.
pub(crate) fn operators(source: &str) -> usize {
    const WORDS: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];
    let operator = |token: &Token<'_>| match token {
        Token::Word(word) => WORDS.contains(word),
        Token::Text(_) => false,
        Token::Sign(sign) => !matches!(sign, ',' | ':' | '(' | ')' | '[' | ']' | '{' | '}'),
    };
    tokens(source).iter().filter(|token| operator(token)).count()
}
