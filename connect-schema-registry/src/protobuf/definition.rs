//! Connect schemas to messages: what is registered.

use connect_api::data::{Type, logical};
use connect_api::{Error, Result, Schema};

use super::mapping::{self, Mapping};
use super::schema::Scalar;
use super::{known, names};
use crate::sum;

/// A file with one message and what is nested in it.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) package: Option<String>,
    /// In order of use.
    pub(super) imports: Vec<&'static str>,
    /// The first is the outermost.
    pub(super) messages: Vec<MessageDef>,
}

#[derive(Debug)]
pub(super) struct MessageDef {
    pub(super) name: String,
    pub(super) fields: Vec<FieldDef>,
    pub(super) oneofs: Vec<(String, Vec<FieldDef>)>,
    pub(super) messages: Vec<usize>,
    pub(super) enums: Vec<EnumDef>,
    pub(super) outer: Option<usize>,
}

#[derive(Debug)]
pub(super) struct FieldDef {
    pub(super) label: Option<FieldLabel>,
    pub(super) ty: String,
    pub(super) name: String,
    pub(super) number: i32,
    /// Those of `confluent.field_meta`.
    pub(super) params: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldLabel {
    Optional,
    Repeated,
}

#[derive(Debug)]
pub(super) struct EnumDef {
    pub(super) name: String,
    pub(super) values: Vec<(String, i32)>,
}

/// What a field becomes a member of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Message,
    Oneof(usize),
    Entry,
}

impl MessageDef {
    /// All fields, those of oneofs included.
    pub(super) fn all_fields(&self) -> impl Iterator<Item = &FieldDef> {
        self.fields.iter().chain(self.oneofs.iter().flat_map(|(_, fields)| fields))
    }
}

impl Definition {
    /// Defines the message for a struct schema.
    ///
    /// # Errors
    ///
    /// A data error for what Protobuf cannot express, naming the field.
    pub(super) fn of(schema: &Schema, mapping: &Mapping) -> Result<Self> {
        if schema.ty() != Type::Struct {
            return Err(wrong(format!("Unsupported root schema of type {}", schema.ty())));
        }
        let definition = Self { package: None, imports: Vec::new(), messages: Vec::new() };
        let mut definer = Definer { mapping, definition, unnamed: 0 };
        let full = definer.full_name(schema.name());
        let (package, name) = names::split(&full);
        if package == Some("") {
            return Err(wrong(format!("\"{full}\" begins with a dot")));
        }
        definer.definition.package = package.map(str::to_owned);
        definer.message(name.to_owned(), schema, None)?;
        definer.definition.check()?;
        Ok(definer.definition)
    }

    /// The full name of the outermost message.
    pub(super) fn full_name(&self) -> String {
        let name = self.messages.first().map_or("", |message| message.name.as_str());
        match &self.package {
            Some(package) => format!("{package}.{name}"),
            None => name.to_owned(),
        }
    }

    /// The message that a field of a message has as its type, looked up from the message outwards.
    pub(super) fn type_of(&self, message: usize, field: &FieldDef) -> Option<usize> {
        let mut scope = Some(message);
        while let Some(message) = scope {
            if let Some(nested) = self.nested(message, &field.ty) {
                return Some(nested);
            }
            if self.messages[message].name == field.ty {
                return Some(message);
            }
            scope = self.messages[message].outer;
        }
        None
    }

    pub(super) fn nested(&self, message: usize, name: &str) -> Option<usize> {
        self.messages[message].messages.iter().copied().find(|nested| self.messages[*nested].name == name)
    }
}

/// Whether a struct stands for a oneof.
pub(super) fn is_union(schema: &Schema) -> bool {
    schema.ty() == Type::Struct
        && (schema.name().is_some_and(|name| name.starts_with(mapping::UNION)) || is_shared_union(schema))
}

/// Whether it does so in the form that all formats share.
fn is_shared_union(schema: &Schema) -> bool {
    schema.ty() == Type::Struct && schema.parameter(sum::UNION).is_some()
}

