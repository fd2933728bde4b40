//! `ConfigDef` beside Kafka's: the expected texts were read off Apache Kafka 4.3.

use connect_api::config::{
    ConfigDef, ConfigKey, DefaultValue, Importance, ParsedConfig, ParsedValue, Recommender, Type, Validator,
    invalid,
};
use connect_api::{ErrorKind, Password, Properties, Result};

/// The keys of the reference cases.
fn def() -> ConfigDef {
    let list = Validator::non_duplicate_list(true, false);
    ConfigDef::new()
        .define(ConfigKey::new("i", Type::Int).validator(Validator::at_least(1)))
        .define(ConfigKey::new("l", Type::List).default(""))
        .define(ConfigKey::new("vl", Type::List).default("").validator(list))
        .define(ConfigKey::new("b", Type::Boolean).default("false"))
        .define(ConfigKey::new("dd", Type::Double).default("1.0"))
}

fn parse<const N: usize>(entries: [(&str, &str); N]) -> Result<String> {
    let parsed = def().parse(&Properties::from(entries))?;
    let texts = parsed.iter().map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => format!("{name}=null"),
    });
    Ok(texts.collect::<Vec<_>>().join(" "))
}

fn errors<const N: usize>(entries: [(&str, &str); N]) -> Vec<String> {
    def().validate(&Properties::from(entries)).into_iter().flat_map(|value| value.error_messages).collect()
}

