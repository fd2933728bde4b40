//! Kafka in memory: the whole port without a broker, sockets or threads, and with faults on demand.
//!
//! [`MemoryKafka`] keeps topics, consumer groups and transactions in one process, for as long as a handle or a client
//! of it lives. It behaves as Kafka does where a client can tell: transaction markers take offsets,
//! `read_committed` readers stop at the last stable offset, a group hands partitions over one by one
//! (cooperatively), a newer transactional producer fences the older one.
//!
//! Time is tokio's time, so a paused clock works: nothing happens between two calls except that time passes.
//!
//! ```
//! # use connect_runtime::kafka::{memory::{MemoryKafka, Operation}, Kafka, KafkaErrorKind, Subscription, ConsumerEvent};
//! # use std::{collections::BTreeMap, time::Duration};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kafka = MemoryKafka::new();
//! kafka.produce("orders", "customer-1", "two apples");
//!
//! let properties = BTreeMap::from([
//!     ("group.id".to_owned(), "shipping".to_owned()),
//!     ("auto.offset.reset".to_owned(), "earliest".to_owned()),
//! ]);
//! let mut consumer = kafka.consumer(&properties).await?;
//! consumer.subscribe(Subscription::Topics(vec!["orders".into()])).await?;
//! let ConsumerEvent::Assigned(_) = consumer.poll(Duration::from_secs(1)).await? else { panic!() };
//!
//! kafka.fail_next(Operation::Fetch, 1, KafkaErrorKind::Unavailable);
//! assert!(consumer.poll(Duration::from_secs(1)).await.is_err());
//! let ConsumerEvent::Records(batches) = consumer.poll(Duration::from_secs(1)).await? else { panic!() };
//! assert_eq!(batches[0].records[0].value.as_deref(), Some(&b"two apples"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! What it leaves out: replication, retention by time or size, quotas, users. Settings that have no meaning here
//! (`linger.ms`, `security.protocol`, `bootstrap.servers` …) are accepted and ignored.

mod admin;
mod assignor;
mod consumer;
mod faults;
mod groups;
mod inspect;
mod log;
mod producer;
mod settings;
mod slot;
mod state;
mod topic_config;
mod transactions;
mod workers;
mod write;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use self::admin::MemoryAdmin;
use self::consumer::MemoryConsumer;
use self::producer::MemoryProducer;
use self::state::Shared;
use self::workers::MemoryMember;
use super::membership::{GroupMember, GroupSettings};
use super::{Admin, Capabilities, ClientProperties, Consumer, Kafka, Producer, Result};

pub use self::faults::Operation;
pub use self::inspect::{Payload, TopicRecord};

/// How a [`MemoryKafka`] is set up. The default is what [`MemoryKafka::new`] takes.
///
/// ```
/// # use connect_runtime::kafka::memory::{MemoryKafka, MemoryKafkaConfig};
/// let kafka = MemoryKafka::with_config(MemoryKafkaConfig { num_partitions: 3, ..Default::default() });
/// kafka.produce("orders", "key", "value");
/// assert_eq!(kafka.topics()[0].partitions, 3);
/// ```
#[derive(Clone, Debug)]
pub struct MemoryKafkaConfig {
    /// Whether writing to a topic that does not exist creates it (`auto.create.topics.enable`). Reading never does.
    /// Default: yes.
    pub auto_create_topics: bool,
    /// How many partitions a topic gets that is created without saying so (`num.partitions`). Default: 1.
    pub num_partitions: i32,
    /// The cluster's id. Default: `memory`.
    pub cluster_id: Option<String>,
    /// Compacts a partition of a topic with `cleanup.policy=compact` after so many records were appended to it.
    /// Default: never by itself, see [`MemoryKafka::compact`].
    pub compact_after: Option<usize>,
    /// What [`Kafka::capabilities`] says. Only the answer changes: this implementation can do all of it. Serves to
    /// test how a pipeline takes a client that declares limits. Default: everything.
    pub capabilities: Capabilities,
}

impl Default for MemoryKafkaConfig {
    fn default() -> Self {
        Self {
            auto_create_topics: true,
            num_partitions: 1,
            cluster_id: Some("memory".to_owned()),
            compact_after: None,
            capabilities: Capabilities {
                name: "memory",
                groups: true,
                transactions: true,
                idempotence: true,
                exact_headers: true,
                reads_past_markers: true,
                topic_configs: true,
                group_admin: true,
                security: true,
                append_time: true,
            },
        }
    }
}

/// A handle of a Kafka that lives in memory. Clones are handles of the same one.
///
/// It is a [`Kafka`] that makes clients, a window to look in ([`records`](Self::records),
/// [`committed`](Self::committed)) and a remote control for faults ([`fail_next`](Self::fail_next),
/// [`hold`](Self::hold), [`stop_broker`](Self::stop_broker)).
#[derive(Clone)]
pub struct MemoryKafka {
    shared: Arc<Shared>,
}

impl MemoryKafka {
    /// An empty Kafka that creates topics with one partition when they are written to.
    pub fn new() -> Self {
        Self::with_config(MemoryKafkaConfig::default())
    }

    /// An empty Kafka.
    pub fn with_config(config: MemoryKafkaConfig) -> Self {
        Self { shared: Arc::new(Shared::new(config)) }
    }
}

impl Default for MemoryKafka {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryKafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("MemoryKafka")
            .field("topics", &state.log.topics.len())
            .field("groups", &state.groups.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Kafka for MemoryKafka {
    fn capabilities(&self) -> Capabilities {
        self.shared.config.capabilities
    }

    async fn producer(&self, properties: &ClientProperties) -> Result<Box<dyn Producer>> {
        let producer = MemoryProducer::new(Arc::clone(&self.shared), properties)?;
        self.shared.gate(Operation::Connect, producer.patience()).await?;
        Ok(Box::new(producer))
    }

    async fn consumer(&self, properties: &ClientProperties) -> Result<Box<dyn Consumer>> {
        let consumer = MemoryConsumer::new(Arc::clone(&self.shared), properties)?;
        self.shared.gate(Operation::Connect, consumer.patience()).await?;
        Ok(Box::new(consumer))
    }

    async fn admin(&self, properties: &ClientProperties) -> Result<Box<dyn Admin>> {
        let admin = MemoryAdmin::new(Arc::clone(&self.shared), properties)?;
        self.shared.gate(Operation::Connect, admin.patience()).await?;
        Ok(Box::new(admin))
    }

    async fn group_member(
        &self,
        _: &ClientProperties,
        settings: GroupSettings,
    ) -> Result<Box<dyn GroupMember>> {
        Ok(Box::new(MemoryMember::new(Arc::clone(&self.shared), settings)))
    }
}
