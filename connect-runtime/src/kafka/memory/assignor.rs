//! Who gets which partition: balanced first, then as little movement as possible.

use std::collections::{BTreeMap, BTreeSet};

use connect_api::TopicPartition;

/// The partitions each member of a group wants, and what it had.
pub(super) struct Candidate {
    pub(super) eligible: BTreeSet<TopicPartition>,
    pub(super) previous: BTreeSet<TopicPartition>,
}

/// Assigns every partition to one of the members that want it. Members keep what they had unless that would leave
/// the loads of two members that could swap more than one partition apart.
pub(super) fn assign(members: &BTreeMap<u64, Candidate>) -> BTreeMap<u64, BTreeSet<TopicPartition>> {
    let mut result: BTreeMap<u64, BTreeSet<TopicPartition>> = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (id, member) in members {
        let kept: BTreeSet<_> = member.previous.intersection(&member.eligible).cloned().collect();
        let kept: BTreeSet<_> =
            kept.into_iter().filter(|partition| taken.insert(partition.clone())).collect();
        result.insert(*id, kept);
    }
    let all: BTreeSet<_> = members.values().flat_map(|member| member.eligible.iter()).collect();
    for partition in all {
        if taken.contains(partition) {
            continue;
        }
        let lightest = members
            .iter()
            .filter(|(_, member)| member.eligible.contains(partition))
            .min_by_key(|(id, _)| (load(&result, **id), **id));
        if let Some((id, _)) = lightest {
            result.entry(*id).or_default().insert(partition.clone());
        }
    }
    while let Some((from, to, partition)) = improvement(members, &result) {
        if let Some(partitions) = result.get_mut(&from) {
            partitions.remove(&partition);
        }
        result.entry(to).or_default().insert(partition);
    }
    result
}

fn load(assignment: &BTreeMap<u64, BTreeSet<TopicPartition>>, member: u64) -> usize {
    assignment.get(&member).map_or(0, BTreeSet::len)
}

/// A partition that should move from a member to one with at least two partitions fewer.
fn improvement(
    members: &BTreeMap<u64, Candidate>,
    assignment: &BTreeMap<u64, BTreeSet<TopicPartition>>,
) -> Option<(u64, u64, TopicPartition)> {
    let mut by_load: Vec<_> = members.keys().map(|id| (load(assignment, *id), *id)).collect();
    by_load.sort_unstable();
    for (heavy, from) in by_load.iter().rev() {
        for (light, to) in &by_load {
            if light + 2 > *heavy {
                break;
            }
            let wanted = &members[to].eligible;
            if let Some(partition) =
                assignment[from].iter().rev().find(|partition| wanted.contains(*partition))
            {
                return Some((*from, *to, partition.clone()));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(topic: &str, numbers: &[i32]) -> BTreeSet<TopicPartition> {
        numbers.iter().map(|number| TopicPartition::new(topic, *number)).collect()
    }

    #[test]
    fn a_third_member_takes_no_more_than_its_share() {
        let eligible = partitions("t", &[0, 1, 2, 3, 4, 5]);
        let member =
            |previous: &[i32]| Candidate { eligible: eligible.clone(), previous: partitions("t", previous) };
        let before = BTreeMap::from([(1, member(&[0, 1, 2])), (2, member(&[3, 4, 5])), (3, member(&[]))]);
        let after = assign(&before);
        assert_eq!(after[&1], partitions("t", &[0, 1]));
        assert_eq!(after[&2], partitions("t", &[3, 4]));
        assert_eq!(after[&3], partitions("t", &[2, 5]));
    }

    #[test]
    fn what_a_member_left_goes_to_the_others_and_nothing_else_moves() {
        let eligible = partitions("t", &[0, 1, 2, 3, 4, 5]);
        let member =
            |previous: &[i32]| Candidate { eligible: eligible.clone(), previous: partitions("t", previous) };
        let after = assign(&BTreeMap::from([(1, member(&[0, 1])), (3, member(&[2, 5]))]));
        assert!(after[&1].is_superset(&partitions("t", &[0, 1])));
        assert!(after[&3].is_superset(&partitions("t", &[2, 5])));
        assert_eq!((after[&1].len(), after[&3].len()), (3, 3));
    }

    #[test]
    fn members_get_only_topics_they_subscribed_to() {
        let a = Candidate { eligible: partitions("a", &[0, 1]), previous: BTreeSet::new() };
        let mut both = partitions("a", &[0, 1]);
        both.extend(partitions("b", &[0, 1]));
        let b = Candidate { eligible: both, previous: BTreeSet::new() };
        let after = assign(&BTreeMap::from([(1, a), (2, b)]));
        assert_eq!(after[&1], partitions("a", &[0, 1]));
        assert_eq!(after[&2], partitions("b", &[0, 1]));
    }
}
