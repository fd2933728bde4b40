//! [`Shape`]: a key list that many maps share.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::Str;

/// From this many keys on, a look-up goes through an index.
pub(super) const INDEXED: usize = 24;

/// A list of distinct text keys that many maps share. Cloning it is one reference count.
///
/// A converter that reads many records of one form keeps the shape and gives each record only its values:
///
/// ```
/// use connect_api::Value;
/// use connect_api::data::{Map, Shape};
/// let shape = Shape::new(["id", "name"]);
/// let map = Map::with_shape(shape.clone(), vec![Value::from(7), Value::from("Ada")]);
/// assert_eq!(map.to_string(), "{id=7, name=Ada}");
/// assert_eq!(map.shape(), Some(&shape));
/// ```
#[derive(Clone)]
pub struct Shape(pub(super) Arc<Keys>);

/// Distinct keys.
#[derive(Default)]
pub(super) struct Keys {
    keys: Vec<Str>,
    index: OnceLock<HashMap<Str, usize>>,
}

impl Clone for Keys {
    fn clone(&self) -> Self {
        Self { keys: self.keys.clone(), index: OnceLock::new() }
    }
}

impl Keys {
    pub(super) fn position(&self, key: &str) -> Option<usize> {
        if self.keys.len() < INDEXED {
            return self.keys.iter().position(|other| other.as_str() == key);
        }
        let index = self.index.get_or_init(|| self.keys.iter().cloned().zip(0..).collect());
        index.get(key).copied()
    }

    pub(super) fn push(&mut self, key: Str) {
        if let Some(index) = self.index.get_mut() {
            index.insert(key.clone(), self.keys.len());
        }
        self.keys.push(key);
    }

    /// To be edited: the index is made anew when it is needed.
    pub(super) fn keys_mut(&mut self) -> &mut Vec<Str> {
        self.index = OnceLock::new();
        &mut self.keys
    }
}

impl Shape {
    /// A shape of these keys, in this order. Of equal keys the first stays.
    pub fn new<K: Into<Str>>(keys: impl IntoIterator<Item = K>) -> Self {
        let mut list = Keys::default();
        for key in keys {
            let key = key.into();
            if list.position(&key).is_none() {
                list.push(key);
            }
        }
        Self(Arc::new(list))
    }

    /// The keys in order.
    pub fn keys(&self) -> &[Str] {
        &self.0.keys
    }

    /// Where a key stands.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.0.position(key)
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.0.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.keys.is_empty()
    }

    /// Whether both are the same allocation, hence equal. Cheaper than `==`; `false` says nothing.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Shape {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.keys() == other.keys()
    }
}

impl Eq for Shape {}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys()).finish()
    }
}
