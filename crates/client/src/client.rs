//! The client: one request at a time, sent again where that is of use.

use std::{
    fmt::Display,
    ops::Deref,
    time::{Duration, SystemTime},
};

use api::wire::Problem;
use reqwest::{
    Method, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_MATCH, RETRY_AFTER},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, RetryPolicy, query};

/// How long an answer may take, unless it is said.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one service, with one API key. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: HeaderValue,
    retries: RetryPolicy,
    timeout: Duration,
}

/// An account of the service, as a client sees it.
#[derive(Debug, Clone)]
pub struct Account {
    client: Client,
    id: String,
    if_match: Option<String>,
}

/// A resource with the version that it has. It dereferences to the resource.
#[derive(Debug, Clone)]
pub struct Versioned<T> {
    /// The resource.
    pub value: T,
    /// Its version, for [`Account::if_match`].
    pub etag: String,
}

impl<T> Deref for Versioned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A request, whatever becomes of it.
pub(crate) struct Call {
    method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Whether doing it twice does no harm.
    repeatable: bool,
}

impl Client {
    /// A client of the service at this URL, such as `https://hooks.example.com`.
    ///
    /// # Errors
    ///
    /// When the URL or the key can't be used, or this machine has no root certificates.
    pub fn new(url: &str, api_key: &str) -> Result<Self, Error> {
        let base = Url::parse(url)
            .ok()
            .filter(|base| ["http", "https"].contains(&base.scheme()) && base.has_host())
            .ok_or_else(|| Error::Setup(format!("{url:?} is no http or https URL")))?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {api_key}"))
            .map_err(|_| Error::Setup("the API key has characters that no key has".into()))?;
        authorization.set_sensitive(true);
        // Where the application has chosen a provider of cryptography, that stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!(
                "webhook-triggers-client/",
                env!("CARGO_PKG_VERSION")
            ))
            // The service has no redirects; another host is not to get the key.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::Setup(format!("no HTTP client could be made: {error}")))?;
        Ok(Self {
            http,
            base,
            authorization,
            retries: RetryPolicy::default(),
            timeout: TIMEOUT,
        })
    }

    /// The same client, which sends again as `retries` says.
    #[must_use]
    pub fn with_retries(self, retries: RetryPolicy) -> Self {
        Self { retries, ..self }
    }

    /// The same client, which waits this long for each answer.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// An account. It needs no creation: it is there once something is in it.
    pub fn account(&self, id: &str) -> Account {
        Account {
            client: self.clone(),
            id: id.to_owned(),
            if_match: None,
        }
    }

    /// Makes a call that is answered with JSON.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        self.answer(call).await?.read()
    }

    /// As [`Client::call`], of a resource that has a version.
    pub(crate) async fn versioned<T: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<Versioned<T>, Error> {
        let answer = self.answer(call).await?;
        Ok(Versioned {
            value: answer.read()?,
            etag: answer.etag,
        })
    }

    /// Makes a call whose answer says all by being there.
    pub(crate) async fn done(&self, call: Call) -> Result<(), Error> {
        self.answer(call).await.map(drop)
    }

    /// As [`Client::call`], where the answer may have no body.
    pub(crate) async fn call_if_any<T: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<Option<T>, Error> {
        let answer = self.answer(call).await?;
        match answer.status {
            StatusCode::NO_CONTENT => Ok(None),
            _ => answer.read().map(Some),
        }
    }

    async fn answer(&self, call: Call) -> Result<Answer, Error> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(&call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let pause = self
                .retries
                .pause(attempt, &error, call.repeatable, chance());
            let Some(pause) = pause else {
                return Err(error);
            };
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Answer, Error> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Setup(format!("{} has no path", self.base)))?
            .pop_if_empty()
            .extend(&call.path);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let request = self
            .http
            .request(call.method.clone(), url)
            .header(AUTHORIZATION, &self.authorization)
            .headers(call.headers.clone())
            .body(call.body.clone())
            .timeout(self.timeout);
        let response = request.send().await.map_err(not_sent)?;
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let etag = response.headers().get(ETAG);
        let etag = etag.and_then(|etag| etag.to_str().ok()).unwrap_or_default();
        let etag = etag.to_owned();
        let body = response.bytes().await;
        let body = body.map_err(|error| Error::Unanswered(Box::new(error)))?;
        if status.is_success() {
            return Ok(Answer {
                status,
                etag,
                body: body.into(),
            });
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(Error::Refused {
                problem: Box::new(Problem {
                    status: status.as_u16(),
                    ..problem
                }),
                retry_after,
            }),
            Err(_) => Err(Error::Unexpected {
                status: status.as_u16(),
                detail: String::from_utf8_lossy(&body).chars().take(200).collect(),
            }),
        }
    }
}

/// A successful answer.
struct Answer {
    status: StatusCode,
    etag: String,
    body: Vec<u8>,
}

