//! Schemas and values: the typed data that travels through Connect.

mod array;
mod builder;
mod calendar;
mod decimal;
#[doc(hidden)]
pub mod java;
pub mod logical;
mod map;
mod pair;
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
pub use builder::SchemaBuilder;
pub use decimal::Decimal;
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
