//! The conformance suite of the client port on the real clients, against a real Apache Kafka.
//!
//! `cargo xtask kafka` starts a broker and runs it. By hand: `CONNECT_TEST_KAFKA` is the bootstrap address of a
//! broker whose topics and groups may be filled at will; `CONNECT_TEST_KAFKA_SCRIPT` is the script that starts and
//! kills brokers and runs Kafka's own tools (`xtask/kafka/kafka`). Without the first no test runs; without the
//! second those that kill a broker do not.
#![cfg(any(feature = "krafka", feature = "rskafka"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where it cannot go on")]

mod broker;
#[cfg(feature = "native")]
mod codecs;
#[cfg(feature = "native")]
mod ended;
#[cfg(feature = "krafka")]
mod growth;
#[cfg(feature = "native")]
mod memory;
#[cfg(feature = "native")]
mod moves;
#[cfg(feature = "krafka")]
mod newer;
#[cfg(all(feature = "krafka", feature = "rest"))]
mod poison;
mod security;
mod suite;

use std::sync::Arc;

use async_trait::async_trait;
use connect_runtime::kafka::{ClientProperties, Kafka};

use broker::Broker;
use suite::Fixture;

/// One of the two clients; the other one, where it is compiled in, looks at the same broker.
struct Real {
    kafka: Arc<dyn Kafka>,
    other: Option<Arc<dyn Kafka>>,
    broker: Broker,
}

#[async_trait]
impl Fixture for Real {
    fn kafka(&self) -> &dyn Kafka {
        &*self.kafka
    }

    fn properties(&self) -> ClientProperties {
        ClientProperties::from([("bootstrap.servers".to_owned(), self.broker.address().to_owned())])
    }

    fn other(&self) -> Option<&dyn Kafka> {
        self.other.as_deref()
    }

    async fn genuine_lines(&self, topic: &str, isolation: &str) -> Option<Vec<String>> {
        self.broker.console_consumer(topic, isolation).await
    }

    async fn kill_broker(&self) {
        self.broker.kill().await;
    }

    async fn start_broker(&self) {
        self.broker.start().await;
    }
}

#[cfg(feature = "krafka")]
fn krafka() -> Option<Arc<dyn Kafka>> {
    Some(Arc::new(connect_runtime::kafka::krafka::KrafkaClients::new()))
}

#[cfg(not(feature = "krafka"))]
fn krafka() -> Option<Arc<dyn Kafka>> {
    None
}

#[cfg(feature = "rskafka")]
fn rskafka() -> Option<Arc<dyn Kafka>> {
    Some(Arc::new(connect_runtime::kafka::rskafka::RskafkaClients::new()))
}

#[cfg(not(feature = "rskafka"))]
fn rskafka() -> Option<Arc<dyn Kafka>> {
    None
}

#[cfg(feature = "native")]
fn native() -> Option<Arc<dyn Kafka>> {
    Some(Arc::new(connect_runtime::kafka::native::NativeClients::new()))
}

/// Runs a clause, or says why not.
async fn run(
    kafka: Option<Arc<dyn Kafka>>,
    other: Option<Arc<dyn Kafka>>,
    broker: Option<Broker>,
    clause: impl AsyncFnOnce(&dyn Fixture),
) {
    let (Some(kafka), Some(broker)) = (kafka, broker) else {
        return skipped();
    };
    clause(&Real { kafka, other, broker }).await;
}

#[expect(clippy::print_stdout, reason = "the output of a test is where its reader looks")]
fn skipped() {
    println!("skipped: no broker, run cargo xtask kafka");
}

macro_rules! on_shared_broker {
    ($($module:ident: $($clause:ident),+;)+) => {$($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $clause() {
            run(kafka(), other(), Broker::shared(), suite::$module::$clause).await;
        }
    )+)+};
}

macro_rules! on_own_broker {
    ($($module:ident: $($clause:ident),+;)+) => {$($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $clause() {
            run(kafka(), other(), Broker::own().await, suite::$module::$clause).await;
        }
    )+)+};
}

#[cfg(feature = "krafka")]
mod krafka_passes {
    use super::{Broker, krafka as kafka, rskafka as other, run, suite};

    suite::clauses!(on_shared_broker);
    suite::outage_clauses!(on_own_broker);
}

#[cfg(feature = "rskafka")]
mod rskafka_passes {
    use super::{Broker, krafka as other, rskafka as kafka, run, suite};

    suite::clauses!(on_shared_broker);
    suite::outage_clauses!(on_own_broker);
}

#[cfg(feature = "native")]
mod native_passes {
    use super::{Broker, krafka as other, native as kafka, run, suite};

    suite::clauses!(on_shared_broker);
    suite::outage_clauses!(on_own_broker);
}
