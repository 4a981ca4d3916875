//! URLs that strangers type in.

#![no_main]

use std::net::IpAddr;

use domain::url_policy::{EndpointUrl, UrlPolicy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let open = UrlPolicy {
        allow_private_targets: true,
        own_hosts: vec!["hooks.example.com".to_owned()],
    };
    for policy in [UrlPolicy::default(), open] {
        let Ok(url) = EndpointUrl::parse(text, &policy) else {
            continue;
        };
        // What is stored is allowed again, and is what it was.
        let again = EndpointUrl::parse(url.as_str(), &policy).expect("it was allowed");
        assert_eq!(again.as_str(), url.as_str());
        assert!(url.as_str().starts_with("http://") || url.as_str().starts_with("https://"));
        assert!(!url.authority().contains('@') && !url.as_str().contains('#'));
        assert!(url.path_and_query().starts_with('/'));
        assert!(url.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        // Whatever way it was written, an address that is not public is none that is allowed.
        let host = match url.authority().rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => url.authority(),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse::<IpAddr>() {
            policy
                .check_address(address)
                .expect("an address that is allowed");
        }
        let name = host.trim_end_matches('.');
        for reserved in [
            "localhost",
            "internal",
            "local",
            "self.alt",
            "spin.internal",
        ] {
            let under = name == reserved || name.ends_with(&format!(".{reserved}"));
            let private = matches!(reserved, "localhost" | "internal" | "local");
            assert!(
                !under || (private && policy.allow_private_targets),
                "{name}"
            );
        }
    }
});
