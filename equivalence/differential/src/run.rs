//! A run: cases to both programs, answers compared, differences made small, everything counted.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::HELP;
use crate::compare::{Verdict, compare};
use crate::crosswise;
use crate::known::{self, Known};
use crate::line::line;
use crate::program::{Program, WINDOW};
use crate::scorecard;
use crate::shrink::{Sides, shrink};
use crate::subjects::{self, Subject};

/// What the command line says.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) java: String,
    pub(crate) ours: String,
    pub(crate) cases: u64,
    pub(crate) seeds: Vec<u64>,
    pub(crate) only: Vec<String>,
    pub(crate) found: Option<PathBuf>,
    pub(crate) shrink: usize,
    pub(crate) messages: Option<PathBuf>,
    pub(crate) vectors: Vec<PathBuf>,
    pub(crate) figures: Option<PathBuf>,
    pub(crate) page: Option<PathBuf>,
    pub(crate) print: bool,
    /// Whether converters with a registry are compared, instead of everything else.
    pub(crate) registry: bool,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self { cases: 10_000, shrink: 20, ..Self::default() };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let flag = match name.as_str() {
                "--print" => Some(&mut options.print),
                "--registry" => Some(&mut options.registry),
                _ => None,
            };
            if let Some(flag) = flag {
                *flag = true;
                continue;
            }
            let value = rest.next().ok_or_else(|| format!("{name} is unknown or needs a value\n\n{HELP}"))?;
            let number =
                || value.parse::<u64>().map_err(|_| format!("{name} takes a number, `{value}` was given"));
            match name.as_str() {
                "--java" => options.java.clone_from(value),
                "--ours" => options.ours.clone_from(value),
                "--cases" => options.cases = number()?,
                "--seed" => options.seeds.push(number()?),
                "--only" => options.only.push(value.clone()),
                "--found" => options.found = Some(value.into()),
                "--shrink" => options.shrink = usize::try_from(number()?).unwrap_or(usize::MAX),
                "--messages" => options.messages = Some(value.into()),
                "--vectors" => options.vectors.push(value.into()),
                "--figures" => options.figures = Some(value.into()),
                "--page" => options.page = Some(value.into()),
                _ => return Err(format!("there is no option {name}\n\n{HELP}")),
            }
        }
        if options.seeds.is_empty() {
            options.seeds.push(1);
        }
        Ok(options)
    }

    fn subjects(&self) -> Result<Vec<Subject>, String> {
        let all = subjects::all();
        if let Some(name) = self.only.iter().find(|name| all.iter().all(|subject| subject.name != **name)) {
            let names: Vec<_> = all.iter().map(|subject| subject.name).collect();
            return Err(format!("there is no {name}; there are {}", names.join(", ")));
        }
        Ok(all
            .into_iter()
            .filter(|subject| self.only.is_empty() || self.only.iter().any(|name| name == subject.name))
            .collect())
    }
}

/// What was counted for one subject.
#[derive(Debug, Clone, Default)]
pub(crate) struct Count {
    pub(crate) cases: u64,
    pub(crate) equal: u64,
    /// Of those that are equal, the errors, and those of them whose messages agree.
    pub(crate) errors: u64,
    pub(crate) messages: u64,
    /// By the name of the deliberate difference.
    pub(crate) known: BTreeMap<String, u64>,
    pub(crate) different: u64,
}

/// By the name of the subject.
pub(crate) type Counts = BTreeMap<&'static str, Count>;

/// A difference as it was found.
pub(crate) struct Found {
    pub(crate) subject: &'static str,
    pub(crate) case: Value,
    pub(crate) java: Value,
    pub(crate) ours: Value,
    pub(crate) difference: String,
}

/// Runs what the options say; the note is a table.
pub(crate) fn run(options: &Options) -> Result<String, String> {
    if let Some(page) = &options.page {
        return scorecard::write(page, options);
    }
    if options.registry {
        crosswise::check(options)?;
    }
    let chosen = if options.registry { Vec::new() } else { options.subjects()? };
    if options.print && options.registry {
        crosswise::print(options);
        return Ok(String::new());
    }
    if options.print {
        for (seed, number) in
            options.seeds.iter().flat_map(|seed| (0..options.cases).map(move |number| (*seed, number)))
        {
            println!("{}", line(&subjects::case(&chosen, seed, number).1));
        }
        return Ok(String::new());
    }
    let known = if options.registry { known::with_registry()? } else { known::all()? };
    let programs = (Program::start("Java", &options.java)?, Program::start("ours", &options.ours)?);
    let sides = Sides { java: &programs.0, ours: &programs.1 };
    let mut messages = file(options.messages.as_ref())?;
    let mut counts = Counts::new();
    let mut found = Vec::new();
    for seed in &options.seeds {
        let of_seed = if options.registry {
            crosswise::compare_all(options, *seed, &known, &sides, &mut found)?
        } else {
            compare_all(options, &chosen, *seed, &known, &sides, &mut messages, &mut found)?
        };
        println!("seed {seed}: {}", total(&of_seed));
        for (name, count) in &of_seed {
            scorecard::add(counts.entry(name).or_default(), count);
        }
    }
    if let Some(messages) = &mut messages {
        messages.flush().map_err(|error| error.to_string())?;
    }
    let table = table(&counts);
    if let Some(figures) = &options.figures
        && found.is_empty()
    {
        scorecard::keep(figures, options, &counts)?;
    }
    if found.is_empty() {
        return Ok(format!("{table}\n{}", total(&counts)));
    }
    let written = report(options, &known, &sides, &found)?;
    Err(format!("{table}\n{written}\n{}", total(&counts)))
}

