//! The API's description: the OpenAPI document, a viewer for it, and the guides. All of it is made when this is built, and it
//! needs nothing of the host.

use std::io::Read as _;

use api::Operation;
use flate2::read::GzDecoder;
use http::StatusCode;
use platform::{
    http::{Request, Response, serve_open},
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

/// Pages load what is served here and nothing else, run nothing and can't be framed.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; form-action 'none'";

/// The viewer runs its script, which makes style sheets and asks the API, and nothing else.
const VIEWER_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; \
                             style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; \
                             base-uri 'none'; form-action 'none'";

/// How long an answer may be shown without asking again: a deployment is seen within minutes.
const CACHING: &str = "max-age=300";

/// A file that the build made.
struct File {
    path: &'static str,
    media_type: &'static str,
    /// Of the content, uncompressed.
    hash: &'static str,
    /// Whether `body` is compressed with gzip.
    compressed: bool,
    body: &'static [u8],
}

static FILES: &[File] = &include!(concat!(env!("OUT_DIR"), "/files.rs"));

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    serve_open(incoming, out, async |operation, request| match operation {
        Operation::ShowDocument | Operation::ShowDocs | Operation::ShowDocsFile => show(&request),
        other => Err(Problem::misrouted(other)),
    })
    .await;
}

fn show(request: &Request) -> Result<Response, Problem> {
    let path = request.head.path();
    let Some(file) = FILES.iter().find(|file| file.path == path) else {
        return Err(Problem::not_found(format!("there is no file {path}")));
    };
    let compressed = file.compressed && takes_gzip(request);
    // Two representations have two entity tags.
    let etag = format!("\"{}{}\"", file.hash, if compressed { "-gzip" } else { "" });
    let whole = || {
        let body = if file.compressed && !compressed {
            file.decompressed()?
        } else {
            file.body.to_vec()
        };
        let response = Response::new(StatusCode::OK, file.media_type, body);
        Ok(match compressed {
            true => response.header("content-encoding", "gzip"),
            false => response,
        })
    };
    let policy = if path == "/docs" {
        VIEWER_POLICY
    } else {
        POLICY
    };
    let response = request.preconditions()?.read(&etag, whole)?;
    Ok(response
        .header("cache-control", CACHING)
        .header("content-security-policy", policy)
        .header("vary", "accept-encoding")
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "no-referrer"))
}

impl File {
    fn decompressed(&self) -> Result<Vec<u8>, Problem> {
        let mut content = Vec::new();
        GzDecoder::new(self.body)
            .read_to_end(&mut content)
            .map_err(|error| Problem::internal(&error))?;
        Ok(content)
    }
}

/// Whether `Accept-Encoding` has gzip, with another weight than 0 (RFC 9110, 12.5.3).
fn takes_gzip(request: &Request) -> bool {
    let mut weight = None;
    for line in request.head.values("accept-encoding") {
        for coding in String::from_utf8_lossy(line).split(',') {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            let given = || match parameters.trim().strip_prefix("q=") {
                Some(weight) => weight.trim().parse().unwrap_or(0.0),
                None => 1.0,
            };
            match name.trim().to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => return given() > 0.0,
                "*" => weight = Some(given()),
                _ => {}
            }
        }
    }
    weight.is_some_and(|weight: f32| weight > 0.0)
}
