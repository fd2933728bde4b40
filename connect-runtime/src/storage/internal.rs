//! The worker's own compacted topics: made when they are missing, refused when they are something else.

use std::time::Duration;

use connect_api::{Error, Result};

use crate::kafka::{Admin, Capabilities, KafkaErrorKind, NewTopic};

/// What an internal topic is for, as it stands in messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose {
    /// The key that names the topic: `config.storage.topic`.
    pub(crate) key: &'static str,
    /// What would suffer from a topic that is not compacted.
    pub(crate) keeps: &'static str,
}

pub(crate) const CONFIGS: Purpose =
    Purpose { key: "config.storage.topic", keeps: "connector configurations" };
pub(crate) const STATUSES: Purpose =
    Purpose { key: "status.storage.topic", keeps: "connector and task statuses" };

/// The number of partitions of the topic.
///
/// # Errors
///
/// A config error when the topic is not compacted, or is missing and `create` is not set.
pub(crate) async fn ensure(
    admin: &dyn Admin,
    capabilities: Capabilities,
    topic: &NewTopic,
    purpose: Purpose,
    create: bool,
) -> Result<i32> {
    let (name, key) = (topic.name.as_str(), purpose.key);
    if let Some(found) = admin.describe_topic(name).await? {
        if capabilities.topic_configs {
            let configs = admin.describe_topic_config(name).await?;
            let policy = configs.get("cleanup.policy").map_or("compact", String::as_str);
            if policy != "compact" {
                return Err(Error::config(
                    key,
                    format!(
                        "Topic '{name}' supplied via the '{key}' property is required to have \
                         'cleanup.policy=compact' to guarantee consistency and durability of {}, but found the topic \
                         currently has 'cleanup.policy={policy}'. Continuing would likely result in eventually losing \
                         {} and problems restarting this Connect cluster in the future. Change the '{key}' property in \
                         the Connect worker configurations to use a topic with 'cleanup.policy=compact'.",
                        purpose.keeps, purpose.keeps
                    ),
                ));
            }
        }
        return Ok(found.partitions);
    }
    if !create {
        return Err(Error::config(
            key,
            format!(
                "Topic '{name}' specified via the '{key}' property is missing, and internal.topics.automatic.creation.enable is false. Create it with cleanup.policy=compact."
            ),
        ));
    }
    match admin.create_topic(topic).await {
        Ok(()) => {}
        Err(error) if error.kind() == KafkaErrorKind::TopicExists => {}
        Err(error) => {
            return Err(Error::connect(format!("create the topic '{name}' for {}", purpose.keeps))
                .with("topic", name)
                .with_source(error));
        }
    }
    // The new topic shows up at the brokers a moment after it was made.
    for _ in 0..100 {
        if let Some(found) = admin.describe_topic(name).await? {
            return Ok(found.partitions);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(Error::retriable("an internal topic was created but does not show up").with("topic", name))
}
