//! Fencing for a worker without a group: before the tasks of a connector start, no producer of an earlier set of tasks
//! may be able to write any more, in this process or in one that was believed dead.
//!
//! In a group the leader does it, and knows how many tasks there were (KIP-618). Here nobody remembers that over a
//! restart of the process; `tasks.max` is the most there can have been.

use std::sync::Arc;

use async_trait::async_trait;
use connect_api::config::Properties;
use connect_api::plugins::ConnectorPlugin;
use connect_api::{Error, Result};
use tokio::sync::OnceCell;

use super::Worker;
use crate::config::{self, clients};
use crate::kafka::{ClientProperties, Kafka};
use crate::task::source::ProducerChecks;

/// Fences once, whichever task comes first; the others wait for it.
struct Fence {
    kafka: Arc<dyn Kafka>,
    admin: ClientProperties,
    connector: String,
    ids: Vec<String>,
    done: OnceCell<()>,
}

impl Fence {
    async fn run(&self) -> Result<()> {
        let fence = async { self.kafka.admin(&self.admin).await?.fence_producers(&self.ids).await };
        fence.await.map_err(|error| {
            let retriable = error.is_retriable();
            let error = Error::connect("fence the producers of earlier tasks")
                .with("connector", &self.connector)
                .with_source(error);
            if retriable { error.into_retriable() } else { error }
        })?;
        tracing::debug!(connector = self.connector, ids = ?self.ids, "fenced the producers of earlier tasks");
        Ok(())
    }
}

#[async_trait]
impl ProducerChecks for Fence {
    async fn before(&self) -> Result<()> {
        self.done.get_or_try_init(|| self.run()).await.copied()
    }

    async fn after(&self) -> Result<()> {
        Ok(())
    }
}

impl Worker {
    /// What a new set of tasks of a connector has to pass, where it writes exactly once. `earlier`: how many tasks it
    /// had before.
    pub(crate) fn fence(
        &self,
        name: &str,
        connector: &Properties,
        earlier: usize,
    ) -> Result<Option<Arc<dyn ProducerChecks>>> {
        if self.config.exactly_once().is_none()
            || !matches!(self.plugin(connector)?, ConnectorPlugin::Source(_))
        {
            return Ok(None);
        }
        let tasks = self.tasks_max(connector)?.tasks.max(earlier);
        Ok(Some(Arc::new(Fence {
            kafka: Arc::clone(&self.kafka),
            admin: clients::admin(&self.config, name, connector, None)?.properties,
            connector: name.to_owned(),
            ids: (0..tasks).map(|task| config::clients::transactional_id(&self.config, name, task)).collect(),
            done: OnceCell::new(),
        })))
    }
}
