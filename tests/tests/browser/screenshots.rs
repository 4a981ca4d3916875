//! The pictures of README.md. They are taken in every run, and kept where `SCREENSHOTS` names a folder.

use std::path::PathBuf;

use anyhow::Result;
use e2e::{Answer, Receiver, Service, id};
use serde_json::json;

use crate::{
    driver::{Browser, Script, Window, in_browser},
    flows::base,
};

async fn picture(browser: &Browser, name: &str) -> Result<()> {
    let png = browser.screenshot().await?;
    if let Some(folder) = std::env::var_os("SCREENSHOTS").map(PathBuf::from) {
        // From the project's root, where the command is given.
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let folder = PathBuf::from(root).join(folder);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), png)?;
    }
    Ok(())
}

#[tokio::test]
async fn the_main_pages_have_their_pictures_taken() -> Result<()> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    receiver.answer("/crm", Answer::status(503).body("down for maintenance"));
    let trigger = json!({
        "type": "participant.reminder_state_changed", "name": "Tell the front desk",
        "actions": [
            { "name": "Desk", "url": receiver.url("/hooks") },
            { "name": "Old CRM", "url": receiver.url("/crm"), "retry_schedule": [300] },
        ],
    });
    let trigger = account.trigger(&trigger).await?;
    for other in [
        json!({ "type": "appointment.created", "name": "New appointments to Slack" }),
        json!({ "type": "message.failed", "name": "Alert support", "enabled": false }),
    ] {
        account.trigger(&other).await?;
    }
    for name in ["Ada Lovelace", "Zoë Lee", "Grace Hopper"] {
        let data =
            json!({ "participant": { "name": name }, "appointment": { "calendar": "Main" } });
        account.event("participant.confirmed", &data).await?;
    }
    receiver.received(6).await?;
    account.api.run().await?;
    let action = id(&trigger["actions"][1]);
    let deliveries = format!("/deliveries?action={action}");
    let deliveries = account.get(&deliveries).await?.json(200)?;
    let delivery = id(&deliveries["data"][0]);
    let base_path = format!("/accounts/{}", account.id);
    in_browser(&base(), Script::On, Window(1200, 760), async |browser| {
        browser.come(&account, "manage").await?;
        for (page, name) in [
            (String::new(), "overview.png"),
            ("/triggers".into(), "triggers.png"),
            (format!("/triggers/{}", id(&trigger)), "trigger.png"),
            (format!("/deliveries/{delivery}"), "delivery.png"),
        ] {
            browser.go(&format!("{base_path}{page}")).await?;
            browser.find("h1").await?;
            picture(browser, name).await?;
        }
        Ok(())
    })
    .await
}
