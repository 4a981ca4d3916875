//! The dashboard in a real browser: headless Chromium, driven over WebDriver.
//!
//! `cargo xtask setup` installs the browser and axe-core, or says what it lacks. Where they are
//! missing the tests are skipped, but not on CI.

mod accessibility;
mod driver;
mod flows;
mod screenshots;
mod viewer;
mod without_script;
