//! Messages to Connect schemas, with the plan to read them.

use std::collections::HashMap;
use std::sync::Arc;

use connect_api::data::{EnclosingStruct, SchemaBuilder, Str, Type, logical};
use connect_api::{Bytes, Error, Result, Schema, Value};
use prost_types::field_descriptor_proto::Label;

use super::mapping::{self, Mapping};
use super::names;
use super::plan::{
    Absent, EntryPlan, EnumPlan, FieldPlan, Form, Kind, Narrow, Plan, Reader, Root, UnionPlan, narrowed,
};
use super::schema::{self, Field, Message, ProtoSchema, Scalar, Syntax};
use crate::sum;

/// How many fields a schema may have once every message is put in at each place where it is used.
const LARGEST: usize = 1_000_000;

/// Makes the plan to read a message of a schema.
///
/// # Errors
///
/// A data error when the message contains itself, or is too large.
pub(super) fn reader(
    schema: &ProtoSchema,
    message: usize,
    version: Option<i32>,
    mapping: &Mapping,
) -> Result<Reader> {
    let mut planner = Planner { schema, mapping, plans: Vec::new(), built: HashMap::new(), open: Vec::new() };
    if mapping.wrapper_for_raw_primitives
        && let Some(scalar) = wrapped(&schema.messages[message].full_name)
    {
        let value = schema.messages[message].fields.iter().find(|field| field.name == "value");
        if value.is_none_or(|field| field.kind != schema::Kind::Scalar(scalar) || field.number != 1) {
            let name = &schema.messages[message].full_name;
            return Err(Error::data(format!("{name} should have the field \"{} value = 1\"", scalar.name())));
        }
        let mut builder = SchemaBuilder::new(connect_type(scalar));
        if let Some(version) = version {
            builder = builder.version(version);
        }
        return Ok(Reader { plans: Vec::new(), root: Root::Wrapper { scalar, schema: builder.build()? } });
    }
    let plan = planner.message(message)?;
    let built = &planner.built[&message];
    let mut builder = Schema::structure().name(built.name.clone());
    if let Some(version) = version {
        builder = builder.version(version);
    }
    if built.whole.is_some() {
        builder = builder.optional();
    }
    let root = Root::Struct { plan, schema: built.complete(builder)? };
    Ok(Reader { plans: planner.plans, root })
}

/// The scalar in one of Google's wrapper messages.
pub(super) fn wrapped(full_name: &str) -> Option<Scalar> {
    Some(match full_name.strip_prefix("google.protobuf.")?.strip_suffix("Value")? {
        "Double" => Scalar::Double,
        "Float" => Scalar::Float,
        "Int64" => Scalar::Int64,
        "UInt64" => Scalar::UInt64,
        "Int32" => Scalar::Int32,
        "UInt32" => Scalar::UInt32,
        "Bool" => Scalar::Bool,
        "String" => Scalar::String,
        "Bytes" => Scalar::Bytes,
        _ => return None,
    })
}

fn connect_type(scalar: Scalar) -> Type {
    match scalar {
        Scalar::Double => Type::Float64,
        Scalar::Float => Type::Float32,
        Scalar::Int32 | Scalar::SInt32 | Scalar::SFixed32 => Type::Int32,
        Scalar::Bool => Type::Boolean,
        Scalar::String => Type::String,
        Scalar::Bytes => Type::Bytes,
        _ => Type::Int64,
    }
}

fn with_fields(builder: SchemaBuilder, fields: &[(Str, Schema)]) -> SchemaBuilder {
    fields.iter().fold(builder, |builder, (name, schema)| builder.field(name.clone(), schema.clone()))
}

/// A message that was planned.
struct Built {
    plan: usize,
    name: Str,
    fields: Vec<(Str, Schema)>,
    /// The number of the field in which it was used first, which places without a number repeat: as Java has it.
    first: Option<Option<u32>>,
    size: usize,
    /// If it contains itself; the first schema that is built of it completes this.
    whole: Option<EnclosingStruct>,
}

impl Built {
    fn complete(&self, builder: SchemaBuilder) -> Result<Schema> {
        let builder = with_fields(builder, &self.fields);
        match &self.whole {
            Some(whole) if self.first.is_none() => whole.complete(builder),
            _ => builder.build(),
        }
    }
}

