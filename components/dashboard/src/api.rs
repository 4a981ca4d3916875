//! The application's own API, as the pages of an account call it.

use std::{collections::HashMap, time::Duration};

use api::wire::{
    List, PortalLinkToken, PortalSession, Problem as Told, Statistics, Trigger, TriggerCounts,
};
use domain::{account::AccountId, id::TriggerId, page, portal::Visitor};
use form_urlencoded::Serializer;
use http::{Method, StatusCode};
use pages::{Catalogue, Names};
use platform::{
    own_api::{Answer, Call},
    problem::Problem,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long a call may take. The longest, a test, takes what its receiver does.
const PATIENCE: Duration = Duration::from_secs(28);

/// The API of one account, for a visitor: it does what the visitor may do.
pub(crate) struct Api<'a> {
    pub(crate) account: &'a AccountId,
    pub(crate) visitor: &'a Visitor,
}

/// What the API says of what it will not do.
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) told: Told,
    /// After how many seconds to try again, where it says so.
    retry_after: Option<u64>,
}

/// Something that was read, with the version that it has.
pub(crate) struct Read<T> {
    pub(crate) value: T,
    pub(crate) etag: String,
}

impl Api<'_> {
    /// Reads what is at a path of the account.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Problem> {
        Ok(self.read(path).await?.value)
    }

    /// As [`Api::get`], with the version.
    pub(crate) async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<Read<T>, Problem> {
        let answer = self.call(Method::GET, path, None, None).await??;
        Ok(Read {
            value: parse(&answer)?,
            etag: answer.etag.unwrap_or_default(),
        })
    }

    /// As [`Api::get`], where what is asked for may be refused.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Result<T, Refused>, Problem> {
        parse_unless_refused(self.call(Method::GET, path, None, None).await?)
    }

    /// Does something at a path of the account, with a body of JSON.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Option<String>,
    ) -> Result<Result<T, Refused>, Problem> {
        parse_unless_refused(self.call(Method::POST, path, body, None).await?)
    }

    /// Changes the members that `patch` has, of a resource of the account.
    pub(crate) async fn patch(
        &self,
        path: &str,
        patch: &Value,
    ) -> Result<Result<(), Refused>, Problem> {
        let answer = self.call(Method::PATCH, path, Some(patch.to_string()), None);
        Ok(answer.await?.map(drop))
    }

    /// Replaces a resource of the account if it still has the version `revision`.
    pub(crate) async fn put(
        &self,
        path: &str,
        body: String,
        revision: &str,
    ) -> Result<Result<(), Refused>, Problem> {
        let answer = self.call(Method::PUT, path, Some(body), Some(revision));
        Ok(answer.await?.map(drop))
    }

    /// Deletes what is at a path of the account. What is gone already is deleted.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Problem> {
        match self.call(Method::DELETE, path, None, None).await? {
            Err(refused) if refused.status != StatusCode::NOT_FOUND => Err(refused.into()),
            _ => Ok(()),
        }
    }

    /// Ends all sessions of the account, and all links.
    pub(crate) async fn revoke_sessions(&self) -> Result<(), Problem> {
        let path = "/portal-sessions/revoke";
        self.call(Method::POST, path, None, None).await??;
        Ok(())
    }

    /// The names of these triggers and of their actions.
    pub(crate) async fn names(
        &self,
        ids: impl IntoIterator<Item = TriggerId>,
    ) -> Result<Names, Problem> {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(page::MAX_LIMIT);
        if ids.is_empty() {
            return Ok(Names::default());
        }
        let limit = ids.len().to_string();
        let path = query("/triggers", &[("ids", &listed(ids)), ("limit", &limit)]);
        let triggers: List<Trigger> = self.get(&path).await?;
        Ok(Names::new(triggers.data))
    }

    /// The deliveries of the last 24 hours of these triggers, as many as a page shows.
    pub(crate) async fn deliveries_of(
        &self,
        ids: impl ExactSizeIterator<Item = TriggerId>,
    ) -> Result<HashMap<TriggerId, TriggerCounts>, Problem> {
        if ids.len() == 0 {
            return Ok(HashMap::new());
        }
        let path = query("/statistics", &[("trigger_ids", &listed(ids))]);
        let statistics: Statistics = self.get(&path).await?;
        let counts = statistics.triggers.into_iter();
        Ok(counts.map(|count| (count.trigger_id, count)).collect())
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        if_match: Option<&str>,
    ) -> Result<Result<Answer, Refused>, Problem> {
        let target = format!("/v1/accounts/{}{path}", self.account);
        call(Some(self.visitor), method, &target, body, if_match).await
    }

    /// The types of events.
    pub(crate) async fn catalogue(&self) -> Result<Catalogue, Problem> {
        let path = "/v1/event-types";
        let answer = call(Some(self.visitor), Method::GET, path, None, None).await??;
        Ok(Catalogue::new(parse(&answer)?))
    }

    /// Asks something that belongs to no account.
    pub(crate) async fn try_out<T: DeserializeOwned>(
        &self,
        path: &str,
        body: String,
    ) -> Result<Result<T, Refused>, Problem> {
        let visitor = Some(self.visitor);
        parse_unless_refused(call(visitor, Method::POST, path, Some(body), None).await?)
    }
}

