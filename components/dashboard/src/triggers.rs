//! `/accounts/{account}/triggers…`: the list, the form of a new one, and a trigger's own page.

use api::wire::{FilterCheck, List, Trigger};
use domain::{account::AccountId, id::TriggerId};
use futures::future::try_join;
use http::StatusCode;
use pages::{
    DeleteTriggerPage, NewTriggerPage, Notice, Section, TriggerFilter, TriggerPage, TriggerRow,
    TriggersPage,
    form::{Fields, TriggerForm},
};
use platform::{
    http::{Request, Response},
    problem::Problem,
};
use serde::Serialize;
use serde_json::{json, value::RawValue};

use crate::{
    answer,
    api::{Read, query},
    session::Visit,
};

/// Triggers on a page of the list.
const SHOWN: &str = "25";

pub(crate) async fn list(request: &Request, visit: &Visit) -> Result<Response, Problem> {
    let asked = request.head.query(&["type", "q", "cursor", "done"])?;
    let value = |name| asked.get(name).unwrap_or_default().to_owned();
    let (event_type, text, cursor) = (value("type"), value("q"), value("cursor"));
    let path = query(
        "/triggers",
        &[
            ("type", &event_type),
            ("q", text.trim()),
            ("cursor", &cursor),
            ("limit", SHOWN),
        ],
    );
    let api = visit.api();
    let (catalogue, triggers) = try_join(api.catalogue(), api.get::<List<Trigger>>(&path)).await?;
    let counts = api
        .deliveries_of(triggers.data.iter().map(|trigger| trigger.id))
        .await?;
    let row = |trigger: Trigger| {
        let count = counts.get(&trigger.id);
        TriggerRow {
            deliveries: count.map_or(0, |count| count.deliveries),
            failed: count.map_or(0, |count| count.failed),
            trigger,
        }
    };
    let there = |cursor: &str| {
        let parameters = [("type", &*event_type), ("q", &text), ("cursor", cursor)];
        query(&visit.path("/triggers"), &parameters)
    };
    let first = (!cursor.is_empty()).then(|| there(""));
    let next = triggers.next_cursor.as_deref().map(there);
    let page = TriggersPage {
        chrome: visit.chrome(&request.head, Section::Triggers),
        catalogue: &catalogue,
        rows: triggers.data.into_iter().map(row).collect(),
        first,
        next,
        filter: TriggerFilter { event_type, text },
    };
    Ok(answer::page(pages::html(&page)))
}

/// The form of a new trigger.
pub(crate) async fn ask(request: &Request, visit: &Visit) -> Result<Response, Problem> {
    let asked = request.head.query(&["type"])?;
    let form = TriggerForm::new(asked.get("type").unwrap_or_default());
    new_page(request, visit, StatusCode::OK, form).await
}

pub(crate) async fn create(request: &Request, visit: &Visit) -> Result<Response, Problem> {
    let mut form = TriggerForm::read(&visit.change(request)?);
    if let Some(trigger) = form.to_json() {
        match visit
            .api()
            .post::<Trigger>("/triggers", Some(trigger))
            .await?
        {
            Ok(trigger) => {
                let path = format!("/triggers/{}", trigger.id);
                return Ok(visit.done(&path, Notice::TriggerCreated));
            }
            Err(refused) => form.refused(&refused.told),
        }
    }
    new_page(request, visit, StatusCode::UNPROCESSABLE_ENTITY, form).await
}

async fn new_page(
    request: &Request,
    visit: &Visit,
    status: StatusCode,
    form: TriggerForm,
) -> Result<Response, Problem> {
    let page = NewTriggerPage {
        chrome: visit.chrome(&request.head, Section::Triggers),
        catalogue: &visit.api().catalogue().await?,
        form,
    };
    Ok(answer::page_with(status, pages::html(&page)))
}

pub(crate) async fn show(
    request: &Request,
    visit: &Visit,
    trigger: &str,
) -> Result<Response, Problem> {
    request.head.query(&["done"])?;
    let id = parse(trigger)?;
    Showing::new(request, visit, id).page().await
}

pub(crate) async fn change(
    request: &Request,
    visit: &Visit,
    trigger: &str,
) -> Result<Response, Problem> {
    let id = parse(trigger)?;
    let fields = visit.change(request)?;
    let path = format!("/triggers/{id}");
    match fields.get("do") {
        "enable" | "disable" => {
            let patch = json!({ "enabled": fields.get("do") == "enable" });
            visit.api().patch(&path, &patch).await??;
            Ok(visit.back(fields.get("back"), "/triggers"))
        }
        "delete" => {
            visit.api().delete(&path).await?;
            Ok(visit.done("/triggers", Notice::TriggerDeleted))
        }
        "check" => check(request, visit, id, &fields).await,
        _ => save(request, visit, id, &fields).await,
    }
}

