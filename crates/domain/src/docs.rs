//! Reads the user documentation, for tests that try its examples.

/// What stands under the heading, up to the next of its level or above.
pub(crate) fn section<'d>(document: &'d str, heading: &str) -> &'d str {
    let start = document.find(&format!("{heading}\n")).expect(heading) + heading.len();
    let level = heading.find(' ').expect("a heading is # and a text");
    let ends = (1..=level).map(|level| format!("\n{} ", "#".repeat(level)));
    let rest = &document[start..];
    let end = ends.filter_map(|end| rest.find(&end)).min();
    &rest[..end.unwrap_or(rest.len())]
}

/// The fenced blocks of this language, in their order.
pub(crate) fn blocks<'d>(document: &'d str, language: &str) -> Vec<&'d str> {
    let fences: Vec<_> = document.split("\n```").skip(1).collect();
    let (pairs, []) = fences.as_chunks::<2>() else {
        panic!("a fence is not closed");
    };
    let blocks = pairs.iter().filter_map(|[block, _]| block.split_once('\n'));
    let blocks = blocks.filter(|(of, _)| *of == language);
    blocks.map(|(_, block)| block).collect()
}

/// The examples of the blocks of text: what is written, and what that makes, with an arrow in
/// between.
pub(crate) fn examples(document: &str) -> Vec<(&str, &str)> {
    let lines = blocks(document, "text").into_iter().flat_map(str::lines);
    lines
        .map(|line| {
            let (written, makes) = line.split_once('→').expect(line);
            (written.trim_end(), makes.trim_start())
        })
        .collect()
}

/// The rows of all tables with these headings: the text of each cell, or its code.
pub(crate) fn rows<const N: usize>(document: &str, headings: [&str; N]) -> Vec<[String; N]> {
    let mut rows = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if cells(line) != headings {
            continue;
        }
        // The line between the headings and the rows.
        lines.next();
        let table = lines.by_ref().take_while(|line| line.starts_with('|'));
        rows.extend(table.map(|row| {
            let cells = cells(row).into_iter().map(code);
            let cells: Vec<String> = cells.collect();
            <[String; N]>::try_from(cells).expect(row)
        }));
    }
    assert!(!rows.is_empty(), "no table of {headings:?}");
    rows
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line
        .strip_prefix("| ")
        .and_then(|line| line.strip_suffix(" |"));
    inner.map_or_else(Vec::new, |inner| inner.split(" | ").collect())
}

/// What a cell has, without the signs around it where all of it is code.
fn code(cell: &str) -> String {
    let inner = cell
        .strip_prefix('`')
        .and_then(|cell| cell.strip_suffix('`'));
    inner
        .filter(|inner| !inner.contains('`'))
        .unwrap_or(cell)
        .to_owned()
}
