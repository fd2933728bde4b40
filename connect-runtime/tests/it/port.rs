//! The conformance suite of the client port, on Kafka in memory with a clock that never waits.

use async_trait::async_trait;
use connect_runtime::kafka::memory::MemoryKafka;
use connect_runtime::kafka::{ClientProperties, Kafka};

#[path = "../kafka/suite/mod.rs"]
mod suite;

use suite::Fixture;

struct Memory(MemoryKafka);

#[async_trait]
impl Fixture for Memory {
    fn kafka(&self) -> &dyn Kafka {
        &self.0
    }

    fn properties(&self) -> ClientProperties {
        ClientProperties::from([("bootstrap.servers".to_owned(), "memory:9092".to_owned())])
    }

    fn other(&self) -> Option<&dyn Kafka> {
        None
    }

    async fn kill_broker(&self) {
        self.0.stop_broker();
    }

    async fn start_broker(&self) {
        self.0.start_broker();
    }
}

macro_rules! on_memory {
    ($($module:ident: $($clause:ident),+;)+) => {$($(
        #[tokio::test(start_paused = true)]
        async fn $clause() {
            suite::$module::$clause(&Memory(MemoryKafka::new())).await;
        }
    )+)+};
}

suite::clauses!(on_memory);
suite::outage_clauses!(on_memory);
