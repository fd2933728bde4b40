//! Key definitions as rows of a table.

use connect_api::config::{ConfigDef, ConfigKey, Importance, Type, Validator};

/// What a key is when it is not set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unset {
    Required,
    Null,
    Is(&'static str),
}

/// What a value must satisfy beyond its type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    BetweenDoubles(f64, f64),
    OneOf(&'static [&'static str]),
    OneOfIgnoringCase(&'static [&'static str]),
    /// A list without repetitions: may it be empty, may it be unset?
    Distinct {
        empty: bool,
        unset: bool,
    },
    NonEmpty,
    Custom(fn() -> Validator),
}

impl Check {
    fn validator(self) -> Option<Validator> {
        Some(match self {
            Self::Any => return None,
            Self::AtLeast(min) => Validator::at_least(min),
            Self::Between(min, max) => Validator::between(min, max),
            Self::BetweenDoubles(min, max) => Validator::between(min, max),
            Self::OneOf(valid) => Validator::one_of(valid.iter().copied()),
            Self::OneOfIgnoringCase(valid) => Validator::one_of_ignoring_case(valid.iter().copied()),
            Self::Distinct { empty, unset } => Validator::non_duplicate_list(empty, unset).described(""),
            Self::NonEmpty => Validator::non_empty_string(),
            Self::Custom(make) => make(),
        })
    }
}

/// Name, type, default, importance, check, documentation.
pub(crate) type Row = (&'static str, Type, Unset, Importance, Check, &'static str);

pub(crate) fn key(row: &Row) -> ConfigKey {
    let (name, ty, unset, importance, check, documentation) = *row;
    let key = ConfigKey::new(name, ty).importance(importance).documentation(documentation);
    let key = match unset {
        Unset::Required => key,
        Unset::Null => key.optional(),
        Unset::Is(text) => key.default(text),
    };
    match (check.validator(), unset) {
        (None, _) => key,
        // A range rejects Kafka's `null`, also where `null` is the default.
        (Some(validator), Unset::Null) => key.validator(validator.or_null()),
        (Some(validator), _) => key.validator(validator),
    }
}

pub(crate) fn define(mut def: ConfigDef, rows: &[Row]) -> ConfigDef {
    for row in rows {
        def.add(key(row));
    }
    def
}
