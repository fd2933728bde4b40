//! What a consumer asks for and hands out, without a broker.

use bytes::Bytes;
use connect_api::{RawHeaders, TopicPartition};
use tokio::time::{Duration, Instant};

use super::batches::scan;
use super::partition::Position;
use super::settings::{self, Settings};
use super::state::{Shared, Work};
use crate::kafka::krafka::Membership;
use crate::kafka::native::records::{Identity, Records, Stamp};
use crate::kafka::net::{Broker, Cluster, Code, PartitionMetadata, TopicMetadata};
use crate::kafka::properties::Reader;
use crate::kafka::{ClientProperties, KafkaErrorKind, ProducerRecord};

async fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut properties: ClientProperties =
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    properties.insert("bootstrap.servers".to_owned(), "a:1".to_owned());
    let mut reader = Reader::new(&properties);
    let membership = Membership::read(&mut reader).await.ok().unwrap();
    settings::read(&mut reader, membership.settings()).unwrap()
}

fn tp(partition: i32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

/// Two partitions at broker 1, read from their beginning.
async fn shared(pairs: &[(&str, &str)]) -> Shared {
    let shared = Shared::new(settings(pairs).await);
    let mut state = shared.lock();
    state.add(&[tp(0), tp(1)], Position::At(0));
    for partition in [tp(0), tp(1)] {
        state.go(&partition, Position::At(0));
    }
    let partitions =
        [0, 1].map(|index| PartitionMetadata { index, leader: 1, leader_epoch: 3 }).into_iter().collect();
    let topic = TopicMetadata { code: Code::NONE, name: "t".to_owned(), id: [1; 16], partitions };
    let brokers = vec![Broker { id: 1, address: "a:1".to_owned() }];
    state.stale = false;
    state.learn(Cluster { brokers, topics: vec![topic] });
    drop(state);
    shared
}

fn batch(first: i64, count: i64) -> Bytes {
    let mut records = Records::new(Vec::new());
    for number in first..first + count {
        let value = Some(Bytes::from(format!("{number:0>1000}")));
        let headers = RawHeaders::new();
        let record = ProducerRecord {
            topic: "t".into(),
            partition: None,
            timestamp: Some(1),
            key: None,
            value,
            headers,
        };
        records.push(&record, 0);
    }
    records.seal(Stamp { identity: Identity::NONE, sequence: -1, transactional: false });
    let mut bytes = records.into_bytes();
    bytes[..8].copy_from_slice(&first.to_be_bytes());
    bytes.into()
}

fn arrive(shared: &Shared, partition: i32, first: i64, count: i64) {
    let scanned = scan(&batch(first, count), first, Vec::new());
    shared.lock().find(&tp(partition)).unwrap().arrived(scanned);
}

/// What the next request asks for: partition and offset.
fn asked(shared: &Shared) -> Vec<(i32, i64)> {
    match shared.lock().work(1, Instant::now()) {
        Work::Fetch(targets) => {
            let mut targets: Vec<_> =
                targets.iter().map(|target| (target.partition.partition, target.offset)).collect();
            targets.sort_unstable();
            targets
        }
        Work::Later(_) => Vec::new(),
        work => panic!("{work:?}"),
    }
}

#[tokio::test]
async fn reading_goes_ahead_up_to_a_number_of_bytes() {
    let shared = shared(&[("max.partition.fetch.bytes", "10000")]).await;
    assert_eq!(asked(&shared), [(0, 0), (1, 0)]);
    arrive(&shared, 0, 0, 8);
    assert_eq!(asked(&shared), [(0, 8), (1, 0)], "there is room for another answer");
    arrive(&shared, 0, 8, 8);
    assert_eq!(asked(&shared), [], "a request without partition 0 would wait while it is drained");
    let taken = shared.take().unwrap();
    assert_eq!((taken[0].records.len(), taken[0].next_offset), (16, 16));
    assert_eq!(asked(&shared), [(0, 16), (1, 0)]);
}

#[tokio::test]
async fn a_paused_partition_is_neither_read_nor_handed_out_and_holds_up_nobody() {
    let shared = shared(&[("max.partition.fetch.bytes", "10000")]).await;
    arrive(&shared, 0, 0, 30);
    shared.lock().set_paused(&[tp(0)], true);
    assert_eq!(asked(&shared), [(1, 0)]);
    assert!(shared.take().unwrap().is_empty());
    shared.lock().set_paused(&[tp(0)], false);
    assert_eq!(shared.take().unwrap()[0].records.len(), 30);
}

#[tokio::test]
async fn a_poll_brings_no_more_than_it_may_and_each_partition_has_a_share() {
    let shared = shared(&[("max.poll.records", "10")]).await;
    arrive(&shared, 0, 0, 30);
    arrive(&shared, 1, 0, 3);
    let counts = |taken: &[crate::kafka::PartitionRecords]| {
        let mut counts: Vec<_> =
            taken.iter().map(|read| (read.partition.partition, read.records.len())).collect();
        counts.sort_unstable();
        counts
    };
    let taken = shared.take().unwrap();
    assert!(counts(&taken).contains(&(1, 3)), "{:?}", counts(&taken));
    assert!(taken.iter().map(|read| read.records.len()).sum::<usize>() <= 10);
    let offsets: Vec<_> = std::iter::repeat_with(|| shared.take().unwrap())
        .take_while(|taken| !taken.is_empty())
        .flat_map(|taken| taken.into_iter().flat_map(|read| read.records))
        .map(|record| record.offset)
        .collect();
    assert_eq!(*offsets.last().unwrap(), 29);
    assert!(offsets.is_sorted());
}

#[tokio::test]
async fn a_seek_forgets_what_was_fetched_and_what_is_under_way() {
    let shared = shared(&[]).await;
    arrive(&shared, 0, 0, 5);
    let version = shared.lock().find(&tp(0)).unwrap().version;
    assert!(shared.lock().go(&tp(0), Position::At(3)));
    assert!(shared.lock().of_version(&tp(0), version).is_none(), "an answer from before does not count");
    assert!(shared.take().unwrap().is_empty());
    arrive(&shared, 0, 3, 2);
    let taken = shared.take().unwrap();
    assert_eq!(taken[0].records.iter().map(|record| record.offset).collect::<Vec<_>>(), [3, 4]);
    assert!(!shared.lock().go(&tp(9), Position::At(0)), "it is not assigned");
}

#[tokio::test]
async fn a_partition_whose_position_is_gone_is_reset_or_says_so() {
    let shared_none = shared(&[("auto.offset.reset", "none")]).await;
    shared_none.lock().reset(&tp(0), "reading t-0 at offset 7, which does not exist");
    let error = shared_none.take().unwrap_err();
    assert_eq!(error.kind(), KafkaErrorKind::OffsetOutOfRange);
    assert!(error.to_string().contains("offset 7"), "{error}");
    arrive(&shared_none, 1, 0, 2);
    shared_none.lock().go(&tp(0), Position::At(0));
    assert_eq!(shared_none.take().unwrap()[0].records.len(), 2, "a seek makes it good again");

    let earliest = shared(&[("auto.offset.reset", "earliest")]).await;
    earliest.lock().reset(&tp(0), "");
    let Work::LookUp(lookups) = earliest.lock().work(1, Instant::now()) else { panic!("it is looked up") };
    assert_eq!((lookups.len(), lookups[0].timestamp), (1, super::list_offsets::EARLIEST));
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_failed_waits_and_the_others_do_not() {
    let shared = shared(&[]).await;
    let version = shared.lock().find(&tp(0)).unwrap().version;
    shared.lock().back_off(&tp(0), version);
    assert_eq!(asked(&shared), [(1, 0)]);
    tokio::time::advance(Duration::from_millis(101)).await;
    assert_eq!(asked(&shared), [(0, 0), (1, 0)]);
}

#[tokio::test]
async fn lag_is_what_lies_between_positions_and_ends() {
    let shared = shared(&[]).await;
    assert_eq!(shared.lock().lag(), None);
    arrive(&shared, 0, 0, 5);
    shared.lock().find(&tp(0)).unwrap().end = Some(12);
    assert_eq!(shared.lock().lag(), Some(12));
    shared.take().unwrap();
    assert_eq!(shared.lock().lag(), Some(7));
}

#[tokio::test]
async fn a_broker_that_is_gone_has_no_lane() {
    let shared = shared(&[]).await;
    assert!(matches!(shared.lock().work(2, Instant::now()), Work::End));
}
