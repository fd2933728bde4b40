//! Whatever a line says, there is an answer.

use equivalence::{Json, Program};

fn answer(line: &str) -> Json {
    Program::new().answer(line)
}

#[test]
fn what_the_notation_does_not_have_is_a_bad_case() {
    for line in [
        "",
        "nonsense",
        "[1,",
        "{}",
        "7",
        r#"{"op":null}"#,
        r#"{"op":"bogus"}"#,
        r#"{"op":"schema_text","schema":"nope"}"#,
        r#"{"op":"schema_text","schema":{"type":"nope"}}"#,
        r#"{"op":"values_infer","value":7}"#,
        r#"{"op":"values_infer","value":{}}"#,
        r#"{"op":"values_infer","value":{"i9":1}}"#,
        r#"{"op":"values_infer","value":{"schema":"int8","struct":{}}}"#,
        r#"{"op":"values_infer","value":{"struct":{}}}"#,
        r#"{"op":"transform","class":"Nope","config":{},"record":{}}"#,
        r#"{"op":"transform","config":{},"record":{}}"#,
        r#"{"op":"values_convert","to":"nope"}"#,
    ] {
        assert!(answer(line).get("bad_case").is_some(), "{line}");
    }
}

#[test]
fn what_javas_classes_refuse_is_their_exception_with_its_stage() {
    let error = |line: &str| {
        let answer = answer(line);
        let error = answer.get("error").unwrap_or_else(|| panic!("{line}: {answer}"));
        (error.text("class").unwrap(), error.text("stage"))
    };
    let record = r#""record":{"topic":"t","value":{"schema":"int8","value":{"i8":300}}}"#;
    assert_eq!(
        error(&format!(r#"{{"op":"transform","class":"Filter","config":{{}},{record}}}"#)),
        ("java.lang.NumberFormatException".to_owned(), Some("input".to_owned())),
    );
    assert_eq!(
        error(r#"{"op":"transform","class":"JsonConverter","config":{},"record":{}}"#),
        ("java.lang.ClassCastException".to_owned(), None),
    );
    assert_eq!(
        error(r#"{"op":"schema_text","schema":"decimal(x)"}"#),
        ("java.lang.NumberFormatException".to_owned(), None),
    );
}

#[test]
fn the_id_comes_back_whatever_the_answer_is() {
    for line in
        [r#"{"id":[1.50,null],"op":"bogus"}"#, r#"{"op":"schema_text","schema":"int8","id":[1.50,null]}"#]
    {
        assert_eq!(answer(line).get("id").map(ToString::to_string).as_deref(), Some("[1.50,null]"));
    }
}

#[test]
fn deep_cases_are_answered_or_refused() {
    let deep = |levels: usize| {
        let (open, close) = (r#"{"list":["#.repeat(levels), "]}".repeat(levels));
        format!(r#"{{"op":"values_infer","value":{open}true{close}}}"#)
    };
    assert!(answer(&deep(100)).get("ok").is_some());
    assert!(answer(&deep(100_000)).get("bad_case").is_some());
}

#[test]
fn a_topic_that_is_null_stays_null_or_the_case_is_passed_over() {
    let case = |class: &str, config: &str| {
        let record = r#"{"topic":null,"value":{"schema":null,"value":{"map":[]}}}"#;
        answer(&format!(r#"{{"op":"transform","class":"{class}","config":{config},"record":{record}}}"#))
    };
    let kept = case("InsertField$Value", r#"{"static.field":"a","static.value":"b"}"#);
    assert_eq!(kept.get("ok").and_then(|ok| ok.get("topic")), Some(&Json::Null));
    assert!(case("InsertField$Value", r#"{"topic.field":"a"}"#).get("skip").is_some());
    assert!(case("RegexRouter", r#"{"regex":".*","replacement":"x"}"#).get("skip").is_some());
}

const NODE: &str = r#"{"type":"struct","name":"N","fields":[{"name":"v","schema":"int32"},{"name":"next","schema":{"type":"struct","optional":true,"recursive":"N"}}]}"#;
const NODES: &str = r#"{"struct":{"v":{"i32":1},"next":{"struct":{"v":{"i32":2},"next":null}}}}"#;

#[test]
fn a_struct_that_contains_itself_goes_through_what_does_not_walk_through_its_schema() {
    let hoist = answer(&format!(
        r#"{{"op":"transform","class":"HoistField$Value","config":{{"field":"a"}},"record":{{"topic":"t","value":{{"schema":{NODE},"value":{NODES}}}}}}}"#
    ));
    let value = hoist.get("ok").and_then(|ok| ok.get("value")).unwrap();
    assert_eq!(
        value.to_string(),
        format!(
            r#"{{"schema":{{"type":"struct","fields":[{{"name":"a","schema":{NODE}}}]}},"value":{{"struct":{{"a":{NODES}}}}}}}"#
        )
    );
}

#[test]
fn a_struct_that_contains_itself_is_refused_where_its_schema_would_have_no_end() {
    for line in [
        format!(
            r#"{{"op":"from_connect","class":"JsonConverter","config":{{}},"schema":{NODE},"value":{NODES}}}"#
        ),
        format!(
            r#"{{"op":"transform","class":"Flatten$Value","config":{{}},"record":{{"topic":"t","value":{{"schema":{NODE},"value":{NODES}}}}}}}"#
        ),
    ] {
        let answer = answer(&line);
        let error = answer.get("error").unwrap();
        assert_eq!(error.text("class").as_deref(), Some("java.lang.StackOverflowError"), "{error}");
    }
}
