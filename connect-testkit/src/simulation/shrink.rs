//! The search for a shorter schedule that still fails.

use super::outcome::Failure;
use super::{Schedule, Simulation};

/// How many runs the search may take.
const SHRINKS: usize = 400;

impl Simulation {
    /// Leaves out faults as long as it still fails.
    pub(super) fn shrink(&self, schedule: Schedule, violation: String) -> Box<Failure> {
        let (mut shortest, mut violation) = (schedule.clone(), violation);
        let mut left = SHRINKS;
        let mut attempt = |candidate: Schedule, shortest: &mut Schedule| {
            if left == 0 {
                return false;
            }
            left -= 1;
            match self.once(&candidate, false).0 {
                Ok(_) => false,
                Err(what) => {
                    *shortest = candidate;
                    violation = what;
                    true
                }
            }
        };
        attempt(Schedule { noisy: false, ..shortest.clone() }, &mut shortest);
        let mut size = shortest.faults.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            let mut removed = false;
            while at < shortest.faults.len() {
                let mut candidate = shortest.clone();
                let end = (at + size).min(candidate.faults.len());
                candidate.faults.drain(at..end);
                if attempt(candidate, &mut shortest) {
                    removed = true;
                } else {
                    at += size;
                }
            }
            if size == 1 && !removed {
                break;
            }
            size = (size / 2).max(1);
        }
        let (result, steps) = self.once(&shortest, true);
        let violation = result.err().unwrap_or(violation);
        Box::new(Failure { simulation: self.name.clone(), schedule, shortest, violation, steps })
    }
}
