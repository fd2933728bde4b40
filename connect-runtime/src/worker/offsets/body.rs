//! What a request about offsets carries: JSON maps, as their meaning depends on the kind of the connector.

use std::collections::BTreeMap;

use connect_api::{OffsetValue, Offsets, SourceOffset, SourcePartition, TopicPartition};
use serde_json::Value as Json;

use crate::error::{Error, Result};
use crate::wire;

/// A JSON object.
pub type JsonMap = serde_json::Map<String, Json>;

const TOPIC: &str = "kafka_topic";
const PARTITION: &str = "kafka_partition";
const OFFSET: &str = "kafka_offset";

/// The offsets of a connector: what `GET /connectors/{name}/offsets` answers and `PATCH` takes (KIP-875).
///
/// ```
/// use connect_runtime::{ConnectorOffset, ConnectorOffsets};
/// use connect_api::TopicPartition;
///
/// let json = serde_json::json!({"offsets": [{
///     "partition": {"kafka_topic": "orders", "kafka_partition": 3},
///     "offset": {"kafka_offset": 41},
/// }]});
/// let offsets = ConnectorOffsets::from_json(&json)?;
/// let expected = ConnectorOffset::sink(&TopicPartition::new("orders", 3), Some(41));
/// assert_eq!(offsets.offsets, [expected]);
/// assert_eq!(offsets.to_json(), json);
/// # Ok::<(), connect_runtime::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectorOffsets {
    /// One entry per partition. Of two entries for one partition the last counts.
    pub offsets: Vec<ConnectorOffset>,
}

/// One partition of a source, or of a topic, and its offset.
///
/// A sink's partition has the members `kafka_topic` and `kafka_partition`, its offset `kafka_offset`; those of a
/// source are the connector's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectorOffset {
    /// Which partition. Without one a request is refused.
    pub partition: Option<JsonMap>,
    /// Where it continues; `None` forgets its offset.
    pub offset: Option<JsonMap>,
}

impl ConnectorOffset {
    /// A sink's partition and the offset of the next record that it reads.
    pub fn sink(partition: &TopicPartition, offset: Option<i64>) -> Self {
        Self {
            partition: Some(JsonMap::from_iter([
                (TOPIC.to_owned(), Json::from(partition.topic.as_str())),
                (PARTITION.to_owned(), Json::from(partition.partition)),
            ])),
            offset: offset.map(|offset| JsonMap::from_iter([(OFFSET.to_owned(), Json::from(offset))])),
        }
    }

    /// A source's partition and where it continues.
    pub fn source(partition: &SourcePartition, offset: Option<&SourceOffset>) -> Self {
        Self {
            partition: Some(json_map(partition.iter())),
            offset: offset.map(|offset| json_map(offset.iter())),
        }
    }
}

fn json_map<'a>(entries: impl Iterator<Item = (&'a str, &'a OffsetValue)>) -> JsonMap {
    let json = |value: &OffsetValue| match value {
        OffsetValue::Null => Json::Null,
        OffsetValue::Boolean(value) => Json::from(*value),
        OffsetValue::Int64(value) => Json::from(*value),
        OffsetValue::String(value) => Json::from(value.as_str()),
    };
    entries.map(|(key, value)| (key.to_owned(), json(value))).collect()
}

impl ConnectorOffsets {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// [`Error::BadRequest`] when it has another shape, or no offsets at all.
    pub fn from_json(json: &Json) -> Result<Self> {
        let none = Vec::new();
        let list = match json.get("offsets") {
            Some(Json::Array(list)) => list,
            Some(Json::Null) | None if json.is_object() => &none,
            _ => return Err(Error::BadRequest(format!("expected {{\"offsets\": […]}}, but found {json}"))),
        };
        let offsets = list.iter().map(|entry| {
            let member = |name| match entry.get(name) {
                None | Some(Json::Null) => Ok(None),
                Some(Json::Object(map)) => Ok(Some(map.clone())),
                Some(other) => {
                    Err(Error::BadRequest(format!("{name} must be a JSON object, but found {other}")))
                }
            };
            if !entry.is_object() {
                let message = format!("an offset must have a partition and an offset, but found {entry}");
                return Err(Error::BadRequest(message));
            }
            Ok(ConnectorOffset { partition: member("partition")?, offset: member("offset")? })
        });
        let offsets = Self { offsets: offsets.collect::<Result<_>>()? };
        offsets.must_not_be_empty()?;
        Ok(offsets)
    }

    /// The body of an answer.
    pub fn to_json(&self) -> Json {
        let object = |map: &Option<JsonMap>| map.clone().map_or(Json::Null, Json::Object);
        let list = self.offsets.iter().map(|entry| {
            serde_json::json!({"partition": object(&entry.partition), "offset": object(&entry.offset)})
        });
        serde_json::json!({"offsets": list.collect::<Vec<_>>()})
    }

    pub(crate) fn must_not_be_empty(&self) -> Result<()> {
        if self.offsets.is_empty() {
            let message = "Partitions / offsets need to be provided for an alter offsets request";
            return Err(Error::BadRequest(message.to_owned()));
        }
        Ok(())
    }

    pub(super) fn of_sink(offsets: &Offsets) -> Self {
        let entries =
            offsets.iter().map(|(partition, offset)| ConnectorOffset::sink(partition, Some(*offset)));
        Self { offsets: entries.collect() }
    }

    /// The offsets as those of a sink. The words are Kafka's.
    pub(super) fn for_sink(&self) -> Result<BTreeMap<TopicPartition, Option<i64>>> {
        self.offsets.iter().map(|entry| Ok((sink_partition(entry)?, sink_offset(entry)?))).collect()
    }

