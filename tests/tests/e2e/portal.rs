//! Portal links and sessions: how often a link works, what ends a session, and how much it may do.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Api, ENCRYPTION_KEY, Receiver, Reply, Service, Settings, id};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::dashboard::{Visitor, field, leads_to, portal_link, text};

/// Makes a link, and returns its path at the service.
async fn link(account: &Account, input: &Value) -> Result<String> {
    let link = account.post("/portal-links", input).await?.json(201)?;
    let url = link["url"].as_str().context("no url")?;
    let at = url.find("/portal").context("no portal")?;
    Ok(url[at..].to_owned())
}

/// Makes an API key that manages, and returns its id and the account with it.
async fn managed(service: &Service, account: &Account, more: Value) -> Result<(String, Account)> {
    let mut input = json!({ "name": "Main app", "scopes": ["manage"] });
    if let (Some(input), Value::Object(more)) = (input.as_object_mut(), more) {
        input.extend(more);
    }
    let made = service.api().post("/v1/api-keys", &input).await?;
    let made = made.json(201)?;
    let key = made["key"].as_str().context("a key")?;
    let (_, secret) = key.split_once('.').context("an id and a secret")?;
    e2e::kept::secret(secret)?;
    let account = Account {
        api: service.api_with_key(Some(key)),
        id: account.id.clone(),
    };
    Ok((id(&made).to_owned(), account))
}

/// Follows a link in a new browser.
async fn follow(api: &Api, link: &str) -> Result<Visitor> {
    let nobody = Visitor::at(&api.without_key());
    let reply = nobody.get(link).await?;
    leads_to(&reply)?;
    nobody.with(&reply)
}

fn refused(reply: &Reply, says: &str) -> Result<()> {
    ensure!(reply.status == StatusCode::FORBIDDEN, "{reply:?}");
    ensure!(reply.header("set-cookie").is_none(), "{reply:?}");
    let page = text(reply);
    ensure!(page.contains("This link does not work any more"), "{page}");
    ensure!(page.contains(says), "{page}");
    Ok(())
}

/// That the session has ended, and the page says so.
async fn ended(visitor: &Visitor, account: &Account) -> Result<()> {
    let reply = visitor
        .get(&format!("/accounts/{}/triggers", account.id))
        .await?;
    let sign_in = leads_to(&reply)?.to_owned();
    ensure!(sign_in.starts_with("/sign-in?"), "{sign_in}");
    let cookie = reply.header("set-cookie").unwrap_or_default();
    ensure!(cookie.contains("Max-Age=0"), "{cookie}");
    let page = visitor.page(&sign_in).await?;
    ensure!(page.contains("This session has ended"), "{page}");
    Ok(())
}

async fn goes_on(visitor: &Visitor, account: &Account) -> Result<()> {
    let page = format!("/accounts/{}/triggers", account.id);
    visitor.page(&page).await.map(drop)
}

#[tokio::test]
async fn a_link_works_once_and_a_reusable_one_again() -> Result<()> {
    let account = Service::shared().account();
    let once = portal_link(&account, "manage").await?;
    let nobody = Visitor::nobody();
    // A preview of the link does not use it up.
    let head = nobody.api.send(Method::HEAD, &once, &[], "").await?;
    assert_eq!(head.header("set-cookie"), None);
    let user = follow(&account.api, &once).await?;
    refused(&nobody.get(&once).await?, "works once")?;
    // Who came by it may go back to it.
    let again = user.get(&once).await?;
    assert_eq!(leads_to(&again)?, format!("/accounts/{}", account.id));
    assert_eq!(again.header("set-cookie"), None);
    goes_on(&user, &account).await?;

    let reusable = link(&account, &json!({ "reusable": true })).await?;
    for _ in 0..2 {
        let user = follow(&account.api, &reusable).await?;
        goes_on(&user, &account).await?;
    }
    Ok(())
}

