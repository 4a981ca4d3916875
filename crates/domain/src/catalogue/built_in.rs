//! The 20 types that every deployment has, and the service's own.

use std::borrow::Cow;

use super::{EventType, Origin};

const APPOINTMENTS: &str = "Appointments";
const PARTICIPANTS: &str = "Participants";
const BOOKING: &str = "Booking";
const MESSAGES: &str = "Messages";
const WEBHOOKS: &str = "Webhooks";

const REMINDER: &str = "participant.reminder_state_changed";
const BOOKING_STATE: &str = "participant.booking_state_changed";

/// One entry; its sample is the file of the same key.
macro_rules! event_type {
    ($key:literal, $label:literal, $group:expr, $description:literal) => {
        event_type!($key, $label, $group, $description, None)
    };
    ($key:literal, $label:literal, $group:expr, $description:literal, of $umbrella:expr) => {
        event_type!(
            $key,
            $label,
            $group,
            $description,
            Some(Cow::Borrowed($umbrella))
        )
    };
    ($key:literal, $label:literal, $group:expr, $description:literal, $member_of:expr) => {
        EventType {
            key: Cow::Borrowed($key),
            label: Cow::Borrowed($label),
            group: Cow::Borrowed($group),
            description: Cow::Borrowed($description),
            member_of: $member_of,
            origin: Origin::BuiltIn,
            revision: 0,
            sample: Cow::Borrowed(
                include_str!(concat!("samples/", $key, ".json")).trim_ascii_end(),
            ),
        }
    };
}

/// The types that every deployment has, in the catalogue's order.
pub static BUILT_IN: [EventType; 20] = [
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
         participant confirmed, is not coming or needs to reschedule, or any other reminder state."
    ),
    event_type!(
        "participant.invite_sent",
        "Participant invite sent",
        PARTICIPANTS,
        "A participant was sent the invite that asks them to confirm the appointment.",
        of REMINDER
    ),
    event_type!(
        "participant.confirmed",
        "Participant confirmed",
        PARTICIPANTS,
        "A participant answered that they are coming.",
        of REMINDER
    ),
    event_type!(
        "participant.not_coming",
        "Participant not coming",
        PARTICIPANTS,
        "A participant answered that they are not coming.",
        of REMINDER
    ),
    event_type!(
        "participant.needs_reschedule",
        "Participant needs to reschedule",
        PARTICIPANTS,
        "A participant answered that they need another time.",
        of REMINDER
    ),
    event_type!(
        "participant.booking_state_changed",
        "Participant booking state changed (any state)",
        PARTICIPANTS,
        "The state of a participant's booking changed in any way: accepted, declined, canceled, \
         or any other booking state."
    ),
    event_type!(
        "participant.booking_accepted",
        "Participant accepted booking",
        PARTICIPANTS,
        "A participant accepted a booking.",
        of BOOKING_STATE
    ),
    event_type!(
        "participant.booking_declined",
        "Participant declined booking",
        PARTICIPANTS,
        "A participant declined a booking.",
        of BOOKING_STATE
    ),
    event_type!(
        "participant.booking_canceled",
        "Participant canceled booking",
        PARTICIPANTS,
        "A participant canceled a booking that had been accepted.",
        of BOOKING_STATE
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

/// What the service tells of itself. Nobody can post these.
pub static OPERATOR: [EventType; 4] = [
    operator(event_type!(
        "webhook.action_disabled",
        "Webhook action disabled",
        WEBHOOKS,
        "The service disabled an action by itself: its receiver answered 410 Gone, or every attempt \
         had failed for five days."
    )),
    operator(event_type!(
        "webhook.delivery_failed",
        "Webhook delivery failed",
        WEBHOOKS,
        "The service gave up a delivery: the last attempt of its schedule failed."
    )),
    operator(event_type!(
        "webhook.action_recovered",
        "Webhook action recovered",
        WEBHOOKS,
        "A delivery to an action succeeded, the first after five failed attempts in a row or after \
         the service had disabled it."
    )),
    operator(event_type!(
        "webhook.filters_skipped",
        "Webhook filters skipped",
        WEBHOOKS,
        "The filters of triggers were not evaluated on an event, because that takes too many steps: \
         these triggers did not fire."
    )),
];

const fn operator(mut event_type: EventType) -> EventType {
    event_type.origin = Origin::Operator;
    event_type
}
