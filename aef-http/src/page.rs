//! Lists in pages, by opaque cursors.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::problem::Problem;

/// How many a page holds where nothing else is asked.
const USUAL: u32 = 50;

/// How many a page holds at most.
pub(crate) const MOST: u32 = 100;

/// Where a page begins, and how long it is.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// How many; 50 where nothing is asked.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

impl PageParams {
    pub(crate) const fn new(cursor: Option<String>, limit: Option<u32>) -> Self {
        Self { cursor, limit }
    }

    /// Behind which one the page begins.
    pub(crate) fn after<T: FromStr>(&self) -> Result<Option<T>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bad = || Problem::malformed("`cursor` is none that this list gave");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
        let text = String::from_utf8(bytes).map_err(|_| bad())?;
        // Nothing that a list gave has a NUL in it, and not every store can be asked for one.
        if text.contains('\0') {
            return Err(bad());
        }
        text.parse().map(Some).map_err(|_| bad())
    }

    /// How many the page holds.
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        match self.limit.unwrap_or(USUAL) {
            limit @ 1..=MOST => Ok(limit),
            _ => Err(Problem::malformed(format!("`limit` is from 1 to {MOST}"))),
        }
    }
}

/// The cursor of the page behind `last`.
pub(crate) fn cursor(last: impl Display) -> String {
    URL_SAFE_NO_PAD.encode(last.to_string())
}

/// Cuts what was asked with one more than the page holds, and tells whether there is more.
pub(crate) fn cut<T>(items: &mut Vec<T>, limit: u32, id: impl FnOnce(&T) -> String) -> Option<String> {
    let limit = limit as usize;
    if items.len() <= limit {
        return None;
    }
    items.truncate(limit);
    items.last().map(|last| cursor(id(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_another_is_refused() {
        let params = |cursor: String| PageParams::new(Some(cursor), None);
        assert_eq!(params(cursor(42)).after::<u64>().unwrap(), Some(42));
        assert!(params("%%%".to_owned()).after::<u64>().is_err());
        assert!(params(cursor("x")).after::<u64>().is_err());
        assert!(params(cursor("a\0")).after::<String>().is_err());
    }

    #[test]
    fn a_page_has_bounds() {
        let limit = |limit| PageParams::new(None, Some(limit)).limit();
        assert!(limit(0).is_err() && limit(101).is_err());
        assert_eq!(limit(100).unwrap(), 100);
        let mut items = vec![1, 2, 3];
        assert_eq!(cut(&mut items, 3, ToString::to_string), None);
        assert_eq!(cut(&mut items, 2, ToString::to_string), Some(cursor(2)));
        assert_eq!(items, [1, 2]);
    }
}
