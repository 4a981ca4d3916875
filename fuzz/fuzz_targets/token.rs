//! Tokens: of API keys, portal links and sessions; and signing secrets.

#![no_main]

use domain::{
    access::{ApiKey, ApiKeyInput},
    id::ApiKeyId,
    portal::{Link, Session},
    sealing::{Sealed, Sealer},
    secret::SigningSecret,
    time::Timestamp,
};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fuzz_target!(|token: &str| {
    let now = Timestamp::from_millis(1_795_446_245_000);
    let sealer = Sealer::parse(KEY).expect("a key");
    // Nobody guesses these.
    let keys = ["key".to_owned()];
    assert!(Link::open(&sealer, token, &keys, now).is_none());
    assert!(Session::open(&sealer, token, &keys, now).is_none());
    if let Some(sealed) = Sealed::from_token(token) {
        assert!(sealer.open("anything", &sealed).is_err());
    }
    let input: ApiKeyInput =
        serde_json::from_value(json!({"name": "A", "scopes": ["read"]})).expect("a key");
    let (key, real) = input
        .check(ApiKeyId::new(now, 7), [9; 32], now)
        .expect("in order");
    let own = ApiKey::id_of(token) == Some(key.id);
    assert_eq!(own && key.admits(token, now), token == real);
    if let Ok(secret) = SigningSecret::parse(token) {
        assert_eq!(SigningSecret::parse(&secret.reveal()), Ok(secret));
    }
    // A setting that is no key is told to be none.
    let _ = Sealer::parse(token);
});
