//! What only distributed workers are told.

use std::collections::BTreeMap;
use std::time::Duration;

use connect_api::{ConfigEnum, Properties};

use super::Reader;

/// A compacted topic of the worker: offsets, configurations or states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternalTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it gets when it is created; `None` for the broker's default.
    pub partitions: Option<i32>,
    /// How many replicas it gets when it is created; `None` for the broker's default.
    pub replication_factor: Option<i16>,
    /// Further topic settings for its creation. `cleanup.policy` is always `compact`.
    pub configs: BTreeMap<String, String>,
}

impl InternalTopic {
    /// Reads `<kind>.storage.topic` and what stands beside it. `partitions` fixes their number.
    pub(super) fn read(reader: &mut Reader<'_>, kind: &str, partitions: Option<i32>) -> Option<Self> {
        let prefix = format!("{kind}.storage.");
        let count = match partitions {
            Some(partitions) => partitions,
            None => reader.read(&format!("{prefix}partitions"))?,
        };
        let replicas: i16 = reader.read(&format!("{prefix}replication.factor"))?;
        let mut configs = topic_settings(&reader.properties.with_prefix(&prefix));
        configs.insert("cleanup.policy".to_owned(), "compact".to_owned());
        Some(Self {
            name: reader.read(&format!("{prefix}topic"))?,
            partitions: (count > 0).then_some(count),
            replication_factor: (replicas > 0).then_some(replicas),
            configs,
        })
    }
}

/// Kafka's KIP-605: keys below the prefix that are no keys of the worker are settings of the topic.
fn topic_settings(below: &Properties) -> BTreeMap<String, String> {
    const OWN: [&str; 5] = ["topic", "partitions", "replication.factor", "file.filename", "cleanup.policy"];
    below
        .iter()
        .filter(|(key, _)| !OWN.contains(key))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// `exactly.once.source.support` (KIP-618).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ConfigEnum)]
pub enum SourceExactlyOnce {
    /// No transactions.
    #[default]
    Disabled,
    /// The leader writes in transactions, tasks do not.
    Preparing,
    /// The leader and source tasks write in transactions.
    Enabled,
}

/// `connect.protocol`: how workers agree on who runs what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ConfigEnum)]
pub enum ConnectProtocol {
    /// Everything stops for a rebalance.
    Eager,
    /// Incremental where all workers can.
    Compatible,
    /// Incremental, with signed requests between workers.
    #[default]
    Sessioned,
}

/// The keys that only distributed workers have.
#[derive(Clone, Debug, PartialEq)]
pub struct DistributedConfig {
    /// `group.id`.
    pub group_id: String,
    /// `session.timeout.ms`.
    pub session_timeout: Duration,
    /// `rebalance.timeout.ms`.
    pub rebalance_timeout: Duration,
    /// `heartbeat.interval.ms`.
    pub heartbeat_interval: Duration,
    /// `exactly.once.source.support`.
    pub exactly_once_source_support: SourceExactlyOnce,
    /// `worker.sync.timeout.ms`.
    pub worker_sync_timeout: Duration,
    /// `worker.unsync.backoff.ms`.
    pub worker_unsync_backoff: Duration,
    /// `config.storage.topic`, always with one partition.
    pub config_topic: InternalTopic,
    /// `status.storage.topic`.
    pub status_topic: InternalTopic,
    /// `connect.protocol`.
    pub connect_protocol: ConnectProtocol,
    /// `scheduled.rebalance.max.delay.ms`.
    pub scheduled_rebalance_max_delay: Duration,
    /// `inter.worker.key.ttl.ms`; zero for ever.
    pub inter_worker_key_ttl: Duration,
    /// `inter.worker.key.generation.algorithm`.
    pub inter_worker_key_generation_algorithm: String,
    /// `inter.worker.key.size`, in bits.
    pub inter_worker_key_size: Option<i32>,
    /// `inter.worker.signature.algorithm`.
    pub inter_worker_signature_algorithm: String,
    /// `inter.worker.verification.algorithms`.
    pub inter_worker_verification_algorithms: Vec<String>,
    /// `internal.topics.automatic.creation.enable`.
    pub internal_topics_automatic_creation_enable: bool,
}

impl DistributedConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let config = Self {
            group_id: reader.read("group.id")?,
            session_timeout: reader.read("session.timeout.ms")?,
            rebalance_timeout: reader.read("rebalance.timeout.ms")?,
            heartbeat_interval: reader.read("heartbeat.interval.ms")?,
            exactly_once_source_support: reader.choice("exactly.once.source.support")?,
            worker_sync_timeout: reader.read("worker.sync.timeout.ms")?,
            worker_unsync_backoff: reader.read("worker.unsync.backoff.ms")?,
            config_topic: InternalTopic::read(reader, "config", Some(1))?,
            status_topic: InternalTopic::read(reader, "status", None)?,
            connect_protocol: reader.choice("connect.protocol")?,
            scheduled_rebalance_max_delay: reader.read("scheduled.rebalance.max.delay.ms")?,
            inter_worker_key_ttl: reader.read("inter.worker.key.ttl.ms")?,
            inter_worker_key_generation_algorithm: reader.read("inter.worker.key.generation.algorithm")?,
            inter_worker_key_size: reader.read("inter.worker.key.size")?,
            inter_worker_signature_algorithm: reader.read("inter.worker.signature.algorithm")?,
            inter_worker_verification_algorithms: reader.read("inter.worker.verification.algorithms")?,
            internal_topics_automatic_creation_enable: reader
                .read("internal.topics.automatic.creation.enable")?,
        };
        config.check(reader);
        Some(config)
    }

    fn check(&self, reader: &mut Reader<'_>) {
        let signature = &self.inter_worker_signature_algorithm;
        let verified = &self.inter_worker_verification_algorithms;
        if !verified.contains(signature) {
            reader.problems.error(
                "inter.worker.signature.algorithm",
                format!(
                    "Invalid value {signature} for configuration inter.worker.signature.algorithm: Signature \
                     algorithm must be present in inter.worker.verification.algorithms list"
                ),
            );
        }
        if self.heartbeat_interval >= self.session_timeout {
            reader.problems.error(
                "heartbeat.interval.ms",
                format!(
                    "Invalid value {} for configuration heartbeat.interval.ms: must be below session.timeout.ms ({})",
                    self.heartbeat_interval.as_millis(),
                    self.session_timeout.as_millis()
                ),
            );
        }
    }
}
