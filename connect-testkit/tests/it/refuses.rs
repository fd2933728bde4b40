//! Plugins that break the contract fail, in the clause that is about it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use connect_api::config::{ConfigDef, ConfigKey, NoConfig, Type};
use connect_api::{
    Bytes, BytesMut, Config, Converter, ConverterType, Encoded, Error, Plugins, Properties, RawHeaders,
    Record, Result, SchemaAndValue, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask,
    SinkTaskContext, SourceConnector, SourceConnectorContext, SourceOffset, SourcePartition, SourceRecord,
    SourceTask, SourceTaskContext, Value, async_trait,
};
use connect_testkit::contract::{config, converter, sink, source};
use connect_testkit::{ConverterFixture, SinkFixture, SourceFixture};
use tokio::task::JoinSet;

/// The text of the panic.
fn refused(clause: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(clause)).unwrap_err();
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&str>().unwrap()).to_owned(),
    }
}

/// How a source breaks the contract.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    BlocksWhenIdle,
    OneOffsetForAll,
    SkipsAfterRestart,
    ForgetsOffsets,
    TooManyTasks,
    SlowStop,
    Leaks,
}

struct Faulty<const FAULT: usize>;

const FAULTS: [Fault; 8] = [
    Fault::None,
    Fault::BlocksWhenIdle,
    Fault::OneOffsetForAll,
    Fault::SkipsAfterRestart,
    Fault::ForgetsOffsets,
    Fault::TooManyTasks,
    Fault::SlowStop,
    Fault::Leaks,
];

/// Numbers up to `count`.
struct Keys(Properties);

impl Config for Keys {
    fn def() -> ConfigDef {
        ConfigDef::new()
            .define(ConfigKey::new("count", Type::Int))
            .define(ConfigKey::new("note", Type::String).default(""))
    }

    fn parse(properties: &Properties) -> Result<Self> {
        Ok(Self(properties.clone()))
    }

    fn to_properties(&self) -> Properties {
        self.0.clone()
    }
}

#[async_trait]
impl<const FAULT: usize> SourceConnector for Faulty<FAULT> {
    type Config = Keys;
    type Task = FaultyTask<FAULT>;

    async fn start(_: Keys, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        let more = usize::from(FAULTS[FAULT] == Fault::TooManyTasks);
        Ok(vec![Properties::new(); max_tasks + more])
    }
}

struct FaultyTask<const FAULT: usize> {
    next: i64,
}

static LEAKED: Mutex<Option<JoinSet<()>>> = Mutex::new(None);

#[async_trait]
impl<const FAULT: usize> SourceTask for FaultyTask<FAULT> {
    type Config = NoConfig;

    async fn start(_: NoConfig, context: SourceTaskContext) -> Result<Self> {
        let stored = context.offset_storage_reader().offset(&SourcePartition::of("p", 0)).await?;
        let stored = stored.and_then(|offset| offset.i64("next"));
        if FAULTS[FAULT] == Fault::Leaks {
            let mut leaked = JoinSet::new();
            leaked.spawn(std::future::pending());
            *LEAKED.lock().unwrap() = Some(leaked);
        }
        let next = match (FAULTS[FAULT], stored) {
            (Fault::ForgetsOffsets, _) | (_, None) => 0,
            (Fault::SkipsAfterRestart, Some(next)) => next + 1,
            (_, Some(next)) => next,
        };
        Ok(Self { next })
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        if self.next >= 10 {
            let wait = if FAULTS[FAULT] == Fault::BlocksWhenIdle { max_wait * 3 } else { max_wait };
            tokio::time::sleep(wait).await;
            return Ok(vec![]);
        }
        let records = (self.next..10).map(|number| {
            let offset = if FAULTS[FAULT] == Fault::OneOffsetForAll { 10 } else { number + 1 };
            let record = Record::new("t", SchemaAndValue::schemaless(number));
            SourceRecord::new(SourcePartition::of("p", 0), SourceOffset::of("next", offset), record)
        });
        let records = records.collect();
        self.next = 10;
        Ok(records)
    }

    async fn stop(&mut self) -> Result<()> {
        if FAULTS[FAULT] == Fault::SlowStop {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        Ok(())
    }
}

/// Ten numbers.
struct World<const FAULT: usize>;

impl<const FAULT: usize> SourceFixture for World<FAULT> {
    type Connector = Faulty<FAULT>;

    fn config(&self) -> Properties {
        Properties::from([("count", "10")])
    }

