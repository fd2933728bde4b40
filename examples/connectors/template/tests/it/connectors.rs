//! What the connectors do.

use connect_api::{Plugins, SourceOffset, Value};
use connect_template::{CollectingSink, CounterSource, store};
use connect_testkit::{SinkHarness, SinkOptions, SourceHarness, values};

#[tokio::test(start_paused = true)]
async fn the_counter_resumes_after_the_last_committed_number() {
    let mut source = SourceHarness::<CounterSource>::start([("topic", "t"), ("count", "5")]).await.unwrap();
    source.poll_until(3).await.unwrap();
    source.commit().await.unwrap();
    source.poll_until(1).await.unwrap(); // polled, never committed

    let mut source = source.restart().await.unwrap();
    let got = source.poll_until(2).await.unwrap();
    assert_eq!(values(&got), [Value::Int64(3), Value::Int64(4)]);
    assert_eq!(got[1].source_offset, SourceOffset::of("next", 5));
}

#[tokio::test(start_paused = true)]
async fn the_sink_writes_when_it_is_flushed() {
    let mut sink = SinkHarness::<CollectingSink>::start([("collection", "flushed")]).await.unwrap();
    sink.open("t", 0).await.unwrap();
    sink.produce("t", 0, "a");
    sink.deliver().await.unwrap();
    assert!(store::read("flushed").is_empty());
    sink.commit().await.unwrap();
    assert_eq!(store::read("flushed"), [Value::from("a")]);
}

#[tokio::test(start_paused = true)]
async fn without_a_dead_letter_queue_a_null_fails_the_batch_and_nothing_of_it_is_kept() {
    let options = SinkOptions::new([("collection", "nulls")]).without_reporter();
    let mut sink = SinkHarness::<CollectingSink>::start_with(options).await.unwrap();
    sink.open("t", 0).await.unwrap();
    sink.produce("t", 0, "a");
    sink.produce("t", 0, Value::Null);
    let error = sink.deliver().await.unwrap_err();
    assert_eq!(error.to_string(), "A collection takes no null (offset=1)");
    sink.commit().await.unwrap();
    assert!(store::read("nulls").is_empty());
}

#[test]
fn both_connectors_are_registered_once() {
    let mut plugins = Plugins::default();
    connect_template::register(&mut plugins);
    plugins.check().unwrap();
    assert!(plugins.find_connector("CollectingSink").is_ok());
}
