//! The configurations of source and sink.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use connect_api::config::Validator;
use connect_api::{Config, Properties};

/// The configuration of [`FileStreamSource`](crate::FileStreamSource).
#[derive(Clone, Debug, Config)]
pub struct FileStreamSourceConfig {
    /// Source filename. If not specified, the standard input will be used.
    #[config(importance = High)]
    pub file: Option<PathBuf>,

    /// The topic to publish data to.
    #[config(importance = High, validate = Validator::non_empty_string())]
    pub topic: String,

    /// The maximum number of records the source task can read from the file each time it is polled.
    #[config(default = 2000, importance = Low)]
    pub batch_size: NonZeroUsize,

    /// All keys as they were given, which the task gets: so do Kafka's own file connectors.
    #[config(flatten)]
    pub given: Properties,
}

impl FileStreamSourceConfig {
    /// The file; an empty name is none.
    pub(crate) fn path(&self) -> Option<&Path> {
        not_empty(self.file.as_deref())
    }
}

/// The configuration of [`FileStreamSink`](crate::FileStreamSink).
#[derive(Clone, Debug, Config)]
pub struct FileStreamSinkConfig {
    /// Destination filename. If not specified, the standard output will be used.
    #[config(importance = High)]
    pub file: Option<PathBuf>,

    /// All keys as they were given, which the tasks get: so do Kafka's own file connectors.
    #[config(flatten)]
    pub given: Properties,
}

impl FileStreamSinkConfig {
    /// The file; an empty name is none.
    pub(crate) fn path(&self) -> Option<&Path> {
        not_empty(self.file.as_deref())
    }
}

fn not_empty(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| !path.as_os_str().is_empty())
}
