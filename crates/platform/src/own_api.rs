//! The application's own API, called from within: a request of the application to itself.

use std::time::Duration;

use domain::portal::Visitor;
use futures::future::{Either, select};
use http::{Method, StatusCode};
use wasi::{
    http::{
        outgoing_handler,
        types::{
            Fields, IncomingBody, IncomingResponse, Method as WasiMethod, OutgoingBody,
            OutgoingRequest, Scheme,
        },
    },
    io::streams::StreamError,
};

use crate::{clock, config, portal, problem::Problem, stream, wait};

/// The largest answer that is read, in bytes. The API's own are smaller: what they show is capped.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// A call of the API, under the first of the application's keys.
#[derive(Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// Path and query, percent-encoded.
    pub target: &'a str,
    /// Media type and content of the body, where there is one.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// Which version of the resource is meant (`If-Match`), where that matters.
    pub if_match: Option<&'a str>,
    /// Who it is made for: it may do no more than they may. Without one, it may do everything.
    pub visitor: Option<&'a Visitor>,
    /// How long it may take until the answer is read.
    pub patience: Duration,
}

/// What the API answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The entity tag of what it shows, where it has one.
    pub etag: Option<String>,
    /// After how many seconds to try again, where it says so.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

impl Call<'_> {
    /// Makes the call.
    ///
    /// # Errors
    ///
    /// 503 when no answer comes, or not in time. What the API refuses is an answer.
    pub async fn send(self) -> Result<Answer, Problem> {
        let what = format!("{} {}", self.method, self.target);
        let patience = self.patience;
        let asked = std::pin::pin!(self.exchange());
        let timer = std::pin::pin!(clock::sleep(patience));
        let answered = match select(asked, timer).await {
            Either::Left((answered, _)) => answered,
            Either::Right(_) => Err(format!("no answer in {patience:?}")),
        };
        answered.map_err(|error| {
            Problem::unavailable(format!("the application's own API, {what}: {error}"))
        })
    }

    async fn exchange(self) -> Result<Answer, String> {
        let key = config::api_keys()
            .map_err(|problem| format!("{problem:?}"))?
            .swap_remove(0);
        let mut headers = vec![(
            "authorization".to_owned(),
            format!("Bearer {key}").into_bytes(),
        )];
        if let Some((media_type, content)) = &self.body {
            headers.push(("content-type".to_owned(), (*media_type).into()));
            let length = content.len().to_string();
            headers.push(("content-length".to_owned(), length.into_bytes()));
        }
        if let Some(tag) = self.if_match {
            headers.push(("if-match".to_owned(), tag.into()));
        }
        if let Some(visitor) = self.visitor {
            let visitor = serde_json::to_vec(visitor).map_err(|error| error.to_string())?;
            headers.push((portal::ON_BEHALF_OF.to_owned(), visitor));
        }
        let fields = Fields::from_list(&headers).map_err(|error| error.to_string())?;
        let refused = |()| "the host refuses a request to itself".to_owned();
        let request = OutgoingRequest::new(fields);
        let method = match self.method {
            Method::GET => WasiMethod::Get,
            Method::POST => WasiMethod::Post,
            Method::PUT => WasiMethod::Put,
            Method::PATCH => WasiMethod::Patch,
            Method::DELETE => WasiMethod::Delete,
            other => WasiMethod::Other(other.to_string()),
        };
        request.set_method(&method).map_err(refused)?;
        // `self.alt` is Spin's name for the application itself where an authority is wanted.
        request.set_scheme(Some(&Scheme::Http)).map_err(refused)?;
        request.set_authority(Some("self.alt")).map_err(refused)?;
        request
            .set_path_with_query(Some(self.target))
            .map_err(refused)?;
        let body = request.body().map_err(refused)?;
        let response =
            outgoing_handler::handle(request, None).map_err(|error| error.to_string())?;
        write(body, self.body.map(|(_, content)| content)).await?;
        let response = wait::until(|| response.get(), || response.subscribe())
            .await
            .map_err(|()| "the response is taken".to_owned())?
            .map_err(|error| error.to_string())?;
        let status = StatusCode::from_u16(response.status()).map_err(|error| error.to_string())?;
        let header = |name: &str| {
            let value = response.headers().get(&name.to_owned()).pop();
            value.and_then(|value| String::from_utf8(value).ok())
        };
        let etag = header("etag");
        let retry_after = header("retry-after").and_then(|seconds| seconds.parse().ok());
        let body = read(&response).await?;
        Ok(Answer {
            status,
            etag,
            retry_after,
            body,
        })
    }
}

async fn write(body: OutgoingBody, content: Option<Vec<u8>>) -> Result<(), String> {
    if let Some(content) = content {
        let stream = body
            .write()
            .map_err(|()| "the request's body is taken".to_owned())?;
        stream::write(&stream, &content)
            .await
            .map_err(|error| error.to_string())?;
    }
    OutgoingBody::finish(body, None).map_err(|error| error.to_string())
}

async fn read(response: &IncomingResponse) -> Result<Vec<u8>, String> {
    const CHUNK: u64 = 64 * 1024;
    let taken = |()| "the response's body is taken".to_owned();
    let body: IncomingBody = response.consume().map_err(taken)?;
    let stream = body.stream().map_err(taken)?;
    let mut bytes = Vec::new();
    loop {
        let chunk = wait::until(
            || match stream.read(CHUNK) {
                Ok(chunk) if chunk.is_empty() => None,
                read => Some(read),
            },
            || stream.subscribe(),
        );
        match chunk.await {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
        }
        if bytes.len() > MAX_ANSWER {
            return Err(format!("the answer is larger than {MAX_ANSWER} bytes"));
        }
    }
}
