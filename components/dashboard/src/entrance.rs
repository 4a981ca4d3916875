//! Signing in and out, and portal links.

use domain::{
    account::AccountId,
    portal::{Link, Visitor},
};
use http::StatusCode;
use pages::{AccountsPage, SignInPage};
use platform::{
    auth, clock, config,
    http::{Request, Response},
    problem::Problem,
};

use crate::{answer, session};

/// `GET /`: to the account, where there is one to go to.
pub(crate) fn start(request: &Request) -> Result<Response, Problem> {
    let query = request.head.query(&["account"])?;
    let Some(session) = session::of(&request.head)? else {
        return Ok(answer::see_other("/sign-in"));
    };
    match (session.visitor, query.get("account")) {
        (Visitor::User { account, .. }, _) => {
            Ok(answer::see_other(&format!("/accounts/{account}")))
        }
        (Visitor::Operator { .. }, None) => Ok(accounts(session.csrf, "", None)),
        (Visitor::Operator { .. }, Some(typed)) => match AccountId::parse(typed.trim()) {
            Ok(account) => Ok(answer::see_other(&format!("/accounts/{account}"))),
            Err(error) => Ok(accounts(session.csrf, typed, Some(error.to_string()))),
        },
    }
}

fn accounts(csrf: String, typed: &str, error: Option<String>) -> Response {
    let status = match error {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = AccountsPage {
        csrf,
        account: typed.to_owned(),
        error: error.as_deref().map(answer::sentence),
    };
    answer::page_with(status, pages::html(&page))
}

/// `GET /sign-in`
pub(crate) fn ask(request: &Request) -> Result<Response, Problem> {
    let query = request.head.query(&["next"])?;
    let next = query.get("next").unwrap_or_default().to_owned();
    Ok(answer::page(pages::html(&SignInPage { next, error: None })))
}

/// `POST /sign-in`: with an API key of the service.
pub(crate) fn sign_in(request: &Request) -> Result<Response, Problem> {
    let fields = session::foreign_form(request)?;
    let (key, next) = (fields.get("key").trim(), fields.get("next"));
    if auth::is_root_key(key)? {
        let next = if is_own(next) { next } else { "/" };
        return session::begin(Visitor::operator(key), next);
    }
    let page = SignInPage {
        next: next.to_owned(),
        error: Some("This is not a key of the service.".to_owned()),
    };
    Ok(answer::page_with(
        StatusCode::UNAUTHORIZED,
        pages::html(&page),
    ))
}

/// `POST /sign-out`
pub(crate) fn sign_out(request: &Request) -> Result<Response, Problem> {
    if let Some(session) = session::of(&request.head)? {
        session::form(request, &session)?;
    }
    session::end()
}

/// `GET /portal?token=`: a user whom the main app sends.
pub(crate) fn portal(request: &Request) -> Result<Response, Problem> {
    let query = request.head.query(&["token"])?;
    let token = query.get("token").unwrap_or_default();
    let link = Link::open(&config::sealer()?, token, clock::now()).ok_or_else(|| {
        Problem::forbidden(
            "this link is not valid, or not any more; go back to the app for another",
        )
    })?;
    let location = format!("/accounts/{}", link.account);
    session::begin(link.visitor(), &location)
}

/// Whether an address to go to is one of an account's pages here. Browsers take `//` and `\` for
/// the beginning of another site's.
pub(crate) fn is_own(address: &str) -> bool {
    address.starts_with("/accounts/")
        && !address.contains("//")
        && !address.contains(|c: char| c == '\\' || c.is_control())
}
