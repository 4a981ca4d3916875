//! What descriptions say: paragraphs, and `code` in them. That is all the Markdown that is understood.

use serde::Serialize;

/// A paragraph, in pieces.
pub(super) type Paragraph = Vec<Span>;

/// A piece of a paragraph.
#[derive(Serialize, Debug, PartialEq)]
pub(super) struct Span {
    text: String,
    code: bool,
}

/// The paragraphs of a description: blank lines stand between them.
pub(super) fn paragraphs(description: Option<&str>) -> Vec<Paragraph> {
    let mut paragraphs = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    // The last paragraph has a blank line after it, too.
    for line in description.unwrap_or_default().lines().chain([""]) {
        let line = line.trim();
        if !line.is_empty() {
            lines.push(line);
        } else if !lines.is_empty() {
            paragraphs.push(spans(&lines.join(" ")));
            lines.clear();
        }
    }
    paragraphs
}

/// Text of a line, as a title is.
pub(super) fn line(text: &str) -> Paragraph {
    spans(text)
}

fn spans(paragraph: &str) -> Paragraph {
    let mut spans = Vec::new();
    let mut push = |text: &str, code| {
        if !text.is_empty() {
            let text = text.to_owned();
            spans.push(Span { text, code });
        }
    };
    let mut rest = paragraph;
    // A backtick without another stands for itself.
    while let Some((before, code, after)) = code(rest) {
        push(before, false);
        push(code, true);
        rest = after;
    }
    push(rest, false);
    spans
}

fn code(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(description: &str) -> Vec<String> {
        let show = |span: Span| {
            let (open, close) = if span.code { ("<", ">") } else { ("", "") };
            format!("{open}{}{close}", span.text)
        };
        paragraphs(Some(description))
            .into_iter()
            .map(|spans| spans.into_iter().map(show).collect())
            .collect()
    }

    #[test]
    fn blank_lines_part_paragraphs_and_backticks_mark_code() {
        assert_eq!(
            shown("One `a`\nline.\n\n\n`b` two"),
            ["One <a> line.", "<b> two"]
        );
        assert_eq!(paragraphs(None), Vec::<Paragraph>::new());
        assert_eq!(paragraphs(Some(" \n ")), Vec::<Paragraph>::new());
    }

    #[test]
    fn a_backtick_without_another_stands_for_itself() {
        assert_eq!(shown("a ` b"), ["a ` b"]);
        assert_eq!(shown("`a` ` b"), ["<a> ` b"]);
    }
}
