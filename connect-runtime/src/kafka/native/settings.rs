//! Java's producer properties as settings: one place for the names, the defaults and the limits.

use std::time::Duration;

use super::compression::Compression;
use crate::kafka::properties::{Reader, bootstrap_servers, refused};
use crate::kafka::{Result, partitioner};

/// One batch of a partition is under way at a time, so larger ones than Java's carry more per round trip.
const DEFAULT_BATCH_SIZE: usize = 512 << 10;
const DEFAULT_BUFFER_MEMORY: usize = 32 << 20;
const DEFAULT_MAX_REQUEST_SIZE: usize = 16 << 20;
const DEFAULT_DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// One lost answer must not hold up a task for weeks: Connect asks for `Integer.MAX_VALUE` so that records are never
/// given up, and that is the delivery timeout's work.
const MAX_REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// Settings of a producer.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) servers: Vec<String>,
    pub(super) acks: i16,
    pub(super) idempotent: bool,
    pub(super) transactional_id: Option<String>,
    pub(super) transaction_timeout: Duration,
    pub(super) batch_size: usize,
    pub(super) linger: Duration,
    pub(super) buffer_memory: usize,
    pub(super) max_request_size: usize,
    pub(super) compression: Compression,
    pub(super) delivery_timeout: Duration,
    pub(super) request_timeout: Duration,
    pub(super) max_block: Duration,
    pub(super) retries: u32,
    pub(super) retry_backoff: Backoff,
    pub(super) reconnect_backoff: Backoff,
    pub(super) metadata_max_age: Duration,
    pub(super) round_robin: bool,
}

/// Waits that double.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// How long to wait after so many failures in a row.
    pub(super) fn after(self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }

    pub(super) fn read(reader: &mut Reader<'_>, key: &str, longest: &str, default: u64) -> Result<Self> {
        let first = reader.millis(key)?.unwrap_or(Duration::from_millis(default));
        let first = first.max(Duration::from_millis(1));
        let longest = reader.millis(longest)?.unwrap_or(Duration::from_secs(1)).max(first);
        Ok(Self { first, longest })
    }
}

