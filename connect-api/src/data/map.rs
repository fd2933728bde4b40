//! [`Map`]: an ordered map whose key list is shared between records of one shape.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::shape::{INDEXED, Keys};
use super::{MapRef, Shape, Str, Value, ValueRef, print};

/// A map that keeps the order of insertion. Its keys are text as a rule; other keys are possible.
///
/// Equality is that of Java's maps: the same entries, whatever their order. Cloning shares the map; editing a shared
/// one copies it first. A second value for a key replaces the first and keeps its place.
///
/// ```
/// use connect_api::data::Map;
/// let mut map = Map::new();
/// map.insert("id", 7);
/// map.insert("name", "Ada");
/// map.rename("name", "first_name");
/// assert_eq!(map.get("first_name").and_then(|name| name.as_str()), Some("Ada"));
/// assert_eq!(map.to_string(), "{id=7, first_name=Ada}");
/// ```
#[derive(Clone)]
pub struct Map(Repr);

#[derive(Clone)]
enum Repr {
    /// Text keys: `values[i]` belongs to `shape.keys()[i]`.
    Text(Shape, Arc<Vec<Value>>),
    /// At least one key that is no text. The keys are distinct.
    Any(Arc<Vec<(Value, Value)>>),
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self(Repr::Text(Shape(Arc::default()), Arc::default()))
    }

    /// A map of a known shape. Values that are missing at the end are null; surplus ones are dropped.
    pub fn with_shape(shape: Shape, mut values: Vec<Value>) -> Self {
        if values.len() != shape.len() {
            values.resize(shape.len(), Value::Null);
        }
        Self(Repr::Text(shape, Arc::new(values)))
    }

    /// A map with keys of any type. Of equal keys the last value wins and the first place stays.
    ///
    /// ```
    /// use connect_api::Value;
    /// use connect_api::data::Map;
    /// let map = Map::from_entries(vec![(Value::from(1), Value::from("one")), (Value::from(2), Value::Null)]);
    /// assert_eq!(map.get_value(&Value::from(1)).and_then(|one| one.as_str()), Some("one"));
    /// assert_eq!(map.to_string(), "{1=one, 2=null}");
    /// ```
    pub fn from_entries(entries: Vec<(Value, Value)>) -> Self {
        let mut places = HashMap::with_capacity(if entries.len() < INDEXED { 0 } else { entries.len() });
        let mut list: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
        let indexed = entries.len() >= INDEXED;
        for (key, value) in entries {
            let place = if indexed {
                places.get(&key).copied()
            } else {
                list.iter().position(|(other, _)| *other == key)
            };
            match place {
                Some(place) => list[place].1 = value,
                None => {
                    if indexed {
                        places.insert(key.clone(), list.len());
                    }
                    list.push((key, value));
                }
            }
        }
        Self::of_distinct(list)
    }

    /// Text keys become a shape.
    fn of_distinct(entries: Vec<(Value, Value)>) -> Self {
        if !entries.iter().all(|(key, _)| matches!(key, Value::String(_))) {
            return Self(Repr::Any(Arc::new(entries)));
        }
        let mut keys = Keys::default();
        let mut values = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if let Value::String(key) = key {
                keys.push(key);
                values.push(value);
            }
        }
        Self(Repr::Text(Shape(Arc::new(keys)), Arc::new(values)))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Text(_, values) => values.len(),
            Repr::Any(entries) => entries.len(),
        }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key list, when all keys are text.
    pub fn shape(&self) -> Option<&Shape> {
        match &self.0 {
            Repr::Text(shape, _) => Some(shape),
            Repr::Any(_) => None,
        }
    }

    /// The key list and its values, when all keys are text; otherwise the map again. With
    /// [`with_shape`](Self::with_shape) a transformation rebuilds maps of a known shape without looking at any key.
    ///
    /// # Errors
    ///
    /// The map itself, when it has a key that is no text.
    ///
    /// ```
    /// use connect_api::data::{Map, Shape};
    /// let renamed = Shape::new(["number", "name"]);
    /// let map = Map::from([("id", "7"), ("name", "Ada")]);
    /// let map = match map.into_parts() {
    ///     Ok((_, values)) => Map::with_shape(renamed, values),
    ///     Err(map) => map,
    /// };
    /// assert_eq!(map.to_string(), "{number=7, name=Ada}");
    /// ```
    pub fn into_parts(self) -> Result<(Shape, Vec<Value>), Self> {
        match self.0 {
            Repr::Text(shape, values) => Ok((shape, Arc::unwrap_or_clone(values))),
            Repr::Any(_) => Err(self),
        }
    }

    fn find(&self, key: &str) -> Option<&Value> {
        match &self.0 {
            Repr::Text(shape, values) => values.get(shape.position(key)?),
            Repr::Any(entries) => {
                entries.iter().find(|(other, _)| other.as_str() == Some(key)).map(|(_, value)| value)
            }
        }
    }

    /// The value of a text key. An entry that holds null gives `Some(ValueRef::Null)`.
    pub fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        self.find(key).map(Value::as_ref)
    }

    /// The value of a text key, owned. No payload is copied.
    pub fn get_owned(&self, key: &str) -> Option<Value> {
        self.find(key).cloned()
    }

    /// The value of a key of any type.
    pub fn get_value(&self, key: &Value) -> Option<ValueRef<'_>> {
        match (&self.0, key) {
            (_, Value::String(key)) => self.get(key),
            (Repr::Text(..), _) => None,
            (Repr::Any(entries), _) => {
                entries.iter().find(|(other, _)| other == key).map(|(_, value)| value.as_ref())
            }
        }
    }

    /// Whether there is this text key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// The entries that have text keys, in order. For a map of other keys use [`entries`](Self::entries).
    pub fn iter(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> + Clone {
        self.slots().filter_map(|(key, value)| match key {
            KeyRef::Text(key) => Some((key.as_str(), value.as_ref())),
            KeyRef::Any(key) => key.as_str().map(|key| (key, value.as_ref())),
        })
    }

    /// The entries in order, if all keys are text: cheaper than [`iter`](Self::iter) for reading a whole map.
    pub fn text_entries(&self) -> Option<impl ExactSizeIterator<Item = (&Str, ValueRef<'_>)> + Clone> {
        match &self.0 {
            Repr::Text(shape, values) => Some(shape.keys().iter().zip(values.iter().map(Value::as_ref))),
            Repr::Any(_) => None,
        }
    }

    /// All entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = (ValueRef<'_>, ValueRef<'_>)> + Clone {
        self.slots().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = ValueRef<'_>> + Clone {
        self.slots().map(|(key, _)| key.as_ref())
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = (KeyRef<'_>, &Value)> + Clone {
        let (shape, values, entries): (&[Str], &[Value], &[(Value, Value)]) = match &self.0 {
            Repr::Text(shape, values) => (shape.keys(), values, &[]),
            Repr::Any(entries) => (&[], &[], entries),
        };
        let text = shape.iter().map(KeyRef::Text).zip(values);
        text.chain(entries.iter().map(|(key, value)| (KeyRef::Any(key), value)))
    }

    /// Adds an entry, or replaces the value of this key and returns the one before.
    pub fn insert(&mut self, key: impl Into<Str>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        match &mut self.0 {
            Repr::Text(shape, values) => {
                if let Some(place) = shape.position(&key) {
                    return Some(std::mem::replace(&mut Arc::make_mut(values)[place], value));
                }
                Arc::make_mut(&mut shape.0).push(key);
                Arc::make_mut(values).push(value);
                None
            }
            Repr::Any(_) => self.insert_value(Value::String(key), value),
        }
    }

    /// The same with a key of any type.
    pub fn insert_value(&mut self, key: Value, value: impl Into<Value>) -> Option<Value> {
        let value = value.into();
        if let (Repr::Text(..), Value::String(key)) = (&self.0, &key) {
            return self.insert(key.clone(), value);
        }
        let mut entries = std::mem::take(self).into_entries();
        let before = match entries.iter_mut().find(|(other, _)| *other == key) {
            Some((_, slot)) => Some(std::mem::replace(slot, value)),
            None => {
                entries.push((key, value));
                None
            }
        };
        self.0 = Repr::Any(Arc::new(entries));
        before
    }

    /// Replaces the value of a key that exists; otherwise nothing happens and the answer is `None`.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> Option<Value> {
        self.contains_key(key).then(|| self.insert(key, value)).flatten()
    }

    /// Removes an entry.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        match &mut self.0 {
            Repr::Text(shape, values) => {
                let place = shape.position(key)?;
                Arc::make_mut(&mut shape.0).keys_mut().remove(place);
                Some(Arc::make_mut(values).remove(place))
            }
            Repr::Any(entries) => {
                let place = entries.iter().position(|(other, _)| other.as_str() == Some(key))?;
                Some(Arc::make_mut(entries).remove(place).1)
            }
        }
    }

    /// Gives an entry another key, at its place. An entry that has this key already is replaced. `false`: there is no
    /// entry to rename.
    pub fn rename(&mut self, from: &str, to: impl Into<Str>) -> bool {
        if !self.contains_key(from) {
            return false;
        }
        let to = to.into();
        if to == from {
            return true;
        }
        self.remove(&to);
        match &mut self.0 {
            Repr::Text(shape, _) => {
                if let Some(place) = shape.position(from) {
                    Arc::make_mut(&mut shape.0).keys_mut()[place] = to;
                }
            }
            Repr::Any(entries) => {
                let mut entries = Arc::make_mut(entries).iter_mut();
                if let Some((key, _)) = entries.find(|(key, _)| key.as_str() == Some(from)) {
                    *key = Value::String(to);
                }
            }
        }
        true
    }

    /// Takes a value out and leaves null; null where there is no such key.
    #[cfg(feature = "serde")]
    pub(crate) fn take_value(&mut self, key: &str) -> Value {
        match &mut self.0 {
            Repr::Text(shape, values) => match shape.position(key) {
                Some(place) => Arc::make_mut(values)[place].take(),
                None => Value::Null,
            },
            Repr::Any(_) => self.remove(key).unwrap_or_default(),
        }
    }

    /// Keeps the entries that the condition holds for.
    pub fn retain(&mut self, mut keep: impl FnMut(ValueRef<'_>, ValueRef<'_>) -> bool) {
        let kept: Vec<bool> = self.entries().map(|(key, value)| keep(key, value)).collect();
        if kept.iter().all(|keep| *keep) {
            return;
        }
        match &mut self.0 {
            Repr::Text(shape, values) => {
                let mut place = kept.iter();
                Arc::make_mut(&mut shape.0).keys_mut().retain(|_| place.next().copied().unwrap_or(true));
                let mut place = kept.iter();
                Arc::make_mut(values).retain(|_| place.next().copied().unwrap_or(true));
            }
            Repr::Any(entries) => {
                let mut place = kept.iter();
                Arc::make_mut(entries).retain(|_| place.next().copied().unwrap_or(true));
            }
        }
    }

    /// Gives the map another key list, and lets `edit` bring its values into the order of that list. Values that are
    /// missing afterwards are null; surplus ones are dropped. A transformation that has worked out the new list once
    /// edits every map of the old [`shape`](Self::shape) without looking at a key or copying the list.
    ///
    /// `false`: the map has a key that is no text, and stays as it is.
    ///
    /// ```
    /// use connect_api::data::{Map, Shape};
    /// let mut map = Map::from([("id", 7), ("size", 3)]);
    /// let longer = Shape::new(["id", "size", "weight"]);
    /// assert!(map.reshape(&longer, |values| values.push(5.into())));
    /// assert_eq!(map.to_string(), "{id=7, size=3, weight=5}");
    /// ```
    pub fn reshape(&mut self, to: &Shape, edit: impl FnOnce(&mut Vec<Value>)) -> bool {
        let Repr::Text(shape, values) = &mut self.0 else {
            return false;
        };
        let values = Arc::make_mut(values);
        edit(values);
        values.resize(to.len(), Value::Null);
        if !shape.is_same(to) {
            *shape = to.clone();
        }
        true
    }

    /// The same map as a view.
    pub fn as_ref(&self) -> MapRef<'_> {
        MapRef::new(self)
    }

    fn into_entries(self) -> Vec<(Value, Value)> {
        match self.0 {
            Repr::Text(shape, values) => {
                let keys = shape.keys().iter().cloned().map(Value::String);
                keys.zip(Arc::unwrap_or_clone(values)).collect()
            }
            Repr::Any(entries) => Arc::unwrap_or_clone(entries),
        }
    }
}

