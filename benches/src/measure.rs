//! Time, CPU and memory of this process, from the operating system.

use tokio::time::Instant;

/// What one run of one cell took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) records: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mb: f64,
}

impl Figures {
    pub(crate) fn rate(&self) -> f64 {
        self.records as f64 / self.seconds
    }

    pub(crate) fn cpu_micros_per_record(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.records as f64
    }

    pub(crate) fn to_line(self) -> String {
        format!("{} {} {} {}", self.records, self.seconds, self.cpu_seconds, self.peak_mb)
    }

    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut parts = line.split(' ');
        let mut next = || parts.next()?.parse::<f64>().ok();
        Some(Self { records: next()? as u64, seconds: next()?, cpu_seconds: next()?, peak_mb: next()? })
    }
}

/// The beginning of a measured section.
pub(crate) struct Watch {
    start: Instant,
    cpu: f64,
}

impl Watch {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), cpu: cpu_seconds() }
    }

    pub(crate) fn stop(self, records: u64) -> Figures {
        Figures {
            records,
            seconds: self.start.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds() - self.cpu,
            peak_mb: peak_mb(),
        }
    }
}

/// User and system time of this process. The kernel counts in ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}

fn peak_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}
