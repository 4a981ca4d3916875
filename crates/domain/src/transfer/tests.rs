//! Documents written, read and planned, without stores.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::{
    account::AccountId,
    catalogue::Catalogue,
    id::{ActionId, TriggerId},
    input::FieldError,
    sealing::{NONCE_LENGTH, Sealer},
    secret::{LENGTH, SigningSecret},
    time::Timestamp,
    trigger::{Action, Trigger, TriggerInput, Vault},
    url_policy::UrlPolicy,
};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";
const PASSPHRASE: &str = "correct horse battery";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_446_245_000 + seconds * 1_000)
}

/// An account in a deployment that has this encryption key.
struct Place {
    account: AccountId,
    sealer: Sealer,
}

impl Place {
    fn new(account: &str, key: &str) -> Self {
        Self {
            account: AccountId::parse(account).unwrap(),
            sealer: Sealer::parse(key).unwrap(),
        }
    }

    fn vault(&self) -> Vault<'_> {
        Vault {
            account: self.account.as_str(),
            sealer: &self.sealer,
            nonce: &|| [1; NONCE_LENGTH],
        }
    }

    /// A trigger with everything that one can have.
    fn trigger(&self) -> Trigger {
        let input: TriggerInput = serde_json::from_value(json!({
            "type": "message.sent", "name": "T", "description": "D", "enabled": false,
            "filter": {"data.channel": "sms"},
            "actions": [
                {"name": "A", "url": "https://example.com/a?x=1", "method": "PUT",
                 "headers": {"authorization": "Bearer s3cr3t", "x-team": "desk"},
                 "body_template": "{{ data|tojson }}", "timeout_seconds": 3,
                 "retry_schedule": [7], "enabled": false},
                {"name": "B", "url": "https://example.com/b"},
            ],
        }))
        .unwrap();
        let (settings, actions) = input
            .check(&Catalogue::default(), &UrlPolicy::default())
            .unwrap();
        let mut trigger = Trigger::new(TriggerId::new(at(0), 1), settings, at(0));
        for (number, settings) in (1_u8..).zip(actions) {
            let id = ActionId::new(at(0), number.into());
            let secret = SigningSecret::new([number; LENGTH]);
            let mut action = Action::new(id, settings, &secret, &self.vault(), at(0));
            if number == 1 {
                let secret = SigningSecret::new([9; LENGTH]);
                let overlap = Duration::from_secs(100);
                action
                    .rotate(&secret, overlap, &self.vault(), at(0))
                    .unwrap();
                action.disable("the receiver answered 410 Gone", at(5));
            }
            trigger.actions.push(action);
        }
        trigger
    }

    fn export(&self, trigger: &Trigger, lock: Option<&Lock>) -> Value {
        let entry = TriggerEntry::of(trigger, lock, &self.vault(), at(10)).unwrap();
        let document = Document::new(at(10), lock, (vec![entry], None), &self.vault());
        serde_json::to_value(document).unwrap()
    }

    fn check(&self, body: Value) -> Result<Vec<Incoming>, Vec<FieldError>> {
        let input: ImportInput =
            crate::input::from_text(&body.to_string()).map_err(|error| vec![error])?;
        let (document, lock) = input.open(&self.sealer)?;
        let destination = Destination {
            account: &self.account,
            catalogue: &Catalogue::default(),
            policy: &UrlPolicy::default(),
            now: at(20),
        };
        document.check(&destination, lock.as_ref())
    }

    /// What an import of one trigger comes to.
    fn import(&self, body: Value, present: Option<&Trigger>) -> Planned {
        let incoming = self.check(body).unwrap().remove(0);
        let entropy = || [77; LENGTH];
        let is_present = present.is_some_and(|trigger| trigger.id == incoming.document_id);
        let id = incoming.local_id(&self.account, is_present);
        incoming
            .plan(id, present, &self.vault(), &entropy, at(20))
            .unwrap()
    }

    fn refusals(&self, body: Value) -> Vec<(String, String)> {
        let errors = self.check(body).unwrap_err();
        let pairs = errors
            .into_iter()
            .map(|error| (error.pointer, error.detail));
        pairs.collect()
    }

    fn secrets(&self, action: &Action) -> Vec<SigningSecret> {
        action.secrets(&self.vault()).unwrap().live(at(20))
    }

    fn header(&self, action: &Action, name: &str) -> Option<Value> {
        action.headers(&self.vault()).unwrap().get(name).cloned()
    }
}