/// A key in either representation.
#[derive(Clone, Copy)]
pub(crate) enum KeyRef<'a> {
    Text(&'a Str),
    Any(&'a Value),
}

impl<'a> KeyRef<'a> {
    pub(crate) fn as_ref(self) -> ValueRef<'a> {
        match self {
            Self::Text(key) => ValueRef::String(key),
            Self::Any(key) => key.as_ref(),
        }
    }

    pub(super) fn print_to(self, out: &mut Vec<u8>) {
        match self {
            Self::Text(key) => out.extend_from_slice(key.as_bytes()),
            Self::Any(key) => key.print_to(out),
        }
    }

    pub(crate) fn to_value(self) -> Value {
        match self {
            Self::Text(key) => Value::String(key.clone()),
            Self::Any(key) => key.clone(),
        }
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        if let (Repr::Text(a, these), Repr::Text(b, those)) = (&self.0, &other.0)
            && (a.is_same(b) || a == b)
        {
            return these == those;
        }
        self.len() == other.len()
            && self.slots().all(|(key, value)| match key {
                KeyRef::Text(key) => other.get(key) == Some(value.as_ref()),
                KeyRef::Any(key) => other.get_value(key) == Some(value.as_ref()),
            })
    }
}

impl Eq for Map {}

impl Hash for Map {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The order of entries must not count, so their hashes are added up.
        let mut sum = 0_u64;
        for (key, value) in self.entries() {
            let mut entry = std::hash::DefaultHasher::new();
            key.hash(&mut entry);
            value.hash(&mut entry);
            sum = sum.wrapping_add(entry.finish());
        }
        state.write_u64(sum);
    }
}

