//! What callers want of a worker in a cluster, done by its actor in order. What only the leader can do is sent to the
//! leader.

use connect_api::config::Properties;
use tokio::sync::oneshot;

use super::actor::Actor;
use crate::error::{Error, Result};
use crate::herder::{Abandoned, Restart};
use crate::task::control::TargetState;

pub(super) type Reply<T = ()> = oneshot::Sender<Result<T>>;

pub(super) enum Request {
    /// Answers whether it is new.
    Put {
        name: String,
        config: Properties,
        state: Option<TargetState>,
        replace: bool,
        reply: Reply<bool>,
    },
    Delete {
        name: String,
        reply: Reply,
    },
    Target {
        name: String,
        state: TargetState,
        reply: Reply,
    },
    Restart {
        name: String,
        what: Restart,
        reply: Reply,
    },
    RestartTask {
        name: String,
        task: usize,
        reply: Reply,
    },
    PutTasks {
        name: String,
        configs: Vec<Properties>,
        reply: Reply,
    },
    Fence {
        name: String,
        reply: Reply,
    },
    /// Whether this worker may alter the offsets of a connector.
    MayAlterOffsets {
        name: String,
        reply: Reply,
    },
    Stop(oneshot::Sender<Vec<Abandoned>>),
}

pub(super) fn not_found(name: &str) -> Error {
    Error::NotFound(format!("Connector {name} not found"))
}

impl Actor {
    /// Does what a caller wants. Nobody may be waiting for the answer any more.
    pub(super) async fn answer(&mut self, request: Request) {
        match request {
            Request::Put { name, config, state, replace, reply } => {
                let _ = reply.send(self.put(&name, config, state, replace).await);
            }
            Request::Delete { name, reply } => {
                let _ = reply.send(self.delete(&name).await);
            }
            Request::Target { name, state, reply } => {
                let _ = reply.send(self.set_target(&name, state).await);
            }
            Request::Restart { name, what, reply } => {
                let _ = reply.send(self.ask_for_restart(&name, what).await);
            }
            Request::RestartTask { name, task, reply } => {
                let _ = reply.send(self.restart_task_wherever(&name, task).await);
            }
            Request::PutTasks { name, configs, reply } => {
                let _ = reply.send(self.take_tasks(&name, &configs).await);
            }
            Request::Fence { name, reply } => {
                let _ = reply.send(self.fence(&name).await);
            }
            Request::MayAlterOffsets { name, reply } => {
                let _ = reply.send(self.may_alter_offsets(&name).await);
            }
            // The loop itself looks after this one.
            Request::Stop(reply) => drop(reply),
        }
    }

    /// Leader of a group that stays as it is, with everything read that was written.
    async fn lead(&self, message: &str) -> Result<()> {
        let seen = self.common.view.seen();
        seen.must_be_settled()?;
        seen.must_lead(message)?;
        self.common.configs.refresh(std::time::Duration::from_secs(30)).await?;
        Ok(())
    }

    fn must_exist(&self, name: &str) -> Result<()> {
        if self.common.configs.snapshot().contains(name) { Ok(()) } else { Err(not_found(name)) }
    }

    async fn put(
        &mut self,
        name: &str,
        config: Properties,
        state: Option<TargetState>,
        replace: bool,
    ) -> Result<bool> {
        self.lead("Only the leader can set connector configs.").await?;
        let exists = self.common.configs.snapshot().contains(name);
        if exists && !replace {
            return Err(Error::Conflict(format!("Connector {name} already exists")));
        }
        self.claim().await?;
        let written = self.common.configs.put_connector(name, config, state).await;
        self.wrote(written)?;
        Ok(!exists)
    }

    async fn delete(&mut self, name: &str) -> Result<()> {
        self.lead("Only the leader can delete connector configs.").await?;
        self.must_exist(name)?;
        self.claim().await?;
        let written = self.common.configs.remove_connector(name).await;
        self.wrote(written)
    }

