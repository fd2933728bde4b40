//! Partitions for records without a key, as Java chooses them: one until about a batch went there, then the next.

use std::collections::HashMap;

use connect_api::Str;

use crate::kafka::partitioner::partition_for_key;

/// Remembers the choice for each topic.
#[derive(Debug)]
pub(super) struct Sticky {
    batch_size: usize,
    choices: HashMap<Str, Choice>,
}

#[derive(Debug)]
struct Choice {
    partition: i32,
    bytes: usize,
}

impl Sticky {
    /// Moves on after so many bytes.
    pub(super) fn new(batch_size: usize) -> Self {
        Self { batch_size: batch_size.max(1), choices: HashMap::new() }
    }

    /// The partition for a record of this size among `partitions`.
    pub(super) fn partition(&mut self, topic: &Str, size: usize, partitions: i32) -> i32 {
        let partitions = partitions.max(1);
        let choice = self.choices.entry(topic.clone()).or_insert_with(|| {
            // A different start for each topic spreads the load of many small topics.
            Choice { partition: partition_for_key(topic.as_str().as_bytes(), partitions), bytes: 0 }
        });
        if choice.bytes >= self.batch_size {
            *choice = Choice { partition: choice.partition.wrapping_add(1), bytes: 0 };
        }
        choice.partition = choice.partition.rem_euclid(partitions);
        choice.bytes = choice.bytes.saturating_add(size);
        choice.partition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_without_a_key_stay_until_a_batch_is_full_and_then_move_on() {
        let topic = Str::from("t");
        let mut sticky = Sticky::new(100);
        let partitions: Vec<_> = (0..9).map(|_| sticky.partition(&topic, 40, 3)).collect();
        let first = partitions[0];
        let next = |partition: i32| (partition + 1) % 3;
        assert_eq!(partitions[..3], [first; 3]);
        assert_eq!(partitions[3..6], [next(first); 3]);
        assert_eq!(partitions[6..], [next(next(first)); 3]);
    }

    #[test]
    fn a_topic_that_shrinks_moves_the_choice_into_range() {
        let topic = Str::from("t");
        let mut sticky = Sticky::new(1);
        for _ in 0..10 {
            sticky.partition(&topic, 1, 50);
        }
        assert_eq!(sticky.partition(&topic, 1, 1), 0);
    }
}
