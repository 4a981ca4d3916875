//! `POST …/actions/{action}/test`: sends one webhook now and answers with what came of it.
//!
//! It is owed to nobody. Whether the trigger and the action are enabled, and what the filter says,
//! does not matter; it is not repeated, and says nothing about the action's health.

use domain::{
    id::{DeliveryId, EventId},
    origin::Origin,
    signing_keys::{Scheme, SigningKeys},
    trial::TestInput,
    webhook::Event,
};
use platform::{
    catalogue, clock, entropy,
    http::{Request, Response, account},
    ledger::{CLAIM_LEASE, Claim, NewTest},
    problem::Problem,
    signing_keys,
    triggers::{Triggers, find_action},
};

use crate::{
    attempt::attempt,
    prepare::{Prepared, Settings},
    rendering::Rendering,
};

pub(crate) async fn send(
    request: &Request,
    account_id: &str,
    (trigger_id, action_id): (&str, &str),
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = account(account_id)?;
    let input: TestInput = request.json_if_any()?;
    let triggers = Triggers::of(account)?;
    let trigger = triggers.find(trigger_id)?;
    let action = find_action(&trigger, action_id)?.clone();
    let catalogue = catalogue::load(triggers.store())?;
    let trigger_type = catalogue.named(&trigger.event_type);
    let trigger_type = trigger_type.map_err(|error| Problem::conflict(error.to_string()))?;
    let trial = input.check(trigger_type, &catalogue)?;
    let settings = Settings::read()?;
    let keys = if action.signs_with(Scheme::V1a) {
        signing_keys::of(triggers.store(), triggers.account())?
    } else {
        SigningKeys::default()
    };

    let now = clock::now();
    let event = Event {
        id: EventId::new(now, entropy::bits()),
        event_type: trial.event_type.key.clone().into_owned(),
        test: true,
        occurred_at: now,
        data: trial.data,
        origin: Origin::default(),
    };
    let test = NewTest {
        account: triggers.account(),
        event: &event,
        delivery: DeliveryId::new(now, entropy::bits()),
        trigger: trigger.id,
        action: action.id,
    };
    // Runners leave it alone until the lease is over. It then is only if this request died.
    let claim = Claim {
        token: entropy::token(),
        lease_until: now + CLAIM_LEASE,
    };
    let ledger = triggers.ledger();
    if let Some(limit) = settings.outbound.per_hour
        && ledger.reserve(limit, 1, now)?.granted == 0
    {
        let detail = format!("all {limit} requests to receivers of this hour are used up");
        return Err(Problem::budget_used_up(detail, now));
    }
    let claimed = ledger.begin_test(&test, &claim)?;
    let delivery = claimed.id;
    let prepared = Prepared {
        claimed,
        event,
        trigger,
        action,
        keys,
    };
    let done = attempt(prepared, &settings, &Rendering::new()).await;
    ledger.record(&claim, &[&done.finished])?;
    let delivery = ledger
        .delivery(triggers.account(), delivery)?
        .ok_or_else(|| Problem::internal(format!("the test {delivery} is gone")))?;
    Ok(Response::ok(&delivery))
}
