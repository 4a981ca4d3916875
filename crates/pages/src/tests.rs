//! Every page, rendered with what is usual and with what is hostile.

use api::wire::{DeliveryDetails, EventDetails, FilterCheck, Statistics, Trigger};
use domain::{account::AccountId, portal::Role};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    AccountsPage, ActionPage, Catalogue, Chrome, DeleteActionPage, DeleteTriggerPage,
    DeliveriesPage, DeliveryFilter, DeliveryPage, ErrorPage, EventFilter, EventPage, EventsPage,
    Names, NewTriggerPage, Notice, OverviewPage, Preview, ReplaceSessionPage, SecretPanel, Section,
    SignInNotice, SignInPage, SignOutEverywherePage, Span, TriggerFilter, TriggerPage, TriggerRow,
    TriggersPage,
    form::{ActionForm, Errors, TriggerForm},
    html,
};

const TRIGGER: &str = "trg_01M84Z34MRJWA9RQ9QBPKQ6788";
const ACTION: &str = "act_01M84Z34MRDM1HTEVQZ2B81NSZ";
const EVENT: &str = "evt_01M84Z351ZZZWRBGRVHJRFSR5M";
const DELIVERY: &str = "dlv_01M84Z351ZTPPX3S4BKS7SY41X";
const TIME: &str = "2026-11-23T15:04:05.12Z";

/// What the API would answer, where every text that somebody may have chosen is `text`.
struct Sample<'a> {
    text: &'a str,
    role: Role,
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_str(&value.to_string()).unwrap()
}

