//! What the path of a URL asks of the receiver.

use std::fmt;
use std::time::{Duration, SystemTime};

use form_urlencoded::parse as parameters;

/// The longest that anything takes, in seconds: many times as long as any timeout that an action can have, and
/// not for ever.
pub(crate) const LONGEST: u64 = 1_000;

/// The most failures that a flaky path can ask for: more than any retry schedule has.
const MOST_FAILURES: u32 = 100;

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// The same answer each time.
    Answer(Answer),
    /// 503 to so many attempts of each webhook, then 200.
    Flaky(u32),
    /// Something that is no proper answer.
    Act(Act),
}

/// What one webhook gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// An answer.
    Answer(Answer),
    /// Something that is no proper answer.
    Act(Act),
}

/// An answer as HTTP has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status, 200 to 599.
    pub status: u16,
    /// A header that it has beside the usual ones.
    pub header: Option<(&'static str, String)>,
    /// How long after the request it comes.
    pub delay: Duration,
    /// What its body says.
    pub text: String,
}

/// What is no proper answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A body that comes a byte a second, without end.
    Drip,
    /// Nothing at all.
    Hang,
    /// A reset of the connection.
    Reset,
    /// A body without end, as fast as it is taken.
    Large,
    /// What is no HTTP.
    Garbage,
    /// Headers that come a byte a second, without end.
    SlowHeaders,
}

/// A path that begins like a behaviour's and is none, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misnamed(pub String);

/// One behaviour that a path can ask for.
pub struct Row {
    /// The path as users write it, with what they fill in between braces. Its first segment is the
    /// behaviour's name; how many segments and which parameters it has is read from this, too.
    pub path: &'static str,
    /// What it does.
    pub does: &'static str,
    make: fn(&Filled<'_>) -> Result<Behaviour, String>,
}

/// What was filled in.
struct Filled<'a> {
    /// The second segment; empty where the behaviour has none.
    argument: &'a str,
    /// The parameters that the behaviour has.
    parameters: Vec<(String, String)>,
}

/// All that a path can ask for.
pub const TABLE: [Row; 11] = [
    Row {
        path: "/empty",
        does: "204, without a body",
        make: |_| Ok(Behaviour::Answer(Answer::status(204))),
    },
    Row {
        path: "/status/{code}?retry-after={when}",
        does: "this status, 200 to 599; with `Retry-After`, if it is there: seconds, or an HTTP date",
        make: status,
    },
    Row {
        path: "/redirect",
        does: "302 to `/redirected`, which is answered with 200 and shown if anybody follows",
        make: |_| {
            let mut answer = Answer::status(302);
            answer.header = Some(("location", "/redirected".to_owned()));
            Ok(Behaviour::Answer(answer))
        },
    },
    Row {
        path: "/delay/{seconds}",
        does: "200 after so many seconds, at most 1000",
        make: delay,
    },
    Row {
        path: "/flaky/{failures}",
        does: "503 to so many attempts of each `webhook-id`, at most 100, then 200",
        make: flaky,
    },
    Row {
        path: "/hang",
        does: "no answer at all",
        make: |_| Ok(Behaviour::Act(Act::Hang)),
    },
    Row {
        path: "/drip",
        does: "200, and a body that comes a byte a second without end",
        make: |_| Ok(Behaviour::Act(Act::Drip)),
    },
    Row {
        path: "/slow-headers",
        does: "headers that come a byte a second without end",
        make: |_| Ok(Behaviour::Act(Act::SlowHeaders)),
    },
    Row {
        path: "/large",
        does: "200, and a body without end, as fast as it is taken",
        make: |_| Ok(Behaviour::Act(Act::Large)),
    },
    Row {
        path: "/garbage",
        does: "bytes that are no HTTP",
        make: |_| Ok(Behaviour::Act(Act::Garbage)),
    },
    Row {
        path: "/reset",
        does: "a TCP reset once the request was read",
        make: |_| Ok(Behaviour::Act(Act::Reset)),
    },
];

/// What is done at all other paths, as [`TABLE`] would have it.
pub(crate) const OTHERWISE: (&str, &str) = ("/{anything else}", "200");