/// Reads the settings of a producer, apart from those of its connections.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Settings> {
    let acks = reader.choice("acks", &[("all", -1), ("-1", -1), ("1", 1), ("0", 0)])?.unwrap_or(-1);
    let transactional_id = reader.text("transactional.id").map(str::to_owned);
    let idempotent = reader.boolean("enable.idempotence")?;
    if idempotent == Some(true) && acks != -1 {
        return Err(refused("`enable.idempotence` is `true`, which needs `acks` to be `all`"));
    }
    if transactional_id.is_some() && (idempotent == Some(false) || acks != -1) {
        return Err(refused(
            "`transactional.id` needs `enable.idempotence` to be `true` and `acks` to be `all`",
        ));
    }
    let linger = reader.millis("linger.ms")?.unwrap_or(Duration::ZERO);
    let delivery_timeout = reader.millis("delivery.timeout.ms")?.unwrap_or(DEFAULT_DELIVERY_TIMEOUT);
    if delivery_timeout <= linger {
        return Err(refused("`delivery.timeout.ms` must be greater than `linger.ms`"));
    }
    let request_timeout = reader.millis("request.timeout.ms")?.unwrap_or(DEFAULT_REQUEST_TIMEOUT);
    // One attempt must fit into the time a record has.
    let request_timeout = request_timeout.min(delivery_timeout - linger).min(MAX_REQUEST_TIMEOUT);
    let max_request_size = reader.bytes("max.request.size")?.unwrap_or(DEFAULT_MAX_REQUEST_SIZE).max(1);
    let buffer_memory = reader.bytes("buffer.memory")?.unwrap_or(DEFAULT_BUFFER_MEMORY).max(1);
    let batch_size = reader.bytes("batch.size")?.unwrap_or(DEFAULT_BATCH_SIZE);
    let round_robin = partitioner::round_robin(reader)?;
    reader.accept(&[
        "connections.max.idle.ms",
        "enable.metrics.push",
        "metadata.max.idle.ms",
        "metadata.recovery.rebootstrap.trigger.ms",
        "metadata.recovery.strategy",
        "receive.buffer.bytes",
        "send.buffer.bytes",
        "socket.connection.setup.timeout.max.ms",
    ]);
    let metadata_max_age = reader.millis("metadata.max.age.ms")?.unwrap_or(Duration::from_secs(300));
    Ok(Settings {
        servers: bootstrap_servers(reader)?,
        acks,
        idempotent: idempotent.unwrap_or(acks == -1),
        transactional_id,
        transaction_timeout: reader.millis("transaction.timeout.ms")?.unwrap_or(Duration::from_secs(60)),
        batch_size: batch_size.min(max_request_size).min(buffer_memory).max(1),
        linger,
        buffer_memory,
        max_request_size,
        compression: Compression::read(reader)?,
        delivery_timeout,
        request_timeout: request_timeout.max(Duration::from_millis(1)),
        max_block: reader.millis("max.block.ms")?.unwrap_or(Duration::from_secs(60)),
        retries: reader.number("retries", 0..=i32::MAX.unsigned_abs())?.unwrap_or(i32::MAX.unsigned_abs()),
        retry_backoff: Backoff::read(reader, "retry.backoff.ms", "retry.backoff.max.ms", 100)?,
        reconnect_backoff: Backoff::read(reader, "reconnect.backoff.ms", "reconnect.backoff.max.ms", 50)?,
        metadata_max_age: metadata_max_age.max(Duration::from_millis(1)),
        round_robin,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::kafka::ClientProperties;

    pub(in crate::kafka::native) fn settings(pairs: &[(&str, &str)]) -> Result<Settings> {
        let mut properties: ClientProperties =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        properties.entry("bootstrap.servers".to_owned()).or_insert("a:1".to_owned());
        read(&mut Reader::new(&properties))
    }

    #[test]
    fn the_settings_that_connect_gives_its_producers_are_accepted() {
        let settings = settings(&[
            ("acks", "all"),
            ("delivery.timeout.ms", "2147483647"),
            ("enable.idempotence", "false"),
            ("max.block.ms", "9223372036854775807"),
            ("request.timeout.ms", "2147483647"),
        ]);
        let settings = settings.unwrap();
        assert!(!settings.idempotent);
        assert_eq!(settings.request_timeout, MAX_REQUEST_TIMEOUT);
        assert!(settings.delivery_timeout > Duration::from_secs(86_400));
    }

    #[test]
    fn a_producer_is_idempotent_unless_told_otherwise_or_acknowledged_by_fewer() {
        assert!(settings(&[]).unwrap().idempotent);
        assert!(!settings(&[("acks", "1")]).unwrap().idempotent);
        for pairs in [
            &[("acks", "1"), ("enable.idempotence", "true")][..],
            &[("transactional.id", "t"), ("enable.idempotence", "false")],
            &[("transactional.id", "t"), ("acks", "0")],
            &[("linger.ms", "10"), ("delivery.timeout.ms", "10")],
            &[("compression.type", "brotli")],
            &[("bootstrap.servers", "nowhere")],
        ] {
            assert!(settings(pairs).is_err(), "{pairs:?}");
        }
    }

    #[test]
    fn a_batch_is_never_larger_than_a_request() {
        let settings = settings(&[("batch.size", "1000000"), ("max.request.size", "5000")]).unwrap();
        assert_eq!(settings.batch_size, 5000);
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        let millis: Vec<_> = [1, 2, 3, 4, 5, 400].map(|failures| waits.after(failures).as_millis()).into();
        assert_eq!(millis, [100, 200, 400, 800, 1000, 1000]);
    }
}
