//! A clause on its way through the grammar: what was taken of it and what is left.

use super::tokens::{Kind, Token};

/// What is left of a clause. A copy is a place to come back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'c, 't> {
    tokens: &'c [Token<'t>],
}

impl<'c, 't> Words<'c, 't> {
    pub(super) const fn new(tokens: &'c [Token<'t>]) -> Self {
        Self { tokens }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// What is left.
    pub(super) const fn rest(&self) -> &'c [Token<'t>] {
        self.tokens
    }

    /// The next token, without taking it.
    pub(super) fn peek(&self) -> Option<&'c Token<'t>> {
        self.tokens.first()
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Option<&'c Token<'t>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    /// Takes so many tokens.
    pub(super) fn skip(&mut self, count: usize) {
        self.tokens = self.tokens.get(count..).unwrap_or_default();
    }

    /// Takes the next token if it is of one of these kinds.
    pub(super) fn of(&mut self, kinds: &[Kind]) -> Option<&'c Token<'t>> {
        self.peek().filter(|token| kinds.contains(&token.kind))?;
        self.next()
    }

    /// Takes the words of a phrase if they come next, in whatever case.
    pub(super) fn phrase(&mut self, phrase: &str) -> bool {
        match length_of(self.tokens, phrase) {
            Some(length) => {
                self.skip(length);
                true
            }
            None => false,
        }
    }

    /// Takes the first of these phrases that comes next.
    pub(super) fn any(&mut self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.phrase(phrase))
    }

    /// Takes an article or another word that points at something.
    pub(super) fn article(&mut self) -> bool {
        self.any(&["the", "a", "an", "your", "this"])
    }

    /// Where the first of these phrases stands, with its length.
    pub(super) fn find(&self, phrases: &[&str]) -> Option<(usize, usize)> {
        (0..self.tokens.len()).find_map(|at| {
            phrases.iter().find_map(|phrase| Some((at, length_of(&self.tokens[at..], phrase)?)))
        })
    }

    /// What stands before the first of these phrases, and what after it.
    pub(super) fn split(&self, phrases: &[&str]) -> Option<(Self, Self)> {
        let (at, length) = self.find(phrases)?;
        Some((Self::new(&self.tokens[..at]), Self::new(&self.tokens[at + length..])))
    }

    /// What stands before the last of these phrases, and what after it.
    pub(super) fn split_last(&self, phrases: &[&str]) -> Option<(Self, Self)> {
        (0..self.tokens.len()).rev().find_map(|at| {
            let length = phrases.iter().find_map(|phrase| length_of(&self.tokens[at..], phrase))?;
            Some((Self::new(&self.tokens[..at]), Self::new(&self.tokens[at + length..])))
        })
    }

    /// Everything but the phrase at its end, where it ends with one of these.
    pub(super) fn before(&self, endings: &[&str]) -> Option<Self> {
        endings.iter().find_map(|ending| {
            let start = self.tokens.len().checked_sub(ending.split(' ').count())?;
            length_of(&self.tokens[start..], ending)?;
            Some(Self::new(&self.tokens[..start]))
        })
    }
}

/// How many tokens a phrase takes at the beginning of these, if it stands there.
fn length_of(tokens: &[Token<'_>], phrase: &str) -> Option<usize> {
    let mut length = 0;
    for word in phrase.split(' ') {
        tokens.get(length).filter(|token| token.is(word))?;
        length += 1;
    }
    Some(length)
}
