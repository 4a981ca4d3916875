use std::collections::HashSet;

use serde_json::{Value, json};

use super::*;

/// Written out again, so that a changed key or label is a decision and not a slip.
const KEYS_AND_LABELS: [(&str, &str); 20] = [
    ("appointment.created", "Appointment created"),
    ("appointment.modified", "Appointment modified"),
    ("appointment.deleted", "Appointment deleted"),
    (
        "participant.reminder_state_changed",
        "Participant reminder state changed (any state)",
    ),
    ("participant.invite_sent", "Participant invite sent"),
    ("participant.confirmed", "Participant confirmed"),
    ("participant.not_coming", "Participant not coming"),
    (
        "participant.needs_reschedule",
        "Participant needs to reschedule",
    ),
    (
        "participant.booking_state_changed",
        "Participant booking state changed (any state)",
    ),
    (
        "participant.booking_accepted",
        "Participant accepted booking",
    ),
    (
        "participant.booking_declined",
        "Participant declined booking",
    ),
    (
        "participant.booking_canceled",
        "Participant canceled booking",
    ),
    (
        "participant.check_in_state_changed",
        "Participant check-in state changed (any state)",
    ),
    ("participant.replied", "Participant replied to message"),
    (
        "participant.added_to_stop_list",
        "Participant added to stop list",
    ),
    ("booking_request.completed", "Booking request completed"),
    ("booking_page.viewed", "Booking page viewed"),
    ("message.sent", "Message sent"),
    ("message.received", "Message received"),
    ("message.failed", "Message failed"),
];

fn sample(key: &str) -> Value {
    let event_type = built_in(key).expect("a key of the catalogue");
    serde_json::from_str(event_type.sample()).expect("a sample is JSON")
}

#[test]
fn the_catalogue_has_exactly_these_keys_and_labels_in_this_order() {
    let found: Vec<(&str, &str)> = BUILT_IN.iter().map(|t| (&*t.key, &*t.label)).collect();
    assert_eq!(found, KEYS_AND_LABELS);
}

#[test]
fn every_type_is_found_by_its_exact_key_only() {
    let catalogue = Catalogue::default();
    for event_type in &BUILT_IN {
        assert_eq!(catalogue.find(&event_type.key), Some(event_type));
        assert_eq!(built_in(&event_type.key), Some(event_type));
        assert_eq!(catalogue.find(&event_type.key.to_uppercase()), None);
    }
    assert_eq!(catalogue.find(""), None);
}

#[test]
fn every_type_has_a_group_and_one_sentence_of_description() {
    let groups: HashSet<&str> = BUILT_IN.iter().map(|t| &*t.group).collect();
    assert_eq!(
        groups,
        HashSet::from(["Appointments", "Participants", "Booking", "Messages"])
    );
    for event_type in &BUILT_IN {
        let text = &event_type.description;
        assert!(text.ends_with('.'), "{text}");
        assert_eq!(text.matches('.').count(), 1, "{text}");
        assert!(!text.contains("  "), "{text}");
    }
}

#[test]
fn the_services_own_types_have_a_group_of_their_own() {
    for event_type in &OPERATOR {
        assert_eq!(event_type.group, "Webhooks");
        assert!(event_type.key.starts_with("webhook."));
        assert!(event_type.description.ends_with('.'));
        assert_eq!(event_type.sample().trim(), event_type.sample());
        assert_eq!(built_in(&event_type.key), Some(event_type));
        assert!(!event_type.takes_members());
    }
}

#[test]
fn types_of_a_group_stand_together() {
    let mut seen = Vec::new();
    for event_type in &BUILT_IN {
        let group = &event_type.group;
        if seen.last() != Some(&group) {
            assert!(!seen.contains(&group), "{}", event_type.key);
            seen.push(group);
        }
    }
}

#[test]
fn every_sample_is_a_json_object_without_space_around_it() {
    for event_type in &BUILT_IN {
        let value = sample(&event_type.key);
        assert!(value.is_object(), "{}", event_type.key);
        assert_eq!(event_type.sample().trim(), event_type.sample());
    }
}

#[test]
fn samples_agree_on_the_participant_and_the_appointment() {
    let confirmed = sample("participant.confirmed");
    for event_type in &BUILT_IN {
        let value = sample(&event_type.key);
        for participant in value
            .get("participant")
            .into_iter()
            .chain(value.pointer("/participants/0"))
        {
            assert_eq!(participant, &confirmed["participant"], "{}", event_type.key);
        }
        if let Some(appointment) = value.get("appointment") {
            for (field, expected) in confirmed["appointment"].as_object().expect("an object") {
                assert_eq!(&appointment[field], expected, "{}", event_type.key);
            }
        }
    }
}

#[test]
fn samples_of_changes_have_a_state_and_the_one_before_it() {
    for event_type in &BUILT_IN {
        let of_a_change = event_type.member_of.is_some() || event_type.key.ends_with("_changed");
        let value = sample(&event_type.key);
        assert_eq!(
            value["state"].is_string(),
            of_a_change,
            "{}",
            event_type.key
        );
        assert_eq!(
            value["previous_state"].is_string(),
            of_a_change,
            "{}",
            event_type.key
        );
        assert!(
            !of_a_change || value["state"] != value["previous_state"],
            "{}",
            event_type.key
        );
    }
}

#[test]
fn a_message_that_failed_is_the_one_that_was_sent() {
    let (sent, failed) = (sample("message.sent"), sample("message.failed"));
    assert_eq!(sent["message"]["id"], failed["message"]["id"]);
    assert!(failed["message"]["failure"]["reason"].is_string());
    assert!(sent["message"]["failure"].is_null());
}

