//! Conditional requests (RFC 9110, 13.1): `If-Match` and `If-None-Match`.

/// The conditions of a request. Without any, each of them holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// What a condition names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    /// `*`: any version.
    Any,
    /// These entity tags, each as it was sent.
    Listed(Vec<Vec<u8>>),
}

/// A header that is neither `*` nor a list of entity tags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is * or entity tags in double quotes, such as \"3\"")]
pub struct Malformed(&'static str);

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// `If-Match` names other versions than the current one.
    #[error("the resource was changed meanwhile; its ETag is {0}, read it again")]
    Changed(String),
    /// `If-Match` names the current version by a weak tag.
    #[error("If-Match takes no weak entity tag (RFC 9110, 13.1.1); the resource's ETag is {0}")]
    Weak(String),
    /// `If-Match` is about something that is not there.
    #[error("there is no such resource yet; without If-Match this creates it")]
    Missing,
    /// `If-None-Match` names the current version, or any.
    #[error("the resource is there already; its ETag is {0}")]
    Present(String),
}

impl Preconditions {
    /// Reads the lines of both headers. Several lines of one are one list (RFC 9110, 5.3).
    ///
    /// # Errors
    ///
    /// When a header is malformed.
    pub fn parse<'a>(
        if_match: impl IntoIterator<Item = &'a [u8]>,
        if_none_match: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, Malformed> {
        Ok(Self {
            if_match: Tags::parse(if_match).map_err(|()| Malformed("If-Match"))?,
            if_none_match: Tags::parse(if_none_match).map_err(|()| Malformed("If-None-Match"))?,
        })
    }

    /// Checks the conditions of a change against the current entity tag; none for a resource that
    /// is not there.
    ///
    /// # Errors
    ///
    /// The first condition that does not hold.
    pub fn check_change(&self, current: Option<&str>) -> Result<(), Failed> {
        self.check_match(current)?;
        match current.filter(|tag| self.names(tag)) {
            Some(tag) => Err(Failed::Present(tag.to_owned())),
            None => Ok(()),
        }
    }

    /// Checks the conditions of a read, and says whether the caller has this version already (304).
    ///
    /// # Errors
    ///
    /// When `If-Match` does not hold.
    pub fn check_read(&self, current: &str) -> Result<bool, Failed> {
        self.check_match(Some(current))?;
        Ok(self.names(current))
    }

    /// `If-Match`, compared strongly.
    fn check_match(&self, current: Option<&str>) -> Result<(), Failed> {
        match (&self.if_match, current) {
            (None, _) | (Some(Tags::Any), Some(_)) => Ok(()),
            (Some(_), None) => Err(Failed::Missing),
            (Some(Tags::Listed(tags)), Some(current)) => {
                if tags.iter().any(|tag| tag == current.as_bytes()) {
                    Ok(())
                } else if tags.iter().any(|tag| opaque(tag) == current.as_bytes()) {
                    Err(Failed::Weak(current.to_owned()))
                } else {
                    Err(Failed::Changed(current.to_owned()))
                }
            }
        }
    }

    /// Whether `If-None-Match` names this tag, compared weakly.
    fn names(&self, current: &str) -> bool {
        match &self.if_none_match {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Listed(tags)) => tags.iter().any(|tag| opaque(tag) == current.as_bytes()),
        }
    }
}

impl Tags {
    fn parse<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Self>, ()> {
        let mut lines = lines.into_iter().peekable();
        if lines.peek().is_none() {
            return Ok(None);
        }
        let (mut any, mut tags) = (false, Vec::new());
        for line in lines {
            let mut rest = line.trim_ascii();
            while !rest.is_empty() {
                // Empty items of a list are skipped (RFC 9110, 5.6.1.2).
                if let Some(next) = rest.strip_prefix(b",") {
                    rest = next.trim_ascii_start();
                    continue;
                }
                let length = item(rest).ok_or(())?;
                let (item, next) = rest.split_at(length);
                match item {
                    b"*" => any = true,
                    tag => tags.push(tag.to_vec()),
                }
                rest = next.trim_ascii_start();
                if !rest.is_empty() && !rest.starts_with(b",") {
                    return Err(());
                }
            }
        }
        match (any, tags.is_empty()) {
            (true, _) => Ok(Some(Self::Any)),
            (false, false) => Ok(Some(Self::Listed(tags))),
            (false, true) => Err(()),
        }
    }
}

