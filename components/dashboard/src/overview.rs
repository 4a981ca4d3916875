//! `/accounts/{account}`: how it goes.

use api::wire::Statistics;
use std::time::Duration;

use pages::{OverviewPage, Section, Span};
use platform::{
    clock,
    http::{Request, Response},
    problem::Problem,
};

use crate::{answer, api::query, session::Visit};

pub(crate) async fn show(request: &Request, visit: &Visit) -> Result<Response, Problem> {
    let asked = request.head.query(&["span", "done"])?;
    let (span, hours) = match asked.get("span") {
        Some("week") => (Span::Week, 7 * 24),
        _ => (Span::Day, 24),
    };
    let until = clock::now();
    let since = until - Duration::from_secs(hours * 60 * 60);
    let parameters = [("since", since.to_string()), ("until", until.to_string())];
    let parameters = parameters
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let statistics: Statistics = visit.api().get(&query("/statistics", &parameters)).await?;
    let failing = statistics.failing_actions.iter();
    let names = visit
        .api()
        .names(failing.map(|failing| failing.trigger_id))
        .await?;
    let page = OverviewPage {
        chrome: visit.chrome(&request.head, Section::Overview),
        span,
        statistics,
        names,
    };
    Ok(answer::page(pages::html(&page)))
}
