//! What descriptions say: paragraphs, lists, and `code` in them. That is all the Markdown that is understood.

use serde::Serialize;

/// A paragraph or a list.
#[derive(Serialize, Debug, PartialEq)]
pub(super) struct Block {
    is_list: bool,
    /// Of a paragraph, there is one.
    items: Vec<Line>,
}

/// Text without breaks, in pieces.
pub(super) type Line = Vec<Span>;

/// A piece of a line.
#[derive(Serialize, Debug, PartialEq)]
pub(super) struct Span {
    text: String,
    code: bool,
}

/// What starts an item of a list.
const BULLET: &str = "- ";

/// The blocks of a description: blank lines stand between them.
pub(super) fn blocks(description: Option<&str>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    // The last block has a blank line after it, too.
    for text in description.unwrap_or_default().lines().chain([""]) {
        let text = text.trim();
        if !text.is_empty() {
            lines.push(text);
        } else if !lines.is_empty() {
            blocks.push(block(&lines));
            lines.clear();
        }
    }
    blocks
}

/// A list, where the first line is an item of one; lines that start no item go on with the one before.
fn block(lines: &[&str]) -> Block {
    let is_list = lines.iter().take(1).any(|first| first.starts_with(BULLET));
    let mut items: Vec<String> = Vec::new();
    for text in lines {
        match (text.strip_prefix(BULLET), items.last_mut()) {
            (Some(item), _) if is_list => items.push(item.to_owned()),
            (_, Some(last)) => {
                last.push(' ');
                last.push_str(text);
            }
            (_, None) => items.push((*text).to_owned()),
        }
    }
    Block {
        is_list,
        items: items.iter().map(|item| line(item)).collect(),
    }
}

/// Text of one line, as a title is.
pub(super) fn line(text: &str) -> Line {
    let mut spans = Vec::new();
    let mut push = |text: &str, code| {
        if !text.is_empty() {
            let text = text.to_owned();
            spans.push(Span { text, code });
        }
    };
    let mut rest = text;
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
        let show = |span: &Span| {
            let (open, close) = if span.code { ("<", ">") } else { ("", "") };
            format!("{open}{}{close}", span.text)
        };
        let item = |item: &Line| item.iter().map(show).collect::<String>();
        blocks(Some(description))
            .iter()
            .map(|block| {
                let items: Vec<String> = block.items.iter().map(item).collect();
                format!(
                    "{}{}",
                    if block.is_list { "* " } else { "" },
                    items.join(" * ")
                )
            })
            .collect()
    }

    #[test]
    fn blank_lines_part_paragraphs_and_backticks_mark_code() {
        assert_eq!(
            shown("One `a`\nline.\n\n\n`b` two"),
            ["One <a> line.", "<b> two"]
        );
        assert_eq!(blocks(None), []);
        assert_eq!(blocks(Some(" \n ")), []);
    }

    #[test]
    fn a_backtick_without_another_stands_for_itself() {
        assert_eq!(shown("a ` b"), ["a ` b"]);
        assert_eq!(shown("`a` ` b"), ["<a> ` b"]);
    }

    #[test]
    fn lines_with_a_bullet_are_a_list() {
        assert_eq!(
            shown("Before:\n\n- one\n  goes on\n- `two`\n\nafter - that"),
            ["Before:", "* one goes on * <two>", "after - that"]
        );
        assert_eq!(shown("-1 is\n- no item"), ["-1 is - no item"]);
    }
}
