//! The examples of verifying webhooks, in every language, and the example receivers that use them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use e2e::{DEADLINE, Receiver, Service, eventually, skip};
use http::Request;
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::json;
use standardwebhooks::Webhook;

/// Where `cargo xtask setup` builds the example in a language. None, on a developer's machine that
/// has no such toolchain: the test is then skipped, and says so.
fn folder(language: &str) -> Result<Option<PathBuf>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/receivers"));
    let folder = folder.join(language);
    if folder.join(".installed").is_file() {
        return Ok(Some(folder));
    }
    skip(&format!(
        "the {language} example of verifying webhooks is not in {}",
        folder.display()
    ))?;
    Ok(None)
}

const BODY: &str = r#"{"type":"message.sent","data":{}}"#;
const TAMPERED: &str = r#"{"type":"message.sent","data":{"admin":true}}"#;
const ANOTHER: &str = "whsec_QW5vdGhlciBzZWNyZXQsIG9mIDMyIGJ5dGVzISEhISE=";

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
    let another = Webhook::new(ANOTHER)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let now = i64::try_from(now)?;
    let ten_minutes = i64::try_from(Duration::from_secs(600).as_secs())?;
    let body = BODY;
    for (name, signed_by, time, sent, status) in [
        ("msg_good", &verifier, now, body, 204),
        // The same once more: taken, and not acted on again.
        ("msg_good", &verifier, now, body, 204),
        ("msg_tampered", &verifier, now, TAMPERED, 400),
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
    let Some(folder) = folder("python")? else {
        return Ok(());
    };
    let mut command = Command::new("python3");
    command
        .arg(folder.join("receiver.py"))
        .env("PYTHONPATH", folder.join("packages"));
    believes_what_is_signed_alone(command).await
}

#[tokio::test]
async fn the_receiver_in_typescript_believes_what_is_signed_alone() -> Result<()> {
    let Some(folder) = folder("typescript")? else {
        return Ok(());
    };
    let mut command = Command::new("node");
    command.arg(folder.join("receiver.js"));
    believes_what_is_signed_alone(command).await
}

/// What an example is run on.
struct Signed {
    secret: String,
    id: String,
    timestamp: String,
    signature: String,
    body: Vec<u8>,
}

impl Signed {
    /// A webhook of today with this signature.
    fn new(signature: &str) -> Self {
        Self {
            secret: ANOTHER.to_owned(),
            id: "msg_1".to_owned(),
            timestamp: "0".to_owned(),
            signature: signature.to_owned(),
            body: BODY.into(),
        }
    }

    /// `BODY`, signed at this time with a secret.
    fn by(secret: &str, timestamp: i64) -> Result<Self> {
        let signature = Webhook::new(secret)?.sign("msg_1", timestamp, BODY.as_bytes())?;
        Ok(Self {
            secret: secret.to_owned(),
            timestamp: timestamp.to_string(),
            ..Self::new(&signature)
        })
    }

    /// Whether the example that `command` runs accepts it.
    fn is_accepted(&self, mut command: Command) -> Result<bool> {
        command.env("WEBHOOK_SECRET", &self.secret);
        for (name, value) in [
            ("WEBHOOK_ID", &self.id),
            ("WEBHOOK_TIMESTAMP", &self.timestamp),
            ("WEBHOOK_SIGNATURE", &self.signature),
        ] {
            // An empty one stands for a header that is missing.
            if value.is_empty() {
                command.env_remove(name);
            } else {
                command.env(name, value);
            }
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let mut input = process.stdin.take().context("its input is a pipe")?;
        // An example may refuse a webhook by its headers, and end before it has read the body.
        let _ = input.write_all(&self.body);
        drop(input);
        let output = process.wait_with_output()?;
        let printed = String::from_utf8(output.stdout)?;
        match output.status.code() {
            Some(0) if printed == "verified\n" => Ok(true),
            Some(1) if printed.starts_with("refused: ") => Ok(false),
            _ => anyhow::bail!("{command:?} ended with {}: {printed}", output.status),
        }
    }
}

/// Three webhooks as the service sends them: signed with the action's secret, with two while it is
/// rotated, and with the account's key pair beside the secret.
async fn sent_by_the_service() -> Result<Vec<Signed>> {
    let account = Service::shared().account();
    let receiver = Receiver::start().await?;
    let hook = account.hook("message.sent", &receiver.url("/")).await?;
    let data = json!({ "to": "Zoë" });
    account.event("message.sent", &data).await?;
    receiver.received(1).await?;
    let rotate = format!("{}/secret/rotate", hook.action_path());
    account.post(&rotate, &json!({})).await?.json(200)?;
    account.event("message.sent", &data).await?;
    receiver.received(2).await?;
    account.post("/signing-keys", &json!({})).await?.json(201)?;
    let both = json!({ "signature_schemes": ["v1", "v1a"] });
    account.patch(&hook.action_path(), &both).await?.json(200)?;
    account.event("message.sent", &data).await?;
    let received = receiver.received(3).await?;
    let schemes = received.iter().map(|webhook| {
        let signatures = webhook.header("webhook-signature").split(' ');
        let schemes = signatures.filter_map(|signature| signature.split(',').next());
        schemes.collect::<Vec<_>>()
    });
    let schemes: Vec<_> = schemes.collect();
    ensure!(
        schemes[..2] == [vec!["v1"], vec!["v1", "v1"]] && schemes[2].contains(&"v1a"),
        "{schemes:?}"
    );
    let signed = received.iter().map(|webhook| Signed {
        secret: hook.secret.clone(),
        id: webhook.header("webhook-id").to_owned(),
        timestamp: webhook.header("webhook-timestamp").to_owned(),
        signature: webhook.header("webhook-signature").to_owned(),
        body: webhook.body.to_vec(),
    });
    Ok(signed.collect())
}

/// Runs the example of a language on webhooks that are right, and on webhooks that are wrong in one
/// thing each. `program` is run in the example's folder.
async fn accepts_what_is_signed_alone(language: &str, program: &[&str]) -> Result<()> {
    let Some(folder) = folder(language)? else {
        return Ok(());
    };
    let (program, arguments) = program.split_first().context("a program")?;
    let program = match program.strip_prefix("./") {
        Some(built) => folder.join(built),
        None => program.into(),
    };
    accepts(|| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(&folder);
        command.env("PYTHONPATH", folder.join("packages"));
        command
    })
    .await
}

