//! The `rskafka` implementation: batches cost it little, and its limits are declared.
//!
//! It has no groups, transactions or idempotence. Header keys come out sorted, each once; a record with a repeated key
//! or a null value is refused. A partition that holds transaction markers cannot be read.

mod admin;
mod consumer;
mod error;
mod lane;
mod producer;
mod settings;
mod sticky;

use std::sync::Arc;

use async_trait::async_trait;

use super::properties::Reader;
use super::{
    Admin, Capabilities, ClientProperties, Consumer, Kafka, KafkaError, KafkaErrorKind, Producer, Result,
};

/// Makes clients of the `rskafka` crate.
#[derive(Clone, Copy, Debug, Default)]
pub struct RskafkaClients;

impl RskafkaClients {
    /// The factory. It holds nothing: every call brings its own settings.
    pub fn new() -> Self {
        Self
    }
}

/// Something that this implementation does not have.
fn unsupported(what: &str) -> KafkaError {
    let message = format!("the Kafka client `rskafka` has no {what}; use the client `krafka`");
    KafkaError::new(KafkaErrorKind::Unsupported, message)
}

#[async_trait]
impl Kafka for RskafkaClients {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "rskafka",
            groups: false,
            transactions: false,
            idempotence: false,
            exact_headers: false,
            reads_past_markers: false,
            topic_configs: false,
            group_admin: false,
            security: true,
            append_time: false,
        }
    }

    async fn producer(&self, properties: &ClientProperties) -> Result<Box<dyn Producer>> {
        let mut reader = Reader::new(properties);
        let settings = settings::producer(&mut reader)?;
        let connection = settings::connection(&mut reader, settings.delivery_timeout).await?;
        reader.warn_about_unread("producer");
        let client = Arc::new(connection.connect().await?);
        Ok(Box::new(producer::RskafkaProducer::new(client, settings)))
    }

    async fn consumer(&self, properties: &ClientProperties) -> Result<Box<dyn Consumer>> {
        let mut reader = Reader::new(properties);
        let settings = settings::consumer(&mut reader)?;
        let connection = settings::connection(&mut reader, settings.api_timeout).await?;
        reader.warn_about_unread("consumer");
        let client = Arc::new(connection.connect().await?);
        Ok(Box::new(consumer::RskafkaConsumer::new(client, settings)))
    }

    async fn admin(&self, properties: &ClientProperties) -> Result<Box<dyn Admin>> {
        let mut reader = Reader::new(properties);
        let timeout = settings::api_timeout(&mut reader)?;
        let connection = settings::connection(&mut reader, timeout).await?;
        reader.warn_about_unread("admin client");
        Ok(Box::new(admin::RskafkaAdmin::new(connection.connect().await?, timeout)))
    }
}
