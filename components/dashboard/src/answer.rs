//! Answers that browsers get: pages, where to go next, and what went wrong.

use http::StatusCode;
use pages::ErrorPage;
use platform::{http::Response, problem::Problem};

/// Pages load their own style and script and nothing else, talk to nobody else, and can't be framed.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      connect-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// A page, which is nobody else's: no cache keeps it.
pub(crate) fn page(html: String) -> Response {
    page_with(StatusCode::OK, html)
}

/// A page with another status than 200.
pub(crate) fn page_with(status: StatusCode, html: String) -> Response {
    guarded(Response::new(
        status,
        "text/html; charset=utf-8",
        html.into(),
    ))
    .header("cache-control", "no-store")
}

/// A file that every page has.
pub(crate) fn asset(media_type: &str, content: &str) -> Response {
    let media_type = format!("{media_type}; charset=utf-8");
    guarded(Response::new(StatusCode::OK, &media_type, content.into()))
        .header("cache-control", "max-age=300")
}

/// Where to go after a form (RFC 9110, 15.4.4): going back or reloading does not send it again.
pub(crate) fn see_other(location: &str) -> Response {
    guarded(Response::empty(StatusCode::SEE_OTHER))
        .header("location", location)
        .header("cache-control", "no-store")
}

/// A problem as a page.
pub(crate) fn refusal(mut problem: Problem) -> Response {
    let request_id = problem.log();
    let page = ErrorPage {
        title: title(problem.status()).to_owned(),
        detail: sentence(problem.detail()),
        request_id,
    };
    let headers = std::mem::take(&mut problem.headers);
    let response = page_with(problem.status(), pages::html(&page));
    headers
        .into_iter()
        .fold(response, |response, (name, value)| {
            response.header(name, value)
        })
}

/// A detail, which is a clause, as a sentence.
pub(crate) fn sentence(detail: &str) -> String {
    let mut characters = detail.chars();
    let first = characters.next().map(char::to_uppercase);
    let first = first.into_iter().flatten();
    let mut sentence: String = first.chain(characters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is no such page",
        StatusCode::FORBIDDEN => "You may not do that",
        StatusCode::METHOD_NOT_ALLOWED => "This page can't do that",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::CONFLICT => "That can't be done now",
        status if status.is_server_error() => "Something went wrong here",
        _ => "This can't be understood",
    }
}

fn guarded(response: Response) -> Response {
    response
        .header("content-security-policy", POLICY)
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "no-referrer")
}
