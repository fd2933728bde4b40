//! Where the caller stands in each partition, as far as it knows.
//!
//! The client itself forgets two things that the caller must hear of: that a position moved without records (past
//! transaction markers and aborted records), and that a position it was told does not exist (it goes to the end of
//! the log by itself, where Kafka's rule is `auto.offset.reset`).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use connect_api::TopicPartition;

/// The position of each partition.
#[derive(Debug, Default)]
pub(super) struct Positions(Mutex<HashMap<TopicPartition, Known>>);

#[derive(Clone, Copy, Debug)]
struct Known {
    offset: i64,
    /// It comes from outside, and no record has shown yet that the log reaches so far.
    told: bool,
}

/// What a look at the client's positions found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Partitions whose position moved on, and where to.
    pub(super) moved: Vec<(TopicPartition, i64)>,
    /// Partitions whose told position does not exist.
    pub(super) out_of_range: Vec<(TopicPartition, i64)>,
}

impl Positions {
    fn known(&self) -> MutexGuard<'_, HashMap<TopicPartition, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A position that the caller or the group chose.
    pub(super) fn tell(&self, partition: TopicPartition, offset: i64) {
        self.known().insert(partition, Known { offset, told: true });
    }

    /// Records were handed out up to here.
    pub(super) fn handed_out(&self, partition: &TopicPartition, offset: i64) {
        let now = Known { offset, told: false };
        let mut known = self.known();
        match known.get_mut(partition) {
            Some(before) => *before = now,
            None => {
                known.insert(partition.clone(), now);
            }
        }
    }

    /// A partition is not the caller's any more, or is to start anew.
    pub(super) fn forget(&self, partition: &TopicPartition) {
        self.known().remove(partition);
    }

    /// Forgets all but these.
    pub(super) fn retain(&self, partitions: &[TopicPartition]) {
        self.known().retain(|partition, _| partitions.contains(partition));
    }

    pub(super) fn knows(&self, partition: &TopicPartition) -> bool {
        self.known().contains_key(partition)
    }

    /// Whether a told position still has to be checked.
    pub(super) fn any_told(&self) -> bool {
        self.known().values().any(|known| known.told)
    }

    /// Compares with where the client stands.
    pub(super) fn compare(&self, current: impl IntoIterator<Item = (TopicPartition, i64)>) -> Findings {
        let mut known = self.known();
        let mut findings = Findings::default();
        for (partition, offset) in current {
            match known.get_mut(&partition) {
                None => {
                    known.insert(partition, Known { offset, told: false });
                }
                Some(before) if offset > before.offset => {
                    *before = Known { offset, told: false };
                    findings.moved.push((partition, offset));
                }
                Some(before) if offset < before.offset && before.told => {
                    findings.out_of_range.push((partition, before.offset));
                }
                // Not told: the log was cut, and the client goes back to where it was cut, as it should.
                Some(before) => before.offset = offset,
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> TopicPartition {
        TopicPartition::new("t", 0)
    }

    #[test]
    fn the_first_look_is_no_move_and_later_ones_are() {
        let positions = Positions::default();
        assert_eq!(positions.compare([(partition(), 3)]), Findings::default());
        assert_eq!(positions.compare([(partition(), 3)]), Findings::default());
        let other = TopicPartition::new("t", 1);
        positions.handed_out(&other, 7);
        assert_eq!(positions.compare([(other.clone(), 8)]).moved, [(other, 8)]);
        assert_eq!(positions.compare([(partition(), 5)]).moved, [(partition(), 5)]);
        positions.handed_out(&partition(), 9);
        assert_eq!(positions.compare([(partition(), 9)]), Findings::default());
    }

    #[test]
    fn a_told_position_that_the_client_gave_up_does_not_exist() {
        let positions = Positions::default();
        positions.tell(partition(), 1000);
        assert!(positions.any_told());
        assert_eq!(positions.compare([(partition(), 1000)]), Findings::default());
        assert_eq!(positions.compare([(partition(), 3)]).out_of_range, [(partition(), 1000)]);
        positions.tell(partition(), 2);
        assert_eq!(positions.compare([(partition(), 3)]).moved, [(partition(), 3)]);
        assert!(!positions.any_told());
        assert_eq!(positions.compare([(partition(), 1)]), Findings::default(), "the log was cut");
    }
}
