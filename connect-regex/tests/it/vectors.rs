//! What the JDK's own classes answered, case by case; see `tests/vectors/README.md`.

use connect_api::Result;
use connect_regex::JavaRegex;
use serde_json::{Value as Json, json};

/// Expressions that Java accepts and we refuse, with the reason.
fn refused(pattern: &str) -> Option<&'static str> {
    [
        ("\\N{", "characters by name need their names"),
        ("\\b{g}", "no boundaries of graphemes"),
        ("(?c)", "no canonical equivalence"),
    ]
    .into_iter()
    .find_map(|(part, reason)| pattern.contains(part).then_some(reason))
}

fn replaced(answer: Result<String>) -> Json {
    answer.map_or_else(|error| json!({"class": error.java_class(), "message": error.message()}), Json::from)
}

/// Our answer in the form of the vectors; places are counted in characters.
fn answer(case: &Json) -> Json {
    let text = |name: &str| case[name].as_str().unwrap_or_default();
    let pattern = text("pattern");
    let regex = match JavaRegex::new(pattern) {
        Ok(regex) => regex,
        Err(_) => return json!({"pattern": pattern, "invalid": true}),
    };
    let (subject, replacement) = (text("text"), text("replacement"));
    let characters = |bytes: usize| subject[..bytes].chars().count();
    let found = regex.find(subject).unwrap().map(|found| [characters(found.start), characters(found.end)]);
    if let Ok((whole, slow)) = regex.slowly(subject) {
        assert_eq!(whole, regex.matches(subject).unwrap(), "both ways agree: {case}");
        assert_eq!(slow, regex.find(subject).unwrap(), "both ways agree: {case}");
    }
    json!({
        "pattern": pattern, "text": subject, "replacement": replacement,
        "matches": regex.matches(subject).unwrap(), "find": found,
        "first": replaced(regex.replace_first(subject, replacement)),
        "all": replaced(regex.replace_all(subject, replacement)),
    })
}

fn compare(text: &str) -> (usize, usize) {
    let (mut compared, mut left_out) = (0, 0);
    let mut wrong = Vec::new();
    for line in text.lines() {
        let mut case: Json = serde_json::from_str(line).unwrap();
        let ours = answer(&case);
        let pattern = case["pattern"].as_str().unwrap().to_owned();
        // A class that the JDK accepts and cannot evaluate is refused here, also if it is never evaluated.
        let broken =
            JavaRegex::new(&pattern).is_err_and(|error| error.to_string().contains("nothing follows &&"));
        if refused(&pattern).is_some() || broken {
            left_out += 1;
            assert_eq!(ours["invalid"], true, "{line}");
            continue;
        }
        compared += 1;
        if case.get("invalid").is_some() {
            case["invalid"] = true.into();
        }
        if ours != case {
            wrong.push(format!("java {line}\nours {ours}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    (compared, left_out)
}

#[test]
fn expressions_mean_what_they_mean_in_java() {
    assert_eq!(compare(include_str!("../vectors/java-regex.jsonl")), (1327, 9));
}

#[test]
fn random_expressions_mean_what_they_mean_in_java() {
    assert_eq!(compare(include_str!("../vectors/random.jsonl")), (1496, 4));
}
