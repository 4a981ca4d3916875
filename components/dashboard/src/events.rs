//! `/accounts/{account}/events…`: what happened, and what became of it.

use api::wire::{AcceptedEvent, Event, EventDetails, List};
use domain::id::EventId;
use futures::future::try_join;
use pages::{EventFilter, EventPage, EventsPage, Notice, Section};
use platform::{
    http::{Request, Response},
    problem::Problem,
};

use crate::{
    answer,
    api::{Refused, query},
    deliveries::{found_or_problem, utc},
    session::Visit,
};

/// Events on a page of the list.
const SHOWN: &str = "25";

pub(crate) async fn list(request: &Request, visit: &Visit) -> Result<Response, Problem> {
    let asked = request
        .head
        .query(&["type", "since", "until", "cursor", "done"])?;
    let value = |name| asked.get(name).unwrap_or_default().to_owned();
    let filter = EventFilter {
        event_type: value("type"),
        since: value("since"),
        until: value("until"),
    };
    let path = query(
        "/events",
        &[
            ("type", &filter.event_type),
            ("since", &utc(&filter.since)),
            ("until", &utc(&filter.until)),
            ("cursor", &value("cursor")),
            ("limit", SHOWN),
        ],
    );
    let api = visit.api();
    let (catalogue, found) = try_join(api.catalogue(), api.ask::<List<Event>>(&path)).await?;
    let (found, problem) = found_or_problem(found);
    let next = found.next_cursor.map(|cursor| {
        let parameters = [
            ("type", &*filter.event_type),
            ("since", &filter.since),
            ("until", &filter.until),
            ("cursor", &cursor),
        ];
        query(&visit.path("/events"), &parameters)
    });
    let page = EventsPage {
        chrome: visit.chrome(&request.head, Section::Events),
        catalogue: &catalogue,
        filter,
        problem,
        events: found.data,
        next,
    };
    Ok(answer::page(pages::html(&page)))
}

pub(crate) async fn show(
    request: &Request,
    visit: &Visit,
    event: &str,
) -> Result<Response, Problem> {
    request.head.query(&["done"])?;
    page(request, visit, parse(event)?, None).await
}

pub(crate) async fn change(
    request: &Request,
    visit: &Visit,
    event: &str,
) -> Result<Response, Problem> {
    let id = parse(event)?;
    visit.change(request)?;
    let path = format!("/events/{id}");
    let there = format!("{path}/replay");
    match visit.api().post::<AcceptedEvent>(&there, None).await? {
        Ok(_) => Ok(visit.done(&path, Notice::Replayed)),
        Err(refused) => page(request, visit, id, Some(refused)).await,
    }
}

async fn page(
    request: &Request,
    visit: &Visit,
    id: EventId,
    refused: Option<Refused>,
) -> Result<Response, Problem> {
    let api = visit.api();
    let path = format!("/events/{id}");
    let (catalogue, details) = try_join(api.catalogue(), api.get::<EventDetails>(&path)).await?;
    let deliveries = details.deliveries.iter();
    let fired = deliveries.map(|delivery| delivery.trigger_id);
    let unevaluated = details.event.unevaluated_triggers.iter();
    let unevaluated = unevaluated.flat_map(|unevaluated| &unevaluated.triggers);
    let named = unevaluated
        .map(|unevaluated| unevaluated.trigger)
        .chain(fired);
    let names = api.names(named).await?;
    let page = EventPage {
        chrome: visit.chrome(&request.head, Section::Events),
        catalogue: &catalogue,
        details: &details,
        names,
        problem: refused.map(|refused| answer::sentence(&refused.told.detail)),
    };
    Ok(answer::page(pages::html(&page)))
}

fn parse(segment: &str) -> Result<EventId, Problem> {
    EventId::parse(segment)
        .map_err(|_| Problem::not_found(format!("there is no event {segment:?}")))
}
