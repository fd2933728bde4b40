//! Garbage on the internal topics, in memory; the log says what was skipped.

use std::io::Write;
use std::sync::{Arc, Mutex};

use connect_runtime::kafka::ClientProperties;
use connect_runtime::{Connect, MemoryKafka};

#[path = "../poison/mod.rs"]
mod shared;

/// What the log of this thread says.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn garbage_on_the_internal_topics_is_reported_and_skipped() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let kafka = MemoryKafka::new();
    let builder = || Connect::builder().memory(kafka.clone()).property("bootstrap.servers", "memory:9092");
    shared::workers_stand_garbage(builder, &kafka, &ClientProperties::new(), 1000).await;
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    let skipped: Vec<&str> = log.lines().filter(|line| line.contains("is skipped")).collect();
    for expected in [
        &["topic=configs", "offset=", "key=\"connector-good\"", "JSON"][..],
        &["topic=configs", "key=\"commit-good\"", "no number of tasks: -1"],
        &["topic=configs", "key=\"session-key\"", "no member \\\"key\\\""],
        &["topic=status", "key=\"status-task-good-x\"", "without a task number"],
        &["topic=status", "key=\"status-connector-good\"", "unknown state NOPE"],
    ] {
        assert!(
            skipped.iter().any(|line| expected.iter().all(|part| line.contains(part))),
            "{expected:?} is not in the log:\n{}",
            skipped.iter().take(30).copied().collect::<Vec<_>>().join("\n")
        );
    }
    assert!(log.lines().all(|line| line.len() < 3000), "no line holds a whole record");
}