fn lock() -> Lock {
    let passphrase = Passphrase::parse(PASSPHRASE).unwrap();
    Lock::new(&passphrase, [5; SALT_LENGTH], [6; NONCE_LENGTH])
}

fn home() -> Place {
    Place::new("acme", KEY)
}

/// Everything of a trigger but its ids, what is sealed, and when it was changed.
fn visible(trigger: &Trigger) -> Value {
    let mut value = serde_json::to_value(trigger).unwrap();
    let hide = |value: &mut Value| {
        for member in [
            "id",
            "updated_at",
            "revision",
            "headers",
            "secret_headers",
            "secret",
            "previous",
        ] {
            value.as_object_mut().unwrap().remove(member);
        }
    };
    hide(&mut value);
    value["actions"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(hide);
    value
}

#[test]
fn an_export_without_a_passphrase_has_no_secret_and_says_what_it_left_out() {
    let document = home().export(&home().trigger(), None);
    let text = document.to_string();
    for secret in ["s3cr3t", "desk", "whsec_", "\"sealed\"", "encryption"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let action = &document["triggers"][0]["actions"][0];
    assert_eq!(
        action["headers"],
        json!({"authorization": null, "x-team": null})
    );
    assert_eq!(document["format"], "webhook-triggers/export");
    assert_eq!(document["version"], 1);
    assert_eq!(document["account"], "acme");
    assert_eq!(document["next_cursor"], Value::Null);
}

#[test]
fn an_export_with_a_passphrase_shows_no_secret_either() {
    let text = home().export(&home().trigger(), Some(&lock())).to_string();
    for secret in ["s3cr3t", "desk", "whsec_", PASSPHRASE] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("\"sealed\""));
}

#[test]
fn with_secrets_the_same_trigger_comes_to_be_elsewhere() {
    let (home, away) = (home(), Place::new("acme", OTHER_KEY));
    let trigger = home.trigger();
    let document = home.export(&trigger, Some(&lock()));
    let body = json!({ "document": document, "passphrase": PASSPHRASE });
    let planned = away.import(body.clone(), None);
    assert_eq!(visible(&planned.trigger), visible(&trigger));
    assert_eq!(planned.summary.result, Outcome::Created);
    for (there, here) in planned.trigger.actions.iter().zip(&trigger.actions) {
        assert_eq!(away.secrets(there), home.secrets(here));
        assert_eq!(
            there.headers(&away.vault()).unwrap(),
            here.headers(&home.vault()).unwrap()
        );
    }
    let first = &planned.summary.actions[0];
    assert!(!first.new_secret && first.headers_without_value.is_empty());

    // And once more: nothing.
    let again = away.import(body, Some(&planned.trigger));
    assert_eq!(again.summary.result, Outcome::Unchanged);
    assert_eq!(again.trigger.revision, planned.trigger.revision);
}

#[test]
fn without_secrets_new_ones_are_made_and_headers_wait_for_their_values() {
    let (home, away) = (home(), Place::new("acme", OTHER_KEY));
    let trigger = home.trigger();
    let body = json!({ "document": home.export(&trigger, None) });
    let planned = away.import(body.clone(), None);
    assert_eq!(visible(&planned.trigger), visible(&trigger));
    let action = &planned.trigger.actions[0];
    assert_eq!(away.secrets(action), [SigningSecret::new([77; LENGTH])]);
    assert_eq!(away.header(action, "authorization"), None);
    let summary = &planned.summary.actions[0];
    assert!(summary.new_secret);
    assert_eq!(summary.headers_without_value, ["authorization", "x-team"]);

    // The second time they have their secrets, and still no values.
    let again = away.import(body, Some(&planned.trigger));
    assert_eq!(again.summary.result, Outcome::Unchanged);
    let summary = &again.summary.actions[0];
    assert!(!summary.new_secret);
    assert_eq!(summary.headers_without_value, ["authorization", "x-team"]);
}

#[test]
fn without_secrets_what_is_there_keeps_its_own() {
    let home = home();
    let trigger = home.trigger();
    let mut document = home.export(&trigger, None);
    let same = home.import(json!({ "document": document.clone() }), Some(&trigger));
    assert_eq!(same.summary.result, Outcome::Unchanged);

    let action = &mut document["triggers"][0]["actions"][0];
    action["name"] = json!("Another name");
    action["headers"] = json!({"authorization": null, "x-team": "lobby"});
    let planned = home.import(json!({ "document": document }), Some(&trigger));
    assert_eq!(planned.summary.result, Outcome::Updated);
    let outcomes: Vec<_> = planned.summary.actions.iter().map(|a| a.result).collect();
    assert_eq!(outcomes, [Outcome::Updated, Outcome::Unchanged]);
    let action = &planned.trigger.actions[0];
    assert_eq!(action.name, "Another name");
    assert_eq!(home.secrets(action), home.secrets(&trigger.actions[0]));
    assert_eq!(
        home.header(action, "authorization"),
        Some(json!("Bearer s3cr3t"))
    );
    assert_eq!(home.header(action, "x-team"), Some(json!("lobby")));
    assert_eq!(action.revision, trigger.actions[0].revision + 1);
    assert_eq!(planned.trigger.revision, trigger.revision + 1);
    assert_eq!(planned.trigger.updated_at, at(20));
}

#[test]
fn a_trigger_becomes_what_the_document_says_actions_and_their_order_included() {
    let home = home();
    let trigger = home.trigger();
    let document = home.export(&trigger, None);
    let import = |change: &dyn Fn(&mut Value)| {
        let mut document = document.clone();
        change(&mut document["triggers"][0]);
        home.import(json!({ "document": document }), Some(&trigger))
    };
    let gone = import(&|trigger| {
        trigger["actions"].as_array_mut().unwrap().remove(0);
    });
    assert_eq!(gone.summary.result, Outcome::Updated);
    let outcomes: Vec<_> = gone
        .summary
        .actions
        .iter()
        .map(|a| (a.id, a.result))
        .collect();
    let [first, second] = [0, 1].map(|at| trigger.actions[at].id);
    assert_eq!(
        outcomes,
        [(second, Outcome::Unchanged), (first, Outcome::Removed)]
    );
    assert_eq!(gone.trigger.actions.len(), 1);

    let turned = import(&|trigger| trigger["actions"].as_array_mut().unwrap().reverse());
    assert_eq!(turned.summary.result, Outcome::Updated);
    assert_eq!(turned.trigger.actions[0].id, second);

    for (member, value) in [
        ("type", json!("message.received")),
        ("name", json!("Other")),
        ("description", json!("")),
        ("enabled", json!(true)),
        ("filter", json!(null)),
        ("created_at", json!("2020-01-01T00:00:00.000Z")),
    ] {
        let changed = import(&|trigger| trigger[member] = value.clone());
        assert_eq!(changed.summary.result, Outcome::Updated, "{member}");
        assert_eq!(visible(&changed.trigger)[member], value, "{member}");
    }
    // When it is not said it stays.
    let unsaid = import(&|trigger| {
        trigger.as_object_mut().unwrap().remove("created_at");
    });
    assert_eq!(unsaid.summary.result, Outcome::Unchanged);
}

#[test]
fn the_account_that_a_document_names_does_not_decide_about_ids() {
    let (home, thief) = (home(), Place::new("thief", KEY));
    let trigger = home.trigger();
    let mut document = home.export(&trigger, None);
    document["account"] = json!("thief");
    let planned = thief.import(json!({ "document": document }), None);
    assert_ne!(planned.trigger.id, trigger.id);
    for (taken, theirs) in planned.trigger.actions.iter().zip(&trigger.actions) {
        assert_ne!(taken.id, theirs.id);
    }
}

#[test]
fn an_action_keeps_its_id_only_where_its_trigger_has_it() {
    let home = home();
    let trigger = home.trigger();
    let document = home.export(&trigger, None);
    let body = json!({ "document": document });
    let [kept, foreign] = [0, 1].map(|at| trigger.actions[at].id);
    let without = trigger.without(foreign, at(15));
    let planned = home.import(body.clone(), Some(&without));
    assert_eq!(planned.trigger.id, trigger.id);
    assert_eq!(planned.trigger.actions[0].id, kept);
    assert_ne!(planned.trigger.actions[1].id, foreign);
    assert_eq!(planned.summary.actions[1].document_id, Some(foreign));
    let again = home.import(body, Some(&planned.trigger));
    assert_eq!(again.summary.result, Outcome::Unchanged);
}

#[test]
fn two_actions_that_stand_for_one_are_refused() {
    let home = home();
    let trigger = home.trigger();
    let mut document = home.export(&trigger, None);
    let without = trigger.without(trigger.actions[0].id, at(15));
    let present = home.import(json!({ "document": document }), Some(&without));
    let present = present.trigger;
    // The id that the first one was given, in the place of the second one's.
    document["triggers"][0]["actions"][1]["id"] = json!(present.actions[0].id);
    let incoming = home.check(json!({ "document": document })).unwrap();
    let incoming = incoming.into_iter().next().unwrap();
    let planned = incoming.plan(
        trigger.id,
        Some(&present),
        &home.vault(),
        &|| [77; LENGTH],
        at(20),
    );
    let Err(PlanError::Invalid(errors)) = planned else {
        panic!("{planned:?}")
    };
    assert_eq!(errors[0].pointer, "/document/triggers/0/actions/1/id");
}

#[test]
fn in_another_account_ids_are_others_and_always_the_same_ones() {
    let (home, copy) = (home(), Place::new("acme-copy", KEY));
    let trigger = home.trigger();
    let body = json!({
        "document": home.export(&trigger, Some(&lock())), "passphrase": PASSPHRASE,
    });
    let planned = copy.import(body.clone(), None);
    assert_ne!(planned.trigger.id, trigger.id);
    assert_eq!(planned.summary.document_id, Some(trigger.id));
    let [there, here] = [&planned.trigger, &trigger].map(|trigger| trigger.actions[0].id);
    assert_ne!(there, here);
    assert_eq!(planned.summary.actions[0].document_id, Some(here));
    // Sealed anew, for the account that it is in now.
    let action = &planned.trigger.actions[0];
    assert_eq!(copy.secrets(action), home.secrets(&trigger.actions[0]));

    let again = copy.import(body, Some(&planned.trigger));
    assert_eq!(again.summary.result, Outcome::Unchanged);
    assert_eq!(again.trigger.id, planned.trigger.id);
}

#[test]
fn a_secret_whose_time_is_over_stays_behind() {
    let home = home();
    let trigger = home.trigger();
    let entry = |now| TriggerEntry::of(&trigger, Some(&lock()), &home.vault(), now).unwrap();
    // Exported at 10, the one before signs until 100.
    let document = Document::new(
        at(10),
        Some(&lock()),
        (vec![entry(at(10))], None),
        &home.vault(),
    );
    let body = json!({ "document": document, "passphrase": PASSPHRASE });
    let input: ImportInput = serde_json::from_value(body).unwrap();
    let (document, lock) = input.open(&home.sealer).unwrap();
    let destination = Destination {
        account: &home.account,
        catalogue: &Catalogue::default(),
        policy: &UrlPolicy::default(),
        now: at(100),
    };
    let incoming = document
        .check(&destination, lock.as_ref())
        .unwrap()
        .remove(0);
    let planned = incoming
        .plan(trigger.id, None, &home.vault(), &|| [77; LENGTH], at(100))
        .unwrap();
    let secrets = planned.trigger.actions[0].secrets(&home.vault()).unwrap();
    assert_eq!(secrets.current, SigningSecret::new([9; LENGTH]));
    assert!(secrets.previous.is_empty());
}

#[test]
fn everything_wrong_with_a_document_is_told_with_pointers() {
    let home = home();
    let mut document = home.export(&home.trigger(), None);
    let trigger = document["triggers"][0].clone();
    document["triggers"][0]["type"] = json!("message.snet");
    document["triggers"][0]["filter"] = json!({"data.a": {"$like": 1}});
    document["triggers"][0]["actions"][0]["url"] = json!("ftp://example.com/");
    document["triggers"][0]["actions"][0]["headers"] = json!({"host": null});
    document["triggers"][0]["actions"][0]["enabled"] = json!(true);
    document["triggers"][0]["actions"][1]["body_template"] = json!("{{");
    document["triggers"][0]["actions"][1]["sealed"] = json!("AAAA");
    document["triggers"].as_array_mut().unwrap().push(trigger);
    let mut found = home.refusals(json!({ "document": document }));
    found.sort();
    let pointers: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/document/triggers/0/actions/0/disabled",
            "/document/triggers/0/actions/0/headers/host",
            "/document/triggers/0/actions/0/url",
            "/document/triggers/0/actions/1/body_template",
            "/document/triggers/0/actions/1/sealed",
            "/document/triggers/0/filter/data.a/$like",
            "/document/triggers/0/type",
            "/document/triggers/1/actions/0/id",
            "/document/triggers/1/actions/1/id",
            "/document/triggers/1/id",
        ]
    );
    let (_, unknown) = found.last_mut().unwrap();
    assert!(unknown.contains("twice"), "{unknown}");
    let (_, unknown) = &found[6];
    assert!(unknown.contains("message.snet") && unknown.contains("message.sent"));
}

