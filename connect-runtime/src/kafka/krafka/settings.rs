//! Java's client properties as settings of the client: one place for the names, the defaults and the limits.
//!
//! The defaults differ from Java's where measurements say so: larger record batches, larger polls.

use std::time::Duration;

use krafka::Compression;
use krafka::consumer::{AutoOffsetReset, GroupProtocol, IsolationLevel, PartitionAssignmentStrategy};
use krafka::producer::Acks;
use krafka::{KafkaBuilder, MetadataRecoveryStrategy};

use super::error::failed;
use super::security::auth;
use crate::kafka::properties::{Reader, bootstrap_servers, invalid, refused};
use crate::kafka::{Result, security};

const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// One lost answer must not hold up a task for weeks: Connect asks for `Integer.MAX_VALUE` so that records are never
/// given up, and that is the delivery timeout's work.
const MAX_REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
const DEFAULT_BATCH_SIZE: usize = 128 << 10;
const DEFAULT_BUFFER_MEMORY: usize = 32 << 20;
const DEFAULT_MAX_REQUEST_SIZE: usize = 16 << 20;
const DEFAULT_LINGER: Duration = Duration::from_millis(5);
const DEFAULT_DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);
const DEFAULT_MAX_POLL_RECORDS: i32 = 5_000;
const DEFAULT_FETCH_MAX_WAIT: Duration = Duration::from_millis(50);
const DEFAULT_METADATA_MAX_AGE: Duration = Duration::from_secs(300);

/// What a role asks of its connections.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ConnectionLimits {
    /// A request may take no longer.
    pub(super) request_timeout: Option<Duration>,
    pub(super) create_topics: bool,
}

/// Settings of the connections, ready to connect.
pub(super) struct Connection {
    builder: KafkaBuilder,
    servers: String,
    pub(super) metadata_max_age: Duration,
}

impl Connection {
    pub(super) async fn connect(self) -> Result<krafka::Kafka> {
        let servers = self.servers;
        self.builder
            .connect()
            .await
            .map_err(|error| failed(format!("connecting to the brokers {servers}"), error))
    }
}

/// Settings of every client: addresses, times, security.
pub(super) async fn connection(reader: &mut Reader<'_>, limits: ConnectionLimits) -> Result<Connection> {
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
    if let Some(auth) = auth(security::read(reader).await?)? {
        builder = builder.security(auth);
    }
    Ok(Connection { builder, servers, metadata_max_age })
}

/// How long an admin call may take.
pub(super) fn api_timeout(reader: &mut Reader<'_>) -> Result<Duration> {
    Ok(reader.millis("default.api.timeout.ms")?.unwrap_or(Duration::from_secs(60)))
}

/// Settings of a producer.
pub(super) struct ProducerSettings {
    pub(super) acks: Acks,
    pub(super) idempotent: bool,
    pub(super) transactional_id: Option<String>,
    pub(super) transaction_timeout: Option<Duration>,
    pub(super) batch_size: usize,
    pub(super) linger: Duration,
    pub(super) buffer_memory: usize,
    pub(super) max_request_size: usize,
    pub(super) compression: Compression,
    pub(super) compression_level: Option<i32>,
    pub(super) delivery_timeout: Duration,
    pub(super) max_block: Duration,
    pub(super) retry_backoff: Option<Duration>,
    pub(super) round_robin: bool,
    pub(super) client_rack: Option<String>,
    pub(super) rack_aware: bool,
    pub(super) metrics_push: bool,
}

impl ProducerSettings {
    pub(super) fn connection_limits(&self) -> ConnectionLimits {
        // One attempt must fit into the time a record has.
        let request_timeout = self.delivery_timeout.saturating_sub(self.linger);
        ConnectionLimits { request_timeout: Some(request_timeout), create_topics: true }
    }
}

