//! The lists of events and deliveries.

use api::wire::{Delivery, Event};
use domain::{delivery::Status, page::Page};
use ledger::{DeliveryFilter, EventFilter, Ledger};

use crate::support::{
    Post, Sqlite, Target, account, acme, at, attempt, claim, first, gave_up, sent,
};

const TYPES: [&str; 2] = ["message.sent", "message.failed"];

/// Events of two types, one a second from 0 s to 9 s, each owed to the two targets and once to the
/// other account. The deliveries of the first two seconds have succeeded or failed.
fn filled(ledger: &Ledger<&Sqlite>, targets: &[Target]) {
    for (second, event_type) in (0..10).zip(TYPES.into_iter().cycle()) {
        let now = at(second);
        let owed: Vec<_> = targets.iter().map(|target| target.owed(now)).collect();
        Post {
            event_type,
            ..Post::new(now, &owed)
        }
        .accept(ledger)
        .unwrap();
        let elsewhere = [targets[0].owed(now)];
        let other = account("other");
        Post {
            account: other,
            event_type,
            ..Post::new(now, &elsewhere)
        }
        .accept(ledger)
        .unwrap();
    }
    let (claim, claimed) = claim(ledger, 200, at(1));
    for claimed in claimed {
        let settled = if claimed.action == targets[0].action {
            sent()
        } else {
            gave_up()
        };
        ledger
            .record(&claim, &[&attempt(&claimed, at(1), settled)])
            .unwrap();
    }
}

fn all_pages<T>(limit: usize, id: impl Fn(&T) -> String, page: impl Fn(&Page) -> Vec<T>) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let after = all.last().map(&id);
        let mut found = page(&Page { limit, after });
        let more = found.len() > limit;
        found.truncate(limit);
        all.extend(found);
        if !more {
            return all;
        }
    }
}

#[test]
fn deliveries_are_listed_by_every_filter_and_all_together() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let targets = Target::many(2);
    filled(&ledger, &targets);
    let list = |filter: &DeliveryFilter<'_>| {
        let all = ledger.deliveries(&acme(), filter, &first(200)).unwrap();
        let id = |row: &Delivery| row.id.to_string();
        assert!(all.is_sorted_by_key(|row| std::cmp::Reverse(row.id)));
        let paged = all_pages(3, id, |page| {
            ledger.deliveries(&acme(), filter, page).unwrap()
        });
        let ids = |rows: &[Delivery]| rows.iter().map(id).collect::<Vec<_>>();
        assert_eq!(ids(&all), ids(&paged));
        all
    };
    let none = DeliveryFilter::default;
    let all = list(&none());
    assert_eq!(all.len(), 20);
    let event = all[7].event_id;

    type Wanted<'a> = &'a dyn Fn(&Delivery) -> bool;
    let filters: [(DeliveryFilter<'_>, Wanted<'_>, usize); 9] = [
        (
            DeliveryFilter {
                status: Some(Status::Failed),
                ..none()
            },
            &|row| row.status == Status::Failed,
            2,
        ),
        (
            DeliveryFilter {
                trigger: Some(targets[0].trigger),
                ..none()
            },
            &|row| row.trigger_id == targets[0].trigger,
            10,
        ),
        (
            DeliveryFilter {
                action: Some(targets[1].action),
                ..none()
            },
            &|row| row.action_id == targets[1].action,
            10,
        ),
        (
            DeliveryFilter {
                event: Some(event),
                ..none()
            },
            &|row| row.event_id == event,
            2,
        ),
        (
            DeliveryFilter {
                event_type: Some(TYPES[0]),
                ..none()
            },
            &|row| row.event_type == TYPES[0],
            10,
        ),
        (
            DeliveryFilter {
                since: Some(at(4)),
                ..none()
            },
            &|row| row.created_at >= at(4),
            12,
        ),
        (
            DeliveryFilter {
                until: Some(at(4)),
                ..none()
            },
            &|row| row.created_at < at(4),
            8,
        ),
        (
            DeliveryFilter {
                status: Some(Status::Pending),
                trigger: Some(targets[0].trigger),
                action: Some(targets[0].action),
                event_type: Some(TYPES[1]),
                since: Some(at(2)),
                until: Some(at(8)),
                event: None,
                test: None,
            },
            &|row| {
                row.status == Status::Pending
                    && row.trigger_id == targets[0].trigger
                    && row.event_type == TYPES[1]
                    && (at(2)..at(8)).contains(&row.created_at)
            },
            3,
        ),
        (
            DeliveryFilter {
                action: Some(Target::new().action),
                ..none()
            },
            &|_| false,
            0,
        ),
    ];
    for (filter, matches, count) in filters {
        let listed = list(&filter);
        assert!(listed.iter().all(matches), "{filter:?}");
        assert_eq!(listed.len(), count, "{filter:?}");
    }
}

#[test]
fn events_are_listed_by_every_filter_and_all_together() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    filled(&ledger, &Target::many(2));
    for (event_type, since, until, seconds) in [
        (None, None, None, vec![9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        (Some(TYPES[1]), None, None, vec![9, 7, 5, 3, 1]),
        (None, Some(at(7)), None, vec![9, 8, 7]),
        (None, None, Some(at(2)), vec![1, 0]),
        (Some(TYPES[0]), Some(at(3)), Some(at(8)), vec![6, 4]),
        (Some("message.received"), None, None, vec![]),
    ] {
        let filter = EventFilter {
            event_type,
            since,
            until,
            test: None,
        };
        let listed = all_pages(
            2,
            |row: &Event| row.id.to_string(),
            |page| ledger.events(&acme(), &filter, page).unwrap(),
        );
        let times: Vec<_> = listed.iter().map(|row| row.received_at).collect();
        assert_eq!(
            times,
            seconds.into_iter().map(at).collect::<Vec<_>>(),
            "{filter:?}"
        );
        assert!(
            listed
                .iter()
                .all(|row| event_type.is_none_or(|key| row.event_type == key))
        );
    }
}

#[test]
fn nobody_sees_what_is_anothers() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    filled(&ledger, &Target::many(2));
    let everything = DeliveryFilter::default();
    let others = ledger
        .deliveries(&account("other"), &everything, &first(200))
        .unwrap();
    assert_eq!(others.len(), 10);
    for row in others {
        assert!(ledger.delivery(&acme(), row.id).unwrap().is_none());
        assert!(ledger.event(&acme(), row.event_id).unwrap().is_none());
        let filter = DeliveryFilter {
            event: Some(row.event_id),
            ..DeliveryFilter::default()
        };
        assert!(
            ledger
                .deliveries(&acme(), &filter, &first(9))
                .unwrap()
                .is_empty()
        );
    }
}
