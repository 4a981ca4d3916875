//! What came of the runs, as a table for people and as JSON for programs.

use std::fmt;

use serde::Serialize;

use crate::{Parameters, model::Outcomes};

/// A run and what came of it.
#[derive(Debug, Serialize)]
pub struct Run {
    /// What was simulated.
    pub parameters: Parameters,
    /// What came of it.
    pub outcomes: Outcomes,
}

/// All runs, in the order in which they are told.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Report(pub Vec<Run>);

impl Report {
    /// The report as JSON.
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a report has string keys");
        text.push('\n');
        text
    }
}

const HEADINGS: [&str; 15] = [
    "scenario",
    "accounts",
    "deliveries/s",
    "peak backlog",
    "in flight",
    "all late: p50",
    "p99",
    "most",
    "up late: p99",
    "most",
    "retries late: most",
    "backlog gone after",
    "all settled after",
    "attempts",
    "given up",
];

/// The columns that are not numbers: the scenario alone.
const TEXTS: usize = 1;

impl fmt::Display for Report {
    /// A table in Markdown, aligned for those who read it as it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.0.iter().map(cells).collect();
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(HEADINGS[column].len())
        };
        let widths: [usize; HEADINGS.len()] = std::array::from_fn(width);
        line(f, &HEADINGS.map(str::to_owned), &widths)?;
        write!(f, "|")?;
        for (column, width) in widths.into_iter().enumerate() {
            let end = if column < TEXTS { "-" } else { ":" };
            write!(f, "{}{end}|", "-".repeat(width + 1))?;
        }
        writeln!(f)?;
        rows.iter().try_for_each(|row| line(f, row, &widths))?;
        self.0.iter().try_for_each(|run| overload(f, run))
    }
}

/// Says so when a backlog is there to stay.
fn overload(f: &mut fmt::Formatter<'_>, run: &Run) -> fmt::Result {
    let Run {
        parameters,
        outcomes,
    } = run;
    if !outcomes.overloaded(parameters) {
        return Ok(());
    }
    writeln!(
        f,
        "\n{}, {} accounts: more is owed than is sent. {} deliveries are due at the end, and with every \
         hour {:.0} more.",
        parameters.scenario.label(),
        grouped(parameters.accounts as u64),
        grouped(outcomes.due),
        outcomes.growth_per_hour
    )
}

fn line(
    f: &mut fmt::Formatter<'_>,
    cells: &[String; HEADINGS.len()],
    widths: &[usize; HEADINGS.len()],
) -> fmt::Result {
    write!(f, "|")?;
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if column < TEXTS {
            write!(f, " {cell:<width$} |")?;
        } else {
            write!(f, " {cell:>width$} |")?;
        }
    }
    writeln!(f)
}

fn cells(run: &Run) -> [String; HEADINGS.len()] {
    let Run {
        parameters,
        outcomes,
    } = run;
    let after = |seconds: Option<f64>| match (seconds, parameters.scenario.hours()) {
        (_, None) => "–".to_owned(),
        (Some(0.0), _) => "at once".to_owned(),
        (Some(seconds), _) => duration(seconds),
        (None, _) => "later than the end".to_owned(),
    };
    let late = |millis: f64| duration(millis / 1_000.0);
    let (all, up) = (&outcomes.first_attempts, &outcomes.first_attempts_up);
    let seconds = (parameters.hours * 60 * 60) as f64;
    [
        parameters.scenario.label().to_owned(),
        grouped(parameters.accounts as u64),
        format!("{:.3}", outcomes.deliveries as f64 / seconds),
        grouped(outcomes.peak_backlog as u64),
        grouped(outcomes.peak_in_flight as u64),
        late(all.p50_ms),
        late(all.p99_ms),
        late(all.max_ms),
        late(up.p99_ms),
        late(up.max_ms),
        late(outcomes.retries.max_ms),
        after(outcomes.backlog_gone_after_s),
        after(outcomes.settled_after_s),
        grouped(outcomes.attempts),
        grouped(outcomes.given_up),
    ]
}

/// Seconds, in the unit in which they are read best.
pub fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        ..1.0 => return format!("{:.0} ms", seconds * 1_000.0),
        ..60.0 => (seconds, "s"),
        ..3_600.0 => (seconds / 60.0, "min"),
        _ => (seconds / 3_600.0, "h"),
    };
    format!("{value:.1} {unit}")
}

/// A number with a comma after each three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;
    use crate::{model, world::Scenario};

    #[test]
    fn numbers_are_written_as_people_read_them() {
        for (seconds, text) in [
            (0.0, "0 ms"),
            (0.0142, "14 ms"),
            (2.34, "2.3 s"),
            (90.0, "1.5 min"),
            (7_200.0, "2.0 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (7_654_321, "7,654,321"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn the_page_shows_a_table_of_these_columns_with_every_scenario() {
        let page = include_str!("../../../docs/capacity.md");
        let tables = page.lines().filter(|line| line.starts_with("| scenario "));
        let headings = tables.map(|line| {
            let cells = line.trim_matches('|').split('|').map(str::trim);
            cells.collect::<Vec<_>>()
        });
        assert_eq!(headings.collect::<Vec<_>>(), [HEADINGS]);
        for scenario in Scenario::value_variants() {
            assert!(page.contains(&format!("\n| {} ", scenario.label())));
            let name = scenario.to_possible_value().unwrap();
            assert!(page.contains(&format!("`{}`", name.get_name())));
        }
    }

    #[test]
    fn the_table_has_a_line_for_each_run_and_all_lines_are_as_wide() {
        let runs = [Scenario::None, Scenario::FewDown].map(|scenario| {
            let parameters = Parameters {
                accounts: 10,
                scenario,
                hours: 12,
                ..Parameters::default()
            };
            Run {
                outcomes: model::run(&parameters),
                parameters,
            }
        });
        let report = Report(runs.into());
        let table = report.to_string();
        let widths: Vec<_> = table.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths.len(), 4);
        assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json[1]["parameters"]["scenario"], "few-down");
        let deliveries = &json[1]["outcomes"]["deliveries"];
        assert!(deliveries.as_u64().is_some_and(|count| count > 0));
    }
}
