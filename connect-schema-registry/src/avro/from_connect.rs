//! The Avro schema of a Connect schema.

use std::collections::HashMap;

use connect_api::data::{Type, logical};
use connect_api::{Error, Result, Schema};

use super::config::AvroConverterConfig;
use super::defaults::{self, is_valid_default};
use super::schema::{AvroSchema, Enum, Field, Fixed, Id, Kind, Name, Node, Record};
use super::{anything, names};
use crate::json::Json;
use crate::sum;

/// Makes the Avro schema. No Connect schema gives the one of data without a schema.
///
/// # Errors
///
/// An error of Java's class where a name is illegal or two fields have one name; a data error where the schema is
/// incomplete.
pub(crate) fn schema(connect: Option<&Schema>, config: &AvroConverterConfig) -> Result<AvroSchema> {
    let mut maker = Maker {
        config,
        avro: AvroSchema::default(),
        known: HashMap::new(),
        open: Vec::new(),
        unnamed: 0,
        anything: None,
    };
    maker.avro.root = maker.schema(connect, false)?;
    Ok(maker.avro)
}

struct Maker<'a> {
    config: &'a AvroConverterConfig,
    avro: AvroSchema,
    /// Schemas that are not optional, so that an equal one is the same type.
    known: HashMap<Schema, Id>,
    /// The structs that are being made, by their names in Connect.
    open: Vec<(Option<String>, Id)>,
    /// How many structs without a name there were.
    unnamed: usize,
    anything: Option<Id>,
}

