//! What a main app does with the service, from the first trigger to the last webhook.
//!
//! ```sh
//! cargo run -p webhook-triggers-client --example tour -- http://127.0.0.1:3000 "$KEY" \
//!     http://127.0.0.1:4000/hooks
//! ```

use anyhow::{Context as _, Result};
use serde_json::json;
use webhook_triggers_client::{
    Account, ActionInput, Client, DeliveryQuery, DeliveryStatus, NewEvent, Recovery, TriggerInput,
};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |name| arguments.next().with_context(|| format!("say the {name}"));
    let client = Client::new(&argument("service's URL")?, &argument("API key")?)?;
    tour(&client.account("acme"), &argument("receiver's URL")?).await
}

/// Sets up a trigger, posts events, and looks after what came of them.
pub async fn tour(account: &Account, receiver: &str) -> Result<()> {
    // Tell the desk of every confirmation in the main calendar.
    let trigger = TriggerInput::new("participant.confirmed", "Tell the desk")
        .with_filter(json!({"data.appointment.calendar": "Main"}))
        .with_action(ActionInput::new("Desk", receiver));
    let trigger = account.create_trigger(&trigger).await?;
    let action = &trigger.actions[0];
    let secret = account.secret(trigger.id, action.id).await?.secret;
    println!(
        "{} signs with a secret of {} letters",
        action.name,
        secret.len()
    );

    // An event alone. It is accepted once, even if the network makes the client send it twice.
    let confirmed = |name: &str, calendar: &str| {
        let data = json!({
            "participant": {"name": name}, "appointment": {"calendar": calendar},
        });
        NewEvent::new("participant.confirmed", data)
    };
    let accepted = account.post_event(&confirmed("Ada", "Main")).await?;
    println!(
        "{} is sent to {} action",
        accepted.id,
        accepted.deliveries.len()
    );

    // Several at once, with ids of our own: those that were posted before are told as duplicates.
    let events = [
        confirmed("Grace", "Main").with_id("booking-81"),
        confirmed("Joan", "Side").with_id("booking-82"),
        confirmed("Grace", "Main").with_id("booking-81"),
    ];
    for accepted in account.post_events(&events).await? {
        println!("{} (duplicate: {})", accepted.id, accepted.duplicate);
    }

    // What came of them, and those that failed once more.
    let query = DeliveryQuery {
        trigger: Some(trigger.id),
        ..DeliveryQuery::default()
    };
    for delivery in account.deliveries(&query).await?.data {
        println!("{} {:?}", delivery.id, delivery.status);
        if delivery.status == DeliveryStatus::Failed {
            account.retry(delivery.id).await?;
        }
    }
    let recovery = Recovery {
        since: Some(trigger.created_at),
        ..Recovery::default()
    };
    println!("{} were failed", account.recover(&recovery).await?);
    Ok(())
}
