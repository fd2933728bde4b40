//! [`Properties`]: what the user said, before it means anything.

use std::collections::{BTreeMap, btree_map};
use std::fmt;

/// The configuration of a connector, task, converter or worker as the user wrote it: text by key, ordered by key.
///
/// `Debug` prints the keys and hides every value, since any of them may be a secret.
///
/// ```
/// use connect_api::Properties;
///
/// let properties = Properties::from([
///     ("topic", "orders"),
///     ("transforms.mask.type", "MaskField$Value"),
///     ("transforms.mask.fields", "card"),
/// ]);
/// assert_eq!(properties.get("topic"), Some("orders"));
/// let mask = properties.with_prefix("transforms.mask.");
/// assert_eq!(mask, Properties::from([("type", "MaskField$Value"), ("fields", "card")]));
/// assert!(!format!("{properties:?}").contains("orders"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// No keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// The text of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether the key is present.
    pub fn contains_key(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Sets a key; answers the text that it had.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<String>) -> Option<String> {
        self.0.insert(key.into(), value.into())
    }

    /// Removes a key; answers the text that it had.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.0.remove(key)
    }

    /// The same with a key set: for building in one expression.
    ///
    /// ```
    /// use connect_api::Properties;
    /// let properties = Properties::new().with("topic", "orders").with("tasks.max", "2");
    /// assert_eq!(properties.len(), 2);
    /// ```
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.insert(key, value);
        self
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All keys and texts, ordered by key.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Keeps the keys for which `keep` answers `true`.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.0.retain(|key, value| keep(key, value));
    }

    /// The keys that start with `prefix`, without it. A key that *is* the prefix is left out.
    #[must_use]
    pub fn with_prefix(&self, prefix: &str) -> Self {
        self.iter()
            .filter_map(|(key, value)| key.strip_prefix(prefix).map(|rest| (rest, value)))
            .filter(|(rest, _)| !rest.is_empty())
            .collect()
    }

    /// The keys that do not start with `prefix`.
    ///
    /// ```
    /// use connect_api::Properties;
    /// let properties = Properties::from([("a", "1"), ("consumer.b", "2")]);
    /// assert_eq!(properties.without_prefix("consumer."), Properties::from([("a", "1")]));
    /// ```
    #[must_use]
    pub fn without_prefix(&self, prefix: &str) -> Self {
        self.iter().filter(|(key, _)| !key.starts_with(prefix)).collect()
    }

    /// The same keys, each with `prefix` before it: the reverse of [`with_prefix`](Self::with_prefix).
    #[must_use]
    pub fn prefixed(&self, prefix: &str) -> Self {
        self.iter().map(|(key, value)| (format!("{prefix}{key}"), value)).collect()
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|key| (key, Hidden))).finish()
    }
}

struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Iterates over [`Properties`].
#[derive(Clone)]
pub struct Iter<'a>(btree_map::Iter<'a, String, String>);

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Iter")
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl IntoIterator for Properties {
    type Item = (String, String);
    type IntoIter = btree_map::IntoIter<String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Properties {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl<K: Into<String>, V: Into<String>> Extend<(K, V)> for Properties {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        self.0.extend(entries.into_iter().map(|(key, value)| (key.into(), value.into())));
    }
}

impl<K: Into<String>, V: Into<String>, const N: usize> From<[(K, V); N]> for Properties {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl From<BTreeMap<String, String>> for Properties {
    fn from(entries: BTreeMap<String, String>) -> Self {
        Self(entries)
    }
}

impl From<Properties> for BTreeMap<String, String> {
    fn from(properties: Properties) -> Self {
        properties.0
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Properties {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Properties {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_keys_and_never_values() {
        let properties = Properties::from([("password", "hunter2")]);
        assert_eq!(format!("{properties:?}"), "{\"password\": …}");
    }

    #[test]
    fn a_prefix_is_taken_off_and_put_back() {
        let properties = Properties::from([("a.b", "1"), ("a.", "2"), ("ab", "3")]);
        let inner = properties.with_prefix("a.");
        assert_eq!(inner, Properties::from([("b", "1")]));
        assert_eq!(inner.prefixed("a."), Properties::from([("a.b", "1")]));
    }
}
