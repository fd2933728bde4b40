//! Clauses about transactions.

use std::sync::Arc;
use std::time::Duration;

use connect_runtime::kafka::{IsolationLevel, KafkaErrorKind, Producer};

use super::Fixture;
use super::tools::*;

/// A transactional producer of the implementation under test.
async fn own(fixture: &dyn Fixture, id: &str) -> Box<dyn Producer> {
    transactional_producer(fixture, id).await.unwrap()
}

async fn commit(producer: &mut dyn Producer) {
    soon("the transaction is committed", producer.commit_transaction()).await.unwrap();
}

async fn abort(producer: &mut dyn Producer) {
    soon("the transaction is aborted", producer.abort_transaction()).await.unwrap();
}

/// What `read_committed` readers see.
async fn visible(fixture: &dyn Fixture, topic: &str) -> Vec<String> {
    texts(&read_topic(fixture.kafka(), &fixture.properties(), topic, true).await)
}

pub(crate) async fn no_aborted_record_is_seen(fixture: &dyn Fixture) {
    if !can(fixture, Need::Transactions).await {
        return;
    }
    let topic = unique("aborted");
    create(fixture, &topic, 2).await;
    let mut producer = own(fixture, &topic).await;
    let mut expected = Vec::new();
    for (number, range) in [0..100, 100..200, 200..205, 205..300].into_iter().enumerate() {
        producer.begin_transaction().await.unwrap();
        write(&mut *producer, numbers(&topic, 0, range.clone())).await;
        write(&mut *producer, numbers(&topic, 1, range.clone())).await;
        if number % 2 == 0 {
            commit(&mut *producer).await;
            expected.extend(counted(range));
        } else {
            abort(&mut *producer).await;
        }
    }
    let read = read_topic(fixture.kafka(), &fixture.properties(), &topic, true).await;
    for partition in 0..2 {
        let of_partition = read.iter().filter(|(number, _)| *number == partition).cloned().collect();
        assert_eq!(texts(&of_partition), expected, "partition {partition}");
    }
    let all = read_topic(fixture.kafka(), &fixture.properties(), &topic, false).await;
    assert_eq!(all.len(), 600, "read_uncommitted sees the aborted ones too");
    if let Some(lines) = fixture.genuine_lines(&topic, "read_committed").await {
        assert_eq!(lines.len(), 2 * expected.len(), "Kafka's own tools see as many records");
    }
}

