//! Any type into a value, with or without its schema.

use bytes::Bytes;
use serde::ser::{self, Serialize, Serializer};

use super::super::{Array, Date, Decimal, Map, Schema, SchemaBuilder, Shape, Str, Struct, Value};
use super::path::{PathError, PathResult};
use super::{DATE_TOKEN, DECIMAL_TOKEN};

/// Makes values. With `infer` also their schemas, and structs instead of maps.
#[derive(Clone, Copy)]
pub(super) struct ToValue {
    pub(super) infer: bool,
}

/// What was made. Without `infer`, and for null, there is no schema.
#[derive(Default)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) schema: Option<Schema>,
}

impl ToValue {
    fn node(self, value: impl Into<Value>, schema: Schema) -> PathResult<Node> {
        Ok(Node { value: value.into(), schema: self.infer.then_some(schema) })
    }

    fn variant(self, name: &'static str, content: Node) -> PathResult<Node> {
        if self.infer {
            return Err(PathError::new(format!(
                "the schema of variant {name} cannot be inferred: it holds data"
            )));
        }
        Ok(Node { value: Map::from([(name, content.value)]).into(), schema: None })
    }
}

macro_rules! plain {
    ($($method:ident($from:ty) => $schema:ident;)*) => {
        $(fn $method(self, value: $from) -> PathResult<Node> {
            self.node(value, Schema::$schema)
        })*
    };
}

impl Serializer for ToValue {
    type Ok = Node;
    type Error = PathError;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = Entries;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    plain! {
        serialize_bool(bool) => BOOLEAN;
        serialize_i8(i8) => INT8;
        serialize_i16(i16) => INT16;
        serialize_i32(i32) => INT32;
        serialize_i64(i64) => INT64;
        serialize_f32(f32) => FLOAT32;
        serialize_f64(f64) => FLOAT64;
        serialize_str(&str) => STRING;
    }

    fn serialize_u8(self, value: u8) -> PathResult<Node> {
        self.serialize_i16(value.into())
    }

    fn serialize_u16(self, value: u16) -> PathResult<Node> {
        self.serialize_i32(value.into())
    }

    fn serialize_u32(self, value: u32) -> PathResult<Node> {
        self.serialize_i64(value.into())
    }

    fn serialize_u64(self, value: u64) -> PathResult<Node> {
        self.serialize_u128(value.into())
    }

    fn serialize_i128(self, value: i128) -> PathResult<Node> {
        match i64::try_from(value) {
            Ok(value) => self.serialize_i64(value),
            Err(_) => self.node(Decimal::from_big(value.into(), 0), Schema::decimal(0)),
        }
    }

    fn serialize_u128(self, value: u128) -> PathResult<Node> {
        match i64::try_from(value) {
            Ok(value) => self.serialize_i64(value),
            Err(_) => self.node(Decimal::from_big(value.into(), 0), Schema::decimal(0)),
        }
    }

    fn serialize_char(self, value: char) -> PathResult<Node> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_bytes(self, value: &[u8]) -> PathResult<Node> {
        self.node(Bytes::copy_from_slice(value), Schema::BYTES)
    }