#[test]
fn what_is_no_document_of_this_version_is_told_so() {
    let home = home();
    let document = home.export(&home.trigger(), None);
    let changed = |pointer: &str, value: Value| {
        let mut document = document.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        json!({ "document": document })
    };
    let mut unknown = document.clone();
    unknown["triggers"][0]["actions"][0]["colour"] = json!("red");
    for (body, pointer, part) in [
        (json!({}), "/document", "is required"),
        (
            json!({"document": []}),
            "/document/format",
            "webhook-triggers/export",
        ),
        (
            changed("/format", json!("x")),
            "/document/format",
            "webhook-triggers/export",
        ),
        (
            changed("/version", json!(2)),
            "/document/version",
            "has to be 1",
        ),
        (
            changed("/account", json!("a b")),
            "/document/account",
            "account id",
        ),
        (
            changed("/triggers/0/id", json!("trg_1")),
            "/document/triggers/0/id",
            "not an id",
        ),
        (
            changed("/triggers/0/actions", json!(5)),
            "/document/triggers/0/actions",
            "must be a list",
        ),
        (
            changed("/triggers/0/actions/0/headers/x-team", json!(5)),
            "/document/triggers/0/actions/0/headers/x-team",
            "must be a string",
        ),
        (
            json!({ "document": unknown }),
            "/document/triggers/0/actions/0/colour",
            "unknown field",
        ),
        (
            json!({"document": {}, "password": "x"}),
            "/password",
            "unknown field",
        ),
        (
            json!({"document": document.clone(), "passphrase": PASSPHRASE}),
            "/passphrase",
            "without one",
        ),
    ] {
        let found = home.refusals(body);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, pointer);
        assert!(found[0].1.contains(part), "{pointer} {}", found[0].1);
    }
}

