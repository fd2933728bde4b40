//! Fencing across workers: before a source task writes in transactions, the leader makes sure that no producer of an
//! earlier set of tasks can (KIP-618).

use std::sync::Arc;

use async_trait::async_trait;
use connect_api::{Error, Result};
use tokio::sync::{mpsc, oneshot};

use super::actor::Common;
use super::peers::{self, Peers};
use super::request::Request;
use crate::task::source::ProducerChecks;

/// What the producers of one set of tasks have to pass. All of them ask; the leader does it once.
pub(super) struct Fence {
    pub(super) common: Arc<Common>,
    pub(super) peers: Arc<dyn Peers>,
    pub(super) ask: mpsc::WeakSender<Request>,
    pub(super) connector: String,
    pub(super) generation: Option<u32>,
}

#[async_trait]
impl ProducerChecks for Fence {
    async fn before(&self) -> Result<()> {
        let seen = self.common.view.seen();
        if seen.leader {
            let ask = self.ask.upgrade().ok_or_else(|| Error::retriable("the worker is stopping"))?;
            let (reply, answer) = oneshot::channel();
            let asked = ask.send(Request::Fence { name: self.connector.clone(), reply }).await;
            let answer = match asked {
                Ok(()) => answer.await.ok(),
                Err(_) => None,
            };
            return match answer {
                Some(Ok(())) => Ok(()),
                Some(Err(error)) => {
                    Err(Error::retriable("fence the producers of earlier tasks").with_source(error))
                }
                None => Err(Error::retriable("the worker is stopping")),
            };
        }
        let leader = seen.leader_url.filter(|url| !url.is_empty());
        let leader = leader.ok_or_else(|| Error::retriable("the leader is not known yet"))?;
        let mut request = peers::fence(&leader, &self.connector);
        if seen.signed {
            let algorithm = &self.common.settings.inter_worker_signature_algorithm;
            request = peers::sign(request, &self.common.configs.snapshot(), algorithm)?;
        }
        let (status, body) = self.peers.send(request).await?;
        match status {
            200..300 => Ok(()),
            _ => Err(Error::retriable(format!(
                "the leader at {leader} did not fence the producers of earlier tasks: it answered {status}: {}",
                String::from_utf8_lossy(&body)
            ))),
        }
    }

    async fn after(&self) -> Result<()> {
        let config = self.common.configs.snapshot();
        if config.task_generation(&self.connector) == self.generation {
            return Ok(());
        }
        Err(Error::connect(format!(
            "Another task generation of connector {} was created while this task was starting",
            self.connector
        )))
    }
}
