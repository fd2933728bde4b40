//! One connector's own code: what it may ask of the runtime, and calls into it that never outlast a stop.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use connect_api::config::Properties;
use connect_api::host::{ConnectorHost, OffsetHost};
use connect_api::{Error, Result, SinkConnector, SourceConnector, SourceOffset, SourcePartition};
use tokio::sync::Notify;

use crate::storage::OffsetReader;

/// A started connector of either kind.
pub(crate) enum Connector {
    Source(Box<dyn SourceConnector>),
    Sink(Box<dyn SinkConnector>),
}

impl Connector {
    pub(crate) async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        match self {
            Self::Source(connector) => connector.task_configs(max_tasks).await,
            Self::Sink(connector) => connector.task_configs(max_tasks).await,
        }
    }

    pub(crate) async fn stop(&mut self) -> Result<()> {
        match self {
            Self::Source(connector) => connector.stop().await,
            Self::Sink(connector) => connector.stop().await,
        }
    }
}

/// What a connector told the runtime and nobody has looked at yet. Two flags, so nothing can pile up.
#[derive(Default)]
struct Signals {
    reconfigure: bool,
    error: Option<Error>,
}

/// The runtime's side of a connector's context.
pub(crate) struct Host {
    reader: OffsetReader,
    signals: Mutex<Signals>,
    notify: Notify,
}

/// Something a connector told the runtime.
pub(crate) enum Signal {
    Reconfigure,
    Failed(Error),
}

impl Host {
    pub(crate) fn new(reader: OffsetReader) -> Arc<Self> {
        Arc::new(Self { reader, signals: Mutex::default(), notify: Notify::new() })
    }

    /// The next signal; a failure before anything else. Cancel-safe.
    pub(crate) async fn signal(&self) -> Signal {
        loop {
            let notified = self.notify.notified();
            {
                let mut signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(error) = signals.error.take() {
                    return Signal::Failed(error);
                }
                if std::mem::take(&mut signals.reconfigure) {
                    return Signal::Reconfigure;
                }
            }
            notified.await;
        }
    }
}

#[async_trait]
impl OffsetHost for Host {
    async fn offsets(&self, partitions: &[SourcePartition]) -> Result<Vec<Option<SourceOffset>>> {
        self.reader.offsets(partitions).await
    }
}

impl ConnectorHost for Host {
    fn request_task_reconfiguration(&self) {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner).reconfigure = true;
        self.notify.notify_one();
    }

    fn raise_error(&self, error: Error) {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner).error.get_or_insert(error);
        self.notify.notify_one();
    }
}
