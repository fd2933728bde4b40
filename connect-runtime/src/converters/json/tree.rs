//! A JSON document as a tree, held in one list: for documents that a schema interprets.

use std::borrow::Cow;
use std::collections::HashMap;

use super::number;
use super::parse::{self, Malformed, Sink, Source};
use super::scan::{Number, Text};
use connect_api::data::Decimal;

/// Up to this many members, keys are compared to find one that occurs twice; above, a table is made on demand.
const COMPARED: usize = 64;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The empty document.
    Missing,
    Null,
    Boolean(bool),
    Integer,
    Float,
    String {
        escaped: bool,
    },
    Array,
    /// `repeats`: a key may occur twice.
    Object {
        repeats: bool,
    },
}

impl Kind {
    /// The name that Jackson's `JsonNodeType` has for it, as error messages print it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Missing => "MISSING",
            Self::Null => "NULL",
            Self::Boolean(_) => "BOOLEAN",
            Self::Integer | Self::Float => "NUMBER",
            Self::String { .. } => "STRING",
            Self::Array => "ARRAY",
            Self::Object { .. } => "OBJECT",
        }
    }
}

/// A node: where it stands in the document, and where the node behind it stands in the list. The elements of an array
/// follow it, as do the members of an object: each a key, then the value.
#[derive(Clone, Copy, Debug)]
struct Entry {
    kind: Kind,
    start: usize,
    end: usize,
    next: usize,
}

/// The list of nodes; its memory is used again for the next document.
#[derive(Debug, Default)]
pub(super) struct Tree {
    entries: Vec<Entry>,
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    index: usize,
    members: usize,
    /// One bit for each key so far, by length and ends: proves of most keys that they are new.
    seen: u64,
}

impl Tree {
    /// Reads the value at `start`, `depth` levels deep in the document. Gives it, and the offset behind it.
    pub(super) fn read<'a>(
        &'a mut self,
        source: Source<'a>,
        start: usize,
        depth: usize,
    ) -> Result<(Node<'a>, usize), Malformed> {
        self.entries.clear();
        self.open.clear();
        let end = parse::value(source, start, depth, &mut TreeSink { tree: self, doc: source.text })?;
        if end.is_none() {
            self.push(Kind::Missing, start, start);
        }
        Ok((Node { doc: source.text, entries: &self.entries, index: 0 }, end.unwrap_or(source.text.len())))
    }

    #[inline]
    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        let next = self.entries.len() + 1;
        self.entries.push(Entry { kind, start, end, next });
    }

    fn begin(&mut self, kind: Kind, at: usize) {
        self.open.push(Open { index: self.entries.len(), members: 0, seen: 0 });
        self.push(kind, at, at);
    }

    fn end(&mut self, end: usize) {
        if let Some(open) = self.open.pop() {
            let next = self.entries.len();
            let entry = &mut self.entries[open.index];
            (entry.end, entry.next) = (end, next);
        }
    }
}

struct TreeSink<'a> {
    tree: &'a mut Tree,
    doc: &'a str,
}

impl Sink for TreeSink<'_> {
    fn null(&mut self) {
        self.tree.push(Kind::Null, 0, 0);
    }

    fn boolean(&mut self, value: bool) {
        self.tree.push(Kind::Boolean(value), 0, 0);
    }

    #[inline]
    fn number(&mut self, number: Number) {
        let kind = if number.integral { Kind::Integer } else { Kind::Float };
        self.tree.push(kind, number.start, number.end);
    }

    #[inline]
    fn string(&mut self, text: Text) {
        self.tree.push(Kind::String { escaped: text.escaped }, text.start, text.end);
    }

    fn begin_array(&mut self, at: usize) {
        self.tree.begin(Kind::Array, at);
    }

    fn end_array(&mut self, end: usize) {
        self.tree.end(end);
    }

    fn begin_object(&mut self, at: usize) {
        self.tree.begin(Kind::Object { repeats: false }, at);
    }

    fn end_object(&mut self, end: usize) {
        self.tree.end(end);
    }

    fn key(&mut self, text: Text) {
        if let Some(open) = self.tree.open.last_mut() {
            let raw = &self.doc.as_bytes()[text.start..text.end];
            let (first, last) = (raw.first().copied().unwrap_or(0), raw.last().copied().unwrap_or(0));
            // With an escape sequence the bytes say nothing about the key.
            let bit = match text.escaped {
                true => u64::MAX,
                false => 1 << ((raw.len() + usize::from(first) * 7 + usize::from(last) * 13) % 64),
            };
            let maybe = open.seen & bit != 0;
            (open.seen, open.members) = (open.seen | bit, open.members + 1);
            let (index, many) = (open.index, open.members > COMPARED);
            if maybe && self.tree.entries[index].kind == (Kind::Object { repeats: false }) {
                let object = Node { doc: self.doc, entries: &self.tree.entries, index };
                let key = text.decode(self.doc);
                if many || object.raw_members(self.tree.entries.len()).any(|(other, _)| other.text() == key) {
                    self.tree.entries[index].kind = Kind::Object { repeats: true };
                }
            }
        }
        self.string(text);
    }
}

/// One node of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    doc: &'a str,
    entries: &'a [Entry],
    index: usize,
}

impl<'a> Node<'a> {
    #[inline]
    fn entry(self) -> Entry {
        self.entries[self.index]
    }

    #[inline]
    fn at(self, index: usize) -> Self {
        Self { index, ..self }
    }

    #[inline]
    pub(super) fn kind(self) -> Kind {
        self.entry().kind
    }

