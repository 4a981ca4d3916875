//! Events that come together: accepted together, or not at all.

use std::collections::BTreeSet;

use ledger::{Accepted, EventFilter, Outcome};

use crate::support::{
    Post, Sqlite, Target, accept_all, acme, at, claim, deliveries, first, millis, race,
};

/// A letter for each outcome: new, duplicate, reused, not stored.
fn letters(accepted: &Accepted) -> String {
    let letter = |outcome: &Outcome| match outcome {
        Outcome::New => 'n',
        Outcome::Duplicate(_) => 'd',
        Outcome::Reused => 'r',
        Outcome::NotStored => '-',
    };
    accepted.outcomes.iter().map(letter).collect()
}

fn accepted(database: &Sqlite, posts: &[Post<'_>]) -> String {
    letters(&accept_all(&database.ledger(), posts).unwrap().1)
}

fn stored(database: &Sqlite) -> i64 {
    database.number("SELECT count(*) FROM event")
}

/// An event with its own id.
fn with_id(id: &str) -> Post<'_> {
    Post {
        producer_id: Some(id),
        ..Post::new(at(0), &[])
    }
}

/// An array under an idempotency key: a fingerprint for each of its events.
fn under_key<'a>(keys: &'a [&'a str], batch: &'a str, prints: &'a [&'a str]) -> Vec<Post<'a>> {
    let events = keys.iter().zip(prints).map(|(key, fingerprint)| Post {
        idempotency_key: Some(key),
        batch: Some(batch),
        fingerprint,
        ..Post::new(at(0), &[])
    });
    events.collect()
}

#[test]
fn events_are_stored_in_one_statement_each_with_its_deliveries() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    assert!(deliveries(&ledger).is_empty());
    let (a, b) = (Target::new(), Target::new());
    let owed = [
        vec![a.owed(at(0)), b.skipped(at(0))],
        vec![],
        vec![b.owed(at(0))],
    ];
    let types = ["message.sent", "message.failed", "message.received"];
    // What a JSON library would round, reorder, unescape or refuse to have twice.
    let data = r#"{ "n": 1e400, "b":"\u0000é😀\ud83d \"\\","a":2 , "a":12345678901234567890123 }"#;
    let posts: Vec<_> = (owed.iter().zip(types))
        .map(|(owed, event_type)| Post {
            event_type,
            data,
            ..Post::new(at(0), owed)
        })
        .collect();
    let mut ids = Vec::new();
    let statements = database.statements_of(|ledger| {
        let (made, accepted) = accept_all(ledger, &posts).unwrap();
        assert_eq!(letters(&accepted), "nnn");
        ids = made;
    });
    assert_eq!(statements.len(), 1);

    for ((id, event_type), owed) in ids.iter().zip(types).zip(&owed) {
        let (event, kept) = ledger.event(&acme(), *id).unwrap().unwrap();
        assert_eq!((event.event_type.as_str(), kept.get()), (event_type, data));
        assert_eq!((event.occurred_at, event.received_at), (at(0), at(0)));
        let all = deliveries(&ledger);
        let of_it = all.iter().filter(|delivery| delivery.event_id == *id);
        let found: BTreeSet<_> = of_it
            .map(|row| (row.id, row.trigger_id, row.action_id))
            .collect();
        let wanted = owed.iter().map(|owed| (owed.id, owed.trigger, owed.action));
        assert_eq!(found, wanted.collect());
    }
    assert_eq!(claim(&ledger, 64, at(0)).1.len(), 2);
}

#[test]
fn events_whose_deliveries_cant_be_stored_are_none_of_them_stored() {
    let database = Sqlite::in_memory();
    let delivery = Target::new().owed(at(0));
    let owed = [[delivery.clone()], [delivery]];
    let posts = owed.each_ref().map(|owed| Post::new(at(0), owed));
    assert!(accept_all(&database.ledger(), &posts).is_err());
    assert_eq!(stored(&database), 0);
}

#[test]
fn of_events_that_are_partly_there_the_others_are_stored() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let owed = [Target::new().owed(at(0)), Target::new().skipped(at(0))];
    let earlier = Post {
        owed: &owed,
        ..with_id("b")
    };
    let (b, _) = earlier.accept(&ledger).unwrap();
    let unnamed = Post::new(at(0), &[]);
    let (_, accepted) = accept_all(&ledger, &[with_id("a"), with_id("b"), unnamed]).unwrap();
    assert_eq!(letters(&accepted), "ndn");
    let Outcome::Duplicate(found) = &accepted.outcomes[1] else {
        panic!("it was there")
    };
    assert_eq!((found.id, found.deliveries.len()), (b, 1));
    assert_eq!(found.deliveries[0].id, owed[0].id);
    assert_eq!(stored(&database), 3);
    assert_eq!(deliveries(&ledger).len(), 2);
    // One that has the same id in a source is another.
    let sourced = Post {
        source: Some("/s"),
        ..with_id("b")
    };
    assert_eq!(self::accepted(&database, &[with_id("b"), sourced]), "dn");
}

