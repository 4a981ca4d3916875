//! The figures as a table for people and as JSON for programs.

use std::fmt;

use serde::Serialize;

use crate::{Plan, machine::Machine, statistics::Series};

/// All that was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    durability: &'static str,
    round_seconds: u64,
    measures: Vec<Row>,
}

/// One line of the table.
#[derive(Default, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// How many a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) per_second: Option<Series>,
    /// The median latency in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_ms: Option<Series>,
    /// What 99 of 100 latencies do not exceed, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_ms: Option<Series>,
    /// The processor time that the host takes for each, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_ms: Option<Series>,
    /// The first of these figures, as so many times that of another line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<Ratio>,
    /// What is to be reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) targets: Vec<Target>,
    /// What else is worth knowing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
}

/// A figure, compared.
#[derive(Serialize)]
pub(crate) struct Ratio {
    /// How many times the other.
    pub(crate) times: f64,
    /// The other.
    pub(crate) of: String,
}

/// Something to be reached.
#[derive(Serialize)]
pub(crate) struct Target {
    target: String,
    met: bool,
}

impl Target {
    /// `figure` is to be at least `limit`.
    pub(crate) fn at_least(name: &str, figure: f64, limit: f64) -> Self {
        Self {
            target: format!("{name} ≥ {limit}"),
            met: figure >= limit,
        }
    }

    /// `figure` is to be at most `limit`.
    pub(crate) fn at_most(name: &str, figure: f64, limit: f64) -> Self {
        Self {
            target: format!("{name} ≤ {limit}"),
            met: figure <= limit,
        }
    }
}

impl Report {
    /// A report without figures.
    pub(crate) fn new(machine: Machine, plan: &Plan) -> Self {
        let durability = plan.durability.as_str();
        Self {
            machine,
            durability,
            round_seconds: plan.duration.as_secs(),
            measures: Vec::new(),
        }
    }

    /// Takes in what was measured.
    pub(crate) fn add(&mut self, rows: Vec<Row>) {
        self.measures.extend(rows);
    }

    /// The report as JSON.
    pub(crate) fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a report has string keys");
        text.push('\n');
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine {
            cpu,
            cores,
            kernel,
            load,
            sync_ms,
            host,
        } = &self.machine;
        writeln!(
            f,
            "{host}, durability {}, on {cpu}, {cores} cores shared with load and receiver, {kernel}; \
             the disk takes {sync_ms:.2} ms to keep a write; load before {load}; rounds of {} s\n",
            self.durability, self.round_seconds
        )?;
        let heads = [
            "measure",
            "per second",
            "p50 ms",
            "p99 ms",
            "CPU ms",
            "ratio",
            "target",
            "note",
        ];
        let lines: Vec<_> = std::iter::once(heads.map(str::to_owned))
            .chain(self.measures.iter().map(Row::cells))
            .collect();
        let widths: [usize; 8] = std::array::from_fn(|column| {
            lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or_default()
        });
        for (number, line) in lines.iter().enumerate() {
            let cells = line
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!(" {cell:<width$} |"));
            writeln!(f, "|{}", cells.collect::<String>())?;
            if number == 0 {
                let rules = widths.map(|width| "-".repeat(width + 2));
                writeln!(f, "|{}|", rules.join("|"))?;
            }
        }
        Ok(())
    }
}

impl Row {
    fn cells(&self) -> [String; 8] {
        let median = |series: &Option<Series>, digits| {
            series
                .as_ref()
                .map(|series| format!("{:.digits$}", series.median))
                .unwrap_or_default()
        };
        let targets: Vec<_> = self.targets.iter().map(Target::shown).collect();
        [
            self.what.clone(),
            median(&self.per_second, 0),
            median(&self.p50_ms, 1),
            median(&self.p99_ms, 1),
            median(&self.cpu_ms, 2),
            self.ratio.as_ref().map(Ratio::shown).unwrap_or_default(),
            targets.join(", "),
            self.note.clone(),
        ]
    }
}

impl Ratio {
    fn shown(&self) -> String {
        format!("{:.2} × {}", self.times, self.of)
    }
}

impl Target {
    fn shown(&self) -> String {
        format!(
            "{}: {}",
            self.target,
            if self.met { "met" } else { "MISSED" }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let machine = Machine {
            cpu: "A processor".into(),
            cores: 2,
            kernel: "Linux 6".into(),
            load: 0.5,
            sync_ms: 0.25,
            host: "spin 4".into(),
        };
        let row = Row {
            what: "events".into(),
            per_second: Some(Series::new(vec![900.4, 950.0, 800.0])),
            p99_ms: Some(Series::new(vec![12.34])),
            cpu_ms: Some(Series::new(vec![0.456])),
            ratio: Some(Ratio {
                times: 1.5,
                of: "none".into(),
            }),
            targets: vec![
                Target::at_least("rate", 900.4, 1_000.0),
                Target::at_most("p99", 12.34, 50.0),
            ],
            ..Row::default()
        };
        Report {
            machine,
            durability: "full",
            round_seconds: 5,
            measures: vec![row],
        }
    }

    #[test]
    fn a_table_has_a_line_for_each_measure_and_says_which_targets_are_met() {
        let text = report().to_string();
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[0].starts_with("spin 4, durability full, on A processor, 2 cores"),
            "{text}"
        );
        assert_eq!(
            lines[2..],
            [
                "| measure | per second | p50 ms | p99 ms | CPU ms | ratio       | target                             | note |",
                "|---------|------------|--------|--------|--------|-------------|------------------------------------|------|",
                "| events  | 900        |        | 12.3   | 0.46   | 1.50 × none | rate ≥ 1000: MISSED, p99 ≤ 50: met |      |",
            ]
        );
    }

    #[test]
    fn json_keeps_the_rounds() {
        let json: serde_json::Value = serde_json::from_str(&report().json()).expect("JSON");
        assert_eq!(json["measures"][0]["per_second"]["rounds"][1], 950.0);
        assert_eq!(json["measures"][0]["targets"][0]["met"], false);
        assert_eq!(json["machine"]["cores"], 2);
    }
}
