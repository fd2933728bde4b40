//! Data to values, by a plan that was made once per schema.

use std::borrow::Cow;

use bytes::Bytes;
use connect_api::data::{Map, Str, Type};
use connect_api::{Error, Result, Schema, SchemaAndValue, Struct, Value};

use super::plan::{Absent, EntryPlan, Form, Kind, Narrow, Plan, Reader, Root, narrowed, wire_type, zero};
use super::schema::Scalar;
use super::temporal;
use super::wire::{DEEPEST, Input, WireType, too_deep};

/// Room for the bytes of messages inside a message, of which there are few.
const FEW: [Option<Cow<'_, [u8]>>; 4] = [const { None }; 4];

/// The bytes that texts and bytes of the result are slices of.
type Whole<'a> = &'a Bytes;

impl Reader {
    /// Reads the outermost message. `input` must be a part of `whole`.
    pub(super) fn read(&self, input: &[u8], whole: Whole<'_>) -> Result<SchemaAndValue> {
        match &self.root {
            Root::Struct { plan, schema } => {
                let value = self.message(&self.plans[*plan], schema, input, whole, 0)?;
                Ok(SchemaAndValue::new(schema.clone(), value))
            }
            Root::Wrapper { scalar, schema } => {
                let value = wrapper(*scalar, input, whole, 0)?;
                Ok(SchemaAndValue::new(schema.clone(), value))
            }
        }
    }

    fn message(
        &self,
        plan: &Plan,
        schema: &Schema,
        input: &[u8],
        whole: Whole<'_>,
        depth: usize,
    ) -> Result<Struct> {
        if depth > DEEPEST {
            return Err(too_deep());
        }
        let mut made = Struct::new(schema.clone())?;
        let values = made.values_unchecked_mut();
        let mut lists: Vec<Vec<Value>> = vec![Vec::new(); plan.lists];
        let (mut few, mut many) = (FEW, Vec::new());
        let kept: &mut [Option<Cow<'_, [u8]>>] = match few.get_mut(..plan.kept) {
            Some(few) => few,
            None => {
                many.resize(plan.kept, None);
                &mut many
            }
        };
        let mut cases: Vec<Option<usize>> = vec![None; plan.unions.len()];
        let mut seen = RequiredSeen::new(plan);
        let mut input = Input::new(input);
        while !input.is_empty() {
            let (number, ty) = input.tag()?;
            let Some(place) = plan.field(number) else {
                input.skip(number, ty, depth)?;
                continue;
            };
            let field = &plan.fields[place];
            let packed = ty == WireType::Delimited && !matches!(field.form, Form::One { .. });
            if ty != field.kind.wire_type() && !packed {
                input.skip(number, ty, depth)?;
                continue;
            }
            // What most fields are goes to its place without a stop in between.
            if let (Form::One { .. }, None, Kind::Scalar { scalar, narrow, lossy }) =
                (&field.form, field.member, &field.kind)
            {
                values[field.slot] = scalar_value(*scalar, *narrow, *lossy, &mut input, whole)?;
                seen.mark(number);
                continue;
            }
            let mut found = None;
            match &field.form {
                Form::One { keep, .. } if field.kind.is_message() => {
                    let more = input.delimited()?;
                    if field.member.is_some_and(|(union, _)| cases[union] != Some(place)) {
                        kept[*keep] = None;
                    }
                    match &mut kept[*keep] {
                        Some(before) => before.to_mut().extend_from_slice(more),
                        empty => *empty = Some(Cow::Borrowed(more)),
                    }
                    found = Some(Value::Null);
                }
                Form::One { .. } => found = self.value(&field.kind, &mut input, whole, depth)?,
                Form::List(list) if packed && field.kind.wire_type() != WireType::Delimited => {
                    let mut packed = Input::new(input.delimited()?);
                    while !packed.is_empty() {
                        lists[*list].extend(self.value(&field.kind, &mut packed, whole, depth)?);
                    }
                }
                Form::List(list) => lists[*list].extend(self.value(&field.kind, &mut input, whole, depth)?),
                Form::Map { list, entry } => {
                    let (key, value) = self.entry(entry, input.delimited()?, whole, depth + 1)?;
                    lists[*list].extend([key, value]);
                }
            }
            if let Some(value) = found {
                seen.mark(number);
                if let Some((union, _)) = field.member {
                    if let Some(other) = cases[union].filter(|other| *other != place) {
                        values[plan.fields[other].slot] = Value::Null;
                    }
                    cases[union] = Some(place);
                }
                values[field.slot] = value;
            }
        }
        seen.check()?;
        for (place, field) in plan.fields.iter().enumerate() {
            let chosen = field.member.is_none_or(|(union, _)| cases[union] == Some(place));
            match &field.form {
                Form::One { absent, keep } => {
                    let bytes = if field.kind.is_message() { kept[*keep].take() } else { None };
                    match bytes.filter(|_| chosen) {
                        Some(Cow::Borrowed(bytes)) => {
                            values[field.slot] = self.inner(&field.kind, bytes, whole, depth)?;
                        }
                        Some(Cow::Owned(bytes)) => {
                            let bytes = Bytes::from(bytes);
                            values[field.slot] = self.inner(&field.kind, &bytes, &bytes, depth)?;
                        }
                        None if field.member.is_none() && values[field.slot].is_null() => {
                            values[field.slot] = match absent {
                                Absent::Null => continue,
                                Absent::Value(value) => value.clone(),
                                Absent::Empty => self.inner(&field.kind, &[], &Bytes::new(), depth)?,
                            };
                        }
                        None => {}
                    }
                }
                Form::List(list) => {
                    values[field.slot] = Value::from(std::mem::take(&mut lists[*list]));
                }
                Form::Map { list, .. } => {
                    let mut flat = std::mem::take(&mut lists[*list]).into_iter();
                    let mut entries = Vec::with_capacity(flat.len() / 2);
                    while let (Some(key), Some(value)) = (flat.next(), flat.next()) {
                        entries.push((key, value));
                    }
                    values[field.slot] = Value::Map(Map::from_entries(entries));
                }
            }
        }
        for (union, case) in plan.unions.iter().zip(cases) {
            let (Some(schema), Some(place)) = (&union.schema, case) else { continue };
            let Some((_, member)) = plan.fields[place].member else { continue };
            refuse_null(union.not_null.iter().find(|(other, ..)| *other != member))?;
            let mut members = vec![Value::Null; schema.fields()?.len()];
            members[member] = values[union.slot].take();
            values[union.slot] = Value::Struct(Struct::from_checked_values(schema.clone(), members)?);
        }
        Ok(made)
    }

    /// One value of a field that is there; none for a number that a closed enum does not have.
    #[inline]
    fn value(
        &self,
        kind: &Kind,
        input: &mut Input<'_>,
        whole: Whole<'_>,
        depth: usize,
    ) -> Result<Option<Value>> {
        match kind {
            Kind::Scalar { scalar, narrow, lossy } => {
                scalar_value(*scalar, *narrow, *lossy, input, whole).map(Some)
            }
            Kind::Enum(plan) => Ok(plan.value(input.varint()? as i32)),
            kind => self.inner(kind, input.delimited()?, whole, depth).map(Some),
        }
    }

    /// The value of a message inside a message.
    fn inner(&self, kind: &Kind, bytes: &[u8], whole: Whole<'_>, depth: usize) -> Result<Value> {
        let depth = depth + 1;
        match kind {
            Kind::Message { plan, schema } => {
                let plan = &self.plans[*plan];
                let made = self.message(plan, schema, bytes, whole, depth)?;
                refuse_null(plan.not_null.iter().find(|(slot, ..)| made.values()[*slot].is_null()))?;
                Ok(Value::Struct(made))
            }
            Kind::Wrapper(scalar) => wrapper(*scalar, bytes, whole, depth),
            Kind::Decimal => temporal::read_decimal(bytes, depth).map(Value::Decimal),
            Kind::Date => temporal::read_date(bytes, depth).map(Value::Date),
            Kind::Time => temporal::read_time(bytes, depth).map(Value::Date),
            Kind::Timestamp => temporal::read_timestamp(bytes, depth).map(Value::Date),
            Kind::Scalar { .. } | Kind::Enum(_) => Ok(Value::Null),
        }
    }

    fn entry(
        &self,
        entry: &EntryPlan,
        bytes: &[u8],
        whole: Whole<'_>,
        depth: usize,
    ) -> Result<(Value, Value)> {
        if depth > DEEPEST {
            return Err(too_deep());
        }
        let mut input = Input::new(bytes);
        let (mut key, mut value) = (None, None);
        let (mut kept_key, mut kept_value) = (Vec::new(), Vec::new());
        while !input.is_empty() {
            let (number, ty) = input.tag()?;
            let (kind, found, kept) = if number == entry.key.0 {
                (&entry.key.1, &mut key, &mut kept_key)
            } else if number == entry.value.0 {
                (&entry.value.1, &mut value, &mut kept_value)
            } else {
                input.skip(number, ty, depth)?;
                continue;
            };
            if ty != kind.wire_type() {
                input.skip(number, ty, depth)?;
            } else if kind.is_message() {
                kept.extend_from_slice(input.delimited()?);
            } else if let Some(one) = self.value(kind, &mut input, whole, depth)? {
                *found = Some(one);
            }
        }
        let finish = |kind: &Kind, found: Option<Value>, kept: Vec<u8>| {
            if kind.is_message() {
                let kept = Bytes::from(kept);
                return self.inner(kind, &kept, &kept, depth);
            }
            Ok(found.unwrap_or_else(|| kind.zero()))
        };
        Ok((finish(&entry.key.1, key, kept_key)?, finish(&entry.value.1, value, kept_value)?))
    }
}

fn refuse_null(place: Option<&(usize, Str, Type)>) -> Result<()> {
    match place {
        None => Ok(()),
        Some((_, name, ty)) => {
            let message =
                format!("Invalid value: null used for required field: \"{name}\", schema type: {ty}");
            Err(Error::data(message))
        }
    }
}

/// Which of the fields that must be there were there.
struct RequiredSeen<'a> {
    required: &'a [(u32, Str)],
    seen: Vec<bool>,
}

