//! Clauses about the admin client.

use connect_runtime::kafka::{IsolationLevel, KafkaErrorKind, NewTopic, ProducerRecord};

use super::Fixture;
use super::tools::*;

pub(crate) async fn an_existing_topic_is_told_apart(fixture: &dyn Fixture) {
    let topic = unique("exists");
    create(fixture, &topic, 2).await;
    let error = admin(fixture).await.create_topic(&new_topic(&topic, 1)).await.unwrap_err();
    assert_eq!(error.kind(), KafkaErrorKind::TopicExists, "{error}");
    let topics = admin(fixture).await.list_topics().await.unwrap();
    let listed = topics.iter().find(|listed| listed.name == *topic).expect("the topic is listed");
    assert_eq!(listed.partitions, 2);
}

pub(crate) async fn topic_settings_are_kept(fixture: &dyn Fixture) {
    if !can(fixture, Need::TopicConfigs).await {
        return;
    }
    let topic = unique("settings");
    let configs = [("cleanup.policy", "compact"), ("retention.ms", "123456")];
    let configs = configs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    create_with(fixture, NewTopic { configs, ..new_topic(&topic, 1) }).await;
    let admin = admin(fixture).await;
    let settings = admin.describe_topic_config(&topic).await.unwrap();
    assert_eq!(settings["cleanup.policy"], "compact");
    assert_eq!(settings["retention.ms"], "123456");
    assert_eq!(settings["min.insync.replicas"], "1", "defaults are there too");

    let configs = [("no.such.setting".to_owned(), "1".to_owned())].into();
    let wrong = NewTopic { configs, ..new_topic(&unique("wrong"), 1) };
    let error = admin.create_topic(&wrong).await.unwrap_err();
    assert_eq!(error.kind(), KafkaErrorKind::Config, "{error}");
}

pub(crate) async fn a_deleted_topic_is_gone(fixture: &dyn Fixture) {
    let topic = unique("deleted");
    create(fixture, &topic, 1).await;
    let admin = admin(fixture).await;
    match admin.delete_topic(&topic).await {
        Ok(()) => {}
        // No capability stands for it; a client that cannot delete says so.
        Err(error) => return assert_eq!(error.kind(), KafkaErrorKind::Unsupported, "{error}"),
    }
    eventually("the topic is gone", async || admin.describe_topic(&topic).await.unwrap().is_none()).await;
    let error = admin.delete_topic(&topic).await.unwrap_err();
    assert_eq!(error.kind(), KafkaErrorKind::UnknownTopic, "{error}");
}

pub(crate) async fn an_unknown_topic_is_told_apart_and_not_created(fixture: &dyn Fixture) {
    let topic = unique("unknown");
    let admin = admin(fixture).await;
    assert_eq!(admin.describe_topic(&topic).await.unwrap(), None);
    let error =
        admin.end_offsets(&partitions_of(&topic, 1), IsolationLevel::ReadUncommitted).await.unwrap_err();
    assert_eq!(error.kind(), KafkaErrorKind::UnknownTopic, "{error}");
    if can(fixture, Need::TopicConfigs).await {
        let error = admin.describe_topic_config(&topic).await.unwrap_err();
        assert_eq!(error.kind(), KafkaErrorKind::UnknownTopic, "{error}");
    }
    assert_eq!(admin.describe_topic(&topic).await.unwrap(), None, "asking has not created it");
}

pub(crate) async fn offsets_are_found_by_time(fixture: &dyn Fixture) {
    let topic = unique("times");
    create(fixture, &topic, 2).await;
    let mut producer = producer(fixture, &[]).await;
    let plain = record(&topic, 0, None, Some("v"));
    let batch = [1000, 2000, 3000].map(|time| ProducerRecord { timestamp: Some(time), ..plain.clone() });
    write(&mut *producer, batch.into()).await;
    let (admin, partitions) = (admin(fixture).await, partitions_of(&topic, 2));
    for (time, offset) in [(0, 0), (1000, 0), (1001, 1), (3000, 2)] {
        let found = match admin.offsets_for_times(&partitions, time).await {
            Ok(found) => found,
            Err(error) => return assert_eq!(error.kind(), KafkaErrorKind::Unsupported, "{error}"),
        };
        assert_eq!(found, [(partitions[0].clone(), offset)].into(), "at {time}");
    }
    assert!(admin.offsets_for_times(&partitions, 3001).await.unwrap().is_empty());
}

pub(crate) async fn the_cluster_has_an_id(fixture: &dyn Fixture) {
    let admin = admin(fixture).await;
    let id = admin.cluster_id().await.unwrap();
    assert_eq!(id, admin.cluster_id().await.unwrap());
    if let (Some(id), Some(other)) = (&id, fixture.other()) {
        let others = other.admin(&fixture.properties()).await.unwrap().cluster_id().await.unwrap();
        assert!(others.is_none_or(|other| other == *id));
    }
}

pub(crate) async fn undeclared_security_is_refused(fixture: &dyn Fixture) {
    can(fixture, Need::Security).await;
    can(fixture, Need::Idempotence).await;
    can(fixture, Need::ExactHeaders).await;
}
