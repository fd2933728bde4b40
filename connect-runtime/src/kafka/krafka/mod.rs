//! The `krafka` implementation: the default one, with every capability.
//!
//! Every producer, consumer and admin client has connections of its own: on shared ones a consumer that waits for
//! records holds up the others.

mod admin;
mod consumer;
mod error;
mod fence;
mod headers;
#[cfg_attr(not(feature = "native"), expect(dead_code, reason = "the native consumer is a member through it"))]
mod membership;
mod positions;
mod producer;
mod reading;
mod rebalance;
mod security;
mod settings;
mod subscription;
mod transaction;

use async_trait::async_trait;

#[cfg(feature = "native")]
pub(in crate::kafka) use membership::{Committed, Membership};
#[cfg(feature = "native")]
pub(in crate::kafka) use settings::ConsumerSettings;

use super::properties::Reader;
use super::{Admin, Capabilities, ClientProperties, Consumer, Kafka, Producer, Result};

/// Makes clients of the `krafka` crate.
#[derive(Clone, Copy, Debug, Default)]
pub struct KrafkaClients;

impl KrafkaClients {
    /// The factory. It holds nothing: every call brings its own settings.
    pub fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Kafka for KrafkaClients {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "krafka",
            groups: true,
            transactions: true,
            idempotence: true,
            exact_headers: true,
            reads_past_markers: true,
            topic_configs: true,
            group_admin: true,
            security: true,
            append_time: false,
        }
    }

    async fn producer(&self, properties: &ClientProperties) -> Result<Box<dyn Producer>> {
        let mut reader = Reader::new(properties);
        let settings = settings::producer(&mut reader)?;
        let connection = settings::connection(&mut reader, settings.connection_limits()).await?;
        reader.warn_about_unread("producer");
        let kafka = connection.connect().await?;
        if settings.transactional_id.is_some() {
            return Ok(Box::new(transaction::KrafkaTransactionalProducer::new(kafka, settings)));
        }
        Ok(Box::new(producer::KrafkaProducer::new(&kafka, &settings).await?))
    }

    async fn consumer(&self, properties: &ClientProperties) -> Result<Box<dyn Consumer>> {
        let mut reader = Reader::new(properties);
        let settings = settings::consumer(&mut reader)?;
        let connection = settings::connection(&mut reader, settings.connection_limits()).await?;
        reader.warn_about_unread("consumer");
        let metadata_max_age = connection.metadata_max_age;
        let kafka = connection.connect().await?;
        Ok(Box::new(consumer::KrafkaConsumer::new(kafka, settings, metadata_max_age)))
    }

    async fn admin(&self, properties: &ClientProperties) -> Result<Box<dyn Admin>> {
        let mut reader = Reader::new(properties);
        let timeout = settings::api_timeout(&mut reader)?;
        let connection = settings::connection(&mut reader, settings::ConnectionLimits::default()).await?;
        reader.warn_about_unread("admin client");
        let kafka = connection.connect().await?;
        Ok(Box::new(admin::KrafkaAdmin::new(kafka, timeout)))
    }
}
