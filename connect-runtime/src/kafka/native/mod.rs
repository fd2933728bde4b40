//! Clients of our own, where `krafka` would take far more work per record.
//!
//! The native producer: a batch goes straight into Kafka's record batches, with no work per record but its encoding.
//!
//! Each partition has one encoded buffer that is filled while the one before is under way, and at most one batch under
//! way. Each broker has a lane, which is a task with a connection: it takes a batch of every partition that is ready,
//! and sends them in one request. What fails for now is sent again with the same bytes, to whoever leads then.
//!
//! Transactions need brokers whose feature `transaction.version` is 2 (KIP-890): with a produce request the broker itself
//! enters the partition, and every end of a transaction brings a new epoch. Below that `krafka` does them.
//!
//! The native consumer fetches by itself, and is a member of its group through `krafka`. Admin clients are those of
//! `krafka`. A producer or a consumer is native unless its settings say `client=krafka`, which a worker's configuration
//! writes `producer.client=krafka` or `consumer.client=krafka`, and that of a connector `producer.override.client=krafka`
//! or `consumer.override.client=krafka`.

mod batch;
mod cluster;
mod compression;
mod consumer;
mod decompression;
mod identity;
mod keeper;
mod lane;
mod outcome;
mod partition;
mod produce;
mod producer;
mod records;
mod settings;
mod settle;
mod state;
#[cfg(test)]
mod tests;
mod ticket;
mod topics;
mod transaction;
mod upkeep;

use std::sync::Arc;

use async_trait::async_trait;

use self::consumer::NativeConsumer;
use self::producer::NativeProducer;
use self::transaction::NativeTransactionalProducer;
use super::krafka::KrafkaClients;
use super::membership::{GroupMember, GroupSettings};
use super::net::{Connector, NetMember};
use super::properties::Reader;
use super::{Admin, Capabilities, ClientProperties, Consumer, Kafka, Producer, Result};

/// The key that chooses the client of a producer or a consumer. It is not one of Kafka's.
const CLIENT: &str = "client";

/// Makes clients: native producers and consumers, and those of the crate `krafka` where the settings say `client=krafka`
/// and for all else.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeClients;

impl NativeClients {
    /// The factory. It holds nothing: every call brings its own settings.
    pub fn new() -> Self {
        Self
    }
}

/// Reads whether a producer or a consumer is native, and the settings that are left for it.
fn choose(properties: &ClientProperties) -> Result<(bool, ClientProperties)> {
    let native = Reader::new(properties).choice(CLIENT, &[("krafka", false), ("native", true)])?;
    let mut rest = properties.clone();
    rest.remove(CLIENT);
    Ok((native.unwrap_or(true), rest))
}

#[async_trait]
impl Kafka for NativeClients {
    fn capabilities(&self) -> Capabilities {
        Capabilities { name: "native", append_time: true, ..KrafkaClients::new().capabilities() }
    }

    async fn producer(&self, properties: &ClientProperties) -> Result<Box<dyn Producer>> {
        let (native, properties) = choose(properties)?;
        if !native {
            return KrafkaClients::new().producer(&properties).await;
        }
        let mut reader = Reader::new(&properties);
        let settings = settings::read(&mut reader)?;
        let connector = Arc::new(Connector::read(&mut reader, settings.request_timeout).await?);
        reader.warn_about_unread("producer");
        let Some(id) = settings.transactional_id.clone() else {
            return Ok(Box::new(NativeProducer::connect(settings, connector).await?));
        };
        let producer = NativeProducer::connect(settings, Arc::clone(&connector)).await?;
        if producer.transaction_version < 2 {
            tracing::warn!(
                transactional_id = id,
                "the cluster's feature `transaction.version` is below 2, which the native producer needs for \
                 transactions: `krafka` takes over; raise it with `kafka-features.sh upgrade`"
            );
            return KrafkaClients::new().producer(&properties).await;
        }
        Ok(Box::new(NativeTransactionalProducer::new(id, producer, &connector)))
    }

    async fn consumer(&self, properties: &ClientProperties) -> Result<Box<dyn Consumer>> {
        let (native, properties) = choose(properties)?;
        if native {
            return Ok(Box::new(NativeConsumer::connect(&properties).await?));
        }
        KrafkaClients::new().consumer(&properties).await
    }

    async fn admin(&self, properties: &ClientProperties) -> Result<Box<dyn Admin>> {
        KrafkaClients::new().admin(properties).await
    }

    async fn group_member(
        &self,
        properties: &ClientProperties,
        settings: GroupSettings,
    ) -> Result<Box<dyn GroupMember>> {
        Ok(Box::new(NetMember::new(properties, settings).await?))
    }
}
