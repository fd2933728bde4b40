//! Makes the producer of a source task, and with it what is promised about delivery.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connect_api::{Result, Str};

use super::at_least_once::AtLeastOnce;
use super::exactly_once::{Boundary, ExactlyOnce};
use super::guarantee::Guarantee;
use super::offsets::OffsetCommits;
use super::requests::Requests;
use super::topics::TopicCreator;
use super::writer::Writer;
use crate::config::TransactionBoundary;
use crate::kafka::{ClientProperties, Kafka, Producer};
use crate::pipeline::LetterQueue;
use crate::storage::OffsetBackingStore;
use crate::task::control::Control;
use crate::task::{TaskCommon, try_again, try_later};

/// What has to be so around the start of a transactional producer. A retriable error is tried again, any other fails
/// the task.
#[async_trait]
pub(crate) trait ProducerChecks: Send + Sync {
    /// Before there is a producer: no producer of an earlier set of tasks may be able to write any more.
    async fn before(&self) -> Result<()>;

    /// When the producer has taken over its transactional id: this task is still wanted.
    async fn after(&self) -> Result<()>;
}

/// What an exactly-once task has beyond others.
pub(crate) struct ExactlyOnceSpec {
    /// Where its offsets are written.
    pub(crate) offsets_topic: Str,
    /// Where they are copied to.
    pub(crate) copy: Option<Arc<dyn OffsetBackingStore>>,
    pub(crate) boundary: TransactionBoundary,
    /// How long a transaction lasts under [`TransactionBoundary::Interval`].
    pub(crate) interval: Duration,
    pub(crate) checks: Option<Arc<dyn ProducerChecks>>,
}

/// A producer that is ready, and what it needs to become a guarantee when the task has started.
pub(super) enum Ready {
    AtLeastOnce(Box<dyn Producer>),
    ExactlyOnce { producer: Box<dyn Producer>, spec: ExactlyOnceSpec, requests: Option<Arc<Requests>> },
}

/// Makes the producer. `None`: the task was told to stop meanwhile.
pub(super) async fn producer(
    kafka: &dyn Kafka,
    properties: &ClientProperties,
    exactly_once: Option<ExactlyOnceSpec>,
    control: &mut Control,
) -> Result<Option<Ready>> {
    if let Some(checks) = exactly_once.as_ref().and_then(|spec| spec.checks.clone())
        && !checked(control, "fence the producers of earlier tasks", || checks.before()).await?
    {
        return Ok(None);
    }
    let Some(mut producer) = make(kafka, properties, control).await? else { return Ok(None) };
    let Some(spec) = exactly_once else { return Ok(Some(Ready::AtLeastOnce(producer))) };
    loop {
        let initialized = tokio::select! {
            biased;
            initialized = producer.init_transactions() => initialized,
            () = control.stopped() => return Ok(None),
        };
        match initialized {
            Ok(()) => break,
            Err(error) => {
                if !try_later(control, "initialize the transactions of the producer", error).await? {
                    return Ok(None);
                }
            }
        }
    }
    if let Some(checks) = spec.checks.clone()
        && !checked(control, "see whether the task is still wanted", || checks.after()).await?
    {
        return Ok(None);
    }
    let requests = (spec.boundary == TransactionBoundary::Connector).then(Arc::default);
    Ok(Some(Ready::ExactlyOnce { producer, spec, requests }))
}

async fn make(
    kafka: &dyn Kafka,
    properties: &ClientProperties,
    control: &mut Control,
) -> Result<Option<Box<dyn Producer>>> {
    loop {
        let made = tokio::select! {
            biased;
            made = kafka.producer(properties) => made,
            () = control.stopped() => return Ok(None),
        };
        match made {
            Ok(producer) => return Ok(Some(producer)),
            Err(error) => {
                if !try_later(control, "make the producer", error).await? {
                    return Ok(None);
                }
            }
        }
    }
}

/// Makes a call until it succeeds. `false`: the task was told to stop meanwhile.
pub(super) async fn checked<'a>(
    control: &mut Control,
    doing: &'static str,
    check: impl Fn() -> futures::future::BoxFuture<'a, Result<()>>,
) -> Result<bool> {
    loop {
        let result = tokio::select! {
            biased;
            result = check() => result,
            () = control.stopped() => return Ok(false),
        };
        match result {
            Ok(()) => return Ok(true),
            Err(error) => {
                if !try_again(control, doing, error).await? {
                    return Ok(false);
                }
            }
        }
    }
}

impl Ready {
    /// What the task may ask for with `transaction.boundary=connector`.
    pub(super) fn requests(&self) -> Option<Arc<Requests>> {
        match self {
            Self::AtLeastOnce(_) => None,
            Self::ExactlyOnce { requests, .. } => requests.clone(),
        }
    }

    /// The guarantee. `hooks`: the task wants to hear of each record.
    pub(super) fn guarantee(
        self,
        common: &TaskCommon,
        topics: Option<TopicCreator>,
        hooks: bool,
        store: Arc<dyn OffsetBackingStore>,
        letters: Option<Arc<LetterQueue>>,
    ) -> Box<dyn Guarantee> {
        match self {
            Self::AtLeastOnce(producer) => {
                let offsets = OffsetCommits::new(
                    Arc::clone(&common.id.connector),
                    store,
                    common.offset_flush_interval,
                    common.offset_flush_timeout,
                    Arc::clone(&common.counters),
                );
                Box::new(AtLeastOnce::new(common, producer, topics, hooks, offsets))
            }
            Self::ExactlyOnce { producer, spec, requests } => {
                let writer = Writer { producer, topics, positions: hooks, open: false };
                let boundary = match (spec.boundary, requests) {
                    (TransactionBoundary::Connector, Some(requests)) => Boundary::Connector(requests),
                    (TransactionBoundary::Interval, _) => Boundary::Interval(spec.interval),
                    _ => Boundary::Poll,
                };
                Box::new(ExactlyOnce::new(common, writer, boundary, spec.offsets_topic, spec.copy, letters))
            }
        }
    }
}