/// Whether text stands for an enum.
pub(super) fn enum_name(schema: &Schema) -> Option<&str> {
    schema.parameter(enum_parameter(schema)?)
}

/// The parameter that says so.
pub(super) fn enum_parameter(schema: &Schema) -> Option<&'static str> {
    let is_enum = matches!(schema.ty(), Type::String | Type::Int32);
    [mapping::ENUM, sum::ENUM].into_iter().find(|key| is_enum && schema.parameter(key).is_some())
}

/// The wrapper of a scalar that may be null.
pub(super) fn wrapper_of(schema: &Schema) -> Option<Scalar> {
    Some(match schema.ty() {
        Type::Int8 | Type::Int16 | Type::Int32 => Scalar::Int32,
        Type::Int64 => match schema.parameter(mapping::TYPE) {
            Some("uint32" | "fixed32") => Scalar::UInt32,
            Some("uint64" | "fixed64") => Scalar::UInt64,
            _ => Scalar::Int64,
        },
        Type::Float32 => Scalar::Float,
        Type::Float64 => Scalar::Double,
        Type::Boolean => Scalar::Bool,
        Type::String => Scalar::String,
        Type::Bytes => Scalar::Bytes,
        Type::Array | Type::Map | Type::Struct => return None,
    })
}

/// The known message of a logical type.
pub(super) fn logical_type(schema: &Schema) -> Option<(&'static str, &'static str)> {
    match (schema.name()?, schema.ty()) {
        (logical::DECIMAL, Type::Bytes) => Some((mapping::DECIMAL, known::DECIMAL)),
        (logical::DATE, Type::Int32) => Some((mapping::DATE, known::DATE)),
        (logical::TIME, Type::Int32) => Some((mapping::TIME, known::TIME)),
        (logical::TIMESTAMP, Type::Int64) => Some((mapping::TIMESTAMP, known::TIMESTAMP)),
        _ => None,
    }
}

struct Definer<'a> {
    mapping: &'a Mapping,
    definition: Definition,
    /// How many names were made up.
    unnamed: usize,
}

