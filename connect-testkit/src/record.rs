//! Looking into records.

use connect_api::{Record, SinkRecord, SourceRecord, Value};

/// Anything that is a record or has one in it.
pub trait AsRecord {
    /// The record.
    fn as_record(&self) -> &Record;
}

impl AsRecord for Record {
    fn as_record(&self) -> &Record {
        self
    }
}

impl AsRecord for SourceRecord {
    fn as_record(&self) -> &Record {
        &self.record
    }
}

impl AsRecord for SinkRecord {
    fn as_record(&self) -> &Record {
        &self.record
    }
}

/// The values of records, in order, to compare them with what a test expects.
///
/// ```
/// use connect_api::{Record, SchemaAndValue, Value};
/// use connect_testkit::values;
///
/// let records = [Record::new("t", SchemaAndValue::schemaless("a")), Record::new("t", SchemaAndValue::NULL)];
/// assert_eq!(values(&records), [Value::from("a"), Value::Null]);
/// ```
pub fn values<R: AsRecord>(records: &[R]) -> Vec<Value> {
    records.iter().map(|record| record.as_record().value.value.clone()).collect()
}

/// The keys of records, in order.
///
/// ```
/// use connect_api::{Record, SchemaAndValue, Value};
/// use connect_testkit::keys;
///
/// let record = Record::new("t", SchemaAndValue::NULL).with_key(SchemaAndValue::schemaless("k"));
/// assert_eq!(keys(&[record]), [Value::from("k")]);
/// ```
pub fn keys<R: AsRecord>(records: &[R]) -> Vec<Value> {
    records.iter().map(|record| record.as_record().key.value.clone()).collect()
}
