//! Waking a runner: a request of the application to itself.

use std::time::Duration;

use futures::future::{Either, select};
use wasi::http::{
    outgoing_handler,
    types::{Fields, Method, OutgoingBody, OutgoingRequest, Scheme},
};

use crate::{clock, config, problem::Problem, wait};

/// The path of the run route that answers before it works.
pub const PATH: &str = "/v1/deliveries/run?wait=false";

/// How long the run route may take to answer that it has begun.
const PATIENCE: Duration = Duration::from_secs(5);

/// Wakes a runner. Call it after the answer is out: nothing is lost when it fails, any later run
/// finds the work, so the failure is only logged.
pub async fn nudge() {
    let failed = match request() {
        Ok(asked) => {
            let asked = std::pin::pin!(asked);
            let timer = std::pin::pin!(clock::sleep(PATIENCE));
            match select(asked, timer).await {
                Either::Left((Ok(202), _)) => return,
                Either::Left((Ok(status), _)) => format!("status {status}"),
                Either::Left((Err(error), _)) => error,
                Either::Right(_) => format!("no answer in {PATIENCE:?}"),
            }
        }
        Err(problem) => format!("{problem:?}"),
    };
    eprintln!("warning no runner could be woken, the next run finds the work: {failed}");
}

fn request() -> Result<impl Future<Output = Result<u16, String>>, Problem> {
    let key = config::api_keys()?.swap_remove(0);
    let headers = [(
        "authorization".to_owned(),
        format!("Bearer {key}").into_bytes(),
    )];
    let fields = Fields::from_list(&headers).map_err(Problem::internal)?;
    let refused = |()| Problem::internal("the host refuses a request to itself");
    let request = OutgoingRequest::new(fields);
    request.set_method(&Method::Post).map_err(refused)?;
    // `self.alt` is Spin's name for the application itself where an authority is wanted.
    request.set_scheme(Some(&Scheme::Http)).map_err(refused)?;
    request.set_authority(Some("self.alt")).map_err(refused)?;
    request.set_path_with_query(Some(PATH)).map_err(refused)?;
    let body = request.body().map_err(refused)?;
    Ok(async move {
        OutgoingBody::finish(body, None).map_err(|error| error.to_string())?;
        let response =
            outgoing_handler::handle(request, None).map_err(|error| error.to_string())?;
        wait::until(|| response.get(), || response.subscribe())
            .await
            .map_err(|()| "the response is taken".to_owned())?
            .map(|response| response.status())
            .map_err(|error| error.to_string())
    })
}
