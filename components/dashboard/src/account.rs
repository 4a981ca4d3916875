//! The pages of an account: who may see them, and which one is asked for.

use domain::{
    account::AccountId,
    portal::{Session, Visitor},
};
use http::{Method, StatusCode};
use pages::{Chrome, Notice, Section, SignInNotice};
use platform::{
    http::{Head, Request, Response},
    problem::Problem,
};

use crate::{
    actions, answer,
    api::{Api, query},
    deliveries, entrance, events, overview,
    session::{self, Visit},
    triggers,
};

pub(crate) async fn route(
    request: &Request,
    account: &str,
    rest: &[&str],
) -> Result<Response, Problem> {
    let next = match request.head.method {
        Method::GET => request.head.target(),
        _ => String::new(),
    };
    let Some(session) = session::of(&request.head)? else {
        return Ok(answer::see_other(&query("/sign-in", &[("next", &next)])));
    };
    match page(request, session, account, rest).await {
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED => {
            session::end(Some(SignInNotice::SessionEnded), &next)
        }
        answered => answered,
    }
}

async fn page(
    request: &Request,
    session: Session,
    account: &str,
    rest: &[&str],
) -> Result<Response, Problem> {
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;

    // To those who may not see an account it is as if there were none.
    let hidden = || Problem::not_found("there is no such account, or this sign-in is not for it");
    let account = AccountId::parse(account).map_err(|_| hidden())?;
    let role = session.visitor.role_in(&account).ok_or_else(hidden)?;
    let visit = &Visit {
        session,
        account,
        role,
    };

    match (rest, &request.head.method) {
        ([], &GET) => overview::show(request, visit).await,
        ([], _) => Err(Problem::method_not_allowed("GET")),

        (["triggers"], &GET) => triggers::list(request, visit).await,
        (["triggers"], _) => Err(Problem::method_not_allowed("GET")),
        (["triggers", "new"], &GET) => triggers::ask(request, visit).await,
        (["triggers", "new"], &POST) => triggers::create(request, visit).await,
        (["triggers", trigger], &GET) => triggers::show(request, visit, trigger).await,
        (["triggers", trigger], &POST) => triggers::change(request, visit, trigger).await,
        (["triggers", trigger, "delete"], &GET) => {
            triggers::ask_to_delete(request, visit, trigger).await
        }
        (["triggers", trigger, "actions", "new"], &GET) => {
            actions::ask(request, visit, trigger).await
        }
        (["triggers", trigger, "actions", "new"], &POST) => {
            actions::create(request, visit, trigger).await
        }
        (["triggers", trigger, "actions", action], &GET) => {
            actions::show(request, visit, (trigger, action)).await
        }
        (["triggers", trigger, "actions", action], &POST) => {
            actions::change(request, visit, (trigger, action)).await
        }
        (["triggers", trigger, "actions", action, "delete"], &GET) => {
            actions::ask_to_delete(request, visit, (trigger, action)).await
        }
        (["triggers", _] | ["triggers", _, "actions", _], _) => {
            Err(Problem::method_not_allowed("GET, POST"))
        }

        (["deliveries"], &GET) => deliveries::list(request, visit).await,
        (["deliveries"], _) => Err(Problem::method_not_allowed("GET")),
        (["deliveries", "recover"], &POST) => deliveries::recover(request, visit).await,
        (["deliveries", delivery], &GET) => deliveries::show(request, visit, delivery).await,
        (["deliveries", delivery], &POST) => deliveries::change(request, visit, delivery).await,
        (["deliveries", _], _) => Err(Problem::method_not_allowed("GET, POST")),

        (["events"], &GET) => events::list(request, visit).await,
        (["events"], _) => Err(Problem::method_not_allowed("GET")),
        (["events", event], &GET) => events::show(request, visit, event).await,
        (["events", event], &POST) => events::change(request, visit, event).await,
        (["events", _], _) => Err(Problem::method_not_allowed("GET, POST")),

        (["sign-out-everywhere"], &GET) => entrance::ask_to_sign_out_everywhere(request, visit),
        (["sign-out-everywhere"], &POST) => entrance::sign_out_everywhere(request, visit).await,
        (["sign-out-everywhere"], _) => Err(Problem::method_not_allowed("GET, POST")),

        _ => Err(Problem::not_found(format!(
            "there is no page {}",
            request.head.path()
        ))),
    }
}

impl Visit {
    /// The API of the account.
    pub(crate) fn api(&self) -> Api<'_> {
        Api {
            account: &self.account,
            visitor: &self.session.visitor,
        }
    }

    /// The path of a page of the account.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("/accounts/{}{path}", self.account)
    }

    /// To a page of the account, which says what was done.
    pub(crate) fn done(&self, path: &str, notice: Notice) -> Response {
        answer::see_other(&query(&self.path(path), &[("done", notice.key())]))
    }

    /// Back to the page that a form was on, where it is one of the account's; else to `path`.
    pub(crate) fn back(&self, wanted: &str, path: &str) -> Response {
        if wanted.starts_with(&self.path("/")) && entrance::is_own(wanted) {
            answer::see_other(wanted)
        } else {
            answer::see_other(&self.path(path))
        }
    }

    /// What is around a page.
    pub(crate) fn chrome(&self, head: &Head, section: Section) -> Chrome {
        let (is_operator, return_url) = match &self.session.visitor {
            Visitor::Operator { .. } => (true, None),
            Visitor::User(user) => (false, user.return_url.clone()),
        };
        let notice = match head.method {
            Method::GET => head.parameter("done").as_deref().and_then(Notice::named),
            _ => None,
        };
        Chrome {
            account: self.account.clone(),
            role: self.role,
            is_operator,
            return_url,
            csrf: self.session.csrf.clone(),
            here: head.target(),
            section,
            notice,
        }
    }
}
