//! The contract that the runtime builds on: one test per clause. Say in the fixtures what your system is.

use connect_api::{Properties, Record, Schema, SchemaAndValue};
use connect_template::{CollectingSink, CounterSource, store};
use connect_testkit::{SinkFixture, SourceFixture};

connect_testkit::config_contract!(connect_template::register);

struct Counting;

impl SourceFixture for Counting {
    type Connector = CounterSource;

    fn config(&self) -> Properties {
        Properties::from([("topic", "t")])
    }

    fn idle_config(&self) -> Properties {
        self.config().with("count", "0")
    }

    async fn write(&self, n: usize) -> Vec<SchemaAndValue> {
        (0_i64..).take(n).map(|number| SchemaAndValue::new(Schema::INT64, number)).collect()
    }
}

connect_testkit::source_contract!(Counting);

/// A collection of its own for each test.
struct Collecting(String);

impl SinkFixture for Collecting {
    type Connector = CollectingSink;

    fn config(&self) -> Properties {
        Properties::from([("collection", self.0.as_str())])
    }

    async fn read(&self) -> Vec<String> {
        store::read(&self.0).iter().map(ToString::to_string).collect()
    }

    fn bad_record(&self, topic: &str) -> Option<Record> {
        Some(Record::new(topic, SchemaAndValue::NULL))
    }
}

connect_testkit::sink_contract!(Collecting(format!("contract-{:?}", std::thread::current().id())));
