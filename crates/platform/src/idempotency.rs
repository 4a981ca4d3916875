//! `Idempotency-Key` on requests that create something.
//!
//! The same request under the same key creates it once, and is answered with it each time. The
//! ledger remembers the key, what the request was and the name of what it created, until retention
//! or an account's deletion takes that away.

use domain::{account::AccountId, idempotency::fingerprint};

use crate::{
    clock,
    http::Request,
    ledger::{KeyedRequest, Ledger},
    problem::Problem,
};

/// A request that creates something, with its idempotency key if it has one.
#[derive(Debug)]
pub struct Once<'a>(Option<Keyed<'a>>);

#[derive(Debug)]
struct Keyed<'a> {
    account: &'a str,
    path: &'a str,
    key: &'a str,
    fingerprint: String,
}

impl<'a> Once<'a> {
    /// A request about an account, or about none.
    ///
    /// # Errors
    ///
    /// 400 when its key is malformed.
    pub fn of(request: &'a Request, account: Option<&'a AccountId>) -> Result<Self, Problem> {
        let key = request.head.idempotency_key()?;
        Ok(Self(key.map(|key| Keyed {
            account: account.map_or("", AccountId::as_str),
            path: request.head.path(),
            key,
            fingerprint: fingerprint(request.body()),
        })))
    }

    /// As the ledger needs it; nothing without a key.
    pub fn keyed(&self) -> Option<KeyedRequest<'_>> {
        self.0.as_ref().map(|keyed| KeyedRequest {
            account: keyed.account,
            path: keyed.path,
            key: keyed.key,
            fingerprint: &keyed.fingerprint,
        })
    }

    /// What the same request created before, which `find` finds by its name.
    ///
    /// # Errors
    ///
    /// 422 when another request had the key, 409 when what was created is gone, or when a store
    /// fails.
    pub fn earlier<T>(
        &self,
        ledger: &Ledger,
        find: impl FnOnce(&str) -> Result<Option<T>, Problem>,
    ) -> Result<Option<T>, Problem> {
        let Some(request) = self.keyed() else {
            return Ok(None);
        };
        let Some(earlier) = ledger.earlier_keyed(&request)? else {
            return Ok(None);
        };
        match find(&earlier.result)? {
            // Nothing came of that request.
            None if !earlier.done => Ok(None),
            _ if !earlier.same => Err(reused()),
            None => Err(Problem::conflict(
                "what this request created under its Idempotency-Key is gone by now; use another \
                 key to create it anew",
            )),
            Some(found) => Ok(Some(found)),
        }
    }

    /// Creates what has this name, in the caller's turn: `earlier` found nothing within it.
    ///
    /// # Errors
    ///
    /// When the ledger fails, and then nothing is created, or the problem of `create`.
    pub fn create<T>(
        &self,
        ledger: &Ledger,
        name: &str,
        create: impl FnOnce() -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let Some(request) = self.keyed() else {
            return create();
        };
        ledger.begin_keyed(&request, name, clock::now())?;
        let created = create()?;
        // Without the mark, it counts as long as it is there.
        if let Err(error) = ledger.finish_keyed(&request) {
            eprintln!("warning an idempotency key is not marked as done: {error}");
        }
        Ok(created)
    }
}

/// 422: another request to the same path had the key.
pub fn reused() -> Problem {
    Problem::key_reused(
        "this Idempotency-Key was used for another request to this path before",
        Vec::new(),
    )
}
