//! How long a stage takes for one record.

use std::time::Duration;

use tokio::time::Instant;

/// Records per measurement: enough to be far above the clock's own cost.
const BATCH: usize = 64;
/// What one stage may cost a person who waits.
const BUDGET: Duration = Duration::from_millis(10);
const MAX_BATCHES: usize = 400;

/// Nanoseconds that `run` takes for one of what `prepare` makes: the median over batches. Making and dropping them is
/// not counted.
pub(super) fn nanos<T, O>(prepare: impl Fn() -> T, run: impl Fn(&mut T) -> O) -> u64 {
    let began = Instant::now();
    let mut batches = Vec::new();
    loop {
        let mut items: Vec<T> = (0..BATCH).map(|_| prepare()).collect();
        let mut results = Vec::with_capacity(BATCH);
        let start = Instant::now();
        for item in &mut items {
            results.push(run(item));
        }
        batches.push(start.elapsed());
        // The first batches fill caches; two are thrown away below.
        if batches.len() >= 8 && (began.elapsed() >= BUDGET || batches.len() >= MAX_BATCHES) {
            break;
        }
    }
    batches.drain(..2);
    batches.sort_unstable();
    let median = batches[batches.len() / 2];
    u64::try_from(median.as_nanos()).unwrap_or(u64::MAX) / BATCH as u64
}