#[test]
fn a_sealed_document_takes_its_passphrase_and_its_secrets_stay_where_they_belong() {
    let home = home();
    let document = home.export(&home.trigger(), Some(&lock()));
    let refused = |change: &dyn Fn(&mut Value), passphrase: Value| {
        let mut document = document.clone();
        change(&mut document);
        let mut body = json!({ "document": document });
        if !passphrase.is_null() {
            body["passphrase"] = passphrase;
        }
        home.refusals(body)
    };
    let nothing = |_: &mut Value| {};
    for (passphrase, part) in [
        (Value::Null, "is required"),
        (json!("short"), "at least 12"),
        (json!("correct horse batterz"), "is not the one"),
    ] {
        let found = refused(&nothing, passphrase);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "/passphrase");
        assert!(found[0].1.contains(part), "{found:?}");
    }

    // Credentials sent to another place, secrets of one action given to another.
    let sealed = "/document/triggers/0/actions/0/sealed";
    let elsewhere = |document: &mut Value| {
        document["triggers"][0]["actions"][0]["url"] = json!("https://evil.example.net/");
    };
    let swapped = |document: &mut Value| {
        let other = document["triggers"][0]["actions"][1]["sealed"].take();
        document["triggers"][0]["actions"][0]["sealed"] = other;
    };
    let account = |document: &mut Value| document["account"] = json!("other");
    let trigger = |document: &mut Value| {
        document["triggers"][0]["id"] = json!(TriggerId::new(at(0), 3));
    };
    let changes: [&dyn Fn(&mut Value); 4] = [&elsewhere, &swapped, &account, &trigger];
    for change in changes {
        let found = refused(change, json!(PASSPHRASE));
        assert_eq!(found[0].0, sealed, "{found:?}");
        assert!(found[0].1.contains("altered"), "{found:?}");
    }
    // Without what says how.
    let bare = |document: &mut Value| {
        document.as_object_mut().unwrap().remove("encryption");
    };
    let found = refused(&bare, Value::Null);
    assert_eq!(found[0].0, sealed);
}

