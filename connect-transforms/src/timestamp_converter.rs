//! [`TimestampConverter`]: converts between the forms of a point in time.

use std::marker::PhantomData;

use connect_api::config::Validator;
use connect_api::data::logical::{DATE, MILLIS_PER_DAY, TIME, TIMESTAMP};
use connect_api::data::{Date, Type};
use connect_api::transform::Target;
use connect_api::{
    Config, Error, ErrorKind, Outcome, Record, Result, Schema, SchemaAndValue, Transformation, Value,
};

use crate::field_path::{FieldPath, FieldSyntaxVersion};
use crate::field_tree::FieldTree;
use crate::rebuild::{Conversion, Rebuilt};
use crate::requirements::{is_settled, require_map, require_struct};
use crate::schema_cache::SchemaCache;
use crate::simple_date_format::SimpleDateFormat;

/// The configuration of [`TimestampConverter`].
#[derive(Clone, Debug, Config)]
#[config(validate = check)]
pub struct TimestampConverterConfig {
    /// The field containing the timestamp, or empty if the entire value is a timestamp.
    #[config(default = "", importance = High)]
    pub field: String,
    /// The desired timestamp representation: string, unix, Date, Time, or Timestamp.
    #[config(
        importance = High,
        validate = Validator::one_of(["string", "unix", "Date", "Time", "Timestamp"])
    )]
    pub target_type: String,
    /// A `SimpleDateFormat`-compatible format for the timestamp. Used to generate the output when type=string or used
    /// to parse the input if the input is a string.
    #[config(default = "")]
    pub format: String,
    /// The desired Unix precision for the timestamp: seconds, milliseconds, microseconds, or nanoseconds. Used to
    /// generate the output when type=unix or used to parse the input if the input is a Long. Note: This SMT will cause
    /// precision loss during conversions from, and to, values with sub-millisecond components.
    #[config(
        default = "milliseconds",
        importance = Low,
        validate = Validator::one_of(["nanoseconds", "microseconds", "milliseconds", "seconds"])
    )]
    pub unix_precision: String,
    /// Whether to replace fields that have a default value and that are null to the default value. When set to true,
    /// the default value is used, otherwise null is used.
    #[config(default = true)]
    pub replace_null_with_default: bool,
    /// Defines the version of the syntax to access fields: `V1` for the name of a field of the key or value itself, `V2`
    /// for a path, where dots separate the steps and backticks wrap a step that has dots. Kafka Connect does not have
    /// this key here.
    #[config(default = "V1", importance = High)]
    pub field_syntax_version: FieldSyntaxVersion,
}

fn check(config: &TimestampConverterConfig) -> Result<()> {
    config.fields()?;
    config.date_format().map(drop)
}

impl TimestampConverterConfig {
    /// The path to the field; empty for the key or value as a whole.
    fn fields(&self) -> Result<FieldTree<()>> {
        let mut fields = FieldTree::default();
        if !self.field.is_empty() {
            *fields.entry(&FieldPath::parse(&self.field, self.field_syntax_version)?)? = Some(());
        }
        Ok(fields)
    }

    fn date_format(&self) -> Result<Option<SimpleDateFormat>> {
        if self.format.chars().all(|c| c <= ' ') {
            return match self.target_type.as_str() {
                "string" => Err(Error::config(
                    "format",
                    "TimestampConverter requires format option to be specified when using string timestamps",
                )),
                _ => Ok(None),
            };
        }
        SimpleDateFormat::new(&self.format).map(Some).map_err(|problem| {
            let message = format!(
                "Invalid value java.lang.IllegalArgumentException: {problem} for configuration TimestampConverter \
                 requires a SimpleDateFormat-compatible pattern for string timestamps: {}",
                self.format
            );
            Error::config("format", message)
        })
    }
}

/// The forms of a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    String,
    Unix,
    Date,
    Time,
    Timestamp,
}

impl Form {
    fn of_schema(schema: &Schema) -> Result<Self> {
        match (schema.name(), schema.ty()) {
            (Some(TIMESTAMP), _) => Ok(Self::Timestamp),
            (Some(DATE), _) => Ok(Self::Date),
            (Some(TIME), _) => Ok(Self::Time),
            (_, Type::String) => Ok(Self::String),
            (_, Type::Int64) => Ok(Self::Unix),
            _ => Err(Error::connect(format!(
                "Schema {schema} does not correspond to a known timestamp type format"
            ))),
        }
    }

    fn of_value(value: &Value) -> Result<Self> {
        match value {
            Value::Date(_) => Ok(Self::Timestamp),
            Value::Int64(_) => Ok(Self::Unix),
            Value::String(_) => Ok(Self::String),
            other => {
                let class = other.java_class_name();
                Err(Error::data(format!(
                    "TimestampConverter does not support class {class} objects as timestamps"
                )))
            }
        }
    }