/// Reads the settings of a producer.
pub(super) fn producer(reader: &mut Reader<'_>) -> Result<ProducerSettings> {
    let words = [("all", Acks::All), ("-1", Acks::All), ("1", Acks::Leader), ("0", Acks::None)];
    let acks = reader.choice("acks", &words)?.unwrap_or(Acks::All);
    let transactional_id = reader.text("transactional.id").map(str::to_owned);
    let idempotent = reader.boolean("enable.idempotence")?;
    if idempotent == Some(true) && acks != Acks::All {
        return Err(refused("`enable.idempotence` is `true`, which needs `acks` to be `all`"));
    }
    if transactional_id.is_some() && (idempotent == Some(false) || acks != Acks::All) {
        return Err(refused(
            "`transactional.id` needs `enable.idempotence` to be `true` and `acks` to be `all`",
        ));
    }
    let transaction_timeout = reader.millis("transaction.timeout.ms")?;

    let linger = reader.millis("linger.ms")?.unwrap_or(DEFAULT_LINGER);
    let delivery_timeout = reader.millis("delivery.timeout.ms")?.unwrap_or(DEFAULT_DELIVERY_TIMEOUT);
    if delivery_timeout <= linger {
        return Err(refused("`delivery.timeout.ms` must be greater than `linger.ms`"));
    }
    let max_request_size = reader.bytes("max.request.size")?.unwrap_or(DEFAULT_MAX_REQUEST_SIZE).max(1);
    let buffer_memory = reader.bytes("buffer.memory")?.unwrap_or(DEFAULT_BUFFER_MEMORY).max(1);
    let batch_size = reader.bytes("batch.size")?.unwrap_or(DEFAULT_BATCH_SIZE);
    // Java lets a batch outgrow the memory or a request and then sends it half empty.
    let batch_size = batch_size.min(max_request_size).min(buffer_memory).max(1);

    let (compression, compression_level) = compression(reader)?;
    let partitioner = reader.text("partitioner.class").and_then(|class| class.rsplit('.').next());
    let round_robin = match partitioner {
        None | Some("DefaultPartitioner" | "UniformStickyPartitioner") => false,
        Some("RoundRobinPartitioner") => true,
        Some(class) => {
            tracing::warn!(
                key = "partitioner.class",
                class,
                "this setting has no effect here: only RoundRobinPartitioner and the default one exist"
            );
            false
        }
    };
    if reader.boolean("partitioner.ignore.keys")? == Some(true) {
        tracing::warn!(
            key = "partitioner.ignore.keys",
            "this setting has no effect here: keys choose the partition"
        );
    }
    if reader.number("retries", 0..=i64::from(i32::MAX))? == Some(0) {
        tracing::warn!(
            key = "retries",
            "this setting has no effect here: `delivery.timeout.ms` alone bounds retries"
        );
    }
    accept_java_default_backoff(reader)?;
    reader.accept(&["partitioner.adaptive.partitioning.enable", "partitioner.availability.timeout.ms"]);
    Ok(ProducerSettings {
        acks,
        idempotent: idempotent.unwrap_or(acks == Acks::All),
        transactional_id,
        transaction_timeout,
        batch_size,
        linger,
        buffer_memory,
        max_request_size,
        compression,
        compression_level,
        delivery_timeout,
        max_block: reader.millis("max.block.ms")?.unwrap_or(Duration::from_secs(60)),
        retry_backoff: reader.millis("retry.backoff.ms")?,
        round_robin,
        client_rack: reader.text("client.rack").map(str::to_owned),
        rack_aware: reader.boolean("partitioner.rack.aware")?.unwrap_or(false),
        metrics_push: reader.boolean("enable.metrics.push")?.unwrap_or(true),
    })
}

fn compression(reader: &mut Reader<'_>) -> Result<(Compression, Option<i32>)> {
    let words = [
        ("none", Compression::None),
        ("gzip", Compression::Gzip),
        ("snappy", Compression::Snappy),
        ("lz4", Compression::Lz4),
        ("zstd", Compression::Zstd),
    ];
    let compression = reader.choice("compression.type", &words)?.unwrap_or(Compression::None);
    if compression == Compression::Zstd && cfg!(not(feature = "zstd")) {
        return Err(refused(
            "`compression.type` is `zstd`, which this program was built without (feature `zstd`)",
        ));
    }
    let gzip = reader.number("compression.gzip.level", -1..=9)?;
    let zstd = reader.number("compression.zstd.level", -131_072..=22)?;
    if reader.text("compression.lz4.level").is_some() && compression == Compression::Lz4 {
        tracing::warn!(key = "compression.lz4.level", "this setting has no effect here: LZ4 has one level");
    }
    let level = match compression {
        Compression::Gzip => gzip.filter(|level| *level >= 0),
        Compression::Zstd => zstd,
        _ => None,
    };
    Ok((compression, level))
}

