use askama::Template;
use domain::account::AccountId;

use crate::{Chrome, chrome::notices};

/// Where operators sign in.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// Where to go afterwards.
    pub next: String,
    /// What happened to the session before.
    pub notice: Option<SignInNotice>,
    /// What is wrong with the key that was sent.
    pub error: Option<String>,
}

notices! {
    SignInNotice:
    /// The session of the browser ended.
    SessionEnded = "session-ended", "This session has ended. Go back to the app and open the page from there, or sign in with an API key.";
    /// All sessions of an account were ended.
    SignedOutEverywhere = "signed-out-everywhere", "Everybody is signed out of the account. Go back to the app to open the page again.";
}

/// Asks whether a portal link may replace the session of the browser.
#[derive(Template)]
#[template(path = "replace_session.html")]
pub struct ReplaceSessionPage {
    /// The token that the session's forms carry.
    pub csrf: String,
    /// The link's token.
    pub token: String,
    /// The account that the browser is signed in to; `None` for an operator.
    pub current: Option<AccountId>,
    /// The account that the link opens.
    pub account: AccountId,
}

/// Asks whether to end all sessions of an account.
#[derive(Template)]
#[template(path = "sign_out_everywhere.html")]
pub struct SignOutEverywherePage {
    /// The page around it.
    pub chrome: Chrome,
}

/// Where operators choose an account.
#[derive(Template)]
#[template(path = "accounts.html")]
pub struct AccountsPage {
    /// What the form carries.
    pub csrf: String,
    /// What was typed.
    pub account: String,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// What is shown in place of a page.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// What it is, in a few words.
    pub title: String,
    /// What is wrong, in words.
    pub detail: String,
    /// What the log names the cause by.
    pub request_id: Option<String>,
}