impl Answer {
    fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read(self.status.as_u16(), &self.body)
    }
}

/// Reads an answer with this status.
pub(crate) fn read<T: DeserializeOwned>(status: u16, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Unexpected {
        status,
        detail: error.to_string(),
    })
}

impl Account {
    /// The account's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The same account, which changes and deletes triggers and actions that have this version only:
    /// the `etag` of [`Versioned`]. Else the error has the code
    /// [`PreconditionFailed`](api::problem::Code::PreconditionFailed), and nothing changed.
    #[must_use]
    pub fn if_match(&self, etag: &str) -> Self {
        Self {
            if_match: Some(etag.to_owned()),
            ..self.clone()
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// A call without a body of what is at `rest` in the account.
    pub(crate) fn request(&self, method: Method, rest: &[&dyn Display]) -> Call {
        let fixed: [&dyn Display; 3] = [&"v1", &"accounts", &self.id];
        Call::new(method, &[&fixed, rest].concat())
    }

    pub(crate) fn get(&self, rest: &[&dyn Display]) -> Call {
        self.request(Method::GET, rest)
    }

    pub(crate) fn post(&self, rest: &[&dyn Display]) -> Call {
        self.request(Method::POST, rest)
    }

    /// A call that changes a resource, if it has the version that is asked for.
    ///
    /// # Errors
    ///
    /// When the version is no entity tag.
    pub(crate) fn change(&self, method: Method, rest: &[&dyn Display]) -> Result<Call, Error> {
        let mut call = self.request(method, rest).repeatable();
        if let Some(etag) = &self.if_match {
            let value = HeaderValue::from_str(etag)
                .map_err(|_| Error::Setup(format!("{etag:?} is no entity tag")))?;
            call.headers.insert(IF_MATCH, value);
        }
        Ok(call)
    }
}

impl Call {
    /// A call without a body.
    pub(crate) fn new(method: Method, path: &[&dyn Display]) -> Self {
        Self {
            // RFC 9110, 9.2.2.
            repeatable: method.is_idempotent(),
            method,
            path: path.iter().map(ToString::to_string).collect(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        }
    }

    /// The same, where doing it twice does no harm.
    pub(crate) fn repeatable(self) -> Self {
        Self {
            repeatable: true,
            ..self
        }
    }

    /// The same with what is set of this query.
    pub(crate) fn query(self, query: &impl Serialize) -> Self {
        Self {
            query: query::pairs(query),
            ..self
        }
    }

    /// The same with a body of this media type.
    pub(crate) fn body(mut self, media_type: &'static str, body: &impl Serialize) -> Self {
        self.body = serde_json::to_vec(body).expect("what is sent has string keys");
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        self
    }

    pub(crate) fn json(self, body: &impl Serialize) -> Self {
        self.body("application/json", body)
    }

    /// The same under an idempotency key of its own, so that it is done once however often it is
    /// sent.
    ///
    /// # Errors
    ///
    /// When the system gives no randomness.
    pub(crate) fn once(self) -> Result<Self, Error> {
        self.under_key(&key()?)
    }

    /// The same under this idempotency key.
    ///
    /// # Errors
    ///
    /// When it is no key.
    pub(crate) fn under_key(mut self, key: &str) -> Result<Self, Error> {
        let value = HeaderValue::from_str(key)
            .map_err(|_| Error::Setup(format!("{key:?} is no idempotency key")))?;
        self.headers.insert("idempotency-key", value);
        Ok(self.repeatable())
    }
}

/// An idempotency key that nobody has had.
fn key() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Setup(format!("the system gives no randomness: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Why there is no answer: was anything sent?
fn not_sent(error: reqwest::Error) -> Error {
    if error.is_builder() {
        Error::Setup(error.to_string())
    } else if error.is_connect() {
        Error::Unreachable(Box::new(error))
    } else {
        Error::Unanswered(Box::new(error))
    }
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}

/// 0 to 1; without randomness, the middle.
fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_or_a_key_that_cant_be_used_is_told() {
        for (url, key) in [
            ("hooks.example.com", "k"),
            ("ftp://hooks.example.com", "k"),
            ("https://hooks.example.com", "a\nb"),
        ] {
            let made = Client::new(url, key);
            assert!(matches!(made, Err(Error::Setup(_))), "{url} {key:?}");
        }
    }

    #[test]
    fn a_client_does_not_show_its_key() {
        let client = Client::new("https://hooks.example.com", "very secret").unwrap();
        assert!(!format!("{client:?}").contains("very secret"));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let of = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]))
        };
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("soon"), None);
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let later = SystemTime::now() + Duration::from_secs(60);
        let wanted = of(&httpdate::fmt_http_date(later)).unwrap();
        assert!((50..=60).contains(&wanted.as_secs()), "{wanted:?}");
    }
}
