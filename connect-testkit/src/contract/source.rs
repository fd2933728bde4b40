//! What every source must do: the clauses of [`source_contract!`](crate::source_contract).

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use connect_api::{
    Config, ErrorKind, Properties, Result, SchemaAndValue, SourceConnector, SourcePartition, SourceRecord,
    SourceTask,
};
use tokio::time::Instant;

use super::Clock;
use crate::contract::config::undocumented;
use crate::{SourceHarness, SourceOptions};

/// How many records the clauses write.
const RECORDS: usize = 10;
/// What a source may take beyond the time that it was given.
const SLACK: Duration = Duration::from_millis(500);

/// The outside world of a source. See [`contract`](crate::contract) for an example.
#[expect(async_fn_in_trait, reason = "suites run on one thread; a fixture need not be Send")]
pub trait SourceFixture {
    /// The connector.
    type Connector: SourceConnector;

    /// A valid configuration for one task that reads what [`write`](Self::write) writes.
    fn config(&self) -> Properties;

    /// A configuration under which the source has nothing to give and waits. The default is
    /// [`config`](Self::config), which is right when nothing was written.
    fn idle_config(&self) -> Properties {
        self.config()
    }

    /// Puts `n` rows there, or `n` more, and returns the values that the source shall make of them, in order.
    async fn write(&self, n: usize) -> Vec<SchemaAndValue>;

    /// The clock of the suite.
    fn clock(&self) -> Clock {
        Clock::Paused
    }
}

type Clause<'f> = std::pin::Pin<Box<dyn Future<Output = ()> + 'f>>;

#[doc(hidden)]
pub fn run<'f, F: SourceFixture>(fixture: &'f F, clause: impl FnOnce(&'f F) -> Clause<'f>) {
    super::run(fixture.clock(), clause(fixture));
}

/// The names that can be skipped.
#[doc(hidden)]
#[expect(non_upper_case_globals, reason = "they are the clauses' names")]
pub mod clauses {
    pub const missing_required_key_is_rejected_by_name: () = ();
    pub const every_key_is_documented: () = ();
    pub const task_configs_respects_max_tasks: () = ();
    pub const poll_returns_within_max_wait_when_idle: () = ();
    pub const offsets_are_unique_within_a_partition: () = ();
    pub const restart_from_any_offset_loses_nothing: () = ();
    pub const restart_after_failed_send_repeats_at_most_the_uncommitted: () = ();
    pub const stop_is_prompt_while_poll_waits: () = ();
    pub const stop_after_failed_start_is_harmless: () = ();
    pub const dropped_task_leaks_no_tokio_task: () = ();
}

fn good<T>(result: Result<T>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {}", error.trace()),
    }
}

async fn started<F: SourceFixture>(options: SourceOptions) -> SourceHarness<F::Connector> {
    good(SourceHarness::start_with(options).await, "the source does not start")
}

/// Values by source partition, in order: order holds within a partition only.
fn by_partition(records: &[SourceRecord]) -> BTreeMap<SourcePartition, Vec<SchemaAndValue>> {
    let mut values: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in records {
        values.entry(record.source_partition.clone()).or_default().push(record.record.value.clone());
    }
    values
}

/// Writes rows and polls them, once checked against what the fixture expects.
async fn all_records<F: SourceFixture>(fixture: &F) -> Vec<SourceRecord> {
    let mut expected = fixture.write(RECORDS).await;
    assert_eq!(expected.len(), RECORDS, "the fixture wrote another number of rows than it was asked to");
    let mut source = started::<F>(SourceOptions::new(fixture.config())).await;
    let records = good(source.poll_until(RECORDS).await, "the source does not give what was written");
    good(source.stop().await, "the source does not stop");
    let partitions = by_partition(&records);
    let mut values: Vec<_> = records.iter().map(|record| record.record.value.clone()).collect();
    if partitions.len() > 1 {
        values.sort_by_key(|value| format!("{value:?}"));
        expected.sort_by_key(|value| format!("{value:?}"));
    }
    assert_eq!(values, expected, "the source gives other values than were written");
    records
}

