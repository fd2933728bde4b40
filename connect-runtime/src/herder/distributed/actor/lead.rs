//! What is written to the config topic: by the leader itself, and for the others, who bring it to the leader.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use connect_api::config::Properties;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::Instant;

use super::{Actor, LONGEST_PAUSE, PAUSE, Retry};
use crate::error::{Error, Result};
use crate::herder::distributed::peers::{self, PeerRequest, Peers};
use crate::herder::supervisor::Proposal;
use crate::task::control::TargetState;
use crate::time::now_millis;
use crate::wire::config_topic::SessionKey;

/// The end of an attempt to have a connector's tasks written.
pub(super) struct Handed {
    connector: String,
    proposal: Proposal,
    failures: u32,
    done: Result<()>,
}

async fn bring(peers: &dyn Peers, request: PeerRequest) -> Result<()> {
    let url = request.url.clone();
    let (status, body) = peers.send(request).await?;
    match status {
        200..300 => Ok(()),
        _ => Err(Error::Conflict(format!("{url} answered {status}: {}", String::from_utf8_lossy(&body)))),
    }
}

impl Actor {
    pub(super) async fn retry(&mut self) {
        let now = Instant::now();
        let due: Vec<String> =
            self.retries.iter().filter(|(_, retry)| retry.at <= now).map(|(name, _)| name.clone()).collect();
        for connector in due {
            if let Some(retry) = self.retries.remove(&connector) {
                self.propose(connector, retry.proposal, retry.failures).await;
            }
        }
    }

    /// A connector of this worker has made its tasks: if they are new, they have to be written.
    pub(super) async fn propose(&mut self, connector: String, proposal: Proposal, failures: u32) {
        self.retries.remove(&connector);
        let config = self.common.configs.snapshot();
        let stale = config.connector(&connector).is_none_or(|known| **known != proposal.config);
        if stale
            || !self.work.connectors.contains(&connector)
            || config.target(&connector) != TargetState::Started
        {
            return;
        }
        let same = !config.is_inconsistent(&connector)
            && config.applied(&connector) == Some(&proposal.config)
            && config.tasks(&connector).into_iter().eq(&proposal.configs);
        if same {
            return;
        }
        if self.common.view.seen().leader {
            let written = self.write_tasks(&connector, &proposal.configs).await;
            self.handed_over(Handed { connector, proposal, failures, done: written });
            return;
        }
        if let Some(next) = self.in_hand.get_mut(&connector) {
            // Two at a time could arrive in either order.
            *next = Some(proposal);
            return;
        }
        self.in_hand.insert(connector.clone(), None);
        let request = self.request(&connector, &proposal);
        let peers = Arc::clone(&self.peers);
        // Whoever leads may be frozen: this worker goes on meanwhile.
        self.handing.spawn(async move {
            let done = async { bring(&*peers, request?).await };
            let done = done.await;
            Handed { connector, proposal, failures, done }
        });
    }

    pub(super) fn handed_over(&mut self, handed: Handed) {
        let Handed { connector, proposal, failures, done } = handed;
        let next = self.in_hand.remove(&connector).flatten();
        let retry = match (next, done) {
            (Some(proposal), _) => Retry { at: Instant::now(), failures: 0, proposal },
            (None, Ok(())) => return,
            (None, Err(error)) => {
                let pause =
                    PAUSE.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
                tracing::warn!(connector, %error, ?pause, "the tasks of a connector could not be written and are tried again");
                Retry { at: Instant::now() + pause, failures: failures + 1, proposal }
            }
        };
        self.retries.insert(connector, retry);
    }

    /// The request that brings the tasks to the leader.
    fn request(&self, connector: &str, proposal: &Proposal) -> Result<PeerRequest> {
        let seen = self.common.view.seen();
        let leader = seen.leader_url.filter(|url| !url.is_empty());
        let leader = leader.ok_or_else(|| Error::Conflict("the leader is not known yet".to_owned()))?;
        let request = peers::put_tasks(&leader, connector, &proposal.configs)?;
        if !seen.signed {
            return Ok(request);
        }
        let algorithm = &self.common.settings.inter_worker_signature_algorithm;
        Ok(peers::sign(request, &self.common.configs.snapshot(), algorithm)?)
    }

    /// Leader only.
    pub(in super::super) async fn write_tasks(
        &mut self,
        connector: &str,
        configs: &[Properties],
    ) -> Result<()> {
        self.claim().await?;
        let written = self.common.configs.put_tasks(connector, configs).await;
        self.wrote(written)
    }

    /// Takes the right to write from the leader before, once.
    pub(in super::super) async fn claim(&mut self) -> Result<()> {
        if self.must_claim {
            self.common.configs.claim_write_privileges().await?;
            self.must_claim = false;
        }
        Ok(())
    }

    /// After a failed write the right has to be claimed again.
    pub(in super::super) fn wrote(&mut self, written: connect_api::Result<()>) -> Result<()> {
        if written.is_err() {
            self.must_claim = true;
        }
        written.map_err(Error::from)
    }

    /// Gives the group a key where it has none, or an old one.
    pub(super) async fn rotate_key(&mut self) {
        self.rotate_at = None;
        let common = Arc::clone(&self.common);
        if !self.leads || !common.view.lock().signed {
            return;
        }
        let settings = &common.settings;
        let (ttl, algorithm) =
            (settings.inter_worker_key_ttl, &settings.inter_worker_key_generation_algorithm);
        let size =
            settings.inter_worker_key_size.and_then(|bits| usize::try_from(bits / 8).ok()).unwrap_or(32);
        let known = common.configs.snapshot().session_key.clone();
        let usable = known.filter(|key| {
            let length =
                base64::engine::general_purpose::STANDARD.decode(&key.key).map_or(0, |key| key.len());
            key.algorithm == *algorithm && length == size
        });
        let age = usable.map(|key| {
            Duration::from_millis(
                u64::try_from(now_millis().saturating_sub(key.creation_timestamp)).unwrap_or_default(),
            )
        });
        if let Some(age) = age
            && (ttl.is_zero() || age < ttl)
        {
            self.rotate_at = (!ttl.is_zero()).then(|| Instant::now() + (ttl - age));
            return;
        }
        let mut key = vec![0; size];
        if SystemRandom::new().fill(&mut key).is_err() {
            tracing::error!("the system has no random numbers for a session key");
            return;
        }
        let key = SessionKey {
            key: base64::engine::general_purpose::STANDARD.encode(key),
            algorithm: algorithm.clone(),
            creation_timestamp: now_millis(),
        };
        let written = match self.claim().await {
            Ok(()) => {
                let written = common.configs.put_session_key(key).await;
                self.wrote(written)
            }
            Err(error) => Err(error),
        };
        let again = match written {
            Ok(()) => (!ttl.is_zero()).then_some(ttl),
            Err(error) => {
                tracing::warn!(%error, "a new session key could not be shared and is tried again");
                Some(PAUSE * 4)
            }
        };
        self.rotate_at = again.map(|after| Instant::now() + after);
    }

    /// The leader removes the statuses of what is not configured any more.
    pub(super) fn forget_deleted(&self) {
        let statuses = &self.common.worker.statuses;
        for key in statuses.keys() {
            match key.task {
                None if !self.config.contains(&key.connector) => statuses.remove(&key.connector),
                Some(task) if task >= self.config.committed_tasks(&key.connector) => {
                    statuses.remove_tasks(&key.connector, self.config.committed_tasks(&key.connector));
                }
                _ => {}
            }
        }
    }
}
