//! Settings of every client.

use std::time::Duration;

use krafka::{KafkaBuilder, MetadataRecoveryStrategy};

use crate::kafka::krafka::error::failed;
use crate::kafka::krafka::security::auth;
use crate::kafka::properties::{Reader, bootstrap_servers};
use crate::kafka::{Result, security};

const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// One lost answer must not hold up a task for weeks: Connect asks for `Integer.MAX_VALUE` so that records are never
/// given up, and that is the delivery timeout's work.
const MAX_REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
const DEFAULT_METADATA_MAX_AGE: Duration = Duration::from_secs(300);

/// What a role asks of its connections.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::kafka::krafka) struct ConnectionLimits {
    /// A request may take no longer.
    pub(in crate::kafka::krafka) request_timeout: Option<Duration>,
    pub(in crate::kafka::krafka) create_topics: bool,
}

/// Settings of the connections, ready to connect.
pub(in crate::kafka::krafka) struct Connection {
    builder: KafkaBuilder,
    servers: String,
    pub(in crate::kafka::krafka) metadata_max_age: Duration,
}

impl Connection {
    pub(in crate::kafka::krafka) async fn connect(self) -> Result<krafka::Kafka> {
        let servers = self.servers;
        self.builder
            .connect()
            .await
            .map_err(|error| failed(format!("connecting to the brokers {servers}"), error))
    }
}

/// Settings of every client: addresses, times, security.
pub(in crate::kafka::krafka) async fn connection(
    reader: &mut Reader<'_>,
    limits: ConnectionLimits,
) -> Result<Connection> {
    let servers = bootstrap_servers(reader)?.join(",");
    let mut builder = krafka::Kafka::builder(servers.clone())
        .client_id(reader.text("client.id").unwrap_or("connect"))
        .allow_auto_create_topics(limits.create_topics);

    let request_timeout = reader.millis("request.timeout.ms")?.unwrap_or(DEFAULT_REQUEST_TIMEOUT);
    let limit = limits.request_timeout.unwrap_or(MAX_REQUEST_TIMEOUT).min(MAX_REQUEST_TIMEOUT);
    let request_timeout = request_timeout.min(limit).max(Duration::from_millis(1));
    let connect_timeout =
        reader.millis("socket.connection.setup.timeout.ms")?.unwrap_or(Duration::from_secs(10));
    builder = builder.request_timeout(request_timeout).connect_timeout(connect_timeout.min(request_timeout));

    let metadata_max_age = reader.millis("metadata.max.age.ms")?.unwrap_or(DEFAULT_METADATA_MAX_AGE);
    let metadata_max_age = metadata_max_age.max(Duration::from_millis(1));
    builder = builder.metadata_max_age(metadata_max_age);
    if let Some(idle) = reader.millis("metadata.max.idle.ms")? {
        builder = builder.metadata_topic_cache_ttl(Some(idle));
    }
    let recovery = [("none", false), ("rebootstrap", true)];
    if let Some(false) = reader.choice("metadata.recovery.strategy", &recovery)? {
        builder = builder.metadata_recovery_strategy(MetadataRecoveryStrategy::None);
    }
    if let Some(trigger) = reader.millis("metadata.recovery.rebootstrap.trigger.ms")? {
        builder = builder.metadata_recovery_rebootstrap_trigger(trigger);
    }
    if let Some(idle) = reader.optional_millis("connections.max.idle.ms")? {
        builder = builder.connections_max_idle(idle);
    }
    // -1 is Java's word for the system's default.
    let size = |bytes: Option<i64>| bytes.and_then(|bytes| usize::try_from(bytes).ok());
    builder = builder
        .socket_send_buffer(size(reader.number("send.buffer.bytes", -1..=i64::from(i32::MAX))?))
        .socket_receive_buffer(size(reader.number("receive.buffer.bytes", -1..=i64::from(i32::MAX))?));
    if let Some(auth) = auth(security::read(reader).await?) {
        builder = builder.security(auth);
    }
    Ok(Connection { builder, servers, metadata_max_age })
}

/// How long an admin call may take.
pub(in crate::kafka::krafka) fn api_timeout(reader: &mut Reader<'_>) -> Result<Duration> {
    Ok(reader.millis("default.api.timeout.ms")?.unwrap_or(Duration::from_secs(60)))
}
