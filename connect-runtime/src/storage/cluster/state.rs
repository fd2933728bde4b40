//! What the records of the config topic add up to, by Java's rules. Spec 3.2.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use connect_api::Properties;

use crate::wire::config_topic::{ConfigRecord, SessionKey, TargetState};

/// All configurations as of one offset of the config topic.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterConfig {
    /// The offset after the last record that was understood.
    offset: Option<i64>,
    pub(crate) session_key: Option<SessionKey>,
    connectors: BTreeMap<String, Connector>,
    /// How many tasks had producers that may have to be fenced.
    task_count_records: BTreeMap<String, i64>,
    pending_fencing: BTreeSet<String>,
    targets: BTreeMap<String, TargetState>,
}

/// What is known about one connector.
#[derive(Clone, Debug, Default)]
struct Connector {
    config: Arc<Properties>,
    /// The tasks that count.
    tasks: Arc<BTreeMap<usize, Properties>>,
    count: usize,
    /// Grows with every set of tasks that was committed.
    generation: Option<u32>,
    /// The configuration under which the tasks were made.
    applied: Option<Arc<Properties>>,
    inconsistent: bool,
}

/// A restart that somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RestartRequest {
    pub(crate) include_tasks: bool,
    pub(crate) only_failed: bool,
}

impl RestartRequest {
    /// Which of two requests for one connector stays: the one that restarts more.
    fn impact(self) -> u8 {
        match (self.include_tasks, self.only_failed) {
            (false, true) => 0,
            (true, true) => 1,
            (false, false) => 2,
            (true, false) => 3,
        }
    }
}

/// What has changed since somebody looked. One entry for each name, so nothing can pile up.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Connectors with a new configuration, or none any more.
    pub(crate) connectors: BTreeSet<String>,
    /// Connectors with a new wanted state.
    pub(crate) targets: BTreeSet<String>,
    /// Connectors with a new set of tasks.
    pub(crate) tasks: BTreeSet<String>,
    /// Restarts that somebody asked for.
    pub(crate) restarts: BTreeMap<String, RestartRequest>,
    /// Levels of loggers.
    pub(crate) loggers: BTreeMap<String, String>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.connectors.is_empty()
            && self.targets.is_empty()
            && self.tasks.is_empty()
            && self.restarts.is_empty()
            && self.loggers.is_empty()
    }
}

impl ClusterConfig {
    /// The offset that workers compare: -1 before anything was read.
    pub(crate) fn offset(&self) -> i64 {
        self.offset.unwrap_or(-1)
    }

    /// The names of all connectors, sorted.
    pub(crate) fn connectors(&self) -> impl Iterator<Item = &str> {
        self.connectors.keys().map(String::as_str)
    }

    pub(crate) fn contains(&self, connector: &str) -> bool {
        self.connectors.contains_key(connector)
    }

    pub(crate) fn connector(&self, connector: &str) -> Option<&Arc<Properties>> {
        self.connectors.get(connector).map(|known| &known.config)
    }

    /// The configuration under which the tasks of a connector were made.
    pub(crate) fn applied(&self, connector: &str) -> Option<&Properties> {
        self.connectors.get(connector)?.applied.as_deref()
    }

    pub(crate) fn target(&self, connector: &str) -> TargetState {
        self.targets.get(connector).copied().unwrap_or_default()
    }

    /// How many tasks run, or should. A connector whose tasks are incomplete has none.
    pub(crate) fn task_count(&self, connector: &str) -> usize {
        match self.connectors.get(connector) {
            Some(known) if !known.inconsistent => known.count,
            _ => 0,
        }
    }

    /// How many tasks were committed, complete or not.
    pub(crate) fn committed_tasks(&self, connector: &str) -> usize {
        self.connectors.get(connector).map_or(0, |known| known.count)
    }

    pub(crate) fn task(&self, connector: &str, task: usize) -> Option<&Properties> {
        if task >= self.task_count(connector) {
            return None;
        }
        self.connectors.get(connector)?.tasks.get(&task)
    }

    /// The configurations of all tasks, in order.
    pub(crate) fn tasks(&self, connector: &str) -> Vec<&Properties> {
        (0..self.task_count(connector)).filter_map(|task| self.task(connector, task)).collect()
    }

    /// Changes with every set of tasks.
    pub(crate) fn task_generation(&self, connector: &str) -> Option<u32> {
        self.connectors.get(connector)?.generation
    }

