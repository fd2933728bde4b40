//! The Connect schema of an Avro schema, and the plan that reads its data.

use connect_api::data::{EnclosingStruct, SchemaBuilder, Str, Type, logical};
use connect_api::{Error, Result, Schema, Value};

use super::anything::is_anything;
use super::config::AvroConverterConfig;
use super::decode::{Branch, Op, Plan, Record};
use super::schema::{AvroSchema, Id, Kind, Node};
use super::{defaults, names};
use crate::json::Json;
use crate::sum;

/// How deep schemas may be nested.
const MAX_DEPTH: usize = 200;
/// How many schemas a schema may consist of, each use of a named one counted.
const MAX_NODES: usize = 100_000;

/// Compiles a writer's schema. The version is the one that the registry gives the schema under its subject.
///
/// # Errors
///
/// A data error where the schema has no counterpart, or says things about Connect that contradict each other.
pub(crate) fn compile(avro: &AvroSchema, version: Option<i32>, config: &AvroConverterConfig) -> Result<Plan> {
    let mut reader = Compiler { avro, config, open: Vec::new(), shared: Vec::new(), nodes: 0, unions: 0 };
    let root = avro.root();
    if matches!(root.kind, Kind::Null) {
        return Ok(Plan { schema: None, op: Op::Null, shared: Vec::new(), bare: false, only_null: true });
    }
    if let Kind::Union(branches) = &root.kind
        && branches.iter().all(|branch| matches!(avro.node(*branch).kind, Kind::Null))
    {
        let op = Op::Union { schema: None, branches: branches.iter().map(|_| Branch::Null).collect() };
        return Ok(Plan { schema: None, op, shared: Vec::new(), bare: false, only_null: true });
    }
    let (schema, op) = reader.schema(avro.root, Place { version, ..Place::default() })?;
    let bare = matches!(root.kind, Kind::Bytes);
    Ok(Plan { schema, op, shared: reader.shared, bare, only_null: false })
}

/// What the place of a schema adds to it.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    force_optional: bool,
    default: Option<&'a Json>,
    doc: Option<&'a str>,
    version: Option<i32>,
}

struct Compiler<'a> {
    avro: &'a AvroSchema,
    config: &'a AvroConverterConfig,
    /// What is being read.
    open: Vec<Open>,
    /// The fields of records that contain themselves.
    shared: Vec<Vec<Op>>,
    nodes: usize,
    /// How many unions there were.
    unions: usize,
}

/// A schema that is being read.
struct Open {
    id: Id,
    whole: EnclosingStruct,
    /// Its place among the shared ones, once it was met inside itself.
    shared: Option<usize>,
}