impl<'a> RequiredSeen<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self { required: &plan.required, seen: vec![false; plan.required.len()] }
    }

    #[inline]
    fn mark(&mut self, number: u32) {
        for (place, (required, _)) in self.required.iter().enumerate() {
            if *required == number {
                self.seen[place] = true;
            }
        }
    }

    fn check(&self) -> Result<()> {
        match self.seen.iter().position(|seen| !seen) {
            None => Ok(()),
            Some(missing) => {
                let name = &self.required[missing].1;
                Err(Error::data(format!("Message missing required fields: {name}"))
                    .with_java_class("com.google.protobuf.InvalidProtocolBufferException"))
            }
        }
    }
}

/// A message whose field 1 is the value.
fn wrapper(scalar: Scalar, bytes: &[u8], whole: Whole<'_>, depth: usize) -> Result<Value> {
    let mut input = Input::new(bytes);
    let mut value = zero(scalar, Narrow::Int32);
    while !input.is_empty() {
        let (number, ty) = input.tag()?;
        if number == 1 && ty == wire_type(scalar) {
            value = scalar_value(scalar, Narrow::Int32, false, &mut input, whole)?;
        } else {
            input.skip(number, ty, depth)?;
        }
    }
    Ok(value)
}

#[inline]
fn scalar_value(
    scalar: Scalar,
    narrow: Narrow,
    lossy: bool,
    input: &mut Input<'_>,
    whole: Whole<'_>,
) -> Result<Value> {
    Ok(match scalar {
        Scalar::Double => Value::Float64(f64::from_le_bytes(input.fixed64()?)),
        Scalar::Float => Value::Float32(f32::from_le_bytes(input.fixed32()?)),
        Scalar::Int32 => narrowed(input.varint()? as i32, narrow),
        Scalar::SInt32 => {
            let coded = input.varint()? as u32;
            narrowed((coded >> 1) as i32 ^ -((coded & 1) as i32), narrow)
        }
        Scalar::SFixed32 => narrowed(i32::from_le_bytes(input.fixed32()?), narrow),
        Scalar::UInt32 => Value::Int64((input.varint()? as u32).into()),
        Scalar::Fixed32 => Value::Int64(u32::from_le_bytes(input.fixed32()?).into()),
        Scalar::Int64 | Scalar::UInt64 => Value::Int64(input.varint()? as i64),
        Scalar::SInt64 => {
            let coded = input.varint()?;
            Value::Int64((coded >> 1) as i64 ^ -((coded & 1) as i64))
        }
        Scalar::Fixed64 | Scalar::SFixed64 => Value::Int64(i64::from_le_bytes(input.fixed64()?)),
        Scalar::Bool => Value::Boolean(input.varint()? != 0),
        Scalar::String => {
            let bytes = input.delimited()?;
            Value::String(match std::str::from_utf8(bytes) {
                Ok(text) if text.len() <= SHORT => Str::from(text),
                Ok(_) => Str::from_utf8(whole.slice_ref(bytes))?,
                Err(_) if lossy => Str::from(String::from_utf8_lossy(bytes).into_owned()),
                Err(_) => {
                    return Err(Error::data("Protocol message had invalid UTF-8.")
                        .with_java_class("com.google.protobuf.InvalidProtocolBufferException"));
                }
            })
        }
        Scalar::Bytes => Value::Bytes(whole.slice_ref(input.delimited()?)),
    })
}

/// Texts up to this length are kept in place.
const SHORT: usize = 24;
