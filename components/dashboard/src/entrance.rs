//! Signing in and out, and portal links.

use domain::{
    account::AccountId,
    portal::{Link, Session, Visitor},
};
use http::StatusCode;
use pages::{
    AccountsPage, ErrorPage, Notice, ReplaceSessionPage, Section, SignInNotice, SignInPage,
    SignOutEverywherePage,
};
use platform::{
    auth, clock, config,
    http::{Request, Response},
    problem::Problem,
};

use crate::{
    answer, api,
    session::{self, Visit},
};

/// `GET /`: to the account, where there is one to go to.
pub(crate) fn start(request: &Request) -> Result<Response, Problem> {
    let query = request.head.query(&["account"])?;
    let Some(session) = session::of(&request.head)? else {
        return Ok(answer::see_other("/sign-in"));
    };
    match (session.visitor, query.get("account")) {
        (Visitor::User(user), _) => Ok(answer::see_other(&format!("/accounts/{}", user.account))),
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
    let query = request.head.query(&["next", "done"])?;
    let page = SignInPage {
        next: query.get("next").unwrap_or_default().to_owned(),
        notice: query.get("done").and_then(SignInNotice::named),
        error: None,
    };
    Ok(answer::page(pages::html(&page)))
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
        notice: None,
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
    session::end(None, "")
}

/// `GET /portal?token=`: a user whom the main app sends.
pub(crate) async fn portal(request: &Request) -> Result<Response, Problem> {
    let query = request.head.query(&["token"])?;
    let session = session::of(&request.head)?;
    let token = query.get("token").unwrap_or_default();
    follow(request, session, token, Replace::Ask).await
}

/// `POST /portal`: the user agreed to replace the session of somebody else.
pub(crate) async fn replace(request: &Request) -> Result<Response, Problem> {
    let session = session::of(&request.head)?;
    let fields = match &session {
        Some(session) => session::form(request, session)?,
        None => session::foreign_form(request)?,
    };
    follow(request, session, fields.get("token"), Replace::Agreed).await
}

/// Whether the session of somebody else may be replaced.
#[derive(PartialEq, Eq)]
enum Replace {
    Ask,
    Agreed,
}

async fn follow(
    request: &Request,
    session: Option<Session>,
    token: &str,
    replace: Replace,
) -> Result<Response, Problem> {
    let (sealer, keys) = (config::sealer()?, config::api_keys()?);
    let Some(link) = Link::open(&sealer, token, &keys, clock::now()) else {
        let detail = "this link is not valid or has expired; go back to the app and open the page from there";
        return Ok(dead_link(detail));
    };
    let account = &link.user.account;
    let home = format!("/accounts/{account}");
    if let Some(session) = session {
        // Somebody went back or reloaded.
        if session.visitor.came_by(&link) && !link.reusable {
            return Ok(answer::see_other(&home));
        }
        let current = match session.visitor {
            Visitor::Operator { .. } => Some(None),
            Visitor::User(user) if user.account != *account => Some(Some(user.account)),
            Visitor::User(_) => None,
        };
        if let Some(current) = current
            && replace == Replace::Ask
        {
            let page = ReplaceSessionPage {
                csrf: session.csrf,
                token: token.to_owned(),
                current,
                account: account.clone(),
            };
            return Ok(answer::page(pages::html(&page)));
        }
    }
    // A link preview that only looks must not use up the link.
    if request.head.is_head {
        return Ok(answer::see_other(&home));
    }
    match api::open_link(account, token).await? {
        Ok(begun) => session::keep(&begun.session, &home),
        Err(refused) if refused.status == StatusCode::FORBIDDEN => {
            Ok(dead_link(&refused.told.detail))
        }
        Err(refused) => Err(refused.into()),
    }
}

fn dead_link(detail: &str) -> Response {
    let page = ErrorPage {
        title: "This link does not work any more".to_owned(),
        detail: answer::sentence(detail),
        request_id: None,
    };
    answer::page_with(StatusCode::FORBIDDEN, pages::html(&page))
}

/// `GET …/sign-out-everywhere`: asks first.
pub(crate) fn ask_to_sign_out_everywhere(
    request: &Request,
    visit: &Visit,
) -> Result<Response, Problem> {
    request.head.query(&[])?;
    visit.may_manage()?;
    let page = SignOutEverywherePage {
        chrome: visit.chrome(&request.head, Section::Overview),
    };
    Ok(answer::page(pages::html(&page)))
}

/// `POST …/sign-out-everywhere`: ends all sessions of the account, and all links.
pub(crate) async fn sign_out_everywhere(
    request: &Request,
    visit: &Visit,
) -> Result<Response, Problem> {
    visit.change(request)?;
    visit.api().revoke_sessions().await?;
    match visit.session.visitor {
        Visitor::Operator { .. } => Ok(visit.done("", Notice::SignedOutEverywhere)),
        Visitor::User(_) => session::end(Some(SignInNotice::SignedOutEverywhere), ""),
    }
}

/// Whether an address to go to is one of an account's pages here. Browsers take `//` and `\` for
/// the beginning of another site's.
pub(crate) fn is_own(address: &str) -> bool {
    address.starts_with("/accounts/")
        && !address.contains("//")
        && !address.contains(|c: char| c == '\\' || c.is_control())
}
