//! A producer with transactions.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use krafka::producer::{TransactionState, TransactionalProducer};
use krafka::{CloseOptions, KrafkaError};

use super::error::failed;
use super::producer::{builder, send};
use super::settings::ProducerSettings;
use super::{Producer, Result};
use crate::kafka::{Delivery, KafkaError, KafkaErrorKind, ProducerRecord};

/// How often an unknown outcome of a commit is asked for. Each attempt already waits up to `max.block.ms`.
const COMMIT_ATTEMPTS: usize = 5;

/// The client takes part in transactions from the moment it is built, so it is built by `init_transactions`.
pub(super) struct KrafkaTransactionalProducer {
    kafka: krafka::Kafka,
    settings: ProducerSettings,
    client: Option<TransactionalProducer>,
    transaction: Transaction,
}

/// The client's own transaction begins with the first record: a coordinator refuses to end one that it never heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    Empty,
    Begun,
}

impl KrafkaTransactionalProducer {
    pub(super) fn new(kafka: krafka::Kafka, settings: ProducerSettings) -> Self {
        Self { kafka, settings, client: None, transaction: Transaction::None }
    }

    fn id(&self) -> &str {
        self.settings.transactional_id.as_deref().unwrap_or_default()
    }

    fn client(&self) -> Result<&TransactionalProducer> {
        self.client.as_ref().ok_or_else(|| {
            let id = self.id();
            KafkaError::new(
                KafkaErrorKind::Other,
                format!("the transactions of `{id}` are not initialized yet"),
            )
        })
    }

    /// After the client gave up it only says that its state is wrong; what makes it give up is a newer producer.
    fn failed(&self, tried: &str, error: KrafkaError) -> KafkaError {
        let tried = format!("{tried} of `{}`", self.id());
        let gave_up = self.client.as_ref().is_some_and(|client| client.state() == TransactionState::Fatal);
        match error {
            KrafkaError::IllegalState { .. } if gave_up => {
                KafkaError::new(KafkaErrorKind::Fenced, tried).with_source(error)
            }
            error => failed(tried, error),
        }
    }
}

#[async_trait]
impl Producer for KrafkaTransactionalProducer {
    async fn send(&mut self, batch: Arc<Vec<ProducerRecord>>, positions: bool) -> Result<Delivery> {
        let client = self.client()?;
        if self.transaction == Transaction::None {
            return Err(KafkaError::new(
                KafkaErrorKind::Other,
                "there is no transaction to write records in",
            ));
        }
        // It is open already when the client took nothing of an earlier batch.
        if self.transaction == Transaction::Empty && client.state() != TransactionState::Open {
            client.begin().map_err(|error| self.failed("beginning a transaction", error))?;
        }
        let sent = send(client, batch, positions).await?;
        if sent.any {
            self.transaction = Transaction::Begun;
        }
        Ok(sent.delivery)
    }

    async fn flush(&mut self) -> Result<()> {
        match &self.client {
            None => Ok(()),
            Some(client) => client.flush().await.map_err(|error| failed("flushing the producer", error)),
        }
    }

    async fn init_transactions(&mut self) -> Result<()> {
        if self.client.is_some() {
            return Ok(());
        }
        let mut builder = builder(&self.kafka, &self.settings);
        if let Some(timeout) = self.settings.transaction_timeout {
            builder = builder.transaction_timeout(timeout);
        }
        let client = builder.build_transactional(self.id()).await;
        let client = client.map_err(|error| {
            failed(format_args!("initializing the transactions of `{}`", self.id()), error)
        })?;
        if !client.transaction_version().is_v2() {
            tracing::warn!(
                transactional_id = self.id(),
                "the cluster's feature `transaction.version` is below 2: with access control its brokers may refuse \
                 to add partitions to transactions; raise it with `kafka-features.sh upgrade`"
            );
        }
        self.client = Some(client);
        Ok(())
    }

    async fn begin_transaction(&mut self) -> Result<()> {
        if self.client()?.state() == TransactionState::Fatal {
            let message = format!("beginning a transaction of `{}`: a newer producer took over", self.id());
            return Err(KafkaError::new(KafkaErrorKind::Fenced, message));
        }
        if self.transaction != Transaction::None {
            let message = format!("a transaction of `{}` is open already", self.id());
            return Err(KafkaError::new(KafkaErrorKind::Other, message));
        }
        self.transaction = Transaction::Empty;
        Ok(())
    }

    async fn commit_transaction(&mut self) -> Result<()> {
        let client = self.client()?;
        match self.transaction {
            Transaction::None => {
                let message = format!("there is no transaction of `{}` to commit", self.id());
                return Err(KafkaError::new(KafkaErrorKind::Other, message));
            }
            Transaction::Empty => {
                self.transaction = Transaction::None;
                return Ok(());
            }
            Transaction::Begun => {}
        }
        let mut attempt = 1;
        loop {
            let Err(error) = client.commit().await else {
                self.transaction = Transaction::None;
                return Ok(());
            };
            // The coordinator may have committed: aborting now could hit a later transaction, asking again is safe.
            let unknown = client.state() == TransactionState::CommitUnknown;
            if unknown && attempt < COMMIT_ATTEMPTS {
                attempt += 1;
                continue;
            }
            if unknown {
                let tried =
                    "committing, with an unknown outcome that only a new producer can settle, a transaction";
                return Err(self.failed(tried, error).with_retriable(false));
            }
            return Err(self.failed("committing a transaction", error));
        }
    }

    async fn abort_transaction(&mut self) -> Result<()> {
        let client = self.client()?;
        if self.transaction == Transaction::Begun && client.state() != TransactionState::Ready {
            client.abort().await.map_err(|error| self.failed("aborting a transaction", error))?;
        }
        self.transaction = Transaction::None;
        Ok(())
    }

    async fn close(self: Box<Self>, timeout: Duration) -> Result<()> {
        let Some(client) = &self.client else { return Ok(()) };
        let closed = client.close_with(CloseOptions::new().timeout(timeout)).await;
        closed.map_err(|error| failed(format_args!("closing the producer of `{}`", self.id()), error))
    }
}
