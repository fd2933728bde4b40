//! What must hold, at every commit and at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use connect_api::{OffsetValue, SourceOffset, SourcePartition, TopicPartition};
use connect_runtime::kafka::memory::TopicRecord;

use super::fates::{Fate, Fates};
use super::model::{Item, SinkModel, SourceModel};
use super::world::{CONNECTOR, DEAD, GROUP, INPUT, OFFSETS, World};

/// What the checks of sources and sinks answer.
pub(super) trait Checks: Send + Sync {
    /// Nothing is committed beyond what is durable.
    fn committed(&self) -> Result<(), String>;
    /// Everything has arrived and is committed. An error says what is missing.
    fn complete(&self) -> Result<(), String>;
    /// Order, repeats, dead letters.
    fn at_the_end(&self) -> Result<(), String>;
}

/// After removing repeats, the numbers of each partition are in order; a repeat goes back and proceeds in order from
/// there; and it goes back no more often than something has happened after which records may come again.
fn in_order(
    what: &str,
    items: impl IntoIterator<Item = Item>,
    disturbances: Option<u64>,
    once: bool,
) -> Result<(), String> {
    let mut seen = BTreeMap::<String, (BTreeSet<u64>, u64, u64)>::new();
    for item in items {
        let (numbers, last, back) = seen.entry(item.partition.clone()).or_default();
        if once && numbers.contains(&item.number) {
            return Err(format!("{what}: {item} is there twice"));
        }
        if !numbers.contains(&item.number) && numbers.last().is_some_and(|highest| item.number < *highest) {
            return Err(format!(
                "{what}: {item} comes for the first time after {}",
                numbers.last().unwrap_or(&0)
            ));
        }
        if !numbers.is_empty() && item.number <= *last {
            *back += 1;
        }
        *last = item.number;
        numbers.insert(item.number);
    }
    let Some(disturbances) = disturbances else { return Ok(()) };
    match seen.into_iter().find(|(_, (_, _, back))| *back > 3 * disturbances) {
        Some((partition, (_, _, back))) => Err(format!(
            "{what}: the records of {partition} went back {back} times, though only {disturbances} things went wrong"
        )),
        None => Ok(()),
    }
}

/// How often records may come again. `None`: two workers wrote at the same time, so that their records are mixed.
fn disturbances(world: &World) -> Option<u64> {
    (!world.has_frozen()).then(|| world.disturbances())
}

pub(super) struct SourceChecks<M> {
    pub(super) world: Arc<World>,
    pub(super) model: Arc<M>,
    pub(super) fates: Fates,
    pub(super) exactly_once: bool,
    /// How long the offsets topic was when it was looked at last.
    pub(super) looked: Mutex<usize>,
}

impl<M: SourceModel> SourceChecks<M> {
    /// What a `read_committed` reader sees.
    fn arrived(&self) -> Result<Vec<(i32, Item)>, String> {
        self.named(&self.world.kafka.records(&self.model.topic()))
    }

    /// What is in Kafka to stay, though readers may have to wait for it.
    fn durable(&self) -> Result<Vec<(i32, Item)>, String> {
        self.named(&self.world.kafka.committed_records(&self.model.topic()))
    }

    fn named(&self, records: &[TopicRecord]) -> Result<Vec<(i32, Item)>, String> {
        let named = |record: &TopicRecord| {
            let item = self.model.identify(record).ok_or_else(|| {
                format!("a record that the system does not hold is in the topic: {record:?}")
            })?;
            Ok((record.partition, item))
        };
        records.iter().map(named).collect()
    }

    /// The committed position of each partition.
    fn positions(&self) -> Result<BTreeMap<String, u64>, String> {
        let mut latest = BTreeMap::new();
        for record in self.world.kafka.committed_records(OFFSETS) {
            let Some((partition, offset)) = read_offset(&record) else { continue };
            let Some(offset) = offset else {
                latest.remove(&partition);
                continue;
            };
            let Some(item) = self.model.position(&partition, &offset) else {
                return Err(format!(
                    "the model does not know the committed offset {offset:?} of {partition:?}"
                ));
            };
            latest.insert(partition, item);
        }
        Ok(latest.into_values().map(|item| (item.partition, item.number)).collect())
    }
}

