//! [`SchemaCache`]: what was worked out for a schema, kept for the next record.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use connect_api::{Result, Schema};

/// How many schemas are remembered; the number that Kafka's transformations remember.
const CAPACITY: usize = 16;

/// The last schemas and what was made of them, the latest first.
#[derive(Debug)]
pub(crate) struct SchemaCache<T> {
    entries: Mutex<VecDeque<(Schema, Arc<T>)>>,
}

impl<T> Default for SchemaCache<T> {
    fn default() -> Self {
        Self { entries: Mutex::default() }
    }
}

impl<T> SchemaCache<T> {
    /// What was made of the schema, made now if it is not known.
    pub(crate) fn get(&self, schema: &Schema, make: impl FnOnce(&Schema) -> Result<T>) -> Result<Arc<T>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // The same allocation is the usual case; a deep comparison only follows when there is none.
        let found = entries
            .iter()
            .position(|(known, _)| known.is_same(schema))
            .or_else(|| entries.iter().position(|(known, _)| known == schema));
        let entry = match found {
            Some(0) => return Ok(Arc::clone(&entries[0].1)),
            Some(place) => entries.remove(place),
            None => None,
        };
        let entry = match entry {
            Some(entry) => entry,
            None => {
                entries.truncate(CAPACITY - 1);
                (schema.clone(), Arc::new(make(schema)?))
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
