//! Which source offsets may be committed: settle out of order, commit in order. Pure bookkeeping.
//!
//! An offset becomes committable only when every earlier record of its source partition has been settled. Records
//! are submitted in batches, and a batch of one partition is one entry of that partition's queue: at a million
//! records a second an entry per record would cost more than the rest of the loop.

use std::collections::{HashMap, VecDeque};

use connect_api::{SourceOffset, SourcePartition};

/// A batch under way: where each of its records came from, in order, and in which queues they stand.
pub(crate) struct Ticket {
    batch: u64,
    records: Vec<(SourcePartition, SourceOffset)>,
    /// Consecutive records of one partition: behind which record they end, and their queue.
    runs: Vec<(usize, usize)>,
    /// The queues, each once.
    slots: Vec<usize>,
}

impl Ticket {
    /// Its place in the order of batches.
    pub(crate) fn number(&self) -> u64 {
        self.batch
    }

    /// The queue of a record.
    fn slot(&self, index: usize) -> Option<usize> {
        let run = self.runs.partition_point(|(end, _)| *end <= index);
        self.runs.get(run).map(|(_, slot)| *slot)
    }
}

struct Queue {
    partition: SourcePartition,
    runs: VecDeque<Run>,
}

/// The records of one batch in one partition.
struct Run {
    batch: u64,
    last: SourceOffset,
    state: RunState,
}

#[derive(PartialEq, Eq)]
enum RunState {
    Pending,
    /// All of it is settled.
    Settled,
    /// Settled up to `last`; what follows has failed, and nothing behind it may ever be committed.
    Broken,
    /// As `Broken`, with nothing of it left to commit.
    Blocked,
}

/// The queues of one task, by source partition.
#[derive(Default)]
pub(crate) struct SubmittedRecords {
    slots: HashMap<SourcePartition, usize>,
    queues: Vec<Queue>,
    batches: u64,
    pending: usize,
}

impl SubmittedRecords {
    /// Appends a batch.
    pub(crate) fn submit(&mut self, records: Vec<(SourcePartition, SourceOffset)>) -> Ticket {
        self.batches += 1;
        let batch = self.batches;
        let mut ticket = Ticket { batch, records, runs: Vec::new(), slots: Vec::new() };
        self.pending += ticket.records.len();
        let mut end = 0;
        // Sources hand over runs of one partition, with clones of one handle: look up once per run.
        for run in ticket.records.chunk_by(|(a, _), (b, _)| a.is_same(b)) {
            let (Some((partition, _)), Some((_, last))) = (run.first(), run.last()) else { continue };
            let slot = self.slot(partition);
            end += run.len();
            match ticket.runs.last_mut() {
                Some((before, same)) if *same == slot => *before = end,
                _ => ticket.runs.push((end, slot)),
            }
            let runs = &mut self.queues[slot].runs;
            match runs.back_mut() {
                Some(run) if run.batch == batch => run.last = last.clone(),
                _ => {
                    runs.push_back(Run { batch, last: last.clone(), state: RunState::Pending });
                    ticket.slots.push(slot);
                }
            }
        }
        ticket
    }

    fn slot(&mut self, partition: &SourcePartition) -> usize {
        if let Some(slot) = self.slots.get(partition) {
            return *slot;
        }
        let slot = self.queues.len();
        self.queues.push(Queue { partition: partition.clone(), runs: VecDeque::new() });
        self.slots.insert(partition.clone(), slot);
        slot
    }

    /// Where a record of a batch under way came from.
    pub(crate) fn place(&self, ticket: &Ticket, index: usize) -> Option<(SourcePartition, SourceOffset)> {
        ticket.records.get(index).cloned()
    }

