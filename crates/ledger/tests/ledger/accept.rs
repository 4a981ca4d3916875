//! Events: accepted once, whole.

use api::wire::AcceptedDelivery;
use domain::{delivery::Status, matching::Skip};
use ledger::{EarlierEvent, Inserted};

use crate::support::{
    Post, Sqlite, Target, account, acme, at, claim, deliveries, first, millis, post_one, race,
};

fn is_new(inserted: &Inserted) -> bool {
    matches!(inserted, Inserted::New { .. })
}

fn open_runners(database: &Sqlite, now: i64) -> u32 {
    let (_, inserted) = Post::new(at(now), &[]).accept(&database.ledger()).unwrap();
    match inserted {
        Inserted::New { open_runners } => open_runners,
        Inserted::Duplicate => panic!("it is new"),
    }
}

#[test]
fn an_event_comes_with_its_deliveries() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let owed = [Target::new().owed(at(0)), Target::new().skipped(at(0))];
    let (event, _) = Post::new(at(0), &owed).accept(&ledger).unwrap();

    let mut stored = deliveries(&ledger);
    stored.sort_by_key(|delivery| delivery.status == Status::Skipped);
    for (stored, owed) in stored.iter().zip(&owed) {
        assert_eq!((stored.id, stored.event_id), (owed.id, event));
        assert_eq!(
            (stored.trigger_id, stored.action_id),
            (owed.trigger, owed.action)
        );
        assert_eq!(
            (stored.event_type.as_str(), stored.created_at),
            ("message.sent", at(0))
        );
        assert_eq!(stored.attempt_count, 0);
    }
    let [pending, skipped] = stored.as_slice() else {
        panic!("{stored:?}")
    };
    assert_eq!(
        (pending.status, pending.next_attempt_at),
        (Status::Pending, Some(at(0)))
    );
    assert_eq!(pending.reason, None);
    assert_eq!(
        (skipped.status, skipped.next_attempt_at),
        (Status::Skipped, None)
    );
    assert_eq!(
        skipped.reason.as_deref(),
        Some(Skip::ActionDisabled.reason())
    );
    assert_eq!(claim(&ledger, 64, at(0)).1.len(), 1);
}

#[test]
fn an_event_whose_deliveries_cant_be_stored_is_not_stored_either() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let delivery = Target::new().owed(at(0));
    let twice = [Target::new().owed(at(0)), delivery.clone(), delivery];
    assert!(Post::new(at(0), &twice).accept(&ledger).is_err());
    assert!(deliveries(&ledger).is_empty());
    assert!(
        ledger
            .events(&acme(), &ledger::EventFilter::default(), &first(9))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn data_is_stored_to_the_letter() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let data = r#"{ "n": 1e400, "b":"\u0000é😀\ud83d","a":2 , "a":12345678901234567890123 }"#;
    let (id, _) = Post {
        data,
        ..Post::new(at(0), &[])
    }
    .accept(&ledger)
    .unwrap();
    assert_eq!(ledger.event(&acme(), id).unwrap().unwrap().1.get(), data);
    let found = ledger
        .events_to_send(&[(acme(), id), (account("other"), id)])
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[&(acme(), id)].data.get(), data);
}

#[test]
fn a_key_or_a_producers_id_is_accepted_once_in_its_account() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let mut events = 0;
    for (idempotency_key, producer_id, new) in [
        (Some("k1"), Some("p1"), true),
        (Some("k1"), None, false),
        (None, Some("p1"), false),
        (Some("k1"), Some("p2"), false),
        (Some("k2"), Some("p1"), false),
        (Some("p1"), Some("k1"), true),
        (Some("k2"), None, true),
        (None, None, true),
        (None, None, true),
    ] {
        let owed = [Target::new().owed(at(0))];
        let post = Post {
            idempotency_key,
            producer_id,
            ..Post::new(at(0), &owed)
        };
        let (_, inserted) = post.accept(&ledger).unwrap();
        assert_eq!(
            is_new(&inserted),
            new,
            "{idempotency_key:?} {producer_id:?}"
        );
        events += usize::from(new);
        assert_eq!(deliveries(&ledger).len(), events);
        let elsewhere = Post {
            account: account("other"),
            ..post
        };
        assert_eq!(is_new(&elsewhere.accept(&ledger).unwrap().1), new);
    }
}