    fn schema(self, optional: bool) -> Schema {
        let schema = match self {
            Self::String => Schema::STRING,
            Self::Unix => Schema::INT64,
            Self::Date => Schema::date(),
            Self::Time => Schema::time(),
            Self::Timestamp => Schema::timestamp(),
        };
        if optional { schema.with_optional(true) } else { schema }
    }
}

/// How long a number of `unix` is.
#[derive(Clone, Copy, Debug)]
enum Precision {
    /// This many milliseconds.
    Coarse(i64),
    /// This part of a millisecond.
    Fine(i64),
}

/// What a text, a number or a date says.
enum Instant {
    Millis(i64),
    /// A text, which may have named a time zone.
    Parsed(crate::simple_date_format::Parsed),
}

/// Converts the key or value, or one of its fields, between texts, Unix time and Connect's Date, Time and Timestamp, all
/// in UTC.
///
/// With a schema the old form follows from the schema, and the new schema is optional if the old one was. Without a
/// schema a date is a Timestamp, a 64-bit integer Unix time, and a text is read by `format`. Null stays null; a field
/// that is not there is added with null to schemaless data.
///
/// A text is read as leniently as Java's `SimpleDateFormat` does: fields roll over, what comes after the pattern is
/// ignored, and `S` is a number of milliseconds, not a fraction.
///
/// With `field.syntax.version=V2`, which Kafka Connect does not have here, the field is a path; a path through null, or
/// through something that is not there, changes nothing. The structs on the way keep everything but the schema of that
/// field, defaults included.
///
/// # Errors
///
/// A data error for a value of another class, for a text that does not fit the pattern, and for a path through anything
/// that is no struct or, without a schema, no map. A connect error for a schema of another type.
///
/// # Example
///
/// ```
/// use connect_api::data::Map;
/// use connect_api::{Plugins, Properties, Record, SchemaAndValue};
///
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let converter = plugins.find_transformation("TimestampConverter$Value")?.configure(&Properties::from([
///     ("field", "at"),
///     ("format", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"),
///     ("target.type", "unix"),
///     ("unix.precision", "seconds"),
/// ]))?;
///
/// let order = Map::from([("at", "2023-11-14T23:13:20.123+01:00")]);
/// let mut record = Record::new("orders", SchemaAndValue::schemaless(order));
/// let _ = converter.apply(&mut record)?;
/// assert_eq!(record.value.value.to_string(), "{at=1700000000}");
///
/// // With a path: the time in the payment.
/// let converter = plugins.find_transformation("TimestampConverter$Value")?.configure(&Properties::from([
///     ("field", "payment.at"),
///     ("field.syntax.version", "V2"),
///     ("format", "yyyy-MM-dd"),
///     ("target.type", "string"),
/// ]))?;
/// let payment = Map::from([("at", 1_700_000_000_123_i64)]);
/// let mut record = Record::new("orders", SchemaAndValue::schemaless(Map::from([("payment", payment)])));
/// let _ = converter.apply(&mut record)?;
/// assert_eq!(record.value.value.to_string(), "{payment={at=2023-11-14}}");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.TimestampConverter")]
pub struct TimestampConverter<T> {
    /// Empty for the key or value as a whole.
    fields: FieldTree<()>,
    form: Form,
    format: Option<SimpleDateFormat>,
    precision: Precision,
    replace_null_with_default: bool,
    schemas: SchemaCache<Rebuilt>,
    target: PhantomData<T>,
}

impl<T> Conversion for TimestampConverter<T> {
    type To = ();
    const PURPOSE: &'static str = "converting timestamp formats";

    fn replaces_null_with_default(&self) -> bool {
        self.replace_null_with_default
    }

    fn convert_schema(&self, schema: &Schema, (): &()) -> Result<Schema> {
        Ok(self.form.schema(schema.is_optional()))
    }

    fn convert_value(&self, schema: Option<&Schema>, value: &Value, (): &()) -> Result<Value> {
        match schema {
            Some(schema) => self.convert(value, Form::of_schema(schema)?),
            None if value.is_null() => Ok(Value::Null),
            None => self.convert(value, Form::of_value(value)?),
        }
    }
}

impl<T> TimestampConverter<T> {
    fn convert(&self, value: &Value, form: Form) -> Result<Value> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        let instant = self.read(value, form)?;
        let millis = match &instant {
            Instant::Millis(millis) => *millis,
            Instant::Parsed(parsed) => parsed.millis,
        };
        Ok(match self.form {
            Form::Timestamp => Value::Date(Date(millis)),
            Form::Date => Value::Date(Date(millis.wrapping_sub(millis.rem_euclid(MILLIS_PER_DAY)))),
            Form::Time => Value::Date(Date(millis.rem_euclid(MILLIS_PER_DAY))),
            Form::Unix => Value::Int64(match self.precision {
                Precision::Coarse(length) => millis / length,
                Precision::Fine(parts) => millis.saturating_mul(parts),
            }),
            Form::String => {
                let format = self.format.as_ref().ok_or_else(no_format)?;
                let text = match &instant {
                    Instant::Millis(millis) => format.format(*millis),
                    Instant::Parsed(parsed) => format.format_parsed(parsed),
                };
                Value::String(text.into())
            }
        })
    }

    fn read(&self, value: &Value, form: Form) -> Result<Instant> {
        let wrong = |expected: &str| {
            let class = value.java_class_name();
            Err(Error::data(format!("Expected {expected}, but found class {class}")))
        };
        match (form, value) {
            (Form::String, Value::String(text)) => self.parse(text).map(Instant::Parsed),
            (Form::String, _) => wrong("string timestamp to be a String"),
            (Form::Unix, Value::Int64(number)) => Ok(Instant::Millis(match self.precision {
                Precision::Coarse(length) => number.saturating_mul(length),
                Precision::Fine(parts) => number / parts,
            })),
            (Form::Unix, _) => wrong("Unix timestamp to be a Long"),
            (_, Value::Date(date)) => Ok(Instant::Millis(date.0)),
            (Form::Date, _) => wrong("Date to be a java.util.Date"),
            (Form::Time, _) => wrong("Time to be a java.util.Date"),
            (Form::Timestamp, _) => wrong("Timestamp to be a java.util.Date"),
        }
    }

    fn parse(&self, text: &str) -> Result<crate::simple_date_format::Parsed> {
        let format = self.format.as_ref().ok_or_else(no_format)?;
        format.parse(text).map_err(|error| {
            let offset = error.offset.map(|offset| format!(" at {offset}")).unwrap_or_default();
            let cause = Error::data(format!("Unparseable date: \"{text}\"{offset}"));
            let pattern = format.pattern();
            Error::data(format!(
                "Could not parse timestamp: value ({text}) does not match pattern ({pattern})"
            ))
            .with_source(cause.with_java_class("java.text.ParseException"))
        })
    }

    fn apply_to_fields(&self, data: &mut SchemaAndValue, schema: &Schema) -> Result<()> {
        if !data.value.is_null() {
            require_struct(&data.value, Self::PURPOSE)?;
        }
        let updated = self.schemas.get(schema, |schema| {
            let updated = self.rebuild_schema(schema, &self.fields)?;
            Ok(Rebuilt { schema: updated, converts: self.fields.reaches(schema) })
        })?;
        if let Some(before) = data.value.as_struct() {
            let same = before.schema().is_same(schema) && !updated.converts;
            if same && is_settled(before, self.replace_null_with_default) {
                return Ok(());
            }
            data.value = self.rebuild(before, schema, &updated.schema, &self.fields)?.into();
        }
        data.schema = Some(updated.schema.clone());
        Ok(())
    }

    fn apply_schemaless(&self, value: &mut Value) -> Result<()> {
        if self.fields.is_empty() {
            *value = self.convert_value(None, value, &())?;
        } else if !value.is_null() {
            self.convert_entries(require_map(value, Self::PURPOSE)?, &self.fields)?;
        }
        Ok(())
    }
}

/// Java fails with a null pointer here.
#[cold]
fn no_format() -> Error {
    Error::new(ErrorKind::Config, "TimestampConverter requires the option format to read a text")
        .with_java_class("java.lang.NullPointerException")
}

impl<T: Target> Transformation for TimestampConverter<T> {
    type Config = TimestampConverterConfig;

    fn configure(config: TimestampConverterConfig) -> Result<Self> {
        Ok(Self {
            form: match config.target_type.as_str() {
                "string" => Form::String,
                "unix" => Form::Unix,
                "Date" => Form::Date,
                "Time" => Form::Time,
                _ => Form::Timestamp,
            },
            precision: match config.unix_precision.as_str() {
                "seconds" => Precision::Coarse(1000),
                "microseconds" => Precision::Fine(1000),
                "nanoseconds" => Precision::Fine(1_000_000),
                _ => Precision::Coarse(1),
            },
            format: config.date_format()?,
            fields: config.fields()?,
            replace_null_with_default: config.replace_null_with_default,
            schemas: SchemaCache::default(),
            target: PhantomData,
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let data = T::of(record);
        match data.schema.clone() {
            None => self.apply_schemaless(&mut data.value)?,
            Some(schema) if self.fields.is_empty() => {
                data.value = self.convert(&data.value, Form::of_schema(&schema)?)?;
                data.schema = Some(self.form.schema(schema.is_optional()));
            }
            Some(schema) => self.apply_to_fields(data, &schema)?,
        }
        Ok(Outcome::Keep)
    }
}