impl Compiler<'_> {
    /// The Connect schema (`None` for data without a schema), and how to read it.
    fn schema(&mut self, id: Id, place: Place<'_>) -> Result<(Option<Schema>, Op)> {
        let node = self.avro.node(id);
        self.nodes += 1;
        if let Some(at) = self.open.iter().position(|open| open.id == id) {
            return self.inside(at, node, place);
        }
        if self.open.len() > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(Error::data("The schema is too large"));
        }
        self.open.push(Open { id, whole: EnclosingStruct::new(), shared: None });
        let made = self.make(id, node, place);
        self.open.pop();
        made
    }

    /// A record inside itself.
    fn inside(&mut self, at: usize, node: &Node, place: Place<'_>) -> Result<(Option<Schema>, Op)> {
        let Self { open, shared, .. } = self;
        let open = &mut open[at];
        let index = *open.shared.get_or_insert_with(|| {
            shared.push(Vec::new());
            shared.len() - 1
        });
        let name = match (node.text_prop(names::CONNECT_NAME), node.name()) {
            (Some(name), _) => name.to_owned(),
            (None, Some(name)) => name.full(),
            (None, None) => return Err(Error::data("Only a record can contain itself")),
        };
        let builder = open.whole.named(name);
        let schema = if place.force_optional { builder.optional() } else { builder }.build()?;
        Ok((Some(schema.clone()), Op::Shared(schema, index)))
    }

    fn make(&mut self, id: Id, node: &Node, place: Place<'_>) -> Result<(Option<Schema>, Op)> {
        if let Kind::Union(branches) = &node.kind
            && let Some(op) = self.optional(branches, place)
        {
            return op;
        }
        if is_anything(node) {
            return Ok((None, Op::Anything));
        }
        let (mut builder, mut op) = self.basic(node)?;
        let mut whole = None;
        if let Some(Open { shared: Some(index), whole: around, .. }) = self.open.last()
            && let Op::Record(record) = op
        {
            self.shared[*index] = record.fields;
            op = Op::Shared(Schema::STRING, *index);
            whole = Some(around.clone());
        }
        // What the builder of a logical type has set already.
        let so_far = builder.clone().build()?;
        if let Some(doc) = self.doc(node, place) {
            builder = builder.doc(doc);
        }
        builder = self.version(node, place, &so_far, builder)?;
        builder = self.parameters(node, builder)?;
        let own_default = node.prop(names::CONNECT_DEFAULT);
        if place.default.is_some()
            && own_default.is_none()
            && self.config.connect_meta_data
            && !self.discards()
        {
            builder = builder.parameter(names::FIELD_DEFAULT, "true");
        }
        builder = self.name(node, &so_far, builder)?;
        let is_optional_union = matches!(&node.kind, Kind::Union(branches)
            if branches.iter().any(|branch| matches!(self.avro.node(*branch).kind, Kind::Null)));
        if place.force_optional || is_optional_union {
            builder = builder.optional();
        }
        let without_default = match whole {
            Some(whole) => whole.complete(builder)?,
            None => builder.build()?,
        };
        let default = match place.default.or(own_default) {
            Some(json) => defaults::to_connect(self.avro, id, &without_default.with_optional(false), json)?,
            None => Value::Null,
        };
        let schema =
            if default.is_null() { without_default } else { with_default(&without_default, default)? };
        Ok((Some(schema.clone()), op.with_schema(&schema)))
    }

    fn discards(&self) -> bool {
        self.config.discard_type_doc_default
    }

    /// `null` and one other branch: the other one, optional.
    fn optional(&mut self, branches: &[Id], place: Place<'_>) -> Option<Result<(Option<Schema>, Op)>> {
        if let ([only], true) = (branches, self.config.flatten_singleton_unions) {
            let place = Place { default: None, version: None, ..place };
            return Some(self.schema(*only, place).map(|(schema, op)| (schema, Op::Only(Box::new(op)))));
        }
        let [first, second] = branches else { return None };
        let is_null = |id: Id| matches!(self.avro.node(id).kind, Kind::Null);
        let (null, some) = match (is_null(*first), is_null(*second)) {
            (true, false) => (0, *second),
            (false, true) => (1, *first),
            _ => return None,
        };
        let place = Place { force_optional: true, default: None, doc: place.doc, version: None };
        let optional = |op| match op {
            Op::String => Op::OptionalString(null),
            op => Op::Optional(null, Box::new(op)),
        };
        Some(self.schema(some, place).map(|(schema, op)| (schema, optional(op))))
    }

    fn basic(&mut self, node: &Node) -> Result<(SchemaBuilder, Op)> {
        let logical_type = node.text_prop(names::LOGICAL_TYPE);
        let connect_name = node.text_prop(names::CONNECT_NAME);
        let is = |name: &str, logical_name: &str| {
            logical_type.is_some_and(|own| own.eq_ignore_ascii_case(name))
                || connect_name == Some(logical_name)
        };
        Ok(match &node.kind {
            Kind::Boolean => (Schema::builder(Type::Boolean), Op::Boolean),
            Kind::Float => (Schema::builder(Type::Float32), Op::Float),
            Kind::Double => (Schema::builder(Type::Float64), Op::Double),
            Kind::String => (Schema::builder(Type::String), Op::String),
            Kind::Bytes | Kind::Fixed(_) => self.bytes(node)?,
            Kind::Int if is("date", logical::DATE) => (logical::date_builder(), Op::Date),
            Kind::Int if is("time-millis", logical::TIME) => (logical::time_builder(), Op::Time),
            Kind::Int => match node.prop(names::CONNECT_TYPE) {
                None => (Schema::builder(Type::Int32), Op::Int),
                Some(_) if logical_type.is_some() => (Schema::builder(Type::Int32), Op::Int),
                Some(Json::Text(ty)) if ty.eq_ignore_ascii_case("int8") => {
                    (Schema::builder(Type::Int8), Op::Int8)
                }
                Some(Json::Text(ty)) if ty.eq_ignore_ascii_case("int16") => {
                    (Schema::builder(Type::Int16), Op::Int16)
                }
                Some(_) => return Err(Error::data("Connect type annotation for Avro int field is null")),
            },
            Kind::Long if is("timestamp-millis", logical::TIMESTAMP) => {
                (logical::timestamp_builder(), Op::Timestamp)
            }
            Kind::Long => (Schema::builder(Type::Int64), Op::Long),
            Kind::Enum(symbols) => {
                let mut builder = Schema::builder(Type::String);
                let full = symbols.name.full();
                if self.config.generalized_sum_type_support {
                    builder = builder.parameter(sum::ENUM, full);
                    for (number, symbol) in symbols.symbols.iter().enumerate() {
                        builder = builder.parameter(format!("{}.{symbol}", sum::ENUM), number.to_string());
                    }
                } else if self.config.connect_meta_data || self.config.enhanced_avro_schema_support {
                    builder = builder.parameter(names::ENUM, full);
                    for symbol in &symbols.symbols {
                        builder = builder.parameter(format!("{}.{symbol}", names::ENUM), symbol.as_str());
                    }
                }
                let symbols = symbols.symbols.iter().map(|symbol| Str::from(symbol.as_str()));
                (builder, Op::Enum(symbols.collect()))
            }
            Kind::Array(items) => self.array(*items)?,
            Kind::Map(values) => {
                let (schema, op) = self.schema(*values, Place::default())?;
                (SchemaBuilder::map(Schema::STRING, schema), Op::Map(Box::new(op)))
            }
            Kind::Record(record) => {
                let mut builder = Schema::structure();
                let mut fields = Vec::with_capacity(record.fields.len());
                for field in &record.fields {
                    if let Some(doc) = &field.doc
                        && self.config.connect_meta_data
                        && !self.discards()
                    {
                        builder =
                            builder.parameter(format!("{}{}", names::FIELD_DOC, field.name), doc.as_str());
                    }
                    let doc = field.doc.as_deref().filter(|_| self.discards());
                    let place = Place { default: field.default.as_ref(), doc, ..Place::default() };
                    let (schema, op) = self.schema(field.schema, place)?;
                    // A field without a schema holds anything; Java fails at the first record.
                    let schema = schema.ok_or_else(|| {
                        Error::data(format!("Field {} of {} has no schema", field.name, record.name.full()))
                    })?;
                    builder = builder.field(field.name.as_str(), schema);
                    fields.push(op);
                }
                (builder, Op::Record(Record { schema: Schema::STRING, fields }))
            }
            Kind::Union(branches) => self.union(branches)?,
            Kind::Null => {
                return Err(Error::data("Standalone null schemas are not supported by this converter"));
            }
        })
    }

    fn bytes(&self, node: &Node) -> Result<(SchemaBuilder, Op)> {
        let size = match &node.kind {
            Kind::Fixed(fixed) => Some(fixed.size),
            _ => None,
        };
        let logical_type = node.text_prop(names::LOGICAL_TYPE);
        let is_decimal = logical_type.is_some_and(|own| own.eq_ignore_ascii_case("decimal"))
            || node.text_prop(names::CONNECT_NAME) == Some(logical::DECIMAL);
        let mut builder = match is_decimal {
            false => Schema::builder(Type::Bytes),
            true => {
                let stated =
                    node.prop(names::CONNECT_PARAMETERS).and_then(|stated| stated.get(logical::SCALE));
                let stated = stated.and_then(Json::as_text).and_then(|scale| scale.parse().ok());
                let scale = node.prop("scale").and_then(Json::as_int).or(stated).unwrap_or(0);
                let mut builder = logical::decimal_builder(i32::try_from(scale).unwrap_or(0));
                match node.prop("precision") {
                    None => {}
                    Some(Json::Int(names::PRECISION_DEFAULT)) => {}
                    Some(Json::Int(precision)) => {
                        builder = builder.parameter(names::PRECISION, precision.to_string());
                    }
                    Some(_) => return Err(Error::data("precision property must be a JSON Integer.")),
                }
                builder
            }
        };
        if let Some(size) = size {
            builder = builder.parameter(names::FIXED_SIZE, size.to_string());
        }
        let op = match (is_decimal, size) {
            (false, None) => Op::Bytes,
            (false, Some(size)) => Op::Fixed(size),
            (true, size) => Op::Decimal(0, size),
        };
        Ok((builder, op))
    }

    fn array(&mut self, items: Id) -> Result<(SchemaBuilder, Op)> {
        let item = self.avro.node(items);
        if let Kind::Record(record) = &item.kind
            && ((record.name.name == names::MAP_ENTRY && record.name.namespace == names::NAMESPACE)
                || item.text_prop(names::CONNECT_INTERNAL_TYPE) == Some(names::MAP_ENTRY))
        {
            let position = |name: &str| record.fields.iter().position(|field| field.name == name);
            let (2, Some(key), Some(value)) =
                (record.fields.len(), position(names::KEY), position(names::VALUE))
            else {
                return Err(Error::data(
                    "Found map encoded as array of key-value pairs, but array elements do not match the expected \
                     format.",
                ));
            };
            let (keys, key_op) = self.schema(record.fields[key].schema, Place::default())?;
            let (values, value_op) = self.schema(record.fields[value].schema, Place::default())?;
            let op = Op::Entries(Box::new((key_op, value_op)), key < value);
            return Ok((SchemaBuilder::map(keys, values), op));
        }
        let (schema, op) = self.schema(items, Place::default())?;
        Ok((SchemaBuilder::array(schema), Op::Array(Box::new(op))))
    }

    fn union(&mut self, branches: &[Id]) -> Result<(SchemaBuilder, Op)> {
        let generalized = self.config.generalized_sum_type_support;
        let mut builder = match generalized {
            true => {
                let name = sum::union_name(self.unions);
                Schema::structure().name(name.as_str()).parameter(sum::UNION, name)
            }
            false => Schema::structure().name(names::UNION),
        };
        self.unions += 1;
        let mut list = Vec::with_capacity(branches.len());
        let mut position = 0;
        for (number, branch) in branches.iter().enumerate() {
            let node = self.avro.node(*branch);
            if matches!(node.kind, Kind::Null) {
                list.push(Branch::Null);
                continue;
            }
            let name = match node.name() {
                _ if generalized => sum::field_name(number),
                Some(name) if self.config.enhanced_avro_schema_support => name.full(),
                Some(name) => name.name.clone(),
                None => node.kind.word().to_owned(),
            };
            if builder.has_field(&name) {
                return Err(Error::data(format!(
                    "Multiple union schemas map to the Connect union field name {name}"
                )));
            }
            let (schema, op) = self.schema(*branch, Place { force_optional: true, ..Place::default() })?;
            let schema = schema.ok_or_else(|| Error::data("A branch of a union has no schema"))?;
            builder = builder.field(name, schema);
            list.push(Branch::Field(position, op));
            position += 1;
        }
        Ok((builder, Op::Union { schema: None, branches: list }))
    }

    fn doc<'n>(&self, node: &'n Node, place: Place<'n>) -> Option<&'n str> {
        match self.discards() {
            true => place.doc.or(node.doc()).or(node.text_prop(names::CONNECT_DOC)),
            false => node.text_prop(names::CONNECT_DOC).filter(|_| self.config.connect_meta_data),
        }
    }

    fn version(
        &self,
        node: &Node,
        place: Place<'_>,
        so_far: &Schema,
        builder: SchemaBuilder,
    ) -> Result<SchemaBuilder> {
        let stated = match node.prop(names::CONNECT_VERSION) {
            None => None,
            Some(Json::Int(version)) => i32::try_from(*version).ok(),
            Some(other) => {
                let shown = other.as_text().map_or_else(|| other.to_string(), str::to_owned);
                return Err(Error::data(format!("Invalid Connect version found: {shown}")));
            }
        };
        match (so_far.version(), stated.or(place.version)) {
            (Some(before), _) if stated.is_some_and(|stated| stated != before) => {
                let stated = stated.unwrap_or_default();
                Err(Error::data(format!(
                    "Mismatched versions: version already added to SchemaBuilder ({before}) differs from version in \
                     source schema ({stated})"
                )))
            }
            (None, Some(version)) => Ok(builder.version(version)),
            _ => Ok(builder),
        }
    }

    fn parameters(&self, node: &Node, mut builder: SchemaBuilder) -> Result<SchemaBuilder> {
        if let Some(stated) = node.prop(names::CONNECT_PARAMETERS) {
            let Json::Object(members) = stated else {
                return Err(Error::data(format!(
                    "Expected JSON object for schema parameters but found: {stated}"
                )));
            };
            for (key, value) in members {
                let value = value.as_text().ok_or_else(|| {
                    Error::data(format!("Expected schema parameter values to be strings but found: {value}"))
                })?;
                if self.config.connect_meta_data {
                    builder = builder.parameter(key.as_str(), value);
                }
            }
        }
        if let (Kind::Record(record), true) = (&node.kind, self.config.connect_meta_data)
            && let Some(doc) = &record.doc
        {
            let name = if self.discards() { names::CONNECT_RECORD_DOC } else { names::RECORD_DOC };
            builder = builder.parameter(name, doc.as_str());
        }
        Ok(builder)
    }

    fn name(&self, node: &Node, so_far: &Schema, builder: SchemaBuilder) -> Result<SchemaBuilder> {
        let name = match node.prop(names::CONNECT_NAME) {
            Some(Json::Text(name)) => Some(name.clone()),
            Some(other) => return Err(Error::data(format!("Invalid schema name: {other}"))),
            None => node.name().map(super::schema::Name::full),
        };
        let unnamed = |name: &String| {
            let rest = name.strip_prefix(names::NAMESPACE).and_then(|rest| rest.strip_prefix('.'));
            rest.is_some_and(|rest| rest.starts_with(names::DEFAULT_NAME))
        };
        match (name.filter(|name| !unnamed(name)), so_far.name()) {
            (Some(name), Some(before)) if name != before => Err(Error::data(format!(
                "Mismatched names: name already added to SchemaBuilder ({before}) differs from name in source schema \
                 ({name})"
            ))),
            (Some(name), None) => Ok(builder.name(name)),
            _ => Ok(builder),
        }
    }
}

/// The same schema with a default.
fn with_default(schema: &Schema, default: Value) -> Result<Schema> {
    let mut builder = match schema.ty() {
        Type::Array => SchemaBuilder::array(schema.value_schema()?.cloned()),
        Type::Map => SchemaBuilder::map(schema.key_schema()?.cloned(), schema.value_schema()?.cloned()),
        ty => SchemaBuilder::new(ty),
    };
    if schema.is_optional() {
        builder = builder.optional();
    }
    if let Some(name) = schema.name() {
        builder = builder.name(name);
    }
    if let Some(version) = schema.version() {
        builder = builder.version(version);
    }
    if let Some(doc) = schema.doc() {
        builder = builder.doc(doc);
    }
    builder = builder.parameters(schema.parameters());
    if schema.ty() == Type::Struct {
        for field in schema.fields()? {
            builder = builder.field(field.name().clone(), field.schema().clone());
        }
    }
    builder.unchecked_default(default).build()
}
