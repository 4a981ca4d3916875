//! An account that is used as usual while another attacks.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{Account, Api, DEADLINE, Hook, KEY, Receiver, Service, id};
use http::{Method, StatusCode};
use serde_json::json;

/// Nothing that the victim does may take longer, whatever the attacker does.
const LONGEST: Duration = Duration::from_secs(1);

/// How often the victim does everything once.
const ROUNDS: usize = 20;

/// An account with a trigger and a receiver.
pub(crate) struct Victim {
    pub(crate) account: Account,
    pub(crate) receiver: Receiver,
    pub(crate) hook: Hook,
    browser: Browser,
}

/// A session of the dashboard.
struct Browser {
    api: Api,
    cookie: String,
}

impl Victim {
    pub(crate) async fn of(service: &Service) -> Result<Self> {
        let account = service.account();
        let receiver = Receiver::start().await?;
        let hook = account
            .hook("message.sent", &receiver.url("/victim"))
            .await?;
        let browser = Browser::sign_in(service.api_with_key(None)).await?;
        Ok(Self {
            account,
            receiver,
            hook,
            browser,
        })
    }

    /// Posts events, receives their webhooks and reads pages while `attack` goes on.
    ///
    /// # Errors
    ///
    /// When anything takes longer than a second, or the attack ends.
    pub(crate) async fn notices_nothing_of(
        &self,
        attack: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let usual = async {
            for round in 1..=ROUNDS {
                self.round(round)
                    .await
                    .with_context(|| format!("round {round}"))?;
            }
            Ok(())
        };
        tokio::select! {
            noticed = usual => noticed,
            ended = attack => bail!("the attack ended: {ended:?}"),
        }
    }

    async fn round(&self, round: usize) -> Result<()> {
        let start = Instant::now();
        let event = self
            .account
            .event("message.sent", &json!({ "round": round }))
            .await?;
        in_time("the event was accepted", start)?;
        let delivery = id(&event["deliveries"][0]).to_owned();
        let came = |webhook: &e2e::Webhook| webhook.header("webhook-id") == delivery;
        while !self.receiver.so_far().iter().any(came) {
            ensure!(start.elapsed() < DEADLINE, "no webhook of {delivery} came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        in_time("the webhook came", start)?;
        let start = Instant::now();
        self.browser
            .read(&format!("/accounts/{}/deliveries", self.account.id))
            .await?;
        in_time("the page was read", start)
    }
}

fn in_time(what: &str, start: Instant) -> Result<()> {
    let took = start.elapsed();
    ensure!(took <= LONGEST, "{what} after {took:?}");
    Ok(())
}

impl Browser {
    async fn sign_in(api: Api) -> Result<Self> {
        let key: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let reply = api
            .send(Method::POST, "/sign-in", &headers, format!("key={key}"))
            .await?;
        let cookie = reply.header("set-cookie").context("no session began")?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Self { api, cookie })
    }

    async fn read(&self, path: &str) -> Result<()> {
        let headers = [("cookie", &*self.cookie)];
        let reply = self.api.send(Method::GET, path, &headers, "").await?;
        ensure!(reply.status == StatusCode::OK, "{path}: {reply:?}");
        Ok(())
    }
}
