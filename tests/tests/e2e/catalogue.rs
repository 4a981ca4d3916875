//! The catalogue: 20 event types, each delivered end to end under its own name.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Receiver, Service, millis};
use serde_json::{Value, json};

/// What people are shown, to the letter, in the catalogue's order.
const LABELS: [(&str, &str); 20] = [
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

const REMINDER: &str = "participant.reminder_state_changed";
const REMINDER_MEMBERS: [&str; 4] = [
    "participant.invite_sent",
    "participant.confirmed",
    "participant.not_coming",
    "participant.needs_reschedule",
];
const BOOKING: &str = "participant.booking_state_changed";
const BOOKING_MEMBERS: [&str; 3] = [
    "participant.booking_accepted",
    "participant.booking_declined",
    "participant.booking_canceled",
];
const CHECK_IN: &str = "participant.check_in_state_changed";

async fn catalogue(account: &Account) -> Result<Vec<Value>> {
    let types = account.api.get("/v1/event-types").await?.json(200)?;
    types.as_array().cloned().context("the catalogue is a list")
}

async fn sample(account: &Account, event_type: &str) -> Result<Value> {
    let types = catalogue(account).await?;
    let found = types.into_iter().find(|found| found["key"] == event_type);
    Ok(found.with_context(|| format!("{event_type} is in the catalogue"))?["sample"].take())
}

#[tokio::test]
async fn it_lists_the_20_types_with_their_exact_labels_in_order() -> Result<()> {
    let types = catalogue(&Service::shared().account()).await?;
    let listed: Vec<_> = types
        .iter()
        .filter(|listed| listed["operator"] == false)
        .map(|listed| {
            (
                listed["key"].as_str().unwrap_or("?"),
                listed["label"].as_str().unwrap_or("?"),
            )
        })
        .collect();
    assert_eq!(listed, LABELS);
    Ok(())
}

#[tokio::test]
async fn every_type_tells_its_group_what_it_is_for_and_a_sample() -> Result<()> {
    for listed in catalogue(&Service::shared().account()).await? {
        let text = |name: &str| listed[name].as_str().unwrap_or_default().len();
        ensure!(text("group") > 0, "{listed}");
        ensure!(text("description") > 20, "{listed}");
        let sample = listed["sample"]
            .as_object()
            .context("a sample is an object")?;
        ensure!(
            sample.len() >= 2,
            "a sample with so little in it is not realistic: {listed}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn two_types_are_umbrellas_of_the_types_that_the_design_names() -> Result<()> {
    let mut umbrellas = Vec::new();
    for listed in catalogue(&Service::shared().account()).await? {
        if let Some(members) = listed.get("members") {
            umbrellas.push((listed["key"].clone(), members.clone()));
        }
    }
    let expected = [
        (json!(REMINDER), json!(REMINDER_MEMBERS)),
        (json!(BOOKING), json!(BOOKING_MEMBERS)),
    ];
    assert_eq!(umbrellas, expected);
    Ok(())
}

/// A trigger of this type receives the type's sample, signed and in the form that receivers are
/// promised.
async fn is_delivered(event_type: &str) -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    let hook = account.hook(event_type, &receiver.url("/hook")).await?;
    let sample = sample(&account, event_type).await?;

    let event = json!({ "type": event_type, "data": sample, "occurred_at": "2026-11-23T16:04:05.250+01:00" });
    let accepted = account.post("/events", &event).await?.json(202)?;
    let webhook = receiver.only().await?;

    webhook.verify(&hook.secret)?;
    assert_eq!(webhook.method, "POST");
    assert_eq!(webhook.path, "/hook");
    assert_eq!(webhook.header("content-type"), "application/json");
    let agent = webhook.header("user-agent");
    ensure!(agent.starts_with("webhook-triggers/"), "user-agent {agent}");
    let delivery = &accepted["deliveries"][0]["id"];
    assert_eq!(
        webhook.header("webhook-id"),
        delivery.as_str().unwrap_or("?")
    );
    assert_eq!(
        webhook.json()?,
        json!({
            "id": accepted["id"],
            "type": event_type,
            "timestamp": "2026-11-23T15:04:05.250Z",
            "account": account.id,
            "trigger": {
                "id": hook.trigger, "name": format!("On {event_type}"), "type": event_type,
            },
            "action": { "id": hook.action, "name": "Tell them" },
            "delivery": { "id": delivery },
            "data": sample,
        })
    );

    let id = delivery.as_str().context("a delivery has an id")?;
    let delivery = account.delivery_with(id, "succeeded").await?;
    assert_eq!(delivery["type"], event_type);
    assert_eq!(receiver.so_far().len(), 1);
    Ok(())
}

macro_rules! each_type_is_delivered {
    ($($name:ident: $event_type:literal,)*) => {
        $(
            #[tokio::test]
            async fn $name() -> Result<()> {
                is_delivered($event_type).await
            }
        )*

        #[test]
        fn the_deliveries_tested_here_are_those_of_the_catalogue() {
            let tested = BTreeSet::from([$($event_type),*]);
            assert_eq!(tested, LABELS.map(|(key, _)| key).into());
        }
    };
}

each_type_is_delivered! {
    appointment_created_is_delivered: "appointment.created",
    appointment_modified_is_delivered: "appointment.modified",
    appointment_deleted_is_delivered: "appointment.deleted",
    participant_reminder_state_changed_is_delivered: "participant.reminder_state_changed",
    participant_invite_sent_is_delivered: "participant.invite_sent",
    participant_confirmed_is_delivered: "participant.confirmed",
    participant_not_coming_is_delivered: "participant.not_coming",
    participant_needs_reschedule_is_delivered: "participant.needs_reschedule",
    participant_booking_state_changed_is_delivered: "participant.booking_state_changed",
    participant_booking_accepted_is_delivered: "participant.booking_accepted",
    participant_booking_declined_is_delivered: "participant.booking_declined",
    participant_booking_canceled_is_delivered: "participant.booking_canceled",
    participant_check_in_state_changed_is_delivered: "participant.check_in_state_changed",
    participant_replied_is_delivered: "participant.replied",
    participant_added_to_stop_list_is_delivered: "participant.added_to_stop_list",
    booking_request_completed_is_delivered: "booking_request.completed",
    booking_page_viewed_is_delivered: "booking_page.viewed",
    message_sent_is_delivered: "message.sent",
    message_received_is_delivered: "message.received",
    message_failed_is_delivered: "message.failed",
}

/// An account with a trigger for each of the 20 types, and their receiver. The path of a trigger's
/// action is its type.
struct Everything {
    account: Account,
    receiver: Receiver,
}

impl Everything {
    async fn set_up() -> Result<Self> {
        let account = Service::shared().account();
        let receiver = Receiver::start().await?;
        for (event_type, _) in LABELS {
            account
                .hook(event_type, &receiver.url(&format!("/{event_type}")))
                .await?;
        }
        Ok(Self { account, receiver })
    }

    /// The types of the triggers that an event of `posted` fires.
    async fn fired_by(&self, posted: &str) -> Result<BTreeSet<String>> {
        self.receiver.forget();
        let accepted = self
            .account
            .event(posted, &json!({ "posted": posted }))
            .await?;
        let owed = accepted["deliveries"]
            .as_array()
            .context("an event has deliveries")?;
        for delivery in owed {
            let id = delivery["id"].as_str().context("a delivery has an id")?;
            self.account.delivery_with(id, "succeeded").await?;
        }
        // All that was owed has been sent, so nothing can follow.
        let came = self.receiver.so_far();
        assert_eq!(came.len(), owed.len());
        let mut fired = BTreeSet::new();
        for webhook in came {
            let (body, fired_type) = (webhook.json()?, webhook.path[1..].to_owned());
            // The event's own type, and the type that its trigger waits for.
            assert_eq!(body["type"], posted);
            assert_eq!(body["trigger"]["type"], fired_type);
            fired.insert(fired_type);
        }
        Ok(fired)
    }
}

fn set(types: &[&str]) -> BTreeSet<String> {
    types.iter().map(|&key| key.to_owned()).collect()
}

async fn each_member_fires_itself_and_its_umbrella(umbrella: &str, members: &[&str]) -> Result<()> {
    let everything = Everything::set_up().await?;
    for member in members {
        assert_eq!(everything.fired_by(member).await?, set(&[member, umbrella]));
    }
    Ok(())
}

#[tokio::test]
async fn each_member_of_the_reminder_umbrella_fires_both_triggers() -> Result<()> {
    each_member_fires_itself_and_its_umbrella(REMINDER, &REMINDER_MEMBERS).await
}

#[tokio::test]
async fn each_member_of_the_booking_umbrella_fires_both_triggers() -> Result<()> {
    each_member_fires_itself_and_its_umbrella(BOOKING, &BOOKING_MEMBERS).await
}

#[tokio::test]
async fn an_umbrella_that_is_posted_itself_fires_umbrella_triggers_only() -> Result<()> {
    let everything = Everything::set_up().await?;
    for umbrella in [REMINDER, BOOKING] {
        assert_eq!(everything.fired_by(umbrella).await?, set(&[umbrella]));
    }
    Ok(())
}

#[tokio::test]
async fn every_type_that_is_in_no_umbrella_fires_its_own_trigger_only() -> Result<()> {
    let everything = Everything::set_up().await?;
    let members: Vec<_> = [&REMINDER_MEMBERS[..], &BOOKING_MEMBERS].concat();
    let alone: Vec<_> = LABELS
        .map(|(key, _)| key)
        .into_iter()
        .filter(|key| !members.contains(key))
        .collect();
    assert!(
        alone.contains(&CHECK_IN),
        "a check-in has \"(any state)\" in its label, and no members"
    );
    for event_type in alone {
        assert_eq!(everything.fired_by(event_type).await?, set(&[event_type]));
    }
    Ok(())
}

#[tokio::test]
async fn a_message_that_failed_after_it_was_sent_is_delivered_both_times() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    let sent = account.hook("message.sent", &receiver.url("/sent")).await?;
    let failed = account
        .hook("message.failed", &receiver.url("/failed"))
        .await?;
    // The very same data: nothing is deduplicated on what is in it.
    let message = json!({ "message": { "id": "msg_7", "to": "+4930123456" } });

    account.event("message.sent", &message).await?;
    receiver.received(1).await?;
    account.event("message.failed", &message).await?;
    let came = receiver.received(2).await?;

    assert_eq!(
        [came[0].path.as_str(), came[1].path.as_str()],
        ["/sent", "/failed"]
    );
    came[0].verify(&sent.secret)?;
    came[1].verify(&failed.secret)?;
    assert_eq!(came[0].json()?["data"], came[1].json()?["data"]);
    ensure!(
        came[0].header("webhook-id") != came[1].header("webhook-id"),
        "one id for both"
    );

    // And hours later once more.
    account.event("message.failed", &message).await?;
    receiver.received(3).await?;
    Ok(())
}

#[tokio::test]
async fn an_event_that_tells_no_time_occurred_when_it_came() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    account.hook("message.sent", &receiver.url("/")).await?;
    let accepted = account.event("message.sent", &json!({})).await?;
    let id = accepted["id"].as_str().context("an event has an id")?;
    let event = account.get(&format!("/events/{id}")).await?.json(200)?;
    assert_eq!(event["occurred_at"], event["received_at"]);
    let timestamp = receiver.only().await?.json()?["timestamp"].clone();
    assert_eq!(millis(&timestamp)?, millis(&event["received_at"])?);
    Ok(())
}
