//! Whether one schema reads what another one writes, as Avro's rules for evolution say.

use super::print::{Form, print};
use super::schema::AvroSchema;

/// Whether `reader` reads everything that `writer` writes. The error says why not.
pub(crate) fn reads(reader: &AvroSchema, writer: &AvroSchema) -> Result<(), String> {
    let parse = |schema| {
        let text = print(schema, Form::Bare)?;
        apache_avro::Schema::parse_str(&text).map_err(|error| error.to_string())
    };
    let (reader, writer) = (parse(reader)?, parse(writer)?);
    apache_avro::schema_compatibility::SchemaCompatibility::can_read(&writer, &reader)
        .map(drop)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn check(reader: &str, writer: &str) -> bool {
        let parse = |text| parse(text, [], true).unwrap();
        reads(&parse(reader), &parse(writer)).is_ok()
    }

    fn record(fields: &str) -> String {
        format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
    }

    #[test]
    fn evolution_follows_avros_rules() {
        let one = record(r#"{"name":"a","type":"int"}"#);
        let with_default = record(r#"{"name":"a","type":"int"},{"name":"b","type":"string","default":"x"}"#);
        let without = record(r#"{"name":"a","type":"int"},{"name":"b","type":"string"}"#);
        let renamed = record(r#"{"name":"c","type":"int","aliases":["a"]}"#);
        let promoted = record(r#"{"name":"a","type":"long"}"#);
        assert!(check(&with_default, &one), "a field with a default is added");
        assert!(!check(&without, &one), "a field without a default is added");
        assert!(check(&one, &without), "a field is removed");
        assert!(check(&renamed, &one), "a field is renamed with an alias");
        assert!(check(&promoted, &one) && !check(&one, &promoted), "a number is promoted");
    }
}
