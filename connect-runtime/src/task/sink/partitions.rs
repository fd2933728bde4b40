//! How far a sink task is in each of its partitions. Pure bookkeeping.

use connect_api::{Offsets, TopicPartition};

/// Offsets of the next record, by partition.
#[derive(Debug, Default)]
pub(super) struct Positions {
    /// Delivered by Kafka, not yet taken by the task.
    pending: Offsets,
    /// Taken by the task.
    current: Offsets,
    /// Committed, or where the task began.
    committed: Offsets,
}

impl Positions {
    /// A partition was assigned, at this position.
    pub(super) fn assigned(&mut self, partition: &TopicPartition, position: i64) {
        self.current.insert(partition.clone(), position);
        self.committed.insert(partition.clone(), position);
    }

    /// A partition is gone.
    pub(super) fn forget(&mut self, partition: &TopicPartition) {
        self.pending.remove(partition);
        self.current.remove(partition);
        self.committed.remove(partition);
    }

    /// Kafka delivered records up to here.
    pub(super) fn delivered(&mut self, partition: &TopicPartition, next: i64) {
        match self.pending.get_mut(partition) {
            Some(offset) => *offset = next,
            None => {
                self.pending.insert(partition.clone(), next);
            }
        }
    }

    /// The task took everything that was delivered.
    pub(super) fn taken(&mut self) {
        self.current.append(&mut self.pending);
    }

    /// The task, or a failed flush, goes back: what was delivered does not count.
    pub(super) fn rewound(&mut self, partition: &TopicPartition, offset: i64) {
        self.pending.remove(partition);
        self.current.insert(partition.clone(), offset);
        self.committed.insert(partition.clone(), offset);
    }

    /// What `pre_commit` is told.
    pub(super) fn current(&self, partitions: &[TopicPartition]) -> Offsets {
        partitions
            .iter()
            .filter_map(|partition| self.current.get(partition).map(|offset| (partition.clone(), *offset)))
            .collect()
    }

    /// Where the last commit, or the beginning, stands.
    pub(super) fn committed(&self, partitions: &[TopicPartition]) -> Offsets {
        partitions
            .iter()
            .filter_map(|partition| self.committed.get(partition).map(|offset| (partition.clone(), *offset)))
            .collect()
    }

    /// What may be sent to Kafka of what the task answered: nothing beyond what it was given, nothing of foreign
    /// partitions. Empty: nothing has changed. The second part lists what was ignored.
    pub(super) fn committable(&self, answered: &Offsets) -> (Offsets, Vec<(TopicPartition, i64)>) {
        let mut changed = Offsets::new();
        let mut ignored = Vec::new();
        for (partition, offset) in answered {
            match self.current.get(partition) {
                Some(current) if offset <= current => {
                    if self.committed.get(partition) != Some(offset) {
                        changed.insert(partition.clone(), *offset);
                    }
                }
                _ => ignored.push((partition.clone(), *offset)),
            }
        }
        (changed, ignored)
    }

    /// Kafka has these offsets now.
    pub(super) fn commit_done(&mut self, offsets: &Offsets) {
        for (partition, offset) in offsets {
            if let Some(committed) = self.committed.get_mut(partition) {
                *committed = *offset;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tp(partition: i32) -> TopicPartition {
        TopicPartition::new("t", partition)
    }

    #[test]
    fn what_was_delivered_counts_only_when_the_task_took_it() {
        let mut positions = Positions::default();
        positions.assigned(&tp(0), 5);
        positions.delivered(&tp(0), 9);
        assert_eq!(positions.current(&[tp(0)]), Offsets::from([(tp(0), 5)]));
        positions.taken();
        assert_eq!(positions.current(&[tp(0)]), Offsets::from([(tp(0), 9)]));
    }

    #[test]
    fn a_task_may_commit_less_than_it_was_given_but_not_more() {
        let mut positions = Positions::default();
        positions.assigned(&tp(0), 0);
        positions.assigned(&tp(1), 0);
        positions.delivered(&tp(0), 10);
        positions.delivered(&tp(1), 10);
        positions.taken();
        let (changed, ignored) = positions.committable(&Offsets::from([(tp(0), 7), (tp(1), 11), (tp(2), 1)]));
        assert_eq!(changed, Offsets::from([(tp(0), 7)]));
        assert_eq!(ignored, [(tp(1), 11), (tp(2), 1)]);
        positions.commit_done(&changed);
        assert_eq!(positions.committable(&Offsets::from([(tp(0), 7)])).0, Offsets::new());
    }

    #[test]
    fn a_rewind_forgets_what_was_delivered() {
        let mut positions = Positions::default();
        positions.assigned(&tp(0), 0);
        positions.delivered(&tp(0), 10);
        positions.rewound(&tp(0), 3);
        positions.taken();
        assert_eq!(positions.current(&[tp(0)]), Offsets::from([(tp(0), 3)]));
    }
}
