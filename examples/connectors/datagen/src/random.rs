//! [`Random`]: numbers that look random and depend on seed, task and record only.

/// What SplitMix64 adds from one number to the next: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A SplitMix64 generator.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The numbers for one record. No record's numbers depend on another's, so that a task may begin anywhere.
    pub(crate) fn of_record(seed: i64, task: i64, record: i64) -> Self {
        let step = |state: u64, part: i64| mix(state.wrapping_add(GOLDEN)).wrapping_add(part as u64);
        Self(mix(step(step(seed as u64, task), record)))
    }

    /// Any number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number below `bound`; any number where that is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        match bound {
            0 => self.next(),
            bound => ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64,
        }
    }

    /// An index into a list of this length, which is not 0.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// A number from 0 to 1, without 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_seed_task_and_record_alone() {
        let first = |seed, task, record| Random::of_record(seed, task, record).next();
        assert_eq!(first(1, 2, 3), first(1, 2, 3));
        let distinct: std::collections::HashSet<u64> =
            (0..10).flat_map(|s| (0..10).flat_map(move |t| (0..10).map(move |r| first(s, t, r)))).collect();
        assert_eq!(distinct.len(), 1000);
    }

    #[test]
    fn numbers_stay_below_their_bound_and_reach_every_value() {
        let mut random = Random::of_record(0, 0, 0);
        let mut seen = [0; 6];
        for _ in 0..6000 {
            seen[random.index(6)] += 1;
            let unit = random.unit();
            assert!((0.0..1.0).contains(&unit));
        }
        assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
    }
}
