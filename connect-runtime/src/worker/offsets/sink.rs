//! The offsets of a sink: those of its consumer group.

use std::collections::BTreeMap;

use connect_api::config::Properties;
use connect_api::plugins::SinkPlugin;
use connect_api::{Error as ConnectError, Offsets, TopicPartition};

use super::{ConnectorOffset, ConnectorOffsets, OffsetChange, OffsetsPreview, own_answer};
use crate::config::{self, SinkConnectorConfig, TopicSelection};
use crate::error::{Error, Result};
use crate::kafka::{Admin, IsolationLevel, KafkaError, KafkaErrorKind};
use crate::worker::Worker;

/// A sink connector's group, and the client to ask about it.
pub(super) struct SinkOffsets {
    name: String,
    config: Properties,
    selection: TopicSelection,
    group: String,
    /// Where a partition without an offset begins: at its end, or at its first record.
    from_end: bool,
    isolation: IsolationLevel,
    admin: Box<dyn Admin>,
}

impl Worker {
    pub(super) async fn sink(&self, name: &str, config: &Properties) -> Result<SinkOffsets> {
        let consumer = config::clients::sink_consumer(&self.config, name, config, 0)?.properties;
        let setting = |key: &str| consumer.get(key).map_or("", String::as_str);
        let admin = config::clients::admin(&self.config, name, config, None)?.properties;
        let admin = self.kafka.admin(&admin).await;
        Ok(SinkOffsets {
            selection: SinkConnectorConfig::parse(config, &self.config)?.topics,
            group: setting("group.id").to_owned(),
            from_end: setting("auto.offset.reset").trim().eq_ignore_ascii_case("latest"),
            isolation: match setting("isolation.level").trim() {
                "read_committed" => IsolationLevel::ReadCommitted,
                _ => IsolationLevel::ReadUncommitted,
            },
            admin: admin.map_err(|error| Error::kafka(format!("could not ask Kafka about {name}"), error))?,
            name: name.to_owned(),
            config: config.clone(),
        })
    }
}

/// Where partitions begin and end.
struct Bounds {
    beginnings: Offsets,
    ends: Offsets,
    from_end: bool,
}

impl Bounds {
    /// Where reading goes on: at the committed offset as far as there are records, otherwise where a new group
    /// begins.
    fn position(&self, partition: &TopicPartition, committed: Option<i64>) -> i64 {
        let beginning = self.beginnings.get(partition).copied().unwrap_or_default();
        let end = self.ends.get(partition).copied().unwrap_or_default().max(beginning);
        let reset = if self.from_end { end } else { beginning };
        committed.map_or(reset, |offset| offset.clamp(beginning, end))
    }
}

impl SinkOffsets {
    async fn committed(&self) -> Result<Offsets> {
        self.admin.list_group_offsets(&self.group).await.map_err(|error| {
            Error::kafka(
                format!("Failed to retrieve consumer group offsets for sink connector {}", self.name),
                error,
            )
        })
    }

    pub(super) async fn read(&self) -> Result<ConnectorOffsets> {
        Ok(ConnectorOffsets::of_sink(&self.committed().await?))
    }

    /// The changes that were asked for; a reset names every partition that has an offset.
    async fn wanted(
        &self,
        offsets: Option<&ConnectorOffsets>,
    ) -> Result<BTreeMap<TopicPartition, Option<i64>>> {
        match offsets {
            Some(offsets) => {
                offsets.must_not_be_empty()?;
                offsets.for_sink()
            }
            None => Ok(self.committed().await?.into_keys().map(|partition| (partition, None)).collect()),
        }
    }

    /// `true`: the connector takes care of offsets of its own.
    pub(super) async fn modify(
        &self,
        plugin: &SinkPlugin,
        offsets: Option<&ConnectorOffsets>,
    ) -> Result<bool> {
        let wanted = self.wanted(offsets).await?;
        let list = wanted.clone().into_iter().collect();
        let own = own_answer(&self.name, plugin.alter_offsets(self.config.clone(), list).await)?;
        match offsets {
            Some(_) => self.alter(wanted).await.map_err(|error| self.failed("alter", error))?,
            None => {
                self.admin.delete_group(&self.group).await.map_err(|error| self.failed("reset", error))?;
            }
        }
        Ok(own)
    }

