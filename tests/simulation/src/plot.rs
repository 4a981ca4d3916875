//! Plots as SVG, readable on light and on dark pages.

use std::fmt::{self, Write as _};

use crate::{
    micros,
    model::STEP,
    report::{Report, Run, grouped},
};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 36.0;
const TOP: f64 = 44.0;
/// Below are the axis, its label, and the legend.
const BOTTOM: f64 = 140.0;
const LEGEND_COLUMNS: usize = 2;

/// Colours of Okabe and Ito's palette, which those who see colours differently tell apart too: each
/// for light pages and, where it would be too dark or too faint there, for dark ones.
const STYLE: &str = "
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 15px; font-weight: 600; }
.page { fill: #ffffff; }
.grid { stroke: #d1d9e0; }
.axis { stroke: #59636e; }
.outline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.c0 { stroke: #59636e; } .c1 { stroke: #0072b2; } .c2 { stroke: #c04a00; }
.c3 { stroke: #b0559a; } .c4 { stroke: #00825f; }
.dashed { stroke-dasharray: 6 4; }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc; }
.page { fill: #0d1117; }
.grid { stroke: #3d444d; }
.axis { stroke: #9198a1; }
.c0 { stroke: #9198a1; } .c1 { stroke: #56b4e9; } .c2 { stroke: #ff8c42; }
.c3 { stroke: #e39ccf; } .c4 { stroke: #2fc79a; }
}
";

/// A scale from the smallest to the largest value, with marks.
struct Axis {
    label: &'static str,
    from: f64,
    to: f64,
    /// Whether each tenfold takes as much room as any other.
    tenfold: bool,
    marks: Vec<(f64, String)>,
}

impl Axis {
    /// Where a value is, from 0 to 1. What is off the scale is at its end.
    fn place(&self, value: f64) -> f64 {
        let place = if self.tenfold {
            (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        place.clamp(0.0, 1.0)
    }

    /// An axis of tenfolds of `from`, as many as it takes until all values are on it.
    fn tenfold(
        label: &'static str,
        from: f64,
        values: impl Iterator<Item = f64>,
        mark: impl Fn(f64) -> String,
    ) -> Self {
        let largest = values.fold(from * 10.0, f64::max);
        let mut marks = vec![(from, mark(from))];
        let mut to = from;
        for exponent in 1.. {
            if to >= largest {
                break;
            }
            // A thousandth times ten times ten would be no hundredth, in binary.
            to = if from < 1.0 {
                10_f64.powi(exponent) / (1.0 / from)
            } else {
                10_f64.powi(exponent) * from
            };
            marks.push((to, mark(to)));
        }
        Self {
            label,
            from,
            to,
            tenfold: true,
            marks,
        }
    }
}

/// A line of a plot.
struct Line {
    name: String,
    colour: usize,
    dashed: bool,
    /// Whether each point is marked.
    dotted: bool,
    points: Vec<(f64, f64)>,
}

/// A plot.
struct Plot {
    title: String,
    across: Axis,
    up: Axis,
    lines: Vec<Line>,
}

/// How many deliveries wait in the course of the time, a line for each scenario, with the most
/// accounts that were simulated. `None` without any.
pub fn backlog(report: &Report) -> Option<String> {
    let accounts = report.0.iter().map(|run| run.parameters.accounts).max()?;
    let runs = || {
        let runs = report.0.iter();
        runs.filter(move |run| run.parameters.accounts == accounts)
    };
    let hours = runs().map(|run| run.parameters.hours).max()?;
    let step = micros::of(STEP) as f64 / micros::hours(1) as f64;
    let lines: Vec<_> = runs()
        .map(|run| Line {
            dotted: false,
            // A moment's backlog stands for its five minutes, at their middle.
            points: (0..)
                .zip(&run.outcomes.backlog)
                .map(|(index, due)| ((f64::from(index) + 0.5) * step, *due as f64))
                .collect(),
            ..line(run)
        })
        .collect();
    let most = lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|point| point.1);
    let plot = Plot {
        title: format!(
            "Modelled: deliveries due and waiting, {} accounts",
            grouped(accounts as u64)
        ),
        across: Axis {
            label: "time since the beginning (hours)",
            from: 0.0,
            to: hours as f64,
            tenfold: false,
            marks: (0..=hours)
                .step_by((hours / 8).max(1) as usize)
                .map(|hour| (hour as f64, hour.to_string()))
                .collect(),
        },
        up: Axis::tenfold("deliveries (most in 5 minutes)", 1.0, most, |mark| {
            grouped(mark as u64)
        }),
        lines,
    };
    Some(plot.to_string())
}

/// How late 99 of 100 first attempts are at most, by the number of accounts: two lines for each
/// scenario. `None` when there are not at least two numbers of accounts.
pub fn lateness(report: &Report) -> Option<String> {
    let accounts = || report.0.iter().map(|run| run.parameters.accounts);
    let (fewest, most) = (accounts().min()?, accounts().max()?);
    if fewest == most {
        return None;
    }
    let mut lines: Vec<Line> = Vec::new();
    for run in &report.0 {
        let outcomes = &run.outcomes;
        let own = line(run);
        let of_some = run.parameters.scenario.has_receivers_down();
        let all = (own.name.clone(), false, &outcomes.first_attempts);
        let up = (
            format!("{}: at those up", own.name),
            true,
            &outcomes.first_attempts_up,
        );
        // Where nobody is down the second would be the first again.
        for (name, dashed, late) in [Some(all), of_some.then_some(up)].into_iter().flatten() {
            let point = (run.parameters.accounts as f64, late.p99_ms / 1_000.0);
            if let Some(line) = lines.iter_mut().find(|line| line.name == name) {
                line.points.push(point);
            } else {
                lines.push(Line {
                    name,
                    dashed,
                    points: vec![point],
                    ..line_like(&own)
                });
            }
        }
    }
    let late = lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|point| point.1);
    let plot = Plot {
        title: "Modelled: how late 99 of 100 first attempts in the outage are at most".to_owned(),
        up: Axis::tenfold("p99 lateness (seconds)", 0.001, late, |seconds| {
            if seconds < 1.0 {
                seconds.to_string()
            } else {
                grouped(seconds.round() as u64)
            }
        }),
        across: Axis::tenfold(
            "accounts",
            fewest as f64,
            std::iter::once(most as f64),
            |mark| grouped(mark as u64),
        ),
        lines,
    };
    Some(plot.to_string())
}

fn line(run: &Run) -> Line {
    let scenario = run.parameters.scenario;
    Line {
        name: scenario.label().to_owned(),
        colour: scenario as usize,
        dashed: false,
        dotted: true,
        points: Vec::new(),
    }
}

fn line_like(other: &Line) -> Line {
    Line {
        name: String::new(),
        points: Vec::new(),
        ..*other
    }
}

impl Plot {
    fn x(&self, value: f64) -> f64 {
        LEFT + self.across.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.up.place(value) * (HEIGHT - TOP - BOTTOM)
    }

    fn axes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, mark) in &self.up.marks {
            let y = self.y(*value);
            writeln!(
                f,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>\n\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{mark}</text>",
                LEFT - 8.0,
                y + 4.5,
            )?;
        }
        for (value, mark) in &self.across.marks {
            let x = self.x(*value);
            writeln!(
                f,
                "<line class=\"axis\" x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{}\"/>\n\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{mark}</text>",
                bottom + 5.0,
                bottom + 20.0,
            )?;
        }
        let (middle, height) = (f64::midpoint(LEFT, right), f64::midpoint(TOP, bottom));
        writeln!(
            f,
            "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{right}\" y2=\"{bottom}\"/>\n\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n\
             <text transform=\"translate(16 {height}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            bottom + 40.0,
            self.across.label,
            self.up.label,
        )
    }

    fn legend(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.lines.iter().enumerate() {
            let column = (WIDTH - 32.0) / LEGEND_COLUMNS as f64;
            let x = 16.0 + (index % LEGEND_COLUMNS) as f64 * column;
            let y = HEIGHT - BOTTOM + 62.0 + (index / LEGEND_COLUMNS) as f64 * 19.0;
            writeln!(
                f,
                "<path class=\"{}\" d=\"M{x:.1} {y:.1}h26\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                line.class(),
                x + 32.0,
                y + 4.5,
                line.name,
            )?;
        }
        Ok(())
    }
}

impl Line {
    fn class(&self) -> String {
        let dashed = if self.dashed { " dashed" } else { "" };
        format!("outline c{}{dashed}", self.colour)
    }
}

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
             <text class=\"title\" x=\"16\" y=\"26\">{title}</text>",
            title = self.title,
        )?;
        self.axes(f)?;
        for line in &self.lines {
            let mut path = String::new();
            for (index, (x, y)) in line.points.iter().enumerate() {
                let step = if index == 0 { 'M' } else { 'L' };
                write!(path, "{step}{:.1} {:.1}", self.x(*x), self.y(*y))?;
            }
            writeln!(f, "<path class=\"{}\" d=\"{path}\"/>", line.class())?;
            if line.dotted {
                for (x, y) in &line.points {
                    let (x, y) = (self.x(*x), self.y(*y));
                    let class = format!("outline c{}", line.colour);
                    writeln!(
                        f,
                        "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"
                    )?;
                }
            }
        }
        self.legend(f)?;
        writeln!(f, "</svg>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Parameters, model, world::Scenario};

    fn report(accounts: &[usize]) -> Report {
        let runs = accounts.iter().flat_map(|accounts| {
            [Scenario::None, Scenario::FewDown].map(|scenario| {
                let parameters = Parameters {
                    accounts: *accounts,
                    scenario,
                    hours: 12,
                    ..Parameters::default()
                };
                Run {
                    outcomes: model::run(&parameters),
                    parameters,
                }
            })
        });
        Report(runs.collect())
    }

    #[test]
    fn a_plot_has_labelled_axes_and_a_legend_of_each_line() {
        let report = report(&[10, 100]);
        let backlog = backlog(&report).unwrap();
        let lateness = lateness(&report).unwrap();
        for text in [
            "time since the beginning (hours)",
            "deliveries (most in 5 minutes)",
        ] {
            assert!(backlog.contains(text), "{text}");
        }
        for text in ["accounts", "p99 lateness (seconds)", "0.01"] {
            assert!(lateness.contains(&format!(">{text}<")), "{text}");
        }
        for plot in [backlog, lateness] {
            for scenario in [Scenario::None, Scenario::FewDown] {
                assert!(plot.contains(&format!(">{}<", scenario.label())));
            }
            assert!(!plot.contains("NaN") && !plot.contains("inf"));
            assert!(plot.contains("prefers-color-scheme: dark"));
        }
    }

    #[test]
    fn there_is_no_line_over_a_single_number_of_accounts() {
        let report = report(&[10]);
        assert!(backlog(&report).is_some());
        assert_eq!(lateness(&report), None);
        assert_eq!(backlog(&Report(Vec::new())), None);
    }

    #[test]
    fn an_axis_of_powers_of_ten_has_all_values_on_it() {
        let axis = Axis::tenfold("", 1.0, [7.0, 2_500.0].into_iter(), |mark| mark.to_string());
        let marks: Vec<_> = axis.marks.iter().map(|mark| mark.0).collect();
        assert_eq!(marks, [1.0, 10.0, 100.0, 1_000.0, 10_000.0]);
        assert_eq!(axis.place(100.0), 0.5);
        assert_eq!(axis.place(0.0), 0.0);
    }
}
