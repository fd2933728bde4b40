//! The contract that the runtime builds on.

use std::fs::{self, OpenOptions};
use std::io::Write;

use connect_api::{Properties, Schema, SchemaAndValue};
use connect_file::{FileStreamSink, FileStreamSource};
use connect_testkit::{SinkFixture, SourceFixture};
use tempfile::TempDir;

connect_testkit::config_contract!(connect_file::register);

/// A directory with a file that grows.
struct Growing(TempDir);

impl SourceFixture for Growing {
    type Connector = FileStreamSource;

    fn config(&self) -> Properties {
        let file = self.0.path().join("in.txt");
        Properties::from([("file", file.to_str().unwrap()), ("topic", "t")])
    }

    fn idle_config(&self) -> Properties {
        self.config().with("file", self.0.path().join("missing.txt").to_str().unwrap())
    }

    async fn write(&self, n: usize) -> Vec<SchemaAndValue> {
        let mut file =
            OpenOptions::new().append(true).create(true).open(self.0.path().join("in.txt")).unwrap();
        let line = |number| format!("line {number}, größer als ein Wort");
        (0..n).for_each(|number| writeln!(file, "{}", line(number)).unwrap());
        (0..n).map(|number| SchemaAndValue::new(Schema::STRING, line(number))).collect()
    }
}

mod source {
    use super::Growing;

    connect_testkit::source_contract!(Growing(tempfile::tempdir().unwrap()));
}

/// A directory with a file that is written.
struct Written(TempDir);

impl SinkFixture for Written {
    type Connector = FileStreamSink;

    fn config(&self) -> Properties {
        Properties::from([("file", self.0.path().join("out.txt").to_str().unwrap())])
    }

    async fn read(&self) -> Vec<String> {
        let text = fs::read_to_string(self.0.path().join("out.txt")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

mod sink {
    use super::Written;

    connect_testkit::sink_contract!(
        Written(tempfile::tempdir().unwrap()),
        skip { bad_record_is_reported_when_a_reporter_exists: "a file takes every record" }
    );
}
