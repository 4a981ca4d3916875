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
    Page, actions, answer,
    api::{Api, query},
    deliveries, entrance, events, overview,
    session::{self, Visit},
    triggers,
};

pub(crate) async fn show(page: Page, request: &Request) -> Result<Response, Problem> {
    let next = match request.head.method {
        Method::GET => request.head.target(),
        _ => String::new(),
    };
    let Some(session) = session::of(&request.head)? else {
        return Ok(answer::see_other(&query("/sign-in", &[("next", &next)])));
    };
    match to_visitor(page, request, session).await {
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => {
            session::end(Some(SignInNotice::SessionEnded), &next)
        }
        answered => answered,
    }
}

async fn to_visitor(page: Page, request: &Request, session: Session) -> Result<Response, Problem> {
    // To those who may not see an account it is as if there were none.
    let hidden = || Problem::not_found("there is no such account, or this sign-in is not for it");
    let account = AccountId::parse(request.named("account")).map_err(|_| hidden())?;
    let role = session.visitor.role_in(&account).ok_or_else(hidden)?;
    let visit = &Visit {
        session,
        account,
        role,
    };
    let trigger = || request.named("trigger");
    let action = || (request.named("trigger"), request.named("action"));
    let delivery = || request.named("delivery");
    let event = || request.named("event");

    match page {
        Page::Triggers => triggers::list(request, visit).await,
        Page::NewTrigger => triggers::ask(request, visit).await,
        Page::CreateTrigger => triggers::create(request, visit).await,
        Page::Trigger => triggers::show(request, visit, trigger()).await,
        Page::ChangeTrigger => triggers::change(request, visit, trigger()).await,
        Page::DeleteTrigger => triggers::ask_to_delete(request, visit, trigger()).await,
        Page::NewAction => actions::ask(request, visit, trigger()).await,
        Page::CreateAction => actions::create(request, visit, trigger()).await,
        Page::Action => actions::show(request, visit, action()).await,
        Page::ChangeAction => actions::change(request, visit, action()).await,
        Page::DeleteAction => actions::ask_to_delete(request, visit, action()).await,
        Page::Deliveries => deliveries::list(request, visit).await,
        Page::RecoverDeliveries => deliveries::recover(request, visit).await,
        Page::Delivery => deliveries::show(request, visit, delivery()).await,
        Page::ChangeDelivery => deliveries::change(request, visit, delivery()).await,
        Page::Events => events::list(request, visit).await,
        Page::Event => events::show(request, visit, event()).await,
        Page::ChangeEvent => events::change(request, visit, event()).await,
        Page::SignOutEverywhereForm => entrance::ask_to_sign_out_everywhere(request, visit),
        Page::SignOutEverywhere => entrance::sign_out_everywhere(request, visit).await,
        Page::Overview => overview::show(request, visit).await,
        _ => Err(hidden()),
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
