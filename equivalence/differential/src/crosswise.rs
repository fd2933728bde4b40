//! A run with a registry: both sides write, both read what either wrote, and both write again what was read.

use serde_json::Value;

use crate::dice::Dice;
use crate::known::Known;
use crate::line::line;
use crate::program::WINDOW;
use crate::registry::{self, CONVERTERS};
use crate::run::{Counts, Found, Options, judge};
use crate::shrink::Sides;

/// What each comparison is called, for either converter.
const STEPS: [[&str; 4]; 2] = [
    ["Avro, written", "Avro, theirs read", "Avro, ours read", "Avro, and back"],
    ["Protobuf, written", "Protobuf, theirs read", "Protobuf, ours read", "Protobuf, and back"],
];

/// A case with the answers of both.
struct Answered {
    case: Value,
    java: Value,
    ours: Value,
}

/// The case with this number, and the place of its converter.
fn case(options: &Options, seed: u64, number: u64) -> (usize, Value) {
    let mut dice = Dice::new(seed, number);
    let chosen =
        |place: &usize| options.only.is_empty() || options.only.iter().any(|name| name == CONVERTERS[*place]);
    let places: Vec<usize> = (0..CONVERTERS.len()).filter(chosen).collect();
    let place = *dice.pick(&places);
    (place, registry::case(&mut dice, CONVERTERS[place]))
}

/// Whether the names of `--only` are names of converters.
pub(crate) fn check(options: &Options) -> Result<(), String> {
    match options.only.iter().find(|name| !CONVERTERS.contains(&name.as_str())) {
        Some(name) => Err(format!("there is no {name}; there are {}", CONVERTERS.join(", "))),
        None => Ok(()),
    }
}

/// Prints the cases that a run begins with.
pub(crate) fn print(options: &Options) {
    for seed in &options.seeds {
        for number in 0..options.cases {
            println!("{}", line(&case(options, *seed, number).1));
        }
    }
}

/// One seed.
pub(crate) fn compare_all(
    options: &Options,
    seed: u64,
    known: &[Known],
    sides: &Sides<'_>,
    found: &mut Vec<Found>,
) -> Result<Counts, String> {
    let mut counts = Counts::new();
    for first in (0..options.cases).step_by(WINDOW / 2) {
        let numbers = first..options.cases.min(first + WINDOW as u64 / 2);
        for (place, steps) in STEPS.iter().enumerate() {
            let cases = numbers.clone().map(|number| case(options, seed, number));
            let cases = cases.filter(|(other, _)| *other == place).map(|(_, case)| case).collect();
            let mut ask =
                |step: usize, cases: Vec<Value>| ask(steps[step], cases, known, sides, &mut counts, found);
            let written = ask(0, cases)?;
            let theirs =
                written.iter().filter_map(|w| registry::reading(&w.case, w.java.get("ok")?)).collect();
            let ours = written.iter().filter(|w| w.java["ok"]["payload"] != w.ours["ok"]["payload"]);
            let ours = ours.filter_map(|w| registry::reading(&w.case, w.ours.get("ok")?)).collect();
            let read = ask(1, theirs)?;
            ask(2, ours)?;
            ask(3, read.iter().filter_map(|r| registry::back(&r.case, r.java.get("ok")?)).collect())?;
        }
    }
    Ok(counts)
}

/// Asks both sides, counts and books what differs.
fn ask(
    step: &'static str,
    cases: Vec<Value>,
    known: &[Known],
    sides: &Sides<'_>,
    counts: &mut Counts,
    found: &mut Vec<Found>,
) -> Result<Vec<Answered>, String> {
    let answers = sides.answers(&cases)?;
    let mut list = Vec::new();
    for (case, (java, ours)) in cases.into_iter().zip(answers) {
        let count = counts.entry(step).or_default();
        count.cases += 1;
        if let Some(difference) = judge(count, known, &case, &java, &ours)? {
            let (case, java, ours) = (case.clone(), java.clone(), ours.clone());
            found.push(Found { subject: step, case, java, ours, difference });
        }
        list.push(Answered { case, java, ours });
    }
    Ok(list)
}