pub(crate) async fn the_position_moves_past_markers(fixture: &dyn Fixture) {
    if !can(fixture, Need::ReadsPastMarkers).await {
        return;
    }
    let topic = unique("markers");
    create(fixture, &topic, 1).await;
    let mut producer =
        transactional_producer(fixture, &topic).await.expect("somebody can write transactions");
    commit_one(&mut *producer, &topic).await;
    producer.begin_transaction().await.unwrap();
    write(&mut *producer, numbers(&topic, 0, 1..2)).await;
    abort(&mut *producer).await;
    let admin = admin(fixture).await;
    let at = &partitions_of(&topic, 1);
    // The broker answers before it has written the last marker.
    soon("there are record, marker, record, marker", async {
        while admin.end_offsets(at, IsolationLevel::ReadUncommitted).await.unwrap()[&at[0]] < 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;

    // `read_topic` ends when the position has reached the end offset.
    assert_eq!(visible(fixture, &topic).await, ["0"]);
    let mut consumer = reader(fixture, &topic, 1, &[("isolation.level", "read_committed")]).await;
    soon("the position is at the end", async {
        while consumer.position(&at[0]).await.unwrap() < 4 {
            poll(&mut *consumer).await;
        }
    })
    .await;
    commit_one(&mut *producer, &topic).await;
    assert_eq!(texts(&read(&mut *consumer, 1).await), ["0"], "reading goes on behind the markers");
}

pub(crate) async fn an_open_transaction_hides_what_follows(fixture: &dyn Fixture) {
    if !can(fixture, Need::Transactions).await {
        return;
    }
    let topic = unique("open");
    create(fixture, &topic, 1).await;
    let mut plain = producer(fixture, &[]).await;
    write(&mut *plain, numbers(&topic, 0, 0..1)).await;
    let mut transactional = own(fixture, &topic).await;
    transactional.begin_transaction().await.unwrap();
    write(&mut *transactional, numbers(&topic, 0, 1..2)).await;
    write(&mut *plain, numbers(&topic, 0, 2..3)).await;

    let (admin, at) = (admin(fixture).await, partitions_of(&topic, 1));
    let stable = admin.end_offsets(&at, IsolationLevel::ReadCommitted).await.unwrap();
    let high = admin.end_offsets(&at, IsolationLevel::ReadUncommitted).await.unwrap();
    assert_eq!((stable[&at[0]], high[&at[0]]), (1, 3));
    let mut consumer = reader(fixture, &topic, 1, &[("isolation.level", "read_committed")]).await;
    assert_eq!(texts(&read(&mut *consumer, 1).await), ["0"]);
    commit(&mut *transactional).await;
    assert_eq!(texts(&read(&mut *consumer, 2).await), ["1", "2"]);
}

pub(crate) async fn a_fenced_producer_cannot_commit(fixture: &dyn Fixture) {
    if !can(fixture, Need::Transactions).await {
        return;
    }
    let topic = unique("fenced");
    create(fixture, &topic, 1).await;
    let mut zombie = own(fixture, &topic).await;
    zombie.begin_transaction().await.unwrap();
    write(&mut *zombie, numbers(&topic, 0, 0..1)).await;

    let mut heir = own(fixture, &topic).await;
    let error = soon("the commit fails", zombie.commit_transaction()).await.unwrap_err();
    assert_eq!(error.kind(), KafkaErrorKind::Fenced, "{error}");
    assert!(!error.is_retriable());
    heir.begin_transaction().await.unwrap();
    write(&mut *heir, numbers(&topic, 0, 1..2)).await;
    commit(&mut *heir).await;
    assert_eq!(visible(fixture, &topic).await, ["1"], "what the zombie left is aborted");
}

pub(crate) async fn admin_fences_producers(fixture: &dyn Fixture) {
    if !can(fixture, Need::Transactions).await {
        return;
    }
    let topic = unique("admin-fences");
    create(fixture, &topic, 1).await;
    let ids = [format!("{topic}-0"), format!("{topic}-1"), format!("{topic}-never-seen")];
    let mut zombies = [own(fixture, &ids[0]).await, own(fixture, &ids[1]).await];
    for zombie in &mut zombies {
        zombie.begin_transaction().await.unwrap();
        write(&mut **zombie, numbers(&topic, 0, 0..1)).await;
    }
    soon("the producers are fenced", admin(fixture).await.fence_producers(&ids)).await.unwrap();
    // Nothing open is left: the end of the stable part is the end.
    let (admin, at) = (admin(fixture).await, partitions_of(&topic, 1));
    let stable = admin.end_offsets(&at, IsolationLevel::ReadCommitted).await.unwrap();
    let high = admin.end_offsets(&at, IsolationLevel::ReadUncommitted).await.unwrap();
    assert_eq!(stable, high);
    for zombie in &mut zombies {
        let error = soon("the commit fails", zombie.commit_transaction()).await.unwrap_err();
        assert_eq!(error.kind(), KafkaErrorKind::Fenced, "{error}");
    }
    assert!(visible(fixture, &topic).await.is_empty());
}

pub(crate) async fn a_transaction_covers_what_was_not_acknowledged_yet(fixture: &dyn Fixture) {
    if !can(fixture, Need::Transactions).await {
        return;
    }
    let topic = unique("covers");
    create(fixture, &topic, 4).await;
    let mut producer = own(fixture, &topic).await;
    for transaction in 0..20 {
        producer.begin_transaction().await.unwrap();
        for partition in 0..4 {
            let numbers = numbers(&topic, partition, transaction * 10..(transaction + 1) * 10);
            drop(producer.send(Arc::new(numbers), false).await.unwrap());
        }
        commit(&mut *producer).await;
    }
    // A transaction without records is fine.
    producer.begin_transaction().await.unwrap();
    commit(&mut *producer).await;
    let read = read_topic(fixture.kafka(), &fixture.properties(), &topic, true).await;
    for partition in 0..4 {
        let of_partition = read.iter().filter(|(number, _)| *number == partition).cloned().collect();
        assert_eq!(texts(&of_partition), counted(0..200), "partition {partition}");
    }
}

pub(crate) async fn a_producer_without_transactional_id_has_no_transactions(fixture: &dyn Fixture) {
    let mut producer = producer(fixture, &[]).await;
    for result in [
        producer.init_transactions().await,
        producer.begin_transaction().await,
        producer.commit_transaction().await,
        producer.abort_transaction().await,
    ] {
        let error = result.expect_err("there is no transactional.id");
        assert!(!error.is_retriable(), "{error}");
    }
}

pub(crate) async fn sending_outside_a_transaction_is_refused(fixture: &dyn Fixture) {
    if !can(fixture, Need::Transactions).await {
        return;
    }
    let topic = unique("outside");
    create(fixture, &topic, 1).await;
    let mut producer = own(fixture, &topic).await;
    match producer.send(Arc::new(numbers(&topic, 0, 0..1)), false).await {
        Err(error) => assert!(!error.is_retriable(), "{error}"),
        Ok(delivery) => {
            let report = soon("the batch is settled", delivery).await;
            assert_eq!(report.failed.len(), 1);
        }
    }
    assert!(visible(fixture, &topic).await.is_empty());
}
