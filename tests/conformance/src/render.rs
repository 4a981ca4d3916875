//! What people and programs are shown: lines, lists, JSON.

use std::fmt::Write as _;

use http::{Method, Uri};
use serde_json::{Value, json};

use crate::behaviour::{Answer, OTHERWISE, TABLE};
use crate::log::{Log, Occurrence, Received, Totals};
use crate::signature::Verdict;

/// How many of the newest the page at `/` shows.
const SHOWN: usize = 100;

/// The behaviours that a path can ask for, as lines of text.
pub fn behaviours() -> String {
    let mut text = "What the path of an action's URL asks for:\n".to_owned();
    for (path, does) in rows() {
        // Markdown is for the documentation.
        let does = does.replace('`', "");
        let _ = writeln!(text, "  {path:<35} {does}");
    }
    text
}

/// The rows of the table of behaviours.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let rows = TABLE.iter().map(|row| (row.path, row.does));
    rows.chain([OTHERWISE])
}

/// One line that says what came and what it got.
pub(crate) fn line(received: &Received) -> String {
    let mut line = format!("{:.3}", received.at);
    let mut add = |text: &str| {
        line.push_str("  ");
        line.push_str(&printable(text));
    };
    add(&format!("{} {}", received.method, received.path));
    add(received.id.as_deref().unwrap_or("(no webhook-id)"));
    add(received.event_type.as_deref().unwrap_or("(no type)"));
    if received.id.is_some() {
        let again = match received.occurrence {
            Occurrence::First | Occurrence::Retry => "",
            Occurrence::Duplicate => ", a duplicate",
        };
        add(&format!("attempt {}{again}", received.attempt));
    }
    add(&format!("signature {}", received.verdict));
    add(&format!("→ {}", received.plan));
    line
}

/// One line for what could not be read.
pub(crate) fn unread(method: &Method, uri: &Uri, answer: &Answer) -> String {
    let line = format!(
        "{method} {uri}  not read: {}  → {answer}",
        answer.text.trim()
    );
    printable(&line)
}

/// The headers and the body of what came, below its line.
pub(crate) fn details(received: &Received) -> String {
    let mut text = String::new();
    for (name, value) in &received.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let _ = writeln!(text, "    {name}: {}", printable(&value));
    }
    text.push('\n');
    let body = match serde_json::from_slice::<Value>(&received.body) {
        Ok(json) => format!("{json:#}"),
        Err(_) => String::from_utf8_lossy(&received.body).into_owned(),
    };
    for line in body.lines() {
        let _ = writeln!(text, "    {}", printable(line));
    }
    let missing = received.body_length - received.body.len();
    if missing > 0 {
        let _ = writeln!(text, "    … and {missing} bytes more");
    }
    text
}

/// The page at `/`.
pub(crate) fn page(log: &Log) -> String {
    let Totals {
        received,
        refused,
        retries,
        duplicates,
    } = log.totals();
    let mut text = format!(
        "{received} received, {refused} of them refused; {retries} retries, {duplicates} duplicates. \
         As JSON: GET /received. To forget them: DELETE /received.\n\n"
    );
    for received in log.newest(None).take(SHOWN) {
        text.push_str(&line(received));
        text.push('\n');
    }
    if received > 0 {
        text.push('\n');
    }
    text.push_str(&behaviours());
    text
}

/// What `GET /received` answers.
pub(crate) fn list(log: &Log, id: Option<&str>) -> String {
    let data: Vec<_> = log.newest(id).map(one).collect();
    let Totals {
        received,
        refused,
        retries,
        duplicates,
    } = log.totals();
    let list = json!({
        "received": received, "refused": refused, "retries": retries, "duplicates": duplicates,
        "data": data,
    });
    format!("{list}\n")
}

fn one(received: &Received) -> Value {
    let mut headers = serde_json::Map::new();
    for (name, value) in &received.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        match headers.get_mut(name.as_str()) {
            // As HTTP lets one write a header that comes several times.
            Some(Value::String(present)) => {
                let _ = write!(present, ", {value}");
            }
            _ => {
                headers.insert(name.to_string(), json!(value));
            }
        }
    }
    let signature = match received.verdict {
        Verdict::NotChecked => "not_checked",
        Verdict::Verified(_) => "verified",
        Verdict::Refused(_) => "refused",
    };
    let occurrence = match received.occurrence {
        Occurrence::First => "first",
        Occurrence::Retry => "retry",
        Occurrence::Duplicate => "duplicate",
    };
    json!({
        "number": received.number,
        "at": format!("{:.3}", received.at),
        "method": received.method.as_str(),
        "path": received.path,
        "id": received.id,
        "type": received.event_type,
        "attempt": received.attempt,
        "occurrence": occurrence,
        "signature": { "verdict": signature, "says": received.verdict.to_string() },
        "answer": received.plan.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&received.body),
        "body_length": received.body_length,
    })
}

