//! Schemas and values: the typed data that travels through Connect.
//!
//! A record's key and value are each a [`SchemaAndValue`]: a [`Value`], and a [`Schema`] if the data has one. Data with
//! a schema is checked against it where it enters a [`Struct`]; data without is a tree of [`Map`], [`Array`] and plain
//! values.
//!
//! | to | use |
//! | --- | --- |
//! | describe data | [`Schema`] constants, [`SchemaBuilder`] |
//! | make a row of a table | [`Struct::from_values`], with a schema made once |
//! | make schemaless data | [`Map`]; with a [`Shape`] where many records have the same keys |
//! | look into a value | `as_str`, `as_i64` and their kin of [`Value`]; containers give [`ValueRef`] |
//! | carry dates and decimals | [`Date`], [`Decimal`]; [`logical`] encodes them |
//! | read or write text as Kafka's headers have it | [`values`] |
//! | follow a changing schema | [`SchemaProjector`] |
//! | use types of your own | `to_struct`, `from_value` and their kin, feature `serde` |
//!
//! Everything is cheap to clone: text and bytes share buffers, containers share their content and copy it when a shared
//! one is edited.
//!
//! ```
//! use connect_api::data::{Map, ValueRef};
//! use connect_api::{Schema, SchemaAndValue, Struct, Value};
//!
//! let schema = Schema::structure()
//!     .name("com.example.Order")
//!     .field("id", Schema::INT64)
//!     .field("note", Schema::OPTIONAL_STRING)
//!     .build()?;
//! let typed = SchemaAndValue::from(Struct::from_values(schema, vec![Value::from(7_i64), Value::Null])?);
//! assert_eq!(typed.value.to_string(), "Struct{id=7}");
//!
//! let schemaless = SchemaAndValue::schemaless(Map::from([("id", Value::from(7_i64)), ("note", Value::Null)]));
//! let id = schemaless.value.as_map().and_then(|map| map.get("id"));
//! assert_eq!(id, Some(ValueRef::Int64(7)));
//! # Ok::<(), connect_api::Error>(())
//! ```

mod array;
mod big_integer;
mod builder;
mod calendar;
mod decimal;
mod enclosing;
#[doc(hidden)]
pub mod java;
pub mod logical;
mod map;
mod number;
mod pair;
mod print;
mod projector;
mod schema;
#[cfg(feature = "serde")]
mod serial;
mod shape;
mod structs;
mod text;
mod ty;
mod validate;
mod value;
pub mod values;
mod view;

pub use array::Array;
pub use big_integer::BigInteger;
pub use builder::SchemaBuilder;
pub use decimal::Decimal;
pub use enclosing::EnclosingStruct;
pub use logical::Date;
pub use map::Map;
pub use pair::SchemaAndValue;
pub use projector::SchemaProjector;
pub use schema::Schema;
#[cfg(feature = "serde")]
pub use serial::{from_struct, from_value, to_data, to_struct, to_value};
pub use shape::Shape;
pub use structs::{FieldSelector, Struct};
pub use text::Str;
pub use ty::{Field, Type};
pub use value::Value;
pub use view::{ArrayRef, MapRef, ValueRef};

pub(crate) use validate::kind_fits;
