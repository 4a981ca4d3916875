//! Merge patches: of any JSON, and of an action. A line of what is patched, the rest is the patch.

#![no_main]

use domain::{
    catalogue::built_in,
    id::ActionId,
    merge_patch::Document,
    sealing::{NONCE_LENGTH, Sealer},
    secret::{LENGTH, SigningSecret},
    time::Timestamp,
    trigger::{Action, ActionInput, Vault},
    url_policy::UrlPolicy,
};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fuzz_target!(|text: &str| {
    let (target, patch) = text.split_once('\n').unwrap_or(("{}", text));
    let (Ok(mut once), Ok(patch)) = (
        Document::parse(target.as_bytes()),
        Document::parse(patch.as_bytes()),
    ) else {
        return;
    };
    once.apply(patch.clone());
    let mut twice = once.clone();
    twice.apply(patch.clone());
    // RFC 7396: what was applied changes nothing when it is applied again.
    assert_eq!(written(&once), written(&twice));
    patch_an_action(patch);
});

fn written(document: &Document) -> String {
    serde_json::to_string(document).expect("JSON")
}

/// An action that is patched is in order, and what is secret of it is not shown.
fn patch_an_action(patch: Document) {
    let sealer = Sealer::parse(KEY).expect("a key");
    let vault = Vault {
        account: "acme",
        sealer: &sealer,
        nonce: &|| [1; NONCE_LENGTH],
    };
    let input: ActionInput = serde_json::from_value(json!({
        "name": "A", "url": "https://example.com/", "headers": {"x-key": "s3cr3t", "x-team": "desk"},
        "secret_headers": ["x-key"],
    }))
    .expect("an action");
    let policy = UrlPolicy::default();
    let event_type = built_in("message.sent");
    let settings = input.check(event_type, &policy).expect("in order");
    let now = Timestamp::from_millis(1_795_446_245_000);
    let secret = SigningSecret::new([2; LENGTH]);
    let mut action = Action::new(ActionId::new(now, 7), settings, &secret, &vault, now);
    let gives_it = written(&patch).contains("s3cr3t");
    if action
        .patch(patch, event_type, &policy, &vault, now)
        .is_ok()
        && !gives_it
    {
        let shown = action.shown_headers(&vault).expect("they open");
        assert!(shown.values().all(|value| value != "s3cr3t"), "{shown:?}");
    }
    let headers = action.headers(&vault).expect("they open");
    assert!(
        action
            .secret_headers
            .iter()
            .all(|name| headers.contains_key(name))
    );
}
