//! Clauses about consumer groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use connect_api::{Offsets, TopicPartition};
use connect_runtime::kafka::{Consumer, ConsumerEvent, KafkaErrorKind, Subscription};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::Fixture;
use super::tools::*;

fn topics(topic: &str) -> Subscription {
    Subscription::Topics(vec![topic.into()])
}

/// Polls until partitions are assigned.
pub(super) async fn assigned(consumer: &mut dyn Consumer) -> Vec<TopicPartition> {
    soon("partitions are assigned", async {
        loop {
            match poll_event(consumer).await.unwrap() {
                ConsumerEvent::Assigned(partitions) => return partitions,
                ConsumerEvent::Records(batches) => {
                    assert!(batches.is_empty(), "records before the assignment")
                }
                event => panic!("{event:?}"),
            }
        }
    })
    .await
}

pub(crate) async fn a_group_resumes_where_it_committed(fixture: &dyn Fixture) {
    if !can(fixture, Need::Groups).await {
        return;
    }
    let (topic, group) = (unique("resume"), unique("group"));
    create(fixture, &topic, 2).await;
    let [first, second] = [0, 1].map(|partition| TopicPartition::new(topic.as_str(), partition));
    let mut producer = producer(fixture, &[]).await;
    write(&mut *producer, numbers(&topic, 0, 0..10)).await;

    let mut consumer = member(fixture, &group, &[]).await;
    consumer.subscribe(topics(&topic)).await.unwrap();
    assert_eq!(assigned(&mut *consumer).await, [first.clone(), second.clone()]);
    let both = [first.clone(), second];
    assert!(consumer.committed(&both).await.unwrap().is_empty());
    assert_eq!(texts(&read(&mut *consumer, 10).await), counted(0..10));
    let offsets = Offsets::from([(first.clone(), 7)]);
    soon("the commit is done", consumer.commit(offsets.clone())).await.unwrap();
    assert_eq!(consumer.committed(&both).await.unwrap(), offsets, "a partition without offset is left out");
    soon("the consumer is closed", consumer.close(PATIENCE)).await.unwrap();

    let mut consumer = member(fixture, &group, &[]).await;
    consumer.subscribe(topics(&topic)).await.unwrap();
    assigned(&mut *consumer).await;
    assert_eq!(consumer.position(&first).await.unwrap(), 7);
    assert_eq!(texts(&read(&mut *consumer, 3).await), counted(7..10));
}

/// Whoever closes a consumer that has hardly begun to join leaves nobody behind, who would hold partitions back until the
/// session is over.
pub(crate) async fn a_consumer_that_is_closed_while_it_joins_is_no_member(fixture: &dyn Fixture) {
    closes_while_it_joins(fixture, &[]).await;
}

/// The same with settings of the consumer.
pub(crate) async fn closes_while_it_joins(fixture: &dyn Fixture, settings: &[(&str, &str)]) {
    if !can(fixture, Need::Groups).await {
        return;
    }
    let topic = unique("brief");
    create(fixture, &topic, 1).await;
    let admin = admin(fixture).await;
    for after in [None, Some(0), Some(1), Some(3), Some(10), Some(100)] {
        let group = unique("brief-group");
        let mut consumer = member(fixture, &group, settings).await;
        consumer.subscribe(topics(&topic)).await.unwrap();
        if let Some(after) = after {
            let _ = consumer.poll(Duration::from_millis(after)).await.unwrap();
        }
        soon("the consumer is closed", consumer.close(PATIENCE)).await.unwrap();
        // A join under way would get there meanwhile.
        tokio::time::sleep(WAIT).await;
        let offsets = Offsets::from([(TopicPartition::new(topic.as_str(), 0), 0)]);
        let altered = admin.alter_group_offsets(&group, &offsets).await;
        assert!(altered.is_ok(), "closed after {after:?} ms of polling, it is a member yet: {altered:?}");
    }
}

/// What the members of a group did together.
#[derive(Default)]
struct Log {
    read: BTreeMap<(i32, i64), usize>,
    by_member: [usize; 2],
    owned: [BTreeSet<TopicPartition>; 2],
    revoked_at_once: usize,
}

#[derive(Default)]
struct Journal {
    log: Mutex<Log>,
    changed: Notify,
}

impl Journal {
    fn note(&self, note: impl FnOnce(&mut Log)) {
        note(&mut self.log.lock().unwrap());
        self.changed.notify_waiters();
    }

