//! Texts as tokens: words, what stands in quotes, templates, addresses, and where a sentence ends.

use super::UnreadReason;

/// The longest quoted text, in bytes.
const MAX_QUOTED: usize = 500;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word as it stands.
    Word,
    /// A text in quotes, without them.
    Quoted,
    /// Exactly one `{{ … }}`.
    Template,
    /// An http or https address, or one that begins with a template.
    Address,
    /// A number, a date, an e-mail address, or a text with templates in it.
    Literal,
    /// `,`.
    Comma,
    /// `:`.
    Colon,
    /// The end of a sentence, of a line or of a list's item.
    Stop,
}

/// A token with its place in the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token<'_> {
    /// Whether it is this word, in whatever case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is a word that begins with a capital letter.
    pub(super) fn is_capitalised(&self) -> bool {
        self.kind == Kind::Word && self.text.starts_with(char::is_uppercase)
    }
}

/// The tokens of a text.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, UnreadReason> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        at += c.len_utf8();
        if c == '\n' {
            found.push(Token { kind: Kind::Stop, text: &text[start..at], start, end: at });
        } else if c.is_whitespace() {
            // Nothing stands here.
        } else if let Some(closing) = closing(c) {
            at = quoted(text, start, at, closing, &mut found)?;
        } else {
            at = run(text, start, &mut found)?;
        }
    }
    Ok(found)
}

/// What ends the quotes that `opening` begins.
const fn closing(opening: char) -> Option<&'static [char]> {
    Some(match opening {
        '"' => &['"'],
        '\'' => &['\''],
        '`' => &['`'],
        '“' => &['”', '“'],
        '„' => &['“', '”'],
        '‘' => &['’'],
        '‚' => &['‘', '’'],
        '«' => &['»'],
        '»' => &['«'],
        '‹' => &['›'],
        '›' => &['‹'],
        '「' => &['」'],
        '『' => &['』'],
        _ => return None,
    })
}

fn quoted<'t>(
    text: &'t str,
    start: usize,
    inside: usize,
    closing: &[char],
    found: &mut Vec<Token<'t>>,
) -> Result<usize, UnreadReason> {
    let end = text[inside..]
        .char_indices()
        .take_while(|&(at, c)| at <= MAX_QUOTED && c != '\n')
        // The apostrophe of “Don't save” ends nothing: a letter follows it.
        .find(|&(at, c)| {
            let after = text[inside + at + c.len_utf8()..].chars().next();
            closing.contains(&c) && !after.is_some_and(char::is_alphanumeric)
        })
        .map(|(at, c)| (inside + at, inside + at + c.len_utf8()));
    let (content, end) = end.map(|(last, end)| (&text[inside..last], end)).ok_or(UnreadReason::Quotes)?;
    if content.trim().is_empty() {
        return Err(UnreadReason::Quotes);
    }
    if !has_sound_templates(content) {
        return Err(UnreadReason::Template);
    }
    found.push(Token { kind: Kind::Quoted, text: content.trim(), start, end });
    Ok(end)
}

/// Reads what stands between two spaces, with its templates, which may hold spaces, in one piece.
fn run<'t>(text: &'t str, start: usize, found: &mut Vec<Token<'t>>) -> Result<usize, UnreadReason> {
    let mut end = start;
    while let Some(c) = text[end..].chars().next() {
        if text[end..].starts_with("{{") {
            end += text[end..].find("}}").ok_or(UnreadReason::Template)? + 2;
            continue;
        }
        // Quotes inside a word are apostrophes; other quotes end it.
        if c.is_whitespace() || (end > start && c != '\'' && closing(c).is_some()) {
            break;
        }
        end += c.len_utf8();
    }
    let whole = &text[start..end];
    if !has_sound_templates(whole) {
        return Err(UnreadReason::Template);
    }
    let begins_clause = found.last().is_none_or(|last: &Token<'_>| last.kind == Kind::Stop);
    if is_bullet(whole) || (begins_clause && is_number_of_item(whole)) {
        found.push(Token { kind: Kind::Stop, text: whole, start, end });
        return Ok(end);
    }
    let core = whole.trim_end_matches(['.', ',', ';', ':', '!', '?', '…']);
    if !core.is_empty() {
        found.push(Token { kind: kind(core), text: core, start, end: start + core.len() });
    }
    for (at, c) in whole[core.len()..].char_indices() {
        let kind = match c {
            ',' => Kind::Comma,
            ':' => Kind::Colon,
            // A question is no instruction, and nothing in the grammar takes the word.
            '?' => Kind::Word,
            _ => Kind::Stop,
        };
        let start = start + core.len() + at;
        let end = start + c.len_utf8();
        found.push(Token { kind, text: &text[start..end], start, end });
    }
    Ok(end)
}

fn kind(core: &str) -> Kind {
    let has_template = core.contains("{{");
    if starts_with_scheme(core) {
        Kind::Address
    } else if core.starts_with("{{") && core.find("}}").is_some_and(|end| end + 2 == core.len()) {
        Kind::Template
    } else if core.starts_with("{{") && core.contains("}}/") {
        Kind::Address
    } else if has_template || is_literal(core) {
        Kind::Literal
    } else {
        Kind::Word
    }
}

fn starts_with_scheme(core: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| core.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// Numbers, dates, amounts and e-mail addresses: texts that cannot be meant otherwise.
fn is_literal(core: &str) -> bool {
    let number = core.trim_start_matches(['+', '-', '$', '€', '£']);
    let is_address = core.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    is_address || number.starts_with(|c: char| c.is_ascii_digit())
}

fn is_bullet(run: &str) -> bool {
    matches!(run, "-" | "*" | "•" | "–" | "—" | "→" | "->" | "=>" | "▪" | "◦")
}

/// `1.`, `12)`, `a)`.
fn is_number_of_item(run: &str) -> bool {
    let Some(number) = run.strip_suffix(['.', ')']) else { return false };
    let is_number = number.len() <= 3 && number.chars().all(|c| c.is_ascii_digit());
    !number.is_empty() && (is_number || (run.ends_with(')') && number.len() == 1))
}

/// Whether every `{{` has its `}}`, and there is no statement.
fn has_sound_templates(text: &str) -> bool {
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let inside = &rest[open + 2..];
        let Some(close) = inside.find("}}") else { return false };
        let name = inside[..close].trim();
        if name.is_empty() || name.contains('{') || rest[..open].contains("}}") {
            return false;
        }
        rest = &inside[close + 2..];
    }
    !rest.contains("}}") && !text.contains("{%") && !text.contains("{#")
}
