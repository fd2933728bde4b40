//! What is compared: every plugin and every operation on data, each with a share of the cases.

use serde_json::Value;

use crate::dice::Dice;
use crate::{converters, transforms, values};

/// Something that cases are generated for, under the name that `--only` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    kind: Kind,
    weight: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Record,
    Converter,
    Operation,
}

/// Operations that belong to no plugin.
pub(crate) const OPERATIONS: &[&str] = &[
    "values_parse",
    "values_convert",
    "values_infer",
    "project",
    "schema_equal",
    "schema_text",
    "validate_value",
];

/// All of them, those with much behaviour with more weight.
pub(crate) fn all() -> Vec<Subject> {
    let weight = |name: &str| match name {
        "JsonConverter" => 8,
        "TimestampConverter" | "Cast" | converters::SIMPLE | "values_convert" => 4,
        "values_parse" | "MaskField" | "RegexRouter" | "Flatten" | "InsertField" | "TimestampRouter" => 3,
        "Filter" | "RecordIsTombstone" | "HasHeaderKey" | "BooleanConverter" | "ShortConverter"
        | "schema_text" => 1,
        _ => 2,
    };
    let of = |names: &'static [&'static str], kind| {
        names.iter().map(move |name| Subject { name, kind, weight: weight(name) })
    };
    of(transforms::TRANSFORMATIONS, Kind::Record)
        .chain(of(transforms::PREDICATES, Kind::Record))
        .chain(of(converters::CONVERTERS, Kind::Converter))
        .chain(of(&[converters::SIMPLE], Kind::Converter))
        .chain(of(OPERATIONS, Kind::Operation))
        .collect()
}

/// Case `number` of the run with this seed, and the subject that it is for.
pub(crate) fn case(subjects: &[Subject], seed: u64, number: u64) -> (Subject, Value) {
    let mut dice = Dice::new(seed, number);
    let total: usize = subjects.iter().map(|subject| subject.weight).sum();
    let mut draw = dice.below(total);
    let mut chosen = subjects[0];
    for subject in subjects {
        if draw < subject.weight {
            chosen = *subject;
            break;
        }
        draw -= subject.weight;
    }
    let case = match chosen.kind {
        Kind::Record => transforms::case(&mut dice, chosen.name),
        Kind::Converter => converters::case(&mut dice, chosen.name),
        Kind::Operation => values::case(&mut dice, chosen.name),
    };
    (chosen, case)
}

/// The subject that a case of a vector file is about, if it is one of ours.
pub(crate) fn of_case(case: &Value) -> Option<String> {
    let class = case["class"].as_str().map(|class| class.split('$').next().unwrap_or(class));
    let name = match (case["op"].as_str()?, class) {
        ("header_to_connect" | "header_from_connect", None) => converters::SIMPLE,
        ("to_connect" | "from_connect", None) => "JsonConverter",
        (
            "transform"
            | "predicate"
            | "to_connect"
            | "from_connect"
            | "header_to_connect"
            | "header_from_connect",
            Some(class),
        ) => class.rsplit('.').next().unwrap_or(class),
        (op, _) => op,
    };
    all().into_iter().map(|subject| subject.name).find(|subject| *subject == name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_number_give_the_same_case_again() {
        let subjects = all();
        for number in 0..500 {
            let (subject, case) = case(&subjects, 5, number);
            assert_eq!(super::case(&subjects, 5, number), (subject, case.clone()));
            assert_eq!(of_case(&case).as_deref(), Some(subject.name), "{case}");
        }
        assert_ne!(case(&subjects, 5, 1), case(&subjects, 6, 1));
    }
}
