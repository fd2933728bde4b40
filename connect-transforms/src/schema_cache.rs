//! [`SchemaCache`] and [`ShapeCache`]: what was worked out for a form of data, kept for the next record.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use connect_api::data::Shape;
use connect_api::{Result, Schema};

/// How many forms are remembered; the number of schemas that Kafka's transformations remember.
const CAPACITY: usize = 16;

/// What was made of the schemas used last.
pub(crate) type SchemaCache<T> = Cache<Schema, T>;

/// What was made of the key lists used last, where there is no schema.
pub(crate) type ShapeCache<T> = Cache<Shape, T>;

/// A handle of something shared, which is compared cheaply first.
pub(crate) trait Form: Clone + PartialEq {
    /// Whether both are the same allocation; `false` says nothing.
    fn is_same(&self, other: &Self) -> bool;
}

impl Form for Schema {
    fn is_same(&self, other: &Self) -> bool {
        Self::is_same(self, other)
    }
}

impl Form for Shape {
    fn is_same(&self, other: &Self) -> bool {
        Self::is_same(self, other)
    }
}

/// The last forms and what was made of them, the latest first.
#[derive(Debug)]
pub(crate) struct Cache<F, T> {
    entries: Mutex<VecDeque<(F, Arc<T>)>>,
}

impl<F, T> Default for Cache<F, T> {
    fn default() -> Self {
        Self { entries: Mutex::default() }
    }
}

impl<F: Form, T> Cache<F, T> {
    /// What was made of the form, made now if it is not known.
    pub(crate) fn get(&self, form: &F, make: impl FnOnce(&F) -> Result<T>) -> Result<Arc<T>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // The same allocation is the usual case; a deep comparison only follows when there is none.
        let found = entries
            .iter()
            .position(|(known, _)| known.is_same(form))
            .or_else(|| entries.iter().position(|(known, _)| known == form));
        let entry = match found {
            Some(0) => return Ok(Arc::clone(&entries[0].1)),
            Some(place) => entries.remove(place),
            None => None,
        };
        let entry = match entry {
            Some(entry) => entry,
            None => {
                entries.truncate(CAPACITY - 1);
                (form.clone(), Arc::new(make(form)?))
            }
        };
        let made = Arc::clone(&entry.1);
        entries.push_front(entry);
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixteen_schemas_used_last_are_remembered() {
        let cache = SchemaCache::default();
        let schemas: Vec<Schema> =
            (0..17).map(|n| Schema::structure().name(format!("s{n}")).build().unwrap()).collect();
        let known = |n: usize| {
            let mut known = true;
            cache
                .get(&schemas[n], |_| {
                    known = false;
                    Ok(())
                })
                .unwrap();
            known
        };
        assert!((0..16).all(|n| !known(n)));
        assert!(known(0), "and now the latest");
        assert!(!known(16));
        assert!(known(0) && known(2) && !known(1));
        let equal = Schema::structure().name("s0").build().unwrap();
        cache.get(&equal, |_| panic!("an equal schema is the same")).unwrap();
    }
}