impl Sample<'_> {
    fn chrome(&self, section: Section) -> Chrome {
        Chrome {
            account: AccountId::parse("acme").unwrap(),
            role: self.role,
            is_operator: true,
            return_url: Some(format!("https://app.example/{}", self.text)),
            csrf: self.text.into(),
            here: format!("/accounts/acme/triggers?q={}", self.text),
            section,
            notice: Some(Notice::TriggerSaved),
        }
    }

    fn catalogue(&self) -> Catalogue {
        let event_type = |key: &str, members: Value| {
            json!({
                "key": key, "label": self.text, "group": self.text, "description": self.text,
                "members": members, "sample": {"text": self.text}, "custom": true, "operator": false,
            })
        };
        Catalogue::new(read(&json!([
            event_type("message.sent", json!([])),
            event_type("message.any", json!(["message.sent", "message.failed"])),
        ])))
    }

    fn trigger(&self) -> Trigger {
        read(&json!({
            "id": TRIGGER, "type": "message.any", "name": self.text, "description": self.text,
            "enabled": true, "filter": {"data.x": self.text},
            "actions": [{
                "id": ACTION, "name": self.text, "enabled": false,
                "disabled": {"reason": self.text, "at": TIME},
                "url": format!("https://a.example/{}", self.text), "method": "POST",
                "headers": {"x-team": self.text}, "secret_headers": [self.text], "public_headers": [self.text], "signature_schemes": ["v1", "v1a"], "body_template": self.text,
                "content_type": self.text, "timeout_seconds": 15, "retry_schedule": [5, 300],
                "ordered": true, "max_per_second": 5,
                "health": {
                    "last_success_at": TIME, "last_failure_at": TIME, "failing_since": TIME,
                    "consecutive_failures": 3,
                },
                "created_at": TIME, "updated_at": TIME,
            }],
            "created_at": TIME, "updated_at": TIME,
        }))
    }

    fn delivery(&self, status: &str) -> DeliveryDetails {
        read(&json!({
            "id": DELIVERY, "event_id": EVENT, "trigger_id": TRIGGER, "action_id": ACTION,
            "type": self.text, "status": status, "reason": self.text, "attempt_count": 2,
            "next_attempt_at": TIME, "created_at": TIME, "test": true,
            "attempts": [
                {
                    "number": 1, "started_at": TIME, "duration_ms": 12, "error": self.text,
                    "request_headers": {"webhook-id": DELIVERY}, "response_headers": {},
                    "response_body": null,
                },
                {
                    "number": 2, "started_at": TIME, "duration_ms": 1_200, "status_code": 200,
                    "request_headers": {"x": self.text},
                    "response_headers": {"set-cookie": [self.text, "c=3"], (self.text): "z"},
                    "response_body": self.text,
                },
            ],
        }))
    }

    fn event(&self) -> EventDetails {
        read(&json!({
            "id": EVENT, "type": "message.sent", "occurred_at": TIME, "received_at": TIME,
            "producer_id": self.text, "test": false, "data": {(self.text): self.text},
            "deliveries": [self.row("failed"), self.row("succeeded")],
            "unevaluated_triggers": {
                "count": 1, "triggers": [{"id": TRIGGER, "reason": "filter_too_expensive"}],
            },
            "omitted_deliveries": {"count": 2, "limit": 1_000},
        }))
    }

    fn row(&self, status: &str) -> Value {
        json!({
            "id": DELIVERY, "event_id": EVENT, "trigger_id": TRIGGER, "action_id": ACTION,
            "type": "message.sent", "status": status, "reason": self.text, "attempt_count": 2,
            "created_at": TIME, "test": false,
        })
    }

    fn statistics(&self) -> Statistics {
        read(&json!({
            "since": TIME, "until": TIME, "events": 3,
            "deliveries": {
                "pending": 1, "delivering": 0, "succeeded": 999, "failed": 1, "canceled": 0,
                "skipped": 0,
            },
            "attempts": {"count": 9, "failed": 1, "p50_ms": 12, "p99_ms": 1_500},
            "backlog": {"due": 1, "oldest_due_at": TIME},
            "series": [
                {"at": TIME, "events": 0, "succeeded": 0, "failed": 0},
                {"at": TIME, "events": 900, "succeeded": 999, "failed": 1},
            ],
            "triggers": [],
            "failing_actions": [{
                "trigger_id": TRIGGER, "action_id": ACTION, "failing_since": TIME,
                "consecutive_failures": 3,
            }],
            "truncated": true,
        }))
    }

    fn names(&self) -> Names {
        Names::new(vec![self.trigger()])
    }

    fn errors(&self) -> Errors {
        let mut errors = Errors {
            general: vec![self.text.into()],
            ..Errors::default()
        };
        for field in [
            "name",
            "url",
            "type",
            "filter",
            "headers",
            "secret_headers",
            "public_headers",
            "body_template",
        ] {
            errors.add(field, self.text);
        }
        errors
    }

    /// Every page there is, with its name.
    fn pages(&self) -> Vec<(&'static str, String)> {
        let (catalogue, trigger, event) = (&self.catalogue(), &self.trigger(), &self.event());
        let action = &trigger.actions[0];
        let wrong = |form: TriggerForm| TriggerForm {
            errors: self.errors(),
            ..form
        };
        let action_page = |action, problem: Option<String>| ActionPage {
            chrome: self.chrome(Section::Triggers),
            trigger,
            event_type: catalogue.find("message.any"),
            action,
            form: ActionForm {
                errors: self.errors(),
                ..ActionForm::of(&trigger.actions[0], self.text.into())
            },
            preview: Some(match problem {
                None => Preview::Body(self.text.into()),
                Some(_) => Preview::Problem(self.text.into()),
            }),
            secret: Some(SecretPanel {
                secret: read(&json!({
                    "secret": self.text,
                    "previous": [{"secret": self.text, "expires_at": TIME}],
                })),
                is_new: true,
            }),
            test: Some(self.delivery("succeeded")),
            problem,
        };
        vec![
            (
                "sign in",
                html(&SignInPage {
                    next: self.text.into(),
                    notice: Some(SignInNotice::SessionEnded),
                    error: Some(self.text.into()),
                }),
            ),
            (
                "replace session",
                html(&ReplaceSessionPage {
                    csrf: self.text.into(),
                    token: self.text.into(),
                    current: Some(AccountId::parse("other").unwrap()),
                    account: AccountId::parse("acme").unwrap(),
                }),
            ),
            (
                "sign out everywhere",
                html(&SignOutEverywherePage {
                    chrome: self.chrome(Section::Overview),
                }),
            ),
            (
                "accounts",
                html(&AccountsPage {
                    csrf: self.text.into(),
                    account: self.text.into(),
                    error: Some(self.text.into()),
                }),
            ),
            (
                "error",
                html(&ErrorPage {
                    title: self.text.into(),
                    detail: self.text.into(),
                    request_id: Some(self.text.into()),
                }),
            ),
            (
                "overview",
                html(&OverviewPage {
                    chrome: self.chrome(Section::Overview),
                    span: Span::Day,
                    statistics: self.statistics(),
                    names: self.names(),
                }),
            ),
            (
                "triggers",
                html(&TriggersPage {
                    chrome: self.chrome(Section::Triggers),
                    catalogue,
                    filter: TriggerFilter {
                        event_type: self.text.into(),
                        text: self.text.into(),
                    },
                    first: Some(format!("/accounts/acme/triggers?q={}", self.text)),
                    rows: vec![TriggerRow {
                        trigger: self.trigger(),
                        deliveries: 7,
                        failed: 2,
                    }],
                    next: Some(format!("/accounts/acme/triggers?cursor={}", self.text)),
                }),
            ),
            (
                "new trigger",
                html(&NewTriggerPage {
                    chrome: self.chrome(Section::Triggers),
                    catalogue,
                    form: wrong(TriggerForm::new(self.text)),
                }),
            ),
            (
                "trigger",
                html(&TriggerPage {
                    chrome: self.chrome(Section::Triggers),
                    catalogue,
                    form: wrong(TriggerForm::of(trigger, self.text.into())),
                    trigger,
                    check: Some(FilterCheck {
                        matches: false,
                        reason: Some(self.text.into()),
                    }),
                }),
            ),
            (
                "delete trigger",
                html(&DeleteTriggerPage {
                    chrome: self.chrome(Section::Triggers),
                    trigger,
                }),
            ),
            (
                "delete action",
                html(&DeleteActionPage {
                    chrome: self.chrome(Section::Triggers),
                    trigger,
                    action,
                }),
            ),
            ("new action", html(&action_page(None, None))),
            (
                "action",
                html(&action_page(Some(action), Some(self.text.into()))),
            ),
            (
                "deliveries",
                html(&DeliveriesPage {
                    chrome: self.chrome(Section::Deliveries),
                    catalogue,
                    filter: DeliveryFilter {
                        status: self.text.into(),
                        event_type: self.text.into(),
                        trigger: self.text.into(),
                        action: self.text.into(),
                        since: self.text.into(),
                        until: self.text.into(),
                    },
                    problem: Some(self.text.into()),
                    deliveries: ["failed", "pending"]
                        .map(|status| self.delivery(status).delivery)
                        .into(),
                    names: self.names(),
                    next: Some(self.text.into()),
                }),
            ),
            (
                "delivery",
                html(&DeliveryPage {
                    chrome: self.chrome(Section::Deliveries),
                    catalogue,
                    details: &self.delivery("pending"),
                    event: Some(event),
                    names: Names::default(),
                    problem: Some(self.text.into()),
                }),
            ),
            (
                "events",
                html(&EventsPage {
                    chrome: self.chrome(Section::Events),
                    catalogue,
                    filter: EventFilter {
                        event_type: self.text.into(),
                        since: self.text.into(),
                        until: self.text.into(),
                    },
                    problem: Some(self.text.into()),
                    events: vec![self.event().event],
                    next: Some(self.text.into()),
                }),
            ),
            (
                "event",
                html(&EventPage {
                    chrome: self.chrome(Section::Events),
                    catalogue,
                    details: event,
                    names: self.names(),
                    problem: Some(self.text.into()),
                }),
            ),
        ]
    }
}

