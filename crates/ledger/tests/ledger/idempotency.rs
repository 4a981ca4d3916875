//! Requests under idempotency keys.

use api::wire::AcceptedDelivery;
use ledger::{KeyedRequest, Replayed};
use serde_json::json;

use crate::support::{Post, Sqlite, Target, account, acme, at, deliveries};

fn request<'a>(key: &'a str, fingerprint: &'a str) -> KeyedRequest<'a> {
    KeyedRequest {
        account: "acme",
        path: "/v1/accounts/acme/triggers",
        key,
        fingerprint,
    }
}

#[test]
fn a_request_that_did_not_finish_gives_way_and_one_that_did_stays() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (one, other) = (request("key", "1"), request("key", "2"));
    assert_eq!(ledger.earlier_keyed(&one).unwrap(), None);
    ledger.begin_keyed(&one, "first", at(0)).unwrap();
    let earlier = ledger.earlier_keyed(&one).unwrap().unwrap();
    assert_eq!(
        (earlier.same, &*earlier.result, earlier.done),
        (true, "first", false)
    );
    // Whoever began died; what comes then may be another request.
    ledger.begin_keyed(&other, "second", at(1)).unwrap();
    ledger.finish_keyed(&one).unwrap();
    let earlier = ledger.earlier_keyed(&other).unwrap().unwrap();
    assert_eq!(
        (earlier.same, &*earlier.result, earlier.done),
        (true, "second", false)
    );
    ledger.finish_keyed(&other).unwrap();
    ledger.begin_keyed(&one, "third", at(2)).unwrap();
    let earlier = ledger.earlier_keyed(&one).unwrap().unwrap();
    assert_eq!(
        (earlier.same, &*earlier.result, earlier.done),
        (false, "second", true)
    );
    let elsewhere = KeyedRequest {
        path: "/v1/api-keys",
        ..one
    };
    assert_eq!(ledger.earlier_keyed(&elsewhere).unwrap(), None);
}

#[test]
fn keys_go_with_retention_and_with_their_account() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let rows = || database.number("SELECT count(*) FROM keyed_request");
    ledger
        .begin_keyed(&request("old", "1"), "a", at(0))
        .unwrap();
    ledger
        .begin_keyed(&request("new", "1"), "b", at(5))
        .unwrap();
    ledger.prune(at(0)).unwrap();
    assert_eq!(rows(), 2);
    ledger.prune(at(5)).unwrap();
    assert_eq!(rows(), 1);
    ledger.purge_account(&account("other")).unwrap();
    assert_eq!(rows(), 1);
    ledger.purge_account(&acme()).unwrap();
    assert_eq!(rows(), 0);
}

#[test]
fn a_replay_under_a_key_is_finished_by_the_same_request_and_done_once() {
    let database = Sqlite::in_memory();
    let ledger = database.ledger();
    let (event, _) = Post::new(at(0), &[]).accept(&ledger).unwrap();
    let replay = KeyedRequest {
        path: "/replay",
        ..request("key", "1")
    };
    // One died after it wrote down what it was about to enqueue.
    let planned = Target::new().owed(at(1));
    let text = json!([[
        planned.id.to_string(),
        planned.trigger,
        planned.action,
        null
    ]]);
    ledger
        .share_keyed(&replay, &text.to_string(), at(1))
        .unwrap();
    assert_eq!(deliveries(&ledger).len(), 0);

    for _ in 0..3 {
        let others = [Target::new().owed(at(2))];
        let replayed = ledger.replay_keyed(&replay, event, &others, at(2)).unwrap();
        let enqueued = AcceptedDelivery {
            id: planned.id,
            trigger_id: planned.trigger,
            action_id: planned.action,
        };
        assert_eq!(replayed, Replayed::Enqueued(vec![enqueued]));
        assert_eq!(deliveries(&ledger).len(), 1);
    }
    let other = KeyedRequest {
        fingerprint: "2",
        ..replay
    };
    let reused = ledger
        .replay_keyed(&other, event, &[planned], at(3))
        .unwrap();
    assert_eq!(reused, Replayed::Reused);
}
