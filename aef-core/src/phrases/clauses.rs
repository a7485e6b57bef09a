//! Where one instruction ends and the next begins, and what around it changes nothing.

use super::tokens::{Kind, Token};
use super::words::Words;

/// The verbs with which an instruction begins.
const VERBS: [&str; 62] = [
    "click",
    "double-click",
    "double",
    "right-click",
    "right",
    "tap",
    "press",
    "hit",
    "push",
    "type",
    "enter",
    "input",
    "fill",
    "write",
    "paste",
    "set",
    "go",
    "navigate",
    "open",
    "visit",
    "browse",
    "head",
    "load",
    "reload",
    "refresh",
    "wait",
    "select",
    "choose",
    "pick",
    "check",
    "tick",
    "mark",
    "uncheck",
    "untick",
    "unmark",
    "deselect",
    "clear",
    "empty",
    "upload",
    "attach",
    "extract",
    "read",
    "copy",
    "get",
    "note",
    "capture",
    "save",
    "scroll",
    "hover",
    "point",
    "move",
    "verify",
    "ensure",
    "confirm",
    "make",
    "assert",
    "take",
    "drag",
    "turn",
    "enable",
    "disable",
    "switch",
];

/// Words in front of an instruction that say nothing.
const LEADS: [&str; 14] = [
    "please",
    "now",
    "next",
    "then",
    "first",
    "finally",
    "lastly",
    "afterwards",
    "after that",
    "also",
    "and",
    "once there",
    "there",
    "simply",
];

/// Words by which an instruction depends on something.
const CONDITIONS: [&str; 26] = [
    "if",
    "unless",
    "when",
    "whenever",
    "whether",
    "while",
    "until",
    "each",
    "every",
    "either",
    "or",
    "except",
    "otherwise",
    "else",
    "depending",
    "repeat",
    "not",
    "never",
    "don't",
    "don’t",
    "avoid",
    "without",
    "optionally",
    "all",
    "any",
    "for",
];

/// The instructions of a text.
pub(super) fn split<'c, 't>(tokens: &'c [Token<'t>]) -> Vec<&'c [Token<'t>]> {
    let mut clauses = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < tokens.len() {
        match boundary(&tokens[start..at], &tokens[at..]) {
            Some(length) => {
                clauses.push(&tokens[start..at]);
                at += length;
                start = at;
            }
            None => at += 1,
        }
    }
    clauses.push(&tokens[start..]);
    clauses.into_iter().map(trimmed).filter(|clause| !clause.is_empty()).collect()
}

/// The words of a clause as they stand in the text.
pub(super) fn text<'t>(text: &'t str, clause: &[Token<'_>]) -> &'t str {
    match (clause.first(), clause.last()) {
        (Some(first), Some(last)) => &text[first.start..last.end],
        _ => "",
    }
}

/// How many tokens that mark an end of a clause come next.
fn boundary(before: &[Token<'_>], tokens: &[Token<'_>]) -> Option<usize> {
    let first = tokens.first()?;
    if first.kind == Kind::Stop {
        return Some(1);
    }
    // “In the Email field, type …”: the place comes first.
    let place_first = before.first().is_some_and(|word| is_preposition(word))
        && !before.iter().any(|token| token.kind == Kind::Comma);
    if first.kind == Kind::Comma && place_first {
        return None;
    }
    let mut length = 0;
    let mut has_then = false;
    while let Some(token) = tokens.get(length) {
        let is_then = token.is("then");
        if token.kind != Kind::Comma && !token.is("and") && !token.is("&") && !is_then {
            break;
        }
        has_then |= is_then;
        length += 1;
    }
    let next = Words::new(tokens.get(length..)?);
    (length > 0 && (has_then || begins_instruction(next))).then_some(length)
}

/// Whether an instruction begins here. A capital would be a name: “Save and Close”.
fn begins_instruction(mut words: Words<'_, '_>) -> bool {
    while words.any(&LEADS) {}
    words.peek().is_some_and(|word| {
        word.kind == Kind::Word && !word.is_capitalised() && VERBS.iter().any(|verb| word.is(verb))
    })
}

/// Without the words in front and the punctuation behind that say nothing.
fn trimmed<'c, 't>(clause: &'c [Token<'t>]) -> &'c [Token<'t>] {
    let mut words = Words::new(clause);
    loop {
        let mut ahead = words;
        let is_number = ahead.phrase("step") && ahead.of(&[Kind::Literal]).is_some();
        if is_number || ahead.any(&LEADS) || ahead.of(&[Kind::Comma, Kind::Colon]).is_some() {
            words = ahead;
        } else {
            break;
        }
    }
    let mut rest = words.rest();
    while let Some((last, before)) = rest.split_last()
        && (matches!(last.kind, Kind::Comma | Kind::Colon) || last.is("and") || last.is("then"))
    {
        rest = before;
    }
    rest
}

fn is_preposition(word: &Token<'_>) -> bool {
    ["in", "into", "inside", "on", "from", "under"].iter().any(|preposition| word.is(preposition))
}

/// What comes before “to continue”, “in order to save the record”, “so that the list is current”. The tail may name
/// nothing definite: “to change the name to 'Nova'” is an instruction of its own.
pub(super) fn without_purpose<'c, 't>(words: Words<'c, 't>) -> Option<Words<'c, 't>> {
    let (main, tail) = words.split(&["in order to", "so that", "so as to", "to"])?;
    let determiner =
        ["the", "a", "an", "left", "right", "top", "bottom", "your", "this", "that", "its", "it"];
    let says_why = tail.peek().is_some_and(|word| {
        word.kind == Kind::Word && !word.is_capitalised() && !determiner.iter().any(|other| word.is(other))
    }) || words.find(&["so that"]).is_some();
    let is_vague = tail.rest().iter().all(|token| matches!(token.kind, Kind::Word));
    (says_why && is_vague && !main.is_empty() && !is_conditional(tail)).then_some(main)
}

/// Whether something depends on something else.
pub(super) fn is_conditional(words: Words<'_, '_>) -> bool {
    words.find(&CONDITIONS).is_some()
}
