//! [`Type`] and [`Field`]: what schemas are made of.

use std::fmt;

use super::{Schema, Str};

/// The basic type of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// 8-bit signed integer.
    Int8,
    /// 16-bit signed integer.
    Int16,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// Single precision.
    Float32,
    /// Double precision.
    Float64,
    /// A truth value.
    Boolean,
    /// Text.
    String,
    /// Bytes.
    Bytes,
    /// A list of elements of one schema.
    Array,
    /// Keys of one schema with values of another.
    Map,
    /// Named fields, each with its schema.
    Struct,
}

impl Type {
    /// All types.
    pub const ALL: [Self; 12] = [
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::Float32,
        Self::Float64,
        Self::Boolean,
        Self::String,
        Self::Bytes,
        Self::Array,
        Self::Map,
        Self::Struct,
    ];

    /// Whether it is neither an array, a map nor a struct.
    pub fn is_primitive(self) -> bool {
        !matches!(self, Self::Array | Self::Map | Self::Struct)
    }

    /// Kafka's name in lower case, as in JSON schemas: `int8`, `float`-types as `float32` and `float64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Array => "array",
            Self::Map => "map",
            Self::Struct => "struct",
        }
    }
}

impl fmt::Display for Type {
    /// As Java prints it, in upper case: `INT8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Int8 => "INT8",
            Self::Int16 => "INT16",
            Self::Int32 => "INT32",
            Self::Int64 => "INT64",
            Self::Float32 => "FLOAT32",
            Self::Float64 => "FLOAT64",
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Bytes => "BYTES",
            Self::Array => "ARRAY",
            Self::Map => "MAP",
            Self::Struct => "STRUCT",
        })
    }
}

/// A field of a struct schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    name: Str,
    index: usize,
    schema: Schema,
}

impl Field {
    /// A field; [`SchemaBuilder::field`](super::SchemaBuilder::field) makes them as a rule.
    pub fn new(name: impl Into<Str>, index: usize, schema: Schema) -> Self {
        Self { name: name.into(), index, schema }
    }

    /// Its name.
    pub fn name(&self) -> &Str {
        &self.name
    }

    /// Its place in the struct, counted from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What describes its value.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field{{name={}, index={}, schema={}}}", self.name, self.index, self.schema)
    }
}
