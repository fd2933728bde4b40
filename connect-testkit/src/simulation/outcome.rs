//! What a run answers.

use std::fmt;

use super::schedule::Schedule;

/// How many of the last steps a failure shows.
const LAST_STEPS: usize = 60;

/// What a run was like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// How many steps it took.
    pub steps: u64,
    /// How many workers lived.
    pub lives: u64,
    /// How many faults hit something.
    pub faults: u64,
    /// A hash of all steps, with their times: two runs that are equal did the same.
    pub trace: u64,
}

/// A run that violated something. Its text is what a test should print.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// Which simulation.
    pub simulation: String,
    /// The schedule of the seed.
    pub schedule: Schedule,
    /// The shortest schedule that was found and fails.
    pub shortest: Schedule,
    /// What the shortest one violates.
    pub violation: String,
    /// The steps of the shortest one.
    pub steps: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "simulation {}: {}", self.simulation, self.violation)?;
        writeln!(f, "seed:     {}", self.schedule.seed)?;
        writeln!(f, "schedule: {}", self.schedule)?;
        writeln!(f, "shortest: {}", self.shortest)?;
        writeln!(f, "replay it with Simulation::replay(&\"{}\".parse().unwrap())", self.shortest)?;
        let skipped = self.steps.len().saturating_sub(LAST_STEPS);
        writeln!(f, "its last steps, of {}:", self.steps.len())?;
        self.steps.iter().skip(skipped).try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl std::error::Error for Failure {}