    async fn until(&self, what: &str, mut look: impl FnMut(&Log) -> bool) {
        soon(what, async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if look(&self.log.lock().unwrap()) {
                    return;
                }
                changed.await;
            }
        })
        .await;
    }
}

/// A member that reads, and commits what it has read whenever it must give partitions up.
async fn work(mut consumer: Box<dyn Consumer>, index: usize, journal: &Journal, leave: &Notify) {
    let mut positions = Offsets::new();
    loop {
        let event = tokio::select! {
            biased;
            () = leave.notified() => break,
            event = poll_event(&mut *consumer) => event.unwrap(),
        };
        match event {
            ConsumerEvent::Records(batches) => journal.note(|log| {
                for batch in batches {
                    assert!(log.owned[index].contains(&batch.partition), "records of a partition not owned");
                    for record in &batch.records {
                        *log.read.entry((batch.partition.partition, record.offset)).or_default() += 1;
                    }
                    log.by_member[index] += batch.records.len();
                    positions.insert(batch.partition, batch.next_offset);
                }
            }),
            ConsumerEvent::Assigned(partitions) => journal.note(|log| {
                for partition in partitions {
                    let other = &log.owned[1 - index];
                    assert!(
                        !other.contains(&partition),
                        "{partition} was handed over before it was given up"
                    );
                    assert!(log.owned[index].insert(partition), "assigned what it had already");
                }
            }),
            ConsumerEvent::Revoked(partitions) => {
                let mut done = positions.clone();
                done.retain(|partition, _| partitions.contains(partition));
                soon("the commit is done", consumer.commit(done))
                    .await
                    .expect("a commit before the next poll counts");
                journal.note(|log| {
                    log.revoked_at_once = log.revoked_at_once.max(partitions.len());
                    for partition in partitions {
                        positions.remove(&partition);
                        assert!(log.owned[index].remove(&partition), "revoked what it had not");
                    }
                });
            }
            ConsumerEvent::Lost(partitions) => panic!("lost {partitions:?} though it polled all the time"),
        }
    }
    soon("the commit is done", consumer.commit(positions)).await.unwrap();
    journal.note(|log| log.owned[index].clear());
    soon("the consumer is closed", consumer.close(PATIENCE)).await.unwrap();
}

pub(crate) async fn offsets_are_committed_before_a_partition_is_handed_over(fixture: &dyn Fixture) {
    if !can(fixture, Need::Groups).await {
        return;
    }
    let (topic, group) = (unique("hand-over"), unique("group"));
    create(fixture, &topic, 4).await;
    let mut producer = producer(fixture, &[]).await;
    let (journal, leave) = (Journal::default(), [Notify::new(), Notify::new()]);
    let total = async |producer: &mut Box<dyn connect_runtime::kafka::Producer>,
                       range: std::ops::Range<usize>| {
        for partition in 0..4 {
            write(&mut **producer, numbers(&topic, partition, range.clone())).await;
        }
    };
    let join = async |index: usize| {
        let mut consumer = member(fixture, &group, &[("max.poll.records", "50")]).await;
        consumer.subscribe(topics(&topic)).await.unwrap();
        work(consumer, index, &journal, &leave[index]).await;
    };
    let second_joins = Notify::new();
    let story = async {
        total(&mut producer, 0..500).await;
        journal.until("the first member reads", |log| log.by_member[0] >= 200).await;
        second_joins.notify_one();
        journal
            .until("both members have two partitions", |log| log.owned.iter().all(|owned| owned.len() == 2))
            .await;
        let before = journal.log.lock().unwrap().by_member[1];
        total(&mut producer, 500..1000).await;
        journal.until("all is read", |log| log.read.len() == 4000).await;
        assert!(
            journal.log.lock().unwrap().by_member[1] >= before + 1000,
            "the second member reads its share"
        );
        leave[0].notify_one();
        journal.until("the other one has all partitions", |log| log.owned[1].len() == 4).await;
        total(&mut producer, 1000..1100).await;
        journal.until("all is read", |log| log.read.len() == 4400).await;
        leave[1].notify_one();
    };
    let second = async {
        second_joins.notified().await;
        join(1).await;
    };
    tokio::join!(story, join(0), second);

    {
        let log = journal.log.lock().unwrap();
        let repeated: Vec<_> = log.read.iter().filter(|(_, times)| **times > 1).collect();
        assert!(repeated.is_empty(), "{} records were processed twice: {repeated:?}", repeated.len());
        assert_eq!(log.revoked_at_once, 2, "only what moves is revoked");
    }
    let mut reader = member(fixture, &group, &[]).await;
    let committed = reader.committed(&partitions_of(&topic, 4)).await.unwrap();
    assert_eq!(committed.into_values().collect::<Vec<_>>(), [1100; 4]);
}

