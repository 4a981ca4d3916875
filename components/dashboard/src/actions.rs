//! `/accounts/{account}/triggers/{trigger}/actions/…`: an action's own page.

use api::wire::{
    Action, BodyTemplateInput, DeliveryDetails, RenderedBody, Rotation, Secrets, Trigger,
};
use domain::{
    id::{ActionId, TriggerId},
    portal::Role,
};
use futures::future::{try_join, try_join3};
use http::StatusCode;
use pages::{
    ActionPage, DeleteActionPage, Notice, Preview, SecretPanel, Section,
    form::{ActionForm, Fields},
};
use platform::{
    http::{Request, Response},
    problem::Problem,
};
use serde_json::json;

use crate::{
    answer,
    api::Read,
    session::Visit,
    triggers::{self, CHANGED_MEANWHILE},
};

/// Where an action is.
#[derive(Clone, Copy)]
struct Place {
    trigger: TriggerId,
    action: ActionId,
}

impl Place {
    fn parse((trigger, action): (&str, &str)) -> Result<Self, Problem> {
        Ok(Self {
            trigger: triggers::parse(trigger)?,
            action: ActionId::parse(action)
                .map_err(|_| Problem::not_found(format!("there is no action {action:?}")))?,
        })
    }

    fn path(self) -> String {
        format!("/triggers/{}/actions/{}", self.trigger, self.action)
    }
}

/// The form of a new action.
pub(crate) async fn ask(
    request: &Request,
    visit: &Visit,
    trigger: &str,
) -> Result<Response, Problem> {
    let id = triggers::parse(trigger)?;
    new_page(request, visit, id, ActionForm::new(), None).await
}

pub(crate) async fn create(
    request: &Request,
    visit: &Visit,
    trigger: &str,
) -> Result<Response, Problem> {
    let id = triggers::parse(trigger)?;
    let fields = visit.change(request)?;
    let mut form = ActionForm::read(&fields);
    if fields.get("do") == "preview" {
        let preview = preview(visit, id, &form).await?;
        return new_page(request, visit, id, form, preview).await;
    }
    if let Some(action) = form.to_json(&[]) {
        let path = format!("/triggers/{id}/actions");
        match visit.api().post::<Action>(&path, Some(action)).await? {
            Ok(action) => {
                let path = format!("{path}/{}", action.id);
                return Ok(visit.done(&path, Notice::ActionCreated));
            }
            Err(refused) if refused.status == StatusCode::NOT_FOUND => return Err(refused.into()),
            Err(refused) => form.refused(&refused.told),
        }
    }
    new_page(request, visit, id, form, None).await
}

async fn new_page(
    request: &Request,
    visit: &Visit,
    id: TriggerId,
    form: ActionForm,
    preview: Option<Preview>,
) -> Result<Response, Problem> {
    let path = format!("/triggers/{id}");
    let (catalogue, trigger) =
        try_join(visit.api().catalogue(), visit.api().get::<Trigger>(&path)).await?;
    let status = status_of(&form);
    let page = ActionPage {
        chrome: visit.chrome(&request.head, Section::Triggers),
        event_type: catalogue.find(&trigger.event_type),
        trigger: &trigger,
        action: None,
        form,
        preview,
        secret: None,
        test: None,
        problem: None,
    };
    Ok(answer::page_with(status, pages::html(&page)))
}

fn status_of(form: &ActionForm) -> StatusCode {
    if form.errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    }
}

pub(crate) async fn show(
    request: &Request,
    visit: &Visit,
    place: (&str, &str),
) -> Result<Response, Problem> {
    request.head.query(&["done"])?;
    let place = Place::parse(place)?;
    page(request, visit, place, Extra::default()).await
}

pub(crate) async fn change(
    request: &Request,
    visit: &Visit,
    place: (&str, &str),
) -> Result<Response, Problem> {
    let place = Place::parse(place)?;
    let fields = visit.change(request)?;
    let (api, path) = (visit.api(), place.path());
    let extra = match fields.get("do") {
        "enable" | "disable" => {
            let patch = json!({ "enabled": fields.get("do") == "enable" });
            api.patch(&path, &patch).await??;
            return Ok(visit.back(fields.get("back"), &format!("/triggers/{}", place.trigger)));
        }
        "delete" => {
            api.delete(&path).await?;
            let trigger = format!("/triggers/{}", place.trigger);
            return Ok(visit.done(&trigger, Notice::ActionDeleted));
        }
        "preview" => {
            let form = ActionForm::read(&fields);
            let preview = preview(visit, place.trigger, &form).await?;
            Extra {
                preview,
                form: Some(form),
                ..Extra::default()
            }
        }
        "test" => match api
            .post::<DeliveryDetails>(&format!("{path}/test"), None)
            .await?
        {
            Ok(delivery) => Extra {
                test: Some(delivery),
                ..Extra::default()
            },
            Err(refused) => Extra::problem(&refused.told.detail),
        },
        "secret" => Extra {
            secret: Some(SecretPanel {
                secret: api.get::<Secrets>(&format!("{path}/secret")).await?,
                is_new: false,
            }),
            ..Extra::default()
        },
        "rotate" => rotate(visit, &path, &fields).await?,
        _ => match save(visit, &path, &fields).await? {
            None => return Ok(visit.done(&path, Notice::ActionSaved)),
            Some(form) => Extra {
                form: Some(form),
                ..Extra::default()
            },
        },
    };
    page(request, visit, place, extra).await
}

