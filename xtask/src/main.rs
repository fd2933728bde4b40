//! The duty roster of the repository: `cargo xtask <verb>`. It needs nothing but cargo.
//!
//! `ci` is everything that CI runs, in CI's order; the other verbs are its steps and the tools behind them.

#![expect(clippy::print_stdout, reason = "a program for people who read its output")]

mod api;
mod bench;
mod ci;
mod cluster;
mod counts;
mod deny;
mod differential;
mod docs;
mod features;
mod fuzz;
mod kafka;
mod process;
mod quickstart;
mod registry;
mod simulate;
mod steps;
mod tidy;
mod tree;

use std::env;
use std::process::ExitCode;

use steps::Outcome;

const HELP: &str = "\
cargo xtask <verb>

  ci [--list] [--keep-going] [STEP…]   everything that CI runs, or the named steps of it
  tidy                                 the rules of the house that no compiler checks
  api [--check]                        write connect-api/api.txt, or fail when it is stale
  docs [--check]                       write docs/src/reference/, or fail when it is stale
  kafka                                the real-Kafka tests, on a broker that it starts and stops
  kafka --version V                    the conformance suite of the client `native` on a broker of that version
  kafka start|stop|kill9|status|env [--port P] [--dir DIR] [--version V] [--secure] [--set KEY=VALUE]…
                                       one real Kafka broker by hand; start prints its address
  kafka topics|console-consumer|console-producer|… ARGS
                                       Kafka's own command line tools; `kafka help` lists them
  registry                             the tests of a schema registry on a real one that it starts and stops; not in CI
  registry start [--port P] | stop     one real schema registry by hand; start prints its URL
  cluster [NAME]…                      clusters of workers that are killed, cut off and mixed with genuine Java ones,
                                       on a Kafka of their own; takes minutes and prints times
  deny                                 licences, duplicates and sources of all dependencies
  quickstart                           run the quickstart on a text file and compare its output
  differential [--cases N] [--seed S]… [--only NAME]… [--write-scorecard]
                                       random cases, compared with genuine Java; differences, made small, go to a file
  differential --registry [--cases N] [--seed S]…
                                       the same for converters with a registry: written, read, crosswise and back
  answer                               cases in JSON on standard input, answers on standard output: equivalence/README.md
  simulate [--seeds N] [--from SEED] [--scenario NAME]… [--connector KEY=VALUE]… [--replay SCHEDULE]
                                       pipelines with crashes and faults, by seed, in release mode
  simulate --breaks [NAME]…            within how many seeds each break of the engine is caught
  bench [ARGS]                         the benchmarks, in release mode
  counts [--bless]                     instructions per record, compared with benches/counts.txt, or written to it
  fuzz [--seconds N] [TARGET]          every fuzz target, or one, for N seconds; needs nightly Rust and cargo-fuzz
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let verb = args.first().map_or("help", String::as_str);
    let rest = args.get(1..).unwrap_or_default();
    let done = match verb {
        "ci" => ci::run(rest),
        "tidy" => no_arguments(verb, rest).and_then(|()| tidy::run()),
        "api" => check_flag(verb, rest).and_then(api::run),
        "docs" => check_flag(verb, rest).and_then(docs::run),
        "kafka" => match rest {
            [] => kafka::suite(),
            [flag, version] if flag == "--version" => kafka::suite_on(version),
            _ => kafka::tool(rest),
        },
        "registry" if rest.is_empty() => registry::suite(),
        "registry" => registry::tool(rest),
        "cluster" => cluster::run(rest),
        "deny" => no_arguments(verb, rest).and_then(|()| deny::run()),
        "quickstart" => no_arguments(verb, rest).and_then(|()| quickstart::run()),
        "answer" => no_arguments(verb, rest).and_then(|()| answer()),
        "differential" => differential::run(rest),
        "simulate" => simulate::run(rest),
        "bench" => bench::run(rest),
        "counts" => counts::run(rest),
        "fuzz" => fuzz::run(rest),
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => Err(format!("there is no verb {verb}\n\n{HELP}")),
    };
    match done {
        Ok(Outcome::Done(note)) if note.is_empty() => ExitCode::SUCCESS,
        Ok(Outcome::Done(note)) => {
            println!("{verb}: {note}");
            ExitCode::SUCCESS
        }
        Ok(Outcome::Skipped(why)) => {
            println!("{verb}: skipped: {why}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cargo xtask {verb}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Builds and runs the program that answers cases; with checks for overflow, so not optimised.
fn answer() -> steps::StepResult {
    process::run_unseen(process::cargo("build --quiet -p equivalence --bin answer"))?;
    process::run_unseen(process::cargo("run --quiet -p equivalence --bin answer"))?;
    Ok(Outcome::Done(String::new()))
}

fn no_arguments(verb: &str, rest: &[String]) -> Result<(), String> {
    match rest.first() {
        None => Ok(()),
        Some(argument) => Err(format!("{verb} takes no argument, {argument} was given")),
    }
}

fn check_flag(verb: &str, rest: &[String]) -> Result<bool, String> {
    match rest {
        [] => Ok(false),
        [flag] if flag == "--check" => Ok(true),
        _ => Err(format!("{verb} takes --check or nothing, `{}` was given", rest.join(" "))),
    }
}
