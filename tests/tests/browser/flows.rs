//! What people come to the dashboard for, with the pages' script running.

use anyhow::{Context as _, Result};
use e2e::{Answer, Receiver, Service};
use serde_json::json;

use crate::driver::{Browser, Script, Window, in_browser};

/// The one service of these tests.
pub(crate) fn base() -> String {
    format!("http://127.0.0.1:{}", Service::shared().port())
}

async fn with_script(visit: impl AsyncFnOnce(&Browser) -> Result<()>) -> Result<()> {
    in_browser(&base(), Script::On, Window::DESKTOP, visit).await
}

/// Makes a trigger with an action by the forms, from the list on.
pub(crate) async fn make_trigger(browser: &Browser, url: &str) -> Result<()> {
    browser.click("Triggers").await?;
    browser.shows("No triggers yet").await?;
    browser.click("Add").await?;
    browser.fill("name", "Tell the desk").await?;
    browser.click_on("#type-participant\\.confirmed").await?;
    browser.click("Save").await?;
    browser.says(".notice", "The trigger is saved").await?;
    browser.says("h1", "Tell the desk").await?;

    browser.click("Add an action").await?;
    browser.fill("name", "Desk").await?;
    browser.fill("url", url).await?;
    browser.click("Save").await?;
    browser.says(".notice", "The action is saved").await
}

#[tokio::test]
async fn from_a_new_trigger_to_the_attempt_of_its_first_webhook() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    let answer = Answer::status(202).body("<b>thanks</b>");
    receiver.answer("/hooks", answer);
    with_script(async |browser| {
        browser.come(&account, "manage").await?;
        make_trigger(browser, &receiver.url("/hooks")).await?;
        let data = json!({ "participant": { "name": "Ada <Lovelace>" } });
        account.event("participant.confirmed", &data).await?;
        receiver.received(1).await?;

        browser.click("Deliveries").await?;
        browser.shows("Participant confirmed").await?;
        browser.click_on("tbody th a").await?;
        // The page looks again by itself until the delivery has come to its end.
        browser.says(".head .badge", "Succeeded").await?;
        browser.says("details.attempt", "202").await?;
        browser.says("details.attempt", "webhook-signature").await?;
        browser.says("details.attempt pre", "<b>thanks</b>").await?;
        browser.shows("Ada <Lovelace>").await?;
        let exact = browser.attribute("dl.facts time", "title").await?;
        assert!(exact.unwrap_or_default().ends_with('Z'));

        browser.click("Overview").await?;
        browser.says(".figures", "100.0 %").await
    })
    .await
}

#[tokio::test]
async fn a_secret_is_hidden_until_it_is_asked_for_and_rotates_with_an_overlap() -> Result<()> {
    let account = Service::shared().account();
    let hook = account.hook("message.sent", "http://127.0.0.1:9/").await?;
    with_script(async |browser| {
        browser.come(&account, "manage").await?;
        let page = format!("/accounts/{}{}", account.id, hook.action_path());
        browser.go(&page).await?;
        browser.says("#secret", "whsec_•").await?;
        browser.click("Show").await?;
        browser.says("#secret-text", &hook.secret).await?;

        browser.click("Rotate").await?;
        browser
            .says("#secret .notice", "There is a new secret")
            .await?;
        let path = format!("{}/secret", hook.action_path());
        let secret = account.get(&path).await?.json(200)?;
        let new = secret["secret"].as_str().context("a secret")?;
        assert_eq!(browser.text("#secret-text").await?, new);
        assert_ne!(new, hook.secret);
        browser
            .says("#secret", &format!("Before: {}", hook.secret))
            .await
    })
    .await
}

#[tokio::test]
async fn a_failing_endpoint_is_seen_first_and_recovers_with_one_click() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    receiver.answer("/hooks", Answer::status(500).body("on fire"));
    let action = json!({
        "name": "Old CRM", "url": receiver.url("/hooks"), "retry_schedule": [],
    });
    let hook = account.hook_with("message.sent", action).await?;
    account.event("message.sent", &json!({})).await?;
    receiver.received(1).await?;
    with_script(async |browser| {
        browser.come(&account, "manage").await?;
        let failing = async || browser.says("#failing-title + ul", "Old CRM").await;
        // The receiver has it a moment before the ledger has what came of it.
        let delivery = account.get("/deliveries?status=failed").await?.json(200)?;
        if delivery["data"].as_array().is_none_or(Vec::is_empty) {
            account.api.run().await?;
            browser.go(&format!("/accounts/{}", account.id)).await?;
        }
        failing().await?;
        browser.click_on("#failing-title + ul a").await?;
        browser.says(".head .badge", "Failing").await?;

        receiver.answer("/hooks", Answer::status(204));
        browser.click("Send test").await?;
        browser.says("#test", "Succeeded").await?;

        browser.click("Recover what failed").await?;
        browser.says(".notice", "is being sent").await?;
        receiver.received(3).await?;
        browser.click("Its deliveries").await?;
        let delivery = browser
            .attribute("tbody tr:last-child th a", "href")
            .await?;
        browser.go(&delivery.context("a link")?).await?;
        browser.says(".head .badge", "Succeeded").await?;
        assert_eq!(browser.count("details.attempt").await?, 2);
        let page = format!("/accounts/{}{}", account.id, hook.action_path());
        browser.go(&page).await?;
        browser.says(".head .badge", "Healthy").await
    })
    .await
}

