//! The service that is measured, with its receiver.

use std::{
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::{
    Plan,
    client::Client,
    database, processor,
    receiver::{Received, Receiver},
};

/// The API key of the services that are measured.
pub(crate) const API_KEY: &str = "the key of the benchmark";
/// 32 bytes in base64, for data that is deleted at the end.
const ENCRYPTION_KEY: &str = "YmVuY2htYXJrIGRhdGEsIGRlbGV0ZWQgYWZ0ZXJ3YXI=";

/// How long a service may take to record its last webhooks.
const SETTLING: Duration = Duration::from_secs(20);
/// Longer than a runner without work stays.
const LINGERING: Duration = Duration::from_millis(250);

/// The type of all events that are posted. It has an umbrella, so that matching reads all it ever
/// reads.
pub(crate) const EVENT_TYPE: &str = "participant.confirmed";
/// Its umbrella.
pub(crate) const UMBRELLA: &str = "participant.reminder_state_changed";

/// The data of all events that are posted, of a usual size.
pub(crate) fn event_data() -> Value {
    json!({
        "appointment": {
            "id": "apt_7Qd2LmX9",
            "title": "First consultation",
            "calendar_id": "cal_main",
            "starts_at": "2026-12-01T09:00:00Z",
            "ends_at": "2026-12-01T09:45:00Z",
            "location": "Room 4, 12 Harbour Street",
        },
        "participant": {
            "id": "par_3Hs8VtK1",
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "phone": "+441632960123",
            "time_zone": "Europe/London",
        },
        "change": { "from": "invited", "to": "confirmed", "at": "2026-11-24T15:04:05Z" },
    })
}

/// The folder that a service keeps its data in.
pub(crate) struct State(TempDir);

impl State {
    /// An empty folder.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(TempDir::with_prefix("bench-")?))
    }

    /// The ledger's file, as both hosts name it.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.0.path().join("sqlite_db.db")
    }

    /// The trigger store's file, as both hosts name it.
    pub(crate) fn trigger_store(&self) -> PathBuf {
        self.0.path().join("sqlite_key_value.db")
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A service, its data and the receiver of its webhooks. All is gone when it is dropped.
pub(crate) struct Service {
    process: harness::Service,
    state: State,
    /// What receives its webhooks.
    pub(crate) receiver: Rc<Receiver>,
}

impl Service {
    /// Starts a service without data.
    pub(crate) async fn start(plan: &Plan) -> Result<Self> {
        let receiver = Rc::new(Receiver::start().await?);
        Self::start_with(plan, State::new()?, receiver)
    }

    /// Starts a service with this data, and with this receiver for its webhooks.
    pub(crate) fn start_with(plan: &Plan, state: State, receiver: Rc<Receiver>) -> Result<Self> {
        let process = Self::command(plan, &state)?
            .start()
            .context("the service does not start")?;
        Ok(Self {
            process,
            state,
            receiver,
        })
    }

    /// How a service with this data is started.
    pub(crate) fn command(plan: &Plan, state: &State) -> Result<harness::Command> {
        Ok(harness::Command::new(&plan.manifest)?
            .host(plan.host.clone())
            .state_dir(state.path())
            .env("SPIN_VARIABLE_API_KEY", API_KEY)
            .env("SPIN_VARIABLE_ENCRYPTION_KEY", ENCRYPTION_KEY)
            .env("SPIN_VARIABLE_ALLOW_PRIVATE_TARGETS", "true")
            .env("SPIN_VARIABLE_LEDGER_DURABILITY", plan.durability.as_str()))
    }

    /// Copies the triggers to another folder. Nobody may be changing them.
    pub(crate) fn copy_triggers(&self) -> Result<State> {
        let copy = State::new()?;
        std::fs::copy(self.state.trigger_store(), copy.trigger_store())?;
        Ok(copy)
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Result<Client> {
        Client::connect(self.process.port()).await
    }

    /// The ledger's file.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.state.ledger()
    }

    /// Makes a trigger that matches every event that is posted to the account, with so many
    /// actions. Returns it as the API shows it.
    pub(crate) async fn matching_trigger(&self, account: &str, actions: usize) -> Result<Value> {
        let url = self.receiver.url();
        let actions: Vec<_> = (1..=actions)
            .map(|number| json!({ "name": format!("Action {number}"), "url": url }))
            .collect();
        let trigger = json!({ "type": EVENT_TYPE, "name": "Confirmed", "actions": actions });
        self.connect()
            .await?
            .create(&format!("/v1/accounts/{account}/triggers"), &trigger)
            .await
    }

    /// Waits until each of these webhooks has come and the service is idle again.
    ///
    /// # Errors
    ///
    /// When some don't come, with what the service said.
    pub(crate) async fn received(&self, owed: &[String]) -> Result<Received> {
        let received = self.receiver.await_all(owed).await;
        let received =
            received.with_context(|| format!("the host said:\n{}", self.process.logs()))?;
        self.settle().await?;
        Ok(received)
    }

    /// Waits until the service has recorded all it sent and is idle.
    ///
    /// The ledger's file is looked at, and closed again: an open connection of ours would spare
    /// the service work that it otherwise does when its last connection closes.
    async fn settle(&self) -> Result<()> {
        let start = Instant::now();
        while database::owes(&self.ledger())? {
            ensure!(
                start.elapsed() < SETTLING,
                "deliveries are still owed after {SETTLING:?}"
            );
            sleep(LINGERING).await;
        }
        sleep(LINGERING).await;
        Ok(())
    }

    /// The processor time that the host has taken so far, where the system tells.
    pub(crate) fn processor_time(&self) -> Option<Duration> {
        processor::time_of(self.process.id())
    }
}