/// The length of the `*` or entity tag (RFC 9110, 8.8.3) that a list begins with.
fn item(list: &[u8]) -> Option<usize> {
    if list.starts_with(b"*") {
        return Some(1);
    }
    let inner = opaque(list).strip_prefix(b"\"")?;
    let end = inner.iter().position(|byte| *byte == b'"')?;
    let before = list.len() - inner.len();
    let is_tag = inner
        .iter()
        .take(end)
        .all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..));
    is_tag.then_some(before + end + 1)
}

/// An entity tag without the mark of a weak one.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<'a>(lines: &[&'a str]) -> Vec<&'a [u8]> {
        lines.iter().map(|line| line.as_bytes()).collect()
    }

    fn conditions(if_match: &[&str], if_none_match: &[&str]) -> Preconditions {
        Preconditions::parse(bytes(if_match), bytes(if_none_match)).unwrap()
    }

    #[test]
    fn a_change_without_conditions_is_allowed() {
        let none = conditions(&[], &[]);
        assert_eq!(none.check_change(Some("\"1\"")), Ok(()));
        assert_eq!(none.check_change(None), Ok(()));
        assert_eq!(none.check_read("\"1\""), Ok(false));
    }

    #[test]
    fn if_match_allows_the_versions_that_any_of_its_lines_names() {
        for lines in [
            &["\"2\""] as &[_],
            &["*"],
            &["\"1\", \"2\""],
            &["\"1\"", "\"2\""],
            &["\"2\"", "\"1\""],
            &["\"1\"", "*"],
            &[" ,\"a,b\" ,, \"2\","],
        ] {
            let conditions = conditions(lines, &[]);
            assert_eq!(conditions.check_change(Some("\"2\"")), Ok(()), "{lines:?}");
            assert_eq!(conditions.check_read("\"2\""), Ok(false), "{lines:?}");
            let missing = conditions.check_change(None);
            assert_eq!(missing, Err(Failed::Missing), "{lines:?}");
        }
        for lines in [
            &["\"1\""] as &[_],
            &["\"1\"", "\"3\""],
            &["\"22\""],
            &["\"1,\"", "\"2,\""],
        ] {
            let changed = Failed::Changed("\"2\"".into());
            let conditions = conditions(lines, &[]);
            assert_eq!(conditions.check_change(Some("\"2\"")), Err(changed.clone()));
            assert_eq!(conditions.check_read("\"2\""), Err(changed));
        }
    }

    #[test]
    fn if_match_compares_strongly_and_if_none_match_weakly() {
        let weak = conditions(&["W/\"2\""], &[]);
        assert_eq!(
            weak.check_change(Some("\"2\"")),
            Err(Failed::Weak("\"2\"".into()))
        );
        let weak = conditions(&[], &["W/\"2\""]);
        assert_eq!(weak.check_read("\"2\""), Ok(true));
        assert_eq!(
            weak.check_change(Some("\"2\"")),
            Err(Failed::Present("\"2\"".into()))
        );
    }

    #[test]
    fn if_none_match_star_allows_only_what_is_not_there() {
        let star = conditions(&[], &["*"]);
        assert_eq!(star.check_change(None), Ok(()));
        assert_eq!(
            star.check_change(Some("\"1\"")),
            Err(Failed::Present("\"1\"".into()))
        );
        assert_eq!(star.check_read("\"1\""), Ok(true));
    }

    #[test]
    fn if_none_match_names_versions_in_any_line() {
        let known = conditions(&[], &["\"1\"", "\"2\", W/\"3\""]);
        for (tag, is_known) in [
            ("\"1\"", true),
            ("\"2\"", true),
            ("\"3\"", true),
            ("\"4\"", false),
        ] {
            assert_eq!(known.check_read(tag), Ok(is_known), "{tag}");
        }
    }

    #[test]
    fn if_match_is_checked_before_if_none_match() {
        let both = conditions(&["\"1\""], &["\"2\""]);
        assert_eq!(
            both.check_read("\"2\""),
            Err(Failed::Changed("\"2\"".into()))
        );
    }

    #[test]
    fn refuses_what_is_no_list_of_entity_tags() {
        for line in [
            "",
            ",",
            "1",
            "\"1",
            "1\"",
            "w/\"1\"",
            "W/1",
            "\"1\" \"2\"",
            "\"1\"2",
            "* \"1\"",
            "\"a b\"",
            "'1'",
        ] {
            let lines = [line.as_bytes()];
            assert_eq!(
                Preconditions::parse(lines, []),
                Err(Malformed("If-Match")),
                "{line:?}"
            );
            assert_eq!(
                Preconditions::parse([], lines),
                Err(Malformed("If-None-Match")),
                "{line:?}"
            );
        }
    }
}
