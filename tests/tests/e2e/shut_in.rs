//! The runtime configuration that is shipped: webhooks reach no private network, whatever a name
//! stands for, and the service reaches itself.

use anyhow::{Context as _, Result, ensure};
use e2e::{Receiver, Service, Settings};
use serde_json::{Value, json};

#[tokio::test]
async fn an_address_that_a_name_stands_for_is_blocked_where_it_is_private() -> Result<()> {
    // The URL policy lets private targets pass here: the host does not.
    let service = Service::shut_in(Settings::default())?;
    let account = service.account();
    // A test send of an action with this URL, and the text of its one attempt.
    let tested = async |url: &str| -> Result<(Value, String)> {
        let action = json!({ "name": "T", "url": url, "retry_schedule": [] });
        let hook = account.hook_with("message.received", action).await?;
        let test = format!("{}/test", hook.action_path());
        let delivery = account.post(&test, &json!({})).await?.json(200)?;
        let attempt = delivery["attempts"][0].clone();
        let error = attempt["error"].as_str().context("an error")?.to_owned();
        Ok((delivery, error))
    };
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
    let failed = |delivery: &Value| delivery["status"] == "failed";
    let delivery = account
        .delivery_once(e2e::id(&event["deliveries"][0]), failed)
        .await?;
    let error = delivery["attempts"][0]["error"]
        .as_str()
        .context("an error")?;
    assert!(receiver.so_far().is_empty());

    // Nothing that the account sees tells a private name from one that there is not. The log and the
    // metrics do.
    let (unknown, dns) = tested("http://no-such-name.example/").await?;
    ensure!(dns.starts_with("dns: "), "{dns}");
    assert_eq!(error, dns);
    let (private, error) = tested(&format!("http://localhost:{port}/")).await?;
    assert_eq!(error, dns);
    assert_eq!(private["reason"], unknown["reason"]);
    ensure!(!delivery.to_string().contains("blocked"), "{delivery}");
    let logs = service.logs();
    let attempt = format!(
        "info attempt account={} delivery={}",
        account.id,
        e2e::id(&delivery)
    );
    let line = logs.lines().find(|line| line.contains(&attempt));
    ensure!(
        line.is_some_and(|line| line.contains("cause=\"blocked address\"")),
        "{logs}"
    );
    account.api.run().await?;
    let metrics = account.api.get("/v1/metrics").await?;
    let metrics = String::from_utf8(metrics.body.to_vec())?;
    ensure!(
        metrics.contains("webhook_attempts_total{outcome=\"failure\",cause=\"blocked address\"} 2"),
        "{metrics}"
    );

    // An address in the URL is refused as it is saved, with its reason.
    let literal = json!({ "name": "T", "url": "http://169.254.169.254/" });
    let trigger = json!({ "type": "message.sent", "name": "T", "actions": [literal] });
    let problem = account.post("/triggers", &trigger).await?.problem(422)?;
    problem.names("/actions/0/url", &["169.254.169.254"])?;
    Ok(())
}