#[tokio::test]
async fn of_several_who_open_a_link_at_once_one_gets_in() -> Result<()> {
    let account = Service::shared().account();
    let link = portal_link(&account, "manage").await?;
    let mut browsers = JoinSet::new();
    for _ in 0..8 {
        let (nobody, link) = (Visitor::nobody(), link.clone());
        browsers.spawn(async move { nobody.get(&link).await });
    }
    let mut let_in = 0;
    for reply in browsers.join_all().await {
        let reply = reply?;
        if reply.header("set-cookie").is_some() {
            let_in += 1;
        } else {
            refused(&reply, "works once")?;
        }
    }
    assert_eq!(let_in, 1);
    Ok(())
}

#[tokio::test]
async fn links_and_sessions_end_with_the_key_that_made_them() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let (key, app) = managed(service, &account, json!({})).await?;
    let made = app.post("/portal-links", &json!({})).await?.json(201)?;
    assert_eq!(made["key"], key);
    let unopened = link(&app, &json!({ "reusable": true })).await?;
    let user = follow(&app.api, &link(&app, &json!({})).await?).await?;
    let other = Visitor::user(&account, "manage").await?;
    goes_on(&user, &account).await?;
    let revoked = service.api().delete(&format!("/v1/api-keys/{key}")).await?;
    revoked.empty(204)?;
    ended(&user, &account).await?;
    refused(&Visitor::nobody().get(&unopened).await?, "has expired")?;
    goes_on(&other, &account).await
}

#[tokio::test]
async fn links_and_sessions_end_with_the_time_of_their_key() -> Result<()> {
    let service = Service::shared();
    let account = service.account();
    let (_, app) = managed(service, &account, json!({ "expires_in": 8 })).await?;
    let unopened = link(&app, &json!({ "reusable": true })).await?;
    let user = follow(&app.api, &link(&app, &json!({})).await?).await?;
    goes_on(&user, &account).await?;
    let over = || async {
        let status = app.get("/triggers").await?.status;
        Ok(if status == StatusCode::UNAUTHORIZED {
            Ok(())
        } else {
            Err(status.to_string())
        })
    };
    e2e::eventually("the key's end", e2e::DEADLINE, over).await?;
    ended(&user, &account).await?;
    refused(&Visitor::nobody().get(&unopened).await?, "has expired")
}

#[tokio::test]
async fn an_account_s_sessions_and_links_are_revoked_together() -> Result<()> {
    let service = Service::shared();
    let [account, bystander] = [service.account(), service.account()];
    let unopened = portal_link(&account, "manage").await?;
    let users = [
        Visitor::user(&account, "manage").await?,
        Visitor::user(&account, "view").await?,
    ];
    let operator = Visitor::operator().await?;
    let elsewhere = Visitor::user(&bystander, "manage").await?;
    let revoked = account.post("/portal-sessions/revoke", &json!({})).await?;
    revoked.empty(204)?;
    for user in &users {
        ended(user, &account).await?;
    }
    refused(&Visitor::nobody().get(&unopened).await?, "has expired")?;
    goes_on(&operator, &account).await?;
    goes_on(&elsewhere, &bystander).await?;
    goes_on(&Visitor::user(&account, "manage").await?, &account).await
}