/// The tags of a page: names, and attributes as they are written. Fails where a quote or a bracket
/// is open at the end.
fn tags(page: &str) -> Vec<(String, String)> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let mut quoted = false;
        let end = rest
            .find(|c: char| {
                quoted ^= c == '"';
                c == '>' && !quoted
            })
            .expect("the tag ends");
        let tag = &rest[..end];
        assert!(!tag.contains('<'), "a tag in a tag: {tag}");
        let (name, attributes) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
        tags.push((name.to_owned(), attributes.to_owned()));
        rest = &rest[end + 1..];
    }
    tags
}

const HOSTILE: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)> ' onfocus='alert(1)",
    "</textarea></title></pre><svg/onload=alert(1)>",
    "\u{202e}\u{2066}gnp.exe\u{200f} {{ 7*7 }} {% raw %} &lt;b&gt; &amp;",
    "javascript:alert(1)//\\\u{0}\u{7}",
];

#[test]
fn whatever_people_write_no_page_gets_other_tags_or_attributes_from_it() {
    for role in [Role::Manage, Role::View] {
        let usual = Sample { text: "x", role }.pages();
        for text in HOSTILE {
            for ((name, usual), (_, page)) in usual.iter().zip(Sample { text, role }.pages()) {
                let shape = |page: &str| -> Vec<_> {
                    let names = |(name, attributes): (String, String)| {
                        let names = attributes.split('"').step_by(2).map(str::to_owned);
                        (name, names.collect::<Vec<_>>())
                    };
                    tags(page).into_iter().map(names).collect()
                };
                let (before, after) = (shape(usual), shape(&page));
                // What is chosen may tick a box or select an option, and does so nowhere here.
                assert_eq!(before, after, "{name} with {text:?}");
            }
        }
    }
}