    pub(super) fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// What stands in the document, for a string without its quotes.
    #[inline]
    pub(super) fn raw(self) -> &'a str {
        let entry = self.entry();
        &self.doc[entry.start..entry.end]
    }

    /// Where it stands in the document.
    pub(super) fn start(self) -> usize {
        self.entry().start
    }

    fn text(self) -> Cow<'a, str> {
        let entry = self.entry();
        let escaped = entry.kind == Kind::String { escaped: true };
        Text { start: entry.start, end: entry.end, escaped }.decode(self.doc)
    }

    /// The token of a string.
    #[inline]
    pub(super) fn as_token(self) -> Option<Text> {
        let entry = self.entry();
        match entry.kind {
            Kind::String { escaped } => Some(Text { start: entry.start, end: entry.end, escaped }),
            _ => None,
        }
    }

    /// The text of a string.
    pub(super) fn as_text(self) -> Option<Cow<'a, str>> {
        self.as_token().map(|token| token.decode(self.doc))
    }

    /// The lowest 64 bits of a number without its fraction; 0 for anything else.
    pub(super) fn to_i64(self) -> i64 {
        match self.kind() {
            Kind::Integer => number::wrapping_i64(self.raw()),
            Kind::Float => number::decimal(self.raw()).to_i64_wrapping(),
            _ => 0,
        }
    }

    /// The nearest double of a number; 0 for anything else.
    pub(super) fn to_f64(self) -> f64 {
        match self.kind() {
            Kind::Integer | Kind::Float => number::f64(self.raw()),
            _ => 0.0,
        }
    }

    /// The nearest float of a number; 0 for anything else.
    pub(super) fn to_f32(self) -> f32 {
        match self.kind() {
            Kind::Integer | Kind::Float => number::f32(self.raw()),
            _ => 0.0,
        }
    }

    /// The exact value of a number.
    pub(super) fn as_decimal(self) -> Option<Decimal> {
        matches!(self.kind(), Kind::Integer | Kind::Float).then(|| number::decimal(self.raw()))
    }

    /// The nodes inside: the elements of an array, or keys and values in turn.
    fn inside(self, end: usize) -> impl Iterator<Item = Self> {
        let mut index = self.index + 1;
        std::iter::from_fn(move || {
            let here = (index < end).then(|| self.at(index))?;
            index = here.entry().next;
            Some(here)
        })
    }

    fn raw_members(self, end: usize) -> impl Iterator<Item = (Self, Self)> {
        let mut inside = self.inside(end);
        std::iter::from_fn(move || Some((inside.next()?, inside.next()?)))
    }

    /// The elements of an array.
    pub(super) fn elements(self) -> Vec<Self> {
        self.inside(self.entry().next).collect()
    }

    /// Visits the elements of an array, or the values of an object; there are none in anything else.
    pub(super) fn try_for_each_element<E>(
        self,
        mut visit: impl FnMut(Self) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.kind() {
            Kind::Array => self.inside(self.entry().next).try_for_each(visit),
            Kind::Object { .. } => self.members().into_iter().try_for_each(|(_, value)| visit(value)),
            _ => Ok(()),
        }
    }

    /// The members of an object. Of several with one key, the last value stands at the first place.
    pub(super) fn members(self) -> Vec<(Cow<'a, str>, Self)> {
        let all = self.raw_members(self.entry().next).map(|(key, value)| (key.text(), value));
        match self.kind() {
            Kind::Object { repeats: false } => all.collect(),
            Kind::Object { repeats: true } => {
                let mut places = HashMap::new();
                let mut members: Vec<(Cow<'a, str>, Self)> = Vec::new();
                for (key, value) in all {
                    let place = *places.entry(key.clone()).or_insert(members.len());
                    match members.get_mut(place) {
                        Some(member) => member.1 = value,
                        None => members.push((key, value)),
                    }
                }
                members
            }
            _ => Vec::new(),
        }
    }

    /// The value of a member of an object.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        let mut members = self.raw_members(self.entry().next).filter(|(key, _)| key.is(name));
        match self.kind() {
            Kind::Object { repeats: false } => members.next(),
            Kind::Object { repeats: true } => members.last(),
            _ => None,
        }
        .map(|(_, value)| value)
    }

    #[inline]
    fn is(self, name: &str) -> bool {
        match self.kind() {
            Kind::String { escaped: false } => self.raw() == name,
            _ => self.text() == name,
        }
    }

    /// Looks members up by name. Cheap when they stand in the order in which they are asked for.
    pub(super) fn lookup(self) -> Lookup<'a> {
        match self.kind() {
            Kind::Object { repeats: false } => Lookup::Ordered { object: self, next: self.index + 1 },
            _ => Lookup::Table(self.members().into_iter().collect()),
        }
    }
}

/// See [`Node::lookup`].
pub(super) enum Lookup<'a> {
    Ordered { object: Node<'a>, next: usize },
    Table(HashMap<Cow<'a, str>, Node<'a>>),
}

impl<'a> Lookup<'a> {
    #[inline]
    pub(super) fn get(&mut self, name: &str) -> Option<Node<'a>> {
        match self {
            Self::Table(table) => table.get(name).copied(),
            Self::Ordered { object, next } => {
                let (first, end) = (object.index + 1, object.entry().next);
                let begin = *next;
                let mut at = if begin < end { begin } else { first };
                let stop = at;
                while at < end {
                    let key = object.at(at);
                    let value = object.at(at + 1);
                    let behind = value.entry().next;
                    if key.is(name) {
                        *next = behind;
                        return Some(value);
                    }
                    at = if behind < end { behind } else { first };
                    if at == stop {
                        break;
                    }
                }
                None
            }
        }
    }
}