impl<K: Into<Str>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Into<Str>, V: Into<Value>> Extend<(K, V)> for Map {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Into<Str>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Map {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    /// All entries, in order, with keys of any type.
    fn into_iter(self) -> Self::IntoIter {
        self.into_entries().into_iter()
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in self.slots() {
            match key {
                KeyRef::Text(key) => map.entry(key, value),
                KeyRef::Any(key) => map.entry(key, value),
            };
        }
        map.finish()
    }
}

impl fmt::Display for Map {
    /// As Java prints a map: `{k=v, …}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::display(f, |out| print::map(out, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_wins_at_the_first_place() {
        let entries = |keys: &[&str]| {
            keys.iter().zip(0..).map(|(key, n)| (Value::from(*key), Value::from(n))).collect()
        };
        let map = Map::from_entries(entries(&["a", "b", "a"]));
        assert_eq!(map.to_string(), "{a=2, b=1}");
        let mut same = Map::new();
        same.extend([("a", 0), ("b", 1), ("a", 2)]);
        assert_eq!(same, map);
    }

    #[test]
    fn the_order_of_entries_does_not_count() {
        let (a, b) = (Map::from([("x", 1), ("y", 2)]), Map::from([("y", 2), ("x", 1)]));
        assert_eq!(a, b);
        let hash = |map: &Map| {
            let mut state = std::hash::DefaultHasher::new();
            map.hash(&mut state);
            state.finish()
        };
        assert_eq!(hash(&a), hash(&b));
        assert_ne!(a, Map::from([("x", 1), ("y", 3)]));
        assert_ne!(a, Map::from([("x", 1)]));
    }

