use api::wire::{Piece, Statistics};
use askama::Template;

use crate::{Chrome, Names};

/// How it goes in an account.
#[derive(Template)]
#[template(path = "overview.html")]
pub struct OverviewPage {
    /// What is around it.
    pub chrome: Chrome,
    /// Over which time.
    pub span: Span,
    /// What was counted.
    pub statistics: Statistics,
    /// What failing triggers and actions are called.
    pub names: Names,
}

/// The times that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// The last 24 hours.
    Day,
    /// The last 7 days.
    Week,
}

/// The chart's size, in its own units.
const WIDTH: u64 = 720;
const HEIGHT: u64 = 120;

/// A bar of the chart: what was taken below, what was given up on top.
struct Bar<'a> {
    x: u64,
    width: u64,
    good: u64,
    bad: u64,
    bucket: &'a Piece,
}

impl OverviewPage {
    /// Deliveries that came to an end, and how many of a hundred succeeded.
    fn success_rate(&self) -> Option<String> {
        let outcomes = &self.statistics.deliveries;
        let ended = outcomes.succeeded + outcomes.failed;
        // In tenths of a percent, rounded down: 100 % is said of what has no failure at all.
        let rate = (outcomes.succeeded * 1_000).checked_div(ended)?;
        Some(format!("{}.{} %", rate / 10, rate % 10))
    }

    fn all_deliveries(&self) -> u64 {
        let it = &self.statistics.deliveries;
        it.pending + it.delivering + it.succeeded + it.failed + it.canceled + it.skipped
    }

    fn highest(&self) -> u64 {
        let series = self.statistics.series.iter();
        let highest = series.map(|bucket| bucket.succeeded + bucket.failed).max();
        highest.unwrap_or(0).max(1)
    }

    fn bars(&self) -> Vec<Bar<'_>> {
        let highest = self.highest();
        let series = &self.statistics.series;
        let step = WIDTH / (series.len() as u64).max(1);
        // What is there is seen, however little it is beside the highest.
        let height = |count: u64| (count * HEIGHT / highest).max(u64::from(count > 0) * 2);
        series
            .iter()
            .zip(0..)
            .map(|(bucket, at)| Bar {
                x: at * step,
                width: step.saturating_sub(2).max(1),
                good: height(bucket.succeeded),
                bad: height(bucket.failed),
                bucket,
            })
            .collect()
    }
}

impl Bar<'_> {
    fn good_top(&self) -> u64 {
        HEIGHT.saturating_sub(self.good)
    }

    fn bad_top(&self) -> u64 {
        self.good_top().saturating_sub(self.bad)
    }
}
