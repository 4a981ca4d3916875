//! Tests of an action: an event made up for it, and one attempt.

use std::collections::HashMap;

use domain::{
    account::AccountId,
    id::{ActionId, DeliveryId, TriggerId},
    time::Timestamp,
    webhook::Event,
};

use crate::{
    Claim, Claimed, Database, InFlightLimits, Ledger, LedgerError, in_flight::FLIGHT, text,
};

/// A test that is to begin.
pub struct NewTest<'a> {
    /// The account.
    pub account: &'a AccountId,
    /// The event that is made up for it.
    pub event: &'a Event,
    /// The delivery's id.
    pub delivery: DeliveryId,
    /// The trigger.
    pub trigger: TriggerId,
    /// The action that is tested.
    pub action: ActionId,
    /// The host that its requests go to.
    pub host: &'a str,
}

impl<D: Database> Ledger<D> {
    /// Writes a test's event and its delivery, which is claimed from the start: at no time may
    /// a runner send it. What [`Ledger::record`] then records under the claim settles it.
    ///
    /// A test that is not settled when the lease is over was interrupted. A runner then claims it
    /// as it does others, and has it to settle, not to send.
    ///
    /// `None` when as much is in flight already as may be: of all, of its account, or of that to the host.
    ///
    /// # Errors
    ///
    /// When the ledger fails; nothing is stored then.
    pub fn begin_test(
        &self,
        test: &NewTest<'_>,
        claim: &Claim,
        most: &InFlightLimits,
        now: Timestamp,
    ) -> Result<Option<Claimed>, LedgerError> {
        let NewTest {
            account,
            event,
            delivery,
            trigger,
            action,
            host,
        } = test;
        let nothing: Option<&str> = None;
        let lease_until = claim.lease_until.as_millis();
        let owed = [(
            delivery,
            trigger,
            action,
            nothing,
            &claim.token,
            lease_until,
        )];
        // By its host the test is counted from here on.
        let target = ((*account).clone(), *action);
        self.note_hosts(&HashMap::from([(target, (*host).to_owned())]))?;
        let begun = self.run(
            &format!(
                "WITH {FLIGHT}
                 INSERT INTO event
                    (account, id, type, occurred_at, received_at, data, fingerprint, deliveries, test)
                 SELECT ?2, ?3, ?4, ?5, ?5, ?6, '', ?7, 1
                 WHERE (SELECT coalesce(sum(count), 0) FROM flight) < ?8
                   AND (SELECT coalesce(sum(count), 0) FROM flight WHERE account = ?2) < ?9
                   AND (SELECT coalesce(sum(count), 0) FROM flight
                        WHERE account = ?2 AND host = ?11) < ?10
                 RETURNING 1"
            ),
            &[
                now.into(),
                text(account),
                text(event.id),
                text(&event.event_type),
                event.occurred_at.into(),
                text(event.data.get()),
                text(serde_json::to_string(&owed).expect("ids and numbers are JSON")),
                most.total.into(),
                most.per_account.into(),
                most.per_host.into(),
                text(host),
            ],
        )?;
        Ok((!begun.is_empty()).then(|| Claimed {
            account: (*account).clone(),
            id: *delivery,
            event: event.id,
            trigger: *trigger,
            action: *action,
            tries: 0,
            queue: format!("0{}{account}", action.random_part()),
            host: Some((*host).to_owned()),
            held_until: Timestamp::from_millis(0),
            test: true,
        }))
    }
}
