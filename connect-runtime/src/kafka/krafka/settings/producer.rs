//! Settings of a producer.

use std::time::Duration;

use krafka::Compression;
use krafka::producer::Acks;

use super::{ConnectionLimits, accept_java_default_backoff};
use crate::kafka::properties::{Reader, refused};
use crate::kafka::{Result, partitioner};

const DEFAULT_BATCH_SIZE: usize = 128 << 10;
const DEFAULT_BUFFER_MEMORY: usize = 32 << 20;
const DEFAULT_MAX_REQUEST_SIZE: usize = 16 << 20;
const DEFAULT_LINGER: Duration = Duration::from_millis(5);
const DEFAULT_DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);

/// Settings of a producer.
pub(in crate::kafka::krafka) struct ProducerSettings {
    pub(in crate::kafka::krafka) acks: Acks,
    pub(in crate::kafka::krafka) idempotent: bool,
    pub(in crate::kafka::krafka) transactional_id: Option<String>,
    pub(in crate::kafka::krafka) transaction_timeout: Option<Duration>,
    pub(in crate::kafka::krafka) batch_size: usize,
    pub(in crate::kafka::krafka) linger: Duration,
    pub(in crate::kafka::krafka) buffer_memory: usize,
    pub(in crate::kafka::krafka) max_request_size: usize,
    pub(in crate::kafka::krafka) compression: Compression,
    pub(in crate::kafka::krafka) compression_level: Option<i32>,
    pub(in crate::kafka::krafka) delivery_timeout: Duration,
    pub(in crate::kafka::krafka) max_block: Duration,
    pub(in crate::kafka::krafka) retry_backoff: Option<Duration>,
    pub(in crate::kafka::krafka) round_robin: bool,
    pub(in crate::kafka::krafka) client_rack: Option<String>,
    pub(in crate::kafka::krafka) rack_aware: bool,
    pub(in crate::kafka::krafka) metrics_push: bool,
}

impl ProducerSettings {
    pub(in crate::kafka::krafka) fn connection_limits(&self) -> ConnectionLimits {
        // One attempt must fit into the time a record has.
        let request_timeout = self.delivery_timeout.saturating_sub(self.linger);
        ConnectionLimits { request_timeout: Some(request_timeout), create_topics: true }
    }
}

/// Reads the settings of a producer.
pub(in crate::kafka::krafka) fn producer(reader: &mut Reader<'_>) -> Result<ProducerSettings> {
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
    let round_robin = partitioner::round_robin(reader)?;
    if reader.number("retries", 0..=i64::from(i32::MAX))? == Some(0) {
        tracing::warn!(
            key = "retries",
            "this setting has no effect here: `delivery.timeout.ms` alone bounds retries"
        );
    }
    accept_java_default_backoff(reader)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::ClientProperties;

    fn read_producer(pairs: &[(&str, &str)]) -> Result<ProducerSettings> {
        let properties: ClientProperties =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        producer(&mut Reader::new(&properties))
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
}
