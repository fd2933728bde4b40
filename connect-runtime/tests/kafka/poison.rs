//! Garbage on the internal topics of a worker on real Kafka.

use std::sync::Arc;

use connect_runtime::Connect;
use connect_runtime::kafka::{ClientProperties, Kafka};

use crate::broker::Broker;

#[path = "../poison/mod.rs"]
mod shared;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_the_internal_topics_harms_no_worker() {
    let Some(broker) = Broker::own().await else { return crate::skipped() };
    let address = broker.address().to_owned();
    let clients = ClientProperties::from([("bootstrap.servers".to_owned(), address.clone())]);
    let kafka: Arc<dyn Kafka> = Arc::new(connect_runtime::kafka::krafka::KrafkaClients::new());
    let builder = || Connect::builder().bootstrap_servers(&address);
    shared::workers_stand_garbage(builder, &*kafka, &clients, 300).await;
}
