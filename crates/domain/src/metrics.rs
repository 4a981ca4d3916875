//! Metrics, as Prometheus reads them: its
//! [text format](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format), version 0.0.4.

use std::fmt::{Display, Write as _};

/// The media type of what [`Exposition`] makes.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The bounds of the histogram of how long attempts take, in milliseconds, the least first.
pub const DURATION_BOUNDS: [u64; 10] = [25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000];

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// Metrics in the making.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// Adds a metric without labels.
    pub fn single(&mut self, kind: Kind, name: &str, help: &str, value: impl Display) {
        self.head(kind.as_str(), name, help);
        self.sample(name, &[], value);
    }

    /// Adds a metric with a value for each set of labels.
    pub fn family<'a, V: Display>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(&'a str, &'a str)>, V)>,
    ) {
        self.head(kind.as_str(), name, help);
        for (labels, value) in samples {
            self.sample(name, &labels, value);
        }
    }

    /// Adds a histogram of durations: how many fall to each of [`DURATION_BOUNDS`], and beyond them all, and their sum in
    /// milliseconds. It is told in seconds.
    pub fn durations(&mut self, name: &str, help: &str, counts: &[u64], sum_ms: u64) {
        self.head("histogram", name, help);
        let bucket = format!("{name}_bucket");
        let mut so_far = 0;
        for (place, count) in counts.iter().enumerate() {
            so_far += count;
            let bound = DURATION_BOUNDS
                .get(place)
                .map_or_else(|| "+Inf".to_owned(), |bound| seconds(*bound));
            self.sample(&bucket, &[("le", &bound)], so_far);
        }
        self.sample(&format!("{name}_sum"), &[], seconds(sum_ms));
        self.sample(&format!("{name}_count"), &[], so_far);
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }

    fn head(&mut self, kind: &str, name: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(name);
        for (place, (label, value)) in labels.iter().enumerate() {
            let open = if place == 0 { '{' } else { ',' };
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            self.write(format_args!("{open}{label}=\"{value}\""));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        self.write(format_args!("{close} {value}\n"));
    }

    fn write(&mut self, arguments: std::fmt::Arguments<'_>) {
        self.text
            .write_fmt(arguments)
            .expect("a text takes whatever is written");
    }
}

/// Milliseconds as seconds, without zeros at the end: `0.025`.
pub fn seconds(ms: u64) -> String {
    let (whole, rest) = (ms / 1_000, ms % 1_000);
    if rest == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{rest:03}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_has_its_kind_its_help_and_its_values() {
        let mut exposition = Exposition::default();
        exposition.single(Kind::Gauge, "backlog", "Due.", 7);
        exposition.family(
            Kind::Counter,
            "attempts_total",
            "Made.",
            [
                (vec![("outcome", "success"), ("cause", "")], 3),
                (vec![("outcome", "failure"), ("cause", "dns")], 1),
            ],
        );
        assert_eq!(
            exposition.finish(),
            "# HELP backlog Due.\n\
             # TYPE backlog gauge\n\
             backlog 7\n\
             # HELP attempts_total Made.\n\
             # TYPE attempts_total counter\n\
             attempts_total{outcome=\"success\",cause=\"\"} 3\n\
             attempts_total{outcome=\"failure\",cause=\"dns\"} 1\n"
        );
    }

    #[test]
    fn what_a_label_holds_does_not_end_it() {
        let mut exposition = Exposition::default();
        let hostile = "a\"} 1\nb\\";
        exposition.family(
            Kind::Gauge,
            "m",
            "One\nline \\.",
            [(vec![("l", hostile)], 1)],
        );
        assert_eq!(
            exposition.finish(),
            "# HELP m One\\nline \\\\.\n# TYPE m gauge\nm{l=\"a\\\"} 1\\nb\\\\\"} 1\n"
        );
    }

    #[test]
    fn the_buckets_of_a_histogram_hold_those_below_too() {
        let mut exposition = Exposition::default();
        let mut counts = vec![0; DURATION_BOUNDS.len() + 1];
        (counts[0], counts[2], counts[DURATION_BOUNDS.len()]) = (1, 2, 4);
        exposition.durations("took_seconds", "How long.", &counts, 90_210);
        let text = exposition.finish();
        for line in [
            "took_seconds_bucket{le=\"0.025\"} 1",
            "took_seconds_bucket{le=\"0.05\"} 1",
            "took_seconds_bucket{le=\"0.1\"} 3",
            "took_seconds_bucket{le=\"20\"} 3",
            "took_seconds_bucket{le=\"+Inf\"} 7",
            "took_seconds_sum 90.21",
            "took_seconds_count 7",
        ] {
            assert!(
                text.lines().any(|present| present == line),
                "{line}: {text}"
            );
        }
    }

    #[test]
    fn the_bounds_rise() {
        assert!(DURATION_BOUNDS.is_sorted_by(|low, high| low < high));
    }
}
