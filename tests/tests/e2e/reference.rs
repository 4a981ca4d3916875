//! The API's description: the document, its viewer, and the guides.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io::Read as _;

use anyhow::{Context as _, Result, ensure};
use e2e::{Api, Service};
use flate2::read::GzDecoder;
use http::Method;

const HTML: &str = "text/html; charset=utf-8";

const PATHS: [(&str, &str); 9] = [
    ("/openapi.json", "application/json"),
    ("/docs", HTML),
    ("/docs/viewer.css", "text/css; charset=utf-8"),
    ("/docs/viewer.js", "text/javascript; charset=utf-8"),
    ("/docs/scalar.js", "text/javascript; charset=utf-8"),
    ("/docs/guides", HTML),
    ("/docs/guides/filters", HTML),
    ("/docs/guides/deploy", HTML),
    ("/docs/guides/images/overview.png", "image/png"),
];

fn api() -> Api {
    Service::shared().api_with_key(None)
}

#[tokio::test]
async fn everything_is_public_and_has_security_headers() -> Result<()> {
    let api = api();
    for (path, media_type) in PATHS {
        let reply = api.get(path).await?;
        assert_eq!(reply.status, 200, "{path}");
        ensure!(!reply.body.is_empty(), "{path}");
        for (name, expected) in [
            ("content-type", media_type),
            ("cache-control", "max-age=300"),
            ("vary", "accept-encoding"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(reply.header(name), Some(expected), "{path}");
        }
        let policy = reply.header("content-security-policy");
        let mut policy = policy.context("no policy")?.split("; ");
        assert_eq!(policy.next(), Some("default-src 'none'"), "{path}");
        for directive in policy {
            let (name, sources) = directive.split_once(' ').context("no source")?;
            for source in sources.split(' ') {
                let allowed = match (name, source) {
                    (_, "'none'" | "'self'") => true,
                    // The viewer makes its style sheets, and has small images in itself.
                    ("style-src", "'unsafe-inline'") | ("img-src", "data:") => path == "/docs",
                    _ => false,
                };
                ensure!(allowed, "{path}: {directive}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn bodies_are_compressed_for_those_who_accept_it() -> Result<()> {
    let api = api();
    for (path, media_type) in PATHS {
        let plain = api.get(path).await?;
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        for (accepted, compressed) in [
            ("gzip", true),
            ("deflate, GZip;q=0.5, br", true),
            ("*", true),
            ("br, *;q=0.1", true),
            ("br", false),
            ("", false),
            ("gzip;q=0", false),
            ("gzip; q=0.0, *", false),
            ("identity, *;q=0", false),
        ] {
            let headers = [("accept-encoding", accepted)];
            let reply = api.send(Method::GET, path, &headers, "").await?;
            if media_type == "image/png" || !compressed {
                assert_eq!(reply.header("content-encoding"), None, "{path} {accepted}");
                assert_eq!(reply.body, plain.body, "{path} {accepted}");
                assert_eq!(reply.etag()?, plain.etag()?, "{path} {accepted}");
                continue;
            }
            let encoding = reply.header("content-encoding");
            assert_eq!(encoding, Some("gzip"), "{path} {accepted}");
            ensure!(reply.body.len() < plain.body.len(), "{path}");
            assert_ne!(reply.etag()?, plain.etag()?, "{path}");
            let mut content = Vec::new();
            GzDecoder::new(&*reply.body).read_to_end(&mut content)?;
            ensure!(content == plain.body, "{path}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() -> Result<()> {
    let api = api();
    for (path, _) in PATHS {
        for encoding in ["gzip", "identity"] {
            let accepted = ("accept-encoding", encoding);
            let etag = api.send(Method::GET, path, &[accepted], "").await?.etag()?;
            for (known, status) in [
                (etag.clone(), 304),
                (format!("W/{etag}"), 304),
                (format!("\"another\", {etag}"), 304),
                ("*".to_owned(), 304),
                ("\"another\"".to_owned(), 200),
            ] {
                let headers = [accepted, ("if-none-match", known.as_str())];
                let reply = api.send(Method::GET, path, &headers, "").await?;
                assert_eq!(reply.status, status, "{path} {known}");
                assert_eq!(reply.body.is_empty(), status == 304, "{path} {known}");
                assert_eq!(reply.etag()?, etag, "{path} {known}");
                for (name, expected) in [
                    ("cache-control", "max-age=300"),
                    ("vary", "accept-encoding"),
                ] {
                    assert_eq!(reply.header(name), Some(expected), "{path} {known}");
                }
            }
            let headers = [("if-none-match", etag.trim_matches('"'))];
            let reply = api.send(Method::GET, path, &headers, "").await?;
            reply.problem(400)?.says(&["If-None-Match", "quotes"])?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() -> Result<()> {
    let api = api();
    for (path, _) in PATHS {
        for method in [Method::POST, Method::DELETE, Method::OPTIONS] {
            let reply = api.send(method, path, &[], "").await?;
            let problem = reply.problem(405)?;
            assert_eq!(problem.headers["allow"], "GET", "{path}");
        }
    }
    for path in [
        "/docs/",
        "/docs/index.html",
        "/docs/viewer.css/",
        "/docs//viewer.css",
        "/docs/guides/",
        "/docs/guides/filters.md",
        "/docs/guides/deploy/README",
        "/openapi.json/",
    ] {
        let problem = api.get(path).await?.problem(404)?;
        assert_eq!(problem.code, "not_found", "{path}");
    }
    Ok(())
}

/// The values of an attribute.
fn attributes<'h>(html: &'h str, name: &str) -> Vec<&'h str> {
    html.split(&format!(" {name}=\""))
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[tokio::test]
async fn every_link_of_the_pages_leads_somewhere() -> Result<()> {
    let api = api();
    // The ids of each page that was read; none of what is no page.
    let mut read: HashMap<String, BTreeSet<String>> = HashMap::new();
    let mut fragments = Vec::new();
    let mut found = VecDeque::from(["/docs".to_owned()]);
    while let Some(path) = found.pop_front() {
        if read.contains_key(&path) {
            continue;
        }
        let reply = api.get(&path).await?;
        assert_eq!(reply.status, 200, "{path}");
        let mut ids = BTreeSet::new();
        if path.starts_with("/docs") && reply.header("content-type") == Some(HTML) {
            let html = std::str::from_utf8(&reply.body)?;
            for id in attributes(html, "id") {
                ensure!(ids.insert(id.to_owned()), "{path} has {id} twice");
            }
            let links = attributes(html, "href");
            for link in links.into_iter().chain(attributes(html, "src")) {
                // The dashboard has tests of its own, and what is elsewhere is not asked for.
                if link == "/" || link.contains("://") {
                    continue;
                }
                let (target, fragment) = link.split_once('#').unwrap_or((link, ""));
                let target = if target.is_empty() { &path } else { target };
                ensure!(target.starts_with('/'), "{path} links to {link}");
                if !fragment.is_empty() {
                    fragments.push((path.clone(), target.to_owned(), fragment.to_owned()));
                }
                found.push_back(target.to_owned());
            }
        }
        read.insert(path, ids);
    }
    for (path, target, fragment) in fragments {
        ensure!(
            read[&target].contains(&fragment),
            "{path} links to {target}#{fragment}"
        );
    }
    for path in [
        "/docs/guides/readme",
        "/docs/guides/deploy/kubernetes",
        "/docs/guides/deploy/examples/Caddyfile",
        "/docs/guides/images/capacity-backlog.svg",
    ] {
        ensure!(read.contains_key(path), "nothing leads to {path}");
    }
    Ok(())
}

#[tokio::test]
async fn guides_are_pages_of_html() -> Result<()> {
    let reply = api().get("/docs/guides/filters").await?;
    let page = std::str::from_utf8(&reply.body)?;
    for part in [
        "<title>Filters · Webhook Triggers</title>",
        "<h2 id=\"changing-a-filter\"><a href=\"#changing-a-filter\">Changing a filter</a></h2>",
        "<pre tabindex=\"0\"><code class=\"language-json\">",
        "<table>",
    ] {
        ensure!(page.contains(part), "{part}");
    }
    Ok(())
}
