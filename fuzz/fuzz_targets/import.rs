//! Documents of an export, as somebody altered them.

#![no_main]

use domain::{
    account::AccountId,
    catalogue::Catalogue,
    input,
    sealing::Sealer,
    time::Timestamp,
    transfer::{Destination, ImportInput},
    url_policy::UrlPolicy,
};
use libfuzzer_sys::fuzz_target;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fuzz_target!(|body: &[u8]| {
    // A passphrase asks for much work, by design.
    if body.windows(10).any(|bytes| bytes == b"passphrase") {
        return;
    }
    let Ok(import) = input::parse::<ImportInput>(body) else {
        return;
    };
    let sealer = Sealer::parse(KEY).expect("a key");
    let Ok((document, lock)) = import.open(&sealer) else {
        return;
    };
    assert!(lock.is_none());
    let account = AccountId::parse("acme").expect("an account id");
    let destination = Destination {
        account: &account,
        catalogue: &Catalogue::default(),
        policy: &UrlPolicy::default(),
        now: Timestamp::from_millis(1_795_446_245_000),
    };
    // In order or not: with what is wrong, and where.
    if let Err(errors) = document.check(&destination, None) {
        assert!(
            errors
                .iter()
                .all(|error| error.pointer.starts_with("/document"))
        );
    }
});
