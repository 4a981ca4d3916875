//! An account of the service, and what tests do in it.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use serde_json::{Value, json};

use crate::{Api, DEADLINE, Reply, eventually, kept};

/// An account that only one test uses.
#[derive(Debug, Clone)]
pub struct Account {
    /// The API of the service that it is in.
    pub api: Api,
    /// Its id.
    pub id: String,
}

/// A trigger with one action.
#[derive(Debug, Clone)]
pub struct Hook {
    /// The trigger's id.
    pub trigger: String,
    /// The action's id.
    pub action: String,
    /// The action's signing secret.
    pub secret: String,
}

impl Hook {
    /// The path of the trigger in its account.
    pub fn trigger_path(&self) -> String {
        format!("/triggers/{}", self.trigger)
    }

    /// The path of the action in its account.
    pub fn action_path(&self) -> String {
        format!("/triggers/{}/actions/{}", self.trigger, self.action)
    }
}

impl Account {
    pub(crate) fn new(api: Api) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);

        let id = format!("account-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Self { api, id }
    }

    /// The path of what is at `rest` in the account, e.g. `/triggers`.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/accounts/{}{rest}", self.id)
    }

    /// `GET` in the account.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn get(&self, rest: &str) -> Result<Reply> {
        self.api.get(&self.path(rest)).await
    }

    /// `POST` in the account.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn post(&self, rest: &str, body: &Value) -> Result<Reply> {
        self.api.post(&self.path(rest), body).await
    }

    /// `PUT` in the account.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn put(&self, rest: &str, body: &Value) -> Result<Reply> {
        self.api.put(&self.path(rest), body).await
    }

    /// `PATCH` in the account.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn patch(&self, rest: &str, patch: &Value) -> Result<Reply> {
        self.api.patch(&self.path(rest), patch).await
    }

    /// `DELETE` in the account.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn delete(&self, rest: &str) -> Result<Reply> {
        self.api.delete(&self.path(rest)).await
    }

    /// Creates a trigger.
    ///
    /// # Errors
    ///
    /// When it is not created.
    pub async fn trigger(&self, trigger: &Value) -> Result<Value> {
        self.post("/triggers", trigger).await?.json(201)
    }

    /// Creates a trigger of this type with one action that sends to `url`.
    ///
    /// # Errors
    ///
    /// When it is not created.
    pub async fn hook(&self, event_type: &str, url: &str) -> Result<Hook> {
        self.hook_with(event_type, json!({ "name": "Tell them", "url": url }))
            .await
    }

    /// Creates a trigger of this type with this action.
    ///
    /// # Errors
    ///
    /// When it is not created.
    pub async fn hook_with(&self, event_type: &str, action: Value) -> Result<Hook> {
        let trigger =
            json!({ "type": event_type, "name": format!("On {event_type}"), "actions": [action] });
        let trigger = self.trigger(&trigger).await?;
        let trigger_id = text(&trigger, "/id")?;
        let action = text(&trigger, "/actions/0/id")?;
        let secret = self
            .get(&format!("/triggers/{trigger_id}/actions/{action}/secret"))
            .await?;
        let secret = text(&secret.json(200)?, "/secret")?;
        kept::secret(secret.trim_start_matches("whsec_"))?;
        Ok(Hook {
            trigger: trigger_id,
            action,
            secret,
        })
    }

    /// Posts an event.
    ///
    /// # Errors
    ///
    /// When it is not accepted as a new one.
    pub async fn event(&self, event_type: &str, data: &Value) -> Result<Value> {
        self.post("/events", &json!({ "type": event_type, "data": data }))
            .await?
            .json(202)
    }

    /// Posts an event under an idempotency key.
    ///
    /// # Errors
    ///
    /// When no answer comes.
    pub async fn event_once(&self, key: &str, event: &Value) -> Result<Reply> {
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        self.api
            .send(
                Method::POST,
                &self.path("/events"),
                &headers,
                event.to_string(),
            )
            .await
    }

    /// A delivery with its attempts.
    ///
    /// # Errors
    ///
    /// When it is not there.
    pub async fn delivery(&self, id: &str) -> Result<Value> {
        self.get(&format!("/deliveries/{id}")).await?.json(200)
    }

    /// Waits until the delivery is as `wanted` says.
    ///
    /// # Errors
    ///
    /// When that does not come.
    pub async fn delivery_once(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        eventually(&format!("what is wanted of {id}"), DEADLINE, || async {
            let delivery = self.delivery(id).await?;
            Ok(if wanted(&delivery) {
                Ok(delivery)
            } else {
                Err(delivery.to_string())
            })
        })
        .await
    }

    /// Waits until the delivery has this status.
    ///
    /// # Errors
    ///
    /// When that does not come.
    pub async fn delivery_with(&self, id: &str, status: &str) -> Result<Value> {
        self.delivery_once(id, |delivery| delivery["status"] == status)
            .await
    }

    /// Waits until the first `count` attempts of the delivery are recorded.
    ///
    /// # Errors
    ///
    /// When that does not come.
    pub async fn attempted(&self, id: &str, count: u64) -> Result<Value> {
        self.delivery_once(id, |delivery| {
            delivery["attempt_count"].as_u64() >= Some(count)
        })
        .await
    }

    /// Every item of a list, page by page, `limit` a page. `rest` may have a query.
    ///
    /// # Errors
    ///
    /// When a page is missing, or larger than it may be.
    pub async fn pages(&self, rest: &str, limit: usize) -> Result<Vec<Value>> {
        let join = if rest.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self
                .get(&format!("{rest}{join}limit={limit}{cursor}"))
                .await?
                .json(200)?;
            let data = page["data"].as_array().context("a page has data")?;
            ensure!(data.len() <= limit, "{} items of {limit}", data.len());
            items.extend(data.iter().cloned());
            match page["next_cursor"].as_str() {
                // A page that leads on is full: whoever pages makes no call in vain.
                Some(next) => {
                    ensure!(data.len() == limit, "a short page leads on: {page}");
                    cursor = format!("&cursor={next}");
                }
                None => {
                    ensure!(page["next_cursor"].is_null(), "{page}");
                    return Ok(items);
                }
            }
        }
    }

    /// The deliveries that are pending or being sent. Read in one list of all: one that changes between these two
    /// is in neither of two lists.
    ///
    /// # Errors
    ///
    /// When a page is missing.
    pub async fn unsettled(&self) -> Result<Vec<Value>> {
        let mut deliveries = self.pages("/deliveries", 200).await?;
        deliveries.retain(|delivery| {
            delivery["status"] == "pending" || delivery["status"] == "delivering"
        });
        Ok(deliveries)
    }

    /// The ids of a list's items, in its order.
    ///
    /// # Errors
    ///
    /// When a page is missing.
    pub async fn ids(&self, rest: &str) -> Result<Vec<String>> {
        let items = self.pages(rest, 200).await?;
        items.iter().map(|item| text(item, "/id")).collect()
    }

    /// Checks that the account has no trigger, event or delivery.
    ///
    /// # Errors
    ///
    /// When it has one.
    pub async fn is_empty(&self) -> Result<()> {
        for list in ["/triggers", "/events", "/deliveries"] {
            let items = self.pages(list, 200).await?;
            ensure!(items.is_empty(), "{list} has {items:?}");
        }
        Ok(())
    }
}

/// The text at a JSON pointer.
fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .map(Into::into)
        .with_context(|| format!("no text at {pointer} of {value}"))
}
