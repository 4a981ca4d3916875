//! The operations of the API, one line each.

use domain::access::Scope::{Ingest, Manage, Metrics, Read, Run};

use crate::operation::{
    Access::{Open, Root, Scope},
    Component::{Delivery, Events, Management, Reference},
    operations,
};

operations! {
    // operation: method path, access, component, documentation;
    ListEventTypes: GET "/v1/event-types", Scope(Read), Management, event_types::list;
    ShowEventType: GET "/v1/event-types/{key}", Scope(Read), Management, event_types::show;
    PutEventType: PUT "/v1/event-types/{key}", Scope(Manage), Management, event_types::set;
    DeleteEventType: DELETE "/v1/event-types/{key}", Scope(Manage), Management, event_types::remove;

    ListTriggers: GET "/v1/accounts/{account}/triggers", Scope(Read), Management, triggers::list;
    CreateTrigger: POST "/v1/accounts/{account}/triggers", Scope(Manage), Management, triggers::create;
    ShowTrigger: GET "/v1/accounts/{account}/triggers/{trigger}", Scope(Read), Management, triggers::show;
    ReplaceTrigger: PUT "/v1/accounts/{account}/triggers/{trigger}", Scope(Manage), Management, triggers::replace;
    ChangeTrigger: PATCH "/v1/accounts/{account}/triggers/{trigger}", Scope(Manage), Management, triggers::change;
    DeleteTrigger: DELETE "/v1/accounts/{account}/triggers/{trigger}", Scope(Manage), Management, triggers::remove;

    ListActions: GET "/v1/accounts/{account}/triggers/{trigger}/actions", Scope(Read), Management, actions::list;
    AddAction: POST "/v1/accounts/{account}/triggers/{trigger}/actions", Scope(Manage), Management, actions::add;
    ShowAction: GET "/v1/accounts/{account}/triggers/{trigger}/actions/{action}", Scope(Read), Management, actions::show;
    ReplaceAction: PUT "/v1/accounts/{account}/triggers/{trigger}/actions/{action}", Scope(Manage), Management, actions::replace;
    ChangeAction: PATCH "/v1/accounts/{account}/triggers/{trigger}/actions/{action}", Scope(Manage), Management, actions::change;
    DeleteAction: DELETE "/v1/accounts/{account}/triggers/{trigger}/actions/{action}", Scope(Manage), Management, actions::remove;
    ShowSecret: GET "/v1/accounts/{account}/triggers/{trigger}/actions/{action}/secret", Scope(Manage), Management, actions::secret;
    RotateSecret: POST "/v1/accounts/{account}/triggers/{trigger}/actions/{action}/secret/rotate", Scope(Manage), Management, actions::rotate;
    TestAction: POST "/v1/accounts/{account}/triggers/{trigger}/actions/{action}/test", Scope(Manage), Delivery, actions::test;

    CheckFilter: POST "/v1/filters/check", Scope(Read), Management, filters::check;

    RenderBodyTemplate: POST "/v1/body-templates/render", Scope(Read), Management, body_templates::render;

    ListEvents: GET "/v1/accounts/{account}/events", Scope(Read), Events, events::list;
    PostEvents: POST "/v1/accounts/{account}/events", Scope(Ingest), Events, events::accept;
    PreviewEvent: POST "/v1/accounts/{account}/events/preview", Scope(Manage), Management, events::preview;
    ShowEvent: GET "/v1/accounts/{account}/events/{event}", Scope(Read), Events, events::show;
    ReplayEvent: POST "/v1/accounts/{account}/events/{event}/replay", Scope(Manage), Events, events::replay;

    ListDeliveries: GET "/v1/accounts/{account}/deliveries", Scope(Read), Management, deliveries::list;
    RecoverDeliveries: POST "/v1/accounts/{account}/deliveries/recover", Scope(Manage), Management, deliveries::recover;
    ShowDelivery: GET "/v1/accounts/{account}/deliveries/{delivery}", Scope(Read), Management, deliveries::show;
    RetryDelivery: POST "/v1/accounts/{account}/deliveries/{delivery}/retry", Scope(Manage), Management, deliveries::retry;
    CancelDelivery: POST "/v1/accounts/{account}/deliveries/{delivery}/cancel", Scope(Manage), Management, deliveries::cancel;
    RunDeliveries: POST "/v1/deliveries/run", Scope(Run), Delivery, deliveries::run;

    ShowStatistics: GET "/v1/accounts/{account}/statistics", Scope(Read), Management, statistics::show;

    DeleteAccount: DELETE "/v1/accounts/{account}", Scope(Manage), Management, accounts::remove;
    ExportTriggers: GET "/v1/accounts/{account}/export", Scope(Read), Management, accounts::export;
    ExportTriggersWithSecrets: POST "/v1/accounts/{account}/export", Scope(Manage), Management, accounts::export_with_secrets;
    ImportTriggers: POST "/v1/accounts/{account}/import", Scope(Manage), Management, accounts::import;
    PurgeEvents: POST "/v1/accounts/{account}/purge", Scope(Manage), Management, accounts::purge;

    CreatePortalLink: POST "/v1/accounts/{account}/portal-links", Scope(Manage), Management, portal_links::create;
    OpenPortalLink: POST "/v1/accounts/{account}/portal-sessions", Root, Management, portal_links::open;
    RevokePortalSessions: POST "/v1/accounts/{account}/portal-sessions/revoke", Scope(Manage), Management, portal_links::revoke;

    ListSigningKeys: GET "/v1/accounts/{account}/signing-keys", Scope(Read), Management, signing_keys::show;
    CreateSigningKey: POST "/v1/accounts/{account}/signing-keys", Scope(Manage), Management, signing_keys::make;
    ShowPublicKeys: GET "/webhook-keys/{account}", Open, Management, signing_keys::public;

    ListApiKeys: GET "/v1/api-keys", Root, Management, api_keys::show_all;
    CreateApiKey: POST "/v1/api-keys", Root, Management, api_keys::create;
    ShowApiKey: GET "/v1/api-keys/{api_key}", Root, Management, api_keys::show;
    RevokeApiKey: DELETE "/v1/api-keys/{api_key}", Root, Management, api_keys::revoke;

    ShowHealth: GET "/v1/health", Open, Management, monitoring::health;
    ShowMetrics: GET "/v1/metrics", Scope(Metrics), Management, monitoring::metrics;
    ShowUsage: GET "/v1/usage", Scope(Metrics), Management, monitoring::usage;

    // The API's description, which does not describe itself.
    ShowDocument: GET "/openapi.json", Open, Reference;
    ShowDocs: GET "/docs", Open, Reference;
    ShowDocsFile: GET "/docs/{file...}", Open, Reference;
}