    async fn set_target(&mut self, name: &str, state: TargetState) -> Result<()> {
        if state == TargetState::Stopped {
            self.lead("Only the leader can transition connectors to the STOPPED state.").await?;
            self.must_exist(name)?;
            // Without tasks first: a worker that does not know the state pauses what is left, and nothing is.
            self.write_tasks(name, &[]).await?;
        } else {
            self.must_exist(name)?;
        }
        self.common.configs.put_target_state(name, state).await?;
        Ok(())
    }

    async fn ask_for_restart(&mut self, name: &str, what: Restart) -> Result<()> {
        self.lead("Only the leader can process restart requests.").await?;
        self.must_exist(name)?;
        self.claim().await?;
        let written = self.common.configs.put_restart(name, what.include_tasks, what.only_failed).await;
        self.wrote(written)
    }

    async fn restart_task_wherever(&mut self, name: &str, task: usize) -> Result<()> {
        let seen = self.common.view.seen();
        seen.must_be_settled()?;
        let config = self.common.configs.snapshot();
        if !config.contains(name) {
            return Err(Error::NotFound(format!("Unknown connector: {name}")));
        }
        if task >= config.task_count(name) {
            return Err(Error::NotFound(format!("Unknown task: {name}-{task}")));
        }
        if self.restart_task(name, task).await {
            return Ok(());
        }
        let message = "Cannot restart task since it is not assigned to this member".to_owned();
        let owner = seen.owners.get(&(name.to_owned(), Some(task))).cloned();
        let forward_url = if seen.leader { owner } else { seen.leader_url };
        Err(Error::RequestTarget { message, forward_url })
    }

    async fn take_tasks(&mut self, name: &str, configs: &[Properties]) -> Result<()> {
        self.common.view.seen().must_lead("Only the leader may write task configurations.")?;
        self.must_exist(name)?;
        self.write_tasks(name, configs).await
    }

    /// Fences the producers of a connector's former tasks, so that its new ones may write (spec 6.8).
    async fn fence(&mut self, name: &str) -> Result<()> {
        self.common.view.seen().must_lead("Only the leader can fence zombie source tasks.")?;
        self.common.configs.refresh(std::time::Duration::from_secs(30)).await?;
        let config = self.common.configs.snapshot();
        let properties = config.connector(name).ok_or_else(|| not_found(name))?;
        if self.common.worker.is_sink(properties)? {
            return Err(Error::BadRequest(format!("Connector {name} is not a source connector")));
        }
        if !config.is_pending_fencing(name) {
            return Ok(());
        }
        let count = i64::try_from(config.committed_tasks(name)).unwrap_or(i64::MAX);
        if let Some(record) = config.task_count_record(name)
            && !(record == 1 && count == 1)
        {
            let worker = &self.common.worker;
            let tasks = 0..usize::try_from(record).unwrap_or_default();
            let ids: Vec<String> = tasks
                .map(|task| crate::config::clients::transactional_id(&worker.config, name, task))
                .collect();
            let settings = crate::config::clients::admin(&worker.config, name, properties, None)?;
            let fenced = async {
                let admin = worker.kafka.admin(&settings.properties).await?;
                admin.fence_producers(&ids).await
            };
            fenced.await.map_err(|error| Error::kafka("fence the producers of former tasks", error))?;
        }
        tracing::info!(connector = name, tasks = count, "the producers of former tasks are fenced");
        self.claim().await?;
        let written = self.common.configs.put_task_count_record(name, count).await;
        self.wrote(written)
    }

    async fn may_alter_offsets(&mut self, name: &str) -> Result<()> {
        self.lead("Only the leader can process offset modification requests").await?;
        let config = self.common.configs.snapshot();
        if !config.contains(name) {
            return Err(not_found(name));
        }
        if config.target(name) != TargetState::Stopped || config.task_count(name) > 0 {
            return Err(Error::BadRequest(format!(
                "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for \
                 the specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
            )));
        }
        Ok(())
    }
}
