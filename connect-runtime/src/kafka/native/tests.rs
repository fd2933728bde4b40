//! The state of a producer, without a broker: order, retries, giving up, memory.

use std::time::Duration;

use bytes::Bytes;
use connect_api::RawHeaders;
use futures::FutureExt;
use tokio::time::{Instant, advance};

use super::batch::Batch;
use super::records::Identity;
use super::settings::tests::settings;
use super::settle::Answer;
use super::state::{Ready, Shared};
use super::ticket::Ticket;
use super::topics::unknown;
use super::{CLIENT, choose};
use crate::kafka::net::{Broker, Cluster, Code, PartitionMetadata, TopicMetadata, timed_out};
use crate::kafka::{ClientProperties, Delivery, KafkaErrorKind, ProducerRecord, SendReport};

/// The broker that leads everything.
const LEADER: i32 = 1;

struct World {
    shared: Shared,
}

impl World {
    /// A producer that knows a topic `t` of two partitions.
    fn new(pairs: &[(&str, &str)]) -> Self {
        let shared = Shared::new(settings(pairs).unwrap(), Identity { id: 7, epoch: 0 });
        {
            let mut state = shared.lock();
            state.topics.insert("t".into(), unknown(&"t".into()));
            let partition = |index| PartitionMetadata { index, leader: LEADER, leader_epoch: 0 };
            let partitions = vec![partition(0), partition(1)];
            let topic = TopicMetadata { code: Code::NONE, name: "t".to_owned(), id: [1; 16], partitions };
            let brokers = vec![Broker { id: LEADER, address: "a:1".to_owned() }];
            state.learn(Cluster { brokers, topics: vec![topic] }, &shared.settings);
        }
        Self { shared }
    }

    fn send(&self, partition: i32, values: &[&str]) -> Delivery {
        let records: Vec<_> = values.iter().map(|value| record(partition, value)).collect();
        let (ticket, delivery) = Ticket::new(records.len(), true);
        self.shared.lock().append(&records, &ticket, Instant::now(), 0);
        delivery
    }

    fn take(&self) -> Vec<(usize, Batch)> {
        let linger = self.shared.settings.linger;
        self.shared.lock().take(LEADER, Instant::now(), linger)
    }

    fn take_one(&self) -> (usize, Batch) {
        let mut taken = self.take();
        assert_eq!(taken.len(), 1);
        taken.remove(0)
    }

    fn ready(&self) -> Ready {
        let linger = self.shared.settings.linger;
        self.shared.lock().ready(LEADER, Instant::now(), linger)
    }

    fn answer(&self, (at, batch): (usize, Batch), code: Code, base_offset: i64) {
        let answer = Answer { code, base_offset, said: None };
        self.shared.lock().answered(at, batch, &answer, &self.shared.settings, Instant::now());
    }

    fn wire(&self, batch: &mut Batch) -> Bytes {
        batch.seal(self.shared.settings.compression).unwrap()
    }
}

fn record(partition: i32, value: &str) -> ProducerRecord {
    ProducerRecord {
        topic: "t".into(),
        partition: Some(partition),
        timestamp: None,
        key: None,
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: RawHeaders::new(),
    }
}

fn offsets(report: &SendReport) -> Vec<Option<i64>> {
    report.positions.iter().map(|position| position.map(|position| position.offset)).collect()
}

