//! The converter in a whole runtime.

use std::time::Duration;

use connect_schema_registry::registry::{MemoryRegistry, RegistryError};
use connect_testkit::doc::CounterSource;

async fn counter(scope: &str, more: &[(&str, &str)]) -> connect_testkit::TestConnect {
    let connect = connect_testkit::connect()
        .plugins(|plugins| {
            plugins.bundle("1.0").source::<CounterSource>("CounterSource");
            connect_schema_registry::register(plugins);
        })
        .start()
        .await;
    let url = format!("mock://{scope}");
    let mut config = vec![
        ("connector.class", "CounterSource"),
        ("topic", "t"),
        ("count", "3"),
        ("value.converter", "io.confluent.connect.avro.AvroConverter"),
        ("value.converter.schema.registry.url", url.as_str()),
    ];
    config.extend(more);
    let config: connect_api::Properties = config.into_iter().collect();
    connect.create("numbers", config).await.unwrap();
    connect
}

#[tokio::test(start_paused = true)]
async fn records_wait_while_the_registry_is_down_and_none_is_lost() {
    let registry = MemoryRegistry::of_scope("down");
    registry.set_outage(Some(RegistryError::unreachable("down", "connection refused")));
    // Long enough that more attempts are needed than a record may resolve at once.
    let connect =
        counter("down", &[("errors.retry.timeout", "3600000"), ("errors.retry.delay.max.ms", "1000")]).await;
    tokio::time::sleep(Duration::from_secs(1800)).await;
    assert!(registry.take_requests().len() > 20);
    registry.set_outage(None);
    let records = connect.expect_records("t", 3).await;
    for (record, zigzag) in records.iter().zip([0_u8, 2, 4]) {
        assert_eq!(record.value.as_deref(), Some(&[0, 0, 0, 0, 1, zigzag][..]));
    }
    connect.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_schema_fails_the_task_with_the_registrys_message() {
    let registry = MemoryRegistry::of_scope("refused");
    registry.set_outage(Some(RegistryError::new(422, 42205, "Subject t-value is in read-only mode")));
    let connect = counter("refused", &[]).await;
    let status = connect.expect_task_state("numbers", 0, connect_runtime::State::Failed).await;
    let trace = status.trace.unwrap_or_default();
    assert!(trace.contains("Subject t-value is in read-only mode; error code: 42205"), "{trace}");
    connect.shutdown().await.unwrap();
}