    async fn write(&self, n: usize) -> Vec<SchemaAndValue> {
        (0..n).map(|number| SchemaAndValue::schemaless(number as i64)).collect()
    }
}

macro_rules! refuse {
    ($clause:ident, $fault:expr) => {
        refused(|| {
            let fixture = World::<{ $fault as usize }>;
            source::run(&fixture, |fixture| Box::pin(source::$clause(fixture)));
        })
    };
}

#[test]
fn a_source_that_breaks_a_clause_is_refused_by_that_clause() {
    for (text, part) in [
        (
            refuse!(missing_required_key_is_rejected_by_name, Fault::None),
            "without the required key `count` is accepted",
        ),
        (
            refuse!(every_key_is_documented, Fault::None),
            "the documentation of `count` is not made of sentences",
        ),
        (refuse!(offsets_are_unique_within_a_partition, Fault::OneOffsetForAll), "have the offset"),
        (refuse!(restart_from_any_offset_loses_nothing, Fault::SkipsAfterRestart), "with 1 of 10 committed"),
        (
            refuse!(restart_after_failed_send_repeats_at_most_the_uncommitted, Fault::ForgetsOffsets),
            "that were not committed do not come again first",
        ),
        (
            refuse!(task_configs_respects_max_tasks, Fault::TooManyTasks),
            "answered 2 task configurations and may answer 1",
        ),
    ] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

struct Idle<const FAULT: usize>;

impl<const FAULT: usize> SourceFixture for Idle<FAULT> {
    type Connector = FaultyIdle<FAULT>;

    fn config(&self) -> Properties {
        Properties::new()
    }

    async fn write(&self, n: usize) -> Vec<SchemaAndValue> {
        (0..n).map(|number| SchemaAndValue::schemaless(number as i64)).collect()
    }
}

/// The same with a task that is idle from the beginning.
struct FaultyIdle<const FAULT: usize>;

#[async_trait]
impl<const FAULT: usize> SourceConnector for FaultyIdle<FAULT> {
    type Config = NoConfig;
    type Task = IdleTask<FAULT>;

    async fn start(_: NoConfig, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![Properties::new()])
    }
}

struct IdleTask<const FAULT: usize>(FaultyTask<FAULT>);

#[async_trait]
impl<const FAULT: usize> SourceTask for IdleTask<FAULT> {
    type Config = NoConfig;

    async fn start(config: NoConfig, context: SourceTaskContext) -> Result<Self> {
        let mut task = FaultyTask::start(config, context).await?;
        if FAULTS[FAULT] != Fault::Leaks {
            task.next = 10;
        }
        Ok(Self(task))
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        self.0.poll(max_wait).await
    }

    async fn stop(&mut self) -> Result<()> {
        self.0.stop().await
    }
}

#[test]
fn an_idle_source_that_blocks_or_stops_slowly_or_leaks_is_refused() {
    let blocks = refused(|| {
        source::run(&Idle::<{ Fault::BlocksWhenIdle as usize }>, |fixture| {
            Box::pin(source::poll_returns_within_max_wait_when_idle(fixture))
        });
    });
    assert!(blocks.contains("poll was given 1s"), "{blocks}");
    let slow = refused(|| {
        source::run(&Idle::<{ Fault::SlowStop as usize }>, |fixture| {
            Box::pin(source::stop_is_prompt_while_poll_waits(fixture))
        });
    });
    assert!(slow.contains("stop takes longer"), "{slow}");
    let leaks = refused(|| {
        source::run(&Idle::<{ Fault::Leaks as usize }>, |fixture| {
            Box::pin(source::dropped_task_leaks_no_tokio_task(fixture))
        });
    });
    assert!(leaks.contains("tokio tasks of a dropped source are alive"), "{leaks}");
}

/// Buffers everything and says that it is durable.
struct Forgetful;
struct ForgetfulTask;

#[async_trait]
impl SinkConnector for Forgetful {
    type Config = NoConfig;
    type Task = ForgetfulTask;

    async fn start(_: NoConfig, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![Properties::new()])
    }
}

#[async_trait]
impl SinkTask for ForgetfulTask {
    type Config = NoConfig;

    async fn start(_: NoConfig, _: SinkTaskContext) -> Result<Self> {
        Ok(Self)
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        if records.is_empty() { Err(Error::connect("nothing to do")) } else { Ok(()) }
    }
}

struct Nowhere;
impl SinkFixture for Nowhere {
    type Connector = Forgetful;

    fn config(&self) -> Properties {
        Properties::new()
    }

    async fn read(&self) -> Vec<String> {
        Vec::new()
    }

    fn bad_record(&self, topic: &str) -> Option<Record> {
        Some(Record::new(topic, SchemaAndValue::NULL))
    }
}

