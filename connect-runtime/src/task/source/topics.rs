//! Creates topics before their first record, as `topic.creation.*` says (KIP-158).

use std::collections::HashSet;

use connect_api::{Error, Result, Str};

use crate::kafka::{Admin, KafkaErrorKind, NewTopic, ProducerRecord};

/// Knows which topics exist and how others shall be made.
pub(crate) struct TopicCreator {
    pub(crate) admin: Box<dyn Admin>,
    /// What a topic of this name shall look like.
    pub(crate) settings: Box<dyn Fn(&str) -> NewTopic + Send + Sync>,
    pub(crate) known: HashSet<Str>,
}

impl TopicCreator {
    pub(crate) fn new(admin: Box<dyn Admin>, settings: Box<dyn Fn(&str) -> NewTopic + Send + Sync>) -> Self {
        Self { admin, settings, known: HashSet::new() }
    }

    /// Makes sure that the topics of all records exist.
    pub(super) async fn ensure_all(&mut self, records: &[ProducerRecord]) -> Result<()> {
        let mut last = None;
        for record in records {
            if last != Some(&record.topic) {
                self.ensure(&record.topic).await?;
                last = Some(&record.topic);
            }
        }
        Ok(())
    }

    /// Makes sure that the topic exists. A retriable error means that it can be asked again.
    async fn ensure(&mut self, topic: &Str) -> Result<()> {
        if self.known.contains(topic) {
            return Ok(());
        }
        if self.admin.describe_topic(topic.as_str()).await?.is_none() {
            let new = (self.settings)(topic.as_str());
            match self.admin.create_topic(&new).await {
                Ok(()) => tracing::info!(%topic, partitions = ?new.partitions, "created a topic"),
                Err(error) if error.kind() == KafkaErrorKind::TopicExists => {}
                Err(error) if error.is_retriable() => return Err(error.into()),
                Err(error) => {
                    return Err(Error::connect(format!(
                        "Task failed to create new topic {topic}. Ensure that the task is authorized to create topics \
                         or that the topic exists and restart the task"
                    ))
                    .with_source(error));
                }
            }
        }
        self.known.insert(topic.clone());
        Ok(())
    }
}
