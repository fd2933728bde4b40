//! The page that says how equal we are: per plugin the cases that ran, those that agreed, and what differs on purpose.
//!
//! The figures of a long run are kept in `figures.json`; the vectors are answered again whenever the page is written.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::compare::{Verdict, compare};
use crate::known::{self, Known};
use crate::line::line;
use crate::program::{Program, WINDOW};
use crate::run::{Count, Counts, Options};
use crate::subjects;

/// Keeps the figures of a run.
pub(crate) fn keep(path: &Path, options: &Options, counts: &Counts) -> Result<(), String> {
    let subjects: BTreeMap<_, _> = counts
        .iter()
        .map(|(name, count)| {
            let figures = json!({"cases": count.cases, "equal": count.equal, "errors": count.errors, "known": count.known});
            (*name, figures)
        })
        .collect();
    let figures = json!({"seeds": options.seeds, "cases per seed": options.cases, "subjects": subjects});
    let text = serde_json::to_string_pretty(&figures).map_err(|error| error.to_string())?;
    fs::write(path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))
}

/// What the vectors say about one subject.
#[derive(Debug, Default)]
struct Tally {
    cases: u64,
    equal: u64,
    known: BTreeMap<String, u64>,
    skipped: u64,
}

/// Writes the page from the vectors, answered now, and the figures that were kept.
pub(crate) fn write(page: &Path, options: &Options) -> Result<String, String> {
    let known = known::all()?;
    let figures = options.figures.as_deref().ok_or("the page needs --figures")?;
    let figures = fs::read_to_string(figures).map_err(|error| format!("{}: {error}", figures.display()))?;
    let figures: Value = serde_json::from_str(&figures).map_err(|error| format!("figures: {error}"))?;
    let vectors = vectors(options, &known)?;
    let text = text(&figures, &vectors, &known);
    fs::write(page, text).map_err(|error| format!("{}: {error}", page.display()))?;
    let sum = |what: fn(&Tally) -> u64| vectors.values().map(what).sum::<u64>();
    Ok(format!(
        "{} vectors, {} equal, {} skipped",
        sum(|tally| tally.cases),
        sum(|tally| tally.equal),
        sum(|tally| tally.skipped)
    ))
}