#[tokio::test(start_paused = true)]
async fn one_batch_of_a_partition_is_under_way_and_what_comes_meanwhile_is_collected() {
    let world = World::new(&[]);
    let first = world.send(0, &["a", "b"]);
    let under_way = world.take_one();
    let (second, third) = (world.send(0, &["c"]), world.send(0, &["d"]));
    assert!(world.take().is_empty(), "the partition has a batch under way");
    let other = world.send(1, &["x"]);
    let beside = world.take_one();
    assert_eq!(beside.1.count(), 1, "another partition goes beside it");
    world.answer(beside, Code::NONE, 5);
    world.answer(under_way, Code::NONE, 40);
    assert_eq!(offsets(&first.await), [Some(40), Some(41)]);
    assert_eq!(offsets(&other.await), [Some(5)]);
    let collected = world.take_one();
    assert_eq!((collected.1.count(), collected.1.stamp.unwrap().sequence), (2, 2));
    world.answer(collected, Code::NONE, 42);
    assert_eq!(offsets(&second.await), [Some(42)]);
    assert_eq!(offsets(&third.await), [Some(43)]);
    let state = world.shared.lock();
    assert_eq!((state.used, state.unsettled), (0, 0), "all memory is free again");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_for_now_goes_again_later_with_the_same_bytes() {
    let world = World::new(&[]);
    let delivery = world.send(0, &["a"]);
    let mut first = world.take_one();
    let sent = world.wire(&mut first.1);
    world.answer(first, Code::NOT_LEADER_OR_FOLLOWER, -1);
    assert!(world.shared.lock().stale, "somebody else leads");
    drop(world.send(0, &["b"]));
    assert!(matches!(world.ready(), Ready::Later(Some(_))));
    assert!(world.take().is_empty());
    advance(Duration::from_millis(100)).await;
    assert_eq!(world.ready(), Ready::Now);
    let mut again = world.take_one();
    assert_eq!(world.wire(&mut again.1), sent);
    world.answer(again, Code::DUPLICATE_SEQUENCE_NUMBER, -1);
    assert!(delivery.await.failed.is_empty(), "it was written the first time");
    assert_eq!(world.take_one().1.stamp.unwrap().sequence, 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_overtakes_records_that_were_given_up_until_their_sender_knows() {
    let world = World::new(&[("delivery.timeout.ms", "1000"), ("request.timeout.ms", "500")]);
    let first = world.send(0, &["a"]);
    let (at, batch) = world.take_one();
    let waiting = world.send(0, &["b"]);
    advance(Duration::from_secs(2)).await;
    world.shared.lock().again(at, batch, &timed_out("writing"), &world.shared.settings, Instant::now());
    let refused = world.send(0, &["c"]).await;
    assert!(refused.failed[0].1.is_retriable(), "{:?}", refused.failed);
    drop(world.send(1, &["another partition"]));
    assert_eq!(world.take_one().1.count(), 1);
    for delivery in [first, waiting] {
        let report = delivery.await;
        assert_eq!((report.failed.len(), report.failed[0].1.is_retriable()), (1, true));
    }
    // The first one may have arrived: the broker must be able to tell old from new.
    drop(world.send(0, &["a"]));
    let stamp = world.take_one().1.stamp.unwrap();
    assert_eq!((stamp.identity.epoch, stamp.sequence), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_expires_too_and_keeps_its_epoch() {
    let world = World::new(&[("delivery.timeout.ms", "1000")]);
    let delivery = world.send(0, &["a"]);
    let expire = || world.shared.lock().expire(Instant::now(), world.shared.settings.delivery_timeout);
    assert!(expire(), "something may expire later");
    advance(Duration::from_secs(1)).await;
    assert!(!expire());
    let report = delivery.await;
    assert_eq!(report.failed[0].1.kind(), KafkaErrorKind::Timeout);
    drop(world.send(0, &["a"]));
    assert_eq!(world.take_one().1.stamp.unwrap().identity.epoch, 0);
}

#[tokio::test(start_paused = true)]
async fn without_retries_the_first_failure_is_the_last() {
    let world = World::new(&[("retries", "0")]);
    let delivery = world.send(0, &["a"]);
    world.answer(world.take_one(), Code::NOT_ENOUGH_REPLICAS, -1);
    let error = &delivery.await.failed[0].1;
    assert!(error.to_string().contains("t-0: the broker answered NOT_ENOUGH_REPLICAS"), "{error}");
    assert!(error.is_retriable());
}

#[tokio::test(start_paused = true)]
async fn a_batch_lingers_unless_it_is_full_or_flushed() {
    let world = World::new(&[("linger.ms", "50"), ("batch.size", "200")]);
    drop(world.send(0, &["a"]));
    assert_eq!(world.ready(), Ready::Later(Some(Instant::now() + Duration::from_millis(50))));
    let full = "x".repeat(200);
    drop(world.send(1, &[&full]));
    assert_eq!(world.take_one().0, 1, "the full one goes");
    world.shared.lock().flushing = true;
    assert_eq!(world.take_one().0, 0);
    world.shared.lock().flushing = false;
    drop(world.send(0, &["b"]));
    advance(Duration::from_millis(50)).await;
    assert!(world.take().is_empty(), "the one before it is under way");
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_divided_until_the_guilty_record_is_alone() {
    let world = World::new(&[]);
    let large = "x".repeat(4000);
    let delivery = world.send(0, &["a", "b", &large, "d"]);
    let mut next = 0;
    while let Some((at, batch)) = world.take().pop() {
        if batch.size > 4000 {
            world.answer((at, batch), Code::MESSAGE_TOO_LARGE, -1);
        } else {
            let count = i64::from(batch.count());
            assert_eq!(i64::from(batch.stamp.unwrap().sequence), next, "refused batches do not count");
            world.answer((at, batch), Code::NONE, 100 + next);
            next += count;
        }
    }
    let report = delivery.await;
    assert_eq!(report.failed.len(), 1);
    assert_eq!((report.failed[0].0, report.failed[0].1.kind()), (2, KafkaErrorKind::RecordTooLarge));
    assert_eq!(offsets(&report), [Some(100), Some(101), None, Some(102)]);
    let state = world.shared.lock();
    assert_eq!((state.used, state.unsettled), (0, 0));
    assert!(state.partitions[0].limit < 4000, "later batches are smaller");
}

#[tokio::test(start_paused = true)]
async fn a_fenced_producer_fails_everything_it_has() {
    let world = World::new(&[("transactional.id", "t")]);
    let (first, second) = (world.send(0, &["a"]), world.send(1, &["b"]));
    let mut taken = world.take();
    assert_eq!(taken.len(), 2);
    let waiting = world.send(0, &["c"]);
    world.answer(taken.remove(0), Code::INVALID_PRODUCER_EPOCH, -1);
    world.answer(taken.remove(0), Code::INVALID_PRODUCER_EPOCH, -1);
    for delivery in [first, second, waiting] {
        let report = delivery.now_or_never().expect("nothing is left to wait for");
        assert_eq!(report.failed[0].1.kind(), KafkaErrorKind::Fenced);
    }
    let state = world.shared.lock();
    assert_eq!(state.fatal.as_ref().map(crate::kafka::KafkaError::kind), Some(KafkaErrorKind::Fenced));
    assert_eq!(state.unsettled, 0);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_no_request_can_carry_fails_alone() {
    let world = World::new(&[("max.request.size", "1000")]);
    let large = "x".repeat(2000);
    let delivery = world.send(0, &["a", &large, "c"]);
    let batch = world.take_one();
    assert_eq!(batch.1.count(), 2);
    world.answer(batch, Code::NONE, 0);
    let report = delivery.await;
    assert_eq!((report.failed[0].0, report.failed[0].1.kind()), (1, KafkaErrorKind::RecordTooLarge));
    assert_eq!(offsets(&report), [Some(0), None, Some(1)]);
}

#[tokio::test]
async fn a_full_request_leaves_the_others_for_the_next_one() {
    let world = World::new(&[("max.request.size", "1000")]);
    let value = "x".repeat(600);
    drop((world.send(0, &[&value]), world.send(1, &[&value])));
    let (first, second) = (world.take_one(), world.take_one());
    assert_ne!(first.0, second.0);
}

#[test]
fn a_setting_chooses_the_client_and_is_not_handed_on() {
    let properties = |client: &str| ClientProperties::from([(CLIENT.to_owned(), client.to_owned())]);
    for (client, native) in [("native", true), ("krafka", false), ("", true)] {
        let (chosen, rest) = choose(&properties(client)).unwrap();
        assert_eq!((chosen, rest.len()), (native, 0), "{client}");
    }
    let error = choose(&properties("java")).unwrap_err();
    assert_eq!(error.kind(), KafkaErrorKind::Config);
    assert_eq!(error.to_string(), "`client` is `java`, but must be one of krafka, native");
}