/// An offset as it stands in the topic: JSON of connector and partition, and of the offset.
fn read_offset(record: &TopicRecord) -> Option<(SourcePartition, Option<SourceOffset>)> {
    use serde_json::Value as Json;

    let entries = |object: serde_json::Map<String, Json>| {
        let value = |json: Json| match json {
            Json::Bool(value) => OffsetValue::Boolean(value),
            Json::Number(number) => OffsetValue::Int64(number.as_i64().unwrap_or_default()),
            Json::String(text) => OffsetValue::from(text),
            _ => OffsetValue::Null,
        };
        object.into_iter().map(|(key, json)| (key, value(json))).collect::<Vec<_>>()
    };
    let (connector, partition): (String, serde_json::Map<String, Json>) =
        serde_json::from_slice(record.key.as_deref()?).ok()?;
    if connector != CONNECTOR {
        return None;
    }
    let offset = match &record.value {
        Some(value) => Some(SourceOffset::from_entries(entries(serde_json::from_slice(value).ok()?))),
        None => None,
    };
    Some((SourcePartition::from_entries(entries(partition)), offset))
}

impl<M: SourceModel> Checks for SourceChecks<M> {
    fn committed(&self) -> Result<(), String> {
        let length = self.world.kafka.committed_records(OFFSETS).len();
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if std::mem::replace(&mut *looked, length) == length {
                return Ok(());
            }
        }
        let arrived: BTreeSet<_> = self.durable()?.into_iter().map(|(_, item)| item).collect();
        for (partition, position) in self.positions()? {
            let missing = (0..position)
                .map(|number| Item::new(partition.as_str(), number))
                .find(|item| self.fates.of(item) == Fate::Deliver && !arrived.contains(item));
            if let Some(item) = missing {
                return Err(format!(
                    "position {position} of {partition} is committed, but {item} is not in Kafka"
                ));
            }
        }
        Ok(())
    }

    fn complete(&self) -> Result<(), String> {
        let arrived: BTreeSet<_> = self.arrived()?.into_iter().map(|(_, item)| item).collect();
        let positions = self.positions()?;
        for (partition, count) in self.model.records() {
            let items = (0..count).map(|number| Item::new(partition.as_str(), number));
            let mut due = items.filter(|item| self.fates.of(item) == Fate::Deliver);
            if let Some(item) = due.clone().find(|item| !arrived.contains(item)) {
                return Err(format!("{item} did not arrive in Kafka"));
            }
            if self.world.has_frozen() && !self.exactly_once {
                // Nobody fences a worker that hung: the offset that it commits late may be an older one.
                continue;
            }
            let position = positions.get(&partition).copied().unwrap_or(0);
            if let Some(last) = due.next_back().filter(|last| last.number >= position) {
                return Err(format!("{last} has arrived, but only position {position} is committed"));
            }
        }
        Ok(())
    }

    fn at_the_end(&self) -> Result<(), String> {
        let mut by_partition = BTreeMap::<i32, Vec<Item>>::new();
        for (partition, item) in self.arrived()? {
            if self.fates.of(&item) != Fate::Deliver {
                return Err(format!("{item} is in Kafka, though a transformation dropped it"));
            }
            by_partition.entry(partition).or_default().push(item);
        }
        for (partition, items) in by_partition {
            let what = format!("partition {partition} of {}", self.model.topic());
            in_order(&what, items, disturbances(&self.world), self.exactly_once)?;
        }
        Ok(())
    }
}

pub(super) struct SinkChecks<M> {
    pub(super) world: Arc<World>,
    pub(super) model: Arc<M>,
    pub(super) fates: Fates,
    pub(super) exactly_once: bool,
    /// How many records each partition of the input has.
    pub(super) input: Vec<u64>,
    /// What was committed when it was looked at last.
    pub(super) looked: Mutex<BTreeMap<usize, u64>>,
}

/// The ten headers of a dead letter, without what all their names begin with.
const HEADERS: [&str; 10] = [
    "topic",
    "partition",
    "offset",
    "connector.name",
    "task.id",
    "stage",
    "class.name",
    "exception.class.name",
    "exception.message",
    "exception.stacktrace",
];

fn header(record: &TopicRecord, name: &str) -> Option<String> {
    let value = record.headers.last(&format!("__connect.errors.{name}")).flatten()?;
    String::from_utf8(value.to_vec()).ok()
}

impl<M: SinkModel> SinkChecks<M> {
    fn letters(&self) -> BTreeSet<Item> {
        let records = self.world.kafka.records(DEAD);
        records
            .iter()
            .filter_map(|record| {
                Some(Item::new(header(record, "partition")?, header(record, "offset")?.parse().ok()?))
            })
            .collect()
    }

