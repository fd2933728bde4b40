//! [`Schema`]: what describes a value.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::enclosing::Whole;
use super::logical::Logical;
use super::{Field, SchemaBuilder, Str, Type, Value, logical};
use crate::{Error, Result};

/// From this many fields on, a look-up by name goes through an index.
pub(super) const INDEXED: usize = 16;

/// What describes a value: a type, whether null is allowed, and perhaps a name, a version, documentation, parameters,
/// a default, element schemas or fields.
///
/// A schema is a handle of 16 bytes. Plain primitive schemas are constants and need no allocation; others are shared.
/// Make a schema once, per task or per table, and clone it for each record.
///
/// ```
/// use connect_api::Schema;
/// use connect_api::data::Type;
/// let schema = Schema::structure()
///     .name("com.example.Order")
///     .field("id", Schema::INT64)
///     .field("note", Schema::OPTIONAL_STRING)
///     .build()?;
/// assert_eq!(schema.ty(), Type::Struct);
/// assert_eq!(schema.to_string(), "Schema{com.example.Order:STRUCT}");
/// assert_eq!(schema.fields()?.len(), 2);
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone)]
pub struct Schema(Repr);

#[derive(Clone)]
enum Repr {
    /// A primitive type and nothing else. Never `Full` for these, so that the two representations never overlap.
    Plain { ty: Type, optional: bool },
    /// Everything else.
    Full(Arc<Full>),
}

/// The parts of a schema that is not plain.
#[derive(Clone, Debug)]
pub(super) struct Full {
    pub(super) ty: Type,
    pub(super) optional: bool,
    pub(super) logical: Option<Logical>,
    pub(super) name: Option<Str>,
    pub(super) version: Option<i32>,
    pub(super) doc: Option<Str>,
    /// Distinct keys in the order of insertion.
    pub(super) parameters: Vec<(Str, Str)>,
    /// `Null`: none.
    pub(super) default: Value,
    pub(super) key: Option<Schema>,
    pub(super) value: Option<Schema>,
    pub(super) fields: Vec<Field>,
    /// Empty below [`INDEXED`] fields.
    pub(super) index: HashMap<Str, usize>,
    /// The struct around, whose fields these are; there are none of its own then.
    pub(super) whole: Option<Whole>,
}

macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident = $ty:ident, $optional:literal;)*) => {
        $($(#[$doc])* pub const $name: Self = Self(Repr::Plain { ty: Type::$ty, optional: $optional });)*
    };
}

impl Schema {
    plain! {
        /// 8-bit integer.
        INT8 = Int8, false;
        /// 16-bit integer.
        INT16 = Int16, false;
        /// 32-bit integer.
        INT32 = Int32, false;
        /// 64-bit integer.
        INT64 = Int64, false;
        /// Single precision.
        FLOAT32 = Float32, false;
        /// Double precision.
        FLOAT64 = Float64, false;
        /// Truth value.
        BOOLEAN = Boolean, false;
        /// Text.
        STRING = String, false;
        /// Bytes.
        BYTES = Bytes, false;
        /// 8-bit integer or null.
        OPTIONAL_INT8 = Int8, true;
        /// 16-bit integer or null.
        OPTIONAL_INT16 = Int16, true;
        /// 32-bit integer or null.
        OPTIONAL_INT32 = Int32, true;
        /// 64-bit integer or null.
        OPTIONAL_INT64 = Int64, true;
        /// Single precision or null.
        OPTIONAL_FLOAT32 = Float32, true;
        /// Double precision or null.
        OPTIONAL_FLOAT64 = Float64, true;
        /// Truth value or null.
        OPTIONAL_BOOLEAN = Boolean, true;
        /// Text or null.
        OPTIONAL_STRING = String, true;
        /// Bytes or null.
        OPTIONAL_BYTES = Bytes, true;
    }

    /// Starts a schema of a type.
    pub fn builder(ty: Type) -> SchemaBuilder {
        SchemaBuilder::new(ty)
    }

    /// Starts a struct schema.
    #[doc(alias = "struct")]
    pub fn structure() -> SchemaBuilder {
        SchemaBuilder::new(Type::Struct)
    }

    /// A required list of elements of one schema. For more use [`SchemaBuilder::array`].
    pub fn array(element: impl Into<Option<Self>>) -> Self {
        Self::full(Full { value: element.into(), ..Full::of(Type::Array) })
    }

    /// A required map of one key schema and one value schema. For more use [`SchemaBuilder::map`].
    pub fn map(key: impl Into<Option<Self>>, value: impl Into<Option<Self>>) -> Self {
        Self::full(Full { key: key.into(), value: value.into(), ..Full::of(Type::Map) })
    }

    /// The logical type of a day: `org.apache.kafka.connect.data.Date`, required.
    pub fn date() -> Self {
        logical::DATE_SCHEMA.clone()
    }

    /// The logical type of a time of day: `org.apache.kafka.connect.data.Time`, required.
    pub fn time() -> Self {
        logical::TIME_SCHEMA.clone()
    }

    /// The logical type of an instant: `org.apache.kafka.connect.data.Timestamp`, required.
    pub fn timestamp() -> Self {
        logical::TIMESTAMP_SCHEMA.clone()
    }

    /// The logical type of an exact decimal with this scale: `org.apache.kafka.connect.data.Decimal`, required.
    pub fn decimal(scale: i32) -> Self {
        Self::full(logical::decimal_parts(scale))
    }

    /// The same schema, required or optional.
    ///
    /// ```
    /// use connect_api::Schema;
    /// assert_eq!(Schema::INT32.with_optional(true), Schema::OPTIONAL_INT32);
    /// ```
    #[must_use]
    pub fn with_optional(&self, optional: bool) -> Self {
        match &self.0 {
            Repr::Plain { ty, .. } => Self(Repr::Plain { ty: *ty, optional }),
            Repr::Full(full) if full.optional == optional => self.clone(),
            Repr::Full(full) => Self(Repr::Full(Arc::new(Full { optional, ..full.as_ref().clone() }))),
        }
    }

    /// The same schema under another name, in another version, or both; `None` keeps what is there. Nothing is
    /// checked, so that a default whose own schema has the old name stays.
    ///
    /// ```
    /// use connect_api::Schema;
    /// let order = Schema::structure().name("Order").version(1).field("id", Schema::INT64).build()?;
    /// let renamed = order.with_metadata(Some("Purchase"), None);
    /// assert_eq!((renamed.name(), renamed.version()), (Some("Purchase"), Some(1)));
    /// # Ok::<(), connect_api::Error>(())
    /// ```
    #[must_use]
    pub fn with_metadata(&self, name: Option<&str>, version: Option<i32>) -> Self {
        let mut full = match &self.0 {
            Repr::Plain { ty, optional } => Full { optional: *optional, ..Full::of(*ty) },
            Repr::Full(full) => full.as_ref().clone(),
        };
        full.name = name.map(Str::from).or(full.name);
        full.version = version.or(full.version);
        Self::full(full)
    }

    pub(super) fn plain(ty: Type, optional: bool) -> Self {
        Self(Repr::Plain { ty, optional })
    }

    pub(super) fn full(mut full: Full) -> Self {
        if full.is_plain() {
            return Self::plain(full.ty, full.optional);
        }
        full.logical = full.name.as_deref().and_then(Logical::of_name);
        if full.fields.len() >= INDEXED {
            full.index = full.fields.iter().map(|field| (field.name().clone(), field.index())).collect();
        }
        Self(Repr::Full(Arc::new(full)))
    }

    fn as_full(&self) -> Option<&Full> {
        match &self.0 {
            Repr::Plain { .. } => None,
            Repr::Full(full) => Some(full),
        }
    }

    /// The basic type.
    #[inline]
    #[doc(alias = "type")]
    pub fn ty(&self) -> Type {
        match &self.0 {
            Repr::Plain { ty, .. } => *ty,
            Repr::Full(full) => full.ty,
        }
    }

    /// Whether null is allowed.
    #[inline]
    pub fn is_optional(&self) -> bool {
        match &self.0 {
            Repr::Plain { optional, .. } => *optional,
            Repr::Full(full) => full.optional,
        }
    }

    /// The value to read where there is none.
    pub fn default_value(&self) -> Option<&Value> {
        self.as_full().map(|full| &full.default).filter(|default| !default.is_null())
    }

    /// The name: of a struct type, or of a logical type.
    pub fn name(&self) -> Option<&str> {
        self.name_str().map(Str::as_str)
    }

    /// The name as a shareable text.
    pub fn name_str(&self) -> Option<&Str> {
        self.as_full().and_then(|full| full.name.as_ref())
    }

    /// The version, a number that only its owner gives a meaning.
    pub fn version(&self) -> Option<i32> {
        self.as_full().and_then(|full| full.version)
    }

    /// The documentation.
    pub fn doc(&self) -> Option<&str> {
        self.as_full().and_then(|full| full.doc.as_deref())
    }

    /// The parameters in the order in which they were given. Java's `null` is an empty list here.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let parameters = self.as_full().map_or(&[][..], |full| &full.parameters);
        parameters.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// One parameter.
    pub fn parameter(&self, key: &str) -> Option<&str> {
        self.as_full().and_then(|full| full.parameter(key))
    }

    /// The schema of a map's keys; `None` where the map says nothing about them, as maps parsed from text may.
    ///
    /// # Errors
    ///
    /// A data error when this is not a map.
    pub fn key_schema(&self) -> Result<Option<&Self>> {
        match self.as_full() {
            Some(full) if full.ty == Type::Map => Ok(full.key.as_ref()),
            _ => Err(Error::data("Cannot look up key schema on non-map type")),
        }
    }

    /// The schema of a map's values or of an array's elements; `None` where it says nothing about them.
    ///
    /// # Errors
    ///
    /// A data error when this is neither.
    pub fn value_schema(&self) -> Result<Option<&Self>> {
        match self.as_full() {
            Some(full) if matches!(full.ty, Type::Map | Type::Array) => Ok(full.value.as_ref()),
            _ => Err(Error::data("Cannot look up value schema on non-array and non-map type")),
        }
    }

    /// The fields of a struct, by index.
    ///
    /// # Errors
    ///
    /// A data error when this is not a struct.
    pub fn fields(&self) -> Result<&[Field]> {
        match self.as_full() {
            Some(full) if full.ty == Type::Struct => Ok(full.field_list()),
            _ => Err(Error::data("Cannot list fields on non-struct type")),
        }
    }

    /// A field of a struct; `None` when it has no such field.
    ///
    /// # Errors
    ///
    /// A data error when this is not a struct.
    pub fn field(&self, name: &str) -> Result<Option<&Field>> {
        match self.as_full() {
            Some(full) if full.ty == Type::Struct => Ok(full.field(name)),
            _ => Err(Error::data("Cannot look up fields on non-struct type")),
        }
    }

    /// Whether this stands for a struct that it is inside of, see [`EnclosingStruct`](super::EnclosingStruct). Whoever
    /// walks through the fields of schemas must not go on here.
    pub fn is_recursive(&self) -> bool {
        self.as_full().is_some_and(|full| full.whole.is_some())
    }

    /// Equality, which comes to an end where structs contain themselves: one that stands for the struct around is
    /// compared by what is its own where the comparison comes from outside, since the struct around is compared then.
    fn same(&self, other: &Self, inside: bool) -> bool {
        match (&self.0, &other.0) {
            (Repr::Full(a), Repr::Full(b)) => Arc::ptr_eq(a, b) || a.same(b, inside),
            _ => self.is_same(other),
        }
    }

    /// The hash, in which a struct inside another type counts without its fields: that it stands for the one around
    /// must not show.
    fn hash_parts<H: Hasher>(&self, state: &mut H, inside: bool) {
        self.ty().hash(state);
        self.is_optional().hash(state);
        self.name().hash(state);
        self.version().hash(state);
        let Some(full) = self.as_full() else { return };
        for part in [&full.key, &full.value].into_iter().flatten() {
            part.hash_parts(state, true);
        }
        if !inside {
            for field in full.field_list() {
                field.name().hash(state);
                field.schema().hash_parts(state, true);
            }
        }
    }

    /// The fields, or none when this is no struct.
    pub(super) fn field_list(&self) -> &[Field] {
        self.as_full().map_or(&[], Full::field_list)
    }

    pub(super) fn find_field(&self, name: &str) -> Option<&Field> {
        self.as_full().and_then(|full| full.field(name))
    }

    pub(super) fn logical(&self) -> Option<Logical> {
        self.as_full().and_then(|full| full.logical)
    }

    /// Whether both are the same handle, hence equal. Cheaper than `==`; `false` says nothing. Caches use it.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Plain { ty, optional }, Repr::Plain { ty: other_ty, optional: other_optional }) => {
                ty == other_ty && optional == other_optional
            }
            (Repr::Full(a), Repr::Full(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Full {
    pub(super) fn of(ty: Type) -> Self {
        Self {
            ty,
            optional: false,
            logical: None,
            name: None,
            version: None,
            doc: None,
            parameters: Vec::new(),
            default: Value::Null,
            key: None,
            value: None,
            fields: Vec::new(),
            index: HashMap::new(),
            whole: None,
        }
    }

    fn field_list(&self) -> &[Field] {
        match &self.whole {
            None => &self.fields,
            Some(whole) => whole.get().map_or(&[], Schema::field_list),
        }
    }

    fn same(&self, other: &Self, inside: bool) -> bool {
        let parts = |a: &Option<Schema>, b: &Option<Schema>| match (a, b) {
            (Some(a), Some(b)) => a.same(b, true),
            (None, None) => true,
            _ => false,
        };
        let fields = |a: &[Field], b: &[Field]| {
            std::ptr::eq(a, b)
                || a.len() == b.len()
                    && a.iter().zip(b).all(|(a, b)| a.name() == b.name() && a.schema().same(b.schema(), true))
        };
        self.ty == other.ty
            && self.optional == other.optional
            && self.version == other.version
            && self.name == other.name
            && self.doc == other.doc
            && self.default == other.default
            && parts(&self.key, &other.key)
            && parts(&self.value, &other.value)
            && self.parameters.len() == other.parameters.len()
            && self.parameters.iter().all(|(key, value)| other.parameter(key) == Some(value))
            && (inside && self.whole.is_some() && other.whole.is_some()
                || fields(self.field_list(), other.field_list()))
    }

    fn is_plain(&self) -> bool {
        self.ty.is_primitive()
            && self.name.is_none()
            && self.version.is_none()
            && self.doc.is_none()
            && self.parameters.is_empty()
            && self.default.is_null()
    }

    fn parameter(&self, key: &str) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        if let Some(whole) = &self.whole {
            whole.get()?.find_field(name)
        } else if self.index.is_empty() {
            self.fields.iter().find(|field| field.name() == name)
        } else {
            self.fields.get(*self.index.get(name)?)
        }
    }
}

impl PartialEq for Schema {
    /// Equality of content: everything counts, also documentation and default, but not the order of parameters.
    fn eq(&self, other: &Self) -> bool {
        self.same(other, false)
    }
}

impl Eq for Schema {}

impl Hash for Schema {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash_parts(state, false);
    }
}

impl fmt::Display for Schema {
    /// As Java prints it: `Schema{STRING}`, `Schema{com.example.Order:STRUCT}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "Schema{{{name}:{}}}", self.ty()),
            None => write!(f, "Schema{{{}}}", self.ty()),
        }
    }
}