#[tokio::test]
async fn sign_out_everywhere_asks_first_and_takes_the_right_to_manage() -> Result<()> {
    let account = Service::shared().account();
    let [here, there] = [
        Visitor::user(&account, "manage").await?,
        Visitor::user(&account, "manage").await?,
    ];
    let viewer = Visitor::user(&account, "view").await?;
    let path = format!("/accounts/{}/sign-out-everywhere", account.id);
    assert_eq!(viewer.get(&path).await?.status, StatusCode::FORBIDDEN);
    let csrf = viewer.csrf(&account).await?;
    let reply = viewer.form(&path, &[("csrf", &csrf)]).await?;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);

    let asked = here.page(&path).await?;
    assert!(asked.contains("so are you"), "{asked}");
    let csrf = field(&asked, "csrf").context("a form")?;
    goes_on(&there, &account).await?;
    let reply = here.form(&path, &[("csrf", "another")]).await?;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    goes_on(&there, &account).await?;
    let reply = here.form(&path, &[("csrf", &csrf)]).await?;
    let said = here.page(leads_to(&reply)?).await?;
    assert!(said.contains("Everybody is signed out"), "{said}");
    for user in [&here, &there, &viewer] {
        ended(user, &account).await?;
    }

    let operator = Visitor::operator().await?;
    let csrf = operator.csrf(&account).await?;
    let reply = operator.form(&path, &[("csrf", &csrf)]).await?;
    let said = operator.page(leads_to(&reply)?).await?;
    assert!(said.contains("All users of this account are signed out"));
    Ok(())
}

#[tokio::test]
async fn a_link_asks_before_it_replaces_another_session() -> Result<()> {
    let service = Service::shared();
    let [account, other] = [service.account(), service.account()];
    for signed_in in [
        Visitor::operator().await?,
        Visitor::user(&other, "manage").await?,
    ] {
        let link = portal_link(&account, "manage").await?;
        let reply = signed_in.get(&link).await?;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        assert_eq!(reply.header("set-cookie"), None);
        let page = text(&reply);
        assert!(page.contains("Replace the session?"), "{page}");
        let csrf = field(&page, "csrf").context("a form")?;
        let token = field(&page, "token").context("a token")?;
        // Another site can't agree to it, and the link is not used up.
        let forged = [("csrf", "forged"), ("token", &*token)];
        let reply = signed_in.form("/portal", &forged).await?;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        goes_on(&signed_in, &other).await?;
        let agreed = [("csrf", &*csrf), ("token", &*token)];
        let reply = signed_in.form("/portal", &agreed).await?;
        assert_eq!(leads_to(&reply)?, format!("/accounts/{}", account.id));
        goes_on(&signed_in.with(&reply)?, &account).await?;
    }
    // Whoever comes to the same account again is not asked.
    let user = Visitor::user(&account, "view").await?;
    let reply = user.get(&portal_link(&account, "manage").await?).await?;
    assert_eq!(leads_to(&reply)?, format!("/accounts/{}", account.id));
    goes_on(&user.with(&reply)?, &account).await
}

