//! The contract suites that the book shows, run on the connectors that it shows.

#![allow(clippy::unwrap_used, reason = "test code")]

use connect_api::{Properties, Record, Schema, SchemaAndValue};
use connect_docs::spool::{self, SpoolSource};
use connect_docs::text_files::TextFilesSink;
use connect_testkit::{SinkFixture, SourceFixture};

struct Spool(tempfile::TempDir);

impl SourceFixture for Spool {
    type Connector = SpoolSource;

    fn config(&self) -> Properties {
        Properties::from([("topic", "t"), ("directory", &*self.0.path().to_string_lossy())])
    }

    /// Puts `n` rows there, and answers the values that the source shall make of them.
    async fn write(&self, n: usize) -> Vec<SchemaAndValue> {
        let first = std::fs::read_dir(self.0.path()).unwrap().count();
        (first..first + n)
            .map(|number| {
                std::fs::write(self.0.path().join(format!("{number:05}")), number.to_string()).unwrap();
                SchemaAndValue::new(Schema::STRING, number.to_string())
            })
            .collect()
    }
}
connect_testkit::source_contract!(Spool(tempfile::tempdir().unwrap()));
connect_testkit::config_contract!(spool::register);

struct Files(tempfile::TempDir);

impl SinkFixture for Files {
    type Connector = TextFilesSink;

    fn config(&self) -> Properties {
        Properties::from([("directory", &*self.0.path().to_string_lossy())])
    }

    /// What the target holds durably, one text per record.
    async fn read(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.0.path()).unwrap();
        let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    fn bad_record(&self, topic: &str) -> Option<Record> {
        Some(Record::new(topic, SchemaAndValue::NULL))
    }
}
mod sink {
    use super::*;
    connect_testkit::sink_contract!(Files(tempfile::tempdir().unwrap()));
}
