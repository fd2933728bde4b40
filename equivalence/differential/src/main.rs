//! `cargo xtask differential`: random cases, answered by the genuine Java classes and by ours, compared.
//!
//! What differs and is not in `known.json` is made small and written as a vector line, and the run fails.

#![expect(clippy::print_stdout, reason = "a program for people who read its output")]

mod compare;
mod converters;
mod crosswise;
mod dates;
mod dice;
mod json_text;
mod known;
mod line;
mod program;
mod record;
mod regexes;
mod registry;
mod run;
mod scalar;
mod schema;
mod scorecard;
mod shrink;
mod subjects;
mod transforms;
mod value;
mod values;

use std::env;
use std::process::ExitCode;

const HELP: &str = "\
connect-differential --java COMMAND --ours COMMAND [OPTION]…

  --cases N           how many cases, 10000 unless told
  --seed S            where they start, 1 unless told; the same seed gives the same cases; may come several times
  --only NAME         cases for one plugin or operation only; may come several times
  --found FILE        where the vector line of every difference goes
  --shrink N          how many differences are made small, 20 unless told; the rest is counted
  --messages FILE     error messages that differ go there; they fail nothing
  --figures FILE      keep what was counted, if nothing differed
  --page FILE         run nothing but write the scorecard, from --figures and the answers of --ours to --vectors
  --vectors FILE      a file of vectors for the scorecard; may come several times
  --registry          converters with a registry: written, read, crosswise, and back
  --print             print the cases and run nothing
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = run::Options::parse(&arguments).and_then(|options| run::run(&options));
    match done {
        Ok(note) => {
            println!("{note}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
