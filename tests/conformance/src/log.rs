//! What came, and how often.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::Value;
use standardwebhooks::HEADER_WEBHOOK_ID;

use crate::behaviour::{Answer, Behaviour, Misnamed, Plan};
use crate::render;
use crate::signature::Verdict;

/// How many of the newest are kept.
pub(crate) const KEPT: usize = 1_000;

/// How much of a body is kept, in bytes: a thousand of them fit into any machine.
pub(crate) const KEPT_BODY: usize = 64 * 1024;

/// How many ids are counted. A retry comes days later; by then as many others may have come.
const COUNTED: usize = 10_000;

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request {
    /// When it had come whole.
    pub(crate) at: Timestamp,
    /// Its method.
    pub(crate) method: Method,
    /// Its path and query.
    pub(crate) path: String,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Bytes,
}

/// What was received, and what was made of it.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its number, counted from 1 since the start, or since all was forgotten.
    pub number: u64,
    /// When it had come whole.
    pub at: Timestamp,
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// The first 64 KiB of its body.
    pub body: Bytes,
    /// The length of its body, in bytes.
    pub body_length: usize,
    /// Its `webhook-id`, where it has one.
    pub id: Option<String>,
    /// The `type` in its body, where there is one.
    pub event_type: Option<String>,
    /// How many requests with its `webhook-id`, or without any, came to its path, itself included.
    pub attempt: u32,
    /// What it is to those before it.
    pub occurrence: Occurrence,
    /// What is to be thought of its signature.
    pub verdict: Verdict,
    /// What it gets.
    pub plan: Plan,
}

/// What a request is to those before it with the same `webhook-id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurrence {
    /// It is the first.
    First,
    /// None before it was answered with success.
    Retry,
    /// One before it was: the answer got lost, or somebody sends again. A receiver acts on it once.
    Duplicate,
}

/// All that was received.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// The newest are last.
    kept: VecDeque<Received>,
    counts: HashMap<String, Count>,
    /// The ids in `counts`, in the order in which they first came.
    counted: VecDeque<String>,
    totals: Totals,
}

/// What came since the start, or since it was last forgotten.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) received: u64,
    pub(crate) refused: u64,
    pub(crate) retries: u64,
    pub(crate) duplicates: u64,
}

/// What came under one id.
#[derive(Debug, Default)]
struct Count {
    /// All of it.
    seen: u32,
    /// What was let through.
    believed: u32,
    /// Whether something of that was answered with success.
    succeeded: bool,
}

impl Log {
    /// Notes a request, and decides what it gets: what does not verify 401, anything else what its path
    /// asks for.
    pub(crate) fn add(
        &mut self,
        request: Request,
        verdict: Verdict,
        behaviour: Result<Behaviour, Misnamed>,
    ) -> Received {
        let id = request.headers.get(HEADER_WEBHOOK_ID);
        let id = id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        // Whoever tries a path by hand sends no id.
        let count = self.count(id.clone().unwrap_or_else(|| request.path.clone()));

        let occurrence = match (count.seen, count.succeeded) {
            (0, _) => Occurrence::First,
            (_, false) => Occurrence::Retry,
            (_, true) => Occurrence::Duplicate,
        };
        count.seen += 1;
        let attempt = count.seen;
        let plan = match &verdict {
            Verdict::Refused(refusal) => {
                Plan::Answer(Answer::status(401).saying(format!("{refusal}\n")))
            }
            Verdict::NotChecked | Verdict::Verified(_) => {
                count.believed += 1;
                match behaviour {
                    Ok(behaviour) => behaviour.plan(count.believed - 1),
                    Err(Misnamed(reason)) => {
                        let text = format!("{reason}\n\n{}", render::behaviours());
                        Plan::Answer(Answer::status(404).saying(text))
                    }
                }
            }
        };
        count.succeeded |= plan.is_success();

        self.totals.received += 1;
        match occurrence {
            Occurrence::First => {}
            Occurrence::Retry => self.totals.retries += 1,
            Occurrence::Duplicate => self.totals.duplicates += 1,
        }
        if matches!(verdict, Verdict::Refused(_)) {
            self.totals.refused += 1;
        }
        let received = Received {
            number: self.totals.received,
            at: request.at,
            method: request.method,
            path: request.path,
            event_type: event_type(&request.body),
            body_length: request.body.len(),
            body: kept(&request.body),
            headers: request.headers,
            id,
            attempt,
            occurrence,
            verdict,
            plan,
        };
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(received.clone());
        received
    }

    /// What is kept, the newest first; of this `webhook-id` alone, where one is given.
    pub(crate) fn newest<'a>(
        &'a self,
        id: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Received> + Clone {
        let wanted =
            move |received: &&Received| id.is_none_or(|id| received.id.as_deref() == Some(id));
        self.kept.iter().rev().filter(wanted)
    }

    /// What came, counted.
    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    fn count(&mut self, key: String) -> &mut Count {
        if !self.counts.contains_key(&key) {
            if self.counted.len() == COUNTED
                && let Some(oldest) = self.counted.pop_front()
            {
                self.counts.remove(&oldest);
            }
            self.counted.push_back(key.clone());
        }
        self.counts.entry(key).or_default()
    }
}