    /// Whether the last set of tasks could not be read completely.
    pub(crate) fn is_inconsistent(&self, connector: &str) -> bool {
        self.connectors.get(connector).is_some_and(|known| known.inconsistent)
    }

    /// Whether tasks were committed since the producers of the older ones were fenced.
    pub(crate) fn is_pending_fencing(&self, connector: &str) -> bool {
        self.pending_fencing.contains(connector)
    }

    pub(crate) fn task_count_record(&self, connector: &str) -> Option<i64> {
        self.task_count_records.get(connector).copied()
    }
}

/// Applies records. `Clone`s of the configuration that were handed out stay as they are.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) config: Arc<ClusterConfig>,
    pub(super) changes: Changes,
    /// Tasks that are not committed yet, by connector.
    deferred: BTreeMap<String, BTreeMap<usize, Properties>>,
    /// Changes are noted and requests are heard from now on: what stood there before is no news.
    pub(super) started: bool,
}

impl Reader {
    /// Applies the record at an offset.
    pub(super) fn apply(&mut self, offset: i64, record: ConfigRecord) {
        let config = Arc::make_mut(&mut self.config);
        config.offset = Some(offset + 1);
        match record {
            ConfigRecord::Connector { name, config: Some(properties) } => {
                config.connectors.entry(name.clone()).or_default().config = Arc::new(properties);
                config.targets.entry(name.clone()).or_default();
                self.changes.connectors.insert(name);
            }
            ConfigRecord::Connector { name, config: None } => {
                config.connectors.remove(&name);
                self.deferred.remove(&name);
                self.changes.connectors.insert(name);
            }
            ConfigRecord::TargetState { connector, state: None } => {
                config.targets.remove(&connector);
                if config.connectors.contains_key(&connector) {
                    config.targets.insert(connector, TargetState::Started);
                }
            }
            ConfigRecord::TargetState { connector, state: Some(state) } => {
                let before = config.targets.insert(connector.clone(), state);
                if before != Some(state) && config.connectors.contains_key(&connector) {
                    self.changes.targets.insert(connector);
                }
            }
            ConfigRecord::Task { connector, task, config: Some(properties) } => {
                self.deferred.entry(connector).or_default().insert(task, properties);
            }
            ConfigRecord::Commit { connector, tasks: Some(count) } => self.commit(connector, count),
            ConfigRecord::TasksFencing { connector, task_count } => {
                config.task_count_records.insert(connector.clone(), task_count);
                config.pending_fencing.remove(&connector);
            }
            ConfigRecord::SessionKey(key) => config.session_key = Some(key),
            ConfigRecord::Restart { connector, include_tasks, only_failed } => {
                let request = RestartRequest { include_tasks, only_failed };
                let queued = self.changes.restarts.entry(connector).or_insert(request);
                if request.impact() > queued.impact() {
                    *queued = request;
                }
            }
            ConfigRecord::Logger { logger, level } => {
                self.changes.loggers.insert(logger, level);
            }
            ConfigRecord::Task { config: None, .. }
            | ConfigRecord::Commit { tasks: None, .. }
            | ConfigRecord::Unknown => {}
        }
        if !self.started {
            self.changes = Changes::default();
        }
    }

