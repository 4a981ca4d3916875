//! Who gets into the dashboard, and what they can do there. What it looks like, the browser tests see.

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Api, KEY, Reply, Service, Settings, has, id};
use http::{Method, StatusCode};
use serde_json::json;

/// A browser without eyes: it keeps a cookie.
pub(crate) struct Visitor {
    pub(crate) api: Api,
    pub(crate) cookie: String,
}

/// The value of the first element of this name among the page's fields.
pub(crate) fn field(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    rest.split('"').next().map(str::to_owned)
}

pub(crate) fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// Where a reply leads to.
pub(crate) fn leads_to(reply: &Reply) -> Result<&str> {
    ensure!(reply.status == StatusCode::SEE_OTHER, "{reply:?}");
    reply.header("location").context("no location")
}

impl Visitor {
    pub(crate) fn nobody() -> Self {
        Self::at(&Service::shared().api_with_key(None))
    }

    pub(crate) fn at(api: &Api) -> Self {
        Self {
            api: api.clone(),
            cookie: String::new(),
        }
    }

    /// Takes the session that a reply begins.
    pub(crate) fn with(mut self, reply: &Reply) -> Result<Self> {
        let cookie = reply.header("set-cookie").context("no cookie")?;
        for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=28800"] {
            ensure!(cookie.contains(attribute), "{cookie}");
        }
        self.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(self)
    }

    pub(crate) async fn operator() -> Result<Self> {
        let nobody = Self::nobody();
        let reply = nobody.form("/sign-in", &[("key", KEY)]).await?;
        ensure!(leads_to(&reply)? == "/", "{reply:?}");
        nobody.with(&reply)
    }

    /// Somebody whom the main app sends.
    pub(crate) async fn user(account: &Account, role: &str) -> Result<Self> {
        let link = portal_link(account, role).await?;
        let nobody = Self::at(&account.api.without_key());
        let reply = nobody.get(&link).await?;
        let home = format!("/accounts/{}", account.id);
        ensure!(leads_to(&reply)? == home, "{reply:?}");
        nobody.with(&reply)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Reply> {
        let headers = [("cookie", &*self.cookie)];
        self.api.send(Method::GET, path, &headers, "").await
    }

    pub(crate) async fn page(&self, path: &str) -> Result<String> {
        let reply = self.get(path).await?;
        ensure!(reply.status == StatusCode::OK, "{path}: {}", text(&reply));
        Ok(text(&reply))
    }

    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Reply> {
        self.form_with(path, fields, &[]).await
    }

    async fn form_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        more: &[(&str, &str)],
    ) -> Result<Reply> {
        let encode =
            |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        let fields = fields.iter();
        let body: Vec<_> = fields
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let mut headers = vec![
            ("cookie", &*self.cookie),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        headers.extend(more);
        self.api
            .send(Method::POST, path, &headers, body.join("&"))
            .await
    }

    /// The version that a page's form was made of.
    async fn revision(&self, path: &str) -> Result<String> {
        let revision = field(&self.page(path).await?, "revision").context("a revision")?;
        Ok(revision.replace("&#34;", "\"").replace("&quot;", "\""))
    }

    /// What the forms of this session carry.
    pub(crate) async fn csrf(&self, account: &Account) -> Result<String> {
        let page = self.page(&format!("/accounts/{}", account.id)).await?;
        field(&page, "csrf").context("no form")
    }
}

pub(crate) async fn portal_link(account: &Account, role: &str) -> Result<String> {
    let link = json!({ "role": role, "return_url": "https://app.example/settings" });
    let link = account.post("/portal-links", &link).await?.json(201)?;
    ensure!(link["role"] == role, "{link}");
    let url = link["url"].as_str().context("no url")?;
    let at = url.find("/portal").context("no portal")?;
    Ok(url[at..].to_owned())
}

