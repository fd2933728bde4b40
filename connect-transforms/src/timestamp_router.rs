//! [`TimestampRouter`]: puts the time of a record into its topic.

use connect_api::{Config, Error, ErrorKind, Outcome, Record, Result, Transformation};

use crate::simple_date_format::SimpleDateFormat;

/// The configuration of [`TimestampRouter`].
#[derive(Clone, Debug, Config)]
pub struct TimestampRouterConfig {
    /// Format string which can contain `${topic}` and `${timestamp}` as placeholders for the topic and timestamp,
    /// respectively.
    #[config(default = "${topic}-${timestamp}", importance = High)]
    pub topic_format: String,
    /// Format string for the timestamp that is compatible with `java.text.SimpleDateFormat`.
    #[config(default = "yyyyMMdd", importance = High)]
    pub timestamp_format: String,
}

/// Gives a record a topic that names the time of its timestamp, in UTC: `orders-20231114`.
///
/// The placeholders are replaced literally, first `${topic}`, then `${timestamp}`. The letters of `timestamp.format` are
/// those of Java's `SimpleDateFormat`, with English names.
///
/// # Errors
///
/// A data error for a record without timestamp. A pattern that is not valid fails the first record, not the
/// configuration, as in Kafka.
///
/// # Example
///
/// ```
/// use connect_api::{Plugins, Properties, Record, SchemaAndValue};
///
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let router = plugins.find_transformation("TimestampRouter")?.configure(&Properties::from([
///     ("topic.format", "${topic}.${timestamp}"),
///     ("timestamp.format", "yyyy-MM"),
/// ]))?;
///
/// let mut record = Record::new("orders", SchemaAndValue::NULL).with_timestamp(1_700_000_000_123);
/// let _ = router.apply(&mut record)?;
/// assert_eq!(record.topic, "orders.2023-11");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.TimestampRouter")]
pub struct TimestampRouter {
    topic_format: String,
    timestamp_format: Result<SimpleDateFormat, String>,
}

impl Transformation for TimestampRouter {
    type Config = TimestampRouterConfig;

    fn configure(config: TimestampRouterConfig) -> Result<Self> {
        let timestamp_format = SimpleDateFormat::new(&config.timestamp_format);
        Ok(Self { topic_format: config.topic_format, timestamp_format })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let timestamp = record.timestamp.ok_or_else(|| no_timestamp(record))?;
        let format = self.timestamp_format.as_ref().map_err(|message| {
            Error::new(ErrorKind::Config, message).with_java_class("java.lang.IllegalArgumentException")
        })?;
        let topic = self.topic_format.replace("${topic}", &record.topic);
        record.topic = topic.replace("${timestamp}", &format.format(timestamp)).into();
        Ok(Outcome::Keep)
    }
}

/// Java prints the whole record, data included, which does not belong into a message.
#[cold]
fn no_timestamp(record: &Record) -> Error {
    let partition =
        record.kafka_partition.map_or_else(|| "null".to_owned(), |partition| partition.to_string());
    let topic = &record.topic;
    Error::data(format!(
        "Timestamp missing on record: ConnectRecord{{topic='{topic}', kafkaPartition={partition}}}"
    ))
}