fn one(ty: Type, text: &str) -> String {
    match ty.parse("k", text) {
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn values_are_parsed_as_kafka_parses_them() {
    let parsed = parse([("i", " 5 "), ("l", "a, b ,,c,"), ("b", " TRUE "), ("dd", "1e3")]);
    assert_eq!(parsed.unwrap(), "b=true dd=1000.0 i=5 l=[a, b, , c, ] vl=[]");
    assert_eq!(parse([("i", "1"), ("vl", "a,b,a")]).unwrap(), "b=false dd=1.0 i=1 l=[] vl=[a, b]");
}

#[test]
fn the_first_problem_fails_the_parsing_in_kafkas_words() {
    let cases = [
        (vec![], "Missing required configuration \"i\" which has no default value."),
        (vec![("i", "x")], "Invalid value x for configuration i: Not a number of type INT"),
        (vec![("i", "0")], "Invalid value 0 for configuration i: Value must be at least 1"),
        (
            vec![("i", "1"), ("b", "yes")],
            "Invalid value yes for configuration b: Expected value to be either true or false",
        ),
        (vec![("i", "1"), ("vl", "a,,b")], "Configuration 'vl' values must not be empty."),
        (vec![("i", "x"), ("b", "yes")], "Invalid value x for configuration i: Not a number of type INT"),
    ];
    for (entries, expected) in cases {
        let error = def().parse(&entries.into_iter().collect()).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

#[test]
fn numbers_are_written_as_in_java() {
    assert_eq!(one(Type::Int, "+5"), "5");
    assert_eq!(one(Type::Int, "\u{1}5\t"), "5");
    assert_eq!(
        one(Type::Int, "\u{a0}5"),
        "Invalid value \u{a0}5 for configuration k: Not a number of type INT"
    );
    assert_eq!(one(Type::Int, "1_0"), "Invalid value 1_0 for configuration k: Not a number of type INT");
    assert_eq!(
        one(Type::Int, "3000000000"),
        "Invalid value 3000000000 for configuration k: Not a number of type INT"
    );
    assert_eq!(
        one(Type::Short, "40000"),
        "Invalid value 40000 for configuration k: Not a number of type SHORT"
    );
    assert_eq!(one(Type::Long, "0x10"), "Invalid value 0x10 for configuration k: Not a number of type LONG");
    assert_eq!(one(Type::Double, "1.5f"), "1.5");
    assert_eq!(one(Type::Double, "-1D"), "-1.0");
    assert_eq!(one(Type::Double, "NaN"), "NaN");
    assert_eq!(one(Type::Double, "-Infinity"), "-Infinity");
    assert_eq!(one(Type::Double, "12345678"), "1.2345678E7");
    assert_eq!(one(Type::Double, "1e10"), "1.0E10");
    assert_eq!(one(Type::Double, "0.0001"), "1.0E-4");
    for text in ["inf", "nan", "infinity", "1.5ff", "", "e5", "0x1"] {
        let expected = format!("Invalid value {text} for configuration k: Not a number of type DOUBLE");
        assert_eq!(one(Type::Double, text), expected);
    }
}

#[test]
fn a_password_is_hidden_wherever_it_may_appear() {
    let def = ConfigDef::new().define(ConfigKey::new("p", Type::Password).validator(Validator::custom(
        "",
        |name, value| match value {
            Some(value) => Err(invalid(name, value, "too short")),
            None => Ok(()),
        },
    )));
    let secret = Properties::from([("p", "hunter2")]);
    let error = def.parse(&secret).unwrap_err();
    assert_eq!(error.to_string(), "Invalid value [hidden] for configuration p: too short");
    let values = def.validate(&secret);
    assert_eq!(values[0].value.as_deref(), Some("[hidden]"));
    assert!(!format!("{values:?}{error:?}{:?}", one(Type::Password, "hunter2")).contains("hunter2"));
    let parsed = Type::Password.parse("p", " hunter2 ").unwrap();
    assert_eq!(parsed, ParsedValue::Password(Password::new("hunter2")));
}

#[test]
fn validation_reports_the_parse_error_and_what_the_validator_says_of_null() {
    assert_eq!(
        errors([("i", "x")]),
        [
            "Invalid value x for configuration i: Not a number of type INT",
            "Invalid value null for configuration i: Value must be non-null",
        ]
    );
    assert_eq!(
        errors([]),
        [
            "Missing required configuration \"i\" which has no default value.",
            "Invalid value null for configuration i: Value must be non-null",
        ]
    );
    assert_eq!(errors([("i", "1"), ("vl", "a,a")]), ["Configuration 'vl' values must not be duplicated."]);
    assert_eq!(errors([("i", "1"), ("unknown", "1")]), Vec::<String>::new());
}

#[test]
fn all_problems_are_in_one_error_and_the_first_key_is_named() {
    let error = def().parse_all(&Properties::from([("b", "yes"), ("dd", "one")])).unwrap_err();
    assert_eq!(error.key(), Some("i"));
    assert_eq!(error.to_string().lines().count(), 3);
}

#[test]
fn validators_speak_as_in_kafka() {
    let text = |text: &str| Some(ParsedValue::String(text.to_owned()));
    let list = |items: &[&str]| Some(ParsedValue::List(items.iter().map(|&item| item.to_owned()).collect()));
    let cases = [
        (Validator::between(1, 9), None, "Invalid value null for configuration k: Value must be non-null"),
        (
            Validator::between(0.5, 1.0),
            Some(ParsedValue::Double(2.0)),
            "Invalid value 2.0 for configuration k: Value must be no more than 1.0",
        ),
        (
            Validator::one_of(["none", "all"]),
            text("ALL"),
            "Invalid value ALL for configuration k: String must be one of: none, all",
        ),
        (
            Validator::one_of_ignoring_case(["V1", "V2"]),
            text("v3"),
            "Invalid value v3 for configuration k: String must be one of (case insensitive): V1, V2",
        ),
        (Validator::non_null(), None, "Invalid value null for configuration k: entry must be non null"),
        (
            Validator::non_empty_string(),
            text(""),
            "Invalid value  for configuration k: String must be non-empty",
        ),
        (
            Validator::non_empty_string_without_control_chars(),
            text(""),
            "Invalid value  for configuration k: String may not be empty",
        ),
        (
            Validator::non_empty_string_without_control_chars(),
            text("\u{1}a\u{2}"),
            "Invalid value \u{1}a\u{2} for configuration k: String may not contain control sequences but had the \
             following ASCII chars: 1, 2",
        ),
        (
            Validator::list_size_at_most(1),
            list(&["a", "b"]),
            "Invalid value [a, b] for configuration k: exceeds maximum list size of [1].",
        ),
        (Validator::non_duplicate_list(true, false), None, "Configuration 'k' values must not be null."),
        (
            Validator::non_duplicate_list(false, true),
            list(&[]),
            "Configuration 'k' must not be empty. Valid values include: any non-empty value",
        ),
        (
            Validator::list_of(false, ["legacy", "new"]),
            list(&[]),
            "Configuration 'k' must not be empty. Valid values include: [legacy, new]",
        ),
        (
            Validator::list_of(false, ["legacy", "new"]),
            list(&["old"]),
            "Invalid value old for configuration k: String must be one of: legacy, new",
        ),
        (
            Validator::all([Validator::non_null(), Validator::non_empty_string()]),
            text(""),
            "Invalid value  for configuration k: String must be non-empty",
        ),
    ];
    for (validator, value, expected) in cases {
        let error = validator.ensure_valid("k", value.as_ref()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert!(Validator::one_of_ignoring_case(["V1"]).ensure_valid("k", text("v1").as_ref()).is_ok());
    assert!(Validator::at_least(1).or_null().ensure_valid("k", None).is_ok());
}

#[test]
fn validators_describe_themselves_as_in_kafka() {
    let texts = [
        Validator::at_least(-1),
        Validator::between(0, 3600),
        Validator::between(0.0, 0.25),
        Validator::one_of(["key", "value"]),
        Validator::one_of_ignoring_case(["V1", "V2"]),
        Validator::non_duplicate_list(true, true),
        Validator::all([Validator::non_empty_string(), Validator::custom("valid regex", |_, _| Ok(()))]),
        Validator::non_empty_string_without_control_chars(),
    ]
    .map(|validator| validator.to_string());
    let expected = [
        "[-1,...]",
        "[0,...,3600]",
        "[0.0,...,0.25]",
        "[key, value]",
        "(case insensitive) [V1, V2]",
        "",
        "non-empty string, valid regex",
        "non-empty string without ISO control characters",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn a_faulty_definition_is_reported_and_parses_nothing() {
    let def = ConfigDef::new()
        .define(ConfigKey::new("a", Type::Int).default("zero"))
        .define(ConfigKey::new("b", Type::Int).default("0").validator(Validator::at_least(1)))
        .define(ConfigKey::new("c", Type::Int).default("1").dependents(["d"]))
        .define(ConfigKey::new("c", Type::Int).default("2"));
    let error = def.parse(&Properties::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Invalid value zero for configuration a: Not a number of type INT\n\
         Invalid value 0 for configuration b: Value must be at least 1\n\
         Configuration c is defined twice.\n\
         Some configurations in are referred in the dependents, but not defined: d"
    );
    let values = def.validate(&Properties::from([("a", "1"), ("b", "1")]));
    assert_eq!(values.last().unwrap().error_messages, ["d is referred in the dependents, but not defined."]);
    assert!(!values.last().unwrap().visible);
}

struct Cities;

impl Recommender for Cities {
    fn valid_values(&self, name: &str, parsed: &ParsedConfig) -> Result<Vec<ParsedValue>> {
        match parsed.get("country").and_then(ParsedValue::as_str) {
            Some("at") => Ok(vec![ParsedValue::String("Graz".into())]),
            _ => Err(invalid(name, "null", "no country")),
        }
    }

    fn visible(&self, _: &str, parsed: &ParsedConfig) -> Result<bool> {
        Ok(parsed.get("country").is_some())
    }
}

fn cities() -> ConfigDef {
    ConfigDef::new()
        .define(ConfigKey::new("country", Type::String).optional().dependents(["city"]))
        .define(ConfigKey::new("city", Type::String).optional().recommender(Cities))
}

#[test]
fn a_recommender_offers_values_and_hides_keys() {
    let values = cities().validate(&Properties::from([("country", "at")]));
    assert_eq!(values[1].recommended_values, ["Graz"]);
    let values = cities().validate(&Properties::new());
    assert!(!values[1].visible);
    assert_eq!(values[1].error_messages, ["Invalid value null for configuration city: no country"]);
}

#[test]
fn a_key_reached_over_two_ways_is_checked_twice() {
    let def = ConfigDef::new()
        .define(ConfigKey::new("a", Type::Int).default("1").dependents(["c"]))
        .define(ConfigKey::new("b", Type::Int).default("1").dependents(["c"]))
        .define(ConfigKey::new("c", Type::Int));
    let values = def.validate(&Properties::from([("c", "x")]));
    assert_eq!(values[2].error_messages.len(), 2);
}

#[test]
fn embedding_puts_a_prefix_before_everything_but_the_validators_messages() {
    let child = ConfigDef::new()
        .define(ConfigKey::new("z", Type::Int).default("1").validator(Validator::at_least(1)))
        .define(ConfigKey::new("g", Type::Int).group("Inner"))
        .flatten("geo.", &cities());
    let def = ConfigDef::new().embed("transforms.t.", "Transforms: t", 2, &child);
    let places: Vec<_> = def
        .keys()
        .iter()
        .map(|key| (key.name.as_str(), key.group.as_deref().unwrap_or_default(), key.order))
        .collect();
    assert_eq!(
        places,
        [
            ("transforms.t.geo.city", "Transforms: t", 2),
            ("transforms.t.geo.country", "Transforms: t", 3),
            ("transforms.t.z", "Transforms: t", 4),
            ("transforms.t.g", "Transforms: t: Inner", 5),
        ]
    );
    let values = def.validate(&Properties::from([("transforms.t.z", "0"), ("transforms.t.g", "x")]));
    assert_eq!(values[2].error_messages, ["Invalid value 0 for configuration z: Value must be at least 1"]);
    assert_eq!(
        values[3].error_messages,
        ["Invalid value x for configuration transforms.t.g: Not a number of type INT"]
    );
}

#[test]
fn embedded_recommenders_see_their_own_names() {
    let outer = ConfigDef::new().flatten("home.", &cities());
    let values = outer.validate(&Properties::from([("home.country", "at")]));
    assert_eq!(values[1].name, "home.city");
    assert_eq!(values[1].recommended_values, ["Graz"]);
}

#[test]
fn the_reference_is_sorted_by_group_place_need_importance_and_name() {
    let def = ConfigDef::new()
        .define(ConfigKey::new("grouped.second", Type::Int).group("G").order(1))
        .define(ConfigKey::new("grouped.first", Type::Int).group("G").order(0))
        .define(ConfigKey::new("low", Type::Int).default("1").importance(Importance::Low))
        .define(ConfigKey::new("high", Type::Int).default("1").importance(Importance::High))
        .define(ConfigKey::new("needed", Type::Int).importance(Importance::Low))
        .define(ConfigKey::new("hidden", Type::Int).default("1").internal());
    let names: Vec<&str> = def.sorted().iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["needed", "high", "hidden", "low", "grouped.first", "grouped.second"]);
    let page = def.to_markdown(2);
    assert!(page.starts_with("## `needed`\n") && !page.contains("hidden"), "{page}");
}

#[test]
fn a_key_without_default_is_required_and_an_optional_one_is_null() {
    let key = ConfigKey::new("a", Type::Int);
    assert!(key.is_required());
    assert_eq!(key.optional().default, DefaultValue::Null);
    let parsed =
        ConfigDef::new().define(ConfigKey::new("a", Type::Int).optional()).parse(&Properties::new()).unwrap();
    assert_eq!(parsed.get("a"), None);
    assert_eq!(parsed.read::<Option<i32>>("a").unwrap(), None);
    assert!(parsed.read::<i32>("a").is_err());
}

#[test]
fn a_transformation_is_validated_as_in_kafka() {
    let header_from = ConfigDef::new()
        .define(ConfigKey::new("fields", Type::List).validator(Validator::non_empty_list()))
        .define(ConfigKey::new("headers", Type::List).validator(Validator::non_empty_list()))
        .define(ConfigKey::new("operation", Type::String).validator(Validator::one_of(["move", "copy"])));
    let def = ConfigDef::new().embed("transforms.a.", "Transforms: a", 0, &header_from);
    let values =
        def.validate(&Properties::from([("transforms.a.operation", "x"), ("transforms.a.headers", "")]));
    let seen: Vec<_> =
        values.iter().map(|v| (v.name.as_str(), v.value.as_deref(), v.error_messages.join("; "))).collect();
    assert_eq!(
        seen,
        [
            (
                "transforms.a.fields",
                None,
                "Missing required configuration \"transforms.a.fields\" which has no default value.; \
                 Invalid value null for configuration fields: Empty list"
                    .to_owned()
            ),
            (
                "transforms.a.headers",
                Some(""),
                "Invalid value [] for configuration headers: Empty list".to_owned()
            ),
            (
                "transforms.a.operation",
                Some("x"),
                "Invalid value x for configuration operation: String must be one of: move, copy".to_owned()
            ),
        ]
    );
}
