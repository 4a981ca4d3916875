use std::collections::HashSet;

use super::*;

/// The policy that the corpora are written for.
fn policy(allow_private_targets: bool) -> UrlPolicy {
    let own_hosts = [
        "hooks.booking-app.com",
        "api.booking-app.com:8443",
        "127.0.0.1:3000",
        "bücher-app.de",
    ];
    UrlPolicy {
        allow_private_targets,
        own_hosts: own_hosts.map(str::to_owned).into(),
    }
}

/// The name of the variant, and of the kind for an address.
fn reason(refusal: &UrlRefusal) -> String {
    let name = match refusal {
        UrlRefusal::Address { kind, .. } => format!("{kind:?}"),
        other => format!("{other:?}"),
    };
    name.split('(').next().unwrap_or_default().to_owned()
}

/// `ok` or the reason.
fn verdict(url: &str, policy: &UrlPolicy) -> String {
    EndpointUrl::parse(url, policy).map_or_else(|refusal| reason(&refusal), |_| "ok".to_owned())
}

/// The rows of a corpus; the last column, a URL, without its escapes.
fn rows<const COLUMNS: usize>(corpus: &'static str) -> Vec<([&'static str; COLUMNS], String)> {
    let lines = corpus
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (columns, url) = line.rsplit_once('\t').expect(line);
            let columns: Vec<_> = columns.split('\t').collect();
            let url = serde_json::from_str(&format!("\"{url}\"")).expect(line);
            (columns.try_into().expect(line), url)
        })
        .collect()
}