impl Maker<'_> {
    fn schema(&mut self, connect: Option<&Schema>, ignore_optional: bool) -> Result<Id> {
        let Some(connect) = connect else {
            if let Some(id) = self.anything {
                return Ok(id);
            }
            let id = anything::schema(&mut self.avro);
            self.anything = Some(id);
            return Ok(id);
        };
        if connect.is_recursive() {
            let open = self.open.iter().rev().find(|(name, _)| name.as_deref() == connect.name());
            let (_, id) =
                open.ok_or_else(|| Error::data(format!("{connect} is not inside of what it stands for")))?;
            let id = *id;
            if !connect.is_optional() || ignore_optional {
                return Ok(id);
            }
            let null = self.avro.push(Node::new(Kind::Null));
            return Ok(self.avro.push(Node::new(Kind::Union(vec![null, id]))));
        }
        let is_union = names::is_union(connect);
        if !connect.is_optional()
            && !is_union
            && let Some(id) = self.known.get(connect)
        {
            return Ok(*id);
        }
        let id = match connect.ty() {
            Type::Struct if is_union => self.union(connect)?,
            Type::Struct if connect.is_optional() => {
                let inner = self.schema(Some(&connect.with_optional(false)), false)?;
                let null = self.avro.push(Node::new(Kind::Null));
                self.avro.push(Node::new(Kind::Union(vec![null, inner])))
            }
            Type::Struct => self.record(connect)?,
            _ => {
                let base = if connect.is_optional() && !ignore_optional {
                    self.base(&connect.with_optional(false))?
                } else {
                    self.base(connect)?
                };
                match connect.is_optional() && !ignore_optional {
                    true => {
                        let null = self.avro.push(Node::new(Kind::Null));
                        let has_default = connect.default_value().is_some();
                        let branches = if has_default { vec![base, null] } else { vec![null, base] };
                        self.avro.push(Node::new(Kind::Union(branches)))
                    }
                    false => base,
                }
            }
        };
        if !connect.is_optional() {
            self.known.insert(connect.clone(), id);
        }
        Ok(id)
    }

    fn union(&mut self, connect: &Schema) -> Result<Id> {
        let mut branches = Vec::new();
        if connect.is_optional() {
            branches.push(self.avro.push(Node::new(Kind::Null)));
        }
        for field in connect.fields()? {
            branches.push(self.schema(Some(&field.schema().with_optional(false)), true)?);
        }
        let mut seen = std::collections::HashSet::new();
        for branch in &branches {
            let name = self.avro.branch_name(*branch);
            if !seen.insert(name.clone()) {
                return Err(avro_error(format!("Duplicate in union:{name}")));
            }
        }
        Ok(self.avro.push(Node::new(Kind::Union(branches))))
    }

    /// A schema that is no struct, not optional.
    fn base(&mut self, connect: &Schema) -> Result<Id> {
        if let Some(id) = self.known.get(connect) {
            return Ok(*id);
        }
        let mut connect_type = None;
        let kind = match connect.ty() {
            Type::Int8 => {
                connect_type = Some("int8");
                Kind::Int
            }
            Type::Int16 => {
                connect_type = Some("int16");
                Kind::Int
            }
            Type::Int32 => Kind::Int,
            Type::Int64 => Kind::Long,
            Type::Float32 => Kind::Float,
            Type::Float64 => Kind::Double,
            Type::Boolean => Kind::Boolean,
            Type::String => self.text(connect)?,
            Type::Bytes => self.bytes(connect)?,
            Type::Array => {
                let items = connect.value_schema()?;
                Kind::Array(self.schema(items, false)?)
            }
            Type::Map => self.map(connect)?,
            Type::Struct => return self.record(connect),
        };
        let mut node = Node::new(kind);
        if connect.ty() == Type::Bytes && connect.name() == Some(logical::DECIMAL) {
            let precision = connect.parameter(names::PRECISION).and_then(|text| text.parse().ok());
            let scale = connect.parameter(logical::SCALE).and_then(|text| text.parse().ok());
            node.props.push(("scale".to_owned(), Json::Int(scale.unwrap_or(0))));
            let precision = precision.unwrap_or(names::PRECISION_DEFAULT);
            node.props.push(("precision".to_owned(), Json::Int(precision)));
        }
        self.put_metadata(connect, &mut node)?;
        let logical_type = match connect.name() {
            Some(logical::DECIMAL) => Some("decimal"),
            Some(logical::DATE) => Some("date"),
            Some(logical::TIME) => Some("time-millis"),
            Some(logical::TIMESTAMP) => Some("timestamp-millis"),
            _ => None,
        };
        if let Some(logical_type) = logical_type {
            node.props.push((names::LOGICAL_TYPE.to_owned(), Json::from(logical_type)));
        }
        if let Some(connect_type) = connect_type
            && self.config.connect_meta_data
        {
            node.props.push((names::CONNECT_TYPE.to_owned(), Json::from(connect_type)));
        }
        let id = self.avro.push(node);
        self.known.insert(connect.clone(), id);
        Ok(id)
    }

    fn put_metadata(&self, connect: &Schema, node: &mut Node) -> Result<()> {
        if !self.config.connect_meta_data {
            return Ok(());
        }
        let mut put = |name: &str, value: Json| node.props.push((name.to_owned(), value));
        if let Some(doc) = connect.doc() {
            put(names::CONNECT_DOC, Json::from(doc));
        }
        if let Some(version) = connect.version() {
            put(names::CONNECT_VERSION, Json::Int(version.into()));
        }
        let parameters = connect.parameters().filter(|(key, _)| *key != names::FIELD_DEFAULT);
        let parameters: Vec<_> = parameters.map(|(key, value)| (key.to_owned(), Json::from(value))).collect();
        if !parameters.is_empty() {
            put(names::CONNECT_PARAMETERS, Json::Object(parameters));
        }
        if let Some(default) = connect.default_value()
            && connect.parameter(names::FIELD_DEFAULT).is_none()
        {
            put(names::CONNECT_DEFAULT, defaults::from_connect(connect, default)?);
        }
        if let Some(name) = connect.name() {
            put(names::CONNECT_NAME, Json::from(name));
        }
        Ok(())
    }

    fn name(&self, full: &str) -> Result<Name> {
        let name = match self.config.scrub_invalid_names {
            true => Name::new(&names::scrub_full(full), ""),
            false => Name::new(full, ""),
        };
        Name::check(&name.name).map_err(schema_error)?;
        Ok(name)
    }

    fn text(&self, connect: &Schema) -> Result<Kind> {
        let generalized = self.config.generalized_sum_type_support;
        let parameters: &[&str] = match (generalized, self.config.enhanced_avro_schema_support) {
            (true, _) => &[sum::ENUM, names::ENUM],
            (false, true) => &[names::ENUM],
            (false, false) => &[],
        };
        let found = parameters.iter().find_map(|parameter| Some((parameter, connect.parameter(parameter)?)));
        let Some((parameter, name)) = found else { return Ok(Kind::String) };
        let mut symbols: Vec<String> = Vec::new();
        for (key, _) in connect.parameters() {
            if let Some(symbol) = key.strip_prefix(parameter).and_then(|rest| rest.strip_prefix('.')) {
                Name::check(symbol).map_err(schema_error)?;
                symbols.push(symbol.to_owned());
            }
        }
        let name = self.name(name)?;
        Ok(Kind::Enum(Enum { name, doc: None, aliases: Vec::new(), symbols, default: None }))
    }

    fn bytes(&self, connect: &Schema) -> Result<Kind> {
        let size = connect.parameter(names::FIXED_SIZE).and_then(|size| size.parse().ok());
        let (Some(size), Some(name)) = (size, connect.name()) else { return Ok(Kind::Bytes) };
        let name = self.name(name)?;
        Ok(Kind::Fixed(Fixed { name, doc: None, aliases: Vec::new(), size }))
    }

    fn map(&mut self, connect: &Schema) -> Result<Kind> {
        let keys = connect.key_schema()?;
        if keys.is_some_and(|keys| is_text_key(keys, self.config)) {
            return Ok(Kind::Map(self.schema(connect.value_schema()?, false)?));
        }
        let (name, internal) = match connect.name() {
            Some(name) => (self.name(name)?, true),
            None => (Name::new(names::MAP_ENTRY, names::NAMESPACE), false),
        };
        let fields = vec![
            self.field(names::KEY, keys, self.type_doc(keys))?,
            self.field(names::VALUE, connect.value_schema()?, self.type_doc(connect.value_schema()?))?,
        ];
        let mut node = Node::new(Kind::Record(Record { name, doc: None, aliases: Vec::new(), fields }));
        if internal {
            node.props.push((names::CONNECT_INTERNAL_TYPE.to_owned(), Json::from(names::MAP_ENTRY)));
        }
        Ok(Kind::Array(self.avro.push(node)))
    }

    fn record(&mut self, connect: &Schema) -> Result<Id> {
        let name = match connect.name() {
            Some(name) => self.name(name)?,
            None => {
                self.unnamed += 1;
                let number = if self.unnamed > 1 { self.unnamed.to_string() } else { String::new() };
                Name::new(&format!("{}{number}", names::DEFAULT_NAME), names::NAMESPACE)
            }
        };
        let doc = connect.parameter(names::CONNECT_RECORD_DOC).or(connect.parameter(names::RECORD_DOC));
        let record = Record {
            name: name.clone(),
            doc: doc.map(str::to_owned),
            aliases: Vec::new(),
            fields: Vec::new(),
        };
        // Its place is before its fields', so that it can be found from inside.
        let id = self.avro.push(Node::new(Kind::Record(record)));
        self.open.push((connect.name().map(str::to_owned), id));
        let mut fields: Vec<Field> = Vec::with_capacity(connect.fields()?.len());
        for field in connect.fields()? {
            let own = match self.config.scrub_invalid_names {
                true => names::scrub(field.name()),
                false => field.name().to_string(),
            };
            let doc = match self.config.discard_type_doc_default {
                true => self.type_doc(Some(field.schema())),
                false => connect.parameter(&format!("{}{}", names::FIELD_DOC, field.name())),
            };
            let made = self.field(&own, Some(field.schema()), doc)?;
            if fields.iter().any(|other| other.name == own) {
                return Err(Error::data(format!("Duplicate field {own} in record {}", name.full()))
                    .with_java_class("org.apache.avro.AvroRuntimeException"));
            }
            fields.push(made);
        }
        self.open.pop();
        let mut node = self.avro.node(id).clone();
        if let Kind::Record(record) = &mut node.kind {
            record.fields = fields;
        }
        self.put_metadata(connect, &mut node)?;
        self.avro.nodes[id] = node;
        Ok(id)
    }

    /// The documentation that a field takes from its type.
    fn type_doc<'s>(&self, connect: Option<&'s Schema>) -> Option<&'s str> {
        connect.and_then(Schema::doc).filter(|_| self.config.discard_type_doc_default)
    }

    fn field(&mut self, name: &str, connect: Option<&Schema>, doc: Option<&str>) -> Result<Field> {
        let default = match connect {
            Some(connect) => match connect.default_value() {
                Some(default) => Some(defaults::widened(defaults::from_connect(connect, default)?)),
                None => connect.is_optional().then_some(Json::Null),
            },
            None => None,
        };
        let schema = self.schema(connect, false)?;
        Name::check(name).map_err(schema_error)?;
        let default = default.filter(|default| is_valid_default(&self.avro, schema, default));
        let doc = doc.map(str::to_owned);
        Ok(Field { name: name.to_owned(), schema, doc, default, props: Vec::new() })
    }
}

/// Whether a map with these keys is a map in Avro, too.
pub(crate) fn is_text_key(keys: &Schema, config: &AvroConverterConfig) -> bool {
    keys.ty() == Type::String && (!keys.is_optional() || config.allow_optional_map_keys)
}

fn schema_error(message: String) -> Error {
    Error::data(message).with_java_class("org.apache.avro.SchemaParseException")
}

fn avro_error(message: String) -> Error {
    Error::data(message).with_java_class("org.apache.avro.AvroRuntimeException")
}
