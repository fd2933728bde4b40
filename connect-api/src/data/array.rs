//! [`Array`]: a list of values.

use std::fmt;
use std::sync::Arc;

use super::{ArrayRef, Value, ValueRef, print};

/// A list of values. Cloning shares it; editing a shared one copies it first.
///
/// ```
/// use connect_api::Value;
/// use connect_api::data::Array;
/// let mut list = Array::from(vec![Value::from(1), Value::from(2)]);
/// list.push(3);
/// assert_eq!(list.len(), 3);
/// assert_eq!(list.to_string(), "[1, 2, 3]");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Array(Arc<Vec<Value>>);

impl Array {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The element at an index.
    pub fn get(&self, index: usize) -> Option<ValueRef<'_>> {
        self.0.get(index).map(Value::as_ref)
    }

    /// The element at an index, owned. No payload is copied.
    pub fn get_owned(&self, index: usize) -> Option<Value> {
        self.0.get(index).cloned()
    }

    /// The elements in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ValueRef<'_>> + DoubleEndedIterator + Clone {
        self.0.iter().map(Value::as_ref)
    }

    /// Appends an element.
    pub fn push(&mut self, value: impl Into<Value>) {
        Arc::make_mut(&mut self.0).push(value.into());
    }

    /// Replaces an element and returns the one before, or gives `None` when there is no such index.
    pub fn set(&mut self, index: usize, value: impl Into<Value>) -> Option<Value> {
        if index >= self.0.len() {
            return None;
        }
        Some(std::mem::replace(&mut Arc::make_mut(&mut self.0)[index], value.into()))
    }

    /// Removes an element; the later ones move up.
    pub fn remove(&mut self, index: usize) -> Option<Value> {
        (index < self.0.len()).then(|| Arc::make_mut(&mut self.0).remove(index))
    }

    /// Keeps the elements that the condition holds for.
    pub fn retain(&mut self, mut keep: impl FnMut(ValueRef<'_>) -> bool) {
        Arc::make_mut(&mut self.0).retain(|value| keep(value.as_ref()));
    }

    /// The same list as a view.
    pub fn as_ref(&self) -> ArrayRef<'_> {
        ArrayRef::new(self)
    }

    pub(crate) fn values(&self) -> &[Value] {
        &self.0
    }
}

impl<V: Into<Value>> From<Vec<V>> for Array {
    fn from(values: Vec<V>) -> Self {
        values.into_iter().collect()
    }
}

impl<V: Into<Value>> FromIterator<V> for Array {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        Self(Arc::new(values.into_iter().map(Into::into).collect()))
    }
}

impl<V: Into<Value>> Extend<V> for Array {
    fn extend<I: IntoIterator<Item = V>>(&mut self, values: I) {
        Arc::make_mut(&mut self.0).extend(values.into_iter().map(Into::into));
    }
}

impl IntoIterator for Array {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

impl fmt::Display for Array {
    /// As Java prints a list: `[a, b]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::display(f, |out| print::array(out, self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editing_a_clone_leaves_the_original_alone() {
        let list = Array::from(vec![1, 2, 3]);
        let mut other = list.clone();
        assert_eq!(other.set(0, "x"), Some(Value::from(1)));
        assert_eq!(other.remove(1), Some(Value::from(2)));
        assert_eq!(other.set(9, 1), None);
        assert_eq!(other.remove(9), None);
        other.retain(|value| value != ValueRef::Int32(3));
        assert_eq!(list.to_string(), "[1, 2, 3]");
        assert_eq!(other.to_string(), "[x]");
    }
}
