//! Which form an event has: JSON of ours, or a CloudEvent in one of HTTP's content modes.

use domain::event::{Posted, cloud_event};
use platform::{http::Request, problem::Problem};

/// Reads what is posted. CloudEvents tell their mode as the [HTTP binding] says: by the content
/// type, or else by their headers.
///
/// [HTTP binding]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
pub(crate) fn read(request: &Request) -> Result<Posted, Problem> {
    request.require_plain_text()?;
    let (head, body) = (&request.head, request.body());
    let media_type = head.media_type().to_ascii_lowercase();
    let posted = match media_type.as_str() {
        cloud_event::STRUCTURED => Posted::structured(body),
        cloud_event::BATCHED => Posted::batched(body),
        other
            if cloud_event::is_json(other)
                && cloud_event::is_binary(head.headers().map(|(name, _)| name)) =>
        {
            Posted::binary(head.headers(), body)
        }
        _ => {
            request.require_content_type(&["application/json"])?;
            Posted::plain(body)
        }
    };
    Ok(posted?)
}
