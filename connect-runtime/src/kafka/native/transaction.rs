//! Transactions of version 2 (KIP-890): brokers enter partitions by themselves, each end brings a new epoch.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::identity::{InitProducerId, Initialized};
use super::producer::NativeProducer;
use super::records::Identity;
use crate::kafka::net::{Code, Connector, Coordinator, CoordinatorOf, Decoder, Encoder, Request, again};
use crate::kafka::{Delivery, KafkaError, KafkaErrorKind, Producer, ProducerRecord, Result};

/// Ends a transaction.
#[derive(Debug)]
struct EndTxn<'a> {
    transactional_id: &'a str,
    identity: Identity,
    committed: bool,
}

impl Request for EndTxn<'_> {
    const KEY: i16 = 26;
    const NAME: &'static str = "EndTxn";
    const OLDEST: i16 = 5;
    const NEWEST: i16 = 5;
    const FLEXIBLE: i16 = 3;
    const SINCE: &'static str = "4.0";
    type Response = Initialized;

    fn encode(&self, _: i16, to: &mut Encoder) {
        to.string(self.transactional_id);
        to.i64(self.identity.id);
        to.i16(self.identity.epoch);
        to.bool(self.committed);
        to.no_tags();
    }

    fn decode(_: i16, from: &mut Decoder<'_>) -> Result<Initialized> {
        from.i32()?;
        let code = Code(from.i16()?);
        Ok(Initialized { code, identity: Identity { id: from.i64()?, epoch: from.i16()? } })
    }
}

/// A producer with transactions.
#[derive(Debug)]
pub(super) struct NativeTransactionalProducer {
    id: String,
    producer: NativeProducer,
    coordinator: Coordinator,
    open: bool,
}

impl NativeTransactionalProducer {
    pub(super) fn new(id: String, producer: NativeProducer, connector: &Arc<Connector>) -> Self {
        let servers = producer.shared.settings.servers.clone();
        let coordinator = Coordinator::new(connector, servers, CoordinatorOf::Transactions, &id);
        Self { id, producer, coordinator, open: false }
    }

    fn error(&self, kind: KafkaErrorKind, what: &str) -> KafkaError {
        KafkaError::new(kind, format!("{what} of `{}`", self.id))
    }

    /// Nothing works any more after a newer producer took over.
    fn check(&self, tried: &str) -> Result<()> {
        let state = self.producer.shared.lock();
        if let Some(fatal) = &state.fatal {
            return Err(again(fatal));
        }
        if state.identity.is_some() {
            return Ok(());
        }
        Err(self.error(KafkaErrorKind::Other, &format!("{tried}: nobody has initialized the transactions")))
    }

    /// Asks the coordinator until it answers, as long as a call may block.
    async fn ask<R: Request<Response = Initialized>>(
        &mut self,
        request: &R,
        tried: &str,
    ) -> Result<Identity> {
        let settings = &self.producer.shared.settings;
        let deadline = Instant::now() + settings.max_block;
        let mut failures = 0;
        loop {
            let error = match self.coordinator.call(request).await {
                Ok(answer) if answer.code.is_ok() => return Ok(answer.identity),
                Ok(answer) => {
                    if answer.code.is_about_coordinators() {
                        self.coordinator.forget();
                    }
                    answer.code.failed(format_args!("{tried} of `{}`", self.id), None)
                }
                Err(error) => error,
            };
            if error.kind() == KafkaErrorKind::Fenced {
                self.producer.shared.lock().fatal = Some(again(&error));
            }
            failures += 1;
            let pause = settings.retry_backoff.after(failures);
            if !error.is_retriable() || Instant::now() + pause >= deadline {
                return Err(error);
            }
            sleep(pause).await;
        }
    }

    async fn end(&mut self, committed: bool) -> Result<()> {
        let identity = self.producer.shared.lock().identity;
        let id = self.id.clone();
        let request = EndTxn { transactional_id: &id, identity, committed };
        let tried = if committed { "committing a transaction" } else { "aborting a transaction" };
        let next = self.ask(&request, tried).await.map_err(|error| {
            if !error.is_retriable() || !committed {
                return error;
            }
            // It may be committed: only a new producer, which initializes the transactions anew, can tell.
            let message =
                format!("{tried} of `{id}`, with an unknown outcome that only a new producer can settle");
            let error = KafkaError::new(error.kind(), message).with_source(error).with_retriable(false);
            self.producer.shared.lock().fatal = Some(again(&error));
            error
        })?;
        let mut state = self.producer.shared.lock();
        if next.is_some() {
            state.identity = next;
        }
        state.wrote = false;
        Ok(())
    }
}

#[async_trait]
impl Producer for NativeTransactionalProducer {
    async fn send(&mut self, batch: Arc<Vec<ProducerRecord>>, positions: bool) -> Result<Delivery> {
        self.check("writing records")?;
        if !self.open {
            return Err(self.error(KafkaErrorKind::Other, "there is no transaction to write records in,"));
        }
        self.producer.send(batch, positions).await
    }

    async fn flush(&mut self) -> Result<()> {
        self.producer.flush().await
    }

    async fn init_transactions(&mut self) -> Result<()> {
        if self.producer.shared.lock().identity.is_some() {
            return Ok(());
        }
        let timeout = self.producer.shared.settings.transaction_timeout;
        let id = self.id.clone();
        let request = InitProducerId {
            transactional_id: Some(&id),
            transaction_timeout_millis: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
            identity: Identity::NONE,
        };
        let identity = self.ask(&request, "initializing the transactions").await?;
        self.producer.shared.lock().identity = identity;
        Ok(())
    }

    async fn begin_transaction(&mut self) -> Result<()> {
        self.check("beginning a transaction")?;
        if self.open {
            return Err(self.error(KafkaErrorKind::Other, "a transaction is open already:"));
        }
        let mut state = self.producer.shared.lock();
        state.failure = None;
        self.open = true;
        Ok(())
    }

    async fn commit_transaction(&mut self) -> Result<()> {
        if !self.open {
            return Err(self.error(KafkaErrorKind::Other, "there is no transaction to commit,"));
        }
        self.producer.flush().await?;
        self.check("committing a transaction")?;
        let (failure, wrote) = {
            let state = self.producer.shared.lock();
            (state.failure.as_ref().map(again), state.wrote)
        };
        if let Some(failure) = failure {
            let error = self
                .error(KafkaErrorKind::TransactionAborted, "a record could not be written in a transaction");
            return Err(error.with_source(failure));
        }
        if wrote {
            self.end(true).await?;
        }
        self.open = false;
        Ok(())
    }

    async fn abort_transaction(&mut self) -> Result<()> {
        self.check("aborting a transaction")?;
        if !self.open {
            return Ok(());
        }
        let aborted = self
            .error(KafkaErrorKind::TransactionAborted, "not written, because of the abort of a transaction");
        {
            let mut state = self.producer.shared.lock();
            state.fail_all(&aborted);
        }
        // What is under way belongs to the transaction as well: it must be over before the end is asked for.
        self.producer.flush().await?;
        if self.producer.shared.lock().wrote {
            self.end(false).await?;
        }
        self.producer.shared.lock().failure = None;
        self.open = false;
        Ok(())
    }

    async fn close(self: Box<Self>, timeout: Duration) -> Result<()> {
        Box::new(self.producer).close(timeout).await
    }
}