/// What the seal of a document says, and what an import of it makes of the first action.
fn imported(home: &Place, document: &Value, present: &Trigger) -> (Seal, Planned) {
    let body = || json!({ "document": document });
    let input: ImportInput = serde_json::from_value(body()).unwrap();
    let (read, _) = input.open(&home.sealer).unwrap();
    (read.seal(), home.import(body(), Some(present)))
}

#[test]
fn what_is_stored_moves_to_another_origin_with_an_intact_seal_alone() {
    let home = home();
    let before = home.trigger();
    let mut moved = before.clone();
    moved.actions[0].url = "https://elsewhere.example.net/a".into();
    // The very document that an export made: what was, comes back.
    let document = home.export(&before, None);
    let (seal, planned) = imported(&home, &document, &moved);
    assert_eq!(seal, Seal::Intact);
    let action = &planned.trigger.actions[0];
    assert_eq!(home.header(action, "x-team"), Some(json!("desk")));
    assert_eq!(home.secrets(action), home.secrets(&before.actions[0]));
    let change = UrlChange {
        from: "https://elsewhere.example.net/a".into(),
        to: "https://example.com/a?x=1".into(),
    };
    assert_eq!(planned.summary.actions[0].url_change, Some(change));

    let mut altered = document.clone();
    altered["triggers"][0]["actions"][0]["url"] = json!("https://evil.example.net/");
    let mut bare = altered.clone();
    bare.as_object_mut().unwrap().remove("seal");
    for (document, expected) in [(altered, Seal::Broken), (bare, Seal::Missing)] {
        let (seal, planned) = imported(&home, &document, &before);
        assert_eq!(seal, expected);
        let action = &planned.trigger.actions[0];
        assert_eq!(action.url, "https://evil.example.net/");
        assert_eq!(action.headers(&home.vault()).unwrap().len(), 0);
        assert_eq!(home.secrets(action), [SigningSecret::new([77; LENGTH])]);
        let summary = &planned.summary.actions[0];
        assert!(summary.new_secret);
        assert_eq!(summary.headers_without_value, ["authorization", "x-team"]);
        // The other action did not move.
        assert!(planned.summary.actions[1].url_change.is_none());
        assert_eq!(
            home.secrets(&planned.trigger.actions[1]),
            home.secrets(&before.actions[1])
        );
    }
    // Within the origin, an altered document keeps what is stored.
    let mut path = document;
    path["triggers"][0]["actions"][0]["url"] = json!("https://example.com/other");
    let (seal, planned) = imported(&home, &path, &before);
    assert_eq!(seal, Seal::Broken);
    let action = &planned.trigger.actions[0];
    assert_eq!(home.header(action, "x-team"), Some(json!("desk")));
}

