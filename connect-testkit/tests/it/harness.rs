//! The harnesses do to a task what the engine does.

use std::time::Duration;

use connect_api::config::NoConfig;
use connect_api::{
    Error, Offsets, Properties, RecordMetadata, Result, SchemaAndValue, SinkConnector, SinkConnectorContext,
    SinkRecord, SinkTask, SinkTaskContext, SourceConnector, SourceConnectorContext, SourceOffset,
    SourcePartition, SourceRecord, SourceTask, SourceTaskContext, TopicPartition, async_trait,
};
use connect_testkit::{Boundary, SinkHarness, SourceHarness, SourceOptions, values};

/// Asks the runtime for everything that there is to ask.
struct Asking(SourceConnectorContext);

#[async_trait]
impl SourceConnector for Asking {
    type Config = NoConfig;
    type Task = AskingTask;

    async fn start(_: NoConfig, context: SourceConnectorContext) -> Result<Self> {
        Ok(Self(context))
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![Properties::from([("of", max_tasks.to_string())]); max_tasks])
    }
}

struct AskingTask {
    context: SourceTaskContext,
    calls: Vec<String>,
    next: i64,
}

#[async_trait]
impl SourceTask for AskingTask {
    type Config = NoConfig;

    async fn start(_: NoConfig, context: SourceTaskContext) -> Result<Self> {
        Ok(Self { context, calls: Vec::new(), next: 0 })
    }

    async fn poll(&mut self, _: Duration) -> Result<Vec<SourceRecord>> {
        let batch: Vec<_> = (0..3)
            .map(|_| {
                self.next += 1;
                let record = connect_api::Record::new("t", SchemaAndValue::schemaless(self.next));
                SourceRecord::new(SourcePartition::of("p", 1), SourceOffset::of("n", self.next), record)
            })
            .collect();
        if let Some(transactions) = self.context.transaction_context() {
            transactions.commit_transaction_after(&batch[1]);
            transactions.abort_transaction();
        }
        Ok(batch)
    }

    fn wants_record_commits(&self) -> bool {
        true
    }

    async fn commit_record(
        &mut self,
        record: &SourceRecord,
        metadata: Option<&RecordMetadata>,
    ) -> Result<()> {
        self.calls.push(format!("{} at {}", record.record.value.value, metadata.unwrap().offset));
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        self.calls.push("commit".to_owned());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_covers_what_the_test_was_given_and_calls_the_hooks() {
    let mut source = SourceHarness::<Asking>::start(Properties::new()).await.unwrap();
    assert_eq!(values(&source.poll_until(2).await.unwrap()), [1_i64.into(), 2_i64.into()]);
    source.commit().await.unwrap();
    assert_eq!(source.task().calls, ["1 at 0", "2 at 1", "commit"]);
    assert_eq!(source.offsets()[&SourcePartition::of("p", 1)], SourceOffset::of("n", 2));
    // The third record of the batch was held back.
    assert_eq!(values(&source.poll().await.unwrap()), [3_i64.into()]);
}

#[tokio::test(start_paused = true)]
async fn what_a_source_asks_of_the_runtime_is_visible() {
    let options = SourceOptions::new(Properties::new()).task(1, 3).transactions();
    let mut source = SourceHarness::<Asking>::start_with(options).await.unwrap();
    assert_eq!(source.task().context.configs().await.unwrap().get("of"), Some("3"));
    source.poll().await.unwrap();
    let place = (SourcePartition::of("p", 1), SourceOffset::of("n", 2));
    assert_eq!(source.boundaries(), [Boundary::CommitRecord(place.0, place.1), Boundary::AbortBatch]);
    source.connector().0.request_task_reconfiguration();
    source.connector().0.raise_error(Error::connect("the table is gone"));
    source.reconfigurations().wait_for(1).await;
    source.errors_raised().wait_for(1).await;
    assert_eq!(source.take_errors()[0].to_string(), "the table is gone");
    assert_eq!(source.reconfigure(2).await.unwrap().len(), 2);
}

/// A sink that is told by the values what to do.
struct Obedient;
struct ObedientTask {
    context: SinkTaskContext,
    puts: Vec<Vec<i64>>,
    busy: usize,
}

#[async_trait]
impl SinkConnector for Obedient {
    type Config = NoConfig;
    type Task = ObedientTask;

    async fn start(_: NoConfig, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![Properties::new()])
    }
}

#[async_trait]
impl SinkTask for ObedientTask {
    type Config = NoConfig;

    async fn start(_: NoConfig, context: SinkTaskContext) -> Result<Self> {
        assert!(context.assignment().is_err());
        Ok(Self { context, puts: Vec::new(), busy: 0 })
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        self.puts.push(records.iter().map(SinkRecord::original_offset).collect());
        if self.busy > 0 {
            self.busy -= 1;
            self.context.timeout(Duration::from_secs(7));
            return Err(Error::retriable("busy"));
        }
        for record in records {
            match record.record.value.value.as_str() {
                Some("pause") => self.context.pause(&[record.original()])?,
                Some("rewind") if self.puts.len() == 1 => {
                    self.context.offset(&Offsets::from([(record.original(), 1)]))
                }
                Some("commit") => self.context.request_commit(),
                _ => {}
            }
        }
        Ok(())
    }

    async fn pre_commit(&mut self, offsets: &Offsets) -> Result<Offsets> {
        if self.busy > 0 { Err(Error::connect("cannot flush")) } else { Ok(offsets.clone()) }
    }
}

async fn obedient(values: &[&str]) -> SinkHarness<Obedient> {
    let mut sink = SinkHarness::<Obedient>::start(Properties::new()).await.unwrap();
    sink.open("t", 0).await.unwrap();
    for value in values {
        sink.produce("t", 0, *value);
    }
    sink
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_comes_again_as_it_was_after_the_pause_that_was_asked_for() {
    let mut sink = obedient(&["a", "b"]).await;
    sink.task().busy = 2;
    assert!(sink.deliver().await.unwrap_err().is_retriable());
    assert_eq!(sink.pending().len(), 2);
    assert_eq!(sink.take_timeout(), Some(Duration::from_secs(7)));
    sink.produce("t", 0, "c");
    let began = tokio::time::Instant::now();
    sink.deliver_until_taken().await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_secs(7));
    sink.deliver().await.unwrap();
    assert_eq!(sink.task().puts, [vec![0, 1], vec![0, 1], vec![0, 1], vec![2]]);
}

#[tokio::test(start_paused = true)]
async fn rewinds_pauses_and_commit_requests_are_served() {
    let mut sink = obedient(&["commit", "rewind", "pause"]).await;
    sink.deliver().await.unwrap();
    assert_eq!(sink.commits_requested(), 1);
    assert_eq!(sink.rewinds(), [(TopicPartition::new("t", 0), 1)]);
    assert_eq!(sink.paused(), [TopicPartition::new("t", 0)]);
    assert_eq!(sink.position("t", 0), Some(1));
    sink.deliver().await.unwrap();
    assert_eq!(sink.task().puts, [vec![0, 1, 2], vec![]], "a paused partition gives nothing");
}

#[tokio::test(start_paused = true)]
async fn a_failed_pre_commit_goes_back_to_the_last_commit() {
    let mut sink = obedient(&["a", "b"]).await;
    sink.deliver().await.unwrap();
    sink.task().busy = 1;
    assert!(sink.commit().await.is_err());
    sink.task().busy = 0;
    sink.deliver().await.unwrap();
    assert_eq!(sink.task().puts, [vec![0, 1], vec![0, 1]]);
    sink.commit().await.unwrap();
    assert_eq!(sink.committed("t", 0), Some(2));
}
