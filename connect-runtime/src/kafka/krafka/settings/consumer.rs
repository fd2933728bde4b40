//! Settings of a consumer.

use std::time::Duration;

use krafka::consumer::{AutoOffsetReset, GroupProtocol, IsolationLevel, PartitionAssignmentStrategy};

use super::{ConnectionLimits, accept_java_default_backoff, api_timeout};
use crate::kafka::Result;
use crate::kafka::properties::{Reader, invalid, refused};

const DEFAULT_MAX_POLL_RECORDS: i32 = 500;
const DEFAULT_FETCH_MAX_WAIT: Duration = Duration::from_millis(50);

/// Settings of a consumer.
#[derive(Clone)]
pub(in crate::kafka) struct ConsumerSettings {
    pub(in crate::kafka) group: Option<String>,
    pub(in crate::kafka) group_instance: Option<String>,
    pub(in crate::kafka) protocol: GroupProtocol,
    pub(in crate::kafka) remote_assignor: Option<String>,
    pub(in crate::kafka) strategies: Vec<PartitionAssignmentStrategy>,
    pub(in crate::kafka) reset: AutoOffsetReset,
    pub(in crate::kafka) isolation: IsolationLevel,
    pub(in crate::kafka) max_poll_records: i32,
    pub(in crate::kafka) max_poll_interval: Duration,
    pub(in crate::kafka) session_timeout: Duration,
    pub(in crate::kafka) heartbeat_interval: Duration,
    pub(in crate::kafka) fetch_min_bytes: i32,
    pub(in crate::kafka) fetch_max_bytes: i32,
    pub(in crate::kafka) max_partition_fetch_bytes: i32,
    pub(in crate::kafka) fetch_max_wait: Duration,
    pub(in crate::kafka) api_timeout: Duration,
    pub(in crate::kafka) create_topics: bool,
    pub(in crate::kafka) client_rack: Option<String>,
    pub(in crate::kafka) metrics_push: bool,
}

impl ConsumerSettings {
    pub(in crate::kafka::krafka) fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits { request_timeout: None, create_topics: self.create_topics }
    }
}

/// Reads the settings of a consumer.
pub(in crate::kafka::krafka) fn consumer(reader: &mut Reader<'_>) -> Result<ConsumerSettings> {
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

    fn read_consumer(pairs: &[(&str, &str)]) -> Result<ConsumerSettings> {
        let properties: ClientProperties =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        consumer(&mut Reader::new(&properties))
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