    fn missing(&self, upto: impl Fn(usize, u64) -> u64) -> Option<Item> {
        let rows: BTreeSet<_> = self.model.rows().into_iter().collect();
        let letters = self.letters();
        self.input.iter().enumerate().find_map(|(partition, count)| {
            (0..upto(partition, *count)).map(|number| Item::new(partition.to_string(), number)).find(|item| {
                match self.fates.of(item) {
                    Fate::Deliver => !rows.contains(item),
                    Fate::Fail | Fate::Report => !letters.contains(item),
                    Fate::Filter => false,
                }
            })
        })
    }

    fn committed_offsets(&self) -> BTreeMap<usize, u64> {
        let committed = self.world.kafka.committed(GROUP);
        let number = |(partition, offset): (TopicPartition, i64)| {
            Some((usize::try_from(partition.partition).ok()?, u64::try_from(offset).ok()?))
        };
        committed.into_iter().filter_map(number).collect()
    }

    fn letter_is_whole(&self, record: &TopicRecord) -> Result<(), String> {
        let names: Vec<_> = record.headers.iter().map(|(name, _)| name.as_str().to_owned()).collect();
        let expected = HEADERS.iter().map(|name| format!("__connect.errors.{name}"));
        let expected: Vec<_> = std::iter::once("origin".to_owned()).chain(expected).collect();
        if names != expected {
            return Err(format!("a dead letter has the headers {names:?} instead of {expected:?}"));
        }
        let (partition, offset) = (header(record, "partition"), header(record, "offset"));
        let item = format!("{}/{}", partition.unwrap_or_default(), offset.unwrap_or_default());
        let origin = record.headers.last("origin").flatten().map(|bytes| bytes.to_vec());
        let fate = Item::parse(&item).map(|item| self.fates.of(&item));
        let stage = header(record, "stage").unwrap_or_default();
        let told = match fate {
            Some(Fate::Fail) => stage == "TRANSFORMATION",
            Some(Fate::Report) => stage == "TASK_PUT",
            _ => return Err(format!("{item} is in the dead letter queue, though nobody refused it")),
        };
        let right = told
            && header(record, "topic").as_deref() == Some(INPUT)
            && header(record, "connector.name").as_deref() == Some(CONNECTOR)
            && origin == Some(item.clone().into_bytes())
            && record.value_text() == Some(&item)
            && header(record, "exception.message").is_some_and(|message| message.contains("simulated"));
        if right {
            Ok(())
        } else {
            Err(format!("the dead letter of {item} tells something else: {record:?}"))
        }
    }
}

impl<M: SinkModel> Checks for SinkChecks<M> {
    fn committed(&self) -> Result<(), String> {
        let committed = self.committed_offsets();
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            // A commit whose answer was lost has moved the group further than the worker knows.
            if !self.world.has_lost_commit()
                && let Some((partition, before)) =
                    looked.iter().find(|(partition, before)| committed.get(*partition) < Some(*before))
            {
                return Err(format!(
                    "partition {partition} had {before} committed and has {:?}",
                    committed.get(partition)
                ));
            }
            looked.clone_from(&committed);
        }
        let beyond =
            self.missing(|partition, count| committed.get(&partition).copied().unwrap_or(0).min(count));
        match beyond {
            Some(item) => Err(format!("offsets {committed:?} are committed, but {item} is not delivered")),
            None => Ok(()),
        }
    }

    fn complete(&self) -> Result<(), String> {
        if let Some(item) = self.missing(|_, count| count) {
            return Err(format!("{item} was not delivered"));
        }
        if self.exactly_once {
            // The offsets that count are in the target. After a rewind those of the group stay where they are until
            // there are new records, as in Kafka.
            return Ok(());
        }
        let committed = self.committed_offsets();
        for (partition, count) in self.input.iter().enumerate() {
            let offset = committed.get(&partition).copied().unwrap_or(0);
            if offset != *count {
                return Err(format!(
                    "partition {partition} is delivered, but only offset {offset} is committed"
                ));
            }
        }
        Ok(())
    }

    fn at_the_end(&self) -> Result<(), String> {
        let rows = self.model.rows();
        if let Some(item) = rows.iter().find(|item| self.fates.of(item) != Fate::Deliver) {
            return Err(format!("{item} was delivered, though it was dropped or given up"));
        }
        in_order("the target", rows, disturbances(&self.world), self.exactly_once)?;
        self.world.kafka.records(DEAD).iter().try_for_each(|record| self.letter_is_whole(record))
    }
}
