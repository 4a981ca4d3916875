use askama::Template;

/// Where operators sign in.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// Where to go afterwards.
    pub next: String,
    /// What is wrong with the key that was sent.
    pub error: Option<String>,
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
