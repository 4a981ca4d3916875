use super::*;

fn parse(pairs: &[(&str, &str)]) -> Result<CustomHeaders, Vec<(String, HeaderRefusal)>> {
    CustomHeaders::parse(
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into())),
    )
}

/// The refusal of the only header, which has to be named as given.
fn refusal(name: &str, value: &str) -> HeaderRefusal {
    let mut refusals = parse(&[(name, value)]).expect_err(name);
    assert_eq!(refusals.len(), 1, "{name:?}");
    let (named, refusal) = refusals.remove(0);
    assert_eq!(named, name);
    refusal
}

fn numbered(count: usize, value: &str) -> Vec<(String, String)> {
    (0..count)
        .map(|index| (format!("x-{index:03}"), value.to_owned()))
        .collect()
}

#[test]
fn headers_keep_their_order_and_their_values_and_lose_their_case() {
    let headers = parse(&[
        ("X-Tenant", "acme"),
        ("authorization", "Bearer a.b-c_d=="),
        ("User-Agent", "Acme/1 (+https://acme.example)"),
        ("x_odd!#$%&'*+-.^`|~1", "inner \t space, \"quotes\"; and ~!"),
        ("accept", ""),
        ("webhooks", "is no name of the service's"),
        ("x-webhook-id", "neither is this"),
    ])
    .expect("all are allowed");
    assert_eq!(
        headers.iter().collect::<Vec<_>>(),
        [
            ("x-tenant", "acme"),
            ("authorization", "Bearer a.b-c_d=="),
            ("user-agent", "Acme/1 (+https://acme.example)"),
            ("x_odd!#$%&'*+-.^`|~1", "inner \t space, \"quotes\"; and ~!"),
            ("accept", ""),
            ("webhooks", "is no name of the service's"),
            ("x-webhook-id", "neither is this"),
        ]
    );
    assert!(!headers.is_empty());
    assert!(parse(&[]).expect("none is fine").is_empty());
}

#[test]
fn names_are_tokens() {
    for name in [
        "",
        " ",
        "x y",
        " x",
        "x ",
        "x:",
        ":path",
        ":authority",
        "x\t",
        "x\r\ny",
        "x\0",
        "x\u{7f}",
        "x(y)",
        "x/y",
        "x[0]",
        "x{y}",
        "x,y",
        "x;y",
        "x=y",
        "x?",
        "x@y",
        "x\"y",
        "x\\y",
        "<x>",
        "é",
        "ｘ",
        "x-ß",
        "\u{212a}eep-alive",
    ] {
        assert_eq!(refusal(name, "v"), HeaderRefusal::Name, "{name:?}");
    }
}

#[test]
fn names_of_the_service_and_of_the_connection_are_reserved_in_any_case() {
    for name in [
        "host",
        "Host",
        "content-length",
        "Content-Type",
        "date",
        "connection",
        "CONNECTION",
        "keep-alive",
        "te",
        "TE",
        "trailer",
        "transfer-encoding",
        "Transfer-Encoding",
        "upgrade",
        "http2-settings",
        "expect",
        "proxy-connection",
        "Proxy-Authorization",
        "proxy-authenticate",
        "proxy-anything",
        "webhook-id",
        "Webhook-Timestamp",
        "webhook-signature",
        "WEBHOOK-ANYTHING",
        "webhook-",
    ] {
        assert!(
            matches!(refusal(name, "v"), HeaderRefusal::Reserved(_)),
            "{name:?}"
        );
    }
    assert_eq!(
        refusal("Content-Type", "text/plain").to_string(),
        "cannot be set: it has a field of its own, content_type"
    );
}

#[test]
fn values_are_visible_ascii_with_spaces_and_tabs_inside() {
    for (value, unfit) in [
        ("a\r\nx-injected: 1", '\r'),
        ("a\nb", '\n'),
        ("a\rb", '\r'),
        ("a\r\n", '\r'),
        ("\0", '\0'),
        ("a\u{b}b", '\u{b}'),
        ("a\u{1b}[31m", '\u{1b}'),
        ("a\u{7f}", '\u{7f}'),
        ("caf\u{e9}", '\u{e9}'),
        ("a\u{85}", '\u{85}'),
        ("a\u{a0}", '\u{a0}'),
        ("a\u{2028}", '\u{2028}'),
        // A careless cast to bytes would make CR and LF of these.
        ("a\u{10d}\u{10a}b", '\u{10d}'),
        ("日本", '日'),
    ] {
        assert_eq!(
            refusal("x", value),
            HeaderRefusal::Character(unfit),
            "{value:?}"
        );
    }
    for value in [" ", "\t", " a", "a ", "\ta", "a\t", "  a b  "] {
        assert_eq!(refusal("x", value), HeaderRefusal::OuterSpace, "{value:?}");
    }
}

#[test]
fn a_name_comes_once_whatever_its_case() {
    let refusals = parse(&[("X-A", "1"), ("x-b", "2"), ("x-a", "1"), ("X-B", "3")])
        .expect_err("two are doubled");
    assert_eq!(
        refusals,
        [
            ("x-a".into(), HeaderRefusal::Duplicate),
            ("X-B".into(), HeaderRefusal::Duplicate)
        ]
    );
}

#[test]
fn every_bad_header_is_named() {
    let refusals = parse(&[("Host", "x"), ("x-fine", "y"), ("x y", "z"), ("x-v", "\n")])
        .expect_err("three are bad");
    let names: Vec<_> = refusals.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Host", "x y", "x-v"]);
}

