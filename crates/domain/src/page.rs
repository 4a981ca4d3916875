//! Pages of a list: how many items, and where the next page starts.

use std::fmt::Display;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Items of a page when the caller does not say.
pub const DEFAULT_LIMIT: usize = 50;
/// The most items of a page.
pub const MAX_LIMIT: usize = 200;

/// What a caller asked for with `?limit=&cursor=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The most items to answer, 1 to [`MAX_LIMIT`].
    pub limit: usize,
    /// The id of the last item of the page before; the page starts after it.
    pub after: Option<String>,
}

/// `limit` or `cursor` can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPage {
    /// The limit is no number, or out of range.
    #[error("limit is a whole number from 1 to {MAX_LIMIT}")]
    Limit,
    /// The cursor was not made by this service.
    #[error("cursor is not a next_cursor of this list")]
    Cursor,
}

impl Page {
    /// Parses the two query parameters, each absent or as it came. `is_id` tells whether a
    /// cursor's content is an id of the list's items.
    ///
    /// # Errors
    ///
    /// When the limit is out of range or the cursor is not one that [`cursor`] made.
    pub fn parse(
        limit: Option<&str>,
        cursor: Option<&str>,
        is_id: impl Fn(&str) -> bool,
    ) -> Result<Self, InvalidPage> {
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|n| (1..=MAX_LIMIT).contains(n))
                .ok_or(InvalidPage::Limit)?,
        };
        let after = cursor
            .map(|text| {
                let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
                String::from_utf8(bytes).ok().filter(|id| is_id(id))
            })
            .map(|decoded| decoded.ok_or(InvalidPage::Cursor))
            .transpose()?;
        Ok(Self { limit, after })
    }

    /// Cuts `rows`, which has one more than the page where more follow, to the page, and returns the
    /// cursor of the next one.
    pub fn cut<T, I: Display>(
        &self,
        rows: &mut Vec<T>,
        id: impl FnOnce(&T) -> I,
    ) -> Option<String> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let last = rows.last().filter(|_| more)?;
        Some(cursor(&id(last).to_string()))
    }
}

/// The opaque cursor of the page that follows the item with this id.
pub fn cursor(last_id: &str) -> String {
    URL_SAFE_NO_PAD.encode(last_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_the_id_it_was_made_from() {
        let page = Page::parse(Some("7"), Some(&cursor("evt_1")), |id| id == "evt_1");
        assert_eq!(
            page,
            Ok(Page {
                limit: 7,
                after: Some("evt_1".into())
            })
        );
        assert_eq!(
            Page::parse(None, None, |_| true),
            Ok(Page {
                limit: DEFAULT_LIMIT,
                after: None
            })
        );
    }

    #[test]
    fn a_page_ends_at_its_limit_and_leads_on_where_more_follows() {
        let page = |limit| Page { limit, after: None };
        let mut rows = vec![1, 2, 3];
        assert_eq!(page(2).cut(&mut rows, |row| *row), Some(cursor("2")));
        assert_eq!(rows, [1, 2]);
        assert_eq!(page(2).cut(&mut rows, |row| *row), None);
        assert_eq!(rows, [1, 2]);
        assert_eq!(page(1).cut(&mut Vec::<u8>::new(), |row| *row), None);
    }

    #[test]
    fn limits_out_of_range_and_forged_cursors_are_refused() {
        for limit in ["0", "201", "-1", "ten", "", "1.5"] {
            assert_eq!(
                Page::parse(Some(limit), None, |_| true),
                Err(InvalidPage::Limit)
            );
        }
        for text in ["%%", "x", &cursor("other"), "gIA"] {
            let page = Page::parse(None, Some(text), |id| id == "evt_1");
            assert_eq!(page, Err(InvalidPage::Cursor), "{text}");
        }
    }
}