    fn serialize_none(self) -> PathResult<Node> {
        Ok(Node::default())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> PathResult<Node> {
        let node = value.serialize(self)?;
        Ok(Node { schema: node.schema.map(|schema| schema.with_optional(true)), ..node })
    }

    fn serialize_unit(self) -> PathResult<Node> {
        Ok(Node::default())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> PathResult<Node> {
        Ok(Node::default())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> PathResult<Node> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> PathResult<Node> {
        let node = value.serialize(self)?;
        match (name, &node.value) {
            (DATE_TOKEN, Value::Int64(millis)) => self.node(Date(*millis), Schema::timestamp()),
            (DECIMAL_TOKEN, Value::String(text)) => {
                let decimal: Decimal = text.parse()?;
                let scale = decimal.scale();
                self.node(decimal, Schema::decimal(scale))
            }
            _ => Ok(node),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> PathResult<Node> {
        let content = value.serialize(self).map_err(|error| error.in_field(variant))?;
        self.variant(variant, content)
    }

    fn serialize_seq(self, len: Option<usize>) -> PathResult<Elements> {
        let values = Vec::with_capacity(len.unwrap_or(0).min(1024));
        Ok(Elements { to: self, variant: None, values, common: Common::default() })
    }

    fn serialize_tuple(self, len: usize) -> PathResult<Elements> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> PathResult<Elements> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> PathResult<Elements> {
        Ok(Elements { variant: Some(variant), ..self.serialize_seq(Some(len))? })
    }

    fn serialize_map(self, len: Option<usize>) -> PathResult<Entries> {
        let entries = Vec::with_capacity(len.unwrap_or(0).min(1024));
        Ok(Entries {
            to: self,
            key: Value::Null,
            entries,
            keys: Common::default(),
            values: Common::default(),
        })
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> PathResult<Fields> {
        let (names, values) = (Vec::with_capacity(len), Vec::with_capacity(len));
        Ok(Fields { to: self, variant: None, names, values, builder: Schema::structure().name(name) })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> PathResult<Fields> {
        Ok(Fields { variant: Some(variant), ..self.serialize_struct(name, len)? })
    }
}

/// The one schema of several values.
#[derive(Default)]
struct Common {
    schema: Option<Schema>,
    null: bool,
}

impl Common {
    fn take(&mut self, to: ToValue, schema: Option<Schema>) -> PathResult<()> {
        match (&self.schema, schema) {
            (_, None) => self.null = to.infer,
            (None, schema) => self.schema = schema,
            (Some(before), Some(schema)) if *before == schema => {}
            (Some(before), Some(schema)) => {
                return Err(PathError::new(format!("{schema} differs from {before} before it")));
            }
        }
        Ok(())
    }

    fn schema(self, what: &str) -> PathResult<Schema> {
        let schema = self.schema.ok_or_else(|| {
            PathError::new(format!("the schema of {what} cannot be inferred: there are none"))
        })?;
        Ok(if self.null { schema.with_optional(true) } else { schema })
    }
}

pub(super) struct Elements {
    to: ToValue,
    variant: Option<&'static str>,
    values: Vec<Value>,
    common: Common,
}

impl Elements {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> PathResult<()> {
        let at = self.values.len();
        let node = value.serialize(self.to).map_err(|error| error.in_element(at))?;
        self.common.take(self.to, node.schema).map_err(|error| error.in_element(at))?;
        self.values.push(node.value);
        Ok(())
    }

    fn finish(self) -> PathResult<Node> {
        let schema = match self.to.infer {
            true => Some(Schema::array(self.common.schema("elements")?)),
            false => None,
        };
        let node = Node { value: Array::from(self.values).into(), schema };
        match self.variant {
            Some(variant) => self.to.variant(variant, node),
            None => Ok(node),
        }
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident),*) => {$(
        impl ser::$trait for Elements {
            type Ok = Node;
            type Error = PathError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> PathResult<()> {
                self.add(value)
            }

            fn end(self) -> PathResult<Node> {
                self.finish()
            }
        }
    )*};
}
elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

pub(super) struct Entries {
    to: ToValue,
    key: Value,
    entries: Vec<(Value, Value)>,
    keys: Common,
    values: Common,
}

impl ser::SerializeMap for Entries {
    type Ok = Node;
    type Error = PathError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> PathResult<()> {
        let node = key.serialize(self.to)?;
        self.keys.take(self.to, node.schema)?;
        self.key = node.value;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> PathResult<()> {
        let key = self.key.take();
        let node = value.serialize(self.to).map_err(|error| error.in_field(&key))?;
        self.values.take(self.to, node.schema).map_err(|error| error.in_field(&key))?;
        self.entries.push((key, node.value));
        Ok(())
    }

    fn end(self) -> PathResult<Node> {
        let schema = match self.to.infer {
            true => Some(Schema::map(self.keys.schema("keys")?, self.values.schema("values")?)),
            false => None,
        };
        Ok(Node { value: Map::from_entries(self.entries).into(), schema })
    }
}

pub(super) struct Fields {
    to: ToValue,
    variant: Option<&'static str>,
    names: Vec<Str>,
    values: Vec<Value>,
    builder: SchemaBuilder,
}

impl Fields {
    fn add<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> PathResult<()> {
        let node = value.serialize(self.to).map_err(|error| error.in_field(name))?;
        self.values.push(node.value);
        if !self.to.infer {
            self.names.push(Str::from_static(name));
            return Ok(());
        }
        let schema = node
            .schema
            .ok_or_else(|| PathError::new("the schema of null cannot be inferred").in_field(name))?;
        let builder = std::mem::replace(&mut self.builder, Schema::structure());
        self.builder = builder.field(Str::from_static(name), schema);
        Ok(())
    }

    fn finish(self) -> PathResult<Node> {
        let node = if self.to.infer {
            let schema = self.builder.build()?;
            let value = Struct::from_values(schema.clone(), self.values)?;
            Node { value: value.into(), schema: Some(schema) }
        } else {
            Node { value: Map::with_shape(Shape::new(self.names), self.values).into(), schema: None }
        };
        match self.variant {
            Some(variant) => self.to.variant(variant, node),
            None => Ok(node),
        }
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = Node;
    type Error = PathError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> PathResult<()> {
        self.add(name, value)
    }

    fn end(self) -> PathResult<Node> {
        self.finish()
    }
}

impl ser::SerializeStructVariant for Fields {
    type Ok = Node;
    type Error = PathError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> PathResult<()> {
        self.add(name, value)
    }

    fn end(self) -> PathResult<Node> {
        self.finish()
    }
}
