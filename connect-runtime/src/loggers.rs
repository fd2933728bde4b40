//! [`Loggers`]: the log levels of the process, as REST's `/admin/loggers` shows and changes them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::time::now_millis;

/// The levels that Kafka Connect knows, from silent to everything.
const LEVELS: [&str; 8] = ["OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL"];

/// The logger that stands for all that have no level of their own.
const ROOT: &str = "root";

/// The level of one logger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggerLevel {
    /// The level in Kafka's spelling: `INFO`.
    pub level: String,
    /// When it was set by request, in milliseconds since the epoch; `None` when it is as it was at start.
    pub last_modified: Option<i64>,
}

type Apply = dyn Fn(&BTreeMap<String, String>) + Send + Sync;

/// The log levels of the process. A runtime installs no logger, so the application that did says here how a level
/// is changed; without that, REST shows no loggers.
///
/// A logger is a target of `tracing`, `connect_runtime::task` for instance, and its level holds for everything below
/// it that has none of its own. The logger `root` is everything else. A dot is as good as `::`. Clones are handles to
/// the same levels.
///
/// ```
/// use connect_runtime::Loggers;
///
/// let loggers = Loggers::new("INFO", [("connect_runtime", "WARN")], |levels| {
///     // Build a filter from the levels and reload the subscriber with it.
///     assert_eq!(levels["root"], "INFO");
/// });
/// assert_eq!(loggers.set("connect_runtime", "debug"), ["connect_runtime"]);
/// assert_eq!(loggers.get("connect_runtime").map(|logger| logger.level).as_deref(), Some("DEBUG"));
/// assert_eq!(loggers.get("connect_runtime::task"), None, "only what is known is shown");
/// ```
#[derive(Clone)]
pub struct Loggers {
    levels: Arc<Mutex<BTreeMap<String, LoggerLevel>>>,
    apply: Arc<Apply>,
}

impl std::fmt::Debug for Loggers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loggers").field("levels", &*self.lock()).finish_non_exhaustive()
    }
}

impl Loggers {
    /// The level of `root` and of other loggers at start, and what puts levels into effect: it is given the levels of
    /// all loggers, `root` among them, in Kafka's spelling.
    pub fn new<N: Into<String>, L: AsRef<str>>(
        root: &str,
        others: impl IntoIterator<Item = (N, L)>,
        apply: impl Fn(&BTreeMap<String, String>) + Send + Sync + 'static,
    ) -> Self {
        let at_start = |level: &str| LoggerLevel { level: level.to_uppercase(), last_modified: None };
        let mut levels = BTreeMap::from([(ROOT.to_owned(), at_start(root))]);
        levels.extend(others.into_iter().map(|(name, level)| (name.into(), at_start(level.as_ref()))));
        Self { levels: Arc::new(Mutex::new(levels)), apply: Arc::new(apply) }
    }

    /// Whether there is such a level, in any case.
    pub fn is_level(level: &str) -> bool {
        LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level))
    }

    /// All loggers that have a level, by name.
    pub fn all(&self) -> BTreeMap<String, LoggerLevel> {
        self.lock().clone()
    }

    /// The level of a logger, if it has one.
    pub fn get(&self, logger: &str) -> Option<LoggerLevel> {
        self.lock().get(logger).cloned()
    }

    /// Sets the level of a logger and of all below it; `root` is above all. Answers whose level is now another, sorted.
    /// A level that does not exist changes nothing.
    pub fn set(&self, logger: &str, level: &str) -> Vec<String> {
        let level = level.to_uppercase();
        if !Self::is_level(&level) {
            return Vec::new();
        }
        let mut levels = self.lock();
        let new = !levels.contains_key(logger);
        if new {
            let inherited = inherited(&levels, logger);
            levels.insert(logger.to_owned(), LoggerLevel { level: inherited, last_modified: None });
        }
        let mut changed = Vec::new();
        for (name, known) in levels.iter_mut() {
            if (logger == ROOT || name == logger || is_below(name, logger)) && known.level != level {
                *known = LoggerLevel { level: level.clone(), last_modified: Some(now_millis()) };
                changed.push(name.clone());
            }
        }
        let names = levels.iter().map(|(name, known)| (name.clone(), known.level.clone())).collect();
        drop(levels);
        (self.apply)(&names);
        changed
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, LoggerLevel>> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The level that a logger without one has: that of the nearest above it.
fn inherited(levels: &BTreeMap<String, LoggerLevel>, logger: &str) -> String {
    let above = levels.iter().filter(|(name, _)| is_below(logger, name)).max_by_key(|(name, _)| name.len());
    above
        .map(|(_, known)| known)
        .or_else(|| levels.get(ROOT))
        .map_or_else(String::new, |known| known.level.clone())
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_prefix(parent).is_some_and(|rest| rest.starts_with("::") || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loggers() -> Loggers {
        Loggers::new("INFO", [("a::b", "WARN"), ("ab", "WARN")], |_| {})
    }

    #[test]
    fn a_level_holds_for_everything_below() {
        let loggers = loggers();
        assert_eq!(loggers.set("a", "debug"), ["a", "a::b"]);
        assert_eq!(loggers.get("ab").unwrap().level, "WARN");
        assert_eq!(loggers.set("a", "DEBUG"), Vec::<String>::new(), "nothing is another");
        assert_eq!(loggers.set("root", "ERROR"), ["a", "a::b", "ab", "root"]);
    }

    #[test]
    fn a_new_logger_that_is_as_it_was_before_has_not_changed() {
        let loggers = loggers();
        assert_eq!(loggers.set("new", "INFO"), Vec::<String>::new());
        assert_eq!(loggers.get("new").unwrap().last_modified, None);
        assert_eq!(loggers.set("a::b::c", "INFO"), ["a::b::c"], "it inherited WARN");
    }

    #[test]
    fn a_level_that_does_not_exist_changes_nothing() {
        assert_eq!(loggers().set("a", "LOUD"), Vec::<String>::new());
    }
}