/// One seed.
fn compare_all(
    options: &Options,
    chosen: &[Subject],
    seed: u64,
    known: &[Known],
    sides: &Sides<'_>,
    messages: &mut Option<BufWriter<File>>,
    found: &mut Vec<Found>,
) -> Result<Counts, String> {
    let mut counts = Counts::new();
    let mut flight: VecDeque<(&'static str, Value)> = VecDeque::new();
    let mut number = 0;
    loop {
        while number < options.cases && flight.len() < WINDOW {
            let (subject, case) = subjects::case(chosen, seed, number);
            let line = line(&case);
            sides.java.send(&line)?;
            sides.ours.send(&line)?;
            flight.push_back((subject.name, case));
            number += 1;
        }
        let Some((subject, case)) = flight.pop_front() else { return Ok(counts) };
        let (java, ours) = (sides.java.receive(&case)?, sides.ours.receive(&case)?);
        let count = counts.entry(subject).or_default();
        count.cases += 1;
        let difference = judge(count, known, &case, &java, &ours)?;
        if let Some(messages) = messages
            && compare(&case, &java, &ours) == (Verdict::Equal { error: true, message: false })
        {
            writeln!(messages, "{}\n  java {}\n  ours {}", line(&case), java["error"], ours["error"])
                .map_err(|error| error.to_string())?;
        }
        if let Some(difference) = difference {
            found.push(Found { subject, case, java, ours, difference });
        }
    }
}

fn file(path: Option<&PathBuf>) -> Result<Option<BufWriter<File>>, String> {
    path.map(|path| {
        File::create(path).map(BufWriter::new).map_err(|error| format!("{}: {error}", path.display()))
    })
    .transpose()
}

/// Counts one comparison; answers the difference, if it is one that nobody knows.
pub(crate) fn judge(
    count: &mut Count,
    known: &[Known],
    case: &Value,
    java: &Value,
    ours: &Value,
) -> Result<Option<String>, String> {
    match compare(case, java, ours) {
        Verdict::Equal { error, message } => {
            count.equal += 1;
            count.errors += u64::from(error);
            count.messages += u64::from(error && message);
            Ok(None)
        }
        Verdict::Unusable(why) => {
            Err(format!("the generator wrote a case that cannot be: {why}\n{}", line(case)))
        }
        Verdict::Different(difference) => match known::covering(known, case, java, ours) {
            Some(entry) => {
                *count.known.entry(entry.id.clone()).or_default() += 1;
                Ok(None)
            }
            None => {
                count.different += 1;
                Ok(Some(difference))
            }
        },
    }
}

/// Makes the first differences small, one of each kind before a second, and writes them.
fn report(options: &Options, known: &[Known], sides: &Sides<'_>, found: &[Found]) -> Result<String, String> {
    let mut kinds: BTreeMap<(&str, &str), Vec<&Found>> = BTreeMap::new();
    for one in found {
        kinds.entry((one.subject, &one.difference)).or_default().push(one);
    }
    let mut lines = Vec::new();
    let mut text = String::new();
    let mut round = 0;
    while lines.len() < options.shrink {
        let before = lines.len();
        for ((subject, difference), list) in &kinds {
            let Some(one) = list.get(round).filter(|_| lines.len() < options.shrink) else { continue };
            let (mut case, mut java, mut ours) = shrink(sides, &one.case, difference)?;
            if known::covering(known, &case, &java, &ours).is_some() {
                // Shrinking has slipped into something else that is meant.
                (case, java, ours) = (one.case.clone(), one.java.clone(), one.ours.clone());
            }
            let line = line(&json!({"case": case, "expected": java}));
            text.push_str(&format!(
                "\n{subject}: {difference} ({} times)\n  {line}\n  ours {ours}",
                list.len()
            ));
            lines.push((*subject, line));
        }
        if lines.len() == before {
            break;
        }
        round += 1;
    }
    if let Some(path) = &options.found {
        let all: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
        fs::write(path, all).map_err(|error| format!("{}: {error}", path.display()))?;
        text.push_str(&format!("\n{} lines in {}", lines.len(), path.display()));
    }
    Ok(text)
}

fn table(counts: &Counts) -> String {
    let mut text = format!(
        "{:<24} {:>7} {:>7} {:>7} {:>9} {:>7} {:>9}",
        "", "cases", "equal", "errors", "messages", "known", "different"
    );
    for (name, count) in counts {
        text.push_str(&format!(
            "\n{name:<24} {:>7} {:>7} {:>7} {:>9} {:>7} {:>9}",
            count.cases,
            count.equal,
            count.errors,
            count.messages,
            count.known.values().sum::<u64>(),
            count.different
        ));
    }
    let mut known: BTreeMap<&String, u64> = BTreeMap::new();
    for (id, number) in counts.values().flat_map(|count| &count.known) {
        *known.entry(id).or_default() += number;
    }
    for (id, number) in known {
        text.push_str(&format!("\n{number:>7} meant: {id}"));
    }
    text
}

/// One line about all of them.
fn total(counts: &Counts) -> String {
    let sum = |what: fn(&Count) -> u64| counts.values().map(what).sum::<u64>();
    format!(
        "{} cases, {} equal ({} of them errors), {} meant, {} different",
        sum(|count| count.cases),
        sum(|count| count.equal),
        sum(|count| count.errors),
        sum(|count| count.known.values().sum()),
        sum(|count| count.different)
    )
}
