//! What a piece of work costs: nanoseconds and allocations. The program of `benches/registry` includes this file, too.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

const PASSES: usize = 5_000;

/// What a piece of work costs.
pub(crate) struct Cost {
    nanos: f64,
    allocations: f64,
}

impl Cost {
    /// The share of one of so many.
    pub(crate) fn of_one(self, of: usize) -> Self {
        Self { nanos: self.nanos / of as f64, allocations: self.allocations / of as f64 }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} | {:.1}", self.nanos, self.allocations)
    }
}

/// What `apply` costs on what `make` makes. The time is that of the fastest of many passes, since others use the machine
/// too. Making and dropping does not count.
pub(crate) fn measure_all<T, E>(
    make: impl Fn() -> T,
    apply: impl Fn(&mut T) -> Result<(), E>,
) -> Result<Cost, E> {
    let mut best = Duration::MAX;
    for _ in 0..PASSES {
        let mut all = make();
        let start = Instant::now();
        apply(&mut all)?;
        best = best.min(start.elapsed());
    }
    let mut all = make();
    let mut result = Ok(());
    let counted = allocation_counter::measure(|| result = apply(&mut all));
    result?;
    Ok(Cost { nanos: best.as_nanos() as f64, allocations: counted.count_total as f64 })
}
