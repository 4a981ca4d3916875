//! The same pages where no script runs.

use anyhow::Result;
use e2e::{Receiver, Service};
use serde_json::json;

use crate::{
    driver::{Script, Window, in_browser},
    flows::{base, make_trigger},
};

#[tokio::test]
async fn without_script_a_trigger_is_made_switched_tested_and_deleted() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    in_browser(&base(), Script::Off, Window::PHONE, async |browser| {
        browser.come(&account, "manage").await?;
        make_trigger(browser, &receiver.url("/hooks")).await?;
        browser.click("Send test").await?;
        browser.says("#test", "Succeeded").await?;
        receiver.received(1).await?;

        browser.click("Triggers").await?;
        browser.click_on("button.toggle").await?;
        browser.find("button.toggle[aria-checked=false]").await?;
        let triggers = account.get("/triggers").await?.json(200)?;
        assert_eq!(triggers["data"][0]["enabled"], json!(false));

        browser.click("Delete").await?;
        browser.says("h1", "Delete “Tell the desk”?").await?;
        browser.click("Delete").await?;
        browser.says(".notice", "The trigger is deleted").await?;
        let triggers = account.get("/triggers").await?.json(200)?;
        assert_eq!(triggers["data"], json!([]));
        Ok(())
    })
    .await
}