impl Row {
    fn segments(&self) -> Vec<&'static str> {
        segments(self.path.split('?').next().unwrap_or_default())
    }

    fn has_parameter(&self, name: &str) -> bool {
        let (_, query) = self.path.split_once('?').unwrap_or_default();
        parameters(query.as_bytes()).any(|(own, _)| own == name)
    }

    fn fill(&self, given: &[&str], query: &str) -> Result<Behaviour, String> {
        if given.len() != self.segments().len() {
            return Err("it has too many or too few parts".to_owned());
        }
        let parameters: Vec<(String, String)> = parameters(query.as_bytes()).into_owned().collect();
        // A misspelt parameter that goes unnoticed is a test of something else.
        if let Some((name, _)) = parameters
            .iter()
            .find(|(name, _)| !self.has_parameter(name))
        {
            return Err(format!("it takes no parameter {name:?}"));
        }
        let argument = given.get(1).copied().unwrap_or_default();
        (self.make)(&Filled {
            argument,
            parameters,
        })
    }
}

impl Behaviour {
    /// What a URL's path and query ask for.
    ///
    /// # Errors
    ///
    /// When the path begins with a behaviour's name, and the rest is not as that wants it.
    pub fn parse(path: &str, query: &str) -> Result<Self, Misnamed> {
        let given = segments(path);
        let named = TABLE
            .iter()
            .find(|row| row.segments().first() == given.first());
        let Some(row) = named else {
            return Ok(Self::Answer(Answer::status(200)));
        };
        row.fill(&given, query)
            .map_err(|reason| Misnamed(format!("this is not {}: {reason}", row.path)))
    }

    /// What a webhook gets that came so many times before.
    pub fn plan(&self, earlier: u32) -> Plan {
        match self {
            Self::Answer(answer) => Plan::Answer(answer.clone()),
            Self::Flaky(failures) if earlier < *failures => Plan::Answer(Answer::status(503)),
            Self::Flaky(_) => Plan::Answer(Answer::status(200)),
            Self::Act(act) => Plan::Act(*act),
        }
    }
}

impl Plan {
    /// Whether the webhook counts as received.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Answer(answer) if (200..300).contains(&answer.status))
    }
}

impl Answer {
    /// An answer of this status, at once.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            header: None,
            delay: Duration::ZERO,
            text: String::new(),
        }
    }

    /// The same with this text.
    #[must_use]
    pub fn saying(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(answer) => answer.fmt(formatter),
            Self::Act(act) => act.fmt(formatter),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.status)?;
        if let Some((name, value)) = &self.header {
            write!(formatter, ", {name} {value}")?;
        }
        if !self.delay.is_zero() {
            write!(formatter, " after {} s", self.delay.as_secs())?;
        }
        Ok(())
    }
}

impl fmt::Display for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Drip => "200, a byte a second",
            Self::Hang => "no answer",
            Self::Reset => "a reset",
            Self::Large => "200, a body without end",
            Self::Garbage => "no HTTP",
            Self::SlowHeaders => "headers, a byte a second",
        })
    }
}

/// The segments of a path. One slash at its end more or less makes no other path.
fn segments(path: &str) -> Vec<&str> {
    path.trim_matches('/').split('/').collect()
}

fn status(filled: &Filled<'_>) -> Result<Behaviour, String> {
    let status = filled.argument.parse().ok();
    // Those below 200 announce an answer, and are none.
    let status = status.filter(|status| (200..=599).contains(status));
    let status =
        status.ok_or_else(|| format!("{:?} is no status of 200 to 599", filled.argument))?;
    let mut answer = Answer::status(status);
    let when = filled.parameters.iter().map(|(_, when)| when).next();
    if let Some(when) = when {
        if !is_retry_after(when) {
            return Err(format!(
                "retry-after={when:?} is neither seconds nor an HTTP date, such as {}",
                httpdate::fmt_http_date(SystemTime::UNIX_EPOCH)
            ));
        }
        answer.header = Some(("retry-after", when.clone()));
    }
    Ok(Behaviour::Answer(answer))
}

fn is_retry_after(when: &str) -> bool {
    let seconds = !when.is_empty() && when.bytes().all(|byte| byte.is_ascii_digit());
    seconds || httpdate::parse_http_date(when).is_ok()
}

