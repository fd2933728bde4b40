//! Settings of the fetching half of a consumer; those of the group are the client's.

use std::time::Duration;

use krafka::consumer::{AutoOffsetReset, IsolationLevel};

use crate::kafka::Result;
use crate::kafka::krafka::ConsumerSettings;
use crate::kafka::native::settings::Backoff;
use crate::kafka::properties::{Reader, bootstrap_servers};

const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// An answer that is lost must not hold up a task for long.
const MAX_REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// As Java's: a request waits so long at the broker while there is nothing to read.
const DEFAULT_FETCH_MAX_WAIT: Duration = Duration::from_millis(500);
/// What may be fetched ahead, over all partitions, unless `fetch.max.bytes` is less or one alone takes more.
const PREFETCH: usize = 4 << 20;

/// Settings of a consumer's requests.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) servers: Vec<String>,
    pub(super) reset: AutoOffsetReset,
    pub(super) read_committed: bool,
    pub(super) max_poll_records: usize,
    pub(super) min_bytes: i32,
    pub(super) max_bytes: i32,
    pub(super) max_partition_fetch_bytes: usize,
    pub(super) max_wait: Duration,
    /// No more is asked for while more than this waits for the caller.
    pub(super) prefetch_bytes: usize,
    pub(super) create_topics: bool,
    pub(super) rack: String,
    pub(super) api_timeout: Duration,
    pub(super) request_timeout: Duration,
    pub(super) retry_backoff: Backoff,
    pub(super) reconnect_backoff: Backoff,
    pub(super) metadata_max_age: Duration,
}

/// Reads the settings; `client` are those that the client has read already.
pub(super) fn read(reader: &mut Reader<'_>, client: &ConsumerSettings) -> Result<Settings> {
    let positive = |number: i32| usize::try_from(number).unwrap_or_default();
    let max_partition_fetch_bytes = positive(client.max_partition_fetch_bytes.max(1));
    let prefetch_bytes = PREFETCH.min(positive(client.fetch_max_bytes)).max(max_partition_fetch_bytes);
    let most = i32::try_from(prefetch_bytes).unwrap_or(i32::MAX);
    let request_timeout = reader.millis("request.timeout.ms")?.unwrap_or(DEFAULT_REQUEST_TIMEOUT);
    let metadata_max_age = reader.millis("metadata.max.age.ms")?.unwrap_or(Duration::from_secs(300));
    Ok(Settings {
        servers: bootstrap_servers(reader)?,
        reset: client.reset,
        read_committed: client.isolation == IsolationLevel::ReadCommitted,
        max_poll_records: positive(client.max_poll_records).max(1),
        min_bytes: client.fetch_min_bytes,
        max_bytes: client.fetch_max_bytes.min(most),
        max_partition_fetch_bytes,
        max_wait: reader.millis("fetch.max.wait.ms")?.unwrap_or(DEFAULT_FETCH_MAX_WAIT),
        prefetch_bytes,
        create_topics: client.create_topics,
        rack: client.client_rack.clone().unwrap_or_default(),
        api_timeout: client.api_timeout,
        request_timeout: request_timeout.clamp(Duration::from_millis(1), MAX_REQUEST_TIMEOUT),
        retry_backoff: Backoff::read(reader, "retry.backoff.ms", "retry.backoff.max.ms", 100)?,
        reconnect_backoff: Backoff::read(reader, "reconnect.backoff.ms", "reconnect.backoff.max.ms", 50)?,
        metadata_max_age: metadata_max_age.max(Duration::from_millis(1)),
    })
}
