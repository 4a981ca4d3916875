//! A browser, and what people do with it.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use e2e::{Account, eventually, skip};
use fantoccini::{Client, ClientBuilder, Locator, elements::Element};
use serde_json::{Map, Value, json};

/// How long to wait for what a page has to show.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How wide and high the window is, in CSS pixels.
#[derive(Clone, Copy)]
pub(crate) struct Window(pub(crate) u32, pub(crate) u32);

impl Window {
    pub(crate) const DESKTOP: Self = Self(1280, 900);
    pub(crate) const PHONE: Self = Self(360, 740);
}

/// A browser with a profile of its own.
pub(crate) struct Browser {
    client: Client,
    /// Where the service is.
    base: String,
}

/// The driver's process. It and the browsers that it started are killed when it is dropped.
struct Driver {
    process: Child,
    url: String,
}

impl Driver {
    fn start(program: &Path) -> Result<Self> {
        let mut process = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| program.display().to_string())?;
        let output = process.stdout.take().context("its output is a pipe")?;
        let mut lines = BufReader::new(output).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        // What it says later has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        let port = port.context("the driver did not say its port");
        let url = port.map(|port| format!("http://127.0.0.1:{port}"));
        let mut driver = Self {
            process,
            url: String::new(),
        };
        driver.url = url?;
        Ok(driver)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = i32::try_from(self.process.id()).ok();
        if let Some(group) = group.and_then(rustix::process::Pid::from_raw) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.process.wait();
    }
}

/// The program of this name, if it is on the PATH.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// The source of axe-core; `None` where it is not installed.
pub(crate) fn axe() -> Result<Option<String>> {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/browser/node_modules/axe-core/axe.min.js"
    );
    match std::fs::read_to_string(file) {
        Ok(source) => Ok(Some(source)),
        Err(_) => skip("axe-core is missing").map(|()| None),
    }
}

/// Whether pages may run their script.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    On,
    Off,
}

/// Does something in a browser of its own, and closes it whatever comes of that.
pub(crate) async fn in_browser(
    base: &str,
    script: Script,
    window: Window,
    visit: impl AsyncFnOnce(&Browser) -> Result<()>,
) -> Result<()> {
    let Some(program) = on_path("chromedriver") else {
        return skip("ChromeDriver is missing");
    };
    let Some(chromium) = ["chromium", "google-chrome", "chrome"]
        .iter()
        .find_map(|name| on_path(name))
    else {
        return skip("Chromium is missing");
    };
    let driver = Driver::start(&program)?;
    let profile = tempfile::tempdir()?;
    let Window(width, height) = window;
    let mut options = json!({
        "binary": chromium,
        "args": [
            "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            // Its sandbox takes rights that containers and root do not have. It sees our pages only.
            "--no-sandbox",
            "--force-device-scale-factor=1", "--lang=en-US",
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.path().display()),
        ],
    });
    if script == Script::Off {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    let capabilities = json!({
        "goog:chromeOptions": options,
        // axe takes its time over long pages on a busy machine. In milliseconds.
        "timeouts": { "script": 120_000 },
    });
    let capabilities: Map<String, Value> = serde_json::from_value(capabilities)?;
    let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
        .capabilities(capabilities)
        .connect(&driver.url)
        .await
        .context("the browser does not start")?;
    let browser = Browser {
        client,
        base: base.to_owned(),
    };
    // The window has a frame even where nobody sees it: what counts is the page's width.
    browser.resize(width, height).await?;
    let visited = visit(&browser).await;
    let address = browser.address().await.unwrap_or_default();
    browser.client.clone().close().await?;
    drop(driver);
    visited.with_context(|| format!("the browser was at {address}"))
}

