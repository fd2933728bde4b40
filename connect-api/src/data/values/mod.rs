//! Text for any value, values from any text, and conversions between types: the rules by which Kafka Connect reads
//! and writes headers, and by which the transformation `Cast` converts.
//!
//! Dates and times are those of UTC, whatever the machine's time zone.
//!
//! ```
//! use connect_api::data::values;
//! use connect_api::{Schema, Value};
//! let parsed = values::parse_string("[1, 300]")?.unwrap_or_default();
//! assert_eq!(parsed.schema, Some(Schema::array(Schema::INT16)));
//! assert_eq!(values::convert_to_string(None, &parsed.value)?.as_deref(), Some("[1,300]"));
//! assert_eq!(values::convert_to_long(None, &Value::from("12.9"))?, Some(12));
//! # Ok::<(), connect_api::Error>(())
//! ```

mod convert;
mod infer;
mod parse;
mod temporal;
mod write;

pub use convert::{
    convert_to_boolean, convert_to_byte, convert_to_date, convert_to_decimal, convert_to_double,
    convert_to_float, convert_to_integer, convert_to_list, convert_to_long, convert_to_map, convert_to_short,
    convert_to_struct, convert_to_time, convert_to_timestamp,
};
pub use infer::infer_schema;
pub use parse::parse_string;
pub use write::convert_to_string;