#[test]
fn a_seal_is_of_the_whole_document_and_of_the_newest_key() {
    let home = home();
    let trigger = home.trigger();
    let document = home.export(&trigger, None);
    // Another order of members is the same document.
    let members = document.as_object().unwrap().iter().rev();
    let turned: Vec<_> = members
        .map(|(name, value)| format!("{name:?}:{value}"))
        .collect();
    let turned: Value = serde_json::from_str(&format!("{{{}}}", turned.join(","))).unwrap();
    assert_eq!(imported(&home, &turned, &trigger).0, Seal::Intact);
    for (pointer, value) in [
        ("/account", json!("other")),
        ("/exported_at", json!("2026-11-24T17:50:47.263Z")),
        ("/triggers/0/name", json!("Other")),
        ("/triggers/0/filter", json!(null)),
        ("/triggers/0/actions/0/timeout_seconds", json!(4)),
        ("/triggers/0/actions/0/headers/x-team", json!("lobby")),
        ("/seal", json!("AAAA.BBBB")),
    ] {
        let mut altered = document.clone();
        *altered.pointer_mut(pointer).unwrap() = value;
        assert_eq!(
            imported(&home, &altered, &trigger).0,
            Seal::Broken,
            "{pointer}"
        );
    }
    // Users of another account decide what its export says.
    let (copy, document_of_home) = (Place::new("acme-copy", KEY), document.clone());
    let there = copy.import(json!({ "document": document }), None).trigger;
    let mut moved = there.clone();
    moved.actions[0].url = "https://elsewhere.example.net/a".into();
    let (seal, planned) = imported(&copy, &document_of_home, &moved);
    assert_eq!(seal, Seal::Intact);
    assert!(planned.summary.actions[0].new_secret);
    let rotated = Place::new("acme", &format!("{OTHER_KEY},{KEY}"));
    assert_eq!(imported(&rotated, &document, &trigger).0, Seal::Broken);
}