impl Browser {
    async fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.client.set_window_size(width, height).await?;
        Ok(())
    }

    /// Goes to a path of the service.
    pub(crate) async fn go(&self, path: &str) -> Result<()> {
        self.client.goto(&format!("{}{path}", self.base)).await?;
        Ok(())
    }

    /// Comes as somebody whom the main app sends.
    pub(crate) async fn come(&self, account: &Account, role: &str) -> Result<()> {
        let wanted = json!({ "role": role, "return_url": "https://app.example/settings" });
        let link = account.post("/portal-links", &wanted).await?.json(201)?;
        let url = link["url"].as_str().context("no url")?;
        self.client.goto(url).await?;
        self.shows("Overview").await
    }

    /// The path and query of the page.
    pub(crate) async fn address(&self) -> Result<String> {
        let url = self.client.current_url().await?.to_string();
        Ok(url.strip_prefix(&self.base).unwrap_or(&url).to_owned())
    }

    /// Waits until an element is there.
    pub(crate) async fn find(&self, css: &str) -> Result<Element> {
        let wait = self.client.wait().at_most(PATIENCE);
        wait.for_element(Locator::Css(css))
            .await
            .with_context(|| format!("no {css}"))
    }

    /// How many elements there are.
    pub(crate) async fn count(&self, css: &str) -> Result<usize> {
        Ok(self.client.find_all(Locator::Css(css)).await?.len())
    }

    /// Clicks on the link or button with this text.
    pub(crate) async fn click(&self, text: &str) -> Result<()> {
        let path = format!("(//a|//button|//summary)[normalize-space(.)='{text}']");
        let wait = self.client.wait().at_most(PATIENCE);
        let element = wait
            .for_element(Locator::XPath(&path))
            .await
            .with_context(|| format!("nothing to click on says {text:?}"))?;
        element.click().await?;
        Ok(())
    }

    /// Clicks on an element.
    pub(crate) async fn click_on(&self, css: &str) -> Result<()> {
        self.find(css).await?.click().await?;
        Ok(())
    }

    /// Types into the field of this id, in place of what is there.
    pub(crate) async fn fill(&self, field: &str, text: &str) -> Result<()> {
        let field = self.find(&format!("#{field}")).await?;
        field.clear().await?;
        field.send_keys(text).await?;
        Ok(())
    }

    /// Types where the focus is. `keys` may have WebDriver's codes for keys without a character.
    pub(crate) async fn press(&self, keys: &str) -> Result<()> {
        self.client.active_element().await?.send_keys(keys).await?;
        Ok(())
    }

    /// What an element says.
    pub(crate) async fn text(&self, css: &str) -> Result<String> {
        Ok(self.find(css).await?.text().await?)
    }

    /// Waits until an element says something.
    pub(crate) async fn says(&self, css: &str, text: &str) -> Result<()> {
        eventually(&format!("{text:?} in {css}"), PATIENCE, || async {
            // An element may be replaced between being found and being read.
            let said = match self.client.find(Locator::Css(css)).await {
                Ok(element) => element.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            Ok(if said.contains(text) {
                Ok(())
            } else {
                Err(said)
            })
        })
        .await
    }

    /// Waits until the page says something.
    pub(crate) async fn shows(&self, text: &str) -> Result<()> {
        self.says("main", text).await
    }

    /// The value of a field.
    pub(crate) async fn value(&self, field: &str) -> Result<String> {
        let field = self.find(&format!("#{field}")).await?;
        Ok(field.prop("value").await?.unwrap_or_default())
    }

    /// An attribute of an element.
    pub(crate) async fn attribute(&self, css: &str, name: &str) -> Result<Option<String>> {
        Ok(self.find(css).await?.attr(name).await?)
    }

    /// What a script returns that is run in the page.
    pub(crate) async fn run(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// As [`Browser::run`], for a script that calls its last argument with what comes of it.
    pub(crate) async fn run_later(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute_async(script, Vec::new()).await?)
    }

    /// The window's content as a PNG.
    pub(crate) async fn screenshot(&self) -> Result<Vec<u8>> {
        let png = self.client.screenshot().await?;
        if png.starts_with(b"\x89PNG") {
            Ok(png)
        } else {
            bail!("the screenshot is no PNG")
        }
    }
}
