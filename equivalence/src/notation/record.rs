//! Records.

use connect_api::header::Header;
use connect_api::{Headers, Record, SchemaAndValue};

use super::{read_schema, read_value, write_schema, write_value};
use crate::Json;
use crate::failure::{Answer, null_pointer};

/// Stands for a topic that is null, which a topic cannot be here. No topic of Kafka has such a name.
pub(crate) const NO_TOPIC: &str = "\u{0}null\u{0}";

/// Reads `{"schema","value"}`; members that are missing are null.
///
/// # Errors
///
/// Those of [`read_schema`] and [`read_value`].
pub fn read_data(json: &Json) -> Answer<SchemaAndValue> {
    let schema = read_schema(json.get("schema"))?;
    let value = read_value(json.get("value"), schema.as_ref())?;
    Ok(SchemaAndValue::new(schema, value))
}

/// Writes `{"schema","value"}`.
pub fn write_data(data: &SchemaAndValue) -> Json {
    let schema = data.schema.as_ref();
    Json::object([("schema", write_schema(schema)), ("value", write_value(&data.value, schema))])
}

/// Reads a record.
///
/// # Errors
///
/// Those of [`read_schema`] and [`read_value`].
pub fn read_record(json: Option<&Json>) -> Answer<Record> {
    let Some(json) = json else {
        return null_pointer(
            "Cannot invoke \"com.fasterxml.jackson.databind.JsonNode.path(String)\" because \"<parameter1>\" is null",
        );
    };
    let part = |side: &str, name: &str| json.get(side).and_then(|side| side.get(name));
    let key_schema = read_schema(part("key", "schema"))?;
    let value_schema = read_schema(part("value", "schema"))?;
    let key = read_value(part("key", "value"), key_schema.as_ref())?;
    let value = read_value(part("value", "value"), value_schema.as_ref())?;
    let mut headers = Headers::new();
    for header in json.get("headers").map(Json::children).unwrap_or_default() {
        let data = read_data(header)?;
        let Some(name) = header.text("name") else {
            return null_pointer("Null header keys are not permitted");
        };
        headers.add(name, data)?;
    }
    let topic = json.text("topic").unwrap_or_else(|| NO_TOPIC.to_owned());
    let mut record = Record::new(topic, SchemaAndValue::new(value_schema, value));
    record.key = SchemaAndValue::new(key_schema, key);
    record.headers = headers;
    record.kafka_partition = json.some("partition").map(Json::as_int);
    record.timestamp = json.some("timestamp").map(Json::as_long);
    let Some(offset) = json.some("offset") else {
        return Ok(record);
    };
    // A record that was read from Kafka has a partition.
    record.kafka_partition.get_or_insert(0);
    Ok(record.with_kafka_offset(offset.as_long()))
}

/// Writes a record.
pub fn write_record(record: &Record) -> Json {
    let topic = Some(record.topic.as_str()).filter(|topic| *topic != NO_TOPIC);
    let mut json = Json::object([("topic", topic.into()), ("partition", record.kafka_partition.into())]);
    if let Some(offset) = record.kafka_offset() {
        json.set("offset", offset);
    }
    json.set("timestamp", record.timestamp);
    json.set("key", write_data(&record.key));
    json.set("value", write_data(&record.value));
    let header = |header: &Header| {
        let data = header.data();
        let schema = data.schema.as_ref();
        Json::object([
            ("name", header.key().as_str().into()),
            ("schema", write_schema(schema)),
            ("value", write_value(&data.value, schema)),
        ])
    };
    json.set("headers", record.headers.iter().map(header).collect::<Json>());
    json
}
