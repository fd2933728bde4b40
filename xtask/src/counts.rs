//! `cargo xtask counts`: what the record path costs in instructions per record, compared with what is recorded.
//!
//! A time depends on the machine and on what else it does; the number of instructions of a fixed piece of work hardly
//! does. callgrind, a part of valgrind, counts them. As a step of CI it installs valgrind where that is missing and can
//! be had; where it cannot, the step says so and is skipped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::{cargo, output, root, run as run_command, target, works};
use crate::steps::{Outcome, StepResult};

/// Where the figures are.
const RECORDED: &str = "benches/counts.txt";
/// How far a figure may be above the recorded one, as a share of it. Hash seeds alone move some by 4 %.
const TOLERANCE: f64 = 0.10;
const HEAD: &str = "\
# Instructions per record, counted by callgrind: `cargo xtask counts` compares, `cargo xtask counts --bless` writes.
";

/// Instructions per record, by the name of the case.
type Counts = BTreeMap<String, f64>;

/// Compares, or writes with `--bless`.
pub(crate) fn run(args: &[String]) -> StepResult {
    let bless = match args {
        [] => false,
        [flag] if flag == "--bless" => true,
        _ => return Err("counts takes nothing or --bless".to_owned()),
    };
    if !has_valgrind() {
        let why =
            "there is no valgrind here, so no instruction was counted; `apt-get install valgrind` gives it";
        return if bless { Err(why.to_owned()) } else { Ok(Outcome::Skipped(why.to_owned())) };
    }
    let fresh = count()?;
    let path = root().join(RECORDED);
    if bless {
        fs::write(&path, print(&fresh)).map_err(|error| format!("{RECORDED}: {error}"))?;
        return Ok(Outcome::Done(format!("{} figures written to {RECORDED}", fresh.len())));
    }
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("{RECORDED}: {error}; `cargo xtask counts --bless` writes it"))?;
    let (worse, fewer) = compare(&read(&text)?, &fresh);
    if !worse.is_empty() {
        return Err(format!(
            "Records cost more instructions than recorded, or other cases are counted. If that is meant, run `cargo \
             xtask counts --bless` and commit {RECORDED}.\n{}",
            worse.join("\n")
        ));
    }
    fewer.iter().for_each(|line| println!("{line}"));
    let note = if fewer.is_empty() { "" } else { "; some have become fewer, `--bless` records that" };
    Ok(Outcome::Done(format!("{} figures, none higher by more than 10 %{note}", fresh.len())))
}

fn has_valgrind() -> bool {
    works("valgrind", &["--version"])
}

/// The step of CI.
pub(crate) fn suite() -> StepResult {
    if !has_valgrind() && std::env::var_os("CI").is_some() {
        // That it failed shows in what `run` says.
        let _ = works("apt-get", &["update", "-qq"])
            && works("apt-get", &["install", "-y", "-qq", "--no-install-recommends", "valgrind"]);
    }
    run(&[])
}

fn count() -> Result<Counts, String> {
    run_command(cargo("build --quiet --release -p connect-counts"))?;
    let dumps = target().join("xtask/counts");
    let failed = |error: std::io::Error| format!("{}: {error}", dumps.display());
    if dumps.exists() {
        fs::remove_dir_all(&dumps).map_err(failed)?;
    }
    fs::create_dir_all(&dumps).map_err(failed)?;
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--tool=callgrind", "--dump-after=*instructions_until_here*"]);
    command.arg(format!("--callgrind-out-file={}", dumps.join("dump").display()));
    command.arg(target().join("release/connect-counts"));
    let said = output(command)?;
    let executed =
        said.lines().enumerate().map(|(index, _)| total(&dumps.join(format!("dump.{}", index + 1))));
    per_record(&said, &executed.collect::<Result<Vec<_>, _>>()?)
}

/// What callgrind counted between two dumps.
fn total(dump: &Path) -> Result<f64, String> {
    let text = fs::read_to_string(dump).map_err(|error| format!("{}: {error}", dump.display()))?;
    let line = text.lines().rev().find_map(|line| line.strip_prefix("totals: "));
    line.and_then(|number| number.trim().parse().ok())
        .ok_or_else(|| format!("{} has no total", dump.display()))
}

