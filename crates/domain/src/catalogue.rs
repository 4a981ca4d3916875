//! The catalogue: the 20 event types that the main app can post, in the order people see them.
//!
//! A key names a type in the API and in the stores; a label is what people are shown. Types whose
//! label ends in "(any state)" are *umbrellas*: an event of one of their members also fires the
//! umbrella's triggers. An umbrella can be posted itself, for a state that has no type of its own.
//!
//! Every type has a sample of its `data`. All samples tell one story, of one participant and one
//! appointment, so that test sends, previews and docs agree with each other.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A kind of event. Two are equal when their keys are.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    /// The stable name, e.g. `participant.confirmed`.
    pub key: &'static str,
    /// What people are shown, e.g. "Participant confirmed".
    pub label: &'static str,
    /// The heading under which people find it.
    pub group: &'static str,
    /// One sentence on when it happens.
    pub description: &'static str,
    /// The keys whose events also fire this type's triggers; empty unless it is an umbrella.
    pub members: &'static [&'static str],
    sample: &'static str,
}

impl EventType {
    /// A realistic `data` object, as JSON text.
    pub fn sample(&self) -> &'static str {
        self.sample
    }

    /// The umbrella type whose triggers fire too when an event of this type comes.
    pub fn umbrella(&self) -> Option<&'static EventType> {
        all()
            .iter()
            .find(|candidate| candidate.members.contains(&self.key))
    }
}

impl PartialEq for EventType {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for EventType {}

impl Hash for EventType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl Serialize for EventType {
    /// Written as its key.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key)
    }
}

impl<'de> Deserialize<'de> for &'static EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        find(&key).ok_or_else(|| D::Error::custom(format!("{key:?} is not an event type")))
    }
}

/// All types, in the catalogue's order.
pub fn all() -> &'static [EventType] {
    &CATALOGUE
}

/// The type with exactly this key.
pub fn find(key: &str) -> Option<&'static EventType> {
    all().iter().find(|event_type| event_type.key == key)
}

/// Up to three keys of the catalogue that someone who wrote `key` may have meant, the likeliest
/// first; none when nothing is near.
///
/// ```
/// assert_eq!(domain::catalogue::nearest("Participant-Confirmd"), ["participant.confirmed"]);
/// assert!(domain::catalogue::nearest("invoice.paid").is_empty());
/// ```
pub fn nearest(key: &str) -> Vec<&'static str> {
    nearest_among(key, all().iter().map(|event_type| event_type.key))
}

/// As [`nearest`], among the keys given.
pub fn nearest_among<'k>(key: &str, keys: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    // Comparing costs the product of both lengths, and `key` comes from outside.
    if key.len() > MAX_COMPARED_LENGTH {
        return Vec::new();
    }
    let meant = words(key);
    let mut scored: Vec<(f64, &str)> = keys
        .into_iter()
        .map(|candidate| (likeness(&meant, &words(candidate)), candidate))
        .filter(|(score, _)| *score >= NEAR)
        .collect();
    // The sort is stable: equally near keys stay in the order they came in.
    scored.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal));
    scored.truncate(3);
    scored.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Longer than any sensible key, custom ones included.
const MAX_COMPARED_LENGTH: usize = 128;
/// The likeness, between 0 and 1, from which a key is worth suggesting. Two keys that share only
/// the long word "participant" stay below it.
const NEAR: f64 = 0.65;
/// The likeness from which two single words count as the same ("canceled", "cancelled").
const SAME_WORD: f64 = 0.8;