    /// The offsets as those of a source.
    pub(super) fn for_source(&self) -> Result<BTreeMap<SourcePartition, Option<SourceOffset>>> {
        let entries = self.offsets.iter().map(|entry| {
            let partition = entry.partition.clone().ok_or_else(|| {
                bad("The partition for a source connector offset cannot be null or missing".to_owned())
            })?;
            let entries = |map| wire::offset::entries(map).map_err(|error| bad(error.message().to_owned()));
            let offset = match entry.offset.clone() {
                Some(offset) => Some(SourceOffset::from_entries(entries(offset)?)),
                None => None,
            };
            Ok((SourcePartition::from_entries(entries(partition)?), offset))
        });
        entries.collect()
    }
}

fn bad(message: String) -> Error {
    Error::BadRequest(message)
}

/// A string's content, and the JSON text of anything else: `10` and `"10"` mean the same.
fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn sink_partition(entry: &ConnectorOffset) -> Result<TopicPartition> {
    let Some(map) = &entry.partition else {
        return Err(bad("The partition for a sink connector offset cannot be null or missing".to_owned()));
    };
    let (Some(topic), Some(partition)) = (map.get(TOPIC), map.get(PARTITION)) else {
        return Err(bad(format!(
            "The partition for a sink connector offset must contain the keys '{TOPIC}' and '{PARTITION}'"
        )));
    };
    if topic.is_null() {
        return Err(bad("Kafka topic names must be valid strings and may not be null".to_owned()));
    }
    if partition.is_null() {
        return Err(bad("Kafka partitions must be valid numbers and may not be null".to_owned()));
    }
    let partition = text(partition);
    let number = partition.parse().map_err(|_| {
        bad(format!(
            "Failed to parse the following Kafka partition value in the provided offsets: '{partition}'. Partition \
             values for sink connectors need to be integers."
        ))
    })?;
    Ok(TopicPartition::new(text(topic), number))
}

fn sink_offset(entry: &ConnectorOffset) -> Result<Option<i64>> {
    let Some(map) = &entry.offset else { return Ok(None) };
    let Some(offset) = map.get(OFFSET) else {
        return Err(bad(format!(
            "The offset for a sink connector should either be null or contain the key '{OFFSET}'"
        )));
    };
    let offset = text(offset);
    let number = offset.parse().map_err(|_| {
        bad(format!(
            "Failed to parse the following Kafka offset value in the provided offsets: '{offset}'. Offset values for \
             sink connectors need to be integers."
        ))
    })?;
    Ok(Some(number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sink(partition: &Json, offset: &Json) -> Result<BTreeMap<TopicPartition, Option<i64>>> {
        ConnectorOffsets::from_json(&json!({"offsets": [{"partition": partition, "offset": offset}]}))?
            .for_sink()
    }

    #[test]
    fn numbers_of_a_sink_may_be_texts_and_no_offset_means_reset() {
        let partition = TopicPartition::new("t", 10);
        let read = sink(&json!({"kafka_topic": "t", "kafka_partition": "10"}), &json!({"kafka_offset": "7"}));
        assert_eq!(read.unwrap(), BTreeMap::from([(partition.clone(), Some(7))]));
        let read = sink(&json!({"kafka_topic": "t", "kafka_partition": 10}), &Json::Null);
        assert_eq!(read.unwrap(), BTreeMap::from([(partition, None)]));
    }

    #[test]
    fn what_is_wrong_with_a_sinks_partition_or_offset_is_said_in_kafkas_words() {
        let good = json!({"kafka_topic": "t", "kafka_partition": 1});
        let cases = [
            (Json::Null, Json::Null, "The partition for a sink connector offset cannot be null or missing"),
            (
                json!({"kafka_topic": "t"}),
                Json::Null,
                "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'",
            ),
            (
                json!({"kafka_topic": null, "kafka_partition": 1}),
                Json::Null,
                "Kafka topic names must be valid strings and may not be null",
            ),
            (
                json!({"kafka_topic": "t", "kafka_partition": null}),
                Json::Null,
                "Kafka partitions must be valid numbers and may not be null",
            ),
            (
                json!({"kafka_topic": "t", "kafka_partition": "x"}),
                Json::Null,
                "Failed to parse the following Kafka partition value in the provided offsets: 'x'. Partition values \
                 for sink connectors need to be integers.",
            ),
            (
                good.clone(),
                json!({"offset": 1}),
                "The offset for a sink connector should either be null or contain the key 'kafka_offset'",
            ),
            (
                good,
                json!({"kafka_offset": null}),
                "Failed to parse the following Kafka offset value in the provided offsets: 'null'. Offset values for \
                 sink connectors need to be integers.",
            ),
        ];
        for (partition, offset, message) in cases {
            let error = sink(&partition, &offset).unwrap_err();
            assert!(matches!(error, Error::BadRequest(_)), "{error:?}");
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn no_offsets_at_all_are_refused() {
        for json in [json!({}), json!({"offsets": null}), json!({"offsets": []})] {
            let error = ConnectorOffsets::from_json(&json).unwrap_err().to_string();
            assert_eq!(error, "Partitions / offsets need to be provided for an alter offsets request");
        }
    }

    #[test]
    fn a_sources_offsets_come_back_as_they_were() {
        let json = json!({"offsets": [{
            "partition": {"filename": "a.txt"},
            "offset": {"done": true, "position": 42, "since": null, "tag": "x"},
        }]});
        let offsets = ConnectorOffsets::from_json(&json).unwrap();
        let read = offsets.for_source().unwrap();
        let (partition, offset) = read.iter().next().unwrap();
        assert_eq!(ConnectorOffset::source(partition, offset.as_ref()), offsets.offsets[0]);
        assert_eq!(offsets.to_json(), json);
    }
}
