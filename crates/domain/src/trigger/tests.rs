use serde_json::json;

use super::*;
use crate::{
    catalogue::{Catalogue, built_in},
    secret::LENGTH,
};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_446_245_000)
}

fn with_vault<T>(test: impl FnOnce(&Vault<'_>) -> T) -> T {
    let sealer = Sealer::parse(KEY).unwrap();
    test(&Vault {
        account: "acme",
        sealer: &sealer,
        nonce: &|| [1; NONCE_LENGTH],
    })
}

fn action(input: Value, vault: &Vault<'_>) -> Action {
    let input: ActionInput = serde_json::from_value(input).unwrap();
    let settings = input
        .check(built_in("message.sent"), &UrlPolicy::default())
        .unwrap();
    Action::new(
        ActionId::new(now(), 7),
        settings,
        &SigningSecret::new([2; LENGTH]),
        vault,
        now(),
    )
}

fn pointers(errors: Vec<FieldError>) -> Vec<String> {
    errors.into_iter().map(|error| error.pointer).collect()
}

#[test]
fn everything_wrong_with_a_trigger_is_told_at_once() {
    let input: TriggerInput = serde_json::from_value(json!({
        "type": "message.snet", "name": " ", "description": "x".repeat(2_001),
        "filter": {"data.a": {"$like": 1}},
        "actions": [
            {"name": "ok", "url": "https://example.com/"},
            {"url": "ftp://example.com/", "timeout_seconds": 21, "retry_schedule": [0],
             "content_type": "json", "headers": {"host": "x", "x-a": 1}},
        ],
    }))
    .unwrap();
    let mut found = pointers(
        input
            .check(&Catalogue::default(), &UrlPolicy::default())
            .unwrap_err(),
    );
    found.sort();
    assert_eq!(
        found,
        [
            "/actions/1/content_type",
            "/actions/1/headers/x-a",
            "/actions/1/name",
            "/actions/1/retry_schedule",
            "/actions/1/timeout_seconds",
            "/actions/1/url",
            "/description",
            "/filter/data.a/$like",
            "/name",
            "/type",
        ]
    );
}

#[test]
fn a_patch_changes_what_it_names_and_null_brings_the_default_back() {
    with_vault(|vault| {
        let mut action = action(
            json!({"name": "A", "url": "https://example.com/", "method": "PUT",
                   "timeout_seconds": 3, "headers": {"x-a": "1", "x-b": "2"}}),
            vault,
        );
        let patch = json!({"name": "B", "timeout_seconds": null, "headers": {"x-a": null}});
        let event_type = built_in("message.sent");
        action
            .patch(
                patch.into(),
                event_type,
                &UrlPolicy::default(),
                vault,
                now(),
            )
            .unwrap();
        assert_eq!((action.name.as_str(), action.method), ("B", Method::Put));
        assert_eq!(action.timeout_seconds, DEFAULT_TIMEOUT);
        assert_eq!(
            Value::Object(action.headers(vault).unwrap()),
            json!({"x-b": "2"})
        );
        assert_eq!(action.revision, 2);
    });
}

#[test]
fn a_refused_patch_changes_nothing() {
    with_vault(|vault| {
        let mut action = action(json!({"name": "A", "url": "https://example.com/"}), vault);
        let event_type = built_in("message.sent");
        for patch in [
            json!({"url": null}),
            json!({"nmae": "B"}),
            json!("B"),
            json!({"name": 1}),
        ] {
            let refused = action.patch(
                patch.into(),
                event_type,
                &UrlPolicy::default(),
                vault,
                now(),
            );
            assert!(matches!(refused, Err(PatchError::Invalid(_))));
        }
        assert_eq!((action.name.as_str(), action.revision), ("A", 1));
    });
}

#[test]
fn a_rotated_secret_signs_until_its_time_is_over() {
    with_vault(|vault| {
        let mut action = action(json!({"name": "A", "url": "https://example.com/"}), vault);
        let overlap = Duration::from_secs(60);
        let until = now() + overlap;
        action
            .rotate(&SigningSecret::new([3; LENGTH]), overlap, vault, now())
            .unwrap();
        let live = |at| action.secrets(vault).unwrap().live(at);
        assert_eq!(
            live(now()),
            [
                SigningSecret::new([3; LENGTH]),
                SigningSecret::new([2; LENGTH])
            ]
        );
        assert_eq!(live(until), [SigningSecret::new([3; LENGTH])]);
    });
}

#[test]
fn a_trigger_is_moved_under_the_newest_key_and_stays_the_same() {
    const NEWER: &str = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";
    let old = Sealer::parse(KEY).unwrap();
    let rotating = Sealer::parse(&format!("{NEWER},{KEY}")).unwrap();
    let newer = Sealer::parse(NEWER).unwrap();
    let vault = |sealer| Vault {
        account: "acme",
        sealer,
        nonce: &|| [1; NONCE_LENGTH],
    };
    let input = json!({
        "name": "A", "url": "https://example.com/", "headers": {"x-desk": "hush"},
    });
    let mut action = action(input, &vault(&old));
    let overlap = Duration::from_secs(60);
    action
        .rotate(
            &SigningSecret::new([3; LENGTH]),
            overlap,
            &vault(&old),
            now(),
        )
        .unwrap();
    let input: TriggerInput =
        serde_json::from_value(json!({"type": "message.sent", "name": "T"})).unwrap();
    let (settings, _) = input
        .check(&Catalogue::default(), &UrlPolicy::default())
        .unwrap();
    let mut trigger = Trigger::new(TriggerId::new(now(), 1), settings, now());
    trigger.actions.push(action);
    let before = trigger.clone();
    assert_eq!(trigger.under_older_keys(&rotating), 3);
    trigger.reseal(&vault(&rotating));
    assert_eq!(trigger.under_older_keys(&rotating), 0);

    let [was, is] = [&before, &trigger].map(|trigger| &trigger.actions[0]);
    let secrets = is.secrets(&vault(&newer)).unwrap();
    assert_eq!(secrets, was.secrets(&vault(&old)).unwrap());
    let headers = is.headers(&vault(&newer)).unwrap();
    assert_eq!(headers, was.headers(&vault(&old)).unwrap());
    assert_eq!(trigger.revision, before.revision);
    assert_eq!(is.updated_at, was.updated_at);

    // Without the old key nothing can be moved, and it is counted.
    let mut lost = before;
    lost.reseal(&vault(&newer));
    assert_eq!(lost.under_older_keys(&newer), 3);
}

#[test]
fn a_fifth_rotation_is_refused_until_an_older_secret_ends() {
    with_vault(|vault| {
        let mut action = action(json!({"name": "A", "url": "https://example.com/"}), vault);
        let minute = Duration::from_secs(60);
        let secret = |number| SigningSecret::new([number; LENGTH]);
        for number in 3..7 {
            let overlap = minute * u32::from(number);
            action
                .rotate(&secret(number), overlap, vault, now())
                .unwrap();
        }
        let before = action.secrets(vault).unwrap();
        let revision = action.revision;
        let refused = action.rotate(&secret(7), minute, vault, now());
        let next = now() + minute * 3;
        assert_eq!(refused, Err(TooManyPrevious { next }));
        assert!(refused.unwrap_err().to_string().contains(&next.to_string()));
        assert_eq!(action.secrets(vault).unwrap(), before);
        assert_eq!(action.revision, revision);

        action.rotate(&secret(7), minute, vault, next).unwrap();
        let live = action.secrets(vault).unwrap().live(next);
        assert_eq!(live, [7, 6, 5, 4, 3].map(secret));
        action
            .rotate(&secret(8), Duration::ZERO, vault, next)
            .unwrap();
        assert_eq!(action.secrets(vault).unwrap().live(next), [8].map(secret));
    });
}

#[test]
fn what_is_stored_holds_no_secret_in_clear() {
    with_vault(|vault| {
        let action = action(
            json!({"name": "A", "url": "https://example.com/", "headers": {"x-key": "hush"}}),
            vault,
        );
        let stored = serde_json::to_string(&action).unwrap();
        assert!(
            !stored.contains("hush") && !stored.contains("whsec_"),
            "{stored}"
        );
        let secret = SigningSecret::new([2; LENGTH]).reveal();
        assert!(
            !stored.contains(secret.trim_start_matches("whsec_")),
            "{stored}"
        );
    });
}

#[test]
fn enabling_an_action_forgets_why_it_was_disabled() {
    with_vault(|vault| {
        let mut action = action(json!({"name": "A", "url": "https://example.com/"}), vault);
        action.disable("the receiver answered 410 Gone", now());
        assert!(!action.enabled && action.disabled.is_some());
        let event_type = built_in("message.sent");
        let patch = json!({"enabled": true});
        action
            .patch(
                patch.into(),
                event_type,
                &UrlPolicy::default(),
                vault,
                now(),
            )
            .unwrap();
        assert!(action.enabled && action.disabled.is_none());
    });
}

#[test]
fn a_template_that_forgets_to_escape_is_refused_unless_the_body_is_no_json() {
    let checked = |content_type: &str, body_template: &str| {
        let input: ActionInput = serde_json::from_value(json!({
            "name": "A", "url": "https://example.com/",
            "content_type": content_type, "body_template": body_template,
        }))
        .unwrap();
        let checked = input.check(built_in("message.sent"), &UrlPolicy::default());
        checked.map(drop).map_err(|errors| errors[0].detail.clone())
    };
    let unescaped = r#"{"to": {{ data.participant.name }}}"#;
    let detail = checked("application/json", unescaped).unwrap_err();
    assert!(
        detail.contains("not JSON") && detail.contains("{{ data.participant.name|tojson }}"),
        "{detail}"
    );
    assert_eq!(checked("text/plain", unescaped), Ok(()));
    let escaped = r#"{"to": {{ data.participant.name|tojson }}}"#;
    assert_eq!(checked("application/json; charset=utf-8", escaped), Ok(()));
}

#[test]
fn a_patch_of_headers_knows_no_case_in_their_names() {
    with_vault(|vault| {
        let mut action = action(
            json!({"name": "A", "url": "https://example.com/",
                   "headers": {"X-Tenant": "1", "X-Other": "2"}}),
            vault,
        );
        let event_type = built_in("message.sent");
        let mut patch = |headers: Value| {
            let patch = json!({ "headers": headers });
            let patched = action.patch(
                patch.into(),
                event_type,
                &UrlPolicy::default(),
                vault,
                now(),
            );
            patched.map(|()| Value::Object(action.headers(vault).unwrap()))
        };
        let changed = patch(json!({"X-TENANT": "3", "x-other": null})).unwrap();
        assert_eq!(changed, json!({"x-tenant": "3"}));
        assert!(matches!(
            patch(json!({"X-Tenant": "4", "x-tenant": "5"})),
            Err(PatchError::Invalid(_))
        ));
    });
}
