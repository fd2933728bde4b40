//! Schemas, values and records in JSON, both ways.
//!
//! **Schema**: `null`; a short name (`int8` … `bytes`, `date`, `time`, `timestamp`, `decimal(2)`), with `?` if optional;
//! or an object with `type`, `optional`, `name`, `version`, `doc`, `parameters`, `default`, `items`, `keys`, `values`,
//! `fields`. The short name is written exactly when nothing else is set.
//!
//! **Value**: `null`, `true`, `"text"`, or one tagged object: `{"i8":1}`, `{"f64":"NaN"}`, `{"bytes":"<base64>"}`,
//! `{"decimal":["12345",2]}`, `{"date":<ms>}`, `{"list":[…]}`, `{"map":[[k,v],…]}`, `{"struct":{"field":v}}`. A struct
//! takes its schema from where it stands; `{"struct":{…},"schema":S}` states another one.
//!
//! **Record**: `topic`, `partition`, `timestamp`, `key` and `value` as `{"schema","value"}`, `headers` as
//! `[{"name","schema","value"}]`, and for a record read from Kafka `offset`.
//!
//! What is misused in a way that the reader can tell is a bad case; what Java's own classes refuse is their exception.

mod floating;
mod numbers;
mod record;
mod schema;
mod value;

pub use record::{read_data, read_record, write_data, write_record};
pub use schema::{read_schema, write_schema};
pub use value::{read_value, write_value};

pub(crate) use numbers::base64;
pub(crate) use record::NO_TOPIC;
