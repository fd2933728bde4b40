//! [`ProtoSchema`]: the messages of a schema and of what it imports, with their types resolved.
//!
//! Only what is needed to read data is checked: the registry has schemas that a strict compiler refuses, and Java's
//! converter reads their data.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use connect_api::{Error, Result};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::{known, meta};

/// The messages of a schema.
#[derive(Debug)]
pub(super) struct ProtoSchema {
    pub(super) messages: Vec<Message>,
    pub(super) enums: Vec<Enum>,
    /// The messages of the schema's own file, in order of declaration.
    roots: Vec<usize>,
    /// By full name.
    symbols: HashMap<String, Symbol>,
}

#[derive(Clone, Copy, Debug)]
enum Symbol {
    Package,
    Message(usize),
    Enum(usize),
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) full_name: String,
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
    /// Those that were declared, not those that stand for `optional`.
    pub(super) oneofs: Vec<String>,
    /// Those that were declared, not those with the entries of maps.
    nested: Vec<usize>,
    pub(super) is_map_entry: bool,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) number: u32,
    pub(super) kind: Kind,
    pub(super) label: Label,
    pub(super) syntax: Syntax,
    /// Whether it was declared `optional` in proto3.
    pub(super) proto3_optional: bool,
    pub(super) oneof: Option<usize>,
    pub(super) default: Option<String>,
    /// Those of `confluent.field_meta`.
    pub(super) params: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Proto2,
    Proto3,
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar(Scalar),
    Enum(usize),
    Message(usize),
}

/// A type that is neither a message nor an enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Double,
    Float,
    Int32,
    Int64,
    UInt32,
    UInt64,
    SInt32,
    SInt64,
    Fixed32,
    Fixed64,
    SFixed32,
    SFixed64,
    Bool,
    String,
    Bytes,
}

impl Scalar {
    pub(super) const ALL: [Self; 15] = [
        Self::Double,
        Self::Float,
        Self::Int32,
        Self::Int64,
        Self::UInt32,
        Self::UInt64,
        Self::SInt32,
        Self::SInt64,
        Self::Fixed32,
        Self::Fixed64,
        Self::SFixed32,
        Self::SFixed64,
        Self::Bool,
        Self::String,
        Self::Bytes,
    ];

    /// As schemas call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Double => "double",
            Self::Float => "float",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::UInt32 => "uint32",
            Self::UInt64 => "uint64",
            Self::SInt32 => "sint32",
            Self::SInt64 => "sint64",
            Self::Fixed32 => "fixed32",
            Self::Fixed64 => "fixed64",
            Self::SFixed32 => "sfixed32",
            Self::SFixed64 => "sfixed64",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Bytes => "bytes",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scalar| scalar.name() == name)
    }

    fn of(ty: Type) -> Option<Self> {
        Some(match ty {
            Type::Double => Self::Double,
            Type::Float => Self::Float,
            Type::Int32 => Self::Int32,
            Type::Int64 => Self::Int64,
            Type::Uint32 => Self::UInt32,
            Type::Uint64 => Self::UInt64,
            Type::Sint32 => Self::SInt32,
            Type::Sint64 => Self::SInt64,
            Type::Fixed32 => Self::Fixed32,
            Type::Fixed64 => Self::Fixed64,
            Type::Sfixed32 => Self::SFixed32,
            Type::Sfixed64 => Self::SFixed64,
            Type::Bool => Self::Bool,
            Type::String => Self::String,
            Type::Bytes => Self::Bytes,
            Type::Group | Type::Message | Type::Enum => return None,
        })
    }
}

#[derive(Debug)]
pub(super) struct Enum {
    pub(super) full_name: String,
    pub(super) name: String,
    pub(super) values: Vec<(String, i32)>,
    /// Whether numbers without a name count as fields that nobody knows.
    pub(super) closed: bool,
}

