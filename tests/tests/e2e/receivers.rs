//! The example receivers: they verify with the official packages what the service signs.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use e2e::{DEADLINE, Service, eventually, skip};
use http::Request;
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::json;
use standardwebhooks::Webhook;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/receivers");

/// Where `cargo xtask setup` puts the packages that a receiver needs. None, on a developer's machine
/// where they could not be had: the test is then skipped, and says so.
fn packages(language: &str) -> Result<Option<PathBuf>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/receivers"));
    let folder = folder.join(language);
    if folder.join(".installed").is_file() {
        return Ok(Some(folder));
    }
    skip(&format!(
        "what the {language} receiver needs is not in {}",
        folder.display()
    ))?;
    Ok(None)
}

/// A receiver that runs. It is killed when it is dropped.
struct Running {
    process: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Running {
    fn start(mut command: Command, secret: &str) -> Result<Self> {
        let mut process = command
            .arg("0")
            .env("WEBHOOK_SECRET", secret)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let output = process.stdout.take().context("its output is a pipe")?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        let printed = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                printed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        Ok(Self { process, lines })
    }

    fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn url(&self) -> Result<String> {
        eventually("the receiver", DEADLINE, || async {
            let lines = self.lines();
            let url = lines
                .first()
                .and_then(|line| line.strip_prefix("listening on "));
            Ok(url.map(str::to_owned).ok_or_else(|| format!("{lines:?}")))
        })
        .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has then seen.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The status that a request with these headers is answered with.
async fn answered(url: &str, headers: &[(&str, &str)], body: &str) -> Result<u16> {
    let mut request = Request::post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned())))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    Ok(client.request(request).await?.status().as_u16())
}

/// Has the service send to a receiver, then sends it what is signed wrongly.
async fn believes_what_is_signed_alone(command: Command) -> Result<()> {
    let account = Service::shared().account();
    let hook = account.hook("message.sent", "http://127.0.0.1:9/").await?;
    let receiver = Running::start(command, &hook.secret)?;
    let url = receiver.url().await?;
    let patch = json!({ "url": format!("{url}/hooks") });
    account
        .patch(&hook.action_path(), &patch)
        .await?
        .json(200)?;

    let deliver = async || {
        let accepted = account
            .event("message.sent", &json!({ "to": "Zoë" }))
            .await?;
        let delivery = e2e::id(&accepted["deliveries"][0]).to_owned();
        let delivered = account.delivery_with(&delivery, "succeeded").await?;
        ensure!(
            delivered["attempts"][0]["status_code"] == 204,
            "{delivered}"
        );
        ensure!(delivered["attempt_count"] == 1, "{delivered}");
        anyhow::Ok(delivery)
    };
    let delivery = deliver().await?;
    // While a secret is rotated, the one before signs, too.
    let rotate = format!("{}/secret/rotate", hook.action_path());
    account.post(&rotate, &json!({})).await?.json(200)?;
    deliver().await?;

    let verifier = Webhook::new(&hook.secret)?;
    let another = Webhook::new("whsec_QW5vdGhlciBzZWNyZXQsIG9mIDMyIGJ5dGVzISEhISE=")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let now = i64::try_from(now)?;
    let ten_minutes = i64::try_from(Duration::from_secs(600).as_secs())?;
    let body = r#"{"type":"message.sent","data":{}}"#;
    let tampered = r#"{"type":"message.sent","data":{"admin":true}}"#;
    for (name, signed_by, time, sent, status) in [
        ("msg_good", &verifier, now, body, 204),
        // The same once more: taken, and not acted on again.
        ("msg_good", &verifier, now, body, 204),
        ("msg_tampered", &verifier, now, tampered, 400),
        ("msg_other_secret", &another, now, body, 400),
        ("msg_old", &verifier, now - ten_minutes, body, 400),
        ("msg_early", &verifier, now + ten_minutes, body, 400),
    ] {
        let signature = signed_by.sign(name, time, body.as_bytes())?;
        let time = time.to_string();
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", name),
            ("webhook-timestamp", &time),
            ("webhook-signature", &signature),
        ];
        assert_eq!(answered(&url, &headers, sent).await?, status, "{name}");
        // Each of the three headers counts.
        for missing in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let mut others = headers.to_vec();
            others.retain(|(name, _)| *name != missing);
            assert_eq!(
                answered(&url, &others, sent).await?,
                400,
                "without {missing}"
            );
        }
    }
    for nonsense in ["", "v1", "v1,", "v1,%%%", "v2,AAAA"] {
        let time = now.to_string();
        let headers = [
            ("webhook-id", "msg_nonsense"),
            ("webhook-timestamp", &*time),
            ("webhook-signature", nonsense),
        ];
        assert_eq!(answered(&url, &headers, body).await?, 400, "{nonsense:?}");
    }

    let lines = receiver.lines();
    let acted_on = |id: &str| lines.iter().filter(|line| line.starts_with(id)).count();
    assert_eq!(
        (acted_on(&delivery), acted_on("msg_good")),
        (1, 1),
        "{lines:?}"
    );
    assert_eq!(acted_on("msg_"), 1, "{lines:?}");
    Ok(())
}

#[tokio::test]
async fn the_receiver_in_python_believes_what_is_signed_alone() -> Result<()> {
    let Some(packages) = packages("python")? else {
        return Ok(());
    };
    let mut command = Command::new("python3");
    command
        .arg(format!("{EXAMPLES}/python/receiver.py"))
        .env("PYTHONPATH", packages);
    believes_what_is_signed_alone(command).await
}

#[tokio::test]
async fn the_receiver_in_javascript_believes_what_is_signed_alone() -> Result<()> {
    let Some(packages) = packages("javascript")? else {
        return Ok(());
    };
    let mut command = Command::new("node");
    command.arg(packages.join("receiver.js"));
    believes_what_is_signed_alone(command).await
}
