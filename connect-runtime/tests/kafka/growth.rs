//! Topics that grow: the client's classic group protocol does not notice by itself.

use std::sync::Arc;

use connect_api::TopicPartition;
use connect_runtime::kafka::{
    ClientProperties, ConsumerEvent, Kafka, KafkaErrorKind, NewTopic, Subscription,
};

use super::broker::Broker;
use super::suite::tools::{WAIT, soon, unique};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_get_the_partitions_that_a_topic_gains() {
    get_what_a_topic_gains(super::krafka()).await;
}

#[cfg(feature = "native")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_members_get_the_partitions_that_a_topic_gains() {
    get_what_a_topic_gains(super::native()).await;
}

async fn get_what_a_topic_gains(kafka: Option<Arc<dyn Kafka>>) {
    let (Some(kafka), Some(broker)) = (kafka, Broker::shared()) else {
        eprintln!("skipped: no broker, run cargo xtask kafka");
        return;
    };
    let topic = unique("grows");
    let mut properties =
        ClientProperties::from([("bootstrap.servers".to_owned(), broker.address().to_owned())]);
    let admin = kafka.admin(&properties).await.unwrap();
    let (partitions, replication_factor) = (Some(1), Some(1));
    let new = NewTopic { name: topic.as_str().into(), partitions, replication_factor, configs: [].into() };
    admin.create_topic(&new).await.unwrap();

    properties.insert("group.id".to_owned(), topic.clone());
    properties.insert("metadata.max.age.ms".to_owned(), "500".to_owned());
    properties.insert("auto.offset.reset".to_owned(), "earliest".to_owned());
    let mut consumer = kafka.consumer(&properties).await.unwrap();
    consumer.subscribe(Subscription::Topics(vec![topic.as_str().into()])).await.unwrap();
    assert_eq!(assigned(&mut *consumer).await, [TopicPartition::new(topic.as_str(), 0)]);

    let alter = ["topics", "--alter", "--topic", &topic, "--partitions", "3"];
    if broker.tool(&alter).await.is_none() {
        eprintln!("skipped: no script, run cargo xtask kafka");
        return;
    }
    // Cooperative: what it has stays, only what is new comes.
    let gained = assigned(&mut *consumer).await;
    assert_eq!(gained, [1, 2].map(|partition| TopicPartition::new(topic.as_str(), partition)));
    consumer.close(WAIT).await.unwrap();
}

async fn assigned(consumer: &mut dyn connect_runtime::kafka::Consumer) -> Vec<TopicPartition> {
    soon("partitions are assigned", async {
        loop {
            match consumer.poll(WAIT).await.unwrap() {
                ConsumerEvent::Records(_) => {}
                ConsumerEvent::Assigned(mut partitions) => {
                    partitions.sort();
                    return partitions;
                }
                event => panic!("{event:?}"),
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_came_before_its_topics_hears_of_all_of_them() {
    let (Some(kafka), Some(broker)) = (super::krafka(), Broker::strict().await) else {
        eprintln!("skipped: no broker, run cargo xtask kafka");
        return;
    };
    let group = unique("early");
    let topics: Vec<_> = (0..9).map(|number| format!("{group}-{number}")).collect();
    let mut properties =
        ClientProperties::from([("bootstrap.servers".to_owned(), broker.address().to_owned())]);
    let admin = kafka.admin(&properties).await.unwrap();
    properties.insert("group.id".to_owned(), group.clone());
    properties.insert("metadata.max.age.ms".to_owned(), "300000".to_owned());
    let mut consumer = kafka.consumer(&properties).await.unwrap();
    let subscription = topics.iter().map(|topic| topic.as_str().into()).collect();
    consumer.subscribe(Subscription::Topics(subscription)).await.unwrap();
    let mut owned = std::collections::BTreeSet::new();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(2);
    while tokio::time::Instant::now() < deadline {
        note(&mut owned, consumer.poll(std::time::Duration::from_millis(500)).await.unwrap());
    }
    for topic in &topics {
        let (partitions, replication_factor) = (Some(1), Some(1));
        let new =
            NewTopic { name: topic.as_str().into(), partitions, replication_factor, configs: [].into() };
        match admin.create_topic(&new).await {
            Ok(()) => {}
            // The broker may do so by itself.
            Err(error) if error.kind() == KafkaErrorKind::TopicExists => {}
            Err(error) => panic!("{error}"),
        }
    }
    let wanted: std::collections::BTreeSet<_> =
        topics.iter().map(|topic| TopicPartition::new(topic.as_str(), 0)).collect();
    soon("all partitions are assigned", async {
        while owned != wanted {
            note(&mut owned, consumer.poll(WAIT).await.unwrap());
        }
    })
    .await;
    consumer.close(WAIT).await.unwrap();
}

/// Books what an event says of the partitions that the member has.
fn note(owned: &mut std::collections::BTreeSet<TopicPartition>, event: ConsumerEvent) {
    match event {
        ConsumerEvent::Records(_) => {}
        ConsumerEvent::Assigned(partitions) => {
            for partition in partitions {
                assert!(owned.insert(partition.clone()), "{partition} was assigned twice");
            }
        }
        ConsumerEvent::Revoked(partitions) | ConsumerEvent::Lost(partitions) => {
            for partition in partitions {
                assert!(owned.remove(&partition), "{partition} was taken away without having been given");
            }
        }
    }
}
