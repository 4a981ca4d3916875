//! What `docs/monitoring` ships, held against a real Prometheus.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Answer, Receiver, Service, Settings, eventually, id, skip};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A real Prometheus looks once a second here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the shipped files are.
fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/monitoring")
        .join(name)
}

/// A program of Prometheus's: the one that `cargo xtask setup` unpacked, or one on the `PATH`.
fn program(name: &str) -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/prometheus/usr/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(unpacked).chain(std::env::split_paths(&path));
    let mut programs = folders.map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}

/// A Prometheus that looks after one service, and ends with the test.
struct Prometheus {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// One that looks every second, with the shipped rules, which fire as soon as they hold.
    fn start(program: &Path, service: &Service, key: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let place = |name: &str| folder.path().join(name);
        let rules = std::fs::read_to_string(shipped("alerts.yml"))?;
        let is_delay = |line: &&str| line.trim_start().starts_with("for: ");
        let at_once = rules.lines().filter(|line| !is_delay(line));
        let at_once: Vec<_> = at_once.collect();
        ensure!(at_once.len() < rules.lines().count(), "no rule waits");
        std::fs::write(place("alerts.yml"), at_once.join("\n"))?;
        std::fs::write(place("metrics-key"), key)?;
        let configuration = std::fs::read_to_string(shipped("prometheus.yml"))?;
        let configuration = configuration
            .replace("30s", "1s")
            .replace("127.93.42.1:3000", &format!("127.0.0.1:{}", service.port()));
        ensure!(
            configuration.contains(&service.port().to_string()),
            "the target has another name"
        );
        std::fs::write(place("prometheus.yml"), configuration)?;

        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let child = Command::new(program)
            .arg(format!(
                "--config.file={}",
                place("prometheus.yml").display()
            ))
            .arg(format!("--storage.tsdb.path={}", place("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("could not start Prometheus")?;
        Ok(Self {
            child,
            port,
            _folder: folder,
        })
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let request = format!("GET {path} HTTP/1.0\r\nhost: prometheus\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (_, body) = answer.split_once("\r\n\r\n").context("an answer")?;
        Ok(serde_json::from_str(body)?)
    }

    /// The names of the alerts that fire now.
    async fn firing(&self) -> Result<BTreeSet<String>> {
        let alerts = self.get("/api/v1/alerts").await?;
        let alerts = alerts["data"]["alerts"].as_array().context("alerts")?;
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        let names = firing.map(|alert| alert["labels"]["alertname"].as_str());
        let names = names.map(|name| Ok(name.context("a name")?.to_owned()));
        names.collect()
    }

    /// Waits until these alerts fire, or do not.
    async fn fires(&self, name: &str, whether: bool) -> Result<()> {
        let what = format!("that {name} fires: {whether}");
        eventually(&what, PATIENCE, async || {
            // It takes a moment to start.
            let firing = self.firing().await.unwrap_or_default();
            let started = self.get("/api/v1/status/config").await.is_ok();
            let right = started && firing.contains(name) == whether;
            Ok(right.then_some(()).ok_or_else(|| format!("{firing:?}")))
        })
        .await
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_alert_rules_do_what_their_own_tests_say() -> Result<()> {
    let Some(promtool) = program("promtool") else {
        return skip("there is no promtool");
    };
    for arguments in [
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ] {
        let output = Command::new(&promtool)
            .args(arguments)
            .current_dir(shipped(""))
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn prometheus_collects_the_metrics_and_raises_the_alerts() -> Result<()> {
    let Some(program) = program("prometheus") else {
        return skip("there is no Prometheus");
    };
    let mut service = Service::with(Settings::default())?;
    let account = service.account();
    let input = json!({ "name": "Prometheus", "scopes": ["metrics"] });
    let key = service
        .api()
        .post("/v1/api-keys", &input)
        .await?
        .json(201)?;
    let key = key["key"].as_str().context("a key")?;
    let prometheus = Prometheus::start(&program, &service, key)?;

    // Nobody has called the run route yet.
    prometheus.fires("WebhooksNotRun", true).await?;
    service.api().run().await?;
    prometheus.fires("WebhooksNotRun", false).await?;
    prometheus.fires("WebhooksDown", false).await?;

    let receiver = Receiver::start().await?;
    receiver.answer("/", Answer::status(500));
    let later = Answer::status(503).header("retry-after", "3600");
    receiver.answer_in_turn("/later", vec![later]);
    let once = json!({ "name": "A", "url": receiver.url("/"), "retry_schedule": [] });
    account.hook_with("message.failed", once).await?;
    account
        .hook("message.sent", &receiver.url("/later"))
        .await?;
    let failed = account.event("message.failed", &json!({})).await?;
    account
        .delivery_with(id(&failed["deliveries"][0]), "failed")
        .await?;
    prometheus.fires("WebhooksGivenUp", true).await?;

    prometheus.fires("WebhooksLate", false).await?;
    let late = account.event("message.sent", &json!({})).await?;
    account.attempted(id(&late["deliveries"][0]), 1).await?;
    service.ledger().no_runner().await?;
    service
        .ledger()
        .forward(&account, Duration::from_secs(7_200))?;
    prometheus.fires("WebhooksLate", true).await?;

    service.kill()?;
    prometheus.fires("WebhooksDown", true).await
}

#[tokio::test]
async fn what_rules_and_dashboard_ask_for_are_metrics_that_there_are() -> Result<()> {
    let text = Service::shared().api().get("/v1/metrics").await?;
    let text = String::from_utf8(text.body.to_vec())?;
    let mut known = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').context("a kind")?;
        known.insert(name.to_owned());
        if kind == "histogram" {
            known.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
        }
    }
    for file in ["alerts.yml", "grafana.json"] {
        let shipped = std::fs::read_to_string(shipped(file))?;
        let words = shipped.split(|c: char| !c.is_ascii_lowercase() && c != '_');
        let asked: BTreeSet<_> = words.filter(|word| word.starts_with("webhook_")).collect();
        ensure!(asked.len() > 3, "{file} asks for {asked:?}");
        for name in asked {
            ensure!(
                known.contains(name),
                "{file} asks for {name}, and there are {known:?}"
            );
        }
    }
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(shipped("grafana.json"))?)?;
    for panel in dashboard["panels"].as_array().context("panels")? {
        ensure!(panel["targets"][0]["expr"].is_string(), "{panel}");
    }
    Ok(())
}
