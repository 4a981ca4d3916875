//! Deliveries without number, receivers that hang, and receivers that ask for time.

use anyhow::{Result, ensure};
use e2e::{Act, Answer, Misbehaving, Service};
use serde_json::{Value, json};

use crate::{alone, flood, victim::Victim};

/// The requests in flight that an account may have to one host.
const MAX_IN_FLIGHT_PER_HOST: usize = 16;

/// A trigger with so many actions that send to `url`.
fn fan_out(url: &str, actions: usize) -> Value {
    let action = |number| json!({ "name": format!("Action {number}"), "url": url });
    let actions: Vec<_> = (0..actions).map(action).collect();
    json!({ "type": "message.sent", "name": "Many", "actions": actions })
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_hang_take_no_room_from_others() -> Result<()> {
    let _alone = alone().await;
    let service = Service::start()?;
    let victim = Victim::of(&service).await?;
    let attacker = service.account();
    let hanging = Misbehaving::start(vec![Act::Read, Act::Hang]).await?;
    attacker.trigger(&fan_out(&hanging.url(), 100)).await?;
    let event = json!({ "type": "message.sent", "data": {} });
    victim.notices_nothing_of(flood(&attacker, &event)).await?;
    let in_flight = hanging.connections() - hanging.closed();
    ensure!(
        in_flight <= MAX_IN_FLIGHT_PER_HOST,
        "{in_flight} requests are in flight"
    );
    ensure!(in_flight > 0, "the attacker sent nothing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_one_account_for_time_goes_on_serving_another() -> Result<()> {
    let _alone = alone().await;
    let service = Service::start()?;
    let victim = Victim::of(&service).await?;
    let attacker = service.account();
    // The same host that the victim sends to.
    let later = Answer::status(429).header("retry-after", "3600");
    victim.receiver.answer("/attacker", later);
    let url = victim.receiver.url("/attacker");
    attacker.trigger(&fan_out(&url, 100)).await?;
    let event = json!({ "type": "message.sent", "data": {} });
    victim.notices_nothing_of(flood(&attacker, &event)).await
}
