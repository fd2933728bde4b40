//! Numbers over a moving window, as Kafka's `SampledStat` keeps them: a few samples of fixed length, of which the
//! oldest falls out. Recorded by batch, never by record.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a sample is, and how many are kept: `metrics.sample.window.ms` and `metrics.num.samples`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sampling {
    pub(crate) window: Duration,
    pub(crate) samples: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { window: Duration::from_secs(30), samples: 2 }
    }
}

#[derive(Debug)]
struct Sample {
    start: Instant,
    sum: f64,
    count: u64,
    max: f64,
    min: f64,
}

/// What was recorded within the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// The sum by second.
    pub(crate) rate: f64,
    pub(crate) sum: f64,
    pub(crate) count: u64,
    /// NaN when nothing was recorded, as Kafka answers it.
    pub(crate) max: f64,
    pub(crate) min: f64,
    pub(crate) avg: f64,
}

/// A moving window of numbers.
#[derive(Debug)]
pub(crate) struct Window {
    sampling: Sampling,
    samples: Mutex<VecDeque<Sample>>,
}

impl Window {
    pub(crate) fn new(sampling: Sampling) -> Self {
        Self { sampling, samples: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, value: f64) {
        let now = Instant::now();
        let mut samples = self.lock();
        if samples.back().is_none_or(|sample| now.duration_since(sample.start) >= self.sampling.window) {
            if samples.len() >= self.sampling.samples {
                samples.pop_front();
            }
            let (max, min) = (f64::NEG_INFINITY, f64::INFINITY);
            samples.push_back(Sample { start: now, sum: 0.0, count: 0, max, min });
        }
        if let Some(sample) = samples.back_mut() {
            sample.sum += value;
            sample.count += 1;
            sample.max = sample.max.max(value);
            sample.min = sample.min.min(value);
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        let now = Instant::now();
        let Sampling { window, samples: kept } = self.sampling;
        let whole = window * u32::try_from(kept).unwrap_or(u32::MAX);
        let mut samples = self.lock();
        samples.retain(|sample| now.duration_since(sample.start) < whole);
        let Some(oldest) = samples.front() else {
            return Seen { max: f64::NAN, min: f64::NAN, avg: f64::NAN, ..Seen::default() };
        };
        // Kafka's rule: a window that has just begun counts as if its first samples had passed without anything.
        let mut elapsed = now.duration_since(oldest.start);
        let full = usize::try_from(elapsed.as_millis() / window.as_millis().max(1)).unwrap_or(usize::MAX);
        let least = kept.saturating_sub(1);
        if full < least {
            elapsed += window * u32::try_from(least - full).unwrap_or(u32::MAX);
        }
        let sum: f64 = samples.iter().map(|sample| sample.sum).sum();
        let count: u64 = samples.iter().map(|sample| sample.count).sum();
        Seen {
            rate: sum / elapsed.as_secs_f64().max(0.001),
            sum,
            count,
            max: samples.iter().fold(f64::NEG_INFINITY, |max, sample| max.max(sample.max)),
            min: samples.iter().fold(f64::INFINITY, |min, sample| min.min(sample.min)),
            avg: sum / count as f64,
        }
    }
}

/// A count that also knows its rate.
#[derive(Debug)]
pub(crate) struct Counter {
    total: AtomicU64,
    window: Window,
}

impl Counter {
    pub(crate) fn new(sampling: Sampling) -> Self {
        Self { total: AtomicU64::new(0), window: Window::new(sampling) }
    }

    pub(crate) fn fetch_add(&self, n: u64, ordering: Ordering) -> u64 {
        if n > 0 {
            self.window.record(n as f64);
        }
        self.total.fetch_add(n, ordering)
    }

    /// Takes back what was counted. The rate keeps it: it happened.
    pub(crate) fn fetch_sub(&self, n: u64, ordering: Ordering) -> u64 {
        self.total.fetch_sub(n, ordering)
    }

    pub(crate) fn load(&self, ordering: Ordering) -> u64 {
        self.total.load(ordering)
    }

    pub(crate) fn seen(&self) -> Seen {
        self.window.seen()
    }
}

/// The upper bounds of a histogram of latencies, in seconds.
pub(crate) const BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Durations: over a window, and as a histogram since the start.
#[derive(Debug)]
pub(crate) struct Timing {
    window: Window,
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Timing {
    pub(crate) fn new(sampling: Sampling) -> Self {
        Self {
            window: Window::new(sampling),
            buckets: Default::default(),
            count: AtomicU64::new(0),
            micros: AtomicU64::new(0),
        }
    }

    pub(crate) fn record(&self, took: Duration) {
        self.window.record(took.as_secs_f64() * 1000.0);
        let seconds = took.as_secs_f64();
        if let Some(bucket) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Milliseconds within the window.
    pub(crate) fn seen(&self) -> Seen {
        self.window.seen()
    }

    pub(crate) fn histogram(&self) -> super::registry::Histogram {
        let mut below = 0;
        let buckets = self.buckets.iter().zip(BOUNDS).map(|(count, bound)| {
            below += count.load(Ordering::Relaxed);
            (bound, below)
        });
        super::registry::Histogram {
            buckets: buckets.collect(),
            count: self.count.load(Ordering::Relaxed),
            sum: Duration::from_micros(self.micros.load(Ordering::Relaxed)).as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kafkas() {
        let window = Window::new(Sampling::default());
        assert!(window.seen().avg.is_nan() && window.seen().rate == 0.0);
        window.record(300.0);
        tokio::time::advance(Duration::from_secs(10)).await;
        // One sample of two has not passed: its 30 seconds count as passed.
        assert_eq!(window.seen().rate, 300.0 / 40.0);
        tokio::time::advance(Duration::from_secs(25)).await;
        window.record(100.0);
        assert_eq!(window.seen().rate, 400.0 / 35.0);
        assert_eq!((window.seen().max, window.seen().min, window.seen().avg), (300.0, 100.0, 200.0));
        tokio::time::advance(Duration::from_secs(26)).await;
        assert_eq!(window.seen().count, 1, "the first sample is older than the window");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(window.seen().count, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_histogram_counts_what_is_below_each_bound() {
        let timing = Timing::new(Sampling::default());
        timing.record(Duration::from_millis(3));
        timing.record(Duration::from_secs(100));
        let histogram = timing.histogram();
        assert_eq!((histogram.count, histogram.sum), (2, 100.003));
        assert_eq!(histogram.buckets[2], (0.0025, 0));
        assert_eq!(histogram.buckets[3], (0.005, 1));
        assert_eq!(histogram.buckets[13], (60.0, 1));
    }
}
