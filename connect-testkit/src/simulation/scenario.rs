//! The pipelines that this workspace simulates itself.

use std::fmt;
use std::str::FromStr;

use super::Simulation;
use super::numbers::Numbers;
use super::target::Target;

/// A pipeline that this workspace simulates to prove its engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scenario {
    /// A source, at least once.
    AtLeastOnceSource,
    /// A source, exactly once.
    ExactlyOnceSource,
    /// A sink, at least once; it writes in `put`, or buffers until `pre_commit`.
    Sink,
    /// The same with records that are refused and reported.
    SinkWithDeadLetters,
    /// A sink that keeps its offsets in the target, and so writes exactly once.
    SinkWithOffsets,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::AtLeastOnceSource,
        Self::ExactlyOnceSource,
        Self::Sink,
        Self::SinkWithDeadLetters,
        Self::SinkWithOffsets,
    ];

    /// Its name, as [`FromStr`] takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AtLeastOnceSource => "source",
            Self::ExactlyOnceSource => "exactly-once-source",
            Self::Sink => "sink",
            Self::SinkWithDeadLetters => "sink-with-dead-letters",
            Self::SinkWithOffsets => "sink-with-offsets",
        }
    }

    /// The simulation.
    pub fn simulation(self) -> Simulation {
        let simulation = match self {
            Self::AtLeastOnceSource => Simulation::source(Numbers::new).filtered(),
            Self::ExactlyOnceSource => Simulation::source(Numbers::exactly_once).filtered().exactly_once(),
            Self::Sink => Simulation::sink(Target::plain).filtered(),
            Self::SinkWithDeadLetters => Simulation::sink(Target::plain).filtered().reports(),
            Self::SinkWithOffsets => Simulation::sink(Target::with_offsets).filtered().exactly_once(),
        };
        simulation.name(self.name())
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scenario| scenario.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no scenario {text}; there are {names}")
        })
    }
}
