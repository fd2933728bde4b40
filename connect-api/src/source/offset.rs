//! Source partitions and offsets, closed by type: what Kafka's documentation only asks for.

use std::fmt;
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

macro_rules! offset_map {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<[(Str, OffsetValue)]>);

        impl $name {
            /// One entry.
            pub fn of(key: impl Into<Str>, value: impl Into<OffsetValue>) -> Self {
                Self(Arc::from([(key.into(), value.into())]))
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

            /// Whether both are the same allocation, hence equal. Cheaper than `==` and never wrong when `true`.
            #[doc(hidden)]
            pub fn is_same(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0)
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
    SourcePartition
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
    SourceOffset
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