#[test]
fn long_texts_are_shown_whole_and_every_page_has_one_heading_one_main_and_a_title() {
    let long = "w".repeat(10_000);
    for (name, page) in (Sample {
        text: &long,
        role: Role::Manage,
    })
    .pages()
    {
        assert!(page.contains(&long), "{name}");
        let count = |wanted: &str| tags(&page).iter().filter(|(tag, _)| tag == wanted).count();
        assert_eq!((count("h1"), count("main")), (1, 1), "{name}");
        assert_eq!(page.matches(" · Webhooks</title>").count(), 1, "{name}");
        assert!(
            !page.contains("style="),
            "{name} has a style that the policy refuses"
        );
    }
}

#[test]
fn every_field_has_a_label_and_no_id_is_there_twice() {
    let sample = Sample {
        text: "x",
        role: Role::Manage,
    };
    for (name, page) in sample.pages() {
        let value = |attributes: &str, wanted: &str| {
            let (_, rest) = attributes.split_once(&format!("{wanted}=\""))?;
            rest.split('"').next().map(str::to_owned)
        };
        let tags = tags(&page);
        let labelled: Vec<_> = tags
            .iter()
            .filter(|(tag, _)| tag == "label")
            .filter_map(|(_, attributes)| value(attributes, "for"))
            .collect();
        let mut ids: Vec<_> = tags
            .iter()
            .filter_map(|(_, attributes)| value(&format!(" {attributes}"), " id"))
            .collect();
        for (tag, attributes) in &tags {
            let field = ["input", "select", "textarea"].contains(&tag.as_str());
            if field && !attributes.contains("type=\"hidden\"") {
                let id = value(&format!(" {attributes}"), " id").unwrap_or_default();
                assert!(labelled.contains(&id), "{name}: {tag} {attributes}");
            }
        }
        ids.sort();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}: {ids:?}");
    }
}

