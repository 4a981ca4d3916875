//! The ids of the page's parts.

use std::collections::BTreeSet;

/// Ids that are taken.
#[derive(Default)]
pub(super) struct Anchors(BTreeSet<String>);

impl Anchors {
    /// An id that nothing else has, of letters, digits, `-`, `_` and `.`, whatever the name is made of.
    pub(super) fn claim(&mut self, kind: &str, name: &str) -> String {
        let kept: String = name
            .chars()
            .map(|c| match c {
                c if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') => c,
                _ => '-',
            })
            .collect();
        let wanted = format!("{kind}-{}", kept.trim_matches('-'));
        let mut id = wanted.clone();
        let mut number = 2;
        while !self.0.insert(id.clone()) {
            id = format!("{wanted}-{number}");
            number += 1;
        }
        id
    }
}
