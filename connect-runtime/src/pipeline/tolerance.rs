//! The only place that decides what an error means: try again, skip the record, or fail the task.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use connect_api::{Error, Result};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::report::{self, DeadLetters, Failure};
use crate::config::{ErrorHandling, Resolved};
use crate::ledger::Ends;
use crate::metrics::{TaskCounters, add};
use crate::time::now_millis;

/// One operation under way: when it began and how often it failed.
pub(crate) struct Attempt {
    started: Instant,
    failures: u32,
}

impl Attempt {
    pub(crate) fn first() -> Self {
        Self { started: Instant::now(), failures: 0 }
    }
}

/// Applies the `errors.*` settings of one task.
pub(crate) struct Operator {
    pub(crate) settings: ErrorHandling,
    task: String,
    counters: Arc<TaskCounters>,
    /// What must not be seen.
    secrets: Arc<Resolved>,
    letters: Option<Arc<DeadLetters>>,
}

impl Operator {
    /// Whether a retriable failure is tried again at all.
    pub(crate) fn retries(&self) -> bool {
        self.settings.retry_timeout != Some(Duration::ZERO)
    }

    /// `task` is the task's name in messages: `connector-0`.
    pub(crate) fn new(
        settings: ErrorHandling,
        task: String,
        counters: Arc<TaskCounters>,
        secrets: Arc<Resolved>,
        letters: Option<Arc<DeadLetters>>,
    ) -> Self {
        Self { settings, task, counters, secrets, letters }
    }

    /// The dead letter queue, where there is one.
    pub(crate) fn letters(&self) -> Option<&DeadLetters> {
        self.letters.as_deref()
    }

    /// How records that were given up stand in the ledger.
    pub(crate) fn given_up(&self, records: usize) -> Ends {
        match self.letters {
            Some(_) => Ends { dead_lettered: records, ..Ends::default() },
            None => Ends { tolerated: records, ..Ends::default() },
        }
    }

    pub(crate) fn counters(&self) -> &TaskCounters {
        &self.counters
    }

    /// After a failed attempt: waits and answers `true` when it shall be repeated.
    pub(crate) async fn retry(&self, error: &Error, attempt: &mut Attempt) -> bool {
        add(&self.counters.failures, 1);
        // Anything else would fail in the same way again: Kafka repeats RetriableException only.
        if !error.is_retriable() {
            return false;
        }
        let deadline = self.settings.retry_timeout.map(|timeout| attempt.started + timeout);
        let now = Instant::now();
        if deadline.is_some_and(|deadline| now >= deadline) {
            return false;
        }
        attempt.failures += 1;
        let mut delay = backoff(attempt.failures, self.settings.retry_delay_max, now);
        if let Some(deadline) = deadline {
            delay = delay.min(deadline - now);
        }
        tokio::time::sleep(delay).await;
        add(&self.counters.retries, 1);
        true
    }

    /// The record is given up in this stage. `Ok`: skip it and go on; `Err`: the task fails with this error.
    pub(crate) fn give_up(&self, failure: &Failure<'_>) -> Result<()> {
        self.report(failure, None)?;
        add(&self.counters.skipped, 1);
        Ok(())
    }

    /// As `give_up`, for a record that Kafka refused: it went through no attempts.
    pub(crate) fn refused(&self, failure: &Failure<'_>) -> Result<()> {
        add(&self.counters.failures, 1);
        self.give_up(failure)
    }

    /// As `refused`, for a record that a task reports. Whoever knows whether the record would be delivered otherwise
    /// counts it as skipped. `reply` hears when the dead letter is written; without a queue it is dropped.
    pub(crate) fn reported(&self, failure: &Failure<'_>, reply: oneshot::Sender<Result<()>>) -> Result<()> {
        add(&self.counters.failures, 1);
        self.report(failure, Some(reply))
    }

    fn report(&self, failure: &Failure<'_>, reply: Option<oneshot::Sender<Result<()>>>) -> Result<()> {
        add(&self.counters.errors, 1);
        self.counters.last_error.store(now_millis(), Relaxed);
        // Reporters run also for the failure that ends the task: it is the one people look for.
        if self.settings.log_enable {
            report::log(&self.task, failure, self.settings.log_include_messages, &self.secrets);
            add(&self.counters.logged, 1);
        }
        if let Some(letters) = &self.letters {
            letters.send(failure, &self.secrets, reply);
        }
        if self.settings.tolerate {
            return Ok(());
        }
        let error = Error::connect("Tolerance exceeded in error handler")
            .with("stage", failure.stage.as_str())
            .with("class", failure.class);
        Err(failure.subject.name(error).with_source(copy(failure.error)))
    }
}

/// An error cannot be cloned, its text can.
fn copy(error: &Error) -> Error {
    Error::new(error.kind(), error.trace())
}

/// 300 ms, doubled each time; beyond the maximum a time below it that differs from task to task.
fn backoff(failures: u32, max: Duration, now: Instant) -> Duration {
    let exponential =
        Duration::from_millis(300).saturating_mul(1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX));
    if exponential <= max {
        return exponential;
    }
    // The jitter needs to differ between tasks, not to be unpredictable: the clock's fine digits do.
    let fine =
        u64::from(now.elapsed().subsec_nanos()) ^ u64::from(failures).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let max_millis = u64::try_from(max.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(fine % max_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Stage, Subject};

    fn operator(retry: Option<Duration>, tolerate: bool) -> Operator {
        let settings = ErrorHandling {
            retry_timeout: retry,
            retry_delay_max: Duration::from_secs(60),
            tolerate,
            ..ErrorHandling::default()
        };
        let secrets = Arc::new(Resolved::plain(connect_api::Properties::new()));
        Operator::new(settings, "c-0".to_owned(), Arc::default(), secrets, None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_retriable_error_is_repeated_until_the_time_is_over() {
        let operator = operator(Some(Duration::from_secs(2)), false);
        let mut attempt = Attempt::first();
        let start = Instant::now();
        let mut delays = Vec::new();
        while operator.retry(&Error::retriable("busy"), &mut attempt).await {
            delays.push(start.elapsed().as_millis());
        }
        // 300, 600, then 1200 cut to the deadline.
        assert_eq!(delays, [300, 900, 2000]);
        assert_eq!(operator.counters.snapshot().retries, 3);
        assert_eq!(operator.counters.snapshot().record_failures, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_is_not_retriable_is_not_repeated() {
        let operator = operator(None, false);
        assert!(!operator.retry(&Error::data("bad"), &mut Attempt::first()).await);
    }

    #[test]
    fn tolerance_all_skips_and_none_fails_with_the_coordinates() {
        let record = crate::kafka::ConsumerRecord {
            offset: 7,
            timestamp: 0,
            timestamp_type: connect_api::TimestampType::CreateTime,
            key: None,
            value: None,
            headers: connect_api::RawHeaders::default(),
        };
        let error = Error::data("no number");
        let failure = Failure {
            stage: Stage::ValueConverter,
            class: "JsonConverter",
            error: &error,
            subject: Subject::Sink { topic: "t", partition: 3, record: &record },
        };
        let lenient = operator(None, true);
        assert!(lenient.give_up(&failure).is_ok());
        assert_eq!(lenient.counters.snapshot().records_skipped, 1);
        let text = operator(None, false).give_up(&failure).unwrap_err().to_string();
        assert_eq!(
            text,
            "Tolerance exceeded in error handler (stage=VALUE_CONVERTER, class=JsonConverter, topic=t, partition=3, \
             offset=7): no number"
        );
    }
}
