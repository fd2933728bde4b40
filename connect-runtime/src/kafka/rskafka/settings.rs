//! Java's client properties as settings of the client: one place for the names, the defaults and the limits.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use rskafka::BackoffConfig;
use rskafka::client::partition::Compression;
use rskafka::client::{Client, ClientBuilder, Credentials, OauthBearerCredentials, SaslConfig};
use rustls::ClientConfig;

use super::error::{failed, timed_out};
use super::unsupported;
use crate::kafka::oauth::Tokens;
use crate::kafka::properties::{Reader, bootstrap_servers, invalid, refused};
use crate::kafka::security::{Login, Sasl};
use crate::kafka::{Result, security, tls};

/// Below a broker's usual limit of 1 MiB for a batch, with room for what encoding adds.
const DEFAULT_MAX_REQUEST_SIZE: usize = 768 << 10;
const DEFAULT_BATCH_SIZE: usize = 128 << 10;
const DEFAULT_BUFFER_MEMORY: usize = 32 << 20;

/// How long the first contact is tried: whoever starts a client hears soon that no broker is there, or that the
/// credentials are wrong.
const FIRST_CONTACT: Duration = Duration::from_secs(1);

/// Settings of the connections, ready to connect.
pub(super) struct Connection {
    servers: Vec<String>,
    client_id: String,
    tls: Option<Arc<ClientConfig>>,
    sasl: Option<SaslConfig>,
    backoff: BackoffConfig,
    timeout: Duration,
}

impl Connection {
    pub(super) async fn connect(self) -> Result<Client> {
        // The client tries for ever to log in with a wrong password, so the first one gives up early.
        let hasty = BackoffConfig { deadline: Some(FIRST_CONTACT), ..self.backoff.clone() };
        self.build(hasty).await?;
        self.build(self.backoff.clone()).await
    }

    async fn build(&self, backoff: BackoffConfig) -> Result<Client> {
        let mut builder = ClientBuilder::new(self.servers.clone())
            .client_id(self.client_id.as_str())
            .backoff_config(backoff);
        if let Some(tls) = &self.tls {
            builder = builder.tls_config(Arc::clone(tls));
        }
        if let Some(sasl) = &self.sasl {
            builder = builder.sasl_config(sasl.clone());
        }
        let tried = format!("connecting to the brokers {}", self.servers.join(","));
        let built = tokio::time::timeout(self.timeout, Box::pin(builder.build())).await;
        built.map_err(|_| timed_out(&tried))?.map_err(|error| failed(tried, error))
    }
}

/// Settings of every client: addresses, times, security. What fails is tried again until `patience` is over.
pub(super) async fn connection(reader: &mut Reader<'_>, patience: Duration) -> Result<Connection> {
    let servers = bootstrap_servers(reader)?;
    let timeout = reader.millis("request.timeout.ms")?.unwrap_or(Duration::from_secs(30));
    let first = reader.millis("retry.backoff.ms")?.unwrap_or(Duration::from_millis(100));
    let longest = reader.millis("retry.backoff.max.ms")?.unwrap_or(Duration::from_secs(1));
    let backoff = BackoffConfig {
        init_backoff: first.max(Duration::from_millis(1)),
        max_backoff: longest.max(first).max(Duration::from_millis(2)),
        base: 2.0,
        deadline: Some(patience),
    };
    reader.accept(&[
        "connections.max.idle.ms",
        "enable.metrics.push",
        "metadata.max.age.ms",
        "metadata.max.idle.ms",
        "metadata.recovery.rebootstrap.trigger.ms",
        "metadata.recovery.strategy",
        "receive.buffer.bytes",
        "reconnect.backoff.max.ms",
        "reconnect.backoff.ms",
        "send.buffer.bytes",
        "socket.connection.setup.timeout.max.ms",
        "socket.connection.setup.timeout.ms",
    ]);
    let security = security::read(reader).await?;
    Ok(Connection {
        servers,
        client_id: reader.text("client.id").unwrap_or("connect").to_owned(),
        tls: security.tls.as_ref().map(tls::config).transpose()?,
        sasl: security.sasl.map(sasl_config),
        backoff,
        timeout: timeout.min(patience).min(Duration::from_secs(30)),
    })
}

fn sasl_config(sasl: Sasl) -> SaslConfig {
    let credentials = |login: Login| Credentials::new(login.username, login.password);
    match sasl {
        Sasl::Plain(login) => SaslConfig::Plain(credentials(login)),
        Sasl::ScramSha256(login) => SaslConfig::ScramSha256(credentials(login)),
        Sasl::ScramSha512(login) => SaslConfig::ScramSha512(credentials(login)),
        Sasl::OauthBearer(tokens) => SaslConfig::Oauthbearer(oauth_bearer(tokens)),
    }
}

fn oauth_bearer(tokens: Arc<Tokens>) -> OauthBearerCredentials {
    let bearer_kvs = tokens.extensions.clone();
    let callback = move || {
        let tokens = Arc::clone(&tokens);
        async move { Ok(tokens.token().await?.value) }.boxed()
    };
    OauthBearerCredentials { callback: Arc::new(callback), authz_id: None, bearer_kvs }
}

/// How long an admin call may take.
pub(super) fn api_timeout(reader: &mut Reader<'_>) -> Result<Duration> {
    Ok(reader.millis("default.api.timeout.ms")?.unwrap_or(Duration::from_secs(60)))
}

/// Settings of a producer.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProducerSettings {
    pub(super) compression: Compression,
    pub(super) batch_size: usize,
    pub(super) max_request_size: usize,
    pub(super) buffer_memory: usize,
    pub(super) max_block: Duration,
    pub(super) delivery_timeout: Duration,
}

