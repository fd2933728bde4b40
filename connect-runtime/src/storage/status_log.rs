//! The status topic of a cluster: what one worker says of its connectors and tasks all others hear.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use connect_api::Result;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::internal;
use super::log::{Entry, LogRecord, LogSettings, LogTopic, TopicLog};
use super::status::StatusStore;
use crate::kafka::{IsolationLevel, Kafka};
use crate::wire::status_topic::StatusRecord;

/// The pause before a write that failed is tried again.
const PAUSE: Duration = Duration::from_millis(300);

/// What is to be written to the status topic: one record for each key, the newest, so nothing can pile up.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    records: Mutex<BTreeMap<Bytes, Waiting>>,
    added: Notify,
    written: Notify,
}

/// A record that Kafka has not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiting {
    value: Option<Bytes>,
    /// Tells a record from the same one put again.
    number: u64,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Bytes, Waiting>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, record: &StatusRecord) {
        let (key, value) = record.encode();
        let mut records = self.lock();
        let number = records.get(&key).map_or(0, |waiting| waiting.number + 1);
        records.insert(key, Waiting { value, number });
        drop(records);
        self.added.notify_one();
    }

    pub(super) fn holds(&self, key: &[u8]) -> bool {
        self.lock().contains_key(key)
    }

    async fn next(&self) -> Vec<(Bytes, Waiting)> {
        loop {
            let waiting: Vec<_> =
                self.lock().iter().map(|(key, waiting)| (key.clone(), waiting.clone())).collect();
            if !waiting.is_empty() {
                return waiting;
            }
            self.added.notified().await;
        }
    }

    fn done(&self, written: &[(Bytes, Waiting)]) {
        let mut records = self.lock();
        for (key, waiting) in written {
            if records.get(key) == Some(waiting) {
                records.remove(key);
            }
        }
        drop(records);
        self.written.notify_waiters();
    }
}

/// See the module. Dropping it ends reading and writing.
pub(crate) struct StatusLog {
    log: Arc<TopicLog>,
    statuses: Arc<StatusStore>,
    _writer: JoinSet<()>,
}

impl StatusLog {
    /// Opens the topic, reads it to its end into the store, and from then on writes what is put there.
    pub(crate) async fn open(
        kafka: &Arc<dyn Kafka>,
        topic: LogTopic,
        create: bool,
        statuses: Arc<StatusStore>,
    ) -> Result<Self> {
        let reader = Arc::clone(&statuses);
        let isolation = IsolationLevel::ReadUncommitted;
        let settings = LogSettings { topic, purpose: internal::STATUSES, create, isolation };
        let log = TopicLog::open(kafka, settings, Box::new(move |record| apply(&reader, &record))).await?;
        let mut writer = JoinSet::new();
        let log = Arc::new(log);
        writer.spawn(write(Arc::clone(&log), Arc::clone(&statuses)));
        Ok(Self { log, statuses, _writer: writer })
    }

    /// Closes the clients of the topic; what is put from now on is not written.
    pub(crate) async fn close(&self) {
        self.log.close().await;
    }

    /// Waits until everything that was put is written.
    pub(crate) async fn flush(&self, timeout: Duration) {
        let Some(outbox) = self.statuses.outbox() else { return };
        let flushed = async {
            loop {
                let written = outbox.written.notified();
                if outbox.lock().is_empty() {
                    return;
                }
                written.await;
            }
        };
        if tokio::time::timeout(timeout, flushed).await.is_err() {
            tracing::warn!("statuses could not be written within {timeout:?}");
        }
    }
}

fn apply(statuses: &StatusStore, record: &LogRecord) {
    let Some(key) = &record.key else { return record.skipped("it has no key") };
    match StatusRecord::decode(key, record.value.as_deref()) {
        Ok(decoded) => statuses.apply(decoded),
        Err(error) => record.skipped(&error.trace()),
    }
}

