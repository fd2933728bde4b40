//! The wall clock. It follows tokio's clock, so that a paused clock freezes timestamps too.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

static BASE: OnceLock<(i64, Instant)> = OnceLock::new();

/// Milliseconds since the epoch: the system's time when it was first asked, plus what tokio's clock says has passed.
pub(crate) fn now_millis() -> i64 {
    let (millis, instant) = BASE.get_or_init(|| (system_millis(), Instant::now()));
    let now = Instant::now();
    // Every paused test runtime has a clock of its own, which may be behind the one that set the base.
    match now.checked_duration_since(*instant) {
        Some(passed) => millis.saturating_add_unsigned(as_millis(passed)),
        None => millis.saturating_sub_unsigned(as_millis(instant.duration_since(now))),
    }
}

fn as_millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn system_millis() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system, once")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |passed| i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_freezes_the_wall_clock() {
        let before = now_millis();
        assert_eq!(now_millis(), before);
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(now_millis(), before + 90_000);
    }

    #[test]
    fn it_is_the_present() {
        assert!(now_millis() > 1_700_000_000_000);
    }
}