#[test]
fn what_was_accepted_under_a_key_is_found_again() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let owed = [Target::new().owed(at(0)), Target::new().skipped(at(0))];
    let keys = (Some("key"), Some("order-7"));
    let post = Post {
        idempotency_key: keys.0,
        producer_id: keys.1,
        ..Post::new(at(0), &owed)
    };
    let (id, _) = post.accept(&ledger).unwrap();

    let again = |account, idempotency_key, producer_id| Post {
        account,
        idempotency_key,
        producer_id,
        ..Post::new(at(0), &[])
    };
    let found = |key, producer| again(acme(), key, producer).earlier(&ledger);
    for (key, producer) in [keys, (keys.0, None), (None, keys.1)] {
        let EarlierEvent {
            id: earlier,
            same,
            deliveries,
            ..
        } = found(key, producer).unwrap();
        assert_eq!((earlier, same), (id, true));
        let sent = AcceptedDelivery {
            id: owed[0].id,
            trigger_id: owed[0].trigger,
            action_id: owed[0].action,
        };
        assert_eq!(deliveries, [sent]);
        let other = Post {
            fingerprint: "beef",
            ..again(acme(), key, producer)
        };
        assert!(!other.earlier(&ledger).unwrap().same);
    }
    assert!(found(None, None).is_none());
    assert!(found(keys.1, keys.0).is_none());
    let elsewhere = again(account("other"), keys.0, keys.1);
    assert!(elsewhere.earlier(&ledger).is_none());
}

#[test]
fn a_producers_id_is_unique_in_its_source() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let post = |source| Post {
        producer_id: Some("7"),
        source,
        ..Post::new(at(0), &[])
    };
    for source in [None, Some("/a"), Some("/b")] {
        let (id, inserted) = post(source).accept(&ledger).unwrap();
        assert!(is_new(&inserted), "{source:?}");
        assert!(!is_new(&post(source).accept(&ledger).unwrap().1));
        assert_eq!(post(source).earlier(&ledger).unwrap().id, id);
        let (shown, _) = ledger.event(&acme(), id).unwrap().unwrap();
        assert_eq!(shown.source.as_deref(), source);
        assert_eq!(shown.producer_id.as_deref(), Some("7"));
    }
    assert!(post(Some("/c")).earlier(&ledger).is_none());
}

#[test]
fn of_requests_that_race_with_one_key_one_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    for round in 0..20 {
        let accepted = race(8, |_| {
            let database = Sqlite::open(&file);
            let owed = [Target::new().owed(millis(round))];
            let mut post = Post::new(millis(round), &owed);
            let key = round.to_string();
            let shared = if round % 2 == 0 {
                &mut post.idempotency_key
            } else {
                &mut post.producer_id
            };
            *shared = Some(&key);
            is_new(&post.accept(&database.ledger()).unwrap().1)
        });
        assert_eq!(accepted.iter().filter(|new| **new).count(), 1);
    }
    assert_eq!(deliveries(&Sqlite::open(&file).ledger()).len(), 20);
}

#[test]
fn runners_that_take_new_work_are_counted() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    assert_eq!(open_runners(&database, 0), 0);
    let one = ledger.enter("one", at(0)).unwrap().unwrap();
    let two = ledger.enter("two", at(0)).unwrap().unwrap();
    assert_eq!(open_runners(&database, 1), 2);
    assert!(ledger.renew(&one, false, at(1)).unwrap());
    assert_eq!(open_runners(&database, 1), 1);
    assert!(ledger.wait(&two, at(1)).unwrap());
    assert_eq!(open_runners(&database, 1), 0);
    assert!(ledger.renew(&two, true, at(2)).unwrap());
    assert_eq!(open_runners(&database, 2), 1);
    // It died.
    assert_eq!(open_runners(&database, 60), 0);
}

#[test]
fn a_delivery_is_due_from_the_moment_it_was_accepted() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    post_one(&ledger, Target::new(), millis(5));
    assert_eq!(ledger.next_due_at().unwrap(), Some(millis(5)));
    assert!(claim(&ledger, 64, millis(4)).1.is_empty());
    assert_eq!(claim(&ledger, 64, millis(5)).1.len(), 1);
}