pub(crate) async fn a_cancelled_poll_loses_no_group_event(fixture: &dyn Fixture) {
    if !can(fixture, Need::Groups).await {
        return;
    }
    let (topic, group) = (unique("cancel-event"), unique("group"));
    create(fixture, &topic, 2).await;
    let mut producer = producer(fixture, &[]).await;
    write(&mut *producer, numbers(&topic, 0, 0..10)).await;
    let mut consumer = member(fixture, &group, &[]).await;
    consumer.subscribe(topics(&topic)).await.unwrap();
    let mut waits = [0, 1, 5, 50, 300].into_iter().cycle();
    let mut events = 0;
    soon("the records come", async {
        loop {
            let wait = Duration::from_millis(waits.next().unwrap());
            match timeout(wait, consumer.poll(PATIENCE)).await {
                Err(_) => {}
                Ok(Ok(ConsumerEvent::Assigned(partitions))) => {
                    assert_eq!(partitions.len(), 2);
                    events += 1;
                }
                Ok(Ok(ConsumerEvent::Records(batches))) if batches.is_empty() => {}
                Ok(Ok(ConsumerEvent::Records(_))) => break,
                Ok(event) => panic!("{event:?}"),
            }
        }
    })
    .await;
    assert_eq!(events, 1, "the assignment is told once, before the records");
}

pub(crate) async fn a_pattern_picks_up_new_topics(fixture: &dyn Fixture) {
    if !can(fixture, Need::Groups).await {
        return;
    }
    let (name, group) = (unique("pattern"), unique("group"));
    let [old, new, other, longer] = ["a", "b", "x", "ab"].map(|end| format!("{name}.{end}"));
    create(fixture, &old, 1).await;
    create(fixture, &other, 1).await;
    create(fixture, &longer, 1).await;
    let mut producer = producer(fixture, &[]).await;
    for topic in [&old, &other, &longer] {
        write(&mut *producer, numbers(topic, 0, 0..3)).await;
    }
    let mut consumer = member(fixture, &group, &[("metadata.max.age.ms", "1000")]).await;
    consumer.subscribe(Subscription::Pattern(format!("{}\\.[ab]", regex_escape(&name)))).await.unwrap();
    assert_eq!(assigned(&mut *consumer).await, partitions_of(&old, 1), "the whole name must match");
    assert_eq!(texts(&read(&mut *consumer, 3).await), counted(0..3));

    create(fixture, &new, 1).await;
    write(&mut *producer, numbers(&new, 0, 0..4)).await;
    let (mut partitions, mut texts) = (partitions_of(&old, 1), Vec::new());
    soon("records of the new topic come", async {
        while texts.len() < 4 {
            match poll_event(&mut *consumer).await.unwrap() {
                ConsumerEvent::Assigned(added) => partitions.extend(added),
                ConsumerEvent::Revoked(gone) | ConsumerEvent::Lost(gone) => {
                    partitions.retain(|partition| !gone.contains(partition));
                }
                ConsumerEvent::Records(batches) => {
                    let new = batches.iter().filter(|batch| batch.partition.topic == *new);
                    texts.extend(new.flat_map(|batch| &batch.records).map(text));
                }
            }
        }
    })
    .await;
    assert_eq!(texts, counted(0..4));
    partitions.sort_unstable();
    assert_eq!(partitions, [partitions_of(&old, 1), partitions_of(&new, 1)].concat());
}

fn regex_escape(text: &str) -> String {
    text.replace('-', "\\-")
}

