//! The viewer of the API and the guides beside it.

use anyhow::{Context as _, Result, ensure};
use e2e::KEY;
use fantoccini::key::Key;

use crate::{
    accessibility::check_this_page,
    driver::{Browser, Script, Window, axe, in_browser},
    flows::base,
};

/// The link of an operation.
const OPERATION: &str = "/docs#tag/event-types/GET/v1/event-types";

/// Opens the link of an operation, and waits until the viewer shows it.
async fn open(browser: &Browser) -> Result<()> {
    browser.go(OPERATION).await?;
    browser.shows("List the event types").await
}

/// What the page loaded from other hosts.
async fn loaded_from_elsewhere(browser: &Browser) -> Result<String> {
    let script = "return performance.getEntriesByType('resource').map(entry => entry.name)\
                  .filter(name => !name.startsWith(location.origin + '/') && !name.startsWith('data:')).join(' ')";
    let names = browser.run(script).await?;
    Ok(names.as_str().context("text")?.to_owned())
}

#[tokio::test]
async fn the_viewer_is_accessible_and_loads_nothing_from_elsewhere() -> Result<()> {
    let Some(axe) = axe()? else {
        return Ok(());
    };
    for window in [Window::DESKTOP, Window::PHONE] {
        in_browser(&base(), Script::On, window, async |browser| {
            open(browser).await?;
            check_this_page(browser, &axe, OPERATION).await?;
            assert_eq!(loaded_from_elsewhere(browser).await?, "");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn search_finds_an_operation_by_keyboard() -> Result<()> {
    in_browser(&base(), Script::On, Window::DESKTOP, async |browser| {
        open(browser).await?;
        browser
            .press(&format!("{}k", char::from(Key::Control)))
            .await?;
        browser.find("input[role=combobox]").await?;
        browser.press("cancel").await?;
        browser.says("[role=listbox]", "Cancel a delivery").await?;
        let choose = [Key::Down, Key::Enter].map(char::from);
        browser.press(&String::from_iter(choose)).await?;
        browser
            .shows("/v1/accounts/{account}/deliveries/{delivery}/cancel")
            .await?;
        ensure!(browser.address().await?.contains("/cancel"), "no deep link");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_request_is_tried_with_a_key() -> Result<()> {
    in_browser(&base(), Script::On, Window::DESKTOP, async |browser| {
        open(browser).await?;
        browser.click_on("button.show-api-client-button").await?;
        browser
            .click_on("[role=dialog] input[placeholder=Token]")
            .await?;
        browser.press(KEY).await?;
        let send = [Key::Control, Key::Enter].map(char::from);
        browser.press(&String::from_iter(send)).await?;
        browser.says("[role=dialog]", "200 OK").await?;
        browser.says("[role=dialog]", "appointment.created").await
    })
    .await
}

#[tokio::test]
async fn without_script_the_page_leads_to_document_and_guides() -> Result<()> {
    in_browser(&base(), Script::Off, Window::PHONE, async |browser| {
        browser.go("/docs").await?;
        browser.says("noscript", "OpenAPI document").await?;
        browser.click("guides").await?;
        browser.shows("Filters").await?;
        browser.click("Filters").await?;
        browser.says("h1", "Filters").await
    })
    .await
}
