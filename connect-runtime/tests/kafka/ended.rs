//! Transactions of the native producer while the broker, which is their coordinator, is killed.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connect_runtime::kafka::{ClientProperties, KafkaErrorKind, NewTopic, Producer};
use tokio::time::Instant;

use super::broker::Broker;
use super::suite::tools::{counted, eventually, numbers, read_topic, soon, texts, unique};

/// A transaction that takes as long was under way while the broker was killed, or the markers of the one before were.
const LONG: Duration = Duration::from_secs(1);

fn numbers_of(transaction: usize) -> Range<usize> {
    transaction * 10..(transaction + 1) * 10
}

/// Transactions of ten records on each of two partitions; every third one is aborted. Answers what was committed, and
/// what was aborted while the broker was killed.
async fn write(producer: &mut dyn Producer, topic: &str, ended: &AtomicUsize) -> (Vec<String>, Vec<String>) {
    let (mut committed, mut cut_off) = (Vec::new(), Vec::new());
    for number in 0..150 {
        let (began, range) = (Instant::now(), numbers_of(number));
        soon("a transaction begins", producer.begin_transaction()).await.unwrap();
        for partition in 0..2 {
            let batch = Arc::new(numbers(topic, partition, range.clone()));
            drop(soon("there is room", producer.send(batch, false)).await.unwrap());
        }
        if number % 3 == 2 {
            soon("a transaction is aborted", producer.abort_transaction()).await.unwrap();
        } else {
            soon("a transaction is committed", producer.commit_transaction()).await.unwrap();
            committed.extend(counted(range));
        }
        if began.elapsed() > LONG {
            let aborted = (number.saturating_sub(1)..=number).filter(|number| number % 3 == 2);
            cut_off.extend(aborted.flat_map(|number| counted(numbers_of(number))));
        }
        ended.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (committed, cut_off)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_ends_once_although_the_broker_is_killed() {
    let (Some(kafka), Some(broker)) = (super::native(), Broker::own().await) else {
        eprintln!("skipped: no broker, run cargo xtask kafka");
        return;
    };
    let topic = unique("ended");
    let mut properties =
        ClientProperties::from([("bootstrap.servers".to_owned(), broker.address().to_owned())]);
    let admin = kafka.admin(&properties).await.unwrap();
    let (partitions, replication_factor) = (Some(2), Some(1));
    let new = NewTopic { name: topic.as_str().into(), partitions, replication_factor, configs: [].into() };
    admin.create_topic(&new).await.unwrap();

    properties.insert("transactional.id".to_owned(), topic.clone());
    properties.insert("max.block.ms".to_owned(), "120000".to_owned());
    let mut producer = kafka.producer(&properties).await.unwrap();
    soon("the transactions are initialized", producer.init_transactions()).await.unwrap();
    let ended = AtomicUsize::new(0);
    let writing = write(&mut *producer, &topic, &ended);
    let breaking = async {
        for after in [20, 80] {
            eventually("some transactions have ended", async || ended.load(Ordering::SeqCst) >= after).await;
            broker.kill().await;
            broker.start().await;
        }
    };
    let ((committed, cut_off), ()) = tokio::join!(writing, breaking);

    let mut heir = kafka.producer(&properties).await.unwrap();
    soon("the heir is initialized", heir.init_transactions()).await.unwrap();
    soon("a transaction begins", producer.begin_transaction()).await.unwrap();
    drop(producer.send(Arc::new(numbers(&topic, 0, 0..1)), false).await.unwrap());
    let error = soon("the commit fails", producer.commit_transaction()).await.unwrap_err();
    assert_eq!(error.kind(), KafkaErrorKind::Fenced, "{error}");

    properties.retain(|key, _| key == "bootstrap.servers");
    let read = read_topic(&*kafka, &properties, &topic, true).await;
    for partition in 0..2 {
        let of_partition = read.iter().filter(|(number, _)| *number == partition).cloned().collect();
        let mut texts = texts(&of_partition);
        // A broker that comes back may take a partition that it does not know yet for one that was deleted, and end
        // the abort that it finds in the coordinator's log without a marker in the partition: the log then said
        // PrepareAbort, CompleteAbort, and the partition's next marker was the commit of the transaction after it.
        texts.retain(|text| !cut_off.contains(text));
        assert_eq!(texts, committed, "partition {partition}");
    }
}
