//! What Spin adds to a request before a component sees it, and what it takes away.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};

use crate::allowed_hosts::chaining_target;
use crate::routes::Match;

/// Drops a `host` header that would name a component: only a component may ask for service chaining.
pub(crate) fn strip_chaining_host<B>(request: &mut Request<B>) {
    let chained = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| chaining_target(host).is_some());
    if chained {
        request.headers_mut().remove(HOST);
    }
}

/// Makes the request's URI absolute, from its own authority or the `host` header; the two must not differ.
pub(crate) fn set_absolute_uri<B>(request: &mut Request<B>) -> anyhow::Result<()> {
    let from_header = request
        .headers()
        .get(HOST)
        .map(|host| -> anyhow::Result<Authority> {
            let host = host.to_str().context("'Host' header is not valid UTF-8")?;
            host.parse()
                .context("'Host' header contains an invalid authority")
        })
        .transpose()?;
    let mut parts = request.uri().clone().into_parts();
    let authority = match (from_header, parts.authority.take()) {
        (None, None) => bail!("no 'Host' header present in request"),
        (Some(header), Some(uri)) => {
            ensure!(
                header == uri,
                "authority in 'Host' header does not match authority in URI"
            );
            header
        }
        (Some(authority), None) | (None, Some(authority)) => authority,
    };
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    *request.uri_mut() = Uri::from_parts(parts)?;
    Ok(())
}

/// Adds the `spin-*` headers.
pub(crate) fn add_spin_headers<B>(
    request: &mut Request<B>,
    found: &Match,
    client: SocketAddr,
) -> anyhow::Result<()> {
    // Spin takes the headers through UTF-8 strings, so a value that is none fails the request.
    for value in request.headers().values() {
        std::str::from_utf8(value.as_bytes())?;
    }
    let host = match request.headers().get(HOST) {
        Some(host) => std::str::from_utf8(host.as_bytes())?,
        None => "localhost",
    };
    let uri = request.uri();
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let scheme = uri.scheme_str().unwrap_or("http");
    let full_url = format!("{scheme}://{host}{path}");

    let mut added = vec![
        ("spin-path-info".to_owned(), found.path_info.clone()),
        ("spin-full-url".to_owned(), full_url),
        ("spin-matched-route".to_owned(), found.based_route.clone()),
        ("spin-base-path".to_owned(), "/".to_owned()),
        (
            "spin-raw-component-route".to_owned(),
            found.raw_route.clone(),
        ),
        (
            "spin-component-route".to_owned(),
            found.route_prefix().to_owned(),
        ),
        ("spin-client-addr".to_owned(), client.to_string()),
    ];
    for (name, value) in &found.named {
        let name = name.to_ascii_lowercase().replace('_', "-");
        added.push((format!("spin-path-match-{name}"), value.clone()));
    }
    append(request.headers_mut(), added);
    Ok(())
}

/// A header that cannot be one is left out; one that the client sent under the same name stays beside the new one.
fn append(headers: &mut HeaderMap, added: Vec<(String, String)>) {
    for (name, value) in added {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            headers.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, host: Option<&str>) -> Request<()> {
        let mut request = Request::builder().uri(uri);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        request.body(()).expect("a request")
    }

    #[test]
    fn the_headers_tell_route_path_and_client() {
        let mut request = request("/foo/42/bar?key=value", Some("example.com:8080"));
        set_absolute_uri(&mut request).expect("a URI");
        let found = Match {
            component: "one".into(),
            raw_route: "/foo/:user_id/...".into(),
            based_route: "/foo/:user_id/...".into(),
            path_info: "/bar".into(),
            named: vec![("user_id".into(), "42".into())],
        };
        let client = "127.0.0.1:8777".parse().expect("an address");
        add_spin_headers(&mut request, &found, client).expect("headers");
        for (name, value) in [
            ("spin-path-info", "/bar"),
            (
                "spin-full-url",
                "http://example.com:8080/foo/42/bar?key=value",
            ),
            ("spin-matched-route", "/foo/:user_id/..."),
            ("spin-base-path", "/"),
            ("spin-raw-component-route", "/foo/:user_id/..."),
            ("spin-component-route", "/foo/:user_id"),
            ("spin-client-addr", "127.0.0.1:8777"),
            ("spin-path-match-user-id", "42"),
        ] {
            assert_eq!(request.headers()[name], value, "{name}");
        }
    }

    #[test]
    fn a_request_without_one_clear_host_is_refused() {
        assert!(set_absolute_uri(&mut request("/", None)).is_err());
        assert!(set_absolute_uri(&mut request("http://a.test/", Some("b.test"))).is_err());
        let mut same = request("http://a.test/x", Some("a.test"));
        assert!(set_absolute_uri(&mut same).is_ok());
        assert_eq!(same.uri(), "http://a.test/x");
    }

    #[test]
    fn a_client_cannot_name_a_component_as_its_host() {
        for host in ["one.spin.internal", "one.spin.internal:80"] {
            let mut chained = request("/", Some(host));
            strip_chaining_host(&mut chained);
            assert!(chained.headers().get(HOST).is_none(), "{host}");
        }
        let mut plain = request("/", Some("example.com"));
        strip_chaining_host(&mut plain);
        assert!(plain.headers().get(HOST).is_some());
    }
}
