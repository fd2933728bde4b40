//! [`Str`]: immutable text that is cheap to clone.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use bytes::Bytes;
use bytestring::ByteString;
use compact_str::CompactString;

use crate::{Error, Result};

/// Texts up to this many bytes are kept in place.
const INLINE: usize = 24;

/// Immutable text. Up to 24 bytes are kept in place; longer text shares a buffer, often a slice of the payload that
/// Kafka delivered. Cloning never copies long text.
///
/// It reads as a `str`; equality, order and hash are those of the text.
///
/// ```
/// use connect_api::Str;
/// let topic = Str::from("orders");
/// assert_eq!(topic.len(), 6);
/// assert_eq!(topic, "orders");
/// ```
#[derive(Clone)]
pub struct Str(Repr);

#[derive(Clone)]
enum Repr {
    /// In place, or `'static` text.
    Compact(CompactString),
    /// A slice of a shared buffer.
    Shared(ByteString),
}

impl Str {
    /// Text that lives as long as the program: no copy, no allocation, whatever its length.
    ///
    /// ```
    /// use connect_api::Str;
    /// const NAME: Str = Str::from_static("org.apache.kafka.connect.data.Timestamp");
    /// assert!(NAME.ends_with("Timestamp"));
    /// ```
    pub const fn from_static(text: &'static str) -> Self {
        Self(Repr::Compact(CompactString::const_new(text)))
    }

    /// Text from bytes that must be UTF-8. Longer text stays a slice of `bytes` and keeps that buffer alive until it
    /// is dropped or [detached](Self::detach).
    ///
    /// # Errors
    ///
    /// A data error when the bytes are not UTF-8.
    ///
    /// ```
    /// use connect_api::{Bytes, Str};
    /// assert_eq!(Str::from_utf8(Bytes::from_static(b"abc"))?, "abc");
    /// assert!(Str::from_utf8(Bytes::from_static(b"\xff")).is_err());
    /// # Ok::<(), connect_api::Error>(())
    /// ```
    pub fn from_utf8(bytes: Bytes) -> Result<Self> {
        if bytes.len() <= INLINE {
            return match std::str::from_utf8(&bytes) {
                Ok(text) => Ok(Self::from(text)),
                Err(error) => Err(not_utf8(error)),
            };
        }
        match ByteString::try_from(bytes) {
            Ok(text) => Ok(Self(Repr::Shared(text))),
            Err(error) => Err(not_utf8(error)),
        }
    }

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Compact(text) => text,
            Repr::Shared(text) => text,
        }
    }

    /// The same text in a buffer of its own. Call it before keeping text beyond a batch: a short slice otherwise keeps
    /// the whole fetched buffer alive.
    ///
    /// ```
    /// use connect_api::{Bytes, Str};
    /// let fetched = Bytes::from(vec![b'x'; 1_000_000]);
    /// let text = Str::from_utf8(fetched.slice(..30))?.detach();
    /// drop(fetched); // frees the million bytes
    /// assert_eq!(text.len(), 30);
    /// # Ok::<(), connect_api::Error>(())
    /// ```
    #[must_use]
    pub fn detach(&self) -> Self {
        match &self.0 {
            Repr::Compact(_) => self.clone(),
            Repr::Shared(text) => Self::from(&**text),
        }
    }

    /// The text as bytes. Longer text is not copied.
    pub fn to_bytes(&self) -> Bytes {
        match &self.0 {
            Repr::Compact(text) => match text.as_static_str() {
                Some(text) => Bytes::from_static(text.as_bytes()),
                None => Bytes::copy_from_slice(text.as_bytes()),
            },
            Repr::Shared(text) => text.as_bytes().clone(),
        }
    }
}

fn not_utf8(error: std::str::Utf8Error) -> Error {
    Error::data(format!("The text is not UTF-8: {error}"))
}

impl Default for Str {
    fn default() -> Self {
        Self::from_static("")
    }
}

impl From<&str> for Str {
    #[inline]
    fn from(text: &str) -> Self {
        if text.len() <= INLINE {
            Self(Repr::Compact(CompactString::new(text)))
        } else {
            Self(Repr::Shared(ByteString::from(text)))
        }
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        if text.len() <= INLINE {
            Self::from(text.as_str())
        } else {
            Self(Repr::Shared(ByteString::from(text)))
        }
    }
}

impl From<&String> for Str {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&Self> for Str {
    fn from(text: &Self) -> Self {
        text.clone()
    }
}

impl From<Cow<'_, str>> for Str {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::from(text),
            Cow::Owned(text) => Self::from(text),
        }
    }
}

impl From<Str> for String {
    fn from(text: Str) -> Self {
        text.as_str().to_owned()
    }
}

impl Deref for Str {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Str {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Str {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Str {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.as_str(), other.as_str());
        // Long names of topics and fields are clones of one text more often than not.
        std::ptr::eq(a, b) || a == b
    }
}

impl Eq for Str {}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Str {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other.as_str()
    }
}

impl PartialEq<Str> for str {
    fn eq(&self, other: &Str) -> bool {
        self == other.as_str()
    }
}

impl PartialEq<Str> for &str {
    fn eq(&self, other: &Str) -> bool {
        *self == other.as_str()
    }
}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_in_four_words() {
        assert_eq!(size_of::<Str>(), 32);
    }

    #[test]
    fn long_text_is_a_slice_of_the_payload() {
        let payload = Bytes::from("x".repeat(100));
        let text = Str::from_utf8(payload.slice(10..50)).unwrap();
        assert_eq!(text.as_str().as_ptr(), payload[10..].as_ptr());
        assert_eq!(text.clone().as_str().as_ptr(), text.as_str().as_ptr());
        assert_ne!(text.detach().as_str().as_ptr(), text.as_str().as_ptr());
        assert_eq!(text.to_bytes().as_ptr(), text.as_str().as_ptr());
    }

    #[test]
    fn static_text_of_any_length_is_not_copied() {
        const LONG: &str = "a text that is longer than twenty-four bytes";
        assert_eq!(Str::from_static(LONG).as_str().as_ptr(), LONG.as_ptr());
    }

    #[test]
    fn equality_and_order_are_those_of_the_text() {
        let long = "y".repeat(30);
        assert_eq!(Str::from(long.as_str()), Str::from(long.clone()));
        let (a, b) = (Str::from("a"), Str::from(long));
        assert!(a < b);
        assert_eq!(Str::default(), "");
    }
}