pub(crate) async fn a_stranger_cannot_commit_beside_members(fixture: &dyn Fixture) {
    if !can(fixture, Need::Groups).await {
        return;
    }
    let (topic, group) = (unique("stranger"), unique("group"));
    create(fixture, &topic, 1).await;
    let at = TopicPartition::new(topic.as_str(), 0);
    let mut stranger = member(fixture, &group, &[]).await;
    stranger.assign(std::slice::from_ref(&at)).await.unwrap();
    soon("the commit is done", stranger.commit(Offsets::from([(at.clone(), 5)])))
        .await
        .expect("no members yet");

    let mut consumer = member(fixture, &group, &[]).await;
    consumer.subscribe(topics(&topic)).await.unwrap();
    assigned(&mut *consumer).await;
    let error =
        soon("the commit is done", stranger.commit(Offsets::from([(at.clone(), 6)]))).await.unwrap_err();
    assert_eq!(error.kind(), KafkaErrorKind::Rebalance, "{error}");
    assert_eq!(
        consumer.committed(std::slice::from_ref(&at)).await.unwrap(),
        Offsets::from([(at.clone(), 5)])
    );
    soon("the commit is done", consumer.commit(Offsets::from([(at, 7)]))).await.unwrap();
}

pub(crate) async fn a_consumer_without_group_can_neither_subscribe_nor_commit(fixture: &dyn Fixture) {
    if !can(fixture, Need::Groups).await {
        return;
    }
    let topic = unique("no-group");
    create(fixture, &topic, 1).await;
    let mut consumer = reader(fixture, &topic, 1, &[]).await;
    let offsets = Offsets::from([(TopicPartition::new(topic.as_str(), 0), 1)]);
    let error = soon("the commit fails", consumer.commit(offsets)).await.unwrap_err();
    assert!(error.to_string().contains("group.id"), "{error} does not name group.id");
    let error = consumer.subscribe(topics(&topic)).await.unwrap_err();
    assert!(error.to_string().contains("group.id"), "{error} does not name group.id");
}

pub(crate) async fn group_offsets_can_be_listed_altered_and_deleted(fixture: &dyn Fixture) {
    if !can(fixture, Need::GroupAdmin).await || !can(fixture, Need::Groups).await {
        return;
    }
    let (topic, group) = (unique("group-admin"), unique("group"));
    create(fixture, &topic, 2).await;
    let [first, second] = [0, 1].map(|partition| TopicPartition::new(topic.as_str(), partition));
    let admin = admin(fixture).await;
    assert!(admin.list_group_offsets(&group).await.unwrap().is_empty(), "an unknown group has no offsets");
    let mut producer = producer(fixture, &[]).await;
    write(&mut *producer, numbers(&topic, 0, 0..10)).await;

    let mut consumer = member(fixture, &group, &[]).await;
    consumer.subscribe(topics(&topic)).await.unwrap();
    assigned(&mut *consumer).await;
    let offsets = Offsets::from([(first.clone(), 10), (second.clone(), 0)]);
    soon("the commit is done", consumer.commit(offsets.clone())).await.unwrap();
    assert_eq!(admin.list_group_offsets(&group).await.unwrap(), offsets);
    let altered = Offsets::from([(first.clone(), 4)]);
    for refused in [
        admin.alter_group_offsets(&group, &altered).await,
        admin.delete_group_offsets(&group, std::slice::from_ref(&first)).await,
        admin.delete_group(&group).await,
    ] {
        let error = refused.expect_err("the group has a member");
        assert_eq!(error.kind(), KafkaErrorKind::GroupNotEmpty, "{error}");
    }
    soon("the consumer is closed", consumer.close(PATIENCE)).await.unwrap();

    admin.alter_group_offsets(&group, &altered).await.unwrap();
    let now = Offsets::from([(first.clone(), 4), (second.clone(), 0)]);
    assert_eq!(admin.list_group_offsets(&group).await.unwrap(), now, "other partitions keep theirs");
    admin.delete_group_offsets(&group, std::slice::from_ref(&second)).await.unwrap();
    assert_eq!(admin.list_group_offsets(&group).await.unwrap(), altered);

    let mut consumer = member(fixture, &group, &[]).await;
    consumer.subscribe(topics(&topic)).await.unwrap();
    assigned(&mut *consumer).await;
    assert_eq!(texts(&read(&mut *consumer, 6).await), counted(4..10));
    soon("the consumer is closed", consumer.close(PATIENCE)).await.unwrap();

    admin.delete_group(&group).await.unwrap();
    assert!(admin.list_group_offsets(&group).await.unwrap().is_empty());
    admin.delete_group(&group).await.expect("a group that is gone is no error");
}