/// Without a required key the configuration is refused, and the message names the key.
pub async fn missing_required_key_is_rejected_by_name<F: SourceFixture>(fixture: &F) {
    type Keys<F> = <<F as SourceFixture>::Connector as SourceConnector>::Config;
    let valid = fixture.config();
    if let Err(error) = Keys::<F>::parse(&valid) {
        panic!("the fixture's configuration is not valid: {error}");
    }
    for key in Keys::<F>::def().keys().iter().filter(|key| key.is_required()) {
        let mut without = valid.clone();
        without.remove(&key.name);
        match Keys::<F>::parse(&without) {
            Ok(_) => panic!("a configuration without the required key `{}` is accepted", key.name),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Config, "{error}");
                let text = error.to_string();
                assert!(text.contains(&key.name), "the message does not name `{}`: {text}", key.name);
            }
        }
        let values = F::Connector::validate(&without);
        let said = values.iter().any(|value| value.name == key.name && !value.error_messages.is_empty());
        assert!(said, "validation says nothing of the missing key `{}`", key.name);
    }
}

/// Every key of the connector and of its tasks is documented in sentences.
pub async fn every_key_is_documented<F: SourceFixture>(_: &F) {
    let mut problems = undocumented(&<F::Connector as SourceConnector>::Config::def());
    problems.extend(undocumented(&<<F::Connector as SourceConnector>::Task as SourceTask>::Config::def()));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The connector never answers more task configurations than it may, and each of them starts a task.
pub async fn task_configs_respects_max_tasks<F: SourceFixture>(fixture: &F) {
    for max_tasks in 1..=4 {
        let mut source = started::<F>(SourceOptions::new(fixture.config()).task(0, max_tasks)).await;
        let tasks = source.task_configs().len();
        assert!((1..=max_tasks).contains(&tasks), "{tasks} tasks where {max_tasks} are allowed");
        let again = good(source.reconfigure(max_tasks).await, "asked again, it fails").len();
        assert_eq!(again, tasks, "asked again, the connector answers another number of tasks");
        good(source.stop().await, "the source does not stop");
        for task in 1..tasks {
            let source = started::<F>(SourceOptions::new(fixture.config()).task(task, max_tasks)).await;
            good(source.stop().await, "the source does not stop");
        }
    }
}

/// A poll that finds nothing comes back in the time that it was given: pauses, stops and offset commits wait for it.
pub async fn poll_returns_within_max_wait_when_idle<F: SourceFixture>(fixture: &F) {
    let mut source = started::<F>(SourceOptions::new(fixture.idle_config())).await;
    for max_wait in [Duration::ZERO, Duration::from_millis(50), Duration::from_secs(1)] {
        let began = Instant::now();
        match tokio::time::timeout(max_wait + SLACK, source.task().poll(max_wait)).await {
            Ok(Ok(records)) => assert!(records.is_empty(), "the source is not idle: {records:?}"),
            Ok(Err(error)) => panic!("an idle source fails: {}", error.trace()),
            Err(_) => panic!("poll was given {max_wait:?} and waits for {:?} already", began.elapsed()),
        }
    }
    good(source.stop().await, "the source does not stop");
}

/// No two records of a source partition have one offset: a restart could not tell them apart.
pub async fn offsets_are_unique_within_a_partition<F: SourceFixture>(fixture: &F) {
    let mut seen = HashSet::new();
    for record in all_records(fixture).await {
        let place = (record.source_partition, record.source_offset);
        assert!(!seen.contains(&place), "two records of {:?} have the offset {:?}", place.0, place.1);
        seen.insert(place);
    }
}

/// Whichever record was the last one committed, a new task goes on with the next, in the same order.
pub async fn restart_from_any_offset_loses_nothing<F: SourceFixture>(fixture: &F) {
    let all = all_records(fixture).await;
    for committed in 0..RECORDS {
        let options = SourceOptions::new(fixture.config()).after(&all[..committed]);
        let mut source = started::<F>(options).await;
        let rest = good(
            source.poll_until(RECORDS - committed).await,
            &format!("records are missing after a restart with {committed} of {RECORDS} committed"),
        );
        assert_eq!(
            by_partition(&rest),
            by_partition(&all[committed..]),
            "after a restart with {committed} of {RECORDS} committed, other records come"
        );
        good(source.stop().await, "the source does not stop");
    }
}

/// After a failed send the records that were not committed come again, and none of those that were. It is the same
/// whether the task was stopped or the process crashed.
pub async fn restart_after_failed_send_repeats_at_most_the_uncommitted<F: SourceFixture>(fixture: &F) {
    let expected = fixture.write(RECORDS).await;
    for crash in [false, true] {
        let mut source = started::<F>(SourceOptions::new(fixture.config())).await;
        let first = good(source.poll_until(4).await, "the source does not give what was written");
        good(source.commit().await, "a commit hook fails");
        let lost = good(source.poll_until(3).await, "the source does not give what was written");
        let restarted = if crash { source.crash().await } else { source.restart().await };
        let mut source = good(restarted, "the source does not start again");
        let rest = good(source.poll_until(RECORDS - 4).await, "records are missing after a failed send");
        for (partition, values) in by_partition(&lost) {
            let again = by_partition(&rest).remove(&partition).unwrap_or_default();
            assert_eq!(
                again.get(..values.len()),
                Some(values.as_slice()),
                "records of {partition:?} that were not committed do not come again first"
            );
        }
        let mut values: Vec<_> =
            first.iter().chain(&rest).map(|record| format!("{:?}", record.record.value)).collect();
        let mut expected: Vec<_> = expected.iter().map(|value| format!("{value:?}")).collect();
        values.sort();
        expected.sort();
        assert_eq!(values, expected, "committed records come again, or others are lost");
        good(source.stop().await, "the source does not stop");
    }
}

/// A waiting poll is dropped when the task is stopped; `stop` does not wait for what the poll waited for.
pub async fn stop_is_prompt_while_poll_waits<F: SourceFixture>(fixture: &F) {
    let mut source = started::<F>(SourceOptions::new(fixture.idle_config())).await;
    let poll = source.task().poll(Duration::from_secs(3600));
    match tokio::time::timeout(Duration::from_millis(50), poll).await {
        Err(_) => {}
        Ok(Ok(records)) => assert!(records.is_empty(), "the source is not idle: {records:?}"),
        Ok(Err(error)) => panic!("an idle source fails: {}", error.trace()),
    }
    match tokio::time::timeout(Duration::from_secs(2), source.stop()).await {
        Ok(result) => good(result, "the source does not stop"),
        Err(_) => panic!("stop takes longer than two seconds"),
    }
}

/// A start that fails, because a key is missing or offsets cannot be read, leaves nothing behind that would disturb
/// the next start.
pub async fn stop_after_failed_start_is_harmless<F: SourceFixture>(fixture: &F) {
    for key in <F::Connector as SourceConnector>::Config::def().keys().iter().filter(|key| key.is_required())
    {
        let mut without = fixture.config();
        without.remove(&key.name);
        assert!(
            SourceHarness::<F::Connector>::start(without).await.is_err(),
            "it starts without {}",
            key.name
        );
    }
    let unreadable = SourceOptions::new(fixture.config()).unreadable_offsets();
    // A source that reads its offsets later than in `start` does start.
    if let Ok(source) = SourceHarness::<F::Connector>::start_with(unreadable).await {
        good(source.stop().await, "a source that could not read offsets does not stop");
    }
    all_records(fixture).await;
}

/// A task that is dropped, also in the middle of a poll, takes everything that it spawned with it.
pub async fn dropped_task_leaks_no_tokio_task<F: SourceFixture>(fixture: &F) {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = alive();
    fixture.write(RECORDS).await;
    let mut source = started::<F>(SourceOptions::new(fixture.config())).await;
    good(source.poll_until(RECORDS / 2).await, "the source does not give what was written");
    drop(source);
    let mut source = started::<F>(SourceOptions::new(fixture.idle_config())).await;
    let poll = source.task().poll(Duration::from_secs(3600));
    // How the poll ends does not matter here.
    let _ = tokio::time::timeout(Duration::from_millis(50), poll).await;
    drop(source);
    for _ in 0..100 {
        if alive() <= before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(alive(), before, "tokio tasks of a dropped source are alive a second later");
}
