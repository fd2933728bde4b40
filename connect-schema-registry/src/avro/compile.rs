//! Compiles how the values of a Connect schema are written with a registry's schema.
//!
//! Java makes a tree of Avro values by the schema of the Connect schema, and writes that with the registry's, which may
//! be another one: fields by their position, branches of unions by the type of the value. The plan says in advance
//! where this comes out.

use std::cell::RefCell;

use connect_api::data::{Type, logical};
use connect_api::{Error, Result, Schema};

use super::config::AvroConverterConfig;
use super::encode::{Null, Number, Op, Plan, Record, Slot};
use super::from_connect::is_text_key;
use super::schema::{AvroSchema, Id, Kind};
use super::{anything, names};

/// Makes a plan. `own` is the schema of the Connect schema, `target` what is written.
pub(crate) fn compile(
    connect: Option<&Schema>,
    own: &AvroSchema,
    target: &AvroSchema,
    config: &AvroConverterConfig,
) -> Result<Plan> {
    let open = RefCell::default();
    let compiler = Compiler { own, target, config, open, shared: RefCell::default() };
    let mut slot = compiler.slot(connect, own.root, target.root)?;
    if connect.is_none() {
        slot.null = Null::Branch(None);
    }
    let mut shared = Vec::new();
    for record in compiler.shared.into_inner() {
        shared.push(record.ok_or_else(|| Error::illegal_state("A struct was not finished"))?);
    }
    Ok(Plan { slot, shared, bare: matches!(target.root().kind, Kind::Bytes) })
}

struct Compiler<'a> {
    own: &'a AvroSchema,
    target: &'a AvroSchema,
    config: &'a AvroConverterConfig,
    /// The structs that are being compiled: names, schemas, and their place among the shared ones.
    open: RefCell<Vec<Open>>,
    shared: RefCell<Vec<Option<Record>>>,
}

struct Open {
    name: Option<String>,
    own: Id,
    target: Id,
    shared: Option<usize>,
}