impl ProtoSchema {
    /// Reads a schema with the texts that it refers to, by name.
    ///
    /// # Errors
    ///
    /// A data error that says what is wrong with which file.
    pub(super) fn parse(text: &str, references: &[(String, Arc<str>)]) -> Result<Self> {
        let mut files = vec![parse("schema.proto", text)?];
        let mut seen = HashSet::new();
        let mut next = 0;
        while next < files.len() {
            for import in files[next].dependency.clone() {
                if !seen.insert(import.clone()) {
                    continue;
                }
                let text = references.iter().find(|(name, _)| *name == import).map(|(_, text)| &**text);
                // Who needs a file that is nowhere finds out when a type is not there.
                if let Some(text) = text.or_else(|| known::text(&import)) {
                    files.push(parse(&import, text)?);
                }
            }
            next += 1;
        }
        Collector::default().collect(&files)
    }

    /// The message at a path of indexes.
    pub(super) fn at(&self, path: &[usize]) -> Result<usize> {
        let mut among = &self.roots;
        let mut found = None;
        for index in path {
            let message = *among.get(*index).ok_or_else(|| no_message(path))?;
            found = Some(message);
            among = &self.messages[message].nested;
        }
        found.ok_or_else(|| no_message(path))
    }

    /// The path of indexes to a message of the schema's own file.
    pub(super) fn path_to(&self, full_name: &str) -> Option<Vec<usize>> {
        let Some(Symbol::Message(wanted)) = self.symbols.get(full_name) else { return None };
        let mut path = Vec::new();
        let mut among = &self.roots;
        loop {
            let holds = |message: &usize| {
                let rest = full_name.strip_prefix(self.messages[*message].full_name.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let index = among.iter().position(holds)?;
            path.push(index);
            if among[index] == *wanted {
                return Some(path);
            }
            among = &self.messages[among[index]].nested;
        }
    }

    /// The messages of the schema's own file, nested ones included.
    pub(super) fn own(&self) -> impl Iterator<Item = &Message> {
        let mut todo: Vec<usize> = self.roots.iter().rev().copied().collect();
        std::iter::from_fn(move || {
            let message = &self.messages[todo.pop()?];
            todo.extend(message.nested.iter().rev());
            Some(message)
        })
    }

    pub(super) fn message(&self, full_name: &str) -> Option<&Message> {
        match self.symbols.get(full_name) {
            Some(Symbol::Message(index)) => Some(&self.messages[*index]),
            _ => None,
        }
    }
}

fn no_message(path: &[usize]) -> Error {
    Error::data(format!("Invalid message indexes: there is no message {path:?} in the schema"))
}

fn parse(name: &str, text: &str) -> Result<FileDescriptorProto> {
    protox_parse::parse(name, text)
        .map_err(|error| Error::data(format!("Could not parse Protobuf: {error}")))
        .map(|mut file| {
            file.source_code_info = None;
            file
        })
}

/// Takes messages and enums in, then resolves the types of fields.
#[derive(Default)]
struct Collector {
    messages: Vec<Message>,
    enums: Vec<Enum>,
    symbols: HashMap<String, Symbol>,
}

impl Collector {
    fn collect(mut self, files: &[FileDescriptorProto]) -> Result<ProtoSchema> {
        let mut roots = Vec::new();
        let mut pending = Vec::new();
        for (place, file) in files.iter().enumerate() {
            let syntax = if file.syntax() == "proto3" { Syntax::Proto3 } else { Syntax::Proto2 };
            let package = file.package();
            for (end, _) in package.match_indices('.').chain([(package.len(), "")]) {
                self.symbols.entry(package[..end].to_owned()).or_insert(Symbol::Package);
            }
            for message in &file.message_type {
                let index = self.message(package, message, syntax, &mut pending)?;
                if place == 0 {
                    roots.push(index);
                }
            }
            for one in &file.enum_type {
                self.enumeration(package, one, syntax)?;
            }
        }
        for (index, message, syntax) in pending {
            let fields = self.fields(index, message, syntax)?;
            self.messages[index].fields = fields;
        }
        Ok(ProtoSchema { messages: self.messages, enums: self.enums, roots, symbols: self.symbols })
    }

    fn define(&mut self, full_name: &str, symbol: Symbol) -> Result<()> {
        match self.symbols.insert(full_name.to_owned(), symbol) {
            None | Some(Symbol::Package) => Ok(()),
            Some(_) => Err(Error::data(format!("\"{full_name}\" is already defined"))),
        }
    }

    fn message<'a>(
        &mut self,
        scope: &str,
        message: &'a DescriptorProto,
        syntax: Syntax,
        pending: &mut Vec<(usize, &'a DescriptorProto, Syntax)>,
    ) -> Result<usize> {
        let full_name = join(scope, message.name());
        let index = self.messages.len();
        self.define(&full_name, Symbol::Message(index))?;
        let is_map_entry = message.options.as_ref().is_some_and(|options| options.map_entry());
        self.messages.push(Message {
            full_name: full_name.clone(),
            name: message.name().to_owned(),
            fields: Vec::new(),
            oneofs: Vec::new(),
            nested: Vec::new(),
            is_map_entry,
        });
        pending.push((index, message, syntax));
        for nested in &message.nested_type {
            let place = self.message(&full_name, nested, syntax, pending)?;
            if !self.messages[place].is_map_entry {
                self.messages[index].nested.push(place);
            }
        }
        for one in &message.enum_type {
            self.enumeration(&full_name, one, syntax)?;
        }
        Ok(index)
    }

    fn enumeration(&mut self, scope: &str, one: &EnumDescriptorProto, syntax: Syntax) -> Result<()> {
        let full_name = join(scope, one.name());
        self.define(&full_name, Symbol::Enum(self.enums.len()))?;
        self.enums.push(Enum {
            full_name,
            name: one.name().to_owned(),
            values: one.value.iter().map(|value| (value.name().to_owned(), value.number())).collect(),
            closed: syntax == Syntax::Proto2,
        });
        Ok(())
    }

    fn fields(&mut self, index: usize, message: &DescriptorProto, syntax: Syntax) -> Result<Vec<Field>> {
        let scope = self.messages[index].full_name.clone();
        // Oneofs that stand for `optional` are not counted.
        let mut places = HashMap::new();
        for field in &message.field {
            if let (Some(oneof), false) = (field.oneof_index, field.proto3_optional()) {
                places.entry(oneof).or_insert(0);
            }
        }
        let mut oneofs = Vec::new();
        for (at, oneof) in message.oneof_decl.iter().enumerate() {
            if let Some(place) = i32::try_from(at).ok().and_then(|at| places.get_mut(&at)) {
                *place = oneofs.len();
                oneofs.push(oneof.name().to_owned());
            }
        }
        let mut names = HashSet::new();
        let mut numbers = HashMap::new();
        let mut fields = Vec::with_capacity(message.field.len());
        for field in &message.field {
            let name = field.name();
            let wrong = |what: String| Error::data(format!("{scope}.{name}: {what}"));
            let number = match u32::try_from(field.number()) {
                Ok(number) if number > 0 => number,
                _ => return Err(wrong("Field numbers must be positive integers.".to_owned())),
            };
            if !names.insert(name) {
                return Err(wrong(format!("\"{name}\" is already defined in \"{scope}\".")));
            }
            if let Some(other) = numbers.insert(number, name) {
                let message = format!("has already been used in \"{scope}\" by field \"{other}\".");
                return Err(wrong(format!("Field number {number} {message}")));
            }
            let options = field.options.as_ref();
            fields.push(Field {
                name: name.to_owned(),
                number,
                kind: self.kind(&scope, field)?,
                label: field.label(),
                syntax,
                proto3_optional: field.proto3_optional(),
                oneof: match field.oneof_index {
                    Some(oneof) if !field.proto3_optional() => places.get(&oneof).copied(),
                    _ => None,
                },
                default: field.default_value.clone(),
                params: options
                    .map(|options| meta::params(&options.uninterpreted_option))
                    .unwrap_or_default(),
            });
        }
        self.messages[index].oneofs = oneofs;
        Ok(fields)
    }

    fn kind(&self, scope: &str, field: &FieldDescriptorProto) -> Result<Kind> {
        if let (Some(_), Some(scalar)) = (field.r#type, Scalar::of(field.r#type())) {
            return Ok(Kind::Scalar(scalar));
        }
        if field.r#type == Some(Type::Group as i32) {
            return Err(Error::data(format!("{scope}.{}: groups are not supported", field.name())));
        }
        let name = field.type_name();
        match self.resolve(scope, name) {
            Some(Symbol::Message(index)) => Ok(Kind::Message(index)),
            Some(Symbol::Enum(index)) => Ok(Kind::Enum(index)),
            Some(Symbol::Package) | None => {
                Err(Error::data(format!("{scope}.{}: \"{name}\" is not defined", field.name())))
            }
        }
    }

    /// Looks a name up from the innermost scope outwards: the scope that has its first part has it.
    fn resolve(&self, scope: &str, name: &str) -> Option<Symbol> {
        if let Some(absolute) = name.strip_prefix('.') {
            return self.symbols.get(absolute).copied();
        }
        let first = name.split('.').next()?;
        let mut scope = scope;
        loop {
            if self.symbols.contains_key(&join(scope, first))
                && let Some(symbol) = self.symbols.get(&join(scope, name))
            {
                return Some(*symbol);
            }
            if scope.is_empty() {
                return None;
            }
            scope = scope.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
    }
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<ProtoSchema> {
        ProtoSchema::parse(&format!("syntax = \"proto3\"; {text}"), &[])
    }

    #[test]
    fn names_are_looked_up_from_inside_out() {
        let schema =
            of("package a.b; message M { b.X x = 1; .a.b.X y = 2; X z = 3; message X {} } message X {}")
                .unwrap();
        let kinds: Vec<_> = schema.message("a.b.M").unwrap().fields.iter().map(|field| field.kind).collect();
        let of = |name: &str| {
            let index = schema.messages.iter().position(|message| message.full_name == name);
            Kind::Message(index.unwrap())
        };
        assert_eq!(kinds, [of("a.b.X"), of("a.b.X"), of("a.b.M.X")]);
    }

    #[test]
    fn paths_lead_to_messages_and_back_and_leave_out_the_entries_of_maps() {
        let schema =
            of("package p; message A { map<string, int32> m = 1; message B { message C {} } } message AA {}")
                .unwrap();
        for (name, path) in
            [("p.A", vec![0]), ("p.A.B", vec![0, 0]), ("p.A.B.C", vec![0, 0, 0]), ("p.AA", vec![1])]
        {
            assert_eq!(schema.path_to(name), Some(path.clone()), "{name}");
            assert_eq!(schema.messages[schema.at(&path).unwrap()].full_name, name);
        }
        assert!(schema.at(&[2]).is_err());
        assert!(schema.at(&[0, 1]).is_err());
        assert!(schema.at(&[]).is_err());
        assert_eq!(schema.path_to("p.X"), None);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        for (text, message) in [
            ("message M { Missing x = 1; }", "M.x: \"Missing\" is not defined"),
            (
                "message M { int32 x = 1; int32 y = 1; }",
                "Field number 1 has already been used in \"M\" by field \"x\"",
            ),
            ("message M { int32 x = 1; int32 x = 2; }", "\"x\" is already defined in \"M\""),
            ("message M {} enum M { A = 0; }", "\"M\" is already defined"),
            ("message {", "Could not parse Protobuf"),
        ] {
            let error = of(text).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn oneofs_that_stand_for_optional_are_not_counted() {
        let schema = of("message M { optional int32 a = 1; oneof o { int32 b = 2; } optional int32 c = 3; oneof p { int32 d = 4; } }").unwrap();
        let message = schema.message("M").unwrap();
        assert_eq!(message.oneofs, ["o", "p"]);
        assert_eq!(
            message.fields.iter().map(|field| field.oneof).collect::<Vec<_>>(),
            [None, Some(0), None, Some(1)]
        );
    }

    #[test]
    fn an_import_that_is_nowhere_and_options_of_others_do_no_harm() {
        assert!(
            of("import \"missing.proto\"; option (a.b) = true; message M { int32 x = 1 [(c).d = \"v\"]; }")
                .is_ok()
        );
        let reference = ("a.proto".to_owned(), Arc::from("syntax = \"proto3\"; package p; message A {}"));
        let text = "syntax = \"proto3\"; import \"a.proto\"; message M { p.A a = 1; }";
        assert!(ProtoSchema::parse(text, &[reference]).is_ok());
        assert!(ProtoSchema::parse(text, &[]).is_err());
    }
}