#[test]
fn when_an_id_stands_for_another_event_nothing_is_stored() {
    let database = Sqlite::in_memory();
    assert_eq!(accepted(&database, &[with_id("a"), with_id("b")]), "nn");
    let other = || Post {
        fingerprint: "beef",
        ..with_id("b")
    };
    let posts = [with_id("c"), other(), with_id("a"), Post::new(at(0), &[])];
    assert_eq!(accepted(&database, &posts), "-rd-");
    assert_eq!(accepted(&database, &[other()]), "r");
    assert_eq!(stored(&database), 2);
}

#[test]
fn an_idempotency_key_stands_for_an_array_as_a_whole() {
    let database = Sqlite::in_memory();
    let keys = ["k", "k 1", "k 2"];
    let array = under_key(&keys[..2], "ab", &["a", "b"]);
    assert_eq!(accepted(&database, &array), "nn");
    assert_eq!(accepted(&database, &array), "dd");
    for (batch, prints, told) in [
        ("ba", &["b", "a"][..], "rr"),
        ("abc", &["a", "b", "c"], "rr-"),
        ("a", &["a"], "r"),
    ] {
        let other = under_key(&keys[..prints.len()], batch, prints);
        assert_eq!(accepted(&database, &other), told, "{batch}");
    }
    let alone = Post {
        idempotency_key: Some("k"),
        fingerprint: "a",
        ..Post::new(at(0), &[])
    };
    assert_eq!(accepted(&database, &[alone]), "r");
    assert_eq!(stored(&database), 2);
}

#[test]
fn an_event_that_came_in_an_array_under_a_key_is_found_by_its_id_alone() {
    let database = Sqlite::in_memory();
    let both = || Post {
        idempotency_key: Some("k"),
        batch: Some("cafe"),
        ..with_id("a")
    };
    assert_eq!(accepted(&database, &[both(), Post::new(at(0), &[])]), "nn");
    assert_eq!(accepted(&database, &[with_id("a")]), "d");
    assert_eq!(accepted(&database, &[with_id("b"), with_id("a")]), "nd");
    // One event under the key, another under the id.
    let crossed = Post {
        idempotency_key: Some("k"),
        ..with_id("b")
    };
    assert_eq!(accepted(&database, &[crossed]), "r");
}

#[test]
fn equal_arrays_that_race_store_each_event_once_and_all_are_told_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    for round in 0..10 {
        let ids: Vec<_> = (0..20).map(|number| format!("{round}-{number}")).collect();
        let told = race(8, |number| {
            let database = Sqlite::open(&file);
            let owed: Vec<_> = ids
                .iter()
                .map(|_| [Target::new().owed(millis(round))])
                .collect();
            let mut posts: Vec<_> = ids.iter().zip(&owed).collect();
            // Each begins elsewhere, so that neither order nor contents are quite the same.
            posts.rotate_left(number);
            let posts: Vec<_> = (posts.into_iter().skip(number % 3))
                .map(|(id, owed)| Post {
                    now: millis(round),
                    owed,
                    ..with_id(id)
                })
                .collect();
            accepted(&database, &posts)
        });
        let new = told
            .iter()
            .flat_map(|told| told.chars())
            .filter(|letter| *letter == 'n');
        assert_eq!(new.count(), 20, "{told:?}");
        assert!(
            told.iter()
                .all(|told| told.chars().all(|letter| "nd".contains(letter)))
        );
    }
    assert_eq!(stored(&Sqlite::open(&file)), 200);
    assert_eq!(deliveries(&Sqlite::open(&file).ledger()).len(), 200);
}

#[test]
fn of_different_arrays_that_race_under_one_key_one_is_stored_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let names: Vec<_> = (0..8).map(|number| format!("array {number}")).collect();
    for round in 0..10 {
        let keys: Vec<_> = (0..12).map(|place| format!("{round} {place}")).collect();
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let told = race(8, |number| {
            let prints = vec![names[number].as_str(); 5 + number];
            let array = under_key(&keys, &names[number], &prints);
            accepted(&Sqlite::open(&file), &array)
        });
        let whole = told
            .iter()
            .filter(|told| told.chars().all(|letter| letter == 'n'));
        assert_eq!(whole.count(), 1, "{told:?}");
        assert_eq!(told.iter().filter(|told| told.starts_with('r')).count(), 7);
        let stored = format!(
            "SELECT count(DISTINCT batch) FROM event WHERE idempotency_key LIKE '{round} %'"
        );
        assert_eq!(Sqlite::open(&file).number(&stored), 1);
    }
}

#[test]
fn runners_that_take_new_work_are_counted_for_events_that_come_together() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let open = |events: usize| {
        let posts: Vec<_> = (0..events).map(|_| Post::new(at(1), &[])).collect();
        accept_all(&ledger, &posts).unwrap().1.open_runners
    };
    assert_eq!((open(1), open(3)), (0, 0));
    ledger.enter("one", at(0)).unwrap().unwrap();
    ledger.enter("two", at(0)).unwrap().unwrap();
    assert_eq!((open(1), open(3)), (2, 2));
}

#[test]
fn no_events_ask_nothing_of_the_database() {
    let database = Sqlite::in_memory();
    let statements = database.statements_of(|ledger| {
        assert!(ledger.accept_all(&[]).unwrap().outcomes.is_empty());
    });
    assert!(statements.is_empty());
    let events = database
        .ledger()
        .events(&acme(), &EventFilter::default(), &first(9));
    assert!(events.unwrap().is_empty());
}