/// A type as the store holds it.
fn custom(key: &str, member_of: Option<&str>) -> EventType {
    serde_json::from_value(json!({
        "key": key, "label": "Invoice paid", "group": "Invoices", "description": "",
        "member_of": member_of, "revision": 7, "sample": {"invoice": {"total": 12.5}},
    }))
    .expect("a custom type")
}

#[test]
fn members_name_an_umbrella_of_their_group() {
    let members_of = |umbrella: &str| -> Vec<String> {
        let catalogue = Catalogue::default();
        let members = catalogue.members_of(umbrella);
        members.map(|member| member.key.to_string()).collect()
    };
    assert_eq!(
        members_of("participant.reminder_state_changed"),
        [
            "participant.invite_sent",
            "participant.confirmed",
            "participant.not_coming",
            "participant.needs_reschedule"
        ]
    );
    assert_eq!(
        members_of("participant.booking_state_changed"),
        [
            "participant.booking_accepted",
            "participant.booking_declined",
            "participant.booking_canceled"
        ]
    );
    for event_type in &BUILT_IN {
        let Some(umbrella) = &event_type.member_of else {
            continue;
        };
        let umbrella = built_in(umbrella).expect("members are of types of the catalogue");
        assert_eq!(umbrella.member_of, None, "umbrellas do not nest");
        assert!(umbrella.label.ends_with("(any state)"));
        assert_eq!(umbrella.group, event_type.group);
    }
}

#[test]
fn a_deployments_own_types_come_after_the_built_in_ones() {
    let own = custom("invoice.paid", Some("participant.check_in_state_changed"));
    let catalogue = Catalogue::with(vec![own.clone()]);
    assert_eq!(catalogue.all().nth(BUILT_IN.len()), Some(&own));
    assert_eq!(catalogue.all().count(), BUILT_IN.len() + 1 + OPERATOR.len());
    assert_eq!(catalogue.named("invoice.paid"), Ok(&own));
    assert_eq!(catalogue.nearest("invoice.payed"), ["invoice.paid"]);
    let members: Vec<_> = catalogue
        .members_of("participant.check_in_state_changed")
        .collect();
    assert_eq!(members, [&own]);
    assert_eq!(built_in("invoice.paid"), None);
}

#[test]
fn a_custom_type_is_stored_and_read_as_it_was() {
    let own = custom("invoice.paid", None);
    let stored = serde_json::to_string(&own).expect("a type is JSON");
    assert_eq!(
        serde_json::from_str::<EventType>(&stored).expect("JSON"),
        own
    );
    assert_eq!(own.origin, Origin::Custom);
    assert!(
        stored.contains(r#""sample":{"invoice":{"total":12.5}}"#),
        "{stored}"
    );
}

#[test]
fn an_unknown_key_is_told_with_those_that_may_be_meant() {
    let told = |key: &str| {
        Catalogue::default()
            .named(key)
            .map(drop)
            .map_err(|e| e.to_string())
    };
    assert_eq!(
        told("message.snet"),
        Err("\"message.snet\" is not an event type; did you mean message.sent?".into())
    );
    assert_eq!(
        told("invoice.paid"),
        Err("\"invoice.paid\" is not an event type; GET /v1/event-types lists them".into())
    );
}

/// The built-in keys that are nearest.
fn nearest(key: &str) -> Vec<&str> {
    nearest_among(key, BUILT_IN.iter().map(|event_type| &*event_type.key))
}

#[test]
fn a_misspelt_key_is_nearest_to_the_one_meant() {
    for (written, meant) in [
        ("participant.confirmd", "participant.confirmed"),
        ("participant.confirmation", "participant.confirmed"),
        ("PARTICIPANT.CONFIRMED", "participant.confirmed"),
        ("participant_confirmed", "participant.confirmed"),
        ("participant confirmed", "participant.confirmed"),
        ("participant-not-coming", "participant.not_coming"),
        ("participant.notComing", "participant.not_coming"),
        ("confirmed", "participant.confirmed"),
        ("contact.replied", "participant.replied"),
        ("participant.cancelled", "participant.booking_canceled"),
        ("booking_canceled", "participant.booking_canceled"),
        (
            "participant.bookingCancelled",
            "participant.booking_canceled",
        ),
        ("appointments.created", "appointment.created"),
        ("appointment.create", "appointment.created"),
        ("created.appointment", "appointment.created"),
        ("mesage.failed", "message.failed"),
        ("bookingpage.viewed", "booking_page.viewed"),
        ("participant.check_in", "participant.check_in_state_changed"),
        (
            "participant.added_to_stoplist",
            "participant.added_to_stop_list",
        ),
    ] {
        assert_eq!(nearest(written).first(), Some(&meant), "{written}");
    }
    for event_type in &BUILT_IN {
        assert_eq!(nearest(&event_type.key).first(), Some(&&*event_type.key));
    }
}

#[test]
fn at_most_three_keys_are_near_and_none_to_something_else() {
    for written in ["participant.booking_stat", "message", "appointment.x"] {
        assert!(nearest(written).len() <= 3, "{written}");
    }
    for written in [
        "",
        ".",
        "invoice.paid",
        "participant",
        "participant.banana",
        "x",
        "\u{0}\u{1F600}",
        &"participant.confirmed".repeat(10_000),
    ] {
        assert!(nearest(written).is_empty(), "{written:.40}");
    }
}
