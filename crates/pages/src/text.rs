//! How times, durations and documents are written on pages.

use std::{
    borrow::Borrow,
    fmt::{self, Write as _},
};

use askama::filters::HtmlSafe;
use domain::time::Timestamp;

/// A time: in UTC where nothing else is known. The script writes it in the reader's own zone; the
/// title keeps the exact UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct When(Timestamp);

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.0.to_string();
        let (date, time) = exact.split_once('T').unwrap_or((&exact, ""));
        let time = time.get(..8).unwrap_or(time);
        write!(
            f,
            "<time datetime=\"{exact}\" title=\"{exact}\">{date} {time} UTC</time>"
        )
    }
}

/// The time, as pages write it.
pub(crate) fn when(time: impl Borrow<Timestamp>) -> When {
    When(*time.borrow())
}

/// So many milliseconds, as pages write them.
pub(crate) fn took(milliseconds: impl Borrow<u64>) -> Took {
    Took(*milliseconds.borrow())
}

/// It consists of digits and signs of its own.
impl HtmlSafe for When {}

/// How long something took, given in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took(u64);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms @ ..1_000 => write!(f, "{ms} ms"),
            ms => write!(f, "{}.{} s", ms / 1_000, ms % 1_000 / 100),
        }
    }
}

/// The units that durations are written in, the longest first, with their seconds.
const UNITS: [(&str, u32); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Delays, given in seconds, as people write them: `5s, 5m, 2h`.
pub(crate) fn delays(seconds: &[u32]) -> String {
    let mut text = String::new();
    for (at, delay) in seconds.iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        let unit = UNITS.iter().find(|(_, unit)| delay % unit == 0);
        let (name, unit) = unit.copied().unwrap_or(("s", 1));
        // A text takes whatever is written to it.
        let _ = write!(text, "{}{name}", delay / unit);
    }
    text
}

/// The seconds of delays as people write them: numbers, each with `s`, `m`, `h` or `d`, or none
/// for seconds, with commas or spaces between.
///
/// # Errors
///
/// With the first that is none.
pub(crate) fn parse_delays(text: &str) -> Result<Vec<u32>, String> {
    text.split([',', ' ', '\n', '\r'])
        .filter(|delay| !delay.is_empty())
        .map(|delay| {
            let digits = delay.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let unit = match &delay[digits.len()..] {
                "" => Some(1),
                name => UNITS
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, unit)| *unit),
            };
            let number: Option<u32> = digits.parse().ok();
            let seconds = number.zip(unit).and_then(|(n, unit)| n.checked_mul(unit));
            seconds.ok_or_else(|| {
                format!("has {delay:?}, which is no delay such as 30s, 5m, 2h or 1d")
            })
        })
        .collect()
}

/// The longest JSON text that is shown, in bytes.
const MAX_SHOWN: usize = 64 * 1024;

/// JSON with line breaks and indentation. What it says is left as it is: numbers, the order of
/// members, escapes.
pub(crate) fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let mut characters = json.chars().peekable();
    while let Some(c) = characters.next() {
        if out.len() > MAX_SHOWN {
            out.push_str("\n… the rest is left out here; the API has it all");
            break;
        }
        if in_text {
            out.push(c);
            in_text = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            '"' => {
                in_text = true;
                out.push(c);
            }
            '{' | '[' => {
                while characters.next_if(char::is_ascii_whitespace).is_some() {}
                out.push(c);
                if let Some(close) = characters.next_if(|&next| next == '}' || next == ']') {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_survive_being_written_and_read() {
        for seconds in [vec![], vec![5, 300, 1_800, 7_200, 86_400], vec![61, 3_601]] {
            assert_eq!(parse_delays(&delays(&seconds)), Ok(seconds));
        }
        assert_eq!(delays(&[5, 300, 7_200, 604_800]), "5s, 5m, 2h, 7d");
        assert_eq!(parse_delays(" 5 5m,\r\n1d "), Ok(vec![5, 300, 86_400]));
    }

    #[test]
    fn what_is_no_delay_is_named() {
        for (text, part) in [
            ("5x", "5x"),
            ("m", "\"m\""),
            ("-1", "-1"),
            ("99999999d", "99999999d"),
        ] {
            let error = parse_delays(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn json_is_indented_and_otherwise_left_as_it_is() {
        let json = r#"{"b":1.50,"a":["{\"x\":[1]}",{}, [ ]],"é":null}"#;
        let expected = "{\n  \"b\": 1.50,\n  \"a\": [\n    \"{\\\"x\\\":[1]}\",\n    {},\n    []\n  ],\n  \"é\": null\n}";
        assert_eq!(indented(json), expected);
        let values = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(values(&indented(json)), values(json));
    }

    #[test]
    fn long_json_is_cut_and_says_so() {
        let long = format!("[{}0]", "1,".repeat(100_000));
        let shown = indented(&long);
        assert!(shown.len() < 2 * MAX_SHOWN);
        assert!(shown.ends_with("the API has it all"));
    }

    #[test]
    fn times_and_durations_read_well() {
        let when = When(Timestamp::from_millis(1_795_446_245_120)).to_string();
        assert!(when.contains(">2026-11-23 15:04:05 UTC<"), "{when}");
        assert!(
            when.contains("title=\"2026-11-23T15:04:05.120Z\""),
            "{when}"
        );
        assert_eq!(Took(999).to_string(), "999 ms");
        assert_eq!(Took(1_960).to_string(), "1.9 s");
    }
}
