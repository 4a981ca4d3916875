//! Tests an action: sends one webhook now and answers with the delivery and its attempt.
//!
//! It is owed to nobody. Whether the trigger and the action are enabled, and what the filter says,
//! does not matter; it is not repeated, and says nothing about the action's health.

use std::time::Duration;

use domain::{
    account::AccountId,
    id::{DeliveryId, EventId},
    origin::Origin,
    signing_keys::{Scheme, SigningKeys},
    trial::TestInput,
    url_policy::host_of,
    webhook::Event,
};
use platform::{
    catalogue,
    clock::{self, Moment},
    config::Outbound,
    entropy,
    http::{Request, Response},
    ledger::{Budget, CLAIM_LEASE, Claim, Claimed, Ledger, NewTest, Reserved},
    problem::Problem,
    signing_keys,
    triggers::{Triggers, find_action},
};

use crate::{
    attempt::attempt,
    prepare::{Prepared, Settings},
    rendering::Rendering,
};

/// How long a test waits for room, where as much is in flight as may be.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    request.head.query(&[])?;
    let account = request.account()?;
    let input: TestInput = request.json_if_any()?;
    let triggers = Triggers::of(account)?;
    let trigger = triggers.find(request.named("trigger"))?;
    let action = find_action(&trigger, request.named("action"))?.clone();
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
        host: host_of(&action.url),
    };
    let ledger = triggers.ledger();
    let reserved = reserve(ledger, triggers.account(), &settings.outbound)?;
    let Some((claim, claimed)) = begin(ledger, &test, &settings.outbound).await? else {
        for reserved in &reserved {
            ledger.give_back_requests(reserved, 1)?;
        }
        return Err(Problem::too_many_in_flight());
    };
    let delivery = claimed.id;
    let prepared = Prepared {
        claimed,
        event,
        trigger,
        action,
        keys,
    };
    let done = attempt(prepared, &settings, &Rendering::default()).await;
    ledger.record(&claim, &[&done.finished])?;
    let delivery = ledger
        .delivery(triggers.account(), delivery)?
        .ok_or_else(|| Problem::internal(format!("the test {delivery} is gone")))?;
    Ok(Response::ok(&delivery))
}

/// Takes the one request out of the hour's budgets: the service's, and the account's.
fn reserve(
    ledger: &Ledger,
    account: &AccountId,
    outbound: &Outbound,
) -> Result<Vec<Reserved>, Problem> {
    let now = clock::now();
    let mut reserved = Vec::new();
    for (budget, limit, whose) in [
        (Budget::Service, outbound.per_hour, ""),
        (
            Budget::Account(account),
            outbound.per_hour_per_account,
            " of this account",
        ),
    ] {
        let Some(limit) = limit else { continue };
        let taken = ledger.reserve(budget, limit, 1, now)?;
        if taken.granted == 0 {
            for reserved in &reserved {
                ledger.give_back_requests(reserved, 1)?;
            }
            let detail =
                format!("all {limit} requests{whose} to receivers of this hour are used up");
            return Err(Problem::budget_used_up(detail, now));
        }
        reserved.push(taken);
    }
    Ok(reserved)
}

/// Begins the test, once there is room for a request in flight. Runners leave it alone until the
/// lease is over; it then is only if this request died.
async fn begin(
    ledger: &Ledger,
    test: &NewTest<'_>,
    outbound: &Outbound,
) -> Result<Option<(Claim, Claimed)>, Problem> {
    let started = Moment::now();
    loop {
        let now = clock::now();
        let claim = Claim {
            token: entropy::token(),
            lease_until: now + CLAIM_LEASE,
        };
        if let Some(claimed) = ledger.begin_test(test, &claim, &outbound.most_in_flight(), now)? {
            return Ok(Some((claim, claimed)));
        }
        if started.elapsed() > PATIENCE {
            return Ok(None);
        }
        clock::sleep(LOOK).await;
    }
}
