//! The least that a runtime is to a task: stored offsets.

use std::sync::Arc;

use connect_api::host::{OffsetHost, SinkTaskHost, SourceTaskHost, TransactionRequests};
use connect_api::sink::Report;
use connect_api::{
    Config, Error, Offsets, Properties, Result, SinkRecord, SinkTask, SinkTaskContext, SourceOffset,
    SourcePartition, SourceTask, SourceTaskContext, TopicPartition, async_trait,
};

struct Host(Option<SourceOffset>);

#[async_trait]
impl OffsetHost for Host {
    async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>> {
        Ok(vec![self.0.clone(); partitions.len()])
    }
}

#[async_trait]
impl SourceTaskHost for Host {
    async fn configs(&self) -> Result<Properties> {
        Ok(Properties::new())
    }
    fn transactions(&self) -> Option<Arc<dyn TransactionRequests>> {
        None
    }
}

#[async_trait]
impl SinkTaskHost for Host {
    async fn configs(&self) -> Result<Properties> {
        Ok(Properties::new())
    }
    fn assignment(&self) -> Result<Vec<TopicPartition>> {
        Ok(vec![])
    }
    fn offset(&self, _: &Offsets) {}
    fn timeout(&self, _: std::time::Duration) {}
    fn pause(&self, _: &[TopicPartition]) -> Result<()> {
        Ok(())
    }
    fn resume(&self, _: &[TopicPartition]) -> Result<()> {
        Ok(())
    }
    fn request_commit(&self) {}
    fn has_reporter(&self) -> bool {
        false
    }
    fn report(&self, _: &SinkRecord, error: Error) -> Result<Report> {
        Err(error)
    }
}

/// Starts a source task that finds this offset stored.
pub(crate) async fn start_source<T: SourceTask>(
    config: &Properties,
    offset: Option<SourceOffset>,
) -> Result<T> {
    T::start(T::Config::parse(config)?, SourceTaskContext::new(Arc::new(Host(offset)))).await
}

/// Starts a sink task.
pub(crate) async fn start_sink<T: SinkTask>(config: &Properties) -> Result<T> {
    T::start(T::Config::parse(config)?, SinkTaskContext::new(Arc::new(Host(None)))).await
}