/// A message that is being planned.
struct Open {
    message: usize,
    plan: usize,
    whole: EnclosingStruct,
    contains_itself: bool,
}

struct Planner<'a> {
    schema: &'a ProtoSchema,
    mapping: &'a Mapping,
    plans: Vec<Plan>,
    built: HashMap<usize, Built>,
    /// The messages that are being planned, from the outermost.
    open: Vec<Open>,
}

impl<'a> Planner<'a> {
    /// Plans a message, unless it is done.
    fn message(&mut self, index: usize) -> Result<usize> {
        if let Some(built) = self.built.get(&index) {
            return Ok(built.plan);
        }
        let message = &self.schema.messages[index];
        let place = self.plans.len();
        self.plans.push(Plan::default());
        let whole = EnclosingStruct::new();
        self.open.push(Open { message: index, plan: place, whole, contains_itself: false });
        let mut fields: Vec<(Str, Schema)> = Vec::new();
        let mut plan = Plan::default();
        let flatten = self.mapping.flatten_unions;
        if flatten {
            plan.unions = message
                .oneofs
                .iter()
                .map(|_| UnionPlan { slot: 0, schema: None, not_null: Vec::new() })
                .collect();
        } else {
            for (number, oneof) in message.oneofs.iter().enumerate() {
                let (name, schema) = self.union(message, number, oneof, fields.len(), &mut plan)?;
                fields.push((name, schema));
            }
        }
        for field in &message.fields {
            let member = match field.oneof {
                Some(_) if !flatten => continue,
                Some(oneof) => Some((oneof, 0)),
                None => None,
            };
            let (schema, field_plan) = self.field(field, fields.len(), member, &mut plan)?;
            if !schema.is_optional() {
                plan.not_null.push((fields.len(), Str::from(field.name.as_str()), schema.ty()));
            }
            plan.fields.push(field_plan);
            fields.push((Str::from(field.name.as_str()), schema));
        }
        plan.fields.sort_by_key(|field| field.number);
        plan.places = places(&plan.fields);
        let whole = self.open.pop().filter(|open| open.contains_itself).map(|open| open.whole);
        let size = self.size_of(message);
        if size > LARGEST {
            return Err(Error::data(format!("{} has more than {LARGEST} fields", message.full_name)));
        }
        self.plans[place] = plan;
        let built = Built { plan: place, name: self.struct_name(message), fields, first: None, size, whole };
        self.built.insert(index, built);
        Ok(place)
    }

    fn struct_name(&self, message: &Message) -> Str {
        Str::from(if self.mapping.enhanced { message.full_name.as_str() } else { message.name.as_str() })
    }

    fn size_of(&self, message: &Message) -> usize {
        message.fields.iter().fold(1, |sum: usize, field| {
            let inner = match field.kind {
                schema::Kind::Message(index) => match self.built.get(&index) {
                    Some(built) => built.size,
                    // The entries of maps, whose values are planned but not they themselves.
                    None => self.schema.messages[index].fields.iter().fold(1, |sum: usize, field| {
                        let value = match field.kind {
                            schema::Kind::Message(value) => {
                                self.built.get(&value).map_or(1, |built| built.size)
                            }
                            _ => 1,
                        };
                        sum.saturating_add(value)
                    }),
                },
                _ => 1,
            };
            sum.saturating_add(inner)
        })
    }

    fn union(
        &mut self,
        message: &Message,
        number: usize,
        oneof: &str,
        slot: usize,
        plan: &mut Plan,
    ) -> Result<(Str, Schema)> {
        let scope = if self.mapping.enhanced { format!("{}.", message.full_name) } else { String::new() };
        let mut builder = match self.mapping.generalized_sums {
            true => {
                let name = format!("{scope}{oneof}");
                Schema::structure().name(name.as_str()).parameter(sum::UNION, name).optional()
            }
            false => Schema::structure().name(format!("{}{scope}{oneof}", mapping::UNION)).optional(),
        };
        let mut not_null = Vec::new();
        let union = plan.unions.len();
        let members = message.fields.iter().filter(|field| field.oneof == Some(number));
        for (member, field) in members.enumerate() {
            let (schema, field_plan) = self.field(field, slot, Some((union, member)), plan)?;
            if !schema.is_optional() {
                not_null.push((member, Str::from(field.name.as_str()), schema.ty()));
            }
            builder = builder.field(field.name.as_str(), schema);
            plan.fields.push(field_plan);
        }
        let schema = builder.build()?;
        plan.unions.push(UnionPlan { slot, schema: Some(schema.clone()), not_null });
        let name = if self.mapping.index_for_unions { format!("{oneof}_{number}") } else { oneof.to_owned() };
        Ok((Str::from(name), schema))
    }