#[tokio::test]
async fn a_trigger_is_switched_where_it_stands() -> Result<()> {
    let account = Service::shared().account();
    let hook = account.hook("message.sent", "http://127.0.0.1:9/").await?;
    with_script(async |browser| {
        browser.come(&account, "manage").await?;
        browser.click("Triggers").await?;
        browser.run("window.sameDocument = true").await?;
        for (checked, enabled) in [("false", false), ("true", true)] {
            browser.click_on("button.toggle").await?;
            let switched = format!("button.toggle[aria-checked={checked}]");
            browser.find(&switched).await?;
            let trigger = account.get(&hook.trigger_path()).await?.json(200)?;
            assert_eq!(trigger["enabled"], enabled);
        }
        // It was not loaded anew, and the keyboard is where it was.
        assert_eq!(browser.run("return window.sameDocument").await?, true);
        let focused = browser
            .run("return document.activeElement.className")
            .await?;
        assert_eq!(focused, "toggle");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_template_is_previewed_while_it_is_typed_and_a_filter_checked() -> Result<()> {
    let account = Service::shared().account();
    let hook = account.hook("message.sent", "http://127.0.0.1:9/").await?;
    with_script(async |browser| {
        browser.come(&account, "manage").await?;
        let trigger = format!("/accounts/{}{}", account.id, hook.trigger_path());
        browser
            .go(&format!("{trigger}/actions/{}", hook.action))
            .await?;
        browser.click("Request").await?;
        browser
            .fill("body_template", r#"{"type": {{ type|tojson }}}"#)
            .await?;
        browser
            .says("#preview pre", r#"{"type": "message.sent"}"#)
            .await?;
        browser.fill("body_template", "{{ data.nothing }}").await?;
        browser
            .says("#preview .error", "Line 1: `data.nothing` is undefined")
            .await?;
        assert_eq!(browser.value("body_template").await?, "{{ data.nothing }}");

        browser.go(&trigger).await?;
        browser
            .fill("filter", r#"{"type": "message.failed"}"#)
            .await?;
        browser.click("Check with the sample").await?;
        browser.says("#check", "does not fire the trigger").await?;
        browser
            .fill("filter", r#"{"type": "message.sent"}"#)
            .await?;
        browser.click("Check with the sample").await?;
        browser.says("#check .good", "fires the trigger").await
    })
    .await
}

#[tokio::test]
async fn a_link_to_look_shows_everything_and_offers_nothing_to_change() -> Result<()> {
    let account = Service::shared().account();
    let hook = account.hook("message.sent", "http://127.0.0.1:9/").await?;
    with_script(async |browser| {
        browser.come(&account, "view").await?;
        let base = format!("/accounts/{}", account.id);
        let action = hook.action_path();
        for page in [
            "",
            "/triggers",
            &hook.trigger_path(),
            &action,
            "/deliveries",
            "/events",
        ] {
            browser.go(&format!("{base}{page}")).await?;
            browser.find("h1").await?;
            assert_eq!(browser.count("main form[method=post]").await?, 0, "{page}");
            assert_eq!(browser.count("main .primary").await?, 0, "{page}");
        }
        let back = browser.attribute(".session a", "href").await?;
        assert_eq!(back.as_deref(), Some("https://app.example/settings"));
        browser.click("Sign out").await?;
        browser.go(&base).await?;
        browser.shows("Sign in").await
    })
    .await
}

#[tokio::test]
async fn a_link_asks_before_it_replaces_a_session_and_everybody_is_signed_out_with_a_confirmation()
-> Result<()> {
    let [account, other] = [Service::shared().account(), Service::shared().account()];
    with_script(async |browser| {
        browser.come(&other, "manage").await?;
        let link = account.post("/portal-links", &json!({})).await?.json(201)?;
        let url = link["url"].as_str().context("no url")?;
        let at = url.find("/portal").context("no portal")?;
        browser.go(&url[at..]).await?;
        browser.says("h1", "Replace the session?").await?;
        browser.click(&format!("Open {}", account.id)).await?;
        browser.shows("Overview").await?;

        browser.click("Sign out everywhere").await?;
        browser.says("h1", "Sign out everywhere?").await?;
        browser.click_on("button.danger").await?;
        browser.says(".notice", "Everybody is signed out").await?;
        browser.go(&format!("/accounts/{}", account.id)).await?;
        browser.shows("Sign in").await
    })
    .await
}
