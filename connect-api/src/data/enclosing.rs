//! [`EnclosingStruct`]: structs that contain themselves.

use std::sync::{Arc, OnceLock};

use super::{Schema, SchemaBuilder, Str, Type};
use crate::{Error, ErrorKind, Result};

/// A struct schema that is being made and that contains itself, as the nodes of trees and lists do.
///
/// [`named`](Self::named) makes schemas that stand inside for the whole; [`complete`](Self::complete) ends the making.
/// Such a schema has the [fields](Schema::fields) of the whole, and a name, an optionality and parameters of its own.
/// Whoever walks through schemas must stop where [`Schema::is_recursive`] says so.
///
/// The parts of a schema that contains itself hold each other and are never freed. Make it once and keep it.
///
/// ```
/// use connect_api::data::EnclosingStruct;
/// use connect_api::{Schema, Struct, Value};
///
/// let node = EnclosingStruct::new();
/// let next = node.named("Node").optional().build()?;
/// let schema = node.complete(
///     Schema::structure().name("Node").field("value", Schema::INT32).field("next", next.clone()),
/// )?;
///
/// let last = Struct::from_values(next, vec![Value::from(2), Value::Null])?;
/// let first = Struct::from_values(schema, vec![Value::from(1), last.into()])?;
/// assert_eq!(first.to_string(), "Struct{value=1,next=Struct{value=2}}");
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct EnclosingStruct(Whole);

impl EnclosingStruct {
    /// Begins.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a schema that stands for the whole inside of it. Its name should be that of the whole. It takes no
    /// fields.
    pub fn named(&self, name: impl Into<Str>) -> SchemaBuilder {
        SchemaBuilder::inside(self.0.clone()).name(name)
    }

    /// Builds the whole.
    ///
    /// # Errors
    ///
    /// A schema-builder error for what [`SchemaBuilder::build`] refuses, when this is no struct, and when it was called
    /// before.
    pub fn complete(&self, builder: SchemaBuilder) -> Result<Schema> {
        let schema = builder.build()?;
        if schema.ty() != Type::Struct || schema.is_recursive() {
            return Err(Error::new(ErrorKind::SchemaBuilder, "only a struct with fields can contain itself"));
        }
        match self.0.0.set(schema.clone()) {
            Ok(()) => Ok(schema),
            Err(_) => Err(Error::new(ErrorKind::SchemaBuilder, "the enclosing struct is complete already")),
        }
    }
}

/// The struct around, once it is complete.
#[derive(Clone, Default)]
pub(super) struct Whole(Arc<OnceLock<Schema>>);

impl Whole {
    pub(super) fn get(&self) -> Option<&Schema> {
        self.0.get()
    }
}

impl std::fmt::Debug for Whole {
    /// Not the struct around, in which this stands.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;
    use crate::data::{Struct, Value};

    fn list(value: Schema) -> Schema {
        let node = EnclosingStruct::new();
        let next = node.named("Node").optional().build().unwrap();
        node.complete(Schema::structure().name("Node").field("value", value).field("next", next)).unwrap()
    }

    #[test]
    fn equality_debug_and_hash_come_to_an_end() {
        let (a, b, other) = (list(Schema::INT32), list(Schema::INT32), list(Schema::INT64));
        let next = |schema: &Schema| schema.field("next").unwrap().unwrap().schema().clone();
        assert_eq!(a, b);
        assert_ne!(a, other);
        assert_eq!(next(&a), next(&b));
        assert_ne!(next(&a), next(&other));
        assert_eq!(next(&a), a.with_optional(true), "what is the same from outside is equal");
        let state = RandomState::new();
        assert_eq!(state.hash_one(&a), state.hash_one(&b));
        assert_eq!(state.hash_one(next(&a)), state.hash_one(a.with_optional(true)));
        assert_eq!(format!("{a:?}"), "struct Node {\"value\": int32, \"next\": optional struct Node …}");
    }

    #[test]
    fn an_unrolled_schema_is_another_one_unless_it_means_the_same() {
        let rolled = list(Schema::INT32);
        let unrolled = Schema::structure()
            .name("Node")
            .field("value", Schema::INT32)
            .field("next", rolled.with_optional(true))
            .build()
            .unwrap();
        assert_eq!(rolled, unrolled);
        let state = RandomState::new();
        assert_eq!(state.hash_one(&rolled), state.hash_one(&unrolled));
    }

    #[test]
    fn values_are_checked_at_every_depth() {
        let schema = list(Schema::INT32);
        let next = schema.field("next").unwrap().unwrap().schema().clone();
        assert!(next.is_recursive() && !schema.is_recursive());
        let inner = Struct::from_values(next.clone(), vec![Value::from(1), Value::Null]).unwrap();
        let outer = Struct::from_values(schema, vec![Value::from(1), inner.into()]).unwrap();
        outer.validate().unwrap();
        let wrong = Struct::from_values(next, vec![Value::from("x"), Value::Null]).unwrap_err();
        assert!(wrong.message().starts_with("Invalid Java object for schema with type INT32"), "{wrong}");
    }

    #[test]
    fn only_a_struct_can_contain_itself_and_only_once() {
        let message = |error: Error| error.message().to_owned();
        let node = EnclosingStruct::new();
        let none = "only a struct with fields can contain itself";
        assert_eq!(message(node.complete(Schema::builder(Type::Int8)).unwrap_err()), none);
        assert_eq!(message(node.complete(node.named("a")).unwrap_err()), none);
        node.complete(Schema::structure()).unwrap();
        let twice = node.complete(Schema::structure()).unwrap_err();
        assert_eq!(message(twice), "the enclosing struct is complete already");
        let field = node.named("a").field("b", Schema::INT8).build().unwrap_err();
        assert_eq!(message(field), "Cannot create fields on a struct that stands for the one around it");
    }
}