    #[test]
    fn editing_leaves_clones_and_the_shared_shape_alone() {
        let shape = Shape::new(["a", "b", "c"]);
        let original = Map::with_shape(shape.clone(), vec![1.into(), 2.into(), 3.into()]);
        let mut edited = original.clone();
        assert_eq!(edited.remove("b"), Some(Value::from(2)));
        assert_eq!(edited.insert("d", 4), None);
        assert!(edited.rename("a", "z"));
        assert_eq!(edited.set("c", 5), Some(Value::from(3)));
        assert_eq!(edited.set("absent", 5), None);
        edited.retain(|key, _| key.as_str() != Some("d"));
        assert_eq!(edited.to_string(), "{z=1, c=5}");
        assert_eq!(original.to_string(), "{a=1, b=2, c=3}");
        assert_eq!(shape.keys(), ["a", "b", "c"]);
        assert!(original.shape().unwrap().is_same(&shape));
    }

    #[test]
    fn a_rename_onto_another_key_replaces_it() {
        let mut map = Map::from([("a", 1), ("b", 2), ("c", 3)]);
        assert!(map.rename("c", "a"));
        assert_eq!(map.to_string(), "{b=2, a=3}");
        assert!(map.rename("a", "a"));
        assert!(!map.rename("absent", "b"));
        assert_eq!(map.len(), 2);
    }

    #[test]
    fn other_keys_live_beside_text() {
        let mut map = Map::from([("a", 1)]);
        map.insert_value(Value::from(7), "seven");
        map.insert("b", 2);
        assert_eq!(map.shape(), None);
        assert_eq!(map.get("a"), Some(ValueRef::Int32(1)));
        assert_eq!(map.get_value(&Value::from(7)), Some(ValueRef::String("seven")));
        assert_eq!(map.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(map.entries().count(), 3);
        map.rename("a", "c");
        map.retain(|key, _| key.as_str().is_some());
        assert_eq!(map, Map::from([("b", 2), ("c", 1)]));
    }

    #[test]
    fn a_large_map_finds_its_keys_while_it_changes() {
        let mut map: Map = (0..2000).map(|n| (format!("k{n}"), n)).collect();
        assert_eq!(map.get("k1999"), Some(ValueRef::Int32(1999)));
        map.remove("k0");
        assert_eq!(map.get("k1999"), Some(ValueRef::Int32(1999)));
        assert_eq!(map.get("k0"), None);
        map.insert("k0", 5);
        assert_eq!((map.len(), map.get("k0")), (2000, Some(ValueRef::Int32(5))));
        let entries: Vec<_> = (0..2000).map(|n| (Value::from(n % 1000), Value::from(n))).collect();
        assert_eq!(Map::from_entries(entries).len(), 1000);
    }

    #[test]
    fn missing_values_of_a_shape_are_null() {
        let map = Map::with_shape(Shape::new(["a", "b", "a"]), vec![Value::from(1)]);
        assert_eq!(map.to_string(), "{a=1, b=null}");
    }
}