#[test]
fn whoever_has_the_passphrase_of_a_document_moves_nothing_that_is_stored() {
    let home = home();
    let before = home.trigger();
    let mut moved = before.clone();
    moved.actions[0].url = "https://evil.example.net/".into();
    let mut document = home.export(&moved, Some(&lock()));
    let action = &mut document["triggers"][0]["actions"][0];
    action.as_object_mut().unwrap().remove("sealed");
    // Sealed anew, as who knows the passphrase can.
    document["seal"] = json!(seal::seal(&document, Some(&lock()), &home.vault()));
    let body = json!({ "document": document, "passphrase": PASSPHRASE });
    let input: ImportInput = serde_json::from_value(body.clone()).unwrap();
    assert_eq!(input.open(&home.sealer).unwrap().0.seal(), Seal::Intact);
    let planned = home.import(body, Some(&before));
    let action = &planned.trigger.actions[0];
    assert_eq!(action.headers(&home.vault()).unwrap().len(), 0);
    assert_eq!(home.secrets(action), [SigningSecret::new([77; LENGTH])]);
}

#[test]
fn headers_that_get_too_long_with_what_is_kept_are_refused() {
    let home = home();
    let trigger = home.trigger();
    let mut document = home.export(&trigger, None);
    document["triggers"][0]["actions"][0]["headers"] =
        json!({"authorization": null, "x-long": "x".repeat(4_070)});
    let incoming = home
        .check(json!({ "document": document }))
        .unwrap()
        .remove(0);
    let planned = incoming.plan(
        trigger.id,
        Some(&trigger),
        &home.vault(),
        &|| [77; LENGTH],
        at(20),
    );
    let Err(PlanError::Invalid(errors)) = planned else {
        panic!("{planned:?}")
    };
    assert_eq!(
        errors[0].pointer,
        "/document/triggers/0/actions/0/headers/x-long"
    );
}
