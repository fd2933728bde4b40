//! The pipeline: a worker inside this process, a source and a sink.

use std::path::Path;

use connect_runtime::{Connect, Result};

use crate::parse_line;

/// The name of the connector that reads.
pub(crate) const SOURCE: &str = "quickstart-source";
/// The name of the connector that writes.
pub(crate) const SINK: &str = "quickstart-sink";

/// Starts a worker: on Kafka in memory, or on a real one.
pub(crate) async fn worker(bootstrap_servers: Option<&str>) -> Result<Connect> {
    let builder = match bootstrap_servers {
        Some(servers) => Connect::builder().bootstrap_servers(servers),
        None => Connect::builder().in_memory(),
    };
    builder
        .property("key.converter", "StringConverter")
        .property("value.converter", "JsonConverter")
        .property("value.converter.schemas.enable", "false")
        .plugins(connect_file::register)
        .plugins(connect_transforms::register)
        .plugins(parse_line::register)
        .start()
        .await
}

/// Reads lines, turns them into JSON objects, drops blank ones, and writes them to the topic.
pub(crate) async fn create_source(connect: &Connect, file: &Path, name: &str, topic: &str) -> Result<()> {
    let file = file.to_string_lossy();
    let config = [
        ("connector.class", "FileStreamSource"),
        ("file", &file),
        ("topic", topic),
        ("transforms", "parse,skip,origin,tidy"),
        ("transforms.parse.type", "ParseLine"),
        ("transforms.skip.type", "Filter"),
        ("transforms.skip.predicate", "blank"),
        ("predicates", "blank"),
        ("predicates.blank.type", "RecordIsTombstone"),
        ("transforms.origin.type", "InsertField$Value"),
        ("transforms.origin.static.field", "file"),
        ("transforms.origin.static.value", name),
        ("transforms.tidy.type", "ReplaceField$Value"),
        ("transforms.tidy.renames", "text:line"),
        ("transforms.tidy.exclude", "words"),
        // One partition keeps the lines in order.
        ("topic.creation.default.partitions", "1"),
        ("topic.creation.default.replication.factor", "-1"),
    ];
    connect.create(SOURCE, config).await
}

/// Reads the topic and writes each record, which is JSON, as a line.
pub(crate) async fn create_sink(connect: &Connect, file: &Path, topic: &str) -> Result<()> {
    let file = file.to_string_lossy();
    let config = [
        ("connector.class", "FileStreamSink"),
        ("file", &*file),
        ("topics", topic),
        ("value.converter", "StringConverter"),
    ];
    connect.create(SINK, config).await
}
