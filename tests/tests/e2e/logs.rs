//! What the service logs. That it is so in all that the suite does, `cargo xtask test` looks for when
//! it is done.

use anyhow::{Result, ensure};
use e2e::{Answer, DEADLINE, ENCRYPTION_KEY, KEY, Receiver, Service, Settings, eventually, kept};
use http::Method;
use serde_json::json;

const PAYLOAD: &str = "payload-that-is-in-no-log";
const SECRET: &str = "value-of-a-header-that-is-in-no-log";

#[tokio::test]
async fn no_log_line_has_a_key_a_secret_or_a_payload() -> Result<()> {
    kept::secret(KEY)?;
    kept::secret(ENCRYPTION_KEY)?;
    kept::secret(SECRET)?;
    kept::unlogged(PAYLOAD)?;
    let service = Service::with(Settings::default())?;
    let account = service.account();
    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500).body(PAYLOAD));
    let action = json!({
        "name": PAYLOAD, "url": receiver.url("/"), "headers": { "x-secret": SECRET },
        "body_template": format!("{{{{ data.missing.{} }}}}", PAYLOAD.replace('-', "_")),
        "content_type": "text/plain",
    });
    // What goes well, what is refused, and what fails.
    let trigger = json!({ "type": "message.sent", "name": PAYLOAD, "actions": [action] });
    account.post("/triggers", &trigger).await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let accepted = account
        .event("message.sent", &json!({ "text": PAYLOAD }))
        .await?;
    let tried = |delivery: &serde_json::Value| delivery["attempt_count"] == 1;
    account
        .delivery_once(e2e::id(&accepted["deliveries"][0]), tried)
        .await?;
    account
        .post(&format!("{}/test", hook.action_path()), &json!({}))
        .await?
        .json(200)?;
    let json = [("content-type", "application/json")];
    for body in [
        format!("{{\"type\": \"{PAYLOAD}"),
        format!("{{\"type\": \"{PAYLOAD}\", \"data\": {{}}}}"),
        format!("{{\"{PAYLOAD}\": 1}}"),
    ] {
        let path = account.path("/events");
        account.api.send(Method::POST, &path, &json, body).await?;
    }
    let wrong = service.api_with_key(Some(PAYLOAD));
    wrong
        .get(&format!("/v1/{PAYLOAD}?q={PAYLOAD}"))
        .await?
        .problem(401)?;
    // A key that the stored secrets were not sealed with: errors that are logged.
    drop(service);

    let other = "b3RoZXIga2V5IG9mIHRoaXJ0eS10d28gYnl0ZXMhISE=";
    kept::secret(other)?;
    let folder = tempfile::tempdir()?;
    let service = Service::at(folder.path(), Settings::default())?;
    let account = service.account();
    account.hook("message.sent", &receiver.url("/")).await?;
    drop(service);
    let service = Service::at(
        folder.path(),
        Settings::default().with("encryption_key", other),
    )?;
    let after = e2e::Account {
        api: service.api(),
        ..account
    };
    after.get("/triggers").await?.problem(500)?;
    // The line comes through a pipe, and may be later than the answer.
    let logged = || async {
        let logs = service.logs();
        let there = logs.contains("error request_id=");
        Ok(there.then(|| logs.clone()).ok_or(logs))
    };
    let logs = eventually("the error's log line", DEADLINE, logged).await?;
    for text in [KEY, ENCRYPTION_KEY, other, SECRET, PAYLOAD] {
        ensure!(!logs.contains(text), "{text} is in the log");
    }
    Ok(())
}
