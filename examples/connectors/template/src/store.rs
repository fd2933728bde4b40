//! Stands for the other system: named collections in this process. Your connector has a client here instead.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use connect_api::Value;

static COLLECTIONS: Mutex<BTreeMap<String, Vec<Value>>> = Mutex::new(BTreeMap::new());

/// Adds values to a collection.
pub fn append(collection: &str, values: impl IntoIterator<Item = Value>) {
    let mut collections = COLLECTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    collections.entry(collection.to_owned()).or_default().extend(values);
}

/// What a collection holds.
pub fn read(collection: &str) -> Vec<Value> {
    let collections = COLLECTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    collections.get(collection).cloned().unwrap_or_default()
}