/// The client backs off up to a second, which is Java's default as well.
fn accept_java_default_backoff(reader: &mut Reader<'_>) -> Result<()> {
    let longest = reader.number("retry.backoff.max.ms", 0..=i64::MAX)?;
    if longest.is_some_and(|millis| millis != 1000) {
        tracing::warn!(key = "retry.backoff.max.ms", "this setting has no effect here: it is 1000");
    }
    for (key, default) in [("reconnect.backoff.ms", 50), ("reconnect.backoff.max.ms", 1000)] {
        let given = reader.number(key, 0..=i64::MAX)?;
        if given.is_some_and(|millis| millis != default) {
            tracing::warn!(
                key,
                "this setting has no effect here: the Kafka client paces reconnecting itself"
            );
        }
    }
    Ok(())
}

/// Settings of a consumer.
#[derive(Clone)]
pub(super) struct ConsumerSettings {
    pub(super) group: Option<String>,
    pub(super) group_instance: Option<String>,
    pub(super) protocol: GroupProtocol,
    pub(super) remote_assignor: Option<String>,
    pub(super) strategies: Vec<PartitionAssignmentStrategy>,
    pub(super) reset: AutoOffsetReset,
    pub(super) isolation: IsolationLevel,
    pub(super) max_poll_records: i32,
    pub(super) max_poll_interval: Duration,
    pub(super) session_timeout: Duration,
    pub(super) heartbeat_interval: Duration,
    pub(super) fetch_min_bytes: i32,
    pub(super) fetch_max_bytes: i32,
    pub(super) max_partition_fetch_bytes: i32,
    pub(super) fetch_max_wait: Duration,
    pub(super) api_timeout: Duration,
    pub(super) create_topics: bool,
    pub(super) client_rack: Option<String>,
    pub(super) metrics_push: bool,
}

impl ConsumerSettings {
    pub(super) fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits { request_timeout: None, create_topics: self.create_topics }
    }
}

/// Reads the settings of a consumer.
pub(super) fn consumer(reader: &mut Reader<'_>) -> Result<ConsumerSettings> {
    if reader.boolean("enable.auto.commit")? == Some(true) {
        return Err(refused(
            "`enable.auto.commit` is `true`, but must be false: offsets are committed when the work \
             is done, not when records are read",
        ));
    }
    let isolation = [
        ("read_uncommitted", IsolationLevel::ReadUncommitted),
        ("read_committed", IsolationLevel::ReadCommitted),
    ];
    let protocols = [("classic", GroupProtocol::Classic), ("consumer", GroupProtocol::Consumer)];
    let protocol = reader.choice("group.protocol", &protocols)?.unwrap_or(GroupProtocol::Classic);
    let session_timeout = reader.millis("session.timeout.ms")?.unwrap_or(Duration::from_secs(45));
    let heartbeat_interval = reader.millis("heartbeat.interval.ms")?.unwrap_or(Duration::from_secs(3));
    if heartbeat_interval >= session_timeout {
        return Err(refused("`heartbeat.interval.ms` must be less than `session.timeout.ms`"));
    }
    accept_java_default_backoff(reader)?;
    reader.accept(&["retry.backoff.ms"]);
    let bytes = 0..=i32::MAX;
    let fetch_max_bytes = reader.number("fetch.max.bytes", bytes.clone())?.unwrap_or(50 << 20).max(1);
    Ok(ConsumerSettings {
        group: reader.text("group.id").map(str::to_owned),
        group_instance: reader.text("group.instance.id").map(str::to_owned),
        protocol,
        remote_assignor: reader
            .text("group.remote.assignor")
            .filter(|_| protocol == GroupProtocol::Consumer)
            .map(str::to_owned),
        strategies: strategies(reader)?,
        reset: offset_reset(reader)?,
        isolation: reader.choice("isolation.level", &isolation)?.unwrap_or_default(),
        max_poll_records: reader
            .number("max.poll.records", 1..=i32::MAX)?
            .unwrap_or(DEFAULT_MAX_POLL_RECORDS),
        max_poll_interval: reader.millis("max.poll.interval.ms")?.unwrap_or(Duration::from_secs(300)),
        session_timeout,
        heartbeat_interval,
        fetch_min_bytes: reader.number("fetch.min.bytes", bytes.clone())?.unwrap_or(1).min(fetch_max_bytes),
        fetch_max_bytes,
        max_partition_fetch_bytes: reader.number("max.partition.fetch.bytes", bytes)?.unwrap_or(1 << 20),
        fetch_max_wait: reader.millis("fetch.max.wait.ms")?.unwrap_or(DEFAULT_FETCH_MAX_WAIT),
        api_timeout: api_timeout(reader)?,
        create_topics: reader.boolean("allow.auto.create.topics")?.unwrap_or(true),
        client_rack: reader.text("client.rack").map(str::to_owned),
        metrics_push: reader.boolean("enable.metrics.push")?.unwrap_or(true),
    })
}

