//! Management: everything that is set up, shown and watched. Also answers for what is under `/v1` and no operation.

mod accounts;
mod actions;
mod api_keys;
mod check_filter;
mod deliveries;
mod event_types;
mod monitoring;
mod portal;
mod preview_event;
mod render_body_template;
mod signing_keys;
mod statistics;
mod triggers;
mod view;

use api::Operation;
use http::StatusCode;
use platform::{
    http::{Request, Response, serve},
    problem::Problem,
};
use spin_sdk::{
    http::{IncomingRequest, ResponseOutparam},
    http_component,
};

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    serve(incoming, out, async |operation, request| {
        answer(operation, &request).await
    })
    .await;
}

async fn answer(operation: Operation, request: &Request) -> Result<Response, Problem> {
    match operation {
        Operation::ListEventTypes => event_types::list::handle(request).await,
        Operation::ShowEventType => event_types::show::handle(request).await,
        Operation::PutEventType => event_types::put::handle(request).await,
        Operation::DeleteEventType => event_types::delete::handle(request).await,

        Operation::ListTriggers => triggers::list::handle(request).await,
        Operation::CreateTrigger => triggers::create::handle(request).await,
        Operation::ShowTrigger => triggers::show::handle(request).await,
        Operation::ReplaceTrigger => triggers::replace::handle(request).await,
        Operation::ChangeTrigger => triggers::change::handle(request).await,
        Operation::DeleteTrigger => triggers::delete::handle(request).await,

        Operation::ListActions => actions::list::handle(request).await,
        Operation::AddAction => actions::create::handle(request).await,
        Operation::ShowAction => actions::show::handle(request).await,
        Operation::ReplaceAction => actions::replace::handle(request).await,
        Operation::ChangeAction => actions::change::handle(request).await,
        Operation::DeleteAction => actions::delete::handle(request).await,
        Operation::ShowSecret => actions::show_secret::handle(request).await,
        Operation::RotateSecret => actions::rotate_secret::handle(request).await,

        Operation::CheckFilter => check_filter::handle(request).await,
        Operation::RenderBodyTemplate => render_body_template::handle(request).await,
        Operation::PreviewEvent => preview_event::handle(request).await,

        Operation::ListDeliveries => deliveries::list::handle(request).await,
        Operation::RecoverDeliveries => deliveries::recover::handle(request).await,
        Operation::ShowDelivery => deliveries::show::handle(request).await,
        Operation::RetryDelivery => deliveries::retry::handle(request).await,
        Operation::CancelDelivery => deliveries::cancel::handle(request).await,

        Operation::ShowStatistics => statistics::handle(request).await,
        Operation::DeleteAccount => accounts::delete::handle(request).await,
        Operation::ExportTriggers => accounts::export::handle(request).await,
        Operation::ExportTriggersWithSecrets => {
            accounts::export_with_secrets::handle(request).await
        }
        Operation::ImportTriggers => accounts::import::handle(request).await,
        Operation::PurgeEvents => accounts::purge::handle(request).await,

        Operation::CreatePortalLink => portal::create_link::handle(request).await,
        Operation::OpenPortalLink => portal::open_link::handle(request).await,
        Operation::RevokePortalSessions => portal::revoke_sessions::handle(request).await,

        Operation::ListSigningKeys => signing_keys::list::handle(request).await,
        Operation::CreateSigningKey => signing_keys::create::handle(request).await,
        Operation::ShowPublicKeys => signing_keys::show_public::handle(request).await,

        Operation::ListApiKeys => api_keys::list::handle(request).await,
        Operation::CreateApiKey => api_keys::create::handle(request).await,
        Operation::ShowApiKey => api_keys::show::handle(request).await,
        Operation::RevokeApiKey => api_keys::revoke::handle(request).await,

        Operation::ShowHealth => monitoring::health::handle(request).await,
        Operation::ShowMetrics => monitoring::metrics::handle(request).await,
        Operation::ShowUsage => monitoring::usage::handle(request).await,

        other => Err(Problem::misrouted(other)),
    }
}

/// 201 with where the new resource is.
fn created(location: &str, etag: &str, body: &impl serde::Serialize) -> Response {
    Response::json(StatusCode::CREATED, body)
        .header("location", location)
        .header("etag", etag)
}
