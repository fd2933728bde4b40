//! Reading JSON without a schema, straight into [`Value`]s.
//!
//! Records of one topic mostly have the same members in the same order. The reader keeps the key lists that it met, by
//! the place in the document where they stood, and expects to meet them again: a key is then one comparison, and the
//! map shares the list.

use bytes::Bytes;
use connect_api::data::{Array, Map, Shape};
use connect_api::{Str, Value};

use super::number;
use super::parse::{self, Malformed, Sink, Source};
use super::scan::{Number, Text};

/// Strings up to this many bytes are held in place; longer ones share the payload.
const INLINE: usize = 24;
/// Key lists kept for one place in the document.
const SHAPES: usize = 4;
/// Places in the document that are told apart.
const PLACES: usize = 2048;
/// From this many key lists on, a place that does not meet its lists again stops keeping new ones: its objects are
/// dictionaries.
const DICTIONARY: u32 = 32;

const NOWHERE: usize = 0;
const ROOT: usize = 1;

/// Reads documents without a schema, and learns their form.
#[derive(Debug, Default)]
pub(super) struct Reader {
    places: Vec<Place>,
    /// The innermost open container; at the top, what holds the value of the document.
    inner: Open,
    /// The containers around it.
    outer: Vec<Open>,
}

/// What stood at one place in the documents so far.
#[derive(Debug, Default)]
struct Place {
    known: Vec<Known>,
    /// The list that the last object here had.
    recent: usize,
    learned: u32,
    met: u32,
    /// The place of the elements, if this is an array.
    element: usize,
    /// How many elements the last array here had.
    elements: usize,
}

#[derive(Debug)]
struct Known {
    shape: Shape,
    /// No key needs an escape sequence, so that keys compare in their JSON form.
    plain: bool,
    /// The place of each member's value.
    members: Vec<usize>,
}

/// An open container.
#[derive(Debug, Default)]
struct Open {
    place: usize,
    form: Form,
    values: Vec<Value>,
}

#[derive(Debug, Default)]
enum Form {
    /// Not a container, but what is around the document.
    #[default]
    Top,
    Array,
    /// An object that so far has the first `matched` keys of a known list.
    Known {
        known: usize,
        shape: Shape,
        plain: bool,
        matched: usize,
    },
    /// An object whose keys are collected.
    New(Vec<Str>),
}

impl Reader {
    /// Reads the value at `start`, `depth` levels deep in the document. Long strings become slices of `payload`, in
    /// which the document stands at offset 0. Gives the offset behind the value; `None` when there is none.
    pub(super) fn read(
        &mut self,
        source: Source<'_>,
        payload: &Bytes,
        start: usize,
        depth: usize,
    ) -> Result<Option<(Value, usize)>, Malformed> {
        let mut sink = ValueSink { reader: self, doc: source.text, payload };
        let end = parse::value(source, start, depth, &mut sink);
        if end.is_err() {
            self.outer.clear();
            self.inner = Open::default();
        }
        let value = self.inner.values.pop();
        Ok(end?.map(|end| (value.unwrap_or(Value::Null), end)))
    }

    /// The place where the value that comes next stands.
    fn next_place(&mut self) -> usize {
        while self.places.len() <= ROOT {
            self.places.push(Place::default());
        }
        let free = self.places.len();
        let inner = &self.inner;
        let slot = match inner.form {
            Form::Top => return ROOT,
            Form::New(_) => return NOWHERE,
            _ if inner.place == NOWHERE => return NOWHERE,
            Form::Array => &mut self.places[inner.place].element,
            Form::Known { known, matched, .. } => {
                &mut self.places[inner.place].known[known].members[matched - 1]
            }
        };
        if *slot == NOWHERE && free < PLACES {
            *slot = free;
            self.places.push(Place::default());
            return free;
        }
        *slot
    }

    fn enter(&mut self, place: usize, form: Form, values: usize) {
        let open = Open { place, form, values: Vec::with_capacity(values) };
        self.outer.push(std::mem::replace(&mut self.inner, open));
    }

    fn leave(&mut self) -> Open {
        let outer = self.outer.pop().unwrap_or_default();
        std::mem::replace(&mut self.inner, outer)
    }

    #[inline]
    fn push(&mut self, value: Value) {
        self.inner.values.push(value);
    }
}

struct ValueSink<'a> {
    reader: &'a mut Reader,
    doc: &'a str,
    payload: &'a Bytes,
}

