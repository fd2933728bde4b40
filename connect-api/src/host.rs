//! What a runtime implements behind the contexts. Hidden: connector authors use the contexts, and a method added
//! here is not a breaking change for them.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::config::Properties;
use crate::sink::{Offsets, SinkRecord, TopicPartition};
use crate::source::{SourceOffset, SourcePartition};
use crate::{Error, Result};

/// The bytes that a batch of sink records was made of, for those that turn out to be bad. Only the runtime knows
/// its shape.
pub struct RawBatch(pub Box<dyn Any + Send + Sync>);

impl fmt::Debug for RawBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawBatch")
    }
}

#[async_trait]
pub trait OffsetHost: Send + Sync {
    async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>>;
}

pub trait ConnectorHost: OffsetHost {
    fn request_task_reconfiguration(&self);
    fn raise_error(&self, error: Error);
}

pub trait TransactionRequests: Send + Sync {
    fn commit_batch(&self);
    fn commit_record(&self, partition: &SourcePartition, offset: &SourceOffset);
    fn abort_batch(&self);
    fn abort_record(&self, partition: &SourcePartition, offset: &SourceOffset);
}

#[async_trait]
pub trait SourceTaskHost: OffsetHost {
    async fn configs(&self) -> Result<Properties>;
    fn transactions(&self) -> Option<std::sync::Arc<dyn TransactionRequests>>;
}

#[async_trait]
pub trait SinkTaskHost: Send + Sync {
    async fn configs(&self) -> Result<Properties>;
    fn assignment(&self) -> Result<Vec<TopicPartition>>;
    fn offset(&self, offsets: &Offsets);
    fn timeout(&self, wait: Duration);
    fn pause(&self, partitions: &[TopicPartition]) -> Result<()>;
    fn resume(&self, partitions: &[TopicPartition]) -> Result<()>;
    fn request_commit(&self);
    fn has_reporter(&self) -> bool;
    /// Returns at once; the future of the report is kept by the host, awaited before `pre_commit`, and answered
    /// to the caller through the returned receiver.
    fn report(&self, record: &SinkRecord, error: Error) -> Result<crate::sink::Report>;
}
