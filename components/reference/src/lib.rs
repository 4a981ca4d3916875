//! The API's description: the OpenAPI document, and the page that people read it on. Both are made when this is built,
//! and it needs nothing of the host.

use http::{Method, StatusCode};
use platform::{
    http::{Request, Response, serve},
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

/// The page loads its style sheet and nothing else, runs nothing and can't be framed.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";

/// How long an answer may be shown without asking again: a deployment is seen within minutes.
const CACHING: &str = "max-age=300";

/// What a path is answered with.
struct Content {
    media_type: &'static str,
    body: &'static [u8],
    etag: &'static str,
}

/// The file of this name that the build made.
macro_rules! content {
    ($media_type:literal, $name:literal) => {
        Content {
            media_type: $media_type,
            body: include_bytes!(concat!(env!("OUT_DIR"), "/", $name)),
            etag: include_str!(concat!(env!("OUT_DIR"), "/", $name, ".etag")),
        }
    };
}

static DOCUMENT: Content = content!("application/json", "openapi.json");
static PAGE: Content = content!("text/html; charset=utf-8", "docs.html");
static STYLE: Content = content!("text/css; charset=utf-8", "style.css");

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    serve(incoming, out, |_| Ok(()), async |request| route(&request)).await;
}

fn route(request: &Request) -> Result<Response, Problem> {
    let content = match request.head.path() {
        "/openapi.json" => &DOCUMENT,
        "/docs" => &PAGE,
        "/docs/style.css" => &STYLE,
        path => return Err(Problem::no_route(path)),
    };
    if request.head.method != Method::GET {
        return Err(Problem::method_not_allowed("GET"));
    }
    let whole = || {
        let body = content.body.to_vec();
        Ok(Response::new(StatusCode::OK, content.media_type, body))
    };
    let response = request.preconditions()?.read(content.etag, whole)?;
    Ok(response
        .header("cache-control", CACHING)
        .header("content-security-policy", POLICY)
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "no-referrer"))
}
