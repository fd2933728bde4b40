//! [`AvroSchema`]: Avro's schemas with every property that stands in them.
//!
//! The library for Avro drops what it does not know from primitive types, and `connect.type`, `connect.name` and the
//! like are just that. So the converter keeps schemas in a form of its own.

use crate::json::Json;

/// The place of a schema inside an [`AvroSchema`].
pub(crate) type Id = usize;

/// A schema with everything inside it. Named types may occur in several places, also inside themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct AvroSchema {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: Id,
    /// The named types that come from references; the schema's own text has their names only.
    pub(crate) referenced: Vec<Id>,
}

/// A schema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// What has no meaning for Avro, in order.
    pub(crate) props: Vec<(String, Json)>,
}

/// What a schema is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(Id),
    Map(Id),
    Union(Vec<Id>),
    Record(Record),
    Enum(Enum),
    Fixed(Fixed),
}

/// A name with its namespace, which is empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) name: Name,
    pub(crate) doc: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) fields: Vec<Field>,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) schema: Id,
    pub(crate) doc: Option<String>,
    pub(crate) default: Option<Json>,
    /// `aliases`, `order` and everything without a meaning.
    pub(crate) props: Vec<(String, Json)>,
}

/// An enumeration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Enum {
    pub(crate) name: Name,
    pub(crate) doc: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) symbols: Vec<String>,
    pub(crate) default: Option<String>,
}

/// A number of bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fixed {
    pub(crate) name: Name,
    pub(crate) doc: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) size: usize,
}

impl Name {
    /// Splits a full name at its last dot; one without a dot is in `namespace`.
    pub(crate) fn new(name: &str, namespace: &str) -> Self {
        match name.rsplit_once('.') {
            Some((namespace, name)) => Self { namespace: namespace.to_owned(), name: name.to_owned() },
            None => Self { namespace: namespace.to_owned(), name: name.to_owned() },
        }
    }

    /// The name with its namespace.
    pub(crate) fn full(&self) -> String {
        match self.namespace.is_empty() {
            true => self.name.clone(),
            false => format!("{}.{}", self.namespace, self.name),
        }
    }

    /// Whether letters, digits and underscores make up the name, as Java's Avro demands it; it leaves namespaces alone.
    pub(crate) fn check(name: &str) -> Result<(), String> {
        let Some(first) = name.chars().next() else { return Err("Empty name".to_owned()) };
        if !(first.is_alphabetic() || first == '_') {
            return Err(format!("Illegal initial character: {name}"));
        }
        match name.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
            true => Ok(()),
            false => Err(format!("Illegal character in: {name}")),
        }
    }
}

impl Node {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, props: Vec::new() }
    }

    pub(crate) fn prop(&self, name: &str) -> Option<&Json> {
        self.props.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    pub(crate) fn text_prop(&self, name: &str) -> Option<&str> {
        self.prop(name).and_then(Json::as_text)
    }

    /// The name of a record, enumeration or fixed.
    pub(crate) fn name(&self) -> Option<&Name> {
        match &self.kind {
            Kind::Record(record) => Some(&record.name),
            Kind::Enum(symbols) => Some(&symbols.name),
            Kind::Fixed(fixed) => Some(&fixed.name),
            _ => None,
        }
    }

    /// The documentation of a record, enumeration or fixed.
    pub(crate) fn doc(&self) -> Option<&str> {
        match &self.kind {
            Kind::Record(record) => record.doc.as_deref(),
            Kind::Enum(symbols) => symbols.doc.as_deref(),
            Kind::Fixed(fixed) => fixed.doc.as_deref(),
            _ => None,
        }
    }
}

impl Kind {
    /// The word for it: `int`, `record`.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
            Self::Enum(_) => "enum",
            Self::Fixed(_) => "fixed",
        }
    }

    /// The primitive type of a word.
    pub(crate) fn primitive(word: &str) -> Option<Self> {
        Some(match word {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "int" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "bytes" => Self::Bytes,
            "string" => Self::String,
            _ => return None,
        })
    }
}

impl AvroSchema {
    pub(crate) fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    pub(crate) fn root(&self) -> &Node {
        self.node(self.root)
    }

    pub(crate) fn push(&mut self, node: Node) -> Id {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// The name by which a union tells its branches apart: the full name of a named type, else the word.
    pub(crate) fn branch_name(&self, id: Id) -> String {
        let node = self.node(id);
        node.name().map_or_else(|| node.kind.word().to_owned(), Name::full)
    }

    /// Whether two places hold equal schemas, properties included.
    pub(crate) fn same(&self, a: Id, other: &Self, b: Id) -> bool {
        self.same_below(a, other, b, &mut Vec::new())
    }

    fn same_below(&self, a: Id, other: &Self, b: Id, open: &mut Vec<(Id, Id)>) -> bool {
        if (std::ptr::eq(self, other) && a == b) || open.contains(&(a, b)) {
            return true;
        }
        let (x, y) = (self.node(a), other.node(b));
        if x.props.len() != y.props.len() || !x.props.iter().all(|(name, value)| y.prop(name) == Some(value))
        {
            return false;
        }
        open.push((a, b));
        let same = match (&x.kind, &y.kind) {
            (Kind::Array(x), Kind::Array(y)) | (Kind::Map(x), Kind::Map(y)) => {
                self.same_below(*x, other, *y, open)
            }
            (Kind::Union(x), Kind::Union(y)) => {
                x.len() == y.len() && x.iter().zip(y).all(|(x, y)| self.same_below(*x, other, *y, open))
            }
            (Kind::Record(x), Kind::Record(y)) => {
                x.name == y.name
                    && x.fields.len() == y.fields.len()
                    && x.fields.iter().zip(&y.fields).all(|(x, y)| {
                        x.name == y.name
                            && x.default == y.default
                            && x.props == y.props
                            && self.same_below(x.schema, other, y.schema, open)
                    })
            }
            (Kind::Enum(x), Kind::Enum(y)) => x.name == y.name && x.symbols == y.symbols,
            (Kind::Fixed(x), Kind::Fixed(y)) => x.name == y.name && x.size == y.size,
            (x, y) => x == y,
        };
        open.pop();
        same
    }
}
