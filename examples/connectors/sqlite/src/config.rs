//! The configuration.

use std::path::PathBuf;
use std::time::Duration;

use connect_api::Config;
use connect_api::config::Validator;

/// The configuration of [`SqliteSink`](crate::SqliteSink).
#[derive(Clone, Debug, Config)]
pub struct SqliteSinkConfig {
    /// The file of the database. It is made if it is missing; its directory must be there.
    #[config(importance = High)]
    pub database: PathBuf,

    /// The table that records are written to. `${topic}` stands for the topic that a record was read from. A table
    /// is made if it is missing.
    #[config(key = "table.name.format", default = "${topic}", importance = Medium, validate = Validator::non_empty_string())]
    pub table: String,

    /// The table that the offsets are kept in, in the same transactions as the records.
    #[config(key = "offsets.table", default = "kafka_connect_offsets", importance = Low, validate = Validator::non_empty_string())]
    pub offsets_table: String,

    /// How long to wait when another process holds the database locked, before the records are tried again.
    #[config(key = "busy.timeout.ms", default = 5000, importance = Low)]
    pub busy_timeout: Duration,

    /// How long to wait before records are tried again that could not be written.
    #[config(key = "retry.backoff.ms", default = 3000, importance = Medium)]
    pub retry_backoff: Duration,
}

impl SqliteSinkConfig {
    /// The table for a topic.
    pub(crate) fn table(&self, topic: &str) -> String {
        self.table.replace("${topic}", topic)
    }
}