fn vectors(options: &Options, known: &[Known]) -> Result<BTreeMap<String, Tally>, String> {
    let ours = Program::start("ours", &options.ours)?;
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut lines: Vec<(Value, String)> = Vec::new();
    let mut seen = HashSet::new();
    for path in &options.vectors {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        for (number, text) in text.lines().enumerate() {
            let vector: Value = serde_json::from_str(text)
                .map_err(|error| format!("{}:{}: {error}", path.display(), number + 1))?;
            // The same case in two files is one case; what is no case of ours is tested elsewhere.
            if subjects::of_case(&vector["case"]).is_none() || !seen.insert(vector.to_string()) {
                continue;
            }
            // As it stands in the file, since the order of members may mean something.
            let case = text.strip_prefix(r#"{"case":"#).and_then(|rest| rest.rsplit_once(r#","expected":"#));
            let case = case.map_or_else(|| line(&vector["case"]), |(case, _)| case.to_owned());
            lines.push((vector, case));
        }
    }
    for batch in lines.chunks(WINDOW) {
        for (_, case) in batch {
            ours.send(case)?;
        }
        for (vector, _) in batch {
            let (case, expected) = (&vector["case"], &vector["expected"]);
            let answer = ours.receive(case)?;
            let tally = tallies.entry(subjects::of_case(case).unwrap_or_default()).or_default();
            tally.cases += 1;
            match compare(case, expected, &answer) {
                Verdict::Equal { .. } => tally.equal += 1,
                _ if answer.get("skip").is_some() => tally.skipped += 1,
                Verdict::Unusable(_) | Verdict::Different(_) => {
                    match known::covering(known, case, expected, &answer) {
                        Some(entry) => *tally.known.entry(entry.id.clone()).or_default() += 1,
                        None => return Err(format!("{} is answered with {answer}", line(vector))),
                    }
                }
            }
        }
    }
    Ok(tallies)
}

const HEAD: &str = "\
# Equivalence with Kafka Connect

How far this project answers as the classes of Apache Kafka Connect 4.3.1 do, per plugin and operation.
`cargo xtask docs` writes this page: it answers the vectors again, and takes the random cases from the figures of the last long run.

**Vectors** are cases whose expected answer the genuine classes gave once.
They lie in the directories named `vectors`, and tests run them without Java.

**Random cases** are made by `cargo xtask differential`: schemas, values, records, configurations and payloads, valid and invalid.
The genuine classes and ours answer each of them at the same time.
Results are compared in full, errors by their class; the order of map entries means nothing.

**Meant** counts answers that differ on purpose, each for one of the reasons below, and vectors about records without a topic, which do not exist here.
Whatever differs without such a reason fails `cargo xtask differential`.
";

fn text(figures: &Value, vectors: &BTreeMap<String, Tally>, known: &[Known]) -> String {
    let mut page = HEAD.to_owned();
    let seeds: Vec<String> =
        figures["seeds"].as_array().into_iter().flatten().map(Value::to_string).collect();
    page.push_str(&format!(
        "\nThe last long run had {} random cases for each of the seeds {}.\n",
        grouped(figures["cases per seed"].as_u64().unwrap_or(0)),
        seeds.join(", ")
    ));
    let names: Vec<&str> = subjects::all().iter().map(|subject| subject.name).collect();
    page.push_str("\n| plugin or operation | vectors | equal | meant | random cases | equal | of these errors | meant |\n");
    page.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    let mut totals = [0; 7];
    let nothing = Tally::default();
    for name in names {
        let tally = vectors.get(name).unwrap_or(&nothing);
        let random = &figures["subjects"][name];
        let number = |key: &str| random[key].as_u64().unwrap_or(0);
        let meant = random["known"]
            .as_object()
            .into_iter()
            .flat_map(|known| known.values())
            .filter_map(Value::as_u64)
            .sum();
        let row = [
            tally.cases,
            tally.equal,
            tally.known.values().sum::<u64>() + tally.skipped,
            number("cases"),
            number("equal"),
            number("errors"),
            meant,
        ];
        page.push_str(&format!("| `{name}` | {} |\n", row.map(shown).join(" | ")));
        totals.iter_mut().zip(row).for_each(|(total, number)| *total += number);
    }
    page.push_str(&format!("| **together** | {} |\n", totals.map(shown).join(" | ")));
    page.push_str("\n## Differences that are meant\n\n| difference | in | vectors | random cases | why |\n| --- | --- | ---: | ---: | --- |\n");
    for entry in known {
        let mut places: Vec<&str> = Vec::new();
        let (mut in_vectors, mut at_random) = (0, 0);
        for (name, tally) in vectors {
            if let Some(count) = tally.known.get(&entry.id) {
                places.push(name);
                in_vectors += count;
            }
        }
        for (name, random) in figures["subjects"].as_object().into_iter().flatten() {
            if let Some(count) = random["known"][&entry.id].as_u64() {
                places.push(name);
                at_random += count;
            }
        }
        places.sort_unstable();
        places.dedup();
        let places: Vec<String> = places.iter().map(|place| format!("`{place}`")).collect();
        page.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            entry.id,
            places.join(", "),
            shown(in_vectors),
            shown(at_random),
            entry.reason
        ));
    }
    page.push_str("\nThe page of [deviations](../deviations.md) lists what differs elsewhere.\n");
    page
}

/// Nothing for zero, so that what matters can be seen.
fn shown(number: u64) -> String {
    if number == 0 { String::new() } else { grouped(number) }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Adds what another seed counted.
pub(crate) fn add(total: &mut Count, more: &Count) {
    total.cases += more.cases;
    total.equal += more.equal;
    total.errors += more.errors;
    total.messages += more.messages;
    total.different += more.different;
    for (name, count) in &more.known {
        *total.known.entry(name.clone()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_subject_and_every_reason() {
        let known = known::all().unwrap();
        let first = &known[0].id;
        let figures = json!({"seeds": [1, 2], "cases per seed": 100_000, "subjects": {"Cast": {"cases": 1234, "equal": 1230, "errors": 5, "known": {first: 4}}}});
        let page = text(&figures, &BTreeMap::new(), &known);
        for subject in subjects::all() {
            assert!(page.contains(&format!("| `{}` |", subject.name)), "{}", subject.name);
        }
        assert!(page.contains("| `Cast` |  |  |  | 1,234 | 1,230 | 5 | 4 |"), "{page}");
        assert!(page.contains(&format!("| {first} | `Cast` |  | 4 | {} |", known[0].reason)), "{page}");
    }
}
