//! Simulates many seeds: `cargo xtask simulate` builds and runs it.
//!
//! It exits with 1 when a seed fails. With `--catch` it stops at the first failure, says how many seeds that took, and
//! exits with 1 when nothing fails: for engines that were broken on purpose.
#![expect(clippy::print_stdout, reason = "a program for people who read its output")]
#![expect(clippy::disallowed_methods, reason = "it measures how long a simulation takes, in real time")]

use std::process::ExitCode;
use std::time::Instant;

use connect_testkit::simulation::{Scenario, Schedule, Simulation};

const HELP: &str = "simulate [--seeds N] [--from SEED] [--scenario NAME]… [--connector KEY=VALUE]… [--catch] \
                    [--replay SCHEDULE]";
/// How many failures of a scenario are shown.
const SHOWN: usize = 3;

struct Options {
    seeds: u64,
    from: u64,
    scenarios: Vec<Scenario>,
    /// Keys of the connector beside those of the scenario.
    connector: Vec<(String, String)>,
    catch: bool,
    replay: Option<Schedule>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        seeds: 1_000,
        from: 0,
        scenarios: Vec::new(),
        connector: Vec::new(),
        catch: false,
        replay: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n{HELP}"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is no number\n{HELP}"));
        match arg.as_str() {
            "--seeds" => options.seeds = number(value()?)?,
            "--from" => options.from = number(value()?)?,
            "--scenario" => options.scenarios.push(value()?.parse()?),
            "--connector" => {
                let text = value()?;
                let (key, value) =
                    text.split_once('=').ok_or_else(|| format!("{text} is no KEY=VALUE\n{HELP}"))?;
                options.connector.push((key.to_owned(), value.to_owned()));
            }
            "--catch" => options.catch = true,
            "--replay" => options.replay = Some(value()?.parse()?),
            _ => return Err(format!("there is no {arg}\n{HELP}")),
        }
    }
    if options.scenarios.is_empty() {
        options.scenarios = Scenario::ALL.to_vec();
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut failed = false;
    for scenario in &options.scenarios {
        failed |= match &options.replay {
            Some(schedule) => replay(*scenario, schedule, &options),
            None => simulate(*scenario, &options),
        };
        if failed && options.catch {
            return ExitCode::SUCCESS;
        }
    }
    if failed == options.catch { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn simulation(scenario: Scenario, options: &Options) -> Simulation {
    let of_scenario = scenario.simulation();
    options.connector.iter().fold(of_scenario, |simulation, (key, value)| simulation.connector(key, value))
}

fn replay(scenario: Scenario, schedule: &Schedule, options: &Options) -> bool {
    match simulation(scenario, options).replay(schedule) {
        Ok(summary) => {
            simulation(scenario, options).steps(schedule).iter().for_each(|step| println!("{step}"));
            println!("{scenario}: no violation, {summary:?}");
        }
        Err(failure) => {
            failure.steps.iter().for_each(|step| println!("{step}"));
            println!("{failure}");
            return true;
        }
    }
    false
}

/// Whether a seed failed.
fn simulate(scenario: Scenario, options: &Options) -> bool {
    let simulation = simulation(scenario, options);
    let began = Instant::now();
    let (mut steps, mut lives, mut faults, mut passed) = (0, 0, 0, 0);
    let mut failures = Vec::new();
    for seed in options.from..options.from + options.seeds {
        match simulation.run(seed) {
            Ok(summary) => {
                steps += summary.steps;
                lives += summary.lives;
                faults += summary.faults;
                passed += 1;
            }
            Err(failure) => {
                if options.catch {
                    println!("caught by seed {seed} of {scenario}, the {}.", seed - options.from + 1);
                    println!("{}: {}", failure.shortest, failure.violation);
                    return true;
                }
                if failures.len() < SHOWN {
                    println!("{failure}");
                }
                failures.push(seed);
            }
        }
    }
    let count = passed.max(1);
    println!(
        "{scenario}: {passed} seeds passed, {} failed {:?}; {:.2} ms each; on average {} steps, {:.1} workers, {:.1} faults",
        failures.len(),
        failures.iter().take(10).collect::<Vec<_>>(),
        began.elapsed().as_secs_f64() * 1e3 / (options.seeds.max(1) as f64),
        steps / count,
        lives as f64 / count as f64,
        faults as f64 / count as f64,
    );
    !failures.is_empty()
}