#[test]
fn twenty_headers_are_allowed_and_the_next_is_named() {
    assert_eq!(
        CustomHeaders::parse(numbered(20, "v")).map(|all| all.iter().len()),
        Ok(20)
    );
    assert_eq!(
        CustomHeaders::parse(numbered(500, "v")),
        Err(vec![("x-020".into(), HeaderRefusal::TooMany)])
    );
}

#[test]
fn names_and_values_share_four_kibibytes() {
    // 16 headers of 5 + 251 bytes.
    let mut full = numbered(16, &"v".repeat(251));
    assert!(CustomHeaders::parse(full.clone()).is_ok());
    full[15].1.push('v');
    assert_eq!(
        CustomHeaders::parse(full),
        Err(vec![("x-015".into(), HeaderRefusal::TooLarge)])
    );
    let long_name = "é".repeat(100_000);
    let refusals = parse(&[(&long_name, "")]).expect_err("it is too long");
    assert_eq!(
        refusals,
        [(format!("{}…", "é".repeat(100)), HeaderRefusal::TooLarge)]
    );
}

#[test]
fn debug_output_has_no_values() {
    let headers = parse(&[("authorization", "hunter2")]).expect("it is allowed");
    assert_eq!(format!("{headers:?}"), "CustomHeaders([authorization: …])");
}

#[test]
fn whatever_passes_is_valid_for_http_too() {
    for code in 0..=0x17f_u32 {
        let character = char::from_u32(code).expect("no surrogates there");
        let (name, value) = (format!("x{character}y"), format!("x{character}y"));
        let name_passes = parse(&[(&name, "v")]).is_ok();
        let value_passes = parse(&[("x", &value)]).is_ok();
        assert_eq!(
            name_passes,
            http::HeaderName::try_from(&name).is_ok(),
            "{name:?}"
        );
        // That crate takes any byte from 0x80 on; this service does not.
        let http_takes_it = http::HeaderValue::try_from(&value).is_ok() && code < 0x80;
        assert_eq!(value_passes, http_takes_it, "{value:?}");
    }
}

#[test]
fn content_types_come_out_in_their_normal_form() {
    for (given, normal) in [
        ("application/json", "application/json"),
        ("Application/JSON", "application/json"),
        (
            "application/cloudevents+json",
            "application/cloudevents+json",
        ),
        (
            "application/vnd.acme.v1+json",
            "application/vnd.acme.v1+json",
        ),
        ("text/plain;charset=utf-8", "text/plain; charset=utf-8"),
        (
            "text/plain \t;\t Charset=UTF-8",
            "text/plain; charset=UTF-8",
        ),
        ("text/xml; charset=\"utf-8\"", "text/xml; charset=\"utf-8\""),
        (
            "a/b; c=\"x; y=\\\"z\\\\\"; d=e",
            "a/b; c=\"x; y=\\\"z\\\\\"; d=e",
        ),
        ("a/b; c=\"\"", "a/b; c=\"\""),
        ("a/b;", "a/b"),
        ("a/b; ; ;c=d;", "a/b; c=d"),
        ("a/b; c=d ", "a/b; c=d"),
    ] {
        assert_eq!(
            parse_content_type(given).as_deref(),
            Ok(normal),
            "{given:?}"
        );
        assert_eq!(
            parse_content_type(normal).as_deref(),
            Ok(normal),
            "{normal:?}"
        );
        assert!(check_value(normal).is_ok(), "{normal:?}");
    }
}

#[test]
fn what_is_no_media_type_is_refused() {
    for text in [
        "",
        " ",
        "json",
        "/",
        "a/",
        "/b",
        "a/b/c",
        " a/b",
        "a /b",
        "a/ b",
        "a b/c",
        "*/*",
        "a/*",
        "a/b; c",
        "a/b; c=",
        "a/b; =d",
        "a/b; c =d",
        "a/b; c= d",
        "a/b; c=d e",
        "a/b; c=\"d",
        "a/b; c=\"d\\\"",
        "a/b; c=\"d\"e",
        "a/b; c=\"\\",
        "a/b c=d",
        "a/b, c/d",
        "a/b\r\nx: y",
        "a/b; c=\"\r\n\"",
        "a/b; c=\"\\\n\"",
        "a/b; c=d\n",
        "a/b; c=é",
        "a/b; c=\"é\"",
        "é/b",
        "a/b\u{a0}",
        "a/b;\u{a0}c=d",
    ] {
        assert_eq!(
            parse_content_type(text),
            Err(HeaderRefusal::MediaType),
            "{text:?}"
        );
    }
    assert_eq!(
        parse_content_type("a/b; c=d; C=e"),
        Err(HeaderRefusal::DuplicateParameter)
    );
}

#[test]
fn a_content_type_is_bounded() {
    let text = |length: usize| format!("text/{}", "x".repeat(length - 5));
    assert!(parse_content_type(&text(MAX_CONTENT_TYPE)).is_ok());
    assert_eq!(
        parse_content_type(&text(MAX_CONTENT_TYPE + 1)),
        Err(HeaderRefusal::LongContentType)
    );
    // It is the normal form that is kept, and that is a byte longer here.
    let parameter = format!("a/b;c={}", "x".repeat(MAX_CONTENT_TYPE - 6));
    assert_eq!(parameter.len(), MAX_CONTENT_TYPE);
    assert_eq!(
        parse_content_type(&parameter),
        Err(HeaderRefusal::LongContentType)
    );
}