fn hostile() -> Vec<([&'static str; 2], String)> {
    rows(include_str!("corpus/hostile.tsv"))
}

fn good() -> Vec<([&'static str; 1], String)> {
    rows(include_str!("corpus/good.tsv"))
}

#[test]
fn hostile_urls_are_refused_for_the_reason_listed() {
    let wrong: Vec<_> = hostile()
        .into_iter()
        .filter_map(|([expected, _], url)| {
            let verdict = verdict(&url, &policy(false));
            (verdict != expected).then(|| format!("{url:?}: {verdict}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn allowing_private_targets_opens_only_what_is_listed_as_ok() {
    let wrong: Vec<_> = hostile()
        .into_iter()
        .filter_map(|([strict, open], url)| {
            let expected = if open == "=" { strict } else { open };
            let verdict = verdict(&url, &policy(true));
            (verdict != expected).then(|| format!("{url:?}: {verdict}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_corpora_are_large_and_cover_every_reason() {
    let hostile = hostile();
    assert!(hostile.len() >= 150, "{}", hostile.len());
    assert!(good().len() >= 40);
    let covered: HashSet<_> = hostile.iter().map(|([reason, _], _)| *reason).collect();
    let all = "Empty Character NotAbsolute Scheme Fragment UserInfo NoHost InvalidHost ZoneId Port \
               SpinInternal OwnHost Localhost PrivateName SingleLabel TrailingDot Loopback Private \
               LinkLocal Metadata Shared Unspecified Multicast Documentation Reserved Nat64 \
               SixToFour Teredo Isatap Ipv4Mapped Ipv4Compatible";
    for reason in all.split_whitespace() {
        assert!(covered.contains(reason), "{reason}");
    }
}

#[test]
fn good_urls_pass_and_are_kept_normalised() {
    for ([normalised], url) in good() {
        let normalised = if normalised == "=" { &url } else { normalised };
        for allow_private_targets in [false, true] {
            let parsed = EndpointUrl::parse(&url, &policy(allow_private_targets));
            assert_eq!(
                parsed.as_ref().map(EndpointUrl::as_str),
                Ok(normalised),
                "{url:?} with allow_private_targets = {allow_private_targets}"
            );
        }
    }
}

#[test]
fn only_loopback_private_addresses_and_localhost_are_ever_opened() {
    let opened: HashSet<_> = hostile()
        .into_iter()
        .filter(|([_, open], _)| *open == "ok")
        .map(|([strict, _], _)| strict)
        .collect();
    assert_eq!(opened, HashSet::from(["Loopback", "Private", "Localhost"]));
}

#[test]
fn private_targets_are_stored_normalised_too() {
    for (given, stored) in [
        ("http://0x7f.1:8080/in", "http://127.0.0.1:8080/in"),
        ("http://127。0。0。1/", "http://127.0.0.1/"),
        ("http://3232235521/", "http://192.168.0.1/"),
        ("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:4000", "http://localhost:4000/"),
        ("http://[0:0:0:0:0:0:0:1]:80", "http://[::1]/"),
    ] {
        let url = EndpointUrl::parse(given, &policy(true)).expect(given);
        assert_eq!(url.to_string(), stored);
    }
}

#[test]
fn the_length_counts_as_given_and_as_normalised() {
    let url = |filler: &str, count: usize| format!("https://a.example/{}", filler.repeat(count));
    let parse = |text: &str| EndpointUrl::parse(text, &policy(false)).map(|url| url.as_str().len());
    assert_eq!(parse(&url("x", MAX_LENGTH - 18)), Ok(MAX_LENGTH));
    assert_eq!(parse(&url("x", MAX_LENGTH - 17)), Err(UrlRefusal::TooLong));
    // Two bytes as given, six when sent.
    assert_eq!(parse(&url("é", 338)), Ok(18 + 6 * 338));
    assert_eq!(parse(&url("é", 339)), Err(UrlRefusal::TooLong));
    // Shorter when normalised: what is given is bounded all the same.
    assert_eq!(parse(&url("./", MAX_LENGTH)), Err(UrlRefusal::TooLong));
}

#[test]
fn the_parts_are_those_of_the_text() {
    let parts = |text: &str| {
        let url = EndpointUrl::parse(text, &policy(false)).expect(text);
        (
            url.is_https(),
            url.authority().to_owned(),
            url.path_and_query().to_owned(),
        )
    };
    let expected = |https, authority: &str, path: &str| (https, authority.into(), path.into());
    assert_eq!(
        parts("https://Example.com"),
        expected(true, "example.com", "/")
    );
    assert_eq!(
        parts("http://example.com:80/a"),
        expected(false, "example.com", "/a")
    );
    assert_eq!(
        parts("http://example.com:8080?q"),
        expected(false, "example.com:8080", "/?q")
    );
    assert_eq!(
        parts("https://[2606:4700::1111]:8443/a/b?c=/d?"),
        expected(true, "[2606:4700::1111]:8443", "/a/b?c=/d?")
    );
}

#[test]
fn own_hosts_are_refused_on_the_port_they_name_or_on_all() {
    let own = |own: &str, url: &str| {
        let policy = UrlPolicy {
            allow_private_targets: true,
            own_hosts: vec![own.to_owned()],
        };
        verdict(url, &policy)
    };
    assert_eq!(own("app.com", "https://app.com:9999/"), "OwnHost");
    assert_eq!(own("App.com.", "https://app.com/"), "OwnHost");
    assert_eq!(own("app.com:443", "https://app.com/"), "OwnHost");
    assert_eq!(own("app.com:443", "http://app.com/"), "ok");
    assert_eq!(own("app.com:80", "http://app.com/"), "OwnHost");
    assert_eq!(own("8.8.8.8", "https://0x08080808/"), "OwnHost");
    assert_eq!(
        own("[2606:4700::1]", "https://[2606:4700:0::1]:1/"),
        "OwnHost"
    );
    assert_eq!(
        own("[2606:4700::1]:8080", "https://[2606:4700::1]:8080/"),
        "OwnHost"
    );
    assert_eq!(own("[2606:4700::1]:8080", "https://[2606:4700::1]/"), "ok");
    assert_eq!(own("0.0.0.0:3000", "http://localhost:3000/"), "OwnHost");
    assert_eq!(own("localhost:3000", "http://127.0.0.1:3000/"), "OwnHost");
    assert_eq!(own("localhost:3000", "http://127.0.0.1:4000/"), "ok");
    assert_eq!(own("localhost:3000", "http://192.168.0.1:3000/"), "ok");
    // What is no host is nobody's.
    assert_eq!(own("", "https://app.com/"), "ok");
    assert_eq!(own("http://app.com/", "https://app.com/"), "ok");
}

#[test]
fn addresses_are_checked_by_themselves() {
    let check = |address: &str, allow_private_targets| {
        let address = address.parse().expect(address);
        policy(allow_private_targets)
            .check_address(address)
            .map_err(|refusal| reason(&refusal))
    };
    for allowed in [false, true] {
        assert_eq!(check("8.8.8.8", allowed), Ok(()));
        assert_eq!(check("2606:4700:4700::1111", allowed), Ok(()));
        assert_eq!(check("169.254.169.254", allowed), Err("Metadata".into()));
        assert_eq!(check("169.254.0.1", allowed), Err("LinkLocal".into()));
        assert_eq!(check("fd00:ec2::254", allowed), Err("Metadata".into()));
        assert_eq!(check("0.0.0.0", allowed), Err("Unspecified".into()));
        assert_eq!(check("100.64.0.1", allowed), Err("Shared".into()));
        assert_eq!(check("::ffff:127.0.0.1", allowed), Err("Ipv4Mapped".into()));
    }
    for (address, kind) in [
        ("127.0.0.1", "Loopback"),
        ("::1", "Loopback"),
        ("fd12::1", "Private"),
    ] {
        assert_eq!(check(address, false), Err(kind.into()));
        assert_eq!(check(address, true), Ok(()));
    }
}

#[test]
fn refusals_say_what_to_do() {
    let message = |url: &str| {
        EndpointUrl::parse(url, &policy(false))
            .expect_err(url)
            .to_string()
    };
    assert_eq!(
        message("/hooks"),
        "is not an absolute URL: it has to start with https:// or http://"
    );
    assert_eq!(
        message("http://0x7f.1/"),
        "leads to 127.0.0.1, a loopback address: webhooks go to public addresses only"
    );
    assert_eq!(
        message("http://kubernetes.default.svc/"),
        "has a host name under .svc, which is reserved or known only inside a network or cluster: \
         webhooks go to public names only"
    );
    assert_eq!(
        message("https://a.example/\t"),
        "has the character U+0009, which has to be left out or percent-encoded"
    );
    assert_eq!(
        message(&format!("https://a.example/{}", "x".repeat(3_000))),
        "is too long: at most 2048 bytes, counted with all percent-encoding"
    );
    // A password must not come back in a message that may be logged.
    assert!(!message("https://user:hunter2@a.example/").contains("hunter2"));
}

/// Everything that holds of any URL that passes: it means the same to the other parser that the
/// request goes through, parsing it again changes nothing, and a request for it cannot be split.
fn check_allowed(url: &EndpointUrl, policy: &UrlPolicy) {
    let text = url.as_str();
    assert!(text.len() <= MAX_LENGTH);
    assert!(
        text.bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\'),
        "{text:?}"
    );
    assert_eq!(EndpointUrl::parse(text, policy).as_ref(), Ok(url), "{text}");

    let uri: http::Uri = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(
        uri.scheme_str(),
        Some(if url.is_https() { "https" } else { "http" }),
        "{text}"
    );
    let authority = uri.authority().expect(text);
    assert_eq!(authority.as_str(), url.authority(), "{text}");
    assert_eq!(Some(authority.host()), url.0.host_str(), "{text}");
    assert_eq!(authority.port_u16(), url.0.port(), "{text}");
    assert_eq!(
        uri.path_and_query().expect(text).as_str(),
        url.path_and_query(),
        "{text}"
    );
}

#[test]
fn another_parser_reads_the_same_in_what_passes() {
    let corpora = good().into_iter().map(|(_, url)| url);
    let opened = hostile()
        .into_iter()
        .filter(|([_, open], _)| *open == "ok")
        .map(|(_, url)| url);
    let characters = ('!'..='~').chain(['é', '例', '\u{200d}', '\u{fdd0}', '😀']);
    let everywhere = characters.flat_map(|character| {
        [
            "a{}.example.com/",
            "a.example.com/{}",
            "a.example.com/?{}",
            "a.example.com/%{}?%{}",
        ]
        .map(|rest| format!("https://{}", rest.replace("{}", &character.to_string())))
    });
    let mut passed = 0;
    for text in corpora.chain(opened).chain(everywhere) {
        if let Ok(url) = EndpointUrl::parse(&text, &policy(true)) {
            check_allowed(&url, &policy(true));
            passed += 1;
        }
    }
    assert!(passed > 400, "{passed}");
}

/// Pieces of URLs put together at random, always the same way.
#[test]
fn whatever_passes_is_sent_as_it_was_checked() {
    const PIECES: [&str; 64] = [
        "http://",
        "https://",
        "HTTP://",
        "//",
        "/",
        "\\",
        "?",
        "#",
        "@",
        ":",
        ".",
        "。",
        "%2e",
        "%2E",
        "%40",
        "%",
        "[",
        "]",
        "::",
        "::1",
        "ffff:",
        "127",
        "0x7f",
        "0177",
        "1",
        "0",
        "10",
        "192.168",
        "169.254",
        "2606:4700::",
        "self",
        ".alt",
        "spin",
        ".internal",
        "localhost",
        "local",
        "example",
        ".com",
        "a",
        "-",
        "_",
        "xn--",
        "é",
        "ß",
        "１",
        "ｌ",
        "\u{ad}",
        "\t",
        " ",
        "\n",
        "80",
        ":80",
        ":0",
        ":65536",
        "..",
        "/../",
        "%00",
        "%0d%0a",
        "\u{200d}",
        "|",
        "{",
        "\"",
        "'",
        "~",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % below
    };
    let mut passed = 0;
    for round in 0..100_000 {
        let mut text = String::new();
        if round % 2 == 0 {
            text.push_str("https://a");
        }
        for _ in 0..=next(8) {
            text.push_str(PIECES[next(PIECES.len())]);
        }
        let policy = policy(round % 3 == 0);
        if let Ok(url) = EndpointUrl::parse(&text, &policy) {
            check_allowed(&url, &policy);
            passed += 1;
        }
    }
    assert!(passed > 500, "{passed}");
}

#[test]
fn an_authority_in_another_spelling_is_the_same_authority() {
    let policy = UrlPolicy {
        allow_private_targets: true,
        ..UrlPolicy::default()
    };
    for (url, respelt) in [
        ("https://example.com/a", "example.com:443"),
        ("http://example.com/", "example.com:80"),
        ("http://example.com:8080/", "example.com:08080"),
        ("https://[2606:4700::1111]/", "[2606:4700::1111]:443"),
    ] {
        let url = EndpointUrl::parse(url, &policy).unwrap();
        assert_eq!(url.respelt_authority(), respelt);
        let again = format!(
            "{}://{respelt}/",
            if url.is_https() { "https" } else { "http" }
        );
        let again = EndpointUrl::parse(&again, &policy).unwrap();
        assert_eq!(again.authority(), url.authority());
    }
}
