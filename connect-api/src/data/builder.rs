//! [`SchemaBuilder`].

use super::enclosing::Whole;
use super::schema::Full;
use super::{Field, Schema, Str, Type, Value};
use crate::{Error, ErrorKind, Result};

/// Puts a schema together. What is wrong is reported by [`build`](Self::build), as the first mistake made.
///
/// As in Kafka, each of optional, default, name, version and documentation can be set once.
///
/// ```
/// use connect_api::Schema;
/// use connect_api::data::{SchemaBuilder, Type};
/// let age = Schema::builder(Type::Int32).optional().default_value(18).doc("In years").build()?;
/// let tags = SchemaBuilder::array(Schema::STRING).optional().build()?;
/// let person = Schema::structure().name("Person").version(1).field("age", age).field("tags", tags).build()?;
/// assert_eq!(person.field("tags")?.map(|field| field.index()), Some(1));
///
/// let twice = Schema::structure().field("a", Schema::INT8).field("a", Schema::INT8).build();
/// assert_eq!(
///     twice.unwrap_err().message(),
///     "Cannot create field because of field name duplication a",
/// );
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SchemaBuilder {
    parts: Full,
    optional: Option<bool>,
    /// The first mistake, and what caused it.
    error: Option<(String, Option<String>)>,
}

impl SchemaBuilder {
    /// Starts a schema of a type.
    pub fn new(ty: Type) -> Self {
        Self { parts: Full::of(ty), optional: None, error: None }
    }

    /// Starts a list. `None` says nothing about the elements.
    pub fn array(element: impl Into<Option<Schema>>) -> Self {
        let mut builder = Self::new(Type::Array);
        builder.parts.value = element.into();
        builder
    }

    /// Starts a map. `None` says nothing about keys or values.
    pub fn map(key: impl Into<Option<Schema>>, value: impl Into<Option<Schema>>) -> Self {
        let mut builder = Self::new(Type::Map);
        builder.parts.key = key.into();
        builder.parts.value = value.into();
        builder
    }

    /// Starts a struct that stands for the one around it.
    pub(super) fn inside(whole: Whole) -> Self {
        let mut builder = Self::new(Type::Struct);
        builder.parts.whole = Some(whole);
        builder
    }

    /// Starts from a whole schema, with everything already set but open to change.
    pub(super) fn of_parts(parts: Full) -> Self {
        Self { parts, optional: None, error: None }
    }

    /// Starts a copy of a struct's frame: name, version, documentation, parameters, and optional with its default, but
    /// no fields. Transformations that rebuild a struct begin with it.
    ///
    /// ```
    /// use connect_api::Schema;
    /// use connect_api::data::SchemaBuilder;
    /// let old = Schema::structure().name("Order").version(2).field("id", Schema::INT64).build()?;
    /// let new = SchemaBuilder::copy_basics(&old).field("number", Schema::INT64).build()?;
    /// assert_eq!((new.name(), new.version()), (Some("Order"), Some(2)));
    /// # Ok::<(), connect_api::Error>(())
    /// ```
    pub fn copy_basics(source: &Schema) -> Self {
        let mut builder = Self::new(source.ty());
        builder.parts.name = source.name_str().cloned();
        builder.parts.version = source.version();
        builder.parts.doc = source.doc().map(Str::from);
        builder.parts.parameters =
            source.parameters().map(|(key, value)| (key.into(), value.into())).collect();
        builder
    }

    fn fail(&mut self, message: impl Into<String>) {
        self.error.get_or_insert_with(|| (message.into(), None));
    }

    fn check_unset(&mut self, set: bool, what: &str) {
        if set {
            self.fail(format!("Invalid SchemaBuilder call: {what} has already been set."));
        }
    }

    fn set_optional(mut self, optional: bool) -> Self {
        self.check_unset(self.optional.is_some_and(|before| before != optional), "optional");
        self.optional = Some(optional);
        self.parts.optional = optional;
        self
    }

    /// Null is allowed.
    pub fn optional(self) -> Self {
        self.set_optional(true)
    }

    /// Null is not allowed; this is so unless said otherwise.
    pub fn required(self) -> Self {
        self.set_optional(false)
    }

    /// The value to read where there is none. It must fit what has been said so far: call this last, and
    /// [`optional`](Self::optional) before a null.
    pub fn default_value(mut self, value: impl Into<Value>) -> Self {
        self.check_unset(!self.parts.default.is_null(), "default");
        let value = value.into();
        let so_far = Schema::full(self.parts.clone());
        match so_far.validate_value(&value) {
            Ok(()) => self.parts.default = value,
            Err(cause) => {
                let cause = Some(cause.message().to_owned());
                self.error.get_or_insert_with(|| ("Invalid default value".to_owned(), cause));
            }
        }
        self
    }

    /// The same without looking at the value, as Kafka's own schema class has it when no builder is used.
    #[doc(hidden)]
    pub fn unchecked_default(mut self, value: impl Into<Value>) -> Self {
        self.parts.default = value.into();
        self
    }

    /// The name.
    pub fn name(mut self, name: impl Into<Str>) -> Self {
        self.check_unset(self.parts.name.is_some(), "name");
        self.parts.name = Some(name.into());
        self
    }

