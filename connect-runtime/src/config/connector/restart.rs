//! [`RestartPolicy`]: `errors.restart.*`, which Kafka does not have.

use std::time::Duration;

use connect_api::config::ParsedConfig;
use connect_api::{ConfigEnum, Result};

/// `errors.restart.mode`: which failed tasks are started again by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ConfigEnum)]
pub enum RestartMode {
    /// None, as in Kafka.
    #[default]
    None,
    /// Those that failed with a retriable error, or with one that has a retriable cause.
    Retriable,
    /// All.
    All,
}

/// The `errors.restart.` keys: whether, when and how often a failed task is started again by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestartPolicy {
    /// `errors.restart.mode`.
    pub mode: RestartMode,
    /// `errors.restart.backoff.ms`: the pause before the first restart. It doubles with each further one.
    pub backoff: Duration,
    /// `errors.restart.backoff.max.ms`: the longest pause.
    pub backoff_max: Duration,
    /// `errors.restart.max.attempts`: how many restarts in a row; `None` for no limit.
    pub max_attempts: Option<u32>,
    /// `errors.restart.reset.ms`: a task that ran so long begins to count anew.
    pub reset: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            mode: RestartMode::None,
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
            max_attempts: Some(10),
            reset: Duration::from_secs(600),
        }
    }
}

impl RestartPolicy {
    pub(super) fn read(parsed: &ParsedConfig) -> Result<Self> {
        let mode: String = parsed.read("errors.restart.mode")?;
        let max_attempts: i32 = parsed.read("errors.restart.max.attempts")?;
        Ok(Self {
            mode: RestartMode::from_name(&mode).unwrap_or_default(),
            backoff: parsed.read("errors.restart.backoff.ms")?,
            backoff_max: parsed.read("errors.restart.backoff.max.ms")?,
            max_attempts: u32::try_from(max_attempts).ok(),
            reset: parsed.read("errors.restart.reset.ms")?,
        })
    }

    /// The pause before a restart, which is the first with `attempt` 0.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
        self.backoff.saturating_mul(factor).min(self.backoff_max)
    }
}
