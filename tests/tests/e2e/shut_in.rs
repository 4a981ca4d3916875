//! The runtime configuration that is shipped: webhooks reach no private network, whatever a name
//! stands for, and the service reaches itself.

use anyhow::{Context as _, Result, ensure};
use e2e::{Receiver, Service, Settings};
use serde_json::json;

#[tokio::test]
async fn an_address_that_a_name_stands_for_is_blocked_where_it_is_private() -> Result<()> {
    // The URL policy lets private targets pass here: the host does not.
    let service = Service::shut_in(Settings::default())?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    let port = receiver
        .url("")
        .rsplit_once(':')
        .context("a port")?
        .1
        .to_owned();
    let action = json!({
        "name": "A", "url": format!("http://localhost:{port}/"), "retry_schedule": [],
    });
    account.hook_with("message.sent", action).await?;
    let event = account.event("message.sent", &json!({})).await?;
    // That somebody works it off shows that the service reaches itself.
    let failed = |delivery: &serde_json::Value| delivery["status"] == "failed";
    let delivery = account
        .delivery_once(e2e::id(&event["deliveries"][0]), failed)
        .await?;
    let error = delivery["attempts"][0]["error"]
        .as_str()
        .context("an error")?;
    ensure!(error.starts_with("blocked address"), "{error}");
    assert!(receiver.so_far().is_empty());
    Ok(())
}