    /// The version.
    pub fn version(mut self, version: i32) -> Self {
        self.check_unset(self.parts.version.is_some(), "version");
        self.parts.version = Some(version);
        self
    }

    /// The documentation.
    pub fn doc(mut self, doc: impl Into<Str>) -> Self {
        self.check_unset(self.parts.doc.is_some(), "doc");
        self.parts.doc = Some(doc.into());
        self
    }

    /// One more parameter; of equal keys the last wins.
    pub fn parameter(mut self, key: impl Into<Str>, value: impl Into<Str>) -> Self {
        let (key, value) = (key.into(), value.into());
        match self.parts.parameters.iter_mut().find(|(other, _)| *other == key) {
            Some((_, slot)) => *slot = value,
            None => self.parts.parameters.push((key, value)),
        }
        self
    }

    /// More parameters.
    pub fn parameters<K: Into<Str>, V: Into<Str>>(
        self,
        parameters: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        parameters.into_iter().fold(self, |builder, (key, value)| builder.parameter(key, value))
    }

    /// One more field of a struct.
    pub fn field(mut self, name: impl Into<Str>, schema: Schema) -> Self {
        let name = name.into();
        if self.parts.ty != Type::Struct {
            self.fail(format!("Cannot create fields on type {}", self.parts.ty));
        } else if self.parts.whole.is_some() {
            self.fail("Cannot create fields on a struct that stands for the one around it");
        } else if name.is_empty() {
            self.fail("fieldName cannot be null.");
        } else if self.has_field(&name) {
            self.fail(format!("Cannot create field because of field name duplication {name}"));
        } else {
            let index = self.parts.fields.len();
            if index >= super::schema::INDEXED {
                if self.parts.index.is_empty() {
                    self.parts.index =
                        self.parts.fields.iter().map(|f| (f.name().clone(), f.index())).collect();
                }
                self.parts.index.insert(name.clone(), index);
            }
            self.parts.fields.push(Field::new(name, index, schema));
        }
        self
    }

    /// Whether a field of this name was added.
    pub fn has_field(&self, name: &str) -> bool {
        self.parts.field(name).is_some()
    }

    /// The schema.
    ///
    /// # Errors
    ///
    /// A schema-builder error for the first call that was against the rules.
    pub fn build(self) -> Result<Schema> {
        match self.error {
            Some((message, None)) => Err(Error::new(ErrorKind::SchemaBuilder, message)),
            Some((message, Some(cause))) => {
                Err(Error::new(ErrorKind::SchemaBuilder, message).with_source(Error::data(cause)))
            }
            None => Ok(Schema::full(self.parts)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(builder: SchemaBuilder) -> String {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaBuilder);
        error.message().to_owned()
    }

    #[test]
    fn nothing_can_be_set_twice() {
        let builder = || Schema::builder(Type::Int32);
        let set = |what| format!("Invalid SchemaBuilder call: {what} has already been set.");
        assert_eq!(message(builder().name("a").name("b")), set("name"));
        assert_eq!(message(builder().version(1).version(2)), set("version"));
        assert_eq!(message(builder().doc("a").doc("b")), set("doc"));
        assert_eq!(message(builder().default_value(1).default_value(2)), set("default"));
        assert_eq!(message(builder().optional().required()), set("optional"));
        assert!(builder().optional().optional().build().is_ok());
    }

    #[test]
    fn a_default_must_fit_what_was_said_before_it() {
        let builder = || Schema::builder(Type::Int32);
        assert_eq!(message(builder().default_value("x")), "Invalid default value");
        assert_eq!(message(builder().default_value(Value::Null)), "Invalid default value");
        assert!(builder().optional().default_value(Value::Null).build().is_ok());
    }

    #[test]
    fn fields_belong_to_structs_and_have_distinct_names() {
        let number = Schema::builder(Type::Int32).field("a", Schema::INT8);
        assert_eq!(message(number), "Cannot create fields on type INT32");
        let unnamed = Schema::structure().field("", Schema::INT8);
        assert_eq!(message(unnamed), "fieldName cannot be null.");
        let mut many = Schema::structure();
        for n in 0..40 {
            many = many.field(format!("f{n}"), Schema::INT8);
        }
        assert!(many.has_field("f39"));
        let schema = many.clone().build().unwrap();
        assert_eq!(schema.field("f39").unwrap().unwrap().index(), 39);
        let twice = many.field("f20", Schema::INT8);
        assert_eq!(message(twice), "Cannot create field because of field name duplication f20");
    }

    #[test]
    fn a_primitive_with_nothing_else_is_the_constant() {
        assert!(Schema::builder(Type::String).optional().build().unwrap().is_same(&Schema::OPTIONAL_STRING));
    }

    #[test]
    fn parameters_are_additive_and_their_order_does_not_count() {
        let a = Schema::builder(Type::Int8)
            .parameter("x", "1")
            .parameters([("y", "2"), ("x", "3")])
            .build()
            .unwrap();
        let b = Schema::builder(Type::Int8).parameters([("y", "2")]).parameter("x", "3").build().unwrap();
        assert_eq!(a, b);
        assert_eq!(a.parameters().collect::<Vec<_>>(), [("x", "3"), ("y", "2")]);
        assert_eq!(Schema::builder(Type::Int8).parameters([("", ""); 0]).build().unwrap(), Schema::INT8);
    }
}
