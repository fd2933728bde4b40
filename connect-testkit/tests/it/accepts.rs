//! Plugins that keep the contract pass.

use connect_api::{Plugins, Properties, Record, Result, Schema, SchemaAndValue};
use connect_testkit::doc::{CounterSource, ListSink, Plain, Shout};
use connect_testkit::{
    Arbitrary, ConverterFixture, SinkFixture, SourceFixture, config_contract, converter_contract,
    sink_contract, source_contract,
};

fn register(plugins: &mut Plugins) {
    plugins
        .bundle("1.0")
        .source::<CounterSource>("CounterSource")
        .sink::<ListSink>("ListSink")
        .alias("org.example.ListSinkConnector")
        .transformation::<Shout>("Shout")
        .converter::<Plain>("PlainConverter");
}
config_contract!(register);

pub(crate) struct Counting;
impl SourceFixture for Counting {
    type Connector = CounterSource;

    fn config(&self) -> Properties {
        Properties::from([("topic", "t")])
    }

    fn idle_config(&self) -> Properties {
        self.config().with("count", "0")
    }

    async fn write(&self, n: usize) -> Vec<SchemaAndValue> {
        (0..n).map(|number| SchemaAndValue::new(Schema::INT64, number as i64)).collect()
    }
}
source_contract!(Counting);

struct Lists(String);
impl SinkFixture for Lists {
    type Connector = ListSink;

    fn config(&self) -> Properties {
        Properties::from([("list", self.0.as_str())])
    }

    async fn read(&self) -> Vec<String> {
        ListSink::taken(&self.0)
    }

    fn bad_record(&self, topic: &str) -> Option<Record> {
        Some(Record::new(topic, SchemaAndValue::NULL))
    }
}
sink_contract!(Lists(format!("{:?}", std::thread::current().id())));

struct Text;
impl ConverterFixture for Text {
    type Converter = Plain;

    fn data(&self, arbitrary: &mut Arbitrary) -> Result<SchemaAndValue> {
        Ok(SchemaAndValue::schemaless(arbitrary.text()))
    }
}
converter_contract!(Text);

mod with_skips {
    use super::Counting;

    connect_testkit::source_contract!(
        Counting,
        skip {
            stop_is_prompt_while_poll_waits: "shows that a skipped clause is an ignored test",
            every_key_is_documented: "shows that several can be skipped",
        }
    );
}
