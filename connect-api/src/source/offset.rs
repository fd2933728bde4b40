//! Source partitions and offsets, closed by type: what Kafka's documentation only asks for.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use crate::Result;
use crate::data::Str;
use crate::host::OffsetHost;

/// A value in a source partition or offset. No floats: partitions are compared and hashed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OffsetValue {
    /// Nothing.
    #[default]
    Null,
    /// A truth value.
    Boolean(bool),
    /// Any integer: narrower ones come back as this.
    Int64(i64),
    /// Text. Bytes and decimals go here in a text form of the connector's choosing.
    String(Str),
}

macro_rules! offset_value_from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl From<$from> for OffsetValue {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}
offset_value_from!(bool => Boolean, i64 => Int64, i32 => Int64, i16 => Int64, u32 => Int64, Str => String, &str => String, String => String);

type Entry = (Str, OffsetValue);

/// The entries of an offset. One, as most have, is kept in place: offsets are made and dropped record by record.
#[derive(Clone)]
enum Entries {
    One([Entry; 1]),
    Several(Arc<[Entry]>),
}

impl Deref for Entries {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        match self {
            Self::One(entry) => entry,
            Self::Several(entries) => entries,
        }
    }
}

impl From<[Entry; 1]> for Entries {
    fn from(entry: [Entry; 1]) -> Self {
        Self::One(entry)
    }
}

impl From<Vec<Entry>> for Entries {
    fn from(entries: Vec<Entry>) -> Self {
        match <[Entry; 1]>::try_from(entries) {
            Ok(entry) => Self::One(entry),
            Err(entries) => Self::Several(entries.into()),
        }
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Entries {}

impl Hash for Entries {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl PartialOrd for Entries {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entries {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

macro_rules! offset_map {
    ($(#[$doc:meta])* $name:ident($entries:ty)) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($entries);

        impl $name {
            /// One entry.
            pub fn of(key: impl Into<Str>, value: impl Into<OffsetValue>) -> Self {
                Self([(key.into(), value.into())].into())
            }

            /// Several entries. They are kept sorted by key, so that equal content has equal bytes in the offsets
            /// topic whatever the order of insertion; of equal keys the last wins.
            pub fn from_entries<K: Into<Str>, V: Into<OffsetValue>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
                let mut list: Vec<(Str, OffsetValue)> = Vec::new();
                for (key, value) in entries {
                    let (key, value) = (key.into(), value.into());
                    match list.binary_search_by(|(other, _)| other.as_str().cmp(key.as_str())) {
                        Ok(at) => list[at].1 = value,
                        Err(at) => list.insert(at, (key, value)),
                    }
                }
                Self(list.into())
            }

            /// The value of a key.
            pub fn get(&self, key: &str) -> Option<&OffsetValue> {
                self.0.iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value)
            }

            /// The value of a key, if it is an integer.
            pub fn i64(&self, key: &str) -> Option<i64> {
                match self.get(key) {
                    Some(OffsetValue::Int64(value)) => Some(*value),
                    _ => None,
                }
            }

            /// The value of a key, if it is text.
            pub fn str(&self, key: &str) -> Option<&str> {
                match self.get(key) {
                    Some(OffsetValue::String(value)) => Some(value.as_str()),
                    _ => None,
                }
            }

            /// The value of a key, if it is a truth value.
            pub fn bool(&self, key: &str) -> Option<bool> {
                match self.get(key) {
                    Some(OffsetValue::Boolean(value)) => Some(*value),
                    _ => None,
                }
            }

            /// All entries, sorted by key.
            pub fn iter(&self) -> impl Iterator<Item = (&str, &OffsetValue)> {
                self.0.iter().map(|(key, value)| (key.as_str(), value))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_map().entries(self.iter()).finish()
            }
        }
    };
}

offset_map! {
    /// Which part of the source a record came from: `{"filename": "a.txt"}`. Make one per part and clone it.
    ///
    /// ```
    /// use connect_api::SourcePartition;
    /// let partition = SourcePartition::of("filename", "a.txt");
    /// assert_eq!(partition.str("filename"), Some("a.txt"));
    /// ```
    SourcePartition(Arc<[Entry]>)
}

impl SourcePartition {
    /// Whether both are the same allocation, hence equal. Cheaper than `==` and never wrong when `true`.
    #[doc(hidden)]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

offset_map! {
    /// Where a source continues: `{"position": 42}`.
    ///
    /// ```
    /// use connect_api::SourceOffset;
    /// let offset = SourceOffset::from_entries([("position", 42), ("line", 3)]);
    /// assert_eq!(offset.i64("position"), Some(42));
    /// assert_eq!(offset.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["line", "position"]);
    /// ```
    SourceOffset(Entries)
}

/// Reads the offsets that this connector's tasks committed. The answer is what was durable when the call was made.
#[derive(Clone)]
pub struct OffsetStorageReader {
    host: Arc<dyn OffsetHost>,
}

impl OffsetStorageReader {
    #[doc(hidden)]
    pub fn new(host: Arc<dyn OffsetHost>) -> Self {
        Self { host }
    }

    /// The last committed offset of a partition; `None` when there is none, or when it was removed.
    ///
    /// An error means that the store could not be read; a stored offset that cannot be decoded is logged and `None`.
    pub async fn offset(&self, partition: &SourcePartition) -> Result<Option<SourceOffset>> {
        Ok(self.offsets(std::slice::from_ref(partition)).await?.pop().flatten())
    }

    /// The last committed offsets of several partitions, in the order asked, with one look at the store.
    pub async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>> {
        self.host.offsets(partitions).await
    }
}

impl fmt::Debug for OffsetStorageReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OffsetStorageReader")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn offsets_compare_by_their_entries_however_they_were_made() {
        let one = SourceOffset::of("position", 42);
        let also = SourceOffset::from_entries([("position", 7), ("position", 42)]);
        let (none, two) = (
            SourceOffset::from_entries::<&str, i64>([]),
            SourceOffset::from_entries([("position", 42), ("line", 3)]),
        );
        assert_eq!(one, also);
        assert!(none < two && two < one, "{none:?} {two:?} {one:?}");
        let mut all: HashSet<_> = [one, none.clone(), two.clone()].into();
        assert!(!all.insert(also) && !all.insert(none) && !all.insert(two.clone()));
        assert_eq!((two.i64("line"), two.iter().count()), (Some(3), 2));
    }
}
