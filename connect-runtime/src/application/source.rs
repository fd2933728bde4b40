//! A source fed through a bounded channel.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connect_api::config::Properties;
use connect_api::{
    ExactlyOnceSupport, Plugins, Record, RecordMetadata, Result, SourceConnector, SourceConnectorContext,
    SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext,
};
use tokio::sync::{Mutex, mpsc, oneshot};

/// The most records of one poll.
const MAX_BATCH: usize = 2000;

/// What became of a record that the application sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivered {
    /// Kafka has acknowledged it, at these coordinates.
    Written(RecordMetadata),
    /// A transformation dropped it, or it failed and `errors.tolerance=all` skipped it.
    Dropped,
}

/// The other end of the channel is gone: the runtime was shut down. The record is not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the runtime that this channel feeds is gone; the record was not delivered")]
pub struct SendError;

/// A future that resolves when the record is durable.
///
/// It may be dropped: the record is delivered all the same.
#[derive(Debug)]
#[must_use = "await it to know that the record is durable"]
pub struct Ack(oneshot::Receiver<Delivered>);

impl Future for Ack {
    type Output = Result<Delivered, SendError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(context).map_err(|_| SendError)
    }
}

struct Sent {
    record: Record,
    ack: oneshot::Sender<Delivered>,
}

/// The application's end: takes records. Clone it for as many writers as there are.
#[derive(Clone, Debug)]
pub struct RecordSender(mpsc::Sender<Sent>);

impl RecordSender {
    /// Hands a record over. Waits while the channel is full, which is how a slow Kafka slows the application down.
    ///
    /// # Errors
    ///
    /// When the runtime has been shut down.
    pub async fn send(&self, record: Record) -> Result<Ack, SendError> {
        let (ack, wait) = oneshot::channel();
        self.0.send(Sent { record, ack }).await.map_err(|_| SendError)?;
        Ok(Ack(wait))
    }
}

/// The runtime's end of a [`channel`]: register it as a source connector.
#[derive(Clone)]
pub struct RecordReceiver(Arc<Shared>);

struct Shared {
    incoming: Mutex<mpsc::Receiver<Sent>>,
    /// Records that a task has polled and that are not settled, oldest first. A new task begins with them.
    unsettled: StdMutex<VecDeque<(i64, Sent)>>,
}

impl std::fmt::Debug for RecordReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordReceiver")
    }
}

/// A channel from the application into a pipeline. It holds at most `capacity` records that no task has taken.
///
/// The records of a channel keep their order. A record is in the channel until Kafka has acknowledged it: when the
/// task fails or is restarted, its successor sends again whatever was not acknowledged. What is in the channel when
/// the *process* ends is lost with it; an application that must not lose anything waits for the [`Ack`] before it
/// forgets its own copy.
///
/// ```
/// use connect_api::{Record, SchemaAndValue};
/// use connect_runtime::{Connect, application};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (orders, source) = application::channel(1000);
/// let connect = Connect::builder()
///     .in_memory()
///     .plugins(|plugins| source.register(plugins, "Orders"))
///     .start()
///     .await?;
/// connect.create("orders", [("connector.class", "Orders")]).await?;
///
/// let ack = orders.send(Record::new("orders", SchemaAndValue::schemaless("one coffee"))).await?;
/// println!("durable: {:?}", ack.await?);
/// connect.shutdown().await?;
/// # Ok(())
/// # }
/// ```
pub fn channel(capacity: usize) -> (RecordSender, RecordReceiver) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let shared = Shared { incoming: Mutex::new(receiver), unsettled: StdMutex::default() };
    (RecordSender(sender), RecordReceiver(Arc::new(shared)))
}

impl RecordReceiver {
    /// Registers the channel as a source connector. One connector may use it at a time.
    pub fn register(&self, plugins: &mut Plugins, name: &'static str) {
        let shared = Arc::clone(&self.0);
        plugins.bundle(env!("CARGO_PKG_VERSION")).source_with::<ChannelSource>(name, move |_, context| {
            let task = ChannelTask::start(Arc::clone(&shared), context);
            Box::pin(async move { Ok(Box::new(task.await?) as Box<dyn SourceTask>) })
        });
    }
}

