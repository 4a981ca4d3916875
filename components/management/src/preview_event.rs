//! `POST /v1/accounts/{account}/events/preview`: what an event would do. This component reaches no
//! other host, so that a preview cannot send anything.

use std::{fmt, time::Duration};

use api::wire::{self, MadeUp};
use domain::{
    id::{ActionId, DeliveryId, EventId, TriggerId},
    origin::Origin,
    page,
    preview::{Preview, TriggerPreview},
    trial::PreviewInput,
    trigger::Trigger,
    webhook::{Composer, Event},
};
use platform::{
    catalogue,
    clock::{self, Moment},
    config,
    http::{Request, Response},
    problem::Problem,
    signing_keys,
    triggers::Triggers,
};

/// How many bytes of actions a page has before it ends.
const ENOUGH: usize = 1024 * 1024;
/// How long a page is worked on before it ends: templates may take long.
const LONG: Duration = Duration::from_secs(1);

/// How far the page before got: through a trigger, or up to one of its actions.
#[derive(Clone, Copy)]
struct Place {
    trigger: TriggerId,
    action: Option<ActionId>,
}

pub(crate) async fn handle(request: &Request) -> Result<Response, Problem> {
    let account = request.account()?;
    let page = request
        .head
        .query(&["limit", "cursor"])?
        .page(|text| Place::parse(text).is_some())?;
    let input: PreviewInput = request.json()?;
    let triggers = Triggers::of(account)?;
    let catalogue = catalogue::covering(triggers.store(), input.event_type())?;
    let trial = input.check(&catalogue)?;

    let now = clock::now();
    let made_up = MadeUp {
        event_id: EventId::first_at(now),
        delivery_id: DeliveryId::first_at(now),
    };
    let event = Event {
        id: made_up.event_id,
        event_type: trial.event_type.key.clone().into_owned(),
        test: false,
        occurred_at: trial.occurred_at.unwrap_or(now),
        data: trial.data,
        origin: Origin::default(),
    };
    let keys = signing_keys::of(triggers.store(), triggers.account())?;
    let keys = keys.open(&triggers.vault(), now)?;
    let preview = Preview {
        account: triggers.account(),
        event: &event,
        data: &serde_json::from_str(event.data.get()).unwrap_or_default(),
        composer: Composer {
            policy: &config::url_policy()?,
            vault: triggers.vault(),
            key_pairs: &|signed| keys.iter().map(|key| key.sign(signed)).collect(),
        },
        delivery: made_up.delivery_id,
        now,
    };

    let mut listing = Listing {
        preview: &preview,
        started: request.started,
        limit: page.limit,
        place: page.after.as_deref().and_then(Place::parse),
        bytes: 0,
        triggers: Vec::new(),
    };
    let next = listing.fill(triggers.fired_by(trial.event_type)?, &triggers)?;
    Ok(Response::ok(&wire::Preview {
        event_type: event.event_type.clone(),
        made_up,
        triggers: listing.triggers,
        next_cursor: next.map(|place| page::cursor(&place.to_string())),
    }))
}

/// A page in the making. Whatever its triggers are, it has one action of one trigger at least, so
/// that whoever pages comes to an end.
struct Listing<'a> {
    preview: &'a Preview<'a>,
    started: Moment,
    limit: usize,
    place: Option<Place>,
    bytes: usize,
    triggers: Vec<TriggerPreview>,
}

impl Listing<'_> {
    /// Previews one trigger after the other until the page is full. Returns where the next page
    /// starts, where there is one.
    fn fill(
        &mut self,
        mut ids: Vec<TriggerId>,
        triggers: &Triggers,
    ) -> Result<Option<Place>, Problem> {
        ids.sort_unstable();
        ids.retain(|id| self.place.is_none_or(|place| place.leaves(*id)));
        for id in ids {
            if self.triggers.len() == self.limit || (!self.triggers.is_empty() && self.is_full()) {
                return Ok(self.place);
            }
            // One that was deleted since the list was read is simply not there.
            let Some(trigger) = triggers.get(id)? else {
                continue;
            };
            if !self.take(&trigger)? {
                return Ok(self.place);
            }
        }
        Ok(None)
    }

    /// Previews a trigger, from where the page before stopped. `false` when some of its actions
    /// are left for the next page.
    fn take(&mut self, trigger: &Trigger) -> Result<bool, Problem> {
        let before = self.place.filter(|place| place.trigger == trigger.id);
        let seen = before.and_then(|place| place.action);
        let mut actions: Vec<_> = trigger.actions.iter().collect();
        actions.retain(|action| seen.is_none_or(|seen| action.id > seen));
        actions.sort_by_key(|action| action.id);

        let verdict = self.preview.verdict(trigger);
        let mut shown = Vec::new();
        for action in &actions {
            if !shown.is_empty() && self.is_full() {
                break;
            }
            let view = self.preview.action(trigger, &verdict, action);
            self.bytes += serde_json::to_vec(&view).map_err(Problem::internal)?.len();
            shown.push(view);
        }
        let whole = shown.len() == actions.len();
        let last = shown.last().map(|view| view.id);
        self.place = Some(Place {
            trigger: trigger.id,
            action: last.filter(|_| !whole),
        });
        self.triggers
            .push(TriggerPreview::new(trigger, verdict, shown));
        Ok(whole)
    }

    fn is_full(&self) -> bool {
        self.bytes > ENOUGH || self.started.elapsed() > LONG
    }
}

impl Place {
    /// Whether something of this trigger is still to be shown.
    fn leaves(self, id: TriggerId) -> bool {
        id > self.trigger || (id == self.trigger && self.action.is_some())
    }

    fn parse(text: &str) -> Option<Self> {
        let (trigger, action) = match text.split_once('/') {
            Some((trigger, action)) => (trigger, Some(ActionId::parse(action).ok()?)),
            None => (text, None),
        };
        let trigger = TriggerId::parse(trigger).ok()?;
        Some(Self { trigger, action })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trigger)?;
        match self.action {
            Some(action) => write!(f, "/{action}"),
            None => Ok(()),
        }
    }
}
