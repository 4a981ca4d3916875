//! Tests of an action: an event made up for it, and one attempt.

use domain::{
    account::AccountId,
    id::{ActionId, DeliveryId, TriggerId},
    webhook::Event,
};

use crate::{Claim, Claimed, Database, Ledger, LedgerError, text};

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
}

impl<D: Database> Ledger<D> {
    /// Writes a test's event and its delivery, which is claimed from the start: at no time may
    /// a runner send it. What [`Ledger::record`] then records under the claim settles it.
    ///
    /// A test that is not settled when the lease is over was interrupted. A runner then claims it
    /// as it does others, and has it to settle, not to send.
    ///
    /// # Errors
    ///
    /// When the ledger fails; nothing is stored then.
    pub fn begin_test(&self, test: &NewTest<'_>, claim: &Claim) -> Result<Claimed, LedgerError> {
        let NewTest {
            account,
            event,
            delivery,
            trigger,
            action,
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
        self.run(
            "INSERT INTO event
                (account, id, type, occurred_at, received_at, data, fingerprint, deliveries, test)
             VALUES (?1, ?2, ?3, ?4, ?4, ?5, '', ?6, 1)",
            &[
                text(account),
                text(event.id),
                text(&event.event_type),
                event.occurred_at.into(),
                text(event.data.get()),
                text(serde_json::to_string(&owed).expect("ids and numbers are JSON")),
            ],
        )?;
        Ok(Claimed {
            account: (*account).clone(),
            id: *delivery,
            event: event.id,
            trigger: *trigger,
            action: *action,
            tries: 0,
            queue: format!("0{}{account}", action.random_part()),
            test: true,
        })
    }
}