impl fmt::Debug for Schema {
    /// The whole content, leaving out what is not set: `optional string`, `struct Order { id: int64 }`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_optional() {
            f.write_str("optional ")?;
        }
        f.write_str(self.ty().name())?;
        let Some(full) = self.as_full() else {
            return Ok(());
        };
        if let Some(name) = &full.name {
            write!(f, " {name}")?;
        }
        if let Some(version) = full.version {
            write!(f, " v{version}")?;
        }
        match full.ty {
            Type::Array => write!(f, "<{:?}>", DebugOption(full.value.as_ref()))?,
            Type::Map => {
                let (key, value) = (DebugOption(full.key.as_ref()), DebugOption(full.value.as_ref()));
                write!(f, "<{key:?}, {value:?}>")?;
            }
            Type::Struct if full.whole.is_some() => f.write_str(" …")?,
            Type::Struct => {
                f.write_str(" ")?;
                f.debug_map()
                    .entries(full.fields.iter().map(|field| (field.name(), field.schema())))
                    .finish()?;
            }
            _ => {}
        }
        if !full.parameters.is_empty() {
            f.write_str(" parameters ")?;
            f.debug_map().entries(self.parameters()).finish()?;
        }
        if !full.default.is_null() {
            write!(f, " default {:?}", full.default)?;
        }
        if let Some(doc) = &full.doc {
            write!(f, " doc {doc:?}")?;
        }
        Ok(())
    }
}

struct DebugOption<'a>(Option<&'a Schema>);

impl fmt::Debug for DebugOption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(schema) => fmt::Debug::fmt(schema, f),
            None => f.write_str("?"),
        }
    }
}