/// Opens a portal link of the account.
pub(crate) async fn open_link(
    account: &AccountId,
    token: &str,
) -> Result<Result<PortalSession, Refused>, Problem> {
    let target = format!("/v1/accounts/{account}/portal-sessions");
    let token = PortalLinkToken {
        token: Some(token.to_owned()),
    };
    let body = serde_json::to_string(&token).map_err(Problem::internal)?;
    parse_unless_refused(call(None, Method::POST, &target, Some(body), None).await?)
}

/// Ids, as a parameter of a query takes them.
fn listed(ids: impl IntoIterator<Item = TriggerId>) -> String {
    let ids: Vec<_> = ids.into_iter().map(|id| id.to_string()).collect();
    ids.join(",")
}

async fn call(
    visitor: Option<&Visitor>,
    method: Method,
    target: &str,
    body: Option<String>,
    if_match: Option<&str>,
) -> Result<Result<Answer, Refused>, Problem> {
    let media_type = match method {
        Method::PATCH => "application/merge-patch+json",
        _ => "application/json",
    };
    let what = format!("{method} {target}");
    let call = Call {
        method,
        target,
        body: body.map(|body| (media_type, body.into_bytes())),
        if_match,
        visitor,
        patience: PATIENCE,
    };
    let answer = call.send().await?;
    if answer.status.is_success() {
        return Ok(Ok(answer));
    }
    // The cause is in the log already, where it is not the caller's.
    if answer.status.is_server_error() {
        return Err(Problem::unavailable(format!(
            "{what} was answered {}",
            answer.status
        )));
    }
    if answer.status == StatusCode::UNAUTHORIZED {
        return Err(Problem::session_ended());
    }
    let told = serde_json::from_slice(&answer.body).map_err(Problem::internal)?;
    Ok(Err(Refused {
        status: answer.status,
        told,
        retry_after: answer.retry_after,
    }))
}

fn parse<T: DeserializeOwned>(answer: &Answer) -> Result<T, Problem> {
    serde_json::from_slice(&answer.body)
        .map_err(|error| Problem::internal(format!("what the API answered: {error}")))
}

fn parse_unless_refused<T: DeserializeOwned>(
    answered: Result<Answer, Refused>,
) -> Result<Result<T, Refused>, Problem> {
    match answered {
        Ok(answer) => parse(&answer).map(Ok),
        Err(refused) => Ok(Err(refused)),
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let Refused {
            status,
            told,
            retry_after,
        } = refused;
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                Self::too_many_requests(told.detail, retry_after.unwrap_or(1))
            }
            StatusCode::FORBIDDEN => Self::forbidden(told.detail),
            StatusCode::NOT_FOUND => Self::not_found(told.detail),
            StatusCode::CONFLICT => Self::conflict(told.detail),
            _ => Self::bad_request(told.detail),
        }
    }
}

/// A path with the parameters that have a value.
pub(crate) fn query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}