impl Compiler<'_> {
    /// Where a value of this type goes: the branch of a union, and the schema there.
    fn place(&self, target: Id, name: &str) -> Result<(Option<i64>, Id), String> {
        let Kind::Union(branches) = &self.target.node(target).kind else { return Ok((None, target)) };
        let position = branches.iter().position(|branch| self.target.branch_name(*branch) == name);
        match position {
            Some(position) => Ok((Some(position as i64), branches[position])),
            None => Err(format!("Not in union: a value of the type {name}")),
        }
    }

    fn slot(&self, connect: Option<&Schema>, own: Id, target: Id) -> Result<Slot> {
        let Some(connect) = connect else {
            let (branch, op) = match self.place(target, &self.own.branch_name(own)) {
                Ok((branch, id)) if anything::is_anything(self.target.node(id)) => (branch, Op::Anything),
                Ok(_) => {
                    (None, Op::Fail("The registry's schema is none for values without schema".to_owned()))
                }
                Err(why) => (None, Op::Fail(why)),
            };
            return Ok(Slot { null: Null::Value, default: None, branch, op });
        };
        let null = match connect.is_optional() {
            false => Null::Refuse,
            true => match self.place(target, "null") {
                Ok((branch, id)) if matches!(self.target.node(id).kind, Kind::Null) => Null::Branch(branch),
                Ok(_) => Null::Fail("null where the registry's schema allows none".to_owned()),
                Err(why) => Null::Fail(why),
            },
        };
        let mut slot = Slot { null, default: None, branch: None, op: Op::Fail(String::new()) };
        if names::is_union(connect) {
            slot.op = self.union(connect, own, target)?;
            return Ok(slot);
        }
        let own = self.underlying(own);
        match self.place(target, &self.own.branch_name(own)) {
            Err(why) => slot.op = Op::Fail(why),
            Ok((branch, id)) => {
                slot.branch = branch;
                slot.op = self.op(connect, own, id)?;
            }
        }
        Ok(slot)
    }

    /// What is optional here.
    fn underlying(&self, own: Id) -> Id {
        match &self.own.node(own).kind {
            Kind::Union(branches) => {
                let some = branches.iter().find(|branch| !matches!(self.own.node(**branch).kind, Kind::Null));
                some.copied().unwrap_or(own)
            }
            _ => own,
        }
    }

    fn union(&self, connect: &Schema, own: Id, target: Id) -> Result<Op> {
        let Kind::Union(branches) = &self.own.node(own).kind else {
            return Ok(Op::Fail("A union is none".to_owned()));
        };
        let skip = usize::from(connect.is_optional());
        let mut slots = Vec::new();
        for (field, branch) in connect.fields()?.iter().zip(&branches[skip..]) {
            let mut slot = self.slot(Some(field.schema()), *branch, target)?;
            slot.default = field.schema().default_value().cloned();
            slots.push(slot);
        }
        Ok(Op::Union(connect.clone(), slots))
    }

    fn op(&self, connect: &Schema, own: Id, target: Id) -> Result<Op> {
        let node = self.target.node(target);
        let number = match node.kind {
            Kind::Int => Some(Number::Int),
            Kind::Long => Some(Number::Long),
            Kind::Float => Some(Number::Float),
            Kind::Double => Some(Number::Double),
            _ => None,
        };
        let fail = |what: &str| Op::Fail(format!("{what} cannot be written as {}", node.kind.word()));
        let is_logical = |name| connect.name() == Some(name);
        Ok(match connect.ty() {
            Type::Int32 if is_logical(logical::DATE) || is_logical(logical::TIME) => match number {
                Some(number) => Op::Date(connect.clone(), number),
                None => fail("A date or time"),
            },
            Type::Int64 if is_logical(logical::TIMESTAMP) => match number {
                Some(number) => Op::Date(connect.clone(), number),
                None => fail("A timestamp"),
            },
            ty @ (Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64) => {
                match number {
                    Some(number) => Op::Number(ty, number),
                    None => fail("A number"),
                }
            }
            Type::Boolean => match node.kind {
                Kind::Boolean => Op::Boolean,
                _ => fail("A boolean"),
            },
            Type::String => match (&self.own.node(own).kind, &node.kind) {
                (Kind::Enum(_), Kind::Enum(symbols)) => {
                    let numbered = symbols.symbols.iter().enumerate();
                    Op::Enum(numbered.map(|(number, symbol)| (symbol.clone(), number as i64)).collect())
                }
                (Kind::String, Kind::String) => Op::String,
                (Kind::Enum(_), _) => fail("A symbol"),
                _ => fail("A text"),
            },
            Type::Bytes => {
                let fixed = match (&self.own.node(own).kind, &node.kind) {
                    (Kind::Bytes, Kind::Bytes) => None,
                    (Kind::Fixed(_), Kind::Fixed(fixed)) => Some(fixed.size),
                    (Kind::Fixed(_), _) => return Ok(fail("A fixed")),
                    _ => return Ok(fail("Bytes")),
                };
                match (is_logical(logical::DECIMAL), fixed) {
                    (true, None) => Op::Decimal(connect.clone()),
                    (true, Some(size)) => Op::FixedDecimal(connect.clone(), size),
                    (false, None) => Op::Bytes,
                    (false, Some(size)) => Op::Fixed(size),
                }
            }
            Type::Array => match (&self.own.node(own).kind, &node.kind) {
                (Kind::Array(own), Kind::Array(target)) => {
                    Op::Array(Box::new(self.slot(connect.value_schema()?, *own, *target)?))
                }
                _ => fail("A list"),
            },
            Type::Map => self.map(connect, own, target)?,
            Type::Struct => self.record(connect, own, target)?,
        })
    }

    fn map(&self, connect: &Schema, own: Id, target: Id) -> Result<Op> {
        let word = self.target.node(target).kind.word();
        let fail = || Op::Fail(format!("A map cannot be written as {word}"));
        let keys = connect.key_schema()?;
        Ok(match (&self.own.node(own).kind, &self.target.node(target).kind) {
            (Kind::Map(own), Kind::Map(target))
                if keys.is_some_and(|keys| is_text_key(keys, self.config)) =>
            {
                Op::Map(Box::new(self.slot(connect.value_schema()?, *own, *target)?))
            }
            (Kind::Array(own), Kind::Array(target)) => {
                let (Kind::Record(own), Kind::Record(target)) =
                    (&self.own.node(*own).kind, &self.target.node(*target).kind)
                else {
                    return Ok(fail());
                };
                let ([own_key, own_value], [target_key, target_value]) =
                    (own.fields.as_slice(), target.fields.as_slice())
                else {
                    return Ok(fail());
                };
                let key = self.slot(keys, own_key.schema, target_key.schema)?;
                let value = self.slot(connect.value_schema()?, own_value.schema, target_value.schema)?;
                Op::Entries(Box::new((key, value)), true)
            }
            _ => fail(),
        })
    }

    fn record(&self, connect: &Schema, own: Id, target: Id) -> Result<Op> {
        if connect.is_recursive() {
            let mut open = self.open.borrow_mut();
            let found = open.iter_mut().rev().find(|open| {
                open.name.as_deref() == connect.name() && open.own == own && open.target == target
            });
            let Some(found) = found else {
                return Ok(Op::Fail(format!(
                    "{connect} contains itself in another way than the registry's schema"
                )));
            };
            let mut shared = self.shared.borrow_mut();
            let index = *found.shared.get_or_insert_with(|| {
                shared.push(None);
                shared.len() - 1
            });
            return Ok(Op::Shared(connect.clone(), index));
        }
        let name = connect.name().map(str::to_owned);
        self.open.borrow_mut().push(Open { name, own, target, shared: None });
        let made = self.fields(connect, own, target);
        let open = self.open.borrow_mut().pop();
        Ok(match (made?, open.and_then(|open| open.shared)) {
            (Op::Record(record), Some(index)) => {
                self.shared.borrow_mut()[index] = Some(*record);
                Op::Shared(connect.clone(), index)
            }
            (op, _) => op,
        })
    }

    fn fields(&self, connect: &Schema, own: Id, target: Id) -> Result<Op> {
        let (Kind::Record(own), Kind::Record(target)) =
            (&self.own.node(own).kind, &self.target.node(target).kind)
        else {
            return Ok(Op::Fail(format!(
                "A struct cannot be written as {}",
                self.target.node(target).kind.word()
            )));
        };
        let mut fields = Vec::with_capacity(target.fields.len());
        let mut missing = None;
        for (position, wanted) in target.fields.iter().enumerate() {
            let (Some(field), Some(made)) = (connect.fields()?.get(position), own.fields.get(position))
            else {
                missing = Some(format!(
                    "The registry's record {} has a field {} at position {position}, where the struct has none",
                    target.name.full(),
                    wanted.name
                ));
                break;
            };
            let mut slot = self.slot(Some(field.schema()), made.schema, wanted.schema)?;
            let keeps_null = self.config.ignore_default_for_nullables && field.schema().is_optional();
            slot.default = field.schema().default_value().filter(|_| !keeps_null).cloned();
            fields.push((position, slot));
        }
        Ok(Op::Record(Box::new(Record { schema: connect.clone(), fields, missing })))
    }
}
