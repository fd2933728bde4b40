//! When failed tasks are started again: the bookkeeping of `errors.restart.*`.

use std::collections::BTreeMap;

use connect_api::Error;
use tokio::time::Instant;

use crate::config::{RestartMode, RestartPolicy};

/// One task that has failed since somebody started it.
#[derive(Debug)]
struct Book {
    /// How often it failed.
    failures: u64,
    /// Restarts in a row.
    attempts: u32,
    /// When it is started again.
    due: Option<Instant>,
    /// When it was started last.
    started: Instant,
}

/// What the policy says about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) failures: u64,
    pub(super) attempts: u32,
    /// `None`: it stays failed.
    pub(super) due: Option<Instant>,
}

/// The tasks of a connector that failed.
#[derive(Debug, Default)]
pub(super) struct Restarts(BTreeMap<usize, Book>);

impl Restarts {
    /// A task that was started at `started` has failed now.
    pub(super) fn failed(
        &mut self,
        task: usize,
        started: Instant,
        error: &Error,
        policy: &RestartPolicy,
    ) -> Verdict {
        let now = Instant::now();
        let book = self.0.entry(task).or_insert(Book { failures: 0, attempts: 0, due: None, started });
        book.started = started;
        book.failures += 1;
        if now.duration_since(book.started) >= policy.reset {
            book.attempts = 0;
        }
        let wanted = match policy.mode {
            RestartMode::None => false,
            RestartMode::Retriable => may_pass(error),
            RestartMode::All => true,
        };
        let left = policy.max_attempts.is_none_or(|max| book.attempts < max);
        book.due = (wanted && left).then(|| now + policy.pause(book.attempts));
        Verdict { failures: book.failures, attempts: book.attempts, due: book.due }
    }

    /// When the next task is started again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(|book| book.due).min()
    }

    /// The tasks whose time has come, with how many restarts that makes in a row. Each is answered once.
    pub(super) fn take_due(&mut self) -> Vec<usize> {
        let now = Instant::now();
        let due = self.0.iter_mut().filter(|(_, book)| book.due.is_some_and(|due| due <= now));
        due.map(|(task, book)| {
            book.due = None;
            book.attempts = book.attempts.saturating_add(1);
            *task
        })
        .collect()
    }

    /// Somebody started, stopped or removed the task: what was is over.
    pub(super) fn forget(&mut self, task: usize) {
        self.0.remove(&task);
    }

    pub(super) fn forget_from(&mut self, from: usize) {
        self.0.retain(|task, _| *task < from);
    }
}

/// Whether the error or one of its causes is retriable.
fn may_pass(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<Error>().is_some_and(Error::is_retriable) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn policy(mode: RestartMode, max: u32) -> RestartPolicy {
        RestartPolicy {
            mode,
            max_attempts: Some(max),
            backoff_max: Duration::from_secs(3),
            ..RestartPolicy::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_longest_and_end_with_the_budget() {
        let (mut restarts, policy) = (Restarts::default(), policy(RestartMode::All, 4));
        let mut pauses = Vec::new();
        loop {
            let now = Instant::now();
            let verdict = restarts.failed(0, now, &Error::data("bad"), &policy);
            let Some(due) = verdict.due else {
                assert_eq!((verdict.failures, verdict.attempts), (5, 4));
                break;
            };
            pauses.push((due - now).as_secs());
            assert!(restarts.take_due().is_empty());
            tokio::time::sleep_until(restarts.next().unwrap()).await;
            assert_eq!(restarts.take_due(), [0]);
            assert!(restarts.next().is_none());
        }
        assert_eq!(pauses, [1, 2, 3, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ran_long_enough_begins_to_count_anew() {
        let (mut restarts, policy) = (Restarts::default(), policy(RestartMode::All, 1));
        let error = Error::connect("gone");
        let started = Instant::now();
        assert!(restarts.failed(0, started, &error, &policy).due.is_some());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(restarts.take_due(), [0]);
        let started = Instant::now();
        assert!(restarts.failed(0, started, &error, &policy).due.is_none());
        tokio::time::sleep(policy.reset).await;
        let verdict = restarts.failed(0, started, &error, &policy);
        assert_eq!((verdict.failures, verdict.attempts), (3, 0));
        assert!(verdict.due.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_mode_retriable_looks_at_the_causes() {
        let (mut restarts, policy) = (Restarts::default(), policy(RestartMode::Retriable, 9));
        let now = Instant::now();
        let inside = Error::connect("stopped").with_source(Error::retriable("busy"));
        assert!(restarts.failed(0, now, &inside, &policy).due.is_some());
        assert!(restarts.failed(1, now, &Error::data("bad"), &policy).due.is_none());
        restarts.forget(0);
        assert!(restarts.next().is_none());
    }
}
