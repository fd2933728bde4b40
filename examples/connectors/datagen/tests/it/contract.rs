//! The contract that the runtime builds on.

use connect_api::{Properties, SchemaAndValue};
use connect_datagen::DatagenSource;
use connect_testkit::{SourceFixture, SourceHarness};

connect_testkit::config_contract!(connect_datagen::register);

/// The same records for everybody.
struct Seeded;

impl SourceFixture for Seeded {
    type Connector = DatagenSource;

    fn config(&self) -> Properties {
        Properties::from([
            ("kafka.topic", "t"),
            ("quickstart", "orders"),
            ("max.interval", "20"),
            ("random.seed", "7"),
        ])
    }

    fn idle_config(&self) -> Properties {
        self.config().with("iterations", "0")
    }

    /// Records are not written but made; the source itself, unthrottled, tells which.
    async fn write(&self, n: usize) -> Vec<SchemaAndValue> {
        let config = self.config().with("max.interval", "0");
        let mut source = SourceHarness::<DatagenSource>::start(config).await.unwrap();
        let records = source.poll_until(n).await.unwrap();
        records.into_iter().map(|record| record.record.value).collect()
    }
}

connect_testkit::source_contract!(Seeded);
