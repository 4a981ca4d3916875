//! An account as a whole: portal links, signing keys, statistics, exports, imports, purges.

use api::wire::{
    ExportInput, ImportInput, Imported, List, PortalLink, PortalLinkInput, PurgeInput, Purged,
    Rotation, SigningKey, Statistics, Unfinished,
};
use domain::time::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Account, Error, client};

/// Of which time the statistics are.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StatisticsQuery {
    /// From this time on, within the last 7 days.
    pub since: Option<Timestamp>,
    /// Up to this time.
    pub until: Option<Timestamp>,
    /// Count the deliveries of these triggers, too: ids with commas between them, 200 at most.
    pub trigger_ids: Option<String>,
}

/// Some or all of an account's triggers.
#[derive(Debug, Clone)]
pub struct Export {
    /// The document, for [`ImportInput`]. It has a seal: keep it as it is.
    pub document: Box<RawValue>,
    /// The `cursor` of the next document; `None` with the last.
    pub next_cursor: Option<String>,
}

#[derive(Serialize)]
struct ExportQuery<'a> {
    cursor: Option<&'a str>,
}

#[derive(Serialize)]
struct ImportQuery {
    dry_run: bool,
}

impl Account {
    /// Makes a link that opens the dashboard for a user of the account.
    ///
    /// # Errors
    ///
    /// As any request; [`Conflict`](crate::Code::Conflict) when the service does not know its own
    /// public address.
    pub async fn portal_link(&self, input: &PortalLinkInput) -> Result<PortalLink, Error> {
        let call = self.post(&[&"portal-links"]).json(input).once()?;
        self.client().call(call).await
    }

    /// Ends all portal links and sessions of the account.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn revoke_portal_sessions(&self) -> Result<(), Error> {
        let call = self.post(&[&"portal-sessions", &"revoke"]);
        self.client().done(call.repeatable()).await
    }

    /// The account's signing keys that sign now, the newest first.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, Error> {
        let List { data, .. } = self.client().call(self.get(&[&"signing-keys"])).await?;
        Ok(data)
    }

    /// Makes a new signing key for the account.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn create_signing_key(&self, rotation: &Rotation) -> Result<SigningKey, Error> {
        let call = self.post(&[&"signing-keys"]).json(rotation).once()?;
        self.client().call(call).await
    }

    /// The account's events and deliveries in a range of time: the last 24 hours, unless it is said.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn statistics(&self, query: &StatisticsQuery) -> Result<Statistics, Error> {
        let call = self.get(&[&"statistics"]).query(query);
        self.client().call(call).await
    }

    /// The account's triggers as a document, with their secrets where there is a passphrase to
    /// encrypt them with. `cursor` is the `next_cursor` of the export before, for the next document.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn export(
        &self,
        passphrase: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<Export, Error> {
        #[derive(Deserialize)]
        struct Page {
            next_cursor: Option<String>,
        }
        let call = match passphrase {
            None => self.get(&[&"export"]),
            Some(passphrase) => self.post(&[&"export"]).repeatable().json(&ExportInput {
                passphrase: Some(passphrase.to_owned()),
            }),
        };
        let call = call.query(&ExportQuery { cursor });
        let document: Box<RawValue> = self.client().call(call).await?;
        let Page { next_cursor } = client::read(200, document.get().as_bytes())?;
        Ok(Export {
            document,
            next_cursor,
        })
    }

    /// Creates and updates triggers as a document has them; a dry run says what that would change.
    /// Importing a document twice changes nothing more.
    ///
    /// # Errors
    ///
    /// As any request; nothing was imported then.
    pub async fn import(&self, input: &ImportInput, dry_run: bool) -> Result<Imported, Error> {
        let call = self.post(&[&"import"]).json(input).repeatable();
        self.client()
            .call(call.query(&ImportQuery { dry_run }))
            .await
    }

    /// Deletes events that have a value, with their deliveries: as many as one request can. Until
    /// the answer is `done`, ask again with its `next_cursor`.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn purge(&self, input: &PurgeInput) -> Result<Purged, Error> {
        let call = self.post(&[&"purge"]).json(input).repeatable();
        self.client().call(call).await
    }

    /// Deletes everything of the account: as much as one request can. `None` when nothing is left;
    /// else ask again.
    ///
    /// # Errors
    ///
    /// As any request.
    pub async fn delete_everything(&self) -> Result<Option<Unfinished>, Error> {
        let call = self.request(Method::DELETE, &[]);
        self.client().call_if_any(call).await
    }
}
