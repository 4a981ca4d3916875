//! Who is there: a session in a cookie, and the proof that a form is the session's own.

use domain::{
    account::AccountId,
    portal::{Role, SESSION, Session, Visitor},
};
use pages::{SignInNotice, form::Fields};
use platform::{
    clock, config, entropy,
    http::{Head, Request, Response},
    problem::Problem,
};
use subtle::ConstantTimeEq as _;

use crate::{answer, api::query};

const COOKIE: &str = "webhook_triggers_session";

/// The name of the cookie. Where people reach the service by https, the prefix makes browsers refuse one that was set over http
/// or by another host of the domain.
fn cookie_name() -> Result<String, Problem> {
    let prefix = if is_https()? { "__Host-" } else { "" };
    Ok(format!("{prefix}{COOKIE}"))
}

/// Whether people reach the service by https.
fn is_https() -> Result<bool, Problem> {
    Ok(config::public_url()?.is_some_and(|url| url.starts_with("https://")))
}

/// The session of the browser that sent the request, as far as its cookie can say: the API may refuse it all the same.
pub(crate) fn of(head: &Head) -> Result<Option<Session>, Problem> {
    let Some(token) = cookie(head, &cookie_name()?) else {
        return Ok(None);
    };
    let (sealer, keys) = (config::sealer()?, config::api_keys()?);
    Ok(Session::open(&sealer, token, &keys, clock::now()))
}

fn cookie<'a>(head: &'a Head, wanted: &str) -> Option<&'a str> {
    let cookies = head.headers().filter_map(|(name, value)| {
        let cookie = name.eq_ignore_ascii_case("cookie");
        cookie.then(|| std::str::from_utf8(value).ok()).flatten()
    });
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

/// Begins an operator's session and goes to `location`.
pub(crate) fn begin(visitor: Visitor, location: &str) -> Result<Response, Problem> {
    let session = Session::begin(visitor, entropy::token(), clock::now());
    keep(
        &session.seal(&config::sealer()?, entropy::bytes()),
        location,
    )
}

/// Has the browser keep the session of this token, and goes to `location`.
pub(crate) fn keep(token: &str, location: &str) -> Result<Response, Problem> {
    let cookie = set_cookie(token, SESSION.as_secs())?;
    Ok(answer::see_other(location).header("set-cookie", cookie))
}

/// Has the browser forget its session, and goes to the page to sign in, which says `notice`.
pub(crate) fn end(notice: Option<SignInNotice>, next: &str) -> Result<Response, Problem> {
    let notice = notice.map_or("", SignInNotice::key);
    let location = query("/sign-in", &[("done", notice), ("next", next)]);
    Ok(answer::see_other(&location).header("set-cookie", set_cookie("", 0)?))
}

fn set_cookie(token: &str, seconds: u64) -> Result<String, Problem> {
    let name = cookie_name()?;
    let secure = if is_https()? { "; Secure" } else { "" };
    Ok(format!(
        "{name}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    ))
}

/// What a form of this session brings.
///
/// # Errors
///
/// 403 for one that another site made: it does not know the session's token. 415 for what is no
/// form.
pub(crate) fn form(request: &Request, session: &Session) -> Result<Fields, Problem> {
    let fields = foreign_form(request)?;
    let given = fields.get("csrf").as_bytes();
    if bool::from(given.ct_eq(session.csrf.as_bytes())) {
        Ok(fields)
    } else {
        Err(Problem::forbidden(
            "the form is not of this session; go back, reload the page and send it again",
        ))
    }
}

/// What a form brings that is sent before there is a session.
///
/// # Errors
///
/// 403 for one that a browser says another site sent, 415 for what is no form.
pub(crate) fn foreign_form(request: &Request) -> Result<Fields, Problem> {
    request.require_content_type(&["application/x-www-form-urlencoded"])?;
    match request.head.header("sec-fetch-site") {
        None | Some("same-origin") => Ok(Fields::parse(request.body())),
        Some(_) => Err(Problem::forbidden("the form comes from another site")),
    }
}

/// Somebody in an account.
pub(crate) struct Visit {
    /// Their session.
    pub(crate) session: Session,
    /// The account.
    pub(crate) account: AccountId,
    /// What they may do there.
    pub(crate) role: Role,
}

impl Visit {
    /// The form that was sent to change something.
    ///
    /// # Errors
    ///
    /// 403 when nothing may be changed, and as [`form`].
    pub(crate) fn change(&self, request: &Request) -> Result<Fields, Problem> {
        let fields = form(request, &self.session)?;
        self.may_manage().map(|()| fields)
    }

    /// # Errors
    ///
    /// 403 when the visitor may not change anything.
    pub(crate) fn may_manage(&self) -> Result<(), Problem> {
        match self.role {
            Role::Manage => Ok(()),
            Role::View => Err(Problem::forbidden(
                "this link only lets you look; ask in the app for one that lets you change things",
            )),
        }
    }
}