impl Definer<'_> {
    fn full_name(&mut self, name: Option<&str>) -> String {
        match name.filter(|name| !name.is_empty()) {
            Some(name) if self.mapping.scrub_invalid_names => names::scrub_full(name),
            Some(name) => name.to_owned(),
            None => {
                self.unnamed += 1;
                format!("ConnectDefault{}", self.unnamed)
            }
        }
    }

    fn simple_name(&mut self, name: Option<&str>) -> String {
        let full = self.full_name(name);
        names::unqualified(&full).to_owned()
    }

    fn field_name(&self, name: &str) -> String {
        if self.mapping.scrub_invalid_names { names::scrub(name) } else { name.to_owned() }
    }

    fn import(&mut self, path: &'static str) {
        if !self.definition.imports.contains(&path) {
            self.definition.imports.push(path);
        }
    }

    fn add(&mut self, name: String, outer: Option<usize>) -> usize {
        let (fields, oneofs, messages, enums) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let index = self.definition.messages.len();
        self.definition.messages.push(MessageDef { name, fields, oneofs, messages, enums, outer });
        if let Some(outer) = outer {
            self.definition.messages[outer].messages.push(index);
        }
        index
    }

    fn message(&mut self, name: String, schema: &Schema, outer: Option<usize>) -> Result<()> {
        let index = self.add(name, outer);
        let mut next = 1;
        for field in schema.fields()? {
            let number = match tag(field.schema())? {
                Some(number) => number,
                None => {
                    next += 1;
                    next - 1
                }
            };
            if is_shared_union(field.schema()) {
                let members = field.schema().fields()?.iter();
                let untagged =
                    members.filter(|member| member.schema().parameter(mapping::TAG).is_none()).count();
                // The first has the number of the oneof.
                next += i32::try_from(untagged).unwrap_or(0).saturating_sub(1);
            }
            let name = self.field_name(field.name());
            self.field(index, field.schema(), name, number, Place::Message)?;
        }
        Ok(())
    }

    fn field(
        &mut self,
        message: usize,
        schema: &Schema,
        name: String,
        number: i32,
        place: Place,
    ) -> Result<()> {
        let (label, element) = match schema.ty() {
            Type::Array => {
                let element = schema
                    .value_schema()?
                    .ok_or_else(|| wrong(format!("The list {name} does not say what its elements are")))?;
                if element.ty() == Type::Array {
                    return Err(wrong(format!("Array cannot be nested: {name}")));
                }
                (Some(FieldLabel::Repeated), element)
            }
            Type::Map => (Some(FieldLabel::Repeated), schema),
            _ if self.mapping.optional_for_nullables && schema.is_optional() && place == Place::Message => {
                (Some(FieldLabel::Optional), schema)
            }
            _ => (None, schema),
        };
        if is_union(element) {
            return match place {
                Place::Message if label != Some(FieldLabel::Repeated) => self.oneof(message, element, number),
                // Nothing can be written to it, so there is no field.
                Place::Message => Ok(()),
                _ => Err(wrong(format!("{name} cannot be a oneof where it is"))),
            };
        }
        let mut params = Vec::new();
        let mut ty = self.data_type(element, &mut params)?;
        match element.ty() {
            Type::Struct => {
                if ty == name {
                    ty += "Message";
                }
                let own = self.definition.messages[message].name == ty || element.is_recursive();
                if !own && self.definition.nested(message, &ty).is_none() {
                    self.message(ty.clone(), element, Some(message))?;
                }
            }
            Type::Map => self.map_entry(message, element, &ty)?,
            _ if enum_name(element).is_some() => self.enumeration(message, element)?,
            _ => {}
        }
        if place == Place::Entry {
            params.clear();
        }
        let field = FieldDef { label, ty, name, number, params };
        let message = &mut self.definition.messages[message];
        match place {
            Place::Oneof(oneof) => message.oneofs[oneof].1.push(field),
            _ => message.fields.push(field),
        }
        Ok(())
    }

    /// Members without a number of their own are counted from `next`, in the form that all formats share.
    fn oneof(&mut self, message: usize, union: &Schema, mut next: i32) -> Result<()> {
        let name = union.name().or(union.parameter(sum::UNION)).unwrap_or_default();
        let name = name.strip_prefix(mapping::UNION).unwrap_or(name);
        let name = self.simple_name(Some(name));
        let members = union.fields()?;
        if members.is_empty() {
            return Ok(());
        }
        let oneofs = &mut self.definition.messages[message].oneofs;
        if oneofs.iter().any(|(other, _)| *other == name) {
            return Err(wrong(format!("There are two oneofs named {name}")));
        }
        oneofs.push((name, Vec::new()));
        let place = Place::Oneof(oneofs.len() - 1);
        for member in members {
            let number = match tag(member.schema())? {
                Some(number) => number,
                None if is_shared_union(union) => {
                    next += 1;
                    next - 1
                }
                None => 0,
            };
            if matches!(member.schema().ty(), Type::Array | Type::Map) {
                return Err(wrong(format!("{} cannot be repeated in a oneof", member.name())));
            }
            let name = self.field_name(member.name());
            self.field(message, member.schema(), name, number, place)?;
        }
        Ok(())
    }

    fn map_entry(&mut self, message: usize, map: &Schema, name: &str) -> Result<()> {
        if self.definition.nested(message, name).is_some() {
            let outer = &self.definition.messages[message].name;
            return Err(wrong(format!("{outer}.{name}: \"{name}\" is already defined in \"{outer}\".")));
        }
        let entry = self.add(name.to_owned(), Some(message));
        for (part, schema, number) in [("key", map.key_schema()?, 1), ("value", map.value_schema()?, 2)] {
            let schema =
                schema.ok_or_else(|| wrong(format!("The map {name} does not say what its {part} is")))?;
            self.field(entry, schema, part.to_owned(), number, Place::Entry)?;
        }
        Ok(())
    }

    fn enumeration(&mut self, message: usize, schema: &Schema) -> Result<()> {
        let name = self.simple_name(schema.name());
        if self.definition.messages[message].enums.iter().any(|one| one.name == name) {
            return Ok(());
        }
        let parameter = enum_parameter(schema);
        let mut values = Vec::new();
        for (key, number) in schema.parameters() {
            let symbol = parameter.and_then(|parameter| key.strip_prefix(parameter)?.strip_prefix('.'));
            if let Some(symbol) = symbol {
                values.push((symbol.to_owned(), number_of(number)?));
            }
        }
        self.definition.messages[message].enums.push(EnumDef { name, values });
        Ok(())
    }

    /// The type of a field, with what goes into its `confluent.field_meta`.
    fn data_type(&mut self, schema: &Schema, params: &mut Vec<(&'static str, String)>) -> Result<String> {
        if let Some((name, import)) = logical_type(schema) {
            self.import(import);
            if name == mapping::DECIMAL {
                for (key, param) in [("precision", mapping::PRECISION), ("scale", logical::SCALE)] {
                    params.extend(schema.parameter(param).map(|value| (key, value.to_owned())));
                }
            }
            return Ok(name.to_owned());
        }
        match schema.ty() {
            Type::Struct => return Ok(self.simple_name(schema.name())),
            Type::Map => {
                let name = self.simple_name(schema.name());
                return Ok(names::map_entry(&name));
            }
            Type::Int8 => params.push(("connect.type", "int8".to_owned())),
            Type::Int16 => params.push(("connect.type", "int16".to_owned())),
            _ => {}
        }
        if let Some(name) = enum_name(schema) {
            if schema.name().is_none() {
                self.unnamed += 1;
            }
            return Ok(self.field_name_of_type(name));
        }
        if self.mapping.wrapper_for_nullables
            && schema.is_optional()
            && let Some(scalar) = wrapper_of(schema)
        {
            self.import(known::WRAPPERS);
            return Ok(wrapper_name(scalar));
        }
        let chosen = schema.parameter(mapping::TYPE);
        Ok(match (schema.ty(), chosen) {
            (Type::Int32 | Type::Int64, Some(name)) => name,
            (Type::Int8 | Type::Int16 | Type::Int32, _) => "int32",
            (Type::Int64, None) => "int64",
            (Type::Float32, _) => "float",
            (Type::Float64, _) => "double",
            (Type::Boolean, _) => "bool",
            (Type::String, _) => "string",
            (Type::Bytes, _) => "bytes",
            (Type::Array | Type::Map | Type::Struct, _) => {
                return Err(wrong("Array cannot be nested".to_owned()));
            }
        }
        .to_owned())
    }

    fn field_name_of_type(&self, name: &str) -> String {
        if self.mapping.scrub_invalid_names { names::scrub_full(name) } else { name.to_owned() }
    }
}

/// The full name of a scalar's wrapper.
pub(super) fn wrapper_name(scalar: Scalar) -> String {
    let name = match scalar {
        Scalar::Double => "Double",
        Scalar::Float => "Float",
        Scalar::UInt64 => "UInt64",
        Scalar::Int32 => "Int32",
        Scalar::UInt32 => "UInt32",
        Scalar::Bool => "Bool",
        Scalar::String => "String",
        Scalar::Bytes => "Bytes",
        _ => "Int64",
    };
    format!("google.protobuf.{name}Value")
}

fn tag(schema: &Schema) -> Result<Option<i32>> {
    schema.parameter(mapping::TAG).map(number_of).transpose()
}

fn number_of(text: &str) -> Result<i32> {
    text.parse().map_err(|_| {
        Error::data(format!("For input string: \"{text}\""))
            .with_java_class("java.lang.NumberFormatException")
    })
}

fn wrong(message: String) -> Error {
    Error::data(message)
}