fn strategies(reader: &mut Reader<'_>) -> Result<Vec<PartitionAssignmentStrategy>> {
    const KEY: &str = "partition.assignment.strategy";
    const KNOWN: &str = "RangeAssignor, RoundRobinAssignor or CooperativeStickyAssignor";
    let classes = reader.list(KEY);
    let mut strategies = Vec::new();
    for class in &classes {
        match class.rsplit('.').next().unwrap_or_default() {
            "RangeAssignor" | "range" => strategies.push(PartitionAssignmentStrategy::Range),
            "RoundRobinAssignor" | "roundrobin" => strategies.push(PartitionAssignmentStrategy::RoundRobin),
            "CooperativeStickyAssignor" | "cooperative-sticky" => {
                strategies.push(PartitionAssignmentStrategy::CooperativeSticky);
            }
            // The group may still agree on another one of the list.
            _ if classes.len() > 1 => {
                tracing::warn!(
                    key = KEY,
                    class,
                    "this assignor does not exist here and is left out; there are {KNOWN}"
                );
            }
            _ => return Err(invalid(KEY, class, KNOWN)),
        }
    }
    match (classes.is_empty(), strategies.is_empty()) {
        (true, _) => Ok(vec![PartitionAssignmentStrategy::CooperativeSticky]),
        (false, true) => Err(invalid(KEY, classes.join(", "), KNOWN)),
        (false, false) => Ok(strategies),
    }
}

fn offset_reset(reader: &mut Reader<'_>) -> Result<AutoOffsetReset> {
    const KEY: &str = "auto.offset.reset";
    let Some(text) = reader.text(KEY) else { return Ok(AutoOffsetReset::Latest) };
    let wrong = || invalid(KEY, text, "earliest, latest, none or by_duration:<ISO 8601 duration>");
    match text.to_ascii_lowercase().as_str() {
        "earliest" => Ok(AutoOffsetReset::Earliest),
        "latest" => Ok(AutoOffsetReset::Latest),
        "none" => Ok(AutoOffsetReset::None),
        other => {
            let duration = other.strip_prefix("by_duration:").and_then(iso_duration).ok_or_else(wrong)?;
            Ok(AutoOffsetReset::ByDuration(duration))
        }
    }
}