/// Puts the lines of the program and the dumps together. A case with two lines is their difference.
fn per_record(said: &str, executed: &[f64]) -> Result<Counts, String> {
    let mut sums = BTreeMap::<&str, (f64, f64)>::new();
    for (line, instructions) in said.lines().zip(executed) {
        let Some((name, records)) = line.split_once('\t') else { continue };
        let records: f64 = records.parse().map_err(|_| format!("the program says: {line}"))?;
        let sum = sums.entry(name).or_default();
        sum.0 += instructions * records.signum();
        sum.1 += records;
    }
    match sums.is_empty() {
        true => Err("the program says nothing".to_owned()),
        false => {
            Ok(sums.into_iter().map(|(name, (all, records))| (name.to_owned(), all / records)).collect())
        }
    }
}

fn print(counts: &Counts) -> String {
    let mut text = HEAD.to_owned();
    for (name, count) in counts {
        let _ = writeln!(text, "{count:>8.0}  {name}");
    }
    text
}

fn read(text: &str) -> Result<Counts, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let parsed = lines.map(|line| {
        let (count, name) =
            line.trim().split_once("  ").ok_or_else(|| format!("{RECORDED} has the line {line}"))?;
        let count = count.parse().map_err(|_| format!("{RECORDED} has the line {line}"))?;
        Ok((name.to_owned(), count))
    });
    parsed.collect()
}

/// What fails, and what has become less.
fn compare(recorded: &Counts, fresh: &Counts) -> (Vec<String>, Vec<String>) {
    let (mut worse, mut fewer) = (Vec::new(), Vec::new());
    for (name, count) in fresh {
        match recorded.get(name) {
            None => worse.push(format!("{name}: {count:.0}, not recorded")),
            // Of few instructions one is much.
            Some(before) if (count - before).abs() <= (before * TOLERANCE).max(3.0) => {}
            Some(before) => {
                let share = (count / before - 1.0) * 100.0;
                let lines = if share > 0.0 { &mut worse } else { &mut fewer };
                lines.push(format!("{name}: {count:.0} instead of {before:.0} ({share:+.1} %)"));
            }
        }
    }
    let gone = recorded.keys().filter(|name| !fresh.contains_key(*name));
    worse.extend(gone.map(|name| format!("{name}: recorded, but no longer counted")));
    (worse, fewer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_with_two_lines_is_their_difference_and_preparation_does_not_count() {
        let counts = per_record("-\na\t500\nloop\t-10\nloop\t30\n", &[9e9, 1000.0, 500.0, 900.0]).unwrap();
        assert_eq!(counts, Counts::from([("a".to_owned(), 2.0), ("loop".to_owned(), 20.0)]));
    }

    #[test]
    fn what_is_written_is_read_and_only_more_than_the_tolerance_is_told() {
        let counts = Counts::from([("a, read".to_owned(), 1000.0), ("b".to_owned(), 20.0)]);
        assert_eq!(read(&print(&counts)).unwrap(), counts);
        let near = Counts::from([("a, read".to_owned(), 1099.0), ("b".to_owned(), 22.0)]);
        assert_eq!(compare(&counts, &near), (vec![], vec![]));
        let far = Counts::from([("a, read".to_owned(), 1101.0), ("c".to_owned(), 1.0)]);
        let worse = [
            "a, read: 1101 instead of 1000 (+10.1 %)",
            "c: 1, not recorded",
            "b: recorded, but no longer counted",
        ];
        assert_eq!(compare(&counts, &far).0, worse);
        let less = Counts::from([("a, read".to_owned(), 880.0), ("b".to_owned(), 20.0)]);
        let (worse, fewer) = compare(&counts, &less);
        assert_eq!((worse.len(), fewer), (0, vec!["a, read: 880 instead of 1000 (-12.0 %)".to_owned()]));
    }
}