async fn write(log: Arc<TopicLog>, statuses: Arc<StatusStore>) {
    let Some(outbox) = statuses.outbox() else { return };
    loop {
        let waiting = outbox.next().await;
        let entries: Vec<Entry> =
            waiting.iter().map(|(key, waiting)| (key.clone(), waiting.value.clone())).collect();
        match log.write(entries).await {
            Ok(()) => outbox.done(&waiting),
            Err(error) if error.is_retriable() => {
                tracing::warn!(error = %error.trace(), "statuses cannot be written now and are sent again");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                tracing::error!(error = %error.trace(), "statuses cannot be written: other workers do not see them");
                outbox.done(&waiting);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::memory::{MemoryKafka, Operation};
    use crate::kafka::{ClientProperties, KafkaErrorKind, NewTopic};
    use crate::storage::State;
    use crate::wire::status_topic::StatusValue;

    async fn open(kafka: &MemoryKafka, worker: &str) -> (Arc<StatusStore>, StatusLog) {
        let configs = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
        let topic = LogTopic {
            topic: NewTopic { name: "status".into(), partitions: Some(2), replication_factor: None, configs },
            producer: ClientProperties::new(),
            consumer: ClientProperties::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]),
            admin: ClientProperties::new(),
        };
        let statuses = Arc::new(StatusStore::of_cluster(worker.to_owned()));
        let kafka: Arc<dyn Kafka> = Arc::new(kafka.clone());
        let log = StatusLog::open(&kafka, topic, true, Arc::clone(&statuses)).await.unwrap();
        (statuses, log)
    }

    async fn until(statuses: &StatusStore, seen: impl Fn(&StatusStore) -> bool) {
        let mut changes = statuses.watch();
        let wait = async {
            while !seen(statuses) {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the other worker hears of it");
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_worker_says_the_other_hears_and_a_deleted_connector_takes_its_tasks_along() {
        let kafka = MemoryKafka::new();
        let ((a, _log_a), (b, _log_b)) = (open(&kafka, "a:1").await, open(&kafka, "b:1").await);
        a.put("c", None, State::Running, None);
        a.put("c", Some(0), State::Failed, Some("why".to_owned()));
        a.add_topic("c", 0, "t");
        until(&b, |b| b.get("c", Some(0)).is_some() && !b.topics("c").is_empty()).await;
        let status = b.get("c", Some(0)).unwrap();
        assert_eq!(
            (status.state, status.trace.as_deref(), &*status.worker_id),
            (State::Failed, Some("why"), "a:1")
        );
        let (late, _log) = open(&kafka, "l:1").await;
        assert_eq!(late.get("c", None).unwrap().worker_id, "a:1");
        b.remove("c");
        until(&a, |a| a.keys().is_empty() && a.topics("c").is_empty()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_worker_says_too_late_is_ignored_and_set_right() {
        let kafka = MemoryKafka::new();
        let ((a, _log_a), (b, _log_b)) = (open(&kafka, "a:1").await, open(&kafka, "b:1").await);
        a.set_generation(1);
        b.set_generation(2);
        b.put("c", None, State::Running, None);
        b.put("c", Some(0), State::Running, None);
        until(&a, |a| a.get("c", Some(0)).is_some()).await;
        // What worker a wrote when it was cut off comes now.
        for task in [None, Some(0)] {
            let status = Some(StatusValue {
                state: State::Unassigned,
                trace: None,
                worker_id: "a:1".to_owned(),
                generation: 1,
                version: None,
            });
            let late = match task {
                None => StatusRecord::Connector { name: "c".to_owned(), status },
                Some(task) => StatusRecord::Task { connector: "c".to_owned(), task, status },
            };
            let (key, value) = late.encode();
            kafka.produce("status", key, value.unwrap());
        }
        let written = || {
            let records = kafka.records("status");
            let last = |key: &str| {
                let record = records.iter().rev().find(|record| record.key_text() == Some(key));
                record.and_then(|record| record.value_text()).is_some_and(|text| text.contains("RUNNING"))
            };
            records.len() == 6 && last("status-connector-c") && last("status-task-c-0")
        };
        let wait = async {
            while !written() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the owner says it again");
        for statuses in [&a, &b] {
            for task in [None, Some(0)] {
                let status = statuses.get("c", task).unwrap();
                assert_eq!((status.state, status.worker_id.as_str()), (State::Running, "b:1"));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_fails_for_now_is_sent_again_with_what_is_known_by_then() {
        let kafka = MemoryKafka::new();
        let ((a, log), (b, _log_b)) = (open(&kafka, "a:1").await, open(&kafka, "b:1").await);
        kafka.fail_next(Operation::Produce, 1, KafkaErrorKind::Timeout);
        a.put("c", None, State::Running, None);
        a.put("c", None, State::Paused, None);
        log.flush(Duration::from_secs(60)).await;
        until(&b, |b| b.get("c", None).is_some_and(|status| status.state == State::Paused)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_had_a_task_before_does_not_overwrite_who_has_it_now() {
        let kafka = MemoryKafka::new();
        let ((a, log_a), (b, log_b)) = (open(&kafka, "a:1").await, open(&kafka, "b:1").await);
        a.set_generation(1);
        b.set_generation(2);
        a.put("c", Some(0), State::Running, None);
        log_a.flush(Duration::from_secs(60)).await;
        b.put("c", Some(0), State::Running, None);
        log_b.flush(Duration::from_secs(60)).await;
        until(&a, |a| a.get("c", Some(0)).is_some_and(|status| status.worker_id == "b:1")).await;
        a.put("c", Some(0), State::Unassigned, None);
        assert_eq!(a.get("c", Some(0)).unwrap().state, State::Running);
        // The same from a worker that did not look, as Java's may be.
        kafka.produce(
            "status",
            "status-task-c-0",
            r#"{"state":"UNASSIGNED","trace":null,"worker_id":"a:1","generation":1,"version":null}"#,
        );
        kafka.produce("status", "status-connector-c", "{poison");
        a.put("d", None, State::Running, None);
        until(&b, |b| b.get("d", None).is_some()).await;
        assert_eq!(b.get("c", Some(0)).unwrap().state, State::Running);
    }
}