/// Reads the settings of a producer.
pub(super) fn producer(reader: &mut Reader<'_>) -> Result<ProducerSettings> {
    if reader.text("transactional.id").is_some() {
        return Err(unsupported("transactions (`transactional.id` is set)"));
    }
    if reader.boolean("enable.idempotence")? == Some(true) {
        return Err(unsupported("idempotence (`enable.idempotence` is `true`)"));
    }
    let acks = [("all", true), ("-1", true), ("1", false), ("0", false)];
    if reader.choice("acks", &acks)? == Some(false) {
        tracing::warn!(
            key = "acks",
            "this setting has no effect here: the Kafka client `rskafka` waits for all"
        );
    }
    // Batches are handed over whole, so there is nothing to wait for; retries end with the delivery timeout.
    reader.accept(&["linger.ms", "retries", "partitioner.adaptive.partitioning.enable"]);
    let buffer_memory = reader.bytes("buffer.memory")?.unwrap_or(DEFAULT_BUFFER_MEMORY);
    Ok(ProducerSettings {
        compression: compression(reader)?,
        batch_size: reader.bytes("batch.size")?.unwrap_or(DEFAULT_BATCH_SIZE),
        max_request_size: reader.bytes("max.request.size")?.unwrap_or(DEFAULT_MAX_REQUEST_SIZE).max(1),
        buffer_memory: buffer_memory.clamp(1, u32::MAX as usize),
        max_block: reader.millis("max.block.ms")?.unwrap_or(Duration::from_secs(60)),
        delivery_timeout: reader.millis("delivery.timeout.ms")?.unwrap_or(Duration::from_secs(120)),
    })
}

fn compression(reader: &mut Reader<'_>) -> Result<Compression> {
    match reader.text("compression.type").unwrap_or("none") {
        "none" => Ok(Compression::NoCompression),
        "gzip" => Ok(Compression::Gzip),
        "lz4" => Ok(Compression::Lz4),
        "snappy" => Ok(Compression::Snappy),
        #[cfg(feature = "zstd")]
        "zstd" => Ok(Compression::Zstd),
        #[cfg(not(feature = "zstd"))]
        "zstd" => Err(refused(
            "`compression.type` is `zstd`, which this program was built without (feature `zstd`)",
        )),
        other => Err(invalid("compression.type", other, "one of none, gzip, snappy, lz4, zstd")),
    }
}

/// Where a partition is read from when it has no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reset {
    Earliest,
    Latest,
    None,
}

/// Settings of a consumer.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConsumerSettings {
    pub(super) reset: Reset,
    pub(super) max_poll_records: usize,
    pub(super) fetch_min_bytes: i32,
    pub(super) max_partition_fetch_bytes: i32,
    pub(super) fetch_max_wait: Duration,
    pub(super) api_timeout: Duration,
}

/// Reads the settings of a consumer.
pub(super) fn consumer(reader: &mut Reader<'_>) -> Result<ConsumerSettings> {
    if reader.boolean("enable.auto.commit")? == Some(true) {
        return Err(refused("`enable.auto.commit` is `true`, but must be false"));
    }
    let isolation = [("read_uncommitted", false), ("read_committed", true)];
    if reader.choice("isolation.level", &isolation)? == Some(true) {
        return Err(unsupported("transactions (`isolation.level` is `read_committed`)"));
    }
    // Of a group there is only the name.
    reader.accept(&[
        "allow.auto.create.topics",
        "fetch.max.bytes",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "heartbeat.interval.ms",
        "max.poll.interval.ms",
        "partition.assignment.strategy",
        "session.timeout.ms",
    ]);
    let reset = [("earliest", Reset::Earliest), ("latest", Reset::Latest), ("none", Reset::None)];
    let max_poll_records = reader.number("max.poll.records", 1..=i32::MAX)?.unwrap_or(500);
    let bytes = reader.number("max.partition.fetch.bytes", 1..=i32::MAX)?.unwrap_or(1 << 20);
    Ok(ConsumerSettings {
        reset: reader.choice("auto.offset.reset", &reset)?.unwrap_or(Reset::Latest),
        max_poll_records: usize::try_from(max_poll_records).unwrap_or(usize::MAX),
        fetch_min_bytes: reader.number("fetch.min.bytes", 0..=i32::MAX)?.unwrap_or(1).min(bytes - 1),
        max_partition_fetch_bytes: bytes,
        fetch_max_wait: reader.millis("fetch.max.wait.ms")?.unwrap_or(Duration::from_millis(50)),
        api_timeout: api_timeout(reader)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{ClientProperties, KafkaError, KafkaErrorKind};

    fn properties(pairs: &[(&str, &str)]) -> ClientProperties {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_the_client_lacks_is_an_error_that_says_who_has_it() {
        for pair in [("transactional.id", "t"), ("enable.idempotence", "true")] {
            let properties = properties(&[pair]);
            let error: KafkaError = producer(&mut Reader::new(&properties)).err().unwrap();
            assert_eq!(error.kind(), KafkaErrorKind::Unsupported);
            assert!(error.to_string().contains("use the client `krafka`"), "{error}");
        }
        let properties = properties(&[("isolation.level", "read_committed")]);
        assert_eq!(consumer(&mut Reader::new(&properties)).unwrap_err().kind(), KafkaErrorKind::Unsupported);
    }

    #[test]
    fn the_settings_that_connect_gives_its_producers_are_accepted() {
        let properties = properties(&[
            ("acks", "all"),
            ("delivery.timeout.ms", "2147483647"),
            ("enable.idempotence", "false"),
            ("max.block.ms", "9223372036854775807"),
        ]);
        assert!(producer(&mut Reader::new(&properties)).is_ok());
    }
}
