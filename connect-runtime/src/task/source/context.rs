//! What stands behind a source task's context.

use std::sync::Arc;

use async_trait::async_trait;
use connect_api::config::Properties;
use connect_api::host::{OffsetHost, SourceTaskHost, TransactionRequests};
use connect_api::{Result, SourceOffset, SourcePartition};
use futures::future::BoxFuture;

use super::requests::Requests;
use crate::storage::OffsetReader;

pub(super) struct Host {
    pub(super) reader: OffsetReader,
    pub(super) configs: Arc<dyn Fn() -> BoxFuture<'static, Result<Properties>> + Send + Sync>,
    /// With `transaction.boundary=connector`, where exactly-once delivery is on.
    pub(super) transactions: Option<Arc<Requests>>,
}

#[async_trait]
impl OffsetHost for Host {
    async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>> {
        self.reader.offsets(partitions).await
    }
}

#[async_trait]
impl SourceTaskHost for Host {
    async fn configs(&self) -> Result<Properties> {
        (self.configs)().await
    }

    fn transactions(&self) -> Option<Arc<dyn TransactionRequests>> {
        self.transactions.clone().map(|requests| requests as _)
    }
}
