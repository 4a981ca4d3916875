//! The API's description: the document, and the page that people read it on.

use anyhow::{Context as _, Result, ensure};
use e2e::Service;
use http::Method;

const PATHS: [(&str, &str); 3] = [
    ("/openapi.json", "application/json"),
    ("/docs", "text/html; charset=utf-8"),
    ("/docs/style.css", "text/css; charset=utf-8"),
];

#[tokio::test]
async fn the_description_needs_no_key_and_comes_with_headers_that_keep_it_safe() -> Result<()> {
    let api = Service::shared().api_with_key(None);
    for (path, media_type) in PATHS {
        let reply = api.get(path).await?;
        assert_eq!(reply.status, 200, "{path}");
        ensure!(!reply.body.is_empty(), "{path}");
        for (name, expected) in [
            ("content-type", media_type),
            ("cache-control", "max-age=300"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(reply.header(name), Some(expected), "{path}");
        }
        let policy = reply
            .header("content-security-policy")
            .context("no policy")?;
        ensure!(policy.starts_with("default-src 'none'; "), "{policy}");
        ensure!(!policy.contains("unsafe"), "{policy}");
    }
    Ok(())
}

#[tokio::test]
async fn the_document_is_openapi_and_the_page_has_each_of_its_operations() -> Result<()> {
    let api = Service::shared().api_with_key(None);
    let document = api.get("/openapi.json").await?.json(200)?;
    ensure!(
        document["openapi"]
            .as_str()
            .is_some_and(|it| it.starts_with("3.1."))
    );
    let page = api.get("/docs").await?;
    let page = String::from_utf8(page.body.to_vec())?;
    ensure!(page.starts_with("<!doctype html>"));
    for item in document["paths"].as_object().context("no paths")?.values() {
        for operation in item.as_object().into_iter().flat_map(|item| item.values()) {
            if let Some(id) = operation["operationId"].as_str() {
                ensure!(page.contains(&format!("id=\"op-{id}\"")), "{id}");
            }
        }
    }
    // What it loads and leads to, beside itself.
    ensure!(page.contains("href=\"docs/style.css\"") && page.contains("href=\"openapi.json\""));
    Ok(())
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() -> Result<()> {
    let api = Service::shared().api_with_key(None);
    for (path, _) in PATHS {
        let etag = api.get(path).await?.etag()?;
        for (known, status) in [
            (etag.clone(), 304),
            (format!("W/{etag}"), 304),
            (format!("\"another\", {etag}"), 304),
            ("*".to_owned(), 304),
            ("\"another\"".to_owned(), 200),
        ] {
            let headers = [("if-none-match", known.as_str())];
            let reply = api.send(Method::GET, path, &headers, "").await?;
            assert_eq!(reply.status, status, "{path} {known}");
            assert_eq!(reply.body.is_empty(), status == 304, "{path} {known}");
            assert_eq!(reply.etag()?, etag, "{path} {known}");
            assert_eq!(
                reply.header("cache-control"),
                Some("max-age=300"),
                "{path} {known}"
            );
        }
        let headers = [("if-none-match", etag.trim_matches('"'))];
        let reply = api.send(Method::GET, path, &headers, "").await?;
        reply.problem(400)?.says(&["If-None-Match", "quotes"])?;
    }
    Ok(())
}

#[tokio::test]
async fn another_method_or_path_is_refused() -> Result<()> {
    let api = Service::shared().api_with_key(None);
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
        "/docs/style.css/",
        "/docs//style.css",
        "/openapi.json/",
    ] {
        let problem = api.get(path).await?.problem(404)?;
        assert_eq!(problem.code, "not_found", "{path}");
    }
    Ok(())
}