#[test]
fn a_sink_that_forgets_is_refused_by_every_clause() {
    for (text, part) in [
        (
            refused(|| {
                sink::run(&Nowhere, |world| Box::pin(sink::same_batch_again_after_retriable_error(world)))
            }),
            "record-0-0-end is not in the target after the batch was given again",
        ),
        (
            refused(|| sink::run(&Nowhere, |world| Box::pin(sink::nothing_is_committed_before_flush(world)))),
            "though its offset is committed",
        ),
        (
            refused(|| sink::run(&Nowhere, |world| Box::pin(sink::close_then_open_other_partitions(world)))),
            "though its partition was handed over",
        ),
        (
            refused(|| {
                sink::run(&Nowhere, |world| {
                    Box::pin(sink::bad_record_is_reported_when_a_reporter_exists(world))
                })
            }),
            "not the bad record's",
        ),
        (
            refused(|| sink::run(&Nowhere, |world| Box::pin(sink::empty_put_is_fine(world)))),
            "an empty put fails",
        ),
    ] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// Cuts texts to eight bytes, writes null as text and blames the runtime for bytes that it cannot read.
struct Lossy;

impl Converter for Lossy {
    type Config = NoConfig;

    fn configure(_: NoConfig, _: ConverterType) -> Result<Self> {
        Ok(Self)
    }

    fn to_connect_data(&self, _: &str, _: &RawHeaders, bytes: Option<&Bytes>) -> Result<SchemaAndValue> {
        let text = std::str::from_utf8(bytes.map_or(&b""[..], |bytes| bytes));
        let text = text.map_err(|_| Error::illegal_state("no text"))?;
        Ok(SchemaAndValue::schemaless(text))
    }

    fn from_connect_data(
        &self,
        _: &str,
        _: &mut RawHeaders,
        data: &SchemaAndValue,
        out: &mut BytesMut,
    ) -> Result<Encoded> {
        let text = if let Value::String(text) = &data.value { text.as_str() } else { "null" };
        out.extend(text.bytes().take(8));
        Ok(Encoded::Appended)
    }
}

struct Texts;
impl ConverterFixture for Texts {
    type Converter = Lossy;

    fn data(&self, arbitrary: &mut connect_testkit::Arbitrary) -> Result<SchemaAndValue> {
        Ok(SchemaAndValue::schemaless(arbitrary.name().repeat(2)))
    }
}

#[test]
fn a_converter_that_loses_data_is_refused() {
    for (text, part) in [
        (
            refused(|| {
                converter::run(&Texts, |texts| Box::pin(converter::round_trip_of_arbitrary_values(texts)))
            }),
            "was written as",
        ),
        (
            refused(|| converter::run(&Texts, |texts| Box::pin(converter::null_is_a_tombstone(texts)))),
            "a tombstone would be none",
        ),
        (
            refused(|| {
                converter::run(&Texts, |texts| {
                    Box::pin(converter::garbage_is_a_data_error_not_a_panic(texts))
                })
            }),
            "is no data error but IllegalState",
        ),
    ] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn a_config_with_odd_names_docs_and_defaults_is_refused() {
    struct Odd;
    impl Config for Odd {
        fn def() -> ConfigDef {
            ConfigDef::new()
                .define(ConfigKey::new("two..dots", Type::Int).default("many"))
                .define(ConfigKey::new("lower", Type::Int).default("1").documentation("a word"))
        }

        fn parse(_: &Properties) -> Result<Self> {
            Ok(Self)
        }

        fn to_properties(&self) -> Properties {
            Properties::new()
        }
    }
    struct OddPredicate;
    impl connect_api::Predicate for OddPredicate {
        type Config = Odd;

        fn configure(_: Odd) -> Result<Self> {
            Ok(Self)
        }

        fn test(&self, _: &Record) -> Result<bool> {
            Ok(true)
        }
    }
    let plugins = config::registered(|plugins: &mut Plugins| {
        plugins.bundle("1").predicate::<OddPredicate>("Odd");
    });
    let plugins = &plugins;
    let names = refused(|| {
        config::run(plugins, |plugins| Box::pin(config::names_are_unique_and_well_formed(plugins)))
    });
    assert!(names.contains("`two..dots` is not a well-formed name"), "{names}");
    assert!(names.contains("many"), "a default that does not parse is a defect: {names}");
    let docs = refused(|| config::run(plugins, |plugins| Box::pin(config::docs_are_sentences(plugins))));
    assert!(docs.contains("`lower` is not made of sentences") && docs.contains("`two..dots`"), "{docs}");
}