#[tokio::test]
async fn without_a_session_every_page_asks_to_sign_in_and_comes_back() -> Result<()> {
    let nobody = Visitor::nobody();
    for path in ["", "/triggers", "/deliveries?status=failed", "/events"] {
        let page = format!("/accounts/acme{path}");
        let reply = nobody.get(&page).await?;
        let sign_in = leads_to(&reply)?.to_owned();
        ensure!(sign_in.starts_with("/sign-in?next="), "{sign_in}");
        let form = nobody.page(&sign_in).await?;
        let next = field(&form, "next").context("no next")?;
        let reply = nobody
            .form("/sign-in", &[("key", KEY), ("next", &next)])
            .await?;
        assert_eq!(leads_to(&reply)?, page);
    }
    assert_eq!(leads_to(&nobody.get("/").await?)?, "/sign-in");
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_is_told_so_and_nobody_is_led_to_another_site() -> Result<()> {
    let nobody = Visitor::nobody();
    let reply = nobody.form("/sign-in", &[("key", "wrong")]).await?;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert!(text(&reply).contains("This is not a key"));
    assert_eq!(reply.header("set-cookie"), None);
    for next in [
        "https://evil.example/",
        "//evil.example/accounts/",
        "/accounts//evil.example",
        "/accounts/\\evil.example",
        "/accounts/\r\nx: y",
        "javascript:alert(1)",
    ] {
        let reply = nobody
            .form("/sign-in", &[("key", KEY), ("next", next)])
            .await?;
        assert_eq!(leads_to(&reply)?, "/", "{next}");
    }
    Ok(())
}

#[tokio::test]
async fn a_portal_link_opens_its_account_and_no_other() -> Result<()> {
    let (account, other) = (Service::shared().account(), Service::shared().account());
    let user = Visitor::user(&account, "manage").await?;
    let page = user.page(&format!("/accounts/{}", account.id)).await?;
    assert!(page.contains("https://app.example/settings"), "{page}");
    assert!(!page.contains("Other account"), "{page}");
    for path in ["", "/triggers", "/triggers/new", "/deliveries", "/events"] {
        let reply = user.get(&format!("/accounts/{}{path}", other.id)).await?;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(
        leads_to(&user.get(&format!("/?account={}", other.id)).await?)?,
        format!("/accounts/{}", account.id)
    );
    // Of its own account it sees no other's things either.
    let hook = other.hook("message.sent", "http://127.0.0.1:9/").await?;
    let foreign = format!("/accounts/{}/triggers/{}", account.id, hook.trigger);
    assert_eq!(user.get(&foreign).await?.status, StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn a_link_that_is_forged_cut_or_of_another_service_opens_nothing() -> Result<()> {
    let link = portal_link(&Service::shared().account(), "manage").await?;
    let nobody = Visitor::nobody();
    let altered = link.replace("token=", "token=A");
    for bad in [
        &link[..link.len() - 1],
        &altered,
        "/portal?token=",
        "/portal",
    ] {
        let reply = nobody.get(bad).await?;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{bad}");
        assert_eq!(reply.header("set-cookie"), None);
    }
    // What a session is made of is no link, and the other way round.
    let token = link.split_once('=').context("a token")?.1;
    let forged = Visitor {
        cookie: format!("webhook_triggers_session={token}"),
        ..Visitor::nobody()
    };
    let reply = forged.get("/accounts/acme").await?;
    assert!(leads_to(&reply)?.starts_with("/sign-in"));
    Ok(())
}

#[tokio::test]
async fn a_session_ends_when_its_api_key_does() -> Result<()> {
    let before = Service::with(Settings::default().with("api_key", "old"))?;
    let nobody = Visitor::at(&before.api_with_key(None));
    let reply = nobody.form("/sign-in", &[("key", "old")]).await?;
    let operator = nobody.with(&reply)?;
    operator.page("/accounts/acme/events").await?;

    let rotated = Service::with(Settings::default().with("api_key", "new"))?;
    let same = Visitor {
        api: rotated.api_with_key(None),
        cookie: operator.cookie,
    };
    let reply = same.get("/accounts/acme/events").await?;
    assert!(leads_to(&reply)?.starts_with("/sign-in"));
    Ok(())
}

#[tokio::test]
async fn a_form_without_the_sessions_token_changes_nothing() -> Result<()> {
    let account = Service::shared().account();
    let user = Visitor::user(&account, "manage").await?;
    let other = Visitor::user(&account, "manage").await?;
    let path = format!("/accounts/{}/triggers/new", account.id);
    let (own, foreign) = (user.csrf(&account).await?, other.csrf(&account).await?);
    let trigger = [("type", "message.sent"), ("name", "A name")];
    for csrf in ["", &foreign, &own[1..]] {
        let fields = [&trigger[..], &[("csrf", csrf)]].concat();
        let reply = user.form(&path, &fields).await?;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{csrf:?}");
    }
    let fields = [&trigger[..], &[("csrf", &own)]].concat();
    let reply = user
        .form_with(&path, &fields, &[("sec-fetch-site", "cross-site")])
        .await?;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    let triggers = account.get("/triggers").await?.json(200)?;
    assert_eq!(triggers["data"], json!([]));

    let reply = user
        .form_with(&path, &fields, &[("sec-fetch-site", "same-origin")])
        .await?;
    let made = leads_to(&reply)?.to_owned();
    assert!(made.ends_with("?done=trigger-created"), "{made}");
    assert!(user.page(&made).await?.contains("Add an action"));
    Ok(())
}

#[tokio::test]
async fn who_may_only_look_changes_nothing_whatever_they_send() -> Result<()> {
    let account = Service::shared().account();
    let action = json!({
        "name": "A", "url": "http://127.0.0.1:9/", "headers": { "x-team": "front-desk-7" },
    });
    let hook = account.hook_with("message.sent", action).await?;
    let event = account.event("message.sent", &json!({})).await?;
    let (event, delivery) = (id(&event), id(&event["deliveries"][0]));
    let user = Visitor::user(&account, "view").await?;
    let csrf = user.csrf(&account).await?;
    let trigger = format!("/triggers/{}", hook.trigger);
    let action = format!("{trigger}/actions/{}", hook.action);
    let before = account.get(&trigger).await?.json(200)?;
    let recover = "/deliveries/recover".to_owned();
    for (path, wanted) in [
        ("/triggers/new".to_owned(), ""),
        (trigger.clone(), "disable"),
        (trigger.clone(), "delete"),
        (trigger.clone(), "save"),
        (format!("{trigger}/actions/new"), "save"),
        (action.clone(), "secret"),
        (action.clone(), "rotate"),
        (action.clone(), "test"),
        (action.clone(), "delete"),
        (recover, ""),
        (format!("/deliveries/{delivery}"), "retry"),
        (format!("/deliveries/{delivery}"), "cancel"),
        (format!("/events/{event}"), "replay"),
    ] {
        let there = format!("/accounts/{}{path}", account.id);
        let fields = [("csrf", &*csrf), ("do", wanted), ("name", "x")];
        let reply = user.form(&there, &fields).await?;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path} {wanted}");
        assert!(text(&reply).contains("only lets you look"), "{path}");
    }
    let mut after = account.get(&trigger).await?.json(200)?;
    after["actions"][0]["health"] = before["actions"][0]["health"].clone();
    assert_eq!(after, before);
    // And it sees no secret.
    let page = user
        .page(&format!("/accounts/{}{action}", account.id))
        .await?;
    assert!(!page.contains("whsec_"), "{page}");
    assert!(
        page.contains("x-team: (not shown)") && !page.contains("front-desk-7"),
        "{page}"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept() -> Result<()> {
    let account = Service::shared().account();
    let user = Visitor::user(&account, "manage").await?;
    let csrf = user.csrf(&account).await?;
    let trigger = json!({ "type": "message.sent", "name": "T" });
    let trigger = account.trigger(&trigger).await?;
    let here = format!("/accounts/{}/triggers/{}", account.id, id(&trigger));
    let revision = user.revision(&here).await?;
    let fields = [
        ("csrf", &*csrf),
        ("revision", &revision),
        ("type", "message.sent"),
        ("name", ""),
        ("filter", r#"{"data.x": {"$starts": "A"}}"#),
    ];
    let reply = user.form(&here, &fields).await?;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = text(&reply);
    assert!(page.contains("id=\"name-error\""), "{page}");
    assert!(page.contains("id=\"filter-error\""), "{page}");
    assert!(page.contains("$starts"), "{page}");

    let fields = [
        ("csrf", &*csrf),
        ("name", "An action"),
        ("url", "http://self.alt/v1"),
        ("method", "POST"),
        ("content_type", "application/json"),
        ("headers", "host: x"),
        ("timeout_seconds", "21"),
        ("retry_schedule", "5s, 8d"),
    ];
    let reply = user.form(&format!("{here}/actions/new"), &fields).await?;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = text(&reply);
    for field in ["url", "headers", "timeout_seconds", "retry_schedule"] {
        assert!(
            page.contains(&format!("id=\"{field}-error\"")),
            "{field}: {page}"
        );
    }
    assert!(page.contains("http://self.alt/v1"), "{page}");
    Ok(())
}

#[tokio::test]
async fn a_filter_is_stored_as_it_was_typed() -> Result<()> {
    let account = Service::shared().account();
    let filter = json!({ "data.city": "Bonn", "data.vip": true });
    let trigger = json!({ "type": "message.sent", "name": "T", "filter": filter });
    let trigger = account.trigger(&trigger).await?;
    let path = format!("/triggers/{}", id(&trigger));
    let here = format!("/accounts/{}{path}", account.id);
    let user = Visitor::user(&account, "manage").await?;
    let csrf = user.csrf(&account).await?;
    for (typed, stored) in [
        (r#"{"data.city": "Bonn"}"#, json!({ "data.city": "Bonn" })),
        (r#"{"data.n": 5}"#, json!({ "data.n": 5 })),
        (r#"{"data.n": null}"#, json!({ "data.n": null })),
        ("", json!(null)),
    ] {
        let revision = user.revision(&here).await?;
        let fields = [
            ("csrf", &*csrf),
            ("revision", &revision),
            ("type", "message.sent"),
            ("name", "T"),
            ("filter", typed),
        ];
        let reply = user.form(&here, &fields).await?;
        ensure!(
            leads_to(&reply)?.ends_with("?done=trigger-saved"),
            "{reply:?}"
        );
        assert_eq!(account.get(&path).await?.json(200)?["filter"], stored);
    }
    Ok(())
}

#[tokio::test]
async fn a_text_keeps_the_line_breaks_that_were_typed() -> Result<()> {
    let account = Service::shared().account();
    let trigger = json!({
        "type": "message.sent", "name": "T", "description": "One\r\nTwo",
        "actions": [{
            "name": "A", "url": "http://127.0.0.1:9/", "content_type": "text/plain",
            "body_template": "One\r\nTwo\r\n",
        }],
    });
    let trigger = account.trigger(&trigger).await?;
    let user = Visitor::user(&account, "manage").await?;
    let csrf = user.csrf(&account).await?;
    let path = format!("/triggers/{}", id(&trigger));
    let action = format!("{path}/actions/{}", id(&trigger["actions"][0]));
    let save = async |path: &str, member: &str, sent: &str| -> Result<serde_json::Value> {
        let here = format!("/accounts/{}{path}", account.id);
        let revision = user.revision(&here).await?;
        let mut fields = vec![("csrf", &*csrf), ("revision", &revision), ("name", "T")];
        fields.push((member, sent));
        if member == "description" {
            fields.push(("type", "message.sent"));
        } else {
            fields.extend([
                ("url", "http://127.0.0.1:9/"),
                ("method", "POST"),
                ("signature_schemes", "v1"),
                ("content_type", "text/plain"),
                ("timeout_seconds", "15"),
            ]);
        }
        let reply = user.form(&here, &fields).await?;
        ensure!(reply.status == StatusCode::SEE_OTHER, "{}", text(&reply));
        Ok(account.get(path).await?.json(200)?[member].clone())
    };
    // A browser sends CRLF whatever was typed. A text that was left alone stays as it was stored.
    for (path, member, tail) in [
        (&*path, "description", ""),
        (&*action, "body_template", "\r\n"),
    ] {
        let same = format!("One\r\nTwo{tail}");
        assert_eq!(save(path, member, &same).await?, json!(same));
        let typed = "\r\n\r\nOne\r\n Two\r\n";
        assert_eq!(save(path, member, typed).await?, json!("\n\nOne\n Two\n"));
        // HTML drops the first line break of a textarea, so there is one more.
        let page = user
            .page(&format!("/accounts/{}{path}", account.id))
            .await?;
        ensure!(page.contains(">\n\n\nOne\n Two\n</textarea>"), "{page}");
    }
    Ok(())
}

#[tokio::test]
async fn a_secret_header_stays_when_the_form_of_its_action_is_saved() -> Result<()> {
    let account = Service::shared().account();
    let action = json!({
        "name": "A", "url": "http://127.0.0.1:9/", "secret_headers": ["authorization"],
        "headers": { "authorization": "Bearer t", "x-team": "desk" },
    });
    let hook = account.hook_with("message.sent", action).await?;
    let user = Visitor::user(&account, "manage").await?;
    let csrf = user.csrf(&account).await?;
    let here = format!("/accounts/{}{}", account.id, hook.action_path());
    let save = async |headers: &str, secret: &str| {
        let revision = user.revision(&here).await?;
        let fields = [
            ("csrf", &*csrf),
            ("revision", &revision),
            ("name", "B"),
            ("url", "http://127.0.0.1:9/"),
            ("method", "POST"),
            ("headers", headers),
            ("secret_headers", secret),
            ("signature_schemes", "v1"),
            ("content_type", "application/json"),
            ("timeout_seconds", "15"),
        ];
        user.form(&here, &fields).await
    };
    leads_to(&save("authorization: (secret)", "authorization").await?)?;
    let saved = account.get(&hook.action_path()).await?.json(200)?;
    has(
        &saved,
        &json!({ "name": "B", "headers": {}, "secret_headers": ["authorization"] }),
    )?;
    for (headers, secret) in [("authorization: (secret)", ""), ("", "authorization")] {
        let reply = save(headers, secret).await?;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        ensure!(
            text(&reply).contains("id=\"secret_headers-error\""),
            "{}",
            text(&reply)
        );
    }
    assert_eq!(account.get(&hook.action_path()).await?.json(200)?, saved);
    leads_to(&save("", "").await?)?;
    let saved = account.get(&hook.action_path()).await?.json(200)?;
    has(&saved, &json!({ "headers": {}, "secret_headers": [] }))
}

#[tokio::test]
async fn whoever_saves_what_somebody_else_changed_meanwhile_is_told() -> Result<()> {
    let account = Service::shared().account();
    let trigger = json!({ "type": "message.sent", "name": "Before" });
    let trigger = account.trigger(&trigger).await?;
    let path = format!("/triggers/{}", id(&trigger));
    let user = Visitor::user(&account, "manage").await?;
    let here = format!("/accounts/{}{path}", account.id);
    let revision = user.revision(&here).await?;
    let csrf = user.csrf(&account).await?;
    let theirs = json!({ "name": "Theirs" });
    account.patch(&path, &theirs).await?.json(200)?;

    let fields = [
        ("csrf", &*csrf),
        ("revision", &revision),
        ("type", "message.sent"),
        ("name", "Mine"),
    ];
    let page = text(&user.form(&here, &fields).await?);
    assert!(page.contains("changed by somebody else"), "{page}");
    assert!(page.contains("value=\"Mine\""), "{page}");
    let trigger = account.get(&path).await?.json(200)?;
    assert_eq!(trigger["name"], "Theirs");
    Ok(())
}

#[tokio::test]
async fn every_page_and_every_refusal_is_guarded_and_what_is_not_there_is_said_to_be() -> Result<()>
{
    let account = Service::shared().account();
    let operator = Visitor::operator().await?;
    let base = format!("/accounts/{}", account.id);
    for (path, status) in [
        ("/", 200),
        ("/sign-in", 200),
        ("/nowhere", 404),
        ("/accounts/a%20b", 404),
        (&format!("{base}/triggers/trg_1"), 404),
        (&format!("{base}/deliveries/dlv_1"), 404),
        (&format!("{base}/events/../x"), 404),
        (&format!("{base}/triggers?nonsense=1"), 400),
        (&base, 200),
    ] {
        let reply = operator.get(path).await?;
        assert_eq!(reply.status, status, "{path}");
        let policy = reply.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
    }
    for asset in ["/assets/style.css", "/assets/script.js"] {
        assert_eq!(Visitor::nobody().get(asset).await?.status, StatusCode::OK);
    }
    Ok(())
}

#[tokio::test]
async fn a_portal_link_says_what_it_cannot_be() -> Result<()> {
    let account = Service::shared().account();
    let link = json!({ "expires_in": 1, "role": "owner", "return_url": "ftp://x" });
    let problem = account.post("/portal-links", &link).await?.problem(422)?;
    assert_eq!(problem.pointers(), ["/expires_in", "/role", "/return_url"]);
    let problem = account
        .post("/portal-links", &json!({ "rolle": "view" }))
        .await?
        .problem(422)?;
    problem.says(&["rolle"])?;
    Ok(())
}

#[tokio::test]
async fn with_a_public_url_links_lead_there_and_sessions_need_https() -> Result<()> {
    let settings = Settings::default().with("public_url", "https://hooks.example.com/");
    let service = Service::with(settings)?;
    let account = service.account();
    let link = account.post("/portal-links", &json!({})).await?.json(201)?;
    let url = link["url"].as_str().unwrap_or_default();
    let token = url.strip_prefix("https://hooks.example.com/portal?token=");
    let token = token.with_context(|| url.to_owned())?;
    let nobody = Visitor::at(&service.api_with_key(None));
    let reply = nobody.get(&format!("/portal?token={token}")).await?;
    let cookie = reply.header("set-cookie").unwrap_or_default();
    assert!(
        cookie.starts_with("__Host-webhook_triggers_session="),
        "{cookie}"
    );
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
    let user = nobody.with(&reply)?;
    user.page(&format!("/accounts/{}", account.id)).await?;
    // Without the prefix, another host of the domain may have set it.
    let cookie = user.cookie.replace("__Host-", "");
    let planted = Visitor { cookie, ..user };
    let reply = planted.get(&format!("/accounts/{}", account.id)).await?;
    assert!(leads_to(&reply)?.starts_with("/sign-in"));
    Ok(())
}

#[tokio::test]
async fn the_pages_reach_the_service_where_all_other_private_addresses_are_blocked() -> Result<()> {
    let service = Service::shut_in(Settings::default())?;
    let nobody = Visitor::at(&service.api_with_key(None));
    let reply = nobody.form("/sign-in", &[("key", KEY)]).await?;
    let operator = nobody.with(&reply)?;
    operator.page("/accounts/acme/triggers").await?;
    Ok(())
}