    async fn alter(&self, wanted: BTreeMap<TopicPartition, Option<i64>>) -> Result<(), KafkaError> {
        let (mut set, mut forget) = (Offsets::new(), Vec::new());
        for (partition, offset) in wanted {
            match offset {
                Some(offset) => {
                    set.insert(partition, offset);
                }
                None => forget.push(partition),
            }
        }
        if !set.is_empty() {
            self.admin.alter_group_offsets(&self.group, &set).await?;
        }
        if !forget.is_empty() {
            self.admin.delete_group_offsets(&self.group, &forget).await?;
        }
        Ok(())
    }

    fn failed(&self, what: &str, error: KafkaError) -> Error {
        let name = &self.name;
        let message = match error.kind() {
            KafkaErrorKind::GroupNotEmpty => format!(
                "Failed to {what} consumer group offsets for connector {name} either because its tasks haven't \
                 stopped completely yet or the connector was resumed before the request to {what} its offsets could \
                 be successfully completed. If the connector is in a stopped state, this operation can be safely \
                 retried. If it doesn't eventually succeed, the Connect cluster may need to be restarted to get rid \
                 of the zombie sink tasks."
            ),
            _ if what == "reset" => {
                format!("Failed to reset consumer group offsets for sink connector {name}")
            }
            _ => format!("Failed to alter consumer group offsets for connector {name}"),
        };
        Error::Plugin(ConnectError::connect(message).with_source(error))
    }

    async fn bounds(&self, partitions: &[TopicPartition]) -> Result<Bounds> {
        let looked = async {
            let beginnings = self.admin.beginning_offsets(partitions).await?;
            let ends = self.admin.end_offsets(partitions, self.isolation).await?;
            Ok(Bounds { beginnings, ends, from_end: self.from_end })
        };
        looked.await.map_err(|error| self.unknown(error))
    }

    fn unknown(&self, error: KafkaError) -> Error {
        let tried = format!("could not look up the offsets of the topics of sink connector {}", self.name);
        Error::kafka(tried, error)
    }

    pub(super) async fn preview(&self, offsets: Option<&ConnectorOffsets>) -> Result<OffsetsPreview> {
        let wanted = self.wanted(offsets).await?;
        let committed = self.committed().await?;
        let bounds = self.bounds(&wanted.keys().cloned().collect::<Vec<_>>()).await?;
        let changes = wanted.into_iter().map(|(partition, after)| {
            let before = committed.get(&partition).copied();
            let from = bounds.position(&partition, before);
            let to = bounds.position(&partition, after);
            let entry = ConnectorOffset::sink(&partition, before);
            OffsetChange {
                partition: entry.partition.unwrap_or_default(),
                before: entry.offset,
                after: ConnectorOffset::sink(&partition, after).offset,
                replayed: Some(u64::try_from(from - to).unwrap_or_default()),
                skipped: Some(u64::try_from(to - from).unwrap_or_default()),
            }
        });
        Ok(OffsetsPreview { changes: changes.collect() })
    }

    /// The offsets of the first records at or after a time, of partitions that are beyond it.
    pub(super) async fn at(&self, timestamp: i64) -> Result<ConnectorOffsets> {
        let partitions = self.partitions().await.map_err(|error| self.unknown(error))?;
        let committed = self.committed().await?;
        let bounds = self.bounds(&partitions).await?;
        let found = self.admin.offsets_for_times(&partitions, timestamp).await;
        let mut found = found.map_err(|error| self.unknown(error))?;
        found.retain(|partition, offset| {
            *offset < bounds.position(partition, committed.get(partition).copied())
        });
        Ok(ConnectorOffsets::of_sink(&found))
    }

    /// All partitions of the topics that the connector reads.
    async fn partitions(&self) -> Result<Vec<TopicPartition>, KafkaError> {
        let topics = match &self.selection {
            TopicSelection::Topics(names) => {
                let mut topics = Vec::new();
                for name in names {
                    topics.extend(self.admin.describe_topic(name).await?);
                }
                topics
            }
            TopicSelection::Pattern(pattern) => {
                let mut topics = self.admin.list_topics().await?;
                topics.retain(|topic| pattern.matches(topic.name.as_str()));
                topics
            }
        };
        let all = topics.iter().flat_map(|topic| {
            (0..topic.partitions).map(|number| TopicPartition::new(topic.name.clone(), number))
        });
        Ok(all.collect())
    }
}
