//! Runs the model for all scenarios and numbers of accounts, or for those that are asked for, and
//! says what comes of it. `cargo xtask simulate` builds and runs this.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum as _};
use simulation::{
    Parameters,
    model::{self, Outcomes},
    plot,
    report::{Report, Run, grouped},
    world::Scenario,
};

/// Models the backlog and lateness of deliveries under outages.
#[derive(Parser)]
struct Arguments {
    /// How many accounts there are; can be given several times [default: 10, 100, 1000, 10000]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    accounts: Vec<u32>,
    /// How many events an account posts in an hour, on average over accounts and hours
    #[arg(long, default_value_t = Parameters::default().events_per_account_hour, value_name = "NUMBER")]
    events_per_account_hour: f64,
    /// How much more than that is posted at noon, and less at midnight, as a share of it
    #[arg(long, default_value_t = Parameters::default().day_swing, value_name = "SHARE")]
    day_swing: f64,
    /// How many attempts fail at a receiver that is up, for no reason that lasts, as a share of all
    #[arg(long, default_value_t = Parameters::default().failing_share, value_name = "SHARE")]
    failing_share: f64,
    /// What goes wrong; can be given several times [default: each]
    #[arg(long, value_enum, value_name = "NAME")]
    scenario: Vec<Scenario>,
    /// How many attempts the machine makes in a second at most
    #[arg(long, default_value_t = Parameters::default().capacity, value_name = "NUMBER")]
    capacity: f64,
    /// What determines everything random
    #[arg(long, default_value_t = Parameters::default().seed, value_name = "NUMBER")]
    seed: u64,
    /// How many hours are simulated
    #[arg(long, default_value_t = Parameters::default().hours, value_name = "HOURS", value_parser = clap::value_parser!(u64).range(1..=240))]
    hours: u64,
    /// Where to write all figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The folder to write plots into, as SVG
    #[arg(long, value_name = "FOLDER")]
    plots: Option<PathBuf>,
}

impl Arguments {
    /// The runs that are asked for.
    fn plan(&self) -> Result<Vec<Parameters>> {
        let in_range = |value: f64| (1e-3..=1e6).contains(&value);
        ensure!(
            in_range(self.events_per_account_hour) && in_range(self.capacity),
            "--events-per-account-hour and --capacity are 0.001 to 1000000"
        );
        let shares = [self.day_swing, self.failing_share];
        ensure!(
            shares.iter().all(|share| (0.0..1.0).contains(share)),
            "--day-swing and --failing-share are 0 to less than 1"
        );
        let accounts = match self.accounts.as_slice() {
            [] => &[10, 100, 1_000, 10_000],
            chosen => chosen,
        };
        let scenarios = match self.scenario.as_slice() {
            [] => Scenario::value_variants(),
            chosen => chosen,
        };
        let mut plan = Vec::new();
        for scenario in scenarios {
            if let Some(hours) = scenario.hours() {
                ensure!(
                    hours.end < self.hours,
                    "\"{}\" ends after {} hours, so --hours has to be more",
                    scenario.label(),
                    hours.end
                );
            }
            for accounts in accounts {
                plan.push(Parameters {
                    accounts: *accounts as usize,
                    events_per_account_hour: self.events_per_account_hour,
                    day_swing: self.day_swing,
                    failing_share: self.failing_share,
                    scenario: *scenario,
                    capacity: self.capacity,
                    seed: self.seed,
                    hours: self.hours,
                });
            }
        }
        Ok(plan)
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulation: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let plan = arguments.plan()?;
    let started = Instant::now();
    let outcomes = run_all(&plan);
    let runs = plan.into_iter().zip(outcomes);
    let report = Report(
        runs.map(|(parameters, outcomes)| Run {
            parameters,
            outcomes,
        })
        .collect(),
    );
    print!("{report}");
    eprintln!("simulation: took {:.0} s", started.elapsed().as_secs_f64());
    if let Some(file) = &arguments.json {
        write(file, &report.json())?;
    }
    if let Some(folder) = &arguments.plots {
        let plots = [
            ("capacity-backlog.svg", plot::backlog(&report)),
            ("capacity-lateness.svg", plot::lateness(&report)),
        ];
        for (name, plot) in plots {
            match plot {
                Some(plot) => write(&folder.join(name), &plot)?,
                None => eprintln!("simulation: no {name}: it takes several numbers of accounts"),
            }
        }
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Runs them all, on as many processors as there are. Each has its own random numbers, so that the
/// order in which they are run changes nothing.
fn run_all(plan: &[Parameters]) -> Vec<Outcomes> {
    let next = AtomicUsize::new(plan.len());
    let outcomes: Vec<_> = plan.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        // From the end on, which has the most accounts: whoever takes long should not begin last.
        while let Ok(before) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1)
        }) {
            let parameters = &plan[before - 1];
            let (what, accounts) = (parameters.scenario.label(), parameters.accounts as u64);
            eprintln!("simulation: {what}, {} accounts", grouped(accounts));
            let own = model::run(parameters);
            *outcomes[before - 1].lock().expect("nobody panics with it") = Some(own);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let outcomes = outcomes.into_iter().map(Mutex::into_inner);
    outcomes
        .map(|outcomes| outcomes.ok().flatten().expect("each was run"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &str) -> Result<Vec<Parameters>> {
        let arguments = arguments.split_whitespace();
        Arguments::try_parse_from(std::iter::once("simulation").chain(arguments))?.plan()
    }

    #[test]
    fn every_scenario_is_run_for_every_number_of_accounts_unless_it_is_said() {
        assert_eq!(plan("").unwrap().len(), 20);
        let chosen = plan("--accounts 7 --scenario one-hangs --capacity 50").unwrap();
        let [only] = chosen.as_slice() else {
            panic!("{chosen:?}");
        };
        assert_eq!(only.accounts, 7);
        assert_eq!(only.scenario, Scenario::OneHangs);
        assert_eq!(only.capacity, 50.0);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in [
            "--accounts 0",
            "--capacity 0",
            "--capacity NaN",
            "--events-per-account-hour -1",
            "--day-swing 1",
            "--scenario many-down --hours 15",
        ] {
            assert!(plan(arguments).is_err(), "{arguments}");
        }
        assert!(plan("--scenario many-down --hours 16").is_ok());
    }

    #[test]
    fn runs_come_in_the_order_of_the_plan() {
        let plan = plan("--hours 12 --scenario none --accounts 10 --accounts 30").unwrap();
        let outcomes = run_all(&plan);
        let one_by_one: Vec<_> = plan.iter().map(model::run).collect();
        assert_eq!(outcomes, one_by_one);
    }
}
