//! `/accounts/{account}/deliveries…`: what was sent, and sending it again.

use std::time::Duration;

use api::wire::{Delivery, DeliveryDetails, EventDetails, List, Recovered, Recovery};
use domain::id::{ActionId, DeliveryId, TriggerId};
use futures::future::{try_join, try_join3};
use pages::{DeliveriesPage, DeliveryFilter, DeliveryPage, Notice, Section};
use platform::{
    clock,
    http::{Request, Response},
    problem::Problem,
};

use crate::{
    answer,
    api::{Refused, query},
    session::Visit,
};

/// Deliveries on a page of the list.
const SHOWN: &str = "25";

pub(crate) async fn list(request: &Request, visit: &Visit) -> Result<Response, Problem> {
    let names = [
        "status", "type", "trigger", "action", "since", "until", "cursor", "done",
    ];
    let asked = request.head.query(&names)?;
    let value = |name| asked.get(name).unwrap_or_default().trim().to_owned();
    let filter = DeliveryFilter {
        status: value("status"),
        event_type: value("type"),
        trigger: value("trigger"),
        action: value("action"),
        since: value("since"),
        until: value("until"),
    };
    let path = query(
        "/deliveries",
        &[
            ("status", &filter.status),
            ("type", &filter.event_type),
            ("trigger", &filter.trigger),
            ("action", &filter.action),
            ("since", &utc(&filter.since)),
            ("until", &utc(&filter.until)),
            ("cursor", &value("cursor")),
            ("limit", SHOWN),
        ],
    );
    let api = visit.api();
    let (catalogue, found) = try_join(api.catalogue(), api.ask::<List<Delivery>>(&path)).await?;
    let (found, problem) = found_or_problem(found);
    let names = found.data.iter().map(|delivery| delivery.trigger_id);
    let names = api.names(names).await?;
    let next = found.next_cursor.map(|cursor| {
        let parameters = [
            ("status", &*filter.status),
            ("type", &filter.event_type),
            ("trigger", &filter.trigger),
            ("action", &filter.action),
            ("since", &filter.since),
            ("until", &filter.until),
            ("cursor", &cursor),
        ];
        query(&visit.path("/deliveries"), &parameters)
    });
    let page = DeliveriesPage {
        chrome: visit.chrome(&request.head, Section::Deliveries),
        catalogue: &catalogue,
        filter,
        problem,
        deliveries: found.data,
        names,
        next,
    };
    Ok(answer::page(pages::html(&page)))
}

/// What was found; nothing, and why, where the question was none.
pub(crate) fn found_or_problem<T>(found: Result<List<T>, Refused>) -> (List<T>, Option<String>) {
    match found {
        Ok(found) => (found, None),
        Err(refused) => {
            let nothing = List {
                data: Vec::new(),
                next_cursor: None,
            };
            (nothing, Some(answer::sentence(&refused.told.detail)))
        }
    }
}

/// What a browser's field for a time holds, as the API takes it. The fields are labelled with UTC.
pub(crate) fn utc(local: &str) -> String {
    match local.len() {
        0 => String::new(),
        16 => format!("{local}:00Z"),
        _ => format!("{}Z", local.trim_end_matches('Z')),
    }
}

pub(crate) async fn show(
    request: &Request,
    visit: &Visit,
    delivery: &str,
) -> Result<Response, Problem> {
    request.head.query(&["done"])?;
    page(request, visit, parse(delivery)?, None).await
}

pub(crate) async fn change(
    request: &Request,
    visit: &Visit,
    delivery: &str,
) -> Result<Response, Problem> {
    let id = parse(delivery)?;
    let fields = visit.change(request)?;
    let (what, notice) = match fields.get("do") {
        "cancel" => ("cancel", Notice::Canceled),
        "retry" => ("retry", Notice::Retried),
        other => return Err(Problem::bad_request(format!("{other:?} can't be done"))),
    };
    let path = format!("/deliveries/{id}");
    let there = format!("{path}/{what}");
    match visit.api().post::<DeliveryDetails>(&there, None).await? {
        Ok(_) => Ok(visit.done(&path, notice)),
        Err(refused) => page(request, visit, id, Some(refused)).await,
    }
}

async fn page(
    request: &Request,
    visit: &Visit,
    id: DeliveryId,
    refused: Option<Refused>,
) -> Result<Response, Problem> {
    let api = visit.api();
    let details: DeliveryDetails = api.get(&format!("/deliveries/{id}")).await?;
    let delivery = &details.delivery;
    let of_event = format!("/events/{}", delivery.event_id);
    let (catalogue, event, names) = try_join3(
        visit.api().catalogue(),
        api.ask::<EventDetails>(&of_event),
        api.names([delivery.trigger_id]),
    )
    .await?;
    let page = DeliveryPage {
        chrome: visit.chrome(&request.head, Section::Deliveries),
        catalogue: &catalogue,
        details: &details,
        event: event.as_ref().ok(),
        names,
        problem: refused.map(|refused| answer::sentence(&refused.told.detail)),
    };
    Ok(answer::page(pages::html(&page)))
}

/// `POST …/deliveries/recover`: all that failed of an action.
pub(crate) async fn recover(request: &Request, visit: &Visit) -> Result<Response, Problem> {
    let fields = visit.change(request)?;
    let ids = (
        TriggerId::parse(fields.get("trigger")),
        ActionId::parse(fields.get("action")),
    );
    let (Ok(trigger), Ok(action)) = ids else {
        return Err(Problem::bad_request("the form names no action"));
    };
    let days = fields.get("days").parse().ok();
    let days: u64 = days.filter(|days| (1..=365).contains(days)).unwrap_or(7);
    let since = clock::now() - Duration::from_secs(days * 24 * 60 * 60);
    let wanted = Recovery {
        since: Some(since),
        trigger: Some(trigger),
        action: Some(action),
        until: None,
    };
    let wanted = serde_json::to_string(&wanted).map_err(Problem::internal)?;
    let path = "/deliveries/recover";
    let notice = match visit.api().post::<Recovered>(path, Some(wanted)).await?? {
        Recovered { recovered: 0 } => Notice::NothingToRecover,
        Recovered { .. } => Notice::Recovered,
    };
    Ok(visit.done(&format!("/triggers/{trigger}/actions/{action}"), notice))
}

fn parse(segment: &str) -> Result<DeliveryId, Problem> {
    DeliveryId::parse(segment)
        .map_err(|_| Problem::not_found(format!("there is no delivery {segment:?}")))
}
