//! [`InsertHeader`]: adds a header that is always the same.

use connect_api::config::Validator;
use connect_api::data::values;
use connect_api::header::Header;
use connect_api::{Config, Outcome, Record, Result, Transformation};

/// The configuration of [`InsertHeader`].
#[derive(Clone, Debug, Config)]
pub struct InsertHeaderConfig {
    /// The name of the header.
    #[config(importance = High, validate = Validator::non_null())]
    pub header: String,
    /// The literal value that is to be set as the header value on all records.
    #[config(importance = High, validate = Validator::non_null())]
    pub value_literal: String,
}

/// Appends a header with the same value to every record; headers of that name stay.
///
/// The type of the value is guessed from its text, as header values are read: `5` is an `INT8`, `true` a `BOOLEAN`,
/// `[1,2]` an array, `null` no value at all, and what looks like nothing else a `STRING`.
///
/// ```
/// use connect_api::{Plugins, Properties, Record, Schema, SchemaAndValue, Value};
///
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let config = Properties::from([("header", "attempt"), ("value.literal", "5")]);
/// let insert = plugins.find_transformation("InsertHeader")?.configure(&config)?;
///
/// let mut record = Record::new("orders", SchemaAndValue::schemaless("x"));
/// let _ = insert.apply(&mut record)?;
/// let header = record.headers.last_with_name("attempt").ok_or("it was added")?;
/// assert_eq!((header.schema(), header.value()), (Some(&Schema::INT8), &Value::Int8(5)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.InsertHeader")]
pub struct InsertHeader {
    header: Header,
}

impl Transformation for InsertHeader {
    type Config = InsertHeaderConfig;

    fn configure(config: InsertHeaderConfig) -> Result<Self> {
        let value = values::parse_string(&config.value_literal)?.unwrap_or_default();
        Ok(Self { header: Header::new(config.header, value) })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        record.headers.add_header(self.header.clone());
        Ok(Outcome::Keep)
    }
}