/// The text without what could move the cursor or colour the terminal: anybody may send it.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::Behaviour;
    use crate::log::{KEPT_BODY, tests::request};
    use crate::signature::{Refusal, Signer};

    fn add(log: &mut Log, path: &str, id: Option<&str>, body: &str, verdict: Verdict) -> Received {
        log.add(request(path, id, body), verdict, Behaviour::parse(path, ""))
    }

    #[test]
    fn a_line_says_what_came_and_what_it_got() {
        let mut log = Log::default();
        let body = r#"{"type":"message.sent"}"#;
        let verified = Verdict::Verified(vec![Signer::Secret(1)]);
        let received = add(&mut log, "/flaky/1", Some("dlv_1"), body, verified.clone());
        assert_eq!(
            line(&received),
            "2026-11-23T15:04:05.678Z  POST /flaky/1  dlv_1  message.sent  attempt 1  \
             signature verified (v1 by secret 1)  → 503"
        );
        add(&mut log, "/flaky/1", Some("dlv_1"), body, verified.clone());
        let received = add(&mut log, "/flaky/1", Some("dlv_1"), body, verified);
        let shown = line(&received);
        assert!(shown.contains("attempt 3, a duplicate"), "{shown}");
        let refused = Verdict::Refused(Refusal::TooOld(301));
        let received = add(&mut log, "/hang", None, "", refused);
        let shown = line(&received);
        assert!(shown.contains("(no webhook-id)  (no type)  signature refused: "));
        assert!(shown.ends_with("→ 401"), "{shown}");
    }

    #[test]
    fn what_could_not_be_read_is_told_with_the_reason() {
        let answer = Answer::status(413).saying("the body is too long\n");
        let uri = Uri::from_static("/hooks?a=b");
        assert_eq!(
            unread(&Method::POST, &uri, &answer),
            "POST /hooks?a=b  not read: the body is too long  → 413"
        );
    }

    #[test]
    fn what_strangers_send_does_not_write_to_the_terminal() {
        let mut log = Log::default();
        let body = r#"{"type":"\u001b[2J\u0007"}"#;
        let received = add(&mut log, "/", Some("x"), body, Verdict::NotChecked);
        let shown = line(&received);
        assert!(shown.contains(r"\u{1b}[2J\u{7}"), "{shown}");
        let received = add(
            &mut log,
            "/",
            Some("x"),
            "\u{1b}[2J\n\u{9b}",
            Verdict::NotChecked,
        );
        let shown = details(&received);
        assert!(
            !shown.contains(|c: char| c.is_control() && c != '\n'),
            "{shown:?}"
        );
        assert_eq!(shown.lines().count(), 4, "{shown:?}");
    }

    #[test]
    fn details_are_the_headers_and_the_body_and_json_is_laid_out() {
        let mut log = Log::default();
        let received = add(
            &mut log,
            "/",
            Some("dlv_1"),
            r#"{"a":[1]}"#,
            Verdict::NotChecked,
        );
        assert_eq!(
            details(&received),
            "    webhook-id: dlv_1\n\n    {\n      \"a\": [\n        1\n      ]\n    }\n"
        );
        let long = "x".repeat(KEPT_BODY + 5);
        let received = add(&mut log, "/", None, &long, Verdict::NotChecked);
        assert!(details(&received).ends_with("x\n    … and 5 bytes more\n"));
    }

    #[test]
    fn the_list_is_json_with_the_newest_first() {
        let mut log = Log::default();
        for id in ["dlv_1", "dlv_2"] {
            add(&mut log, "/hang", Some(id), "{}", Verdict::NotChecked);
        }
        let list: Value = serde_json::from_str(&list(&log, None)).unwrap();
        assert_eq!(list["received"], 2);
        assert_eq!(list["data"][0]["id"], "dlv_2");
        let first = json!({
            "number": 1, "at": "2026-11-23T15:04:05.678Z", "method": "POST", "path": "/hang",
            "id": "dlv_1", "type": null, "attempt": 1, "occurrence": "first",
            "signature": { "verdict": "not_checked", "says": "not checked" },
            "answer": "no answer", "headers": { "webhook-id": "dlv_1" }, "body": "{}",
            "body_length": 2,
        });
        assert_eq!(list["data"][1], first);
    }

    #[test]
    fn the_list_of_one_id_leaves_the_others_out() {
        let mut log = Log::default();
        for id in ["dlv_1", "dlv_2", "dlv_1"] {
            add(&mut log, "/", Some(id), "{}", Verdict::NotChecked);
        }
        let list: Value = serde_json::from_str(&list(&log, Some("dlv_1"))).unwrap();
        assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
        assert_eq!(list["data"][0]["occurrence"], "duplicate");
        assert_eq!(list["duplicates"], 1);
    }

    #[test]
    fn the_page_shows_what_came_and_what_can_be_asked_for() {
        let mut log = Log::default();
        assert!(page(&log).starts_with("0 received"));
        add(&mut log, "/hooks", Some("dlv_1"), "{}", Verdict::NotChecked);
        let shown = page(&log);
        assert!(shown.starts_with("1 received, 0 of them refused"));
        assert!(shown.contains("POST /hooks  dlv_1"));
        for (path, _) in rows() {
            assert!(shown.contains(path), "{path}");
        }
    }

    #[test]
    fn the_documentation_has_the_same_table() {
        let documented = include_str!("../../../docs/receiver.md");
        let rows: String = rows()
            .map(|(path, does)| format!("| `{path}` | {does} |\n"))
            .collect();
        assert!(documented.contains(&rows), "docs/receiver.md lacks\n{rows}");
    }
}
