//! The loops of tasks, on Kafka in memory and one thread: everything between connector and client.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use connect_api::config::NoConfig;
use connect_api::{
    BoxError, Properties, Result, SchemaAndValue, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask,
    SinkTaskContext, SourceConnector, SourceConnectorContext, SourceOffset, SourcePartition, SourceRecord,
    SourceTask, SourceTaskContext,
};
use connect_runtime::{Connect, MemoryKafka};

use crate::records::{maps, records};
use crate::{counted, prepared};

/// Records of the two runs whose difference counts.
const RUNS: [i64; 2] = [2_000, 6_000];
/// Records of one poll of the source.
const BATCH: i64 = 500;

struct Events;

struct EventsTask {
    made: Vec<SourceRecord>,
    left: i64,
}

#[async_trait]
impl SourceConnector for Events {
    type Config = Properties;
    type Task = EventsTask;

    async fn start(_: Properties, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![Properties::new()])
    }
}

#[async_trait]
impl SourceTask for EventsTask {
    type Config = NoConfig;

    async fn start(_: NoConfig, _: SourceTaskContext) -> Result<Self> {
        Ok(Self { made: Vec::new(), left: 0 })
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        if self.left == 0 {
            tokio::time::sleep(max_wait).await;
            return Ok(Vec::new());
        }
        self.left -= BATCH;
        Ok(self.made.clone())
    }
}

struct Counter;

struct CounterTask(Arc<AtomicI64>);

#[async_trait]
impl SinkConnector for Counter {
    type Config = Properties;
    type Task = CounterTask;

    async fn start(_: Properties, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![Properties::new()])
    }
}

#[async_trait]
impl SinkTask for CounterTask {
    type Config = NoConfig;

    async fn start(_: NoConfig, _: SinkTaskContext) -> Result<Self> {
        Ok(Self(Arc::default()))
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        self.0.fetch_add(records.len() as i64, Relaxed);
        Ok(())
    }
}

struct Case {
    name: &'static str,
    sink: bool,
    converter: &'static str,
    config: &'static [(&'static str, &'static str)],
}

const TRANSFORMS: &[(&str, &str)] = &[
    ("transforms", "insert,replace,mask"),
    ("transforms.insert.type", "InsertField$Value"),
    ("transforms.insert.static.field", "site"),
    ("transforms.insert.static.value", "Ulm"),
    ("transforms.replace.type", "ReplaceField$Value"),
    ("transforms.replace.exclude", "tag"),
    ("transforms.mask.type", "MaskField$Value"),
    ("transforms.mask.fields", "note"),
];

const CASES: &[Case] = &[
    Case { name: "loop source, string", sink: false, converter: "StringConverter", config: &[] },
    Case { name: "loop source, json", sink: false, converter: "JsonConverter", config: &[] },
    Case {
        name: "loop source, json, 3 transformations",
        sink: false,
        converter: "JsonConverter",
        config: TRANSFORMS,
    },
    Case { name: "loop sink, string", sink: true, converter: "StringConverter", config: &[] },
    Case { name: "loop sink, json", sink: true, converter: "JsonConverter", config: &[] },
    Case {
        name: "loop sink, json, 3 transformations",
        sink: true,
        converter: "JsonConverter",
        config: TRANSFORMS,
    },
];

pub(crate) fn run() -> std::result::Result<(), BoxError> {
    for case in CASES {
        for (run, count) in RUNS.into_iter().enumerate() {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
            runtime.block_on(Box::pin(one(case, count)))?;
            counted(case.name, if run == 0 { -count } else { count });
        }
    }
    Ok(())
}

/// One run, from the start of a worker to its end; counted is everything once its input is there.
async fn one(case: &Case, count: i64) -> std::result::Result<(), BoxError> {
    let kafka = MemoryKafka::new();
    let text = |n: i64| SchemaAndValue::new(connect_api::Schema::STRING, format!("{n:0>100}"));
    let (map, taken) = (maps(), Arc::new(AtomicI64::new(0)));
    let made = match case.converter {
        "StringConverter" => records(BATCH, &text),
        _ => records(BATCH, &map),
    };
    let partition = SourcePartition::of("n", "0");
    let record = |(n, record)| SourceRecord::new(partition.clone(), SourceOffset::of("n", n), record);
    let made: Vec<_> = (0_i64..).zip(made).map(record).collect();
    if case.sink {
        for n in 0..count {
            let json = format!(
                r#"{{"id":{n},"user":"u{n:06}","amount":{}.25,"ok":true,"tag":"abcdefgh","note":"{n:0>21}"}}"#,
                100 + n % 900
            );
            kafka.produce("events", None::<String>, json);
        }
    }
    let counter = Arc::clone(&taken);
    let connect = Connect::builder()
        .memory(kafka.clone())
        .property("value.converter", case.converter)
        .property("value.converter.schemas.enable", "false")
        .property("key.converter", "StringConverter")
        .plugins(move |plugins| {
            connect_transforms::register(plugins);
            plugins
                .bundle("1.0")
                .source_with::<Events>("Events", move |_, _| {
                    let task = EventsTask { made: made.clone(), left: count };
                    Box::pin(async move { Ok(Box::new(task) as Box<dyn SourceTask>) })
                })
                .sink_with::<Counter>("Counter", move |_, _| {
                    let task = CounterTask(Arc::clone(&counter));
                    Box::pin(async move { Ok(Box::new(task) as Box<dyn SinkTask>) })
                });
        })
        .start()
        .await?;
    let mut config: Properties = case.config.iter().copied().collect();
    config.insert("connector.class", if case.sink { "Counter" } else { "Events" });
    if case.sink {
        config.insert("topics", "events");
    }
    prepared();
    connect.create("counted", config).await?;
    let done = || match case.sink {
        true => taken.load(Relaxed),
        false => i64::try_from(kafka.count_records("events")).unwrap_or_default(),
    };
    while done() < count {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    connect.shutdown().await?;
    Ok(())
}