fn delay(filled: &Filled<'_>) -> Result<Behaviour, String> {
    let seconds = filled.argument.parse().ok();
    let seconds = seconds.filter(|seconds| *seconds <= LONGEST);
    let seconds =
        seconds.ok_or_else(|| format!("{:?} is no number of 0 to {LONGEST}", filled.argument))?;
    let mut answer = Answer::status(200);
    answer.delay = Duration::from_secs(seconds);
    Ok(Behaviour::Answer(answer))
}

fn flaky(filled: &Filled<'_>) -> Result<Behaviour, String> {
    let failures = filled.argument.parse().ok();
    let failures = failures.filter(|failures| *failures <= MOST_FAILURES);
    failures
        .map(Behaviour::Flaky)
        .ok_or_else(|| format!("{:?} is no number of 0 to {MOST_FAILURES}", filled.argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, query: &str) -> String {
        match Behaviour::parse(path, query) {
            Ok(behaviour) => behaviour.plan(0).to_string(),
            Err(Misnamed(reason)) => reason,
        }
    }

    #[test]
    fn each_path_asks_for_what_its_row_says() {
        for (path, query, expected) in [
            ("/", "", "200"),
            ("/hooks", "", "200"),
            ("/hooks/status/503", "source=acme", "200"),
            ("/empty", "", "204"),
            ("/status/503", "", "503"),
            ("/status/410/", "", "410"),
            ("/status/429", "retry-after=120", "429, retry-after 120"),
            (
                "/status/503",
                "retry-after=Mon,+23+Nov+2026+15:04:05%20GMT",
                "503, retry-after Mon, 23 Nov 2026 15:04:05 GMT",
            ),
            ("/redirect", "", "302, location /redirected"),
            ("/redirected", "", "200"),
            ("/delay/10", "", "200 after 10 s"),
            ("/delay/1000", "", "200 after 1000 s"),
            ("/flaky/3", "", "503"),
            ("/flaky/0", "", "200"),
            ("/drip", "", "200, a byte a second"),
            ("/hang", "", "no answer"),
            ("/reset", "", "a reset"),
            ("/large", "", "200, a body without end"),
            ("/garbage", "", "no HTTP"),
            ("/slow-headers", "", "headers, a byte a second"),
        ] {
            assert_eq!(told(path, query), expected, "{path}?{query}");
        }
    }

    #[test]
    fn a_path_that_is_nearly_a_behaviour_is_none_and_says_why() {
        for (path, query, reason) in [
            ("/status", "", "too many or too few parts"),
            ("/status/503/x", "", "too many or too few parts"),
            ("/status/ok", "", "\"ok\" is no status"),
            ("/status/100", "", "\"100\" is no status"),
            ("/status/600", "", "\"600\" is no status"),
            (
                "/status/503",
                "retry_after=1",
                "no parameter \"retry_after\"",
            ),
            (
                "/status/503",
                "retry-after=soon",
                "such as Thu, 01 Jan 1970",
            ),
            ("/status/503", "retry-after=-1", "neither seconds nor"),
            ("/status/503", "retry-after=", "neither seconds nor"),
            ("/delay/1001", "", "no number of 0 to 1000"),
            ("/delay/1.5", "", "no number of 0 to 1000"),
            ("/flaky/101", "", "no number of 0 to 100"),
            ("/hang/on", "", "too many or too few parts"),
            ("/hang", "for=3", "no parameter \"for\""),
        ] {
            let told = told(path, query);
            assert!(told.starts_with("this is not /"), "{path}: {told}");
            assert!(told.contains(reason), "{path}: {told}");
        }
    }

    #[test]
    fn a_flaky_receiver_takes_a_webhook_after_so_many_failures() {
        let flaky = Behaviour::parse("/flaky/2", "").unwrap();
        let told: Vec<_> = (0..4).map(|earlier| flaky.plan(earlier)).collect();
        assert_eq!(
            told.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["503", "503", "200", "200"]
        );
        let taken: Vec<_> = told.iter().map(Plan::is_success).collect();
        assert_eq!(taken, [false, false, true, true]);
    }

    #[test]
    fn no_two_rows_have_one_name() {
        let mut names: Vec<_> = TABLE.iter().map(|row| row.segments()[0]).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
    }
}