async fn save(
    request: &Request,
    visit: &Visit,
    id: TriggerId,
    fields: &Fields,
) -> Result<Response, Problem> {
    let path = format!("/triggers/{id}");
    let stored: Trigger = visit.api().get(&path).await?;
    let mut form = TriggerForm::read(fields).with_line_breaks_of(&stored);
    if let Some(trigger) = form.to_json() {
        match visit.api().put(&path, trigger, &form.revision).await? {
            Ok(()) => return Ok(visit.done(&path, Notice::TriggerSaved)),
            Err(refused) if refused.status == StatusCode::PRECONDITION_FAILED => {
                form.errors.general.push(CHANGED_MEANWHILE.to_owned());
            }
            Err(refused) if refused.status == StatusCode::NOT_FOUND => return Err(refused.into()),
            Err(refused) => form.refused(&refused.told),
        }
    }
    let mut showing = Showing::new(request, visit, id);
    showing.form = Some(form);
    showing.page().await
}

/// What is said when somebody else was quicker.
pub(crate) const CHANGED_MEANWHILE: &str = "It was changed by somebody else meanwhile. Open it anew \
     in another tab to see how, then save yours there.";

/// The body of `POST /v1/filters/check`: the filter as it was typed, and the type's sample.
#[derive(Serialize)]
struct Question<'a> {
    filter: Box<RawValue>,
    event: Sample<'a>,
}

#[derive(Serialize)]
struct Sample<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    data: Option<&'a RawValue>,
    account: &'a AccountId,
}

/// Tries a filter on the type's sample.
async fn check(
    request: &Request,
    visit: &Visit,
    id: TriggerId,
    fields: &Fields,
) -> Result<Response, Problem> {
    let mut form = TriggerForm::read(fields);
    let mut checked = None;
    if let Some(filter) = form.filter() {
        let catalogue = visit.api().catalogue().await?;
        let sample = catalogue.find(&form.event_type).map(|found| &*found.sample);
        let question = Question {
            filter,
            event: Sample {
                event_type: &form.event_type,
                data: sample,
                account: &visit.account,
            },
        };
        let question = serde_json::to_string(&question).map_err(Problem::internal)?;
        match visit
            .api()
            .try_out::<FilterCheck>("/v1/filters/check", question)
            .await?
        {
            Ok(check) => checked = Some(check),
            Err(refused) => form.refused(&refused.told),
        }
    }
    let mut showing = Showing::new(request, visit, id);
    showing.form = Some(form);
    showing.check = checked;
    showing.page().await
}

/// A trigger's page in the making.
struct Showing<'a> {
    request: &'a Request,
    visit: &'a Visit,
    id: TriggerId,
    form: Option<TriggerForm>,
    check: Option<FilterCheck>,
}

impl<'a> Showing<'a> {
    fn new(request: &'a Request, visit: &'a Visit, id: TriggerId) -> Self {
        Self {
            request,
            visit,
            id,
            form: None,
            check: None,
        }
    }

    async fn page(self) -> Result<Response, Problem> {
        let path = format!("/triggers/{}", self.id);
        let api = self.visit.api();
        let (catalogue, Read { value, etag }) =
            try_join(api.catalogue(), api.read::<Trigger>(&path)).await?;
        let trigger = value;
        let form = self.form.unwrap_or_else(|| TriggerForm::of(&trigger, etag));
        let status = if form.errors.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        let page = TriggerPage {
            chrome: self.visit.chrome(&self.request.head, Section::Triggers),
            catalogue: &catalogue,
            form,
            trigger: &trigger,
            check: self.check,
        };
        Ok(answer::page_with(status, pages::html(&page)))
    }
}

pub(crate) async fn ask_to_delete(
    request: &Request,
    visit: &Visit,
    trigger: &str,
) -> Result<Response, Problem> {
    let id = parse(trigger)?;
    let trigger: Trigger = visit.api().get(&format!("/triggers/{id}")).await?;
    let page = DeleteTriggerPage {
        chrome: visit.chrome(&request.head, Section::Triggers),
        trigger: &trigger,
    };
    Ok(answer::page(pages::html(&page)))
}

/// The trigger that a path names.
pub(crate) fn parse(segment: &str) -> Result<TriggerId, Problem> {
    TriggerId::parse(segment)
        .map_err(|_| Problem::not_found(format!("there is no trigger {segment:?}")))
}