async fn rotate(visit: &Visit, path: &str, fields: &Fields) -> Result<Extra, Problem> {
    let overlap: u32 = fields.get("overlap").parse().unwrap_or(24 * 60 * 60);
    let rotation = Rotation {
        overlap_seconds: Some(overlap.into()),
    };
    let rotation = serde_json::to_string(&rotation).map_err(Problem::internal)?;
    let path = format!("{path}/secret/rotate");
    Ok(
        match visit.api().post::<Secrets>(&path, Some(rotation)).await? {
            Ok(secret) => Extra {
                secret: Some(SecretPanel {
                    secret,
                    is_new: true,
                }),
                ..Extra::default()
            },
            Err(refused) => Extra::problem(&refused.told.detail),
        },
    )
}

/// Saves what was typed; returns the form when it could not be.
async fn save(visit: &Visit, path: &str, fields: &Fields) -> Result<Option<ActionForm>, Problem> {
    let stored: Action = visit.api().get(path).await?;
    let mut form = ActionForm::read(fields).with_line_breaks_of(&stored);
    if let Some(action) = form.to_json(&stored.secret_headers) {
        match visit.api().put(path, action, &form.revision).await? {
            Ok(()) => return Ok(None),
            Err(refused) if refused.status == StatusCode::PRECONDITION_FAILED => {
                form.errors.general.push(CHANGED_MEANWHILE.to_owned());
            }
            Err(refused) => form.refused(&refused.told),
        }
    }
    Ok(Some(form))
}

/// What the template that was typed makes of the trigger's sample; `None` when none was typed.
async fn preview(
    visit: &Visit,
    trigger: TriggerId,
    form: &ActionForm,
) -> Result<Option<Preview>, Problem> {
    if form.body_template.trim().is_empty() {
        return Ok(None);
    }
    let trigger: Trigger = visit.api().get(&format!("/triggers/{trigger}")).await?;
    let content_type = Some(form.content_type.clone());
    let question = BodyTemplateInput {
        template: Some(form.body_template.clone()),
        content_type: content_type.filter(|content_type| !content_type.is_empty()),
        event_type: Some(trigger.event_type),
    };
    let question = serde_json::to_string(&question).map_err(Problem::internal)?;
    let rendered = visit
        .api()
        .try_out::<RenderedBody>("/v1/body-templates/render", question)
        .await?;
    Ok(Some(match rendered {
        Ok(RenderedBody { body }) => Preview::Body(body),
        Err(refused) => Preview::Problem(answer::sentence(
            refused.told.detail.trim_start_matches("/template "),
        )),
    }))
}

/// What a page of an action shows beside what is stored.
#[derive(Default)]
struct Extra {
    form: Option<ActionForm>,
    preview: Option<Preview>,
    secret: Option<SecretPanel>,
    test: Option<DeliveryDetails>,
    problem: Option<String>,
}

impl Extra {
    fn problem(detail: &str) -> Self {
        Self {
            problem: Some(answer::sentence(detail)),
            ..Self::default()
        }
    }
}

async fn page(
    request: &Request,
    visit: &Visit,
    place: Place,
    extra: Extra,
) -> Result<Response, Problem> {
    let (api, path) = (visit.api(), place.path());
    let trigger = format!("/triggers/{}", place.trigger);
    let (catalogue, trigger, Read { value, etag }) = try_join3(
        visit.api().catalogue(),
        api.get::<Trigger>(&trigger),
        api.read::<Action>(&path),
    )
    .await?;
    let mut action = value;
    if visit.role == Role::View {
        action.hide_values();
    }
    let form = extra.form.unwrap_or_else(|| ActionForm::of(&action, etag));
    let status = status_of(&form);
    let page = ActionPage {
        chrome: visit.chrome(&request.head, Section::Triggers),
        event_type: catalogue.find(&trigger.event_type),
        trigger: &trigger,
        action: Some(&action),
        form,
        preview: extra.preview,
        secret: extra.secret,
        test: extra.test,
        problem: extra.problem,
    };
    Ok(answer::page_with(status, pages::html(&page)))
}

pub(crate) async fn ask_to_delete(
    request: &Request,
    visit: &Visit,
    place: (&str, &str),
) -> Result<Response, Problem> {
    let place = Place::parse(place)?;
    let (api, path) = (visit.api(), place.path());
    let trigger = format!("/triggers/{}", place.trigger);
    let (trigger, action) =
        try_join(api.get::<Trigger>(&trigger), api.get::<Action>(&path)).await?;
    let page = DeleteActionPage {
        chrome: visit.chrome(&request.head, Section::Triggers),
        trigger: &trigger,
        action: &action,
    };
    Ok(answer::page(pages::html(&page)))
}