    fn field(
        &mut self,
        field: &Field,
        slot: usize,
        member: Option<(usize, usize)>,
        plan: &mut Plan,
    ) -> Result<(Schema, FieldPlan)> {
        let repeated = field.label == Label::Repeated;
        if repeated && let Some((entry, name)) = self.map_entry(field) {
            let (key_schema, key) = self.single(&entry.fields[0], Some(entry.fields[0].number))?;
            let (value_schema, value) = self.single(&entry.fields[1], Some(entry.fields[1].number))?;
            let schema = SchemaBuilder::map(key_schema, value_schema)
                .name(name)
                .optional()
                .parameter(mapping::TAG, field.number.to_string())
                .build()?;
            let entry =
                EntryPlan { key: (entry.fields[0].number, key), value: (entry.fields[1].number, value) };
            // The field's own type is that of the entries, which are messages; how to read them is in the entry.
            let form = Form::Map { list: plan.lists, entry: Box::new(entry) };
            plan.lists += 1;
            return Ok((schema, FieldPlan { number: field.number, kind: Kind::Decimal, form, slot, member }));
        }
        if repeated {
            let (element, kind) = self.single(field, None)?;
            let schema = SchemaBuilder::array(element)
                .optional()
                .parameter(mapping::TAG, field.number.to_string())
                .build()?;
            let form = Form::List(plan.lists);
            plan.lists += 1;
            return Ok((schema, FieldPlan { number: field.number, kind, form, slot, member }));
        }
        let (schema, kind) = self.single(field, Some(field.number))?;
        let absent = if field.oneof.is_some() { Absent::Null } else { self.absent(field, &kind) };
        if field.label == Label::Required {
            plan.required.push((field.number, Str::from(field.name.as_str())));
        }
        let form = Form::One { absent, keep: plan.kept };
        if matches!(field.kind, schema::Kind::Message(_)) {
            plan.kept += 1;
        }
        Ok((schema, FieldPlan { number: field.number, kind, form, slot, member }))
    }

    fn absent(&self, field: &Field, kind: &Kind) -> Absent {
        if let schema::Kind::Message(_) = field.kind {
            let empty = self.mapping.struct_for_nulls && matches!(kind, Kind::Message { .. });
            return if empty { Absent::Empty } else { Absent::Null };
        }
        match field.syntax {
            Syntax::Proto3 if field.proto3_optional => Absent::Null,
            Syntax::Proto3 => Absent::Value(kind.zero()),
            Syntax::Proto2 if self.mapping.optional_for_proto2 => Absent::Null,
            Syntax::Proto2 => {
                let declared = field.default.as_deref().and_then(|text| declared_default(text, kind));
                Absent::Value(declared.unwrap_or_else(|| kind.zero()))
            }
        }
    }

    /// The message with key and value, and the map's name, if a repeated field is a map: declared as one, or written as
    /// Confluent's converter writes maps.
    fn map_entry(&self, field: &Field) -> Option<(&'a Message, String)> {
        let schema::Kind::Message(index) = field.kind else { return None };
        let schema: &'a ProtoSchema = self.schema;
        let message = &schema.messages[index];
        let scope = message.full_name.strip_suffix(message.name.as_str()).filter(|_| self.mapping.enhanced);
        let full = |name: String| scope.unwrap_or_default().to_owned() + &name;
        if message.is_map_entry {
            return Some((message, full(names::of_map_field(&field.name))));
        }
        let [key, value] = message.fields.as_slice() else { return None };
        let plain = |field: &Field, name| {
            field.name == name && field.label != Label::Repeated && field.oneof.is_none()
        };
        let is_map = message.name.ends_with(names::ENTRY) && plain(key, "key") && plain(value, "value");
        is_map.then(|| (message, full(names::of_map_entry(&message.name))))
    }