/// `P1DT2H3M4.5S` in lower or upper case.
fn iso_duration(text: &str) -> Option<Duration> {
    let (days, time) = text.strip_prefix(['p', 'P'])?.split_once(['t', 'T']).unwrap_or((&text[1..], ""));
    let mut seconds = 0.0;
    let mut number = String::new();
    let mut any = false;
    for (part, units) in
        [(days, &[('d', 86_400.0)][..]), (time, &[('h', 3600.0), ('m', 60.0), ('s', 1.0)][..])]
    {
        for c in part.chars() {
            if c.is_ascii_digit() || c == '.' {
                number.push(c);
                continue;
            }
            let unit = units.iter().find(|(unit, _)| *unit == c.to_ascii_lowercase())?;
            seconds += std::mem::take(&mut number).parse::<f64>().ok()? * unit.1;
            any = true;
        }
        if !number.is_empty() {
            return None;
        }
    }
    any.then_some(())?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::ClientProperties;

    fn properties(pairs: &[(&str, &str)]) -> ClientProperties {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn read_producer(pairs: &[(&str, &str)]) -> Result<ProducerSettings> {
        producer(&mut Reader::new(&properties(pairs)))
    }

    fn read_consumer(pairs: &[(&str, &str)]) -> Result<ConsumerSettings> {
        consumer(&mut Reader::new(&properties(pairs)))
    }

    #[test]
    fn the_settings_that_connect_gives_its_producers_are_accepted() {
        let settings = read_producer(&[
            ("acks", "all"),
            ("delivery.timeout.ms", "2147483647"),
            ("enable.idempotence", "false"),
            ("max.block.ms", "9223372036854775807"),
            ("max.in.flight.requests.per.connection", "1"),
            ("request.timeout.ms", "2147483647"),
        ]);
        let settings = settings.ok().unwrap();
        assert!(!settings.idempotent);
        assert_eq!(settings.acks, Acks::All);
        assert!(settings.delivery_timeout > Duration::from_secs(86_400));
    }

    #[test]
    fn a_producer_is_idempotent_unless_told_otherwise_or_acknowledged_by_fewer() {
        assert!(read_producer(&[]).ok().unwrap().idempotent);
        assert!(!read_producer(&[("acks", "1")]).ok().unwrap().idempotent);
        for pairs in [
            &[("acks", "1"), ("enable.idempotence", "true")][..],
            &[("transactional.id", "t"), ("enable.idempotence", "false")],
            &[("transactional.id", "t"), ("acks", "0")],
            &[("linger.ms", "10"), ("delivery.timeout.ms", "10")],
            &[("compression.type", "brotli")],
        ] {
            assert!(read_producer(pairs).is_err(), "{pairs:?}");
        }
    }

    #[test]
    fn a_batch_is_never_larger_than_a_request() {
        let settings =
            read_producer(&[("batch.size", "1000000"), ("max.request.size", "5000")]).ok().unwrap();
        assert_eq!(settings.batch_size, 5000);
    }

    #[test]
    fn assignors_have_their_java_names() {
        use PartitionAssignmentStrategy::{CooperativeSticky, Range, RoundRobin};
        let read = |list: &str| {
            read_consumer(&[("partition.assignment.strategy", list)]).map(|read| read.strategies)
        };
        assert_eq!(read_consumer(&[]).ok().unwrap().strategies, [CooperativeSticky]);
        let java = "org.apache.kafka.clients.consumer.RangeAssignor, \
                    org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
        assert_eq!(read(java).unwrap(), [Range, CooperativeSticky]);
        assert_eq!(
            read("roundrobin,org.apache.kafka.clients.consumer.StickyAssignor").unwrap(),
            [RoundRobin]
        );
        let error = read("org.apache.kafka.clients.consumer.StickyAssignor").unwrap_err();
        assert!(error.to_string().contains("CooperativeStickyAssignor"), "{error}");
    }

    #[test]
    fn offsets_reset_to_a_word_or_a_duration() {
        let read = |text| read_consumer(&[("auto.offset.reset", text)]).map(|read| read.reset);
        assert_eq!(read("earliest").unwrap(), AutoOffsetReset::Earliest);
        let duration = Duration::from_secs(86_400 + 2 * 3600 + 180) + Duration::from_millis(500);
        assert_eq!(read("by_duration:P1DT2H3M0.5S").unwrap(), AutoOffsetReset::ByDuration(duration));
        for wrong in ["newest", "by_duration:5", "by_duration:P", "by_duration:PT5", "by_duration:PT5X"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn committing_on_its_own_is_refused() {
        assert!(read_consumer(&[("enable.auto.commit", "false")]).is_ok());
        assert!(read_consumer(&[("enable.auto.commit", "true")]).is_err());
        assert!(read_consumer(&[("heartbeat.interval.ms", "5"), ("session.timeout.ms", "5")]).is_err());
    }
}
