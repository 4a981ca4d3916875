//! Deletes the events that have a value at a path, with all that came of them.

use api::wire::{PurgeInput, Purged};
use domain::{
    filter::ValueAt,
    id::EventId,
    input::FieldError,
    page::{self, Page},
};
use platform::{
    http::{Request, Response},
    ledger,
    problem::Problem,
};
use serde_json::Value;

use super::budget::Budget;

/// What a purge of events looks for, and after which event.
struct Wanted {
    value: ValueAt,
    after: Option<EventId>,
}

fn check(input: PurgeInput) -> Result<Wanted, Vec<FieldError>> {
    let mut errors = Vec::new();
    let equals = match input.equals {
        Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => Some(value),
        Some(_) => {
            let detail = "has to be a text, a number, true or false";
            errors.push(FieldError::new("/equals", detail));
            None
        }
        None => {
            errors.push(FieldError::new("/equals", "is required"));
            None
        }
    };
    let path = input.path.ok_or_else(|| "is required".to_owned());
    // Checked also when there is no value to look for: all that is wrong is told at once.
    let value = path.and_then(|path| {
        ValueAt::parse(&path, equals.unwrap_or_default()).map_err(|error| error.detail)
    });
    let value = value.map_err(|detail| errors.push(FieldError::new("/path", detail)));
    let is_event = |id: &str| EventId::parse(id).is_ok();
    let page = Page::parse(None, input.cursor.as_deref(), is_event);
    let page = page.map_err(|_| {
        let detail = "is not a next_cursor of a purge";
        errors.push(FieldError::new("/cursor", detail));
    });
    match (value, page) {
        (Ok(value), Ok(page)) if errors.is_empty() => Ok(Wanted {
            value,
            after: page.after.and_then(|id| EventId::parse(&id).ok()),
        }),
        _ => Err(errors),
    }
}

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
    let budget = Budget::of(request)?;
    let Wanted { value, mut after } = check(request.json()?)?;
    let ledger = ledger::open()?;
    let mut purged = Purged::default();
    loop {
        let look = ledger.events_after(&account, after)?;
        let Some((last, _)) = look.last() else {
            purged.done = true;
            break;
        };
        let found = look.iter().filter(|(_, data)| value.is_in(data));
        let found: Vec<_> = found.map(|(id, _)| *id).collect();
        let mut more = !found.is_empty();
        while more {
            let step = ledger.purge_events(&account, &found)?;
            purged.events += step.events;
            purged.deliveries += step.deliveries;
            more = step.more;
            if budget.is_spent() {
                break;
            }
        }
        // With deliveries left over, the same events are looked at again.
        if !more {
            after = Some(*last);
        }
        if budget.is_spent() {
            break;
        }
    }
    if !purged.done {
        purged.next_cursor = after.map(|id| page::cursor(&id.to_string()));
    }
    Ok(Response::ok(&purged))
}