#[tokio::test]
async fn no_header_of_the_caller_decides_where_a_link_leads() -> Result<()> {
    let account = Service::shared().account();
    let asked = |service: &Account, header: (&'static str, &'static str)| {
        let (api, path) = (service.api.clone(), service.path("/portal-links"));
        async move {
            let headers = [("content-type", "application/json"), header];
            api.send(Method::POST, &path, &headers, "{}").await
        }
    };
    for forged in [
        ("host", "evil.example"),
        ("host", "127.0.0.1.evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
    ] {
        let problem = asked(&account, forged).await?.problem(409)?;
        problem.says(&["public_url", "https://hooks.example.com"])?;
    }
    let forged = ("spin-full-url", "https://evil.example/");
    let link = asked(&account, forged).await?.json(201)?;
    let url = link["url"].as_str().unwrap_or_default();
    assert!(url.starts_with("http://127."), "{url}");

    let settings = Settings::default().with("public_url", "https://hooks.example.com");
    let service = Service::with(settings)?;
    let account = service.account();
    for forged in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("spin-full-url", "https://evil.example/"),
    ] {
        let link = asked(&account, forged).await?.json(201)?;
        let url = link["url"].as_str().unwrap_or_default();
        assert!(
            url.starts_with("https://hooks.example.com/portal?"),
            "{url}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_new_encryption_key_ends_links_and_sessions() -> Result<()> {
    const NEW: &str = "bmV3IGtleSBmb3IgdGVzdHMsIHRoaXJ0eS10d28gYnk=";
    let before = Service::start()?;
    let account = before.account();
    let link = portal_link(&account, "manage").await?;
    let user = follow(&account.api, &portal_link(&account, "manage").await?).await?;
    goes_on(&user, &account).await?;
    let keys = format!("{NEW},{ENCRYPTION_KEY}");
    let rotated = Service::with(Settings::default().with("encryption_key", &keys))?;
    let api = rotated.api_with_key(None);
    let same = Visitor {
        api: api.clone(),
        cookie: user.cookie,
    };
    let reply = same.get(&format!("/accounts/{}", account.id)).await?;
    assert!(leads_to(&reply)?.starts_with("/sign-in"));
    refused(&Visitor::at(&api).get(&link).await?, "not valid")
}

#[tokio::test]
async fn a_request_on_behalf_of_a_user_does_what_the_user_may_do() -> Result<()> {
    let service = Service::shared();
    let [account, other] = [service.account(), service.account()];
    let (key, _) = managed(service, &account, json!({})).await?;
    let visitor = json!({ "user": {
        "account": account.id, "role": "view", "return_url": null, "link": "a link",
        "issued_at": "2126-11-23T15:04:05Z", "key": { "made": key },
    }});
    let visitor = visitor.to_string();
    let asked = async |method: Method, path: String| {
        let headers = [
            ("on-behalf-of", &*visitor),
            ("content-type", "application/json"),
        ];
        account.api.send(method, &path, &headers, "{}").await
    };
    asked(Method::GET, account.path("/triggers"))
        .await?
        .json(200)?;
    for (method, path) in [
        (Method::POST, account.path("/triggers")),
        (Method::POST, account.path("/events")),
        (Method::POST, account.path("/portal-sessions/revoke")),
        (Method::GET, other.path("/triggers")),
        (Method::GET, "/v1/api-keys".to_owned()),
    ] {
        asked(method, path).await?.problem(403)?;
    }
    // Nor does the header give anything to a key that is not a root key.
    let input = json!({ "name": "Reader", "scopes": ["read"] });
    let reader = service
        .api()
        .post("/v1/api-keys", &input)
        .await?
        .json(201)?;
    let token = reader["key"].as_str().context("a key")?;
    let (_, secret) = token.split_once('.').context("an id and a secret")?;
    e2e::kept::secret(secret)?;
    let operator = json!({ "operator": { "key": { "made": key } } }).to_string();
    let headers = [
        ("on-behalf-of", &*operator),
        ("content-type", "application/json"),
    ];
    let reader = service.api_with_key(Some(token));
    let path = account.path("/triggers");
    let refused = reader.send(Method::POST, &path, &headers, "{}").await?;
    refused.problem(403)?;
    let action =
        json!({ "name": "A", "url": "http://127.0.0.1:9/", "headers": { "x-team": "blue" } });
    let hook = account.hook_with("message.sent", action).await?;
    let path = account.path(&hook.action_path());
    let shown = reader
        .send(Method::GET, &path, &headers, "")
        .await?
        .json(200)?;
    let viewed = asked(Method::GET, path).await?.json(200)?;
    ensure!(!shown.to_string().contains("blue"), "{shown}");
    ensure!(!viewed.to_string().contains("blue"), "{viewed}");
    service
        .api()
        .delete(&format!("/v1/api-keys/{key}"))
        .await?
        .empty(204)?;
    asked(Method::GET, account.path("/triggers"))
        .await?
        .problem(401)?;
    Ok(())
}

#[tokio::test]
async fn each_session_has_the_rate_limit_of_its_key() -> Result<()> {
    let service = Service::start()?;
    let account = service.account();
    let limit = json!({ "requests_per_minute": 6 });
    let (_, app) = managed(&service, &account, limit).await?;
    let first = follow(&app.api, &link(&app, &json!({})).await?).await?;
    let second = follow(&app.api, &link(&app, &json!({})).await?).await?;
    let page = format!("/accounts/{}/triggers/new", account.id);
    for _ in 0..6 {
        first.page(&page).await?;
    }
    let reply = first.get(&page).await?;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = reply.header("retry-after").context("when")?.parse()?;
    assert!((1..=60).contains(&wait), "{wait}");
    let said = text(&reply);
    assert!(said.contains("Too many requests"), "{said}");
    assert!(said.contains("limited to 6 requests a minute"), "{said}");
    // Nobody else's requests count.
    second.page(&page).await?;
    app.get("/triggers").await?.json(200)?;
    service
        .ledger()
        .forward_rate_limits(Duration::from_secs(60))?;
    first.page(&page).await?;
    Ok(())
}

#[tokio::test]
async fn a_session_sends_60_tests_of_an_action_in_an_hour() -> Result<()> {
    let service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let other = account.hook("message.failed", &receiver.url("/")).await?;
    let user = Visitor::user(&account, "manage").await?;
    let csrf = user.csrf(&account).await?;
    let base = format!("/accounts/{}", account.id);
    let test = async |visitor: &Visitor, csrf: &str, path: &str| {
        let fields = [("csrf", csrf), ("do", "test")];
        visitor.form(&format!("{base}{path}"), &fields).await
    };
    let action = hook.action_path();
    for _ in 0..60 {
        test(&user, &csrf, &action).await?;
    }
    assert_eq!(receiver.so_far().len(), 60);
    let page = text(&test(&user, &csrf, &action).await?);
    assert!(page.contains("limited to 60 test sends an hour for each action"));
    assert!(page.contains("try again in 60 minutes") || page.contains("try again in 59 minutes"));
    assert_eq!(receiver.so_far().len(), 60);
    // Other actions, other sessions and operators are free to go on.
    test(&user, &csrf, &other.action_path()).await?;
    let second = Visitor::user(&account, "manage").await?;
    let its_csrf = second.csrf(&account).await?;
    test(&second, &its_csrf, &action).await?;
    let test_path = format!("{action}/test");
    account.post(&test_path, &json!({})).await?.json(200)?;
    assert_eq!(receiver.so_far().len(), 63);

    service
        .ledger()
        .forward_rate_limits(Duration::from_secs(3_600))?;
    test(&user, &csrf, &action).await?;
    assert_eq!(receiver.so_far().len(), 64);
    Ok(())
}

#[tokio::test]
async fn a_session_replays_retries_and_recovers_10_times_a_minute() -> Result<()> {
    let service = Service::start()?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let event = account.event("message.sent", &json!({})).await?;
    receiver.only().await?;
    let user = Visitor::user(&account, "manage").await?;
    let csrf = user.csrf(&account).await?;
    let base = format!("/accounts/{}", account.id);
    let event_page = format!("{base}/events/{}", id(&event));
    let delivery_page = format!("{base}/deliveries/{}", id(&event["deliveries"][0]));
    let act = async |page: &str, what: &str| {
        let fields = [
            ("csrf", &*csrf),
            ("do", what),
            ("trigger", &hook.trigger),
            ("action", &hook.action),
        ];
        user.form(page, &fields).await
    };
    for _ in 0..9 {
        leads_to(&act(&event_page, "replay").await?)?;
    }
    let recover = format!("{base}/deliveries/recover");
    leads_to(&act(&recover, "").await?)?;
    for (page, what) in [(&event_page, "replay"), (&delivery_page, "retry")] {
        let said = text(&act(page, what).await?);
        let limit = "limited to 10 replays, retries and recoveries a minute";
        assert!(said.contains(limit), "{said}");
    }
    let reply = act(&recover, "").await?;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(reply.header("retry-after").is_some(), "{reply:?}");
    // Operators and the main app are free to go on.
    let path = format!("/events/{}/replay", id(&event));
    account.post(&path, &json!({})).await?.json(202)?;
    service
        .ledger()
        .forward_rate_limits(Duration::from_secs(60))?;
    leads_to(&act(&event_page, "replay").await?)?;
    Ok(())
}
