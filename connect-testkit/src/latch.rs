//! Waiting for events instead of sleeping: a [`Latch`] counts them, a [`Journal`] keeps them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// How long anything in this crate waits before it gives up, in tokio's time. With a paused clock that is no time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Counts events; a test waits until there were enough. Clones count together.
///
/// ```
/// use connect_testkit::Latch;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let written = Latch::new();
/// let writer = written.clone();
/// let mut tasks = tokio::task::JoinSet::new();
/// tasks.spawn(async move {
///     writer.count(2);
///     writer.count(1);
/// });
/// written.wait_for(3).await;
/// assert_eq!(written.counted(), 3);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Latch(Arc<watch::Sender<usize>>);

impl Latch {
    /// Nothing was counted.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Counts `events` more.
    pub fn count(&self, events: usize) {
        self.0.send_modify(|count| *count += events);
    }

    /// How many were counted so far.
    pub fn counted(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits until at least `events` were counted in total.
    ///
    /// # Panics
    ///
    /// When they were not within [`PATIENCE`].
    pub async fn wait_for(&self, events: usize) {
        let mut changes = self.0.subscribe();
        let enough = changes.wait_for(|count| *count >= events);
        if tokio::time::timeout(PATIENCE, enough).await.is_err() {
            panic!("only {} of {events} events happened within {PATIENCE:?}", self.counted());
        }
    }
}

impl Default for Latch {
    fn default() -> Self {
        Self::new()
    }
}

/// Keeps what happened, in order; a test waits until the list has what it looks for. Clones write to the same list.
///
/// ```
/// use connect_testkit::Journal;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let calls = Journal::new();
/// let task = calls.clone();
/// let mut tasks = tokio::task::JoinSet::new();
/// tasks.spawn(async move {
///     task.push("open");
///     task.push("put");
/// });
/// assert_eq!(calls.wait_for(2).await, ["open", "put"]);
/// # }
/// ```
pub struct Journal<T> {
    entries: Arc<Mutex<Vec<T>>>,
    length: Latch,
}

impl<T> Journal<T> {
    /// Nothing happened.
    pub fn new() -> Self {
        Self { entries: Arc::default(), length: Latch::new() }
    }

    /// Something happened.
    pub fn push(&self, entry: T) {
        self.lock().push(entry);
        self.length.count(1);
    }

    /// How many things happened so far.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nothing happened so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Journal<T> {
    /// Everything that happened so far.
    pub fn entries(&self) -> Vec<T> {
        self.lock().clone()
    }

    /// Waits until at least `count` things happened, and returns all of them.
    ///
    /// # Panics
    ///
    /// When they did not within [`PATIENCE`].
    pub async fn wait_for(&self, count: usize) -> Vec<T> {
        self.length.wait_for(count).await;
        self.entries()
    }

    /// Waits until `look` finds something in the list; it is asked after every entry.
    ///
    /// # Panics
    ///
    /// When it found nothing within [`PATIENCE`].
    pub async fn wait_until<R>(&self, mut look: impl FnMut(&[T]) -> Option<R>) -> R {
        let mut changes = self.length.0.subscribe();
        let search = async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = look(&self.lock()) {
                    return found;
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("none of the {} entries was the one waited for within {PATIENCE:?}", self.len()),
        }
    }
}

impl<T> Clone for Journal<T> {
    fn clone(&self) -> Self {
        Self { entries: Arc::clone(&self.entries), length: self.length.clone() }
    }
}

impl<T> Default for Journal<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for Journal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter()).finish()
    }
}
