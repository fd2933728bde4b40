//! Chains of transformations, each on records without and with a schema.

use connect_api::{BoxError, Plugins, Properties};

use crate::records::{Make, maps, records, structs};
use crate::{counted, prepared};

const RECORDS: i64 = 500;

type Stage = (&'static str, &'static [(&'static str, &'static str)]);

const CAST: Stage = ("Cast$Value", &[("spec", "id:string")]);
const EXTRACT: Stage = ("ExtractField$Value", &[("field", "user")]);
const FLATTEN: Stage = ("Flatten$Value", &[]);
const HEADER_FROM: Stage =
    ("HeaderFrom$Value", &[("fields", "tag"), ("headers", "tag"), ("operation", "copy")]);
const HOIST: Stage = ("HoistField$Value", &[("field", "row")]);
const INSERT: Stage =
    ("InsertField$Value", &[("topic.field", "topic"), ("static.field", "site"), ("static.value", "Ulm")]);
const INSERT_HEADER: Stage = ("InsertHeader", &[("header", "attempt"), ("value.literal", "5")]);
const MASK: Stage = ("MaskField$Value", &[("fields", "note")]);
const REPLACE: Stage = ("ReplaceField$Value", &[("exclude", "tag"), ("renames", "user:customer")]);
const ROUTE: Stage = ("RegexRouter", &[("regex", "(.*)s"), ("replacement", "$1")]);
const TIME: Stage = ("TimestampConverter$Value", &[("field", "id"), ("target.type", "Timestamp")]);
const TIME_ROUTE: Stage = ("TimestampRouter", &[("timestamp.format", "yyyyMMdd")]);
const TO_KEY: Stage = ("ValueToKey", &[("fields", "id,user")]);

const CASES: &[(&str, &[Stage])] = &[
    ("Cast", &[CAST]),
    ("ExtractField", &[EXTRACT]),
    ("Flatten", &[FLATTEN]),
    ("HeaderFrom", &[HEADER_FROM]),
    ("HoistField", &[HOIST]),
    ("InsertField", &[INSERT]),
    ("InsertHeader", &[INSERT_HEADER]),
    ("MaskField", &[MASK]),
    ("ReplaceField", &[REPLACE]),
    ("RegexRouter", &[ROUTE]),
    ("TimestampConverter", &[TIME]),
    ("TimestampRouter", &[TIME_ROUTE]),
    ("ValueToKey", &[TO_KEY]),
    ("InsertField, ReplaceField, MaskField", &[INSERT, REPLACE, MASK]),
];

pub(crate) fn run() -> Result<(), BoxError> {
    let mut plugins = Plugins::default();
    connect_transforms::register(&mut plugins);
    let (map, row) = (maps(), structs()?);
    let kinds: [(&str, Make<'_>); 2] = [("map", &map), ("struct", &row)];
    for (name, stages) in CASES {
        for (kind, make) in kinds {
            let mut chain = Vec::new();
            for (class, config) in *stages {
                let config: Properties = config.iter().copied().collect();
                chain.push(plugins.find_transformation(class)?.configure(&config)?);
            }
            for count in [false, true] {
                let mut records = records(RECORDS, make);
                prepared();
                for record in &mut records {
                    for stage in &chain {
                        let _ = stage.apply(record)?;
                    }
                }
                if count {
                    counted(&format!("transforms {name}, {kind}"), RECORDS);
                }
            }
        }
    }
    Ok(())
}