    /// Whether null is allowed for a scalar.
    fn scalar_is_optional(&self, field: &Field, element: bool) -> bool {
        if element || !(self.mapping.optional_for_nullables || self.mapping.wrapper_for_nullables) {
            return true;
        }
        let declared = match field.syntax {
            Syntax::Proto2 => field.label == Label::Optional && field.oneof.is_none(),
            Syntax::Proto3 => field.proto3_optional,
        };
        self.mapping.optional_for_nullables && declared
    }

    /// One value of a field; without a tag, as the element of a list.
    fn single(&mut self, field: &Field, tag: Option<u32>) -> Result<(Schema, Kind)> {
        let tagged = |builder: SchemaBuilder| match tag {
            Some(tag) => builder.parameter(mapping::TAG, tag.to_string()),
            None => builder,
        };
        match field.kind {
            schema::Kind::Scalar(scalar) => {
                let narrow = narrow_of(field, scalar);
                let ty = match narrow {
                    Narrow::Int8 => Type::Int8,
                    Narrow::Int16 => Type::Int16,
                    Narrow::Int32 => connect_type(scalar),
                };
                let mut builder = Schema::builder(ty);
                if self.scalar_is_optional(field, tag.is_none()) {
                    builder = builder.optional();
                }
                if narrow == Narrow::Int32 && names_its_type(scalar) {
                    builder = builder.parameter(mapping::TYPE, scalar.name());
                }
                let lossy = field.syntax == Syntax::Proto2;
                Ok((tagged(builder).build()?, Kind::Scalar { scalar, narrow, lossy }))
            }
            schema::Kind::Enum(index) => self.enumeration(index, tagged),
            schema::Kind::Message(index) => {
                let full_name = self.schema.messages[index].full_name.as_str();
                let (builder, kind) = match full_name {
                    mapping::DECIMAL => (decimal(field), Kind::Decimal),
                    mapping::DATE => (logical::date_builder(), Kind::Date),
                    mapping::TIME => (logical::time_builder(), Kind::Time),
                    mapping::TIMESTAMP => (logical::timestamp_builder(), Kind::Timestamp),
                    _ => match wrapped(full_name) {
                        Some(scalar)
                            if self.mapping.wrapper_for_raw_primitives
                                || self.mapping.wrapper_for_nullables =>
                        {
                            (Schema::builder(connect_type(scalar)), Kind::Wrapper(scalar))
                        }
                        _ => return self.usage(index, tag),
                    },
                };
                Ok((tagged(builder.optional()).build()?, kind))
            }
        }
    }

    /// A struct at one of the places where it is used.
    fn usage(&mut self, index: usize, tag: Option<u32>) -> Result<(Schema, Kind)> {
        let name = self.struct_name(&self.schema.messages[index]);
        if let Some(open) = self.open.iter_mut().find(|open| open.message == index) {
            open.contains_itself = true;
            let mut builder = open.whole.named(name).optional();
            if let Some(tag) = tag {
                builder = builder.parameter(mapping::TAG, tag.to_string());
            }
            let schema = builder.build()?;
            return Ok((schema.clone(), Kind::Message { plan: open.plan, schema }));
        }
        let plan = self.message(index)?;
        let Some(built) = self.built.get_mut(&index) else {
            return Err(Error::data("A message was lost"));
        };
        let mut builder = Schema::structure().name(name).optional();
        if let Some(tag) = tag.or(built.first.flatten()) {
            builder = builder.parameter(mapping::TAG, tag.to_string());
        }
        let schema = built.complete(builder)?;
        built.first.get_or_insert(tag);
        Ok((schema.clone(), Kind::Message { plan, schema }))
    }