struct ChannelSource;

#[async_trait]
impl SourceConnector for ChannelSource {
    type Config = Properties;
    type Task = ChannelTask;

    async fn start(_: Properties, _: SourceConnectorContext) -> Result<Self> {
        Ok(Self)
    }

    async fn task_configs(&mut self, _: usize) -> Result<Vec<Properties>> {
        Ok(vec![Properties::default()])
    }

    fn exactly_once_support(_: &Properties) -> ExactlyOnceSupport {
        ExactlyOnceSupport::Unsupported
    }
}

struct ChannelTask {
    shared: Arc<Shared>,
    partition: SourcePartition,
    next: i64,
    /// How many unsettled records of an earlier task have been polled again.
    repeated: usize,
}

impl ChannelTask {
    async fn start(shared: Arc<Shared>, context: SourceTaskContext) -> Result<Self> {
        let partition = SourcePartition::of("channel", "application");
        let stored = context.offset_storage_reader().offset(&partition).await?;
        let last = stored.and_then(|offset| offset.i64("sequence")).unwrap_or(0);
        let unsettled =
            shared.unsettled.lock().unwrap_or_else(PoisonError::into_inner).back().map(|(last, _)| *last);
        Ok(Self { shared, partition, next: last.max(unsettled.unwrap_or(0)) + 1, repeated: 0 })
    }

    fn source_record(&self, sequence: i64, record: Record) -> SourceRecord {
        SourceRecord::new(self.partition.clone(), SourceOffset::of("sequence", sequence), record)
    }

    /// Records that an earlier task left behind.
    fn left_behind(&mut self) -> Vec<SourceRecord> {
        let unsettled = self.shared.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        if self.repeated >= unsettled.len() {
            self.repeated = usize::MAX;
            return Vec::new();
        }
        let records: Vec<_> = unsettled
            .iter()
            .skip(self.repeated)
            .take(MAX_BATCH)
            .map(|(sequence, sent)| self.source_record(*sequence, sent.record.clone()))
            .collect();
        self.repeated += records.len();
        records
    }
}

#[async_trait]
impl SourceTask for ChannelTask {
    type Config = Properties;

    async fn start(_: Properties, _: SourceTaskContext) -> Result<Self> {
        Err(connect_api::Error::illegal_state("a channel task is started with its channel"))
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        if self.repeated != usize::MAX {
            let again = self.left_behind();
            if !again.is_empty() {
                return Ok(again);
            }
        }
        let mut incoming = self.shared.incoming.lock().await;
        let mut batch = Vec::new();
        match tokio::time::timeout(max_wait, incoming.recv_many(&mut batch, MAX_BATCH)).await {
            Ok(0) => {
                // All senders are gone: nothing will ever come, and saying so at once would spin.
                drop(incoming);
                tokio::time::sleep(max_wait).await;
                return Ok(Vec::new());
            }
            Ok(_) => {}
            Err(_) => return Ok(Vec::new()),
        }
        drop(incoming);
        let mut records = Vec::with_capacity(batch.len());
        let mut unsettled = self.shared.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
        for sent in batch {
            records.push(self.source_record(self.next, sent.record.clone()));
            unsettled.push_back((self.next, sent));
            self.next += 1;
        }
        Ok(records)
    }

    fn wants_record_commits(&self) -> bool {
        true
    }

    async fn commit_record(
        &mut self,
        record: &SourceRecord,
        metadata: Option<&RecordMetadata>,
    ) -> Result<()> {
        let Some(sequence) = record.source_offset.i64("sequence") else { return Ok(()) };
        let sent = {
            let mut unsettled = self.shared.unsettled.lock().unwrap_or_else(PoisonError::into_inner);
            match unsettled.binary_search_by_key(&sequence, |(sequence, _)| *sequence) {
                Ok(at) => unsettled.remove(at),
                Err(_) => None,
            }
        };
        if self.repeated != usize::MAX {
            self.repeated = self.repeated.saturating_sub(1);
        }
        if let Some((_, sent)) = sent {
            // Nobody may be waiting.
            let _ = sent.ack.send(metadata.cloned().map_or(Delivered::Dropped, Delivered::Written));
        }
        Ok(())
    }
}
