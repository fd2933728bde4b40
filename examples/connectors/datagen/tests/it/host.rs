//! The least that a runtime is to a task: stored offsets.

use std::sync::Arc;

use connect_api::host::{OffsetHost, SourceTaskHost, TransactionRequests};
use connect_api::{
    Config, Properties, Result, SourceOffset, SourcePartition, SourceTask, SourceTaskContext, async_trait,
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

/// Starts a source task that finds this offset stored.
pub(crate) async fn start_source<T: SourceTask>(
    config: &Properties,
    offset: Option<SourceOffset>,
) -> Result<T> {
    T::start(T::Config::parse(config)?, SourceTaskContext::new(Arc::new(Host(offset)))).await
}
