//! [`RawHeaders`]: headers as Kafka carries them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::data::Str;

/// The headers of a Kafka record: text keys, possibly repeated, and bytes or null, in order. Cloning shares them. A
/// record without headers costs nothing.
///
/// ```
/// use connect_api::{Bytes, RawHeaders};
/// let mut headers = RawHeaders::new();
/// headers.push("trace", Bytes::from_static(b"a1"));
/// headers.push("empty", None);
/// assert_eq!(headers.last("trace").flatten(), Some(&Bytes::from_static(b"a1")));
/// assert_eq!(headers.last("empty"), Some(None));
/// assert_eq!(headers.last("absent"), None);
/// ```
#[derive(Clone, Default)]
pub struct RawHeaders(Option<Arc<Vec<Entry>>>);

type Entry = (Str, Option<Bytes>);

impl RawHeaders {
    /// No headers.
    pub const fn new() -> Self {
        Self(None)
    }

    #[inline]
    fn list(&self) -> &[Entry] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    fn list_mut(&mut self) -> &mut Vec<Entry> {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// The number of headers.
    #[inline]
    pub fn len(&self) -> usize {
        self.list().len()
    }

    /// Whether there is no header.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    /// The headers in order.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = (&Str, Option<&Bytes>)> + DoubleEndedIterator + Clone {
        self.list().iter().map(|(key, value)| (key, value.as_ref()))
    }

    /// Appends a header.
    pub fn push(&mut self, key: impl Into<Str>, value: impl Into<Option<Bytes>>) {
        self.list_mut().push((key.into(), value.into()));
    }

    /// The value of the last header with this key: `None` when there is no such header, `Some(None)` when its value is
    /// null.
    pub fn last(&self, key: &str) -> Option<Option<&Bytes>> {
        self.iter().rev().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// Removes all headers with this key.
    pub fn remove(&mut self, key: &str) {
        if self.last(key).is_some() {
            self.list_mut().retain(|(other, _)| other != key);
        }
    }

    /// Removes all headers.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

impl PartialEq for RawHeaders {
    fn eq(&self, other: &Self) -> bool {
        self.list() == other.list()
    }
}

impl Eq for RawHeaders {}

impl fmt::Debug for RawHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<K: Into<Str>, V: Into<Option<Bytes>>> FromIterator<(K, V)> for RawHeaders {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(headers: I) -> Self {
        let list: Vec<_> = headers.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self((!list.is_empty()).then(|| Arc::new(list)))
    }
}
