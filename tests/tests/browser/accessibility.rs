//! axe-core over every page, light and dark, wide and narrow.

use anyhow::{Context as _, Result, ensure};
use e2e::{Account, Answer, KEY, Receiver, Service, id};
use serde_json::{Value, json};

use crate::{
    driver::{self, Browser, Script, Window, in_browser},
    flows::base,
};

/// Waits for axe's result of the whole page. What it can't decide is not looked at: contrast on top
/// of a gradient, say.
const CHECK: &str = "const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ['violations'] }).then(
        (result) => done(result.violations.map(({ id, help, nodes }) => ({
            id, help, nodes: nodes.map((node) => node.html + ' ' + node.failureSummary),
        }))),
        (error) => done(String(error)),
    );";

/// The widest that something is, beside the window's width.
const OVERFLOW: &str = "return document.documentElement.scrollWidth - window.innerWidth";

async fn check(browser: &Browser, axe: &str, path: &str) -> Result<()> {
    browser.go(path).await?;
    check_this_page(browser, axe, path).await
}

/// Checks the page that the browser is at. `path` is for messages.
pub(crate) async fn check_this_page(browser: &Browser, axe: &str, path: &str) -> Result<()> {
    // What is folded is read, too.
    let unfold = "for (const fold of document.querySelectorAll('details')) fold.open = true;";
    browser.run(unfold).await?;
    browser.run(axe).await?;
    let violations = browser.run_later(CHECK).await?;
    ensure!(violations == json!([]), "{path}: {violations:#}");
    let overflow = browser.run(OVERFLOW).await?;
    let overflow = overflow.as_i64().context("a width")?;
    ensure!(overflow <= 0, "{path} is {overflow} pixels too wide");
    Ok(())
}

/// An account with something on every page. Returns the pages.
async fn furnished(account: &Account, receiver: &Receiver) -> Result<Vec<String>> {
    receiver.answer("/bad", Answer::status(500).body("w".repeat(3_000)));
    let action = |name: &str, url: &str| json!({ "name": name, "url": url, "retry_schedule": [] });
    let trigger = json!({
        "type": "participant.reminder_state_changed", "name": "Tell the front desk",
        "description": "When a reminder is answered", "filter": {"data.x": {"$exists": false}},
        "actions": [
            action("Desk", &receiver.url("/good")),
            action(&"W".repeat(200), &receiver.url("/bad")),
        ],
    });
    let trigger = account.trigger(&trigger).await?;
    let event = account
        .event(
            "participant.confirmed",
            &json!({ "long": "w".repeat(2_000) }),
        )
        .await?;
    receiver.received(2).await?;
    account.api.run().await?;
    let deliveries = account.get("/deliveries").await?.json(200)?;
    let trigger_path = format!("/triggers/{}", id(&trigger));
    let action_path = format!("{trigger_path}/actions/{}", id(&trigger["actions"][1]));
    let pages = [
        String::new(),
        "?span=week".into(),
        "/triggers".into(),
        "/triggers?q=nothing".into(),
        "/triggers/new".into(),
        trigger_path.clone(),
        format!("{trigger_path}/delete"),
        format!("{trigger_path}/actions/new"),
        action_path.clone(),
        format!("{action_path}/delete"),
        "/deliveries".into(),
        "/deliveries?status=nonsense".into(),
        format!("/deliveries/{}", id(&deliveries["data"][0])),
        format!("/deliveries/{}", id(&deliveries["data"][1])),
        "/events".into(),
        format!("/events/{}", id(&event)),
        "/sign-out-everywhere".into(),
        "/nowhere".into(),
    ];
    Ok(pages
        .into_iter()
        .map(|page| format!("/accounts/{}{page}", account.id))
        .collect())
}

async fn check_all(window: Window) -> Result<()> {
    let Some(axe) = driver::axe()? else {
        return Ok(());
    };
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    let pages = furnished(&account, &receiver).await?;
    in_browser(&base(), Script::On, window, async |browser| {
        check(browser, &axe, "/sign-in").await?;
        browser.fill("key", KEY).await?;
        browser.click("Sign in").await?;
        browser.shows("Choose an account").await?;
        check(browser, &axe, "/").await?;
        check(browser, &axe, "/accounts/unused/triggers").await?;
        for page in &pages {
            check(browser, &axe, page).await?;
        }
        for page in [
            "/docs/guides",
            "/docs/guides/readme",
            "/docs/guides/filters",
        ] {
            check(browser, &axe, page).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn no_page_has_a_violation_on_a_desktop() -> Result<()> {
    check_all(Window::DESKTOP).await
}

#[tokio::test]
async fn no_page_has_a_violation_on_a_phone_or_is_wider_than_it() -> Result<()> {
    check_all(Window::PHONE).await
}

#[tokio::test]
async fn axe_finds_what_is_wrong() -> Result<()> {
    let Some(axe) = driver::axe()? else {
        return Ok(());
    };
    in_browser(&base(), Script::On, Window::DESKTOP, async |browser| {
        browser.go("/sign-in").await?;
        browser
            .run("document.querySelector('label').remove()")
            .await?;
        browser.run(&axe).await?;
        let violations = browser.run_later(CHECK).await?;
        let ids = violations.as_array().into_iter().flatten();
        let ids: Vec<&Value> = ids.map(|violation| &violation["id"]).collect();
        assert_eq!(ids, [&json!("label")]);
        Ok(())
    })
    .await
}
