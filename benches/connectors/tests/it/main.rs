//! The contract of the connectors, as their Java counterparts have it.
#![allow(clippy::unwrap_used, reason = "test code")]

use connect_perf::{PerfSink, PerfSource};
use connect_testkit::{SinkHarness, SourceHarness};

#[tokio::test]
async fn the_source_hands_out_whole_batches_until_it_has_emitted_enough() {
    let config = [("topic", "t"), ("records", "25"), ("batch", "10"), ("size", "7")];
    let mut source = SourceHarness::<PerfSource>::start(config).await.unwrap();
    for expected in [10, 10, 10, 0] {
        let records = source.poll().await.unwrap();
        assert_eq!(records.len(), expected);
        let lengths = records.iter().map(|record| record.record.value.value.as_bytes().unwrap().len());
        assert!(lengths.into_iter().all(|length| length == 7));
    }
}

#[tokio::test]
async fn the_sink_notes_the_first_records_and_then_every_hundred_thousand() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut sink = SinkHarness::<PerfSink>::start([("file", log.path().to_str().unwrap())]).await.unwrap();
    sink.open("t", 0).await.unwrap();
    for _ in 0..3 {
        for _ in 0..60_000 {
            sink.produce("t", 0, "x");
        }
        sink.deliver().await.unwrap();
    }
    let text = std::fs::read_to_string(log.path()).unwrap();
    let counts: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(counts, ["60000", "120000"]);
}