    fn enumeration(
        &self,
        index: usize,
        tagged: impl Fn(SchemaBuilder) -> SchemaBuilder,
    ) -> Result<(Schema, Kind)> {
        let one = &self.schema.enums[index];
        let ty = if self.mapping.int_for_enums { Type::Int32 } else { Type::String };
        let name = if self.mapping.enhanced { &one.full_name } else { &one.name };
        let parameter = if self.mapping.generalized_sums { sum::ENUM } else { mapping::ENUM };
        let mut builder =
            Schema::builder(ty).name(name.as_str()).optional().parameter(parameter, one.name.as_str());
        let mut by_number = HashMap::new();
        for (symbol, number) in &one.values {
            builder = builder.parameter(format!("{parameter}.{symbol}"), number.to_string());
            by_number.entry(*number).or_insert_with(|| Str::from(symbol.as_str()));
        }
        let plan = EnumPlan {
            name: one.name.clone(),
            names: by_number,
            closed: one.closed,
            as_number: self.mapping.int_for_enums,
            first: one.values.first().map_or(0, |(_, number)| *number),
        };
        Ok((tagged(builder).build()?, Kind::Enum(Arc::new(plan))))
    }
}

/// Where the fields are, by number, as far as that is not much more than their count.
fn places(fields: &[FieldPlan]) -> Vec<u16> {
    let most = fields.len() * 4 + 64;
    let mut places = Vec::new();
    for (place, field) in fields.iter().enumerate() {
        let (number, Ok(place)) = (field.number as usize, u16::try_from(place + 1)) else { break };
        if number >= most {
            break;
        }
        places.resize(number + 1, 0);
        places[number] = place;
    }
    places
}

fn narrow_of(field: &Field, scalar: Scalar) -> Narrow {
    if !matches!(scalar, Scalar::Int32 | Scalar::SInt32 | Scalar::SFixed32) {
        return Narrow::Int32;
    }
    match field.params.iter().find(|(key, _)| key == "connect.type").map(|(_, value)| value.as_str()) {
        Some("int8") => Narrow::Int8,
        Some("int16") => Narrow::Int16,
        _ => Narrow::Int32,
    }
}

/// Whether the Connect type does not say which type it is on the wire.
fn names_its_type(scalar: Scalar) -> bool {
    !matches!(
        scalar,
        Scalar::Double
            | Scalar::Float
            | Scalar::Int32
            | Scalar::Int64
            | Scalar::Bool
            | Scalar::String
            | Scalar::Bytes
    )
}

fn decimal(field: &Field) -> SchemaBuilder {
    let param = |wanted| field.params.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
    let builder = logical::decimal_builder(param("scale").and_then(|scale| scale.parse().ok()).unwrap_or(0));
    match param("precision") {
        Some(precision) => builder.parameter(mapping::PRECISION, precision),
        None => builder,
    }
}

/// A default that a proto2 field declares.
fn declared_default(text: &str, kind: &Kind) -> Option<Value> {
    match kind {
        Kind::Scalar { scalar, narrow, .. } => Some(match scalar {
            Scalar::Double => Value::Float64(text.parse().ok()?),
            Scalar::Float => Value::Float32(text.parse().ok()?),
            Scalar::Int32 | Scalar::SInt32 | Scalar::SFixed32 => narrowed(text.parse().ok()?, *narrow),
            Scalar::UInt32 | Scalar::Fixed32 => Value::Int64(text.parse::<u32>().ok()?.into()),
            Scalar::UInt64 | Scalar::Fixed64 => Value::Int64(text.parse::<u64>().ok()? as i64),
            Scalar::Int64 | Scalar::SInt64 | Scalar::SFixed64 => Value::Int64(text.parse().ok()?),
            Scalar::Bool => Value::Boolean(text.parse().ok()?),
            Scalar::String => Value::from(text),
            Scalar::Bytes => Value::Bytes(Bytes::from(unescaped(text))),
        }),
        Kind::Enum(plan) => {
            let number =
                plan.names.iter().find(|(_, name)| name.as_str() == text).map(|(number, _)| *number)?;
            plan.value(number)
        }
        _ => None,
    }
}

/// The bytes of a default, whose text has octal numbers for those that do not print.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b't') => out.push(b'\t'),
            Some(digit @ b'0'..=b'7') => {
                let mut code = u32::from(digit - b'0');
                for _ in 0..2 {
                    let Some(digit) = bytes.next_if(|next| (b'0'..=b'7').contains(next)) else { break };
                    code = code * 8 + u32::from(digit - b'0');
                }
                out.push(code as u8);
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}
