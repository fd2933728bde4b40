//! [`Cache`]: what was loaded once, within a bound, with one load in flight per key.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A bounded map from keys to what was loaded for them. The oldest entry makes room for a new one.
///
/// A hit takes a lock for the time of a look-up and awaits nothing. Concurrent misses of one key load once; those of
/// different keys do not wait for each other. A failed load leaves nothing behind.
#[derive(Debug)]
pub struct Cache<K, V> {
    bound: usize,
    state: Mutex<State<K, V>>,
}

#[derive(Debug)]
struct State<K, V> {
    entries: HashMap<K, Entry<V>>,
    order: VecDeque<K>,
    flights: HashMap<K, Arc<tokio::sync::Mutex<()>>>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    expires: Option<Instant>,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// An empty cache of at most `bound` entries; 0 counts as 1.
    pub fn new(bound: usize) -> Self {
        let state = State { entries: HashMap::new(), order: VecDeque::new(), flights: HashMap::new() };
        Self { bound: bound.max(1), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there, unless its time is over.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let state = self.state();
        let entry = state.entries.get(key)?;
        let alive = entry.expires.is_none_or(|expires| Instant::now() < expires);
        alive.then(|| entry.value.clone())
    }

    /// Puts an entry in; with a time to live it is gone after that.
    pub fn insert(&self, key: K, value: V, ttl: Option<Duration>) {
        let expires = ttl.map(|ttl| Instant::now() + ttl);
        let mut state = self.state();
        if state.entries.insert(key.clone(), Entry { value, expires }).is_none() {
            state.order.push_back(key);
        }
        while state.order.len() > self.bound {
            if let Some(oldest) = state.order.pop_front() {
                state.entries.remove(&oldest);
            }
        }
    }

    /// How many entries there are, those whose time is over included.
    pub fn len(&self) -> usize {
        self.state().entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is there, or else what `load` answers with its time to live. Callers that ask for the same key meanwhile
    /// wait for the load under way; if it fails, the next of them tries.
    ///
    /// # Errors
    ///
    /// Those of `load`.
    pub async fn get_or_load<E, F>(&self, key: &K, load: F) -> Result<V, E>
    where
        F: Future<Output = Result<(V, Option<Duration>), E>>,
    {
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        let flight = Arc::clone(self.state().flights.entry(key.clone()).or_default());
        let _landed = Landing { cache: self, key };
        let _turn = flight.lock().await;
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        let (value, ttl) = load.await?;
        self.insert(key.clone(), value.clone(), ttl);
        Ok(value)
    }
}

/// Forgets a flight when the last of those that wait for it leaves, also when it is cancelled.
struct Landing<'a, K: Hash + Eq + Clone, V: Clone> {
    cache: &'a Cache<K, V>,
    key: &'a K,
}

impl<K: Hash + Eq + Clone, V: Clone> Drop for Landing<'_, K, V> {
    fn drop(&mut self) {
        let mut state = self.cache.state();
        // The map's own handle, and the one of the caller that is leaving.
        if state.flights.get(self.key).is_some_and(|flight| Arc::strong_count(flight) <= 2) {
            state.flights.remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_makes_room() {
        let cache = Cache::new(2);
        for n in 0..3 {
            cache.insert(n, n * 10, None);
        }
        assert_eq!((cache.get(&0), cache.get(&1), cache.get(&2), cache.len()), (None, Some(10), Some(20), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_is_gone_after_its_time() {
        let cache = Cache::new(2);
        cache.insert("a", 1, Some(Duration::from_secs(10)));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(cache.get("a"), Some(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cache.get("a"), None);
    }

    #[tokio::test]
    async fn concurrent_misses_of_one_key_load_once() {
        let cache = Cache::<u8, u8>::new(4);
        let loads = Mutex::new(0);
        let load = || {
            cache.get_or_load(&1, async {
                *loads.lock().unwrap() += 1;
                tokio::task::yield_now().await;
                Ok::<_, ()>((7, None))
            })
        };
        assert_eq!(tokio::join!(load(), load(), load()), (Ok(7), Ok(7), Ok(7)));
        assert_eq!(*loads.lock().unwrap(), 1);
        assert!(cache.state().flights.is_empty());
    }

    #[tokio::test]
    async fn a_failed_load_leaves_nothing_behind() {
        let cache = Cache::<u8, u8>::new(4);
        assert_eq!(cache.get_or_load(&1, async { Err("down") }).await, Err("down"));
        assert!(cache.is_empty() && cache.state().flights.is_empty());
        assert_eq!(cache.get_or_load(&1, async { Ok::<_, ()>((1, None)) }).await, Ok(1));
    }
}