#[test]
fn who_may_only_look_gets_no_form_that_changes_something_and_no_secret() {
    let sample = Sample {
        text: "whsec_",
        role: Role::View,
    };
    for (name, page) in sample.pages() {
        if ["accounts", "sign in", "replace session"].contains(&name)
            || name.contains("new")
            || name.contains("delete")
        {
            continue;
        }
        let posts = tags(&page)
            .into_iter()
            .filter(|(tag, attributes)| tag == "form" && attributes.contains("method=\"post\""));
        let elsewhere: Vec<_> = posts
            .filter(|(_, attributes)| !attributes.contains("/sign-out"))
            .collect();
        assert!(elsewhere.is_empty(), "{name}: {elsewhere:?}");
        assert!(!page.contains("id=\"secret\""), "{name}");
    }
}

#[test]
fn success_is_said_to_be_whole_only_where_nothing_failed() {
    let sample = Sample {
        text: "x",
        role: Role::View,
    };
    let pages = sample.pages();
    let overview = pages.into_iter().find(|(name, _)| *name == "overview");
    let (_, page) = overview.unwrap();
    assert!(page.contains("99.9 %"), "{page}");
}

#[test]
fn cookies_that_a_receiver_set_have_a_line_each() {
    let sample = Sample {
        text: "b=2",
        role: Role::View,
    };
    let pages = sample.pages();
    let (_, page) = pages.iter().find(|(name, _)| *name == "delivery").unwrap();
    for value in ["b=2", "c=3"] {
        let line = format!("<div><dt>set-cookie</dt><dd>{value}</dd></div>");
        assert!(page.contains(&line), "{page}");
    }
}

#[test]
fn a_text_field_begins_with_the_line_break_that_html_drops() {
    let sample = Sample {
        text: "\nOne",
        role: Role::Manage,
    };
    let pages = sample.pages();
    for (wanted, field) in [("trigger", "description"), ("action", "body_template")] {
        let (_, page) = pages.iter().find(|(name, _)| *name == wanted).unwrap();
        let (_, field) = page
            .split_once(&format!("<textarea id=\"{field}\""))
            .unwrap();
        let (_, text) = field.split_once('>').unwrap();
        assert!(text.starts_with("\n\nOne</textarea>"), "{text}");
    }
}

#[test]
fn an_attempt_that_sent_nothing_does_not_wait_for_an_answer() {
    let sample = Sample {
        text: "x",
        role: Role::View,
    };
    let show = |request_headers: Value| {
        let mut details = sample.delivery("failed");
        details.attempts = vec![read(&json!({
            "number": 1, "started_at": TIME, "duration_ms": 0,
            "error": "template: line 1: `data.x` is undefined",
            "request_headers": request_headers, "response_headers": {}, "response_body": null,
        }))];
        html(&DeliveryPage {
            chrome: sample.chrome(Section::Deliveries),
            catalogue: &sample.catalogue(),
            details: &details,
            event: None,
            names: sample.names(),
            problem: None,
        })
    };
    let unsent = show(json!({}));
    assert!(
        unsent.contains(">Not sent<") && !unsent.contains("Request headers"),
        "{unsent}"
    );
    let unanswered = show(json!({"webhook-id": DELIVERY}));
    assert!(unanswered.contains(">No answer<"), "{unanswered}");
}

#[test]
fn an_event_says_what_it_was_not_sent_to_and_what_to_do() {
    let sample = Sample {
        text: "Costly",
        role: Role::Manage,
    };
    let pages = sample.pages();
    let (_, page) = pages.iter().find(|(name, _)| *name == "event").unwrap();
    for words in [
        "The filters of 1 trigger were not evaluated on this event",
        ">Costly</a>: its filter takes too many steps on this event",
        "Make their filters simpler, then replay the event.",
        "Nothing was sent to 2 more actions that match",
    ] {
        assert!(page.contains(words), "{words}");
    }
}