/// The part of a body that is kept; a copy where it is not the whole, which would be kept along.
fn kept(body: &Bytes) -> Bytes {
    match body.get(..KEPT_BODY) {
        Some(start) => Bytes::copy_from_slice(start),
        None => body.clone(),
    }
}

fn event_type(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("type")?.as_str().map(str::to_owned)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::signature::Refusal;

    pub(crate) fn request(path: &str, id: Option<&str>, body: &str) -> Request {
        let mut headers = HeaderMap::new();
        if let Some(id) = id {
            headers.insert(HEADER_WEBHOOK_ID, id.parse().unwrap());
        }
        Request {
            at: Timestamp::from_millisecond(1_795_446_245_678).unwrap(),
            method: Method::POST,
            path: path.to_owned(),
            headers,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn came(log: &mut Log, path: &str, id: &str) -> (u32, Occurrence, String) {
        let request = request(path, Some(id), "{}");
        let received = log.add(request, Verdict::NotChecked, Behaviour::parse(path, ""));
        let plan = received.plan.to_string();
        (received.attempt, received.occurrence, plan)
    }

    #[test]
    fn what_failed_comes_again_as_a_retry_and_what_was_taken_as_a_duplicate() {
        use Occurrence::{Duplicate, First, Retry};
        let mut log = Log::default();
        let mut flaky = |id| came(&mut log, "/flaky/2", id);
        assert_eq!(flaky("dlv_1"), (1, First, "503".into()));
        assert_eq!(flaky("dlv_1"), (2, Retry, "503".into()));
        assert_eq!(flaky("dlv_2"), (1, First, "503".into()));
        assert_eq!(flaky("dlv_1"), (3, Retry, "200".into()));
        assert_eq!(flaky("dlv_1"), (4, Duplicate, "200".into()));
        let totals = Totals {
            received: 5,
            refused: 0,
            retries: 2,
            duplicates: 1,
        };
        assert_eq!(log.totals(), totals);
    }

    #[test]
    fn what_does_not_verify_is_answered_401_whatever_the_path_asks_for_and_wears_nothing_out() {
        let mut log = Log::default();
        let refused = Verdict::Refused(Refusal::Mismatch);
        for path in ["/hooks", "/hang", "/status/nonsense", "/flaky/1"] {
            let request = request(path, Some("dlv_1"), "{}");
            let received = log.add(request, refused.clone(), Behaviour::parse(path, ""));
            let Plan::Answer(answer) = received.plan else {
                panic!("{path} is answered");
            };
            assert_eq!(answer.status, 401);
            assert!(answer.text.starts_with("no signature is right"));
        }
        assert_eq!(log.totals().refused, 4);
        let (attempt, occurrence, plan) = came(&mut log, "/flaky/1", "dlv_1");
        assert_eq!((attempt, occurrence), (5, Occurrence::Retry));
        assert_eq!(plan, "503", "its first failure");
    }

    #[test]
    fn a_misnamed_behaviour_is_answered_404_with_the_list() {
        let mut log = Log::default();
        let path = "/delay/soon";
        let request = request(path, None, "");
        let received = log.add(request, Verdict::NotChecked, Behaviour::parse(path, ""));
        let Plan::Answer(answer) = received.plan else {
            panic!("it is answered");
        };
        assert_eq!(answer.status, 404);
        assert!(answer.text.contains("\"soon\" is no number"));
        assert!(answer.text.contains("/flaky/{failures}"));
    }

    #[test]
    fn the_newest_thousand_are_kept_and_all_are_counted() {
        let mut log = Log::default();
        for number in 0..=KEPT {
            came(&mut log, "/", &format!("dlv_{number}"));
        }
        let numbers: Vec<_> = log.newest(None).map(|received| received.number).collect();
        assert_eq!(numbers.len(), KEPT);
        assert_eq!((numbers[0], numbers[KEPT - 1]), (1_001, 2));
        assert_eq!(log.totals().received, 1_001);
        // What is kept no more is still known to have come.
        let again = came(&mut log, "/", "dlv_0");
        assert_eq!(again, (2, Occurrence::Duplicate, "200".into()));
        assert_eq!(log.newest(Some("dlv_0")).count(), 1);
        assert_eq!(log.newest(Some("dlv_none")).count(), 0);
    }

    #[test]
    fn a_long_body_is_kept_up_to_a_bound() {
        let mut log = Log::default();
        for (length, expected) in [(KEPT_BODY, KEPT_BODY), (KEPT_BODY + 1, KEPT_BODY)] {
            let request = request("/", None, &"x".repeat(length));
            let received = log.add(request, Verdict::NotChecked, Behaviour::parse("/", ""));
            assert_eq!(
                (received.body_length, received.body.len()),
                (length, expected)
            );
        }
    }

    #[test]
    fn the_type_is_read_where_the_body_has_one() {
        for (body, expected) in [
            (r#"{"type":"message.sent"}"#, Some("message.sent")),
            (r#"{"type":7}"#, None),
            ("[]", None),
            ("text", None),
        ] {
            assert_eq!(event_type(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
