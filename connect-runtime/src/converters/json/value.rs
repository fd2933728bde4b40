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
#[derive(Debug)]
pub(super) struct Reader {
    places: Vec<Place>,
    /// The values of all open containers, the innermost last.
    values: Vec<Value>,
    /// The keys of the open objects whose form is not expected.
    keys: Vec<Str>,
    open: Vec<Open>,
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
#[derive(Debug)]
struct Open {
    place: usize,
    /// Where its values and keys begin.
    values: usize,
    keys: usize,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Array,
    /// An object that so far has the first `matched` keys of a known list.
    Known {
        known: usize,
        matched: usize,
    },
    /// An object whose keys are collected.
    New,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            places: vec![Place::default(), Place::default()],
            values: Vec::new(),
            keys: Vec::new(),
            open: Vec::new(),
        }
    }
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
        let value = self.values.pop();
        self.values.clear();
        self.keys.clear();
        self.open.clear();
        Ok(end?.map(|end| (value.unwrap_or(Value::Null), end)))
    }

    /// The place where the value that comes next stands.
    fn next_place(&mut self) -> usize {
        let Some(open) = self.open.last() else { return ROOT };
        let free = self.places.len();
        let slot = match open.form {
            Form::New => return NOWHERE,
            _ if open.place == NOWHERE => return NOWHERE,
            Form::Array => &mut self.places[open.place].element,
            Form::Known { known, matched } => &mut self.places[open.place].known[known].members[matched - 1],
        };
        if *slot == NOWHERE && free < PLACES {
            *slot = free;
            self.places.push(Place::default());
            return free;
        }
        *slot
    }

    fn begin(&mut self, array: bool) {
        let place = self.next_place();
        let expected = &self.places[place];
        let form = if array {
            Form::Array
        } else if expected.known.is_empty() {
            Form::New
        } else {
            Form::Known { known: expected.recent, matched: 0 }
        };
        self.open.push(Open { place, values: self.values.len(), keys: self.keys.len(), form });
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
        self.reader.values.push(Value::Null);
    }

    #[inline]
    fn boolean(&mut self, value: bool) {
        self.reader.values.push(Value::Boolean(value));
    }

    #[inline]
    fn number(&mut self, number: Number) {
        let text = &self.doc[number.start..number.end];
        self.reader.values.push(if number.integral {
            Value::Int64(number::wrapping_i64(text))
        } else {
            Value::Float64(number::f64(text))
        });
    }

    #[inline]
    fn string(&mut self, text: Text) {
        self.reader.values.push(Value::String(str_of(self.doc, self.payload, text)));
    }

    fn begin_array(&mut self, _at: usize) {
        self.reader.begin(true);
    }

    fn end_array(&mut self, _end: usize) {
        if let Some(open) = self.reader.open.pop() {
            let values: Vec<Value> = self.reader.values.drain(open.values..).collect();
            self.reader.values.push(Value::Array(Array::from(values)));
        }
    }

    fn begin_object(&mut self, _at: usize) {
        self.reader.begin(false);
    }

    fn end_object(&mut self, _end: usize) {
        let Reader { places, values, keys, open } = &mut *self.reader;
        let Some(open) = open.pop() else { return };
        let place = &mut places[open.place];
        let members: Vec<Value> = values.drain(open.values..).collect();
        let map = match open.form {
            Form::Known { known, matched } => match place.complete(known, matched) {
                Some(shape) => Map::with_shape(shape, members),
                None => {
                    let keys = place.known[known].shape.keys()[..matched].to_vec();
                    place.learn(&keys, members, open.place != NOWHERE)
                }
            },
            Form::New => {
                let map = place.learn(&keys[open.keys..], members, open.place != NOWHERE);
                keys.truncate(open.keys);
                map
            }
            Form::Array => return,
        };
        values.push(Value::Map(map));
    }

    #[inline]
    fn key(&mut self, text: Text) {
        let Reader { places, keys, open, .. } = &mut *self.reader;
        let Some(open) = open.last_mut() else { return };
        let key = text.decode(self.doc);
        if let Form::Known { known, matched } = open.form {
            let place = &places[open.place];
            if let Some(other) = place.switch(known, matched, &key) {
                open.form = Form::Known { known: other, matched: matched + 1 };
                return;
            }
            keys.extend_from_slice(&place.known[known].shape.keys()[..matched]);
            open.form = Form::New;
        }
        keys.push(Str::from(key));
    }

    #[inline]
    fn expected_key(&mut self, rest: &[u8]) -> Option<usize> {
        let open = self.reader.open.last_mut()?;
        let Form::Known { known, matched } = &mut open.form else { return None };
        let known = self.reader.places.get(open.place)?.known.get(*known)?;
        let key = known.shape.keys().get(*matched)?.as_bytes();
        if known.plain && rest.get(key.len()) == Some(&b'"') && rest.starts_with(key) {
            *matched += 1;
            return Some(key.len());
        }
        None
    }
}

impl Place {
    /// The list that consists of the first `matched` keys of a known one.
    fn complete(&mut self, known: usize, matched: usize) -> Option<Shape> {
        let list = &self.known[known].shape;
        let found = if list.len() == matched {
            Some(known)
        } else {
            let keys = &list.keys()[..matched];
            self.known.iter().position(|other| other.shape.keys() == keys)
        }?;
        self.recent = found;
        self.met = self.met.saturating_add(1);
        Some(self.known[found].shape.clone())
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
    if text.escaped || text.end - text.start <= INLINE {
        return Str::from(text.decode(doc));
    }
    match Str::from_utf8(payload.slice(text.start..text.end)) {
        Ok(text) => text,
        Err(_) => Str::from(text.decode(doc)),
    }
}