impl Sink for ValueSink<'_> {
    #[inline]
    fn null(&mut self) {
        self.reader.push(Value::Null);
    }

    #[inline]
    fn boolean(&mut self, value: bool) {
        self.reader.push(Value::Boolean(value));
    }

    #[inline]
    fn number(&mut self, number: Number) {
        let text = &self.doc[number.start..number.end];
        // Each branch pushes for itself, so that the value is built where it stays.
        if number.integral {
            let value = number::wrapping_i64(text);
            self.reader.push(Value::Int64(value));
        } else {
            let value = number::f64(text);
            self.reader.push(Value::Float64(value));
        }
    }

    #[inline]
    fn string(&mut self, text: Text) {
        if !text.escaped && text.end - text.start <= INLINE {
            self.reader.push(Value::String(Str::from(&self.doc[text.start..text.end])));
        } else {
            self.reader.push(Value::String(str_of(self.doc, self.payload, text)));
        }
    }

    fn begin_array(&mut self, _at: usize) {
        let place = self.reader.next_place();
        let values = self.reader.places[place].elements;
        self.reader.enter(place, Form::Array, values);
    }

    fn end_array(&mut self, _end: usize) {
        let open = self.reader.leave();
        self.reader.places[open.place].elements = open.values.len().min(64);
        self.reader.push(Value::Array(Array::from(open.values)));
    }

    fn begin_object(&mut self, _at: usize) {
        let place = self.reader.next_place();
        let expected = &self.reader.places[place];
        let form = match expected.known.get(expected.recent) {
            Some(known) => {
                let shape = known.shape.clone();
                Form::Known { known: expected.recent, shape, plain: known.plain, matched: 0 }
            }
            None => Form::New(Vec::new()),
        };
        let values = if let Form::Known { shape, .. } = &form { shape.len() } else { 0 };
        self.reader.enter(place, form, values);
    }

    fn end_object(&mut self, _end: usize) {
        let Open { place, form, values } = self.reader.leave();
        let keep = place != NOWHERE;
        let place = &mut self.reader.places[place];
        let map = match form {
            Form::Known { known, shape, matched, .. } => match place.complete(known, shape, matched) {
                Ok(shape) => Map::with_shape(shape, values),
                Err(shape) => place.learn(&shape.keys()[..matched], values, keep),
            },
            Form::New(keys) => place.learn(&keys, values, keep),
            Form::Top | Form::Array => return,
        };
        self.reader.push(Value::Map(map));
    }

    fn key(&mut self, text: Text) {
        let Reader { places, inner, .. } = &mut *self.reader;
        let key = text.decode(self.doc);
        if let Form::Known { known, shape, plain, matched } = &mut inner.form {
            let place = &places[inner.place];
            if let Some(other) = place.switch(*known, *matched, &key) {
                let list = &place.known[other];
                (*known, *shape, *plain, *matched) = (other, list.shape.clone(), list.plain, *matched + 1);
                return;
            }
            inner.form = Form::New(shape.keys()[..*matched].to_vec());
        }
        if let Form::New(keys) = &mut inner.form {
            keys.push(Str::from(key));
        }
    }

    #[inline]
    fn expected_key(&mut self, rest: &[u8]) -> Option<usize> {
        let Form::Known { shape, plain: true, matched, .. } = &mut self.reader.inner.form else {
            return None;
        };
        let key = shape.keys().get(*matched)?.as_bytes();
        if rest.get(key.len()) == Some(&b'"') && rest.starts_with(key) {
            *matched += 1;
            return Some(key.len());
        }
        None
    }
}

impl Place {
    /// The list that consists of the first `matched` keys of a known one; that one itself if there is none.
    fn complete(&mut self, known: usize, list: Shape, matched: usize) -> Result<Shape, Shape> {
        let (found, list) = if list.len() == matched {
            (known, list)
        } else {
            let keys = &list.keys()[..matched];
            match self.known.iter().position(|other| other.shape.keys() == keys) {
                Some(other) => (other, self.known[other].shape.clone()),
                None => return Err(list),
            }
        };
        self.recent = found;
        self.met = self.met.saturating_add(1);
        Ok(list)
    }

    /// Another list that begins like the known one, and continues with this key.
    fn switch(&self, known: usize, matched: usize, key: &str) -> Option<usize> {
        let begin = &self.known[known].shape.keys()[..matched];
        self.known.iter().position(|other| {
            let keys = other.shape.keys();
            keys.get(matched).is_some_and(|next| next.as_str() == key) && keys[..matched] == *begin
        })
    }

    /// A map of keys that were not expected. Unless one stands there twice, the list is kept.
    fn learn(&mut self, keys: &[Str], values: Vec<Value>, keep: bool) -> Map {
        let shape = Shape::new(keys.iter().cloned());
        if shape.len() != keys.len() {
            let mut map = Map::new();
            for (key, value) in keys.iter().zip(values) {
                map.insert(key.clone(), value);
            }
            return map;
        }
        if keep && (self.learned < DICTIONARY || self.met / 2 > self.learned) {
            self.learned = self.learned.saturating_add(1);
            let plain =
                keys.iter().all(|key| key.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\'));
            let known = Known { shape: shape.clone(), plain, members: vec![NOWHERE; keys.len()] };
            if self.known.len() < SHAPES {
                self.recent = self.known.len();
                self.known.push(known);
            } else {
                self.recent = (self.recent + 1) % SHAPES;
                self.known[self.recent] = known;
            }
        }
        Map::with_shape(shape, values)
    }
}

/// A string as Connect holds it: short ones in place, long ones as slices of the payload.
#[inline]
pub(super) fn str_of(doc: &str, payload: &Bytes, text: Text) -> Str {
    let raw = &doc[text.start..text.end];
    if text.escaped {
        return Str::from(text.decode(doc));
    }
    if raw.len() > INLINE
        && let Ok(shared) = Str::from_utf8(payload.slice(text.start..text.end))
    {
        return shared;
    }
    Str::from(raw)
}