/// Lower-case words; dots, dashes, underscores, spaces and the like only separate them.
fn words(key: &str) -> Vec<String> {
    key.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// How alike two keys are: by their letters, by their letters after the first word
/// ("contact.replied", "confirmed"), or by the words they share ("cancelled participant").
fn likeness(a: &[String], b: &[String]) -> f64 {
    let letters = |a: &[String], b: &[String]| {
        strsim::normalized_damerau_levenshtein(&a.join(" "), &b.join(" "))
    };
    let (whole, after_first) = match (a, b) {
        ([_], [_, b_rest @ ..]) => (letters(a, b), letters(a, b_rest)),
        ([_, a_rest @ ..], [_, b_rest @ ..]) => (letters(a, b), letters(a_rest, b_rest)),
        _ => return letters(a, b),
    };
    let same_words = a
        .iter()
        .filter(|word| {
            b.iter()
                .any(|other| strsim::normalized_damerau_levenshtein(word, other) >= SAME_WORD)
        })
        .count();
    let shared_words = 2.0 * same_words as f64 / (a.len() + b.len()) as f64;
    // The first word of most keys is long and shared by many, so over the whole key alone
    // "participant.cancelled" would be nearest to "participant.confirmed".
    f64::midpoint(whole, after_first)
        .max(after_first * 0.9)
        .max(shared_words * 0.95)
}

const APPOINTMENTS: &str = "Appointments";
const PARTICIPANTS: &str = "Participants";
const BOOKING: &str = "Booking";
const MESSAGES: &str = "Messages";

/// One entry; its sample is the file of the same key.
macro_rules! event_type {
    ($key:literal, $label:literal, $group:expr, $description:literal) => {
        event_type!($key, $label, $group, $description, [])
    };
    ($key:literal, $label:literal, $group:expr, $description:literal, [$($member:literal),*]) => {
        EventType {
            key: $key,
            label: $label,
            group: $group,
            description: $description,
            members: &[$($member),*],
            sample: include_str!(concat!("catalogue/samples/", $key, ".json")).trim_ascii_end(),
        }
    };
}

static CATALOGUE: [EventType; 20] = [
    event_type!(
        "appointment.created",
        "Appointment created",
        APPOINTMENTS,
        "An appointment was put into a calendar, by a person or through a booking page."
    ),
    event_type!(
        "appointment.modified",
        "Appointment modified",
        APPOINTMENTS,
        "An appointment's time, place or other details were changed."
    ),
    event_type!(
        "appointment.deleted",
        "Appointment deleted",
        APPOINTMENTS,
        "An appointment was removed from its calendar."
    ),
    event_type!(
        "participant.reminder_state_changed",
        "Participant reminder state changed (any state)",
        PARTICIPANTS,
        "A participant's answer to the reminder changed in any way: the invite was sent, the \
         participant confirmed, is not coming or needs to reschedule, or any other reminder state.",
        [
            "participant.invite_sent",
            "participant.confirmed",
            "participant.not_coming",
            "participant.needs_reschedule"
        ]
    ),
    event_type!(
        "participant.invite_sent",
        "Participant invite sent",
        PARTICIPANTS,
        "A participant was sent the invite that asks them to confirm the appointment."
    ),
    event_type!(
        "participant.confirmed",
        "Participant confirmed",
        PARTICIPANTS,
        "A participant answered that they are coming."
    ),
    event_type!(
        "participant.not_coming",
        "Participant not coming",
        PARTICIPANTS,
        "A participant answered that they are not coming."
    ),
    event_type!(
        "participant.needs_reschedule",
        "Participant needs to reschedule",
        PARTICIPANTS,
        "A participant answered that they need another time."
    ),
    event_type!(
        "participant.booking_state_changed",
        "Participant booking state changed (any state)",
        PARTICIPANTS,
        "The state of a participant's booking changed in any way: accepted, declined, canceled, \
         or any other booking state.",
        [
            "participant.booking_accepted",
            "participant.booking_declined",
            "participant.booking_canceled"
        ]
    ),
    event_type!(
        "participant.booking_accepted",
        "Participant accepted booking",
        PARTICIPANTS,
        "A participant accepted a booking."
    ),
    event_type!(
        "participant.booking_declined",
        "Participant declined booking",
        PARTICIPANTS,
        "A participant declined a booking."
    ),
    event_type!(
        "participant.booking_canceled",
        "Participant canceled booking",
        PARTICIPANTS,
        "A participant canceled a booking that had been accepted."
    ),
    event_type!(
        "participant.check_in_state_changed",
        "Participant check-in state changed (any state)",
        PARTICIPANTS,
        "A participant's check-in changed in any way, such as checked in or checked out."
    ),
    event_type!(
        "participant.replied",
        "Participant replied to message",
        PARTICIPANTS,
        "A participant replied to a message that was sent to them."
    ),
    event_type!(
        "participant.added_to_stop_list",
        "Participant added to stop list",
        PARTICIPANTS,
        "A participant was added to the stop list and is sent no more messages."
    ),
    event_type!(
        "booking_request.completed",
        "Booking request completed",
        BOOKING,
        "Someone finished a booking request on a booking page."
    ),
    event_type!(
        "booking_page.viewed",
        "Booking page viewed",
        BOOKING,
        "Someone opened a booking page."
    ),
    event_type!(
        "message.sent",
        "Message sent",
        MESSAGES,
        "A message to a participant was handed over for transmission."
    ),
    event_type!(
        "message.received",
        "Message received",
        MESSAGES,
        "A message from a participant came in."
    ),
    event_type!(
        "message.failed",
        "Message failed",
        MESSAGES,
        "A message could not be delivered, possibly hours after it was sent."
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

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
        let event_type = find(key).expect("a key of the catalogue");
        serde_json::from_str(event_type.sample()).expect("a sample is JSON")
    }

    #[test]
    fn the_catalogue_has_exactly_these_keys_and_labels_in_this_order() {
        let found: Vec<(&str, &str)> = all().iter().map(|t| (t.key, t.label)).collect();
        assert_eq!(found, KEYS_AND_LABELS);
    }

    #[test]
    fn every_type_is_found_by_its_exact_key_only() {
        for event_type in all() {
            assert_eq!(find(event_type.key), Some(event_type));
            assert_eq!(find(&event_type.key.to_uppercase()), None);
        }
        assert_eq!(find(""), None);
    }

    #[test]
    fn every_type_has_a_group_and_one_sentence_of_description() {
        let groups: HashSet<&str> = all().iter().map(|t| t.group).collect();
        assert_eq!(
            groups,
            HashSet::from(["Appointments", "Participants", "Booking", "Messages"])
        );
        for event_type in all() {
            let text = event_type.description;
            assert!(text.ends_with('.'), "{text}");
            assert_eq!(text.matches('.').count(), 1, "{text}");
            assert!(!text.contains("  "), "{text}");
        }
    }

    #[test]
    fn types_of_a_group_stand_together() {
        let mut seen = Vec::new();
        for event_type in all() {
            if seen.last() != Some(&event_type.group) {
                assert!(!seen.contains(&event_type.group), "{}", event_type.key);
                seen.push(event_type.group);
            }
        }
    }

    #[test]
    fn every_sample_is_a_json_object_without_space_around_it() {
        for event_type in all() {
            let value = sample(event_type.key);
            assert!(value.is_object(), "{}", event_type.key);
            assert_eq!(event_type.sample().trim(), event_type.sample());
        }
    }

    #[test]
    fn samples_agree_on_the_participant_and_the_appointment() {
        let confirmed = sample("participant.confirmed");
        for event_type in all() {
            let value = sample(event_type.key);
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
        for event_type in all() {
            let of_a_change =
                event_type.umbrella().is_some() || event_type.key.ends_with("_changed");
            let value = sample(event_type.key);
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

    #[test]
    fn umbrellas_and_members_name_each_other() {
        for event_type in all() {
            for member in event_type.members {
                let member = find(member).expect("members are types of the catalogue");
                assert_eq!(member.umbrella(), Some(event_type));
                assert!(member.members.is_empty(), "umbrellas do not nest");
                assert_eq!(member.group, event_type.group);
            }
            if let Some(umbrella) = event_type.umbrella() {
                assert!(umbrella.members.contains(&event_type.key));
                assert!(umbrella.label.ends_with("(any state)"));
            }
        }
        let reminder = find("participant.reminder_state_changed").expect("in the catalogue");
        assert_eq!(
            reminder.members,
            [
                "participant.invite_sent",
                "participant.confirmed",
                "participant.not_coming",
                "participant.needs_reschedule"
            ]
        );
        let booking = find("participant.booking_state_changed").expect("in the catalogue");
        assert_eq!(
            booking.members,
            [
                "participant.booking_accepted",
                "participant.booking_declined",
                "participant.booking_canceled"
            ]
        );
        let check_in = find("participant.check_in_state_changed").expect("in the catalogue");
        assert!(check_in.members.is_empty());
    }

    #[test]
    fn types_are_equal_and_hash_alike_by_key() {
        let distinct: HashSet<&EventType> = all().iter().chain(all()).collect();
        assert_eq!(distinct.len(), 20);
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
        for event_type in all() {
            assert_eq!(nearest(event_type.key).first(), Some(&event_type.key));
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
}