    fn commit(&mut self, connector: String, count: usize) {
        let config = Arc::make_mut(&mut self.config);
        let deferred = self.deferred.remove(&connector).unwrap_or_default();
        // What compaction left of a connector that was deleted.
        let Some(known) = config.connectors.get_mut(&connector) else { return };
        if (0..count).all(|task| deferred.contains_key(&task)) {
            if !deferred.is_empty() {
                Arc::make_mut(&mut known.tasks).extend(deferred);
                known.generation = Some(known.generation.map_or(0, |generation| generation + 1));
            }
            known.inconsistent = false;
            known.applied = Some(Arc::clone(&known.config));
        } else {
            tracing::error!(
                connector,
                tasks = count,
                "the config topic does not have all tasks of the connector: none of them runs until they are written again"
            );
            known.inconsistent = true;
        }
        known.count = count;
        config.pending_fencing.insert(connector.clone());
        self.changes.tasks.insert(connector);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(value: &str) -> Properties {
        Properties::from([("v", value)])
    }

    fn connector(value: &str) -> ConfigRecord {
        ConfigRecord::Connector { name: "c".to_owned(), config: Some(config(value)) }
    }

    fn task(task: usize, value: &str) -> ConfigRecord {
        ConfigRecord::Task { connector: "c".to_owned(), task, config: Some(config(value)) }
    }

    fn commit(tasks: usize) -> ConfigRecord {
        ConfigRecord::Commit { connector: "c".to_owned(), tasks: Some(tasks) }
    }

    fn target(state: Option<TargetState>) -> ConfigRecord {
        ConfigRecord::TargetState { connector: "c".to_owned(), state }
    }

    fn read(records: impl IntoIterator<Item = ConfigRecord>) -> Reader {
        let mut reader = Reader { started: true, ..Reader::default() };
        for (offset, record) in (0..).zip(records) {
            reader.apply(offset, record);
        }
        reader
    }

    #[test]
    fn tasks_count_when_they_are_committed() {
        let mut reader = read([connector("1"), task(0, "a"), task(1, "b")]);
        assert_eq!(reader.config.tasks("c").len(), 0);
        let before = Arc::clone(&reader.config);
        reader.apply(3, commit(2));
        assert_eq!(reader.config.tasks("c"), [&config("a"), &config("b")]);
        assert_eq!((before.task_count("c"), reader.config.offset()), (0, 4));
        assert_eq!(reader.config.applied("c"), Some(&config("1")));
        assert!(reader.changes.tasks.contains("c") && reader.config.is_pending_fencing("c"));
        assert_eq!(reader.config.task_generation("c"), Some(0));
    }

    #[test]
    fn an_incomplete_set_of_tasks_hides_all_of_them_until_a_complete_one_comes() {
        // As compaction leaves it: the commit is newer than one of its tasks.
        let mut reader = read([connector("1"), task(1, "b"), commit(2)]);
        assert!(reader.config.is_inconsistent("c"));
        assert_eq!((reader.config.task_count("c"), reader.config.committed_tasks("c")), (0, 2));
        assert_eq!(reader.config.task("c", 1), None);
        for record in [task(0, "a"), commit(1)] {
            reader.apply(9, record);
        }
        assert!(!reader.config.is_inconsistent("c"));
        assert_eq!(reader.config.tasks("c"), [&config("a")]);
    }

    #[test]
    fn no_tasks_are_a_complete_set() {
        let reader = read([connector("1"), task(0, "a"), commit(1), commit(0)]);
        assert_eq!((reader.config.task_count("c"), reader.config.is_inconsistent("c")), (0, false));
    }

    #[test]
    fn what_compaction_leaves_of_a_deleted_connector_is_nothing() {
        let reader = read([task(0, "a"), commit(1)]);
        assert!(!reader.config.contains("c") && !reader.config.is_pending_fencing("c"));
    }

    #[test]
    fn a_deleted_connector_comes_back_without_tasks_and_with_its_target() {
        let deleted = ConfigRecord::Connector { name: "c".to_owned(), config: None };
        let mut reader =
            read([connector("1"), task(0, "a"), commit(1), target(Some(TargetState::Paused)), deleted]);
        assert!(!reader.config.contains("c"));
        reader.apply(9, connector("2"));
        assert_eq!((reader.config.task_count("c"), reader.config.target("c")), (0, TargetState::Paused));
        reader.apply(10, target(None));
        assert_eq!(reader.config.target("c"), TargetState::Started);
    }

    #[test]
    fn a_target_is_news_when_it_changes_and_the_connector_is_there() {
        assert!(read([target(Some(TargetState::Paused))]).changes.targets.is_empty());
        assert!(read([connector("1"), target(Some(TargetState::Started))]).changes.targets.is_empty());
        assert_eq!(read([connector("1"), target(Some(TargetState::Paused))]).changes.targets.len(), 1);
    }

    #[test]
    fn the_restart_with_more_impact_stays() {
        let restart = |include_tasks, only_failed| ConfigRecord::Restart {
            connector: "c".to_owned(),
            include_tasks,
            only_failed,
        };
        let reader = read([restart(false, true), restart(true, false), restart(false, false)]);
        assert_eq!(reader.changes.restarts["c"], RestartRequest { include_tasks: true, only_failed: false });
        let mut starting = Reader::default();
        starting.apply(0, restart(true, false));
        assert!(starting.changes.is_empty(), "a request from before the start is old");
    }

    #[test]
    fn fencing_is_pending_from_a_commit_to_the_next_record_about_it() {
        let mut reader = read([connector("1"), commit(0)]);
        assert!(reader.config.is_pending_fencing("c"));
        reader.apply(5, ConfigRecord::TasksFencing { connector: "c".to_owned(), task_count: 3 });
        assert!(!reader.config.is_pending_fencing("c"));
        assert_eq!(reader.config.task_count_record("c"), Some(3));
    }
}