async fn accepts(example: impl Fn() -> Command) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let now = i64::try_from(now)?;
    let secret = format!("whsec_{}", STANDARD.encode([7; 32]));
    let good = || Signed::by(&secret, now);
    let by_another = Signed::by(ANOTHER, now)?.signature;
    let one_of = |signatures: &[&str]| {
        Ok::<_, anyhow::Error>(Signed {
            signature: signatures.join(" "),
            ..good()?
        })
    };
    let by_this = good()?.signature;

    for (what, webhook) in [
        ("signed", good()?),
        ("a minute old", Signed::by(&secret, now - 60)?),
        (
            "signed with the secret before, too",
            one_of(&[&by_another, &by_this])?,
        ),
        (
            "signed with a later secret, too",
            one_of(&[&by_this, &by_another])?,
        ),
        (
            "signed with a key pair, too",
            one_of(&["v1a,AAAA", &by_this])?,
        ),
    ] {
        ensure!(webhook.is_accepted(example())?, "{what} is refused");
    }
    for (number, webhook) in sent_by_the_service().await?.iter().enumerate() {
        ensure!(
            webhook.is_accepted(example())?,
            "webhook {number} of the service is refused"
        );
    }
    let without_version = by_this.trim_start_matches("v1,");
    for (what, webhook) in [
        (
            "another body",
            Signed {
                body: TAMPERED.into(),
                ..good()?
            },
        ),
        (
            "another id",
            Signed {
                id: "msg_2".into(),
                ..good()?
            },
        ),
        (
            "another time",
            Signed {
                timestamp: (now - 1).to_string(),
                ..good()?
            },
        ),
        (
            "another secret",
            Signed {
                secret: ANOTHER.into(),
                ..good()?
            },
        ),
        ("an old webhook", Signed::by(&secret, now - 600)?),
        ("an early webhook", Signed::by(&secret, now + 600)?),
        ("no signature", one_of(&[])?),
        (
            "no id",
            Signed {
                id: String::new(),
                ..good()?
            },
        ),
        (
            "no time",
            Signed {
                timestamp: String::new(),
                ..good()?
            },
        ),
        (
            "a time in words",
            Signed {
                timestamp: "noon".into(),
                ..good()?
            },
        ),
        ("a key pair's signature alone", one_of(&["v1a,AAAA"])?),
        ("two wrong signatures", one_of(&[&by_another, "v1a,AAAA"])?),
        ("a signature of no version", one_of(&[without_version])?),
        (
            "a signature of another version",
            one_of(&[&format!("v2,{without_version}")])?,
        ),
        (
            "a part of the signature",
            one_of(&[&by_this[..by_this.len() - 4]])?,
        ),
        ("an empty signature", one_of(&["v1,"])?),
        // Everybody can sign with no key.
        ("an empty secret", Signed::by("", now)?),
    ] {
        ensure!(!webhook.is_accepted(example())?, "{what} is accepted");
    }
    Ok(())
}

#[tokio::test]
async fn the_example_in_typescript_accepts_what_is_signed_alone() -> Result<()> {
    accepts_what_is_signed_alone("typescript", &["node", "try.js"]).await
}

#[tokio::test]
async fn the_example_in_python_accepts_what_is_signed_alone() -> Result<()> {
    accepts_what_is_signed_alone("python", &["python3", "try.py"]).await
}

#[tokio::test]
async fn the_example_in_go_accepts_what_is_signed_alone() -> Result<()> {
    accepts_what_is_signed_alone("go", &["./try"]).await
}

#[tokio::test]
async fn the_example_in_ruby_accepts_what_is_signed_alone() -> Result<()> {
    accepts_what_is_signed_alone("ruby", &["ruby", "try.rb"]).await
}

#[tokio::test]
async fn the_example_in_php_accepts_what_is_signed_alone() -> Result<()> {
    accepts_what_is_signed_alone("php", &["php", "try.php"]).await
}

#[tokio::test]
async fn the_example_in_java_accepts_what_is_signed_alone() -> Result<()> {
    accepts_what_is_signed_alone("java", &["java", "-cp", ".", "Try"]).await
}

#[tokio::test]
async fn the_example_in_csharp_accepts_what_is_signed_alone() -> Result<()> {
    accepts_what_is_signed_alone("csharp", &["mono", "try.exe"]).await
}

/// Cargo builds it with the tests, beside the folder that this one is in.
#[tokio::test]
async fn the_example_in_rust_accepts_what_is_signed_alone() -> Result<()> {
    let test = std::env::current_exe()?;
    let profile = test.parent().and_then(Path::parent);
    let built = profile
        .context("a profile's folder")?
        .join("examples/verify-webhook");
    accepts(|| Command::new(&built)).await
}
