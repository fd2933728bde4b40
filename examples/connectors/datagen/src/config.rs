//! The configuration, and the schemas that come with the connector.

use std::path::PathBuf;
use std::time::Duration;

use connect_api::config::{Validator, invalid};
use connect_api::{Config, ConfigEnum, Error, ErrorKind, Record, Result, Schema, SchemaAndValue, Str};

use crate::generator::Generator;
use crate::random::Random;
use crate::schema;

/// The configuration of [`DatagenSource`](crate::DatagenSource).
#[derive(Clone, Debug, Config)]
#[config(validate = check)]
pub struct DatagenConfig {
    /// Topic to write to.
    #[config(importance = High, validate = Validator::non_empty_string())]
    pub kafka_topic: String,

    /// Longest interval between two records of a task, in milliseconds. The intervals are random, half of this on
    /// average. With 0 records are made as fast as they are taken.
    #[config(default = 500, importance = High)]
    pub max_interval: Duration,

    /// Number of records that each task makes, or -1 for no end.
    #[config(default = -1, importance = High, validate = Validator::at_least(-1))]
    pub iterations: i64,

    /// Schema of the records, in Avro's JSON.
    #[config(importance = High, validate = check_schema_string)]
    pub schema_string: Option<String>,

    /// File with the schema of the records, in Avro's JSON.
    #[config(importance = High)]
    pub schema_filename: Option<PathBuf>,

    /// Field that becomes the key of the record. Without it records have no key, except those of a quickstart, which
    /// has a key field of its own.
    #[config(importance = High)]
    pub schema_keyfield: Option<String>,

    /// Name of a schema that comes with the connector, in upper or lower case.
    #[config(importance = High)]
    pub quickstart: Option<Quickstart>,

    /// Number that all random values depend on: the same number gives the same records. Without it each task chooses
    /// one and keeps it with its offsets.
    #[config(importance = Low)]
    pub random_seed: Option<i64>,

    /// Longest time that making one record may take, in milliseconds. When it takes longer, the task fails.
    #[config(importance = Low)]
    pub generate_timeout: Option<Duration>,
}

/// A schema that comes with the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ConfigEnum)]
#[config(ignore_case)]
pub enum Quickstart {
    /// Requests to a web server, by address.
    Clickstream,
    /// Orders, by number.
    Orders,
    /// Views of pages, by time.
    Pageviews,
    /// Ratings of a service, by number.
    Ratings,
    /// Trades of stocks, by symbol.
    StockTrades,
    /// Users, by id.
    Users,
}

impl Quickstart {
    fn schema(self) -> &'static str {
        match self {
            Self::Clickstream => include_str!("quickstarts/clickstream.json"),
            Self::Orders => include_str!("quickstarts/orders.json"),
            Self::Pageviews => include_str!("quickstarts/pageviews.json"),
            Self::Ratings => include_str!("quickstarts/ratings.json"),
            Self::StockTrades => include_str!("quickstarts/stock_trades.json"),
            Self::Users => include_str!("quickstarts/users.json"),
        }
    }

    fn key_field(self) -> &'static str {
        match self {
            Self::Clickstream => "ip",
            Self::Orders => "orderid",
            Self::Pageviews => "viewtime",
            Self::Ratings => "rating_id",
            Self::StockTrades => "symbol",
            Self::Users => "userid",
        }
    }
}

/// The configuration of a task: that of the connector and the task's number.
#[derive(Clone, Debug, Config)]
pub struct DatagenTaskConfig {
    /// The connector's configuration.
    #[config(flatten)]
    pub connector: DatagenConfig,

    /// Number of the task, from 0, set by the connector.
    #[config(default = 0, importance = Low, internal)]
    pub task_id: i64,
}

fn check_schema_string(text: &str) -> Result<(), String> {
    schema::read(text).map(drop)
}

fn check(config: &DatagenConfig) -> Result<()> {
    let given =
        [config.quickstart.is_some(), config.schema_string.is_some(), config.schema_filename.is_some()];
    if given.into_iter().filter(|given| *given).count() != 1 {
        return Err(Error::new(
            ErrorKind::Config,
            "Exactly one of quickstart, schema.string and schema.filename must be set",
        ));
    }
    // A schema in a file is looked at when the connector starts.
    match &config.schema_filename {
        Some(_) => Ok(()),
        None => Template::new(config, "").map(drop),
    }
}

/// What records are made from.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) schema: Schema,
    pub(crate) generator: Generator,
    /// Index and schema of the field that becomes the key.
    pub(crate) key: Option<(usize, Schema)>,
}

impl Template {
    /// Reads the schema that the configuration names.
    pub(crate) async fn load(config: &DatagenConfig) -> Result<Self> {
        let Some(path) = config.schema_filename.clone() else { return Self::new(config, "") };
        let unreadable = |error: String| invalid("schema.filename", path.display(), error);
        let reading = tokio::task::spawn_blocking({
            let path = path.clone();
            move || std::fs::read_to_string(path)
        });
        let text = reading.await.map_err(|error| unreadable(error.to_string()))?;
        Self::new(config, &text.map_err(|error| unreadable(format!("it cannot be read: {error}")))?)
    }

    /// Makes the record of a number.
    pub(crate) fn record(&self, topic: Str, number: i64, random: &mut Random) -> Result<Record> {
        let value = self.generator.generate(number, random);
        let key = match (&self.key, value.as_struct()) {
            (Some((index, schema)), Some(row)) => {
                SchemaAndValue::new(schema.clone(), row.get_without_default(*index)?.clone())
            }
            _ => SchemaAndValue::NULL,
        };
        Ok(Record::new(topic, SchemaAndValue::new(self.schema.clone(), value)).with_key(key))
    }

    fn new(config: &DatagenConfig, file: &str) -> Result<Self> {
        let (key, text) = match (&config.quickstart, &config.schema_string) {
            (Some(quickstart), _) => ("quickstart", quickstart.schema()),
            (None, Some(text)) => ("schema.string", text.as_str()),
            (None, None) => ("schema.filename", file),
        };
        let (schema, generator) = schema::read(text)
            .map_err(|error| Error::config(key, format!("The schema of {key} cannot be used: {error}")))?;
        let key_field = config.schema_keyfield.as_deref().filter(|name| !name.is_empty());
        let key_field = key_field.or(config.quickstart.map(Quickstart::key_field));
        let key = match key_field {
            None => None,
            Some(name) => {
                let field = schema.field(name)?;
                let field =
                    field.ok_or_else(|| invalid("schema.keyfield", name, "The schema has no such field"))?;
                Some((field.index(), field.schema().clone()))
            }
        };
        Ok(Self { schema, generator, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quickstart_has_a_valid_schema_and_its_key_field() {
        for name in Quickstart::NAMES {
            let properties = [("kafka.topic", "t"), ("quickstart", &name.to_uppercase())];
            let config = DatagenConfig::parse(&properties.into()).unwrap();
            assert!(Template::new(&config, "").unwrap().key.is_some(), "{name}");
        }
    }
}