    /// The batch is at its end. `failed` are the indexes of records that were lost, ascending: they block their
    /// partition for ever. Answers how many records the batch had.
    pub(crate) fn settle(&mut self, ticket: &Ticket, failed: &[usize]) -> usize {
        self.pending -= ticket.records.len();
        for slot in &ticket.slots {
            let Some(run) = self.queues[*slot].runs.iter_mut().find(|run| run.batch == ticket.batch) else {
                continue;
            };
            let first_failed = failed.iter().find(|index| ticket.slot(**index) == Some(*slot));
            match first_failed {
                None => run.state = RunState::Settled,
                Some(index) => match (0..*index).rev().find(|other| ticket.slot(*other) == Some(*slot)) {
                    Some(other) => {
                        run.last = ticket.records[other].1.clone();
                        run.state = RunState::Broken;
                    }
                    None => run.state = RunState::Blocked,
                },
            }
        }
        ticket.records.len()
    }

    /// Moves what has become committable into `into`; of several offsets of a partition the last counts.
    pub(crate) fn committable(&mut self, into: &mut HashMap<SourcePartition, SourceOffset>) {
        for queue in &mut self.queues {
            let mut last = None;
            while let Some(run) = queue.runs.front_mut() {
                match run.state {
                    RunState::Pending | RunState::Blocked => break,
                    RunState::Broken => {
                        last = Some(run.last.clone());
                        run.state = RunState::Blocked;
                        break;
                    }
                    RunState::Settled => last = queue.runs.pop_front().map(|run| run.last),
                }
            }
            if let Some(offset) = last {
                into.insert(queue.partition.clone(), offset);
            }
        }
    }

    /// How many records are not settled.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: &str, position: i64) -> (SourcePartition, SourceOffset) {
        (SourcePartition::of("p", partition), SourceOffset::of("at", position))
    }

    fn committable(records: &mut SubmittedRecords) -> Vec<(String, i64)> {
        let mut map = HashMap::new();
        records.committable(&mut map);
        let mut list: Vec<_> = map
            .into_iter()
            .map(|(partition, offset)| (partition.str("p").unwrap().to_owned(), offset.i64("at").unwrap()))
            .collect();
        list.sort();
        list
    }

    #[test]
    fn a_later_batch_waits_for_an_earlier_one_of_its_partition_only() {
        let mut records = SubmittedRecords::default();
        let first = records.submit(vec![record("a", 1), record("b", 1)]);
        let second = records.submit(vec![record("a", 2)]);
        let third = records.submit(vec![record("c", 1)]);
        records.settle(&second, &[]);
        records.settle(&third, &[]);
        assert_eq!(committable(&mut records), [("c".to_owned(), 1)]);
        records.settle(&first, &[]);
        assert_eq!(committable(&mut records), [("a".to_owned(), 2), ("b".to_owned(), 1)]);
        assert_eq!(committable(&mut records), []);
        assert_eq!(records.pending(), 0);
    }

    #[test]
    fn nothing_behind_a_lost_record_is_ever_committable() {
        let mut records = SubmittedRecords::default();
        let first = records.submit(vec![
            record("a", 1),
            record("b", 1),
            record("a", 2),
            record("a", 3),
            record("b", 2),
        ]);
        let second = records.submit(vec![record("a", 4), record("b", 3)]);
        records.settle(&first, &[2]);
        records.settle(&second, &[]);
        assert_eq!(committable(&mut records), [("a".to_owned(), 1), ("b".to_owned(), 3)]);
        assert_eq!(committable(&mut records), []);
    }

    #[test]
    fn a_lost_first_record_blocks_its_partition_without_an_offset() {
        let mut records = SubmittedRecords::default();
        let first = records.submit(vec![record("a", 1)]);
        records.settle(&first, &[0]);
        assert_eq!(committable(&mut records), []);
    }

    #[test]
    fn interleaved_partitions_of_one_batch_commit_their_last_offsets() {
        let mut records = SubmittedRecords::default();
        let ticket = records.submit(vec![
            record("a", 1),
            record("b", 1),
            record("a", 2),
            record("b", 2),
            record("a", 3),
        ]);
        records.settle(&ticket, &[]);
        assert_eq!(committable(&mut records), [("a".to_owned(), 3), ("b".to_owned(), 2)]);
    }
}
