//! [`FileStreamSink`]: records become lines of a file.

use std::fmt::Write as _;
use std::path::PathBuf;

use connect_api::{
    Error, Offsets, Properties, Result, ResultExt, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask,
    SinkTaskContext, TopicPartition, Value, async_trait,
};

use crate::FileStreamSinkConfig;
use crate::output::{Output, Target, append};

/// Appends records to a file, one line each. All tasks append to the same file.
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.file.FileStreamSinkConnector")]
pub struct FileStreamSink {
    config: FileStreamSinkConfig,
}

#[async_trait]
impl SinkConnector for FileStreamSink {
    type Config = FileStreamSinkConfig;
    type Task = FileStreamSinkTask;

    async fn start(config: Self::Config, _context: SinkConnectorContext) -> Result<Self> {
        Ok(Self { config })
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.config.given.clone(); max_tasks])
    }

    /// The offsets are those of the consumer group; nothing else needs to be altered.
    async fn alter_offsets(
        _config: Self::Config,
        _offsets: &[(TopicPartition, Option<i64>)],
    ) -> Result<bool> {
        Ok(true)
    }
}

/// The task of [`FileStreamSink`].
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.file.FileStreamSinkTask")]
pub struct FileStreamSinkTask {
    path: Option<PathBuf>,
    /// `None` while a thread writes, and after that was interrupted.
    output: Option<Output>,
    buffer: Vec<u8>,
    unsynced: bool,
}

impl FileStreamSinkTask {
    fn name(&self) -> String {
        self.path
            .as_ref()
            .map_or_else(|| "standard output".to_owned(), |path| format!("'{}'", path.display()))
    }

    /// Runs a call that may block on a thread for such calls.
    async fn blocking<T: Send + 'static>(
        &mut self,
        call: impl FnOnce(&mut Output) -> T + Send + 'static,
    ) -> Result<T> {
        let Some(mut output) = self.output.take() else {
            return Err(Error::illegal_state("The task was stopped while it wrote").with("file", self.name()));
        };
        let (output, result) = tokio::task::spawn_blocking(move || {
            let result = call(&mut output);
            (output, result)
        })
        .await
        .fatal("write the file")?;
        self.output = Some(output);
        Ok(result)
    }
}

#[async_trait]
impl SinkTask for FileStreamSinkTask {
    type Config = FileStreamSinkConfig;

    async fn start(config: Self::Config, _context: SinkTaskContext) -> Result<Self> {
        let path = config.path().map(ToOwned::to_owned);
        let output = match path.clone() {
            Some(path) => {
                tokio::task::spawn_blocking(move || Output::open(&path)).await.fatal("open the file")??
            }
            None => Output::Stdout,
        };
        Ok(Self { path, output: Some(output), buffer: Vec::new(), unsynced: false })
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.clear();
        for record in records {
            write_line(&mut bytes, &record.record.value.value);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let (bytes, result) = self
            .blocking(move |output| {
                let result = append(output, &bytes);
                (bytes, result)
            })
            .await?;
        self.buffer = bytes;
        self.unsynced = true;
        result.map_err(|(error, left)| {
            let mut text = format!("Could not write {} records to {}", records.len(), self.name());
            if let Some(left) = left {
                let _ = write!(text, "; {left}");
            }
            Error::connect(text).with_source(error)
        })
    }

    async fn flush(&mut self, _offsets: &Offsets) -> Result<()> {
        if !self.unsynced {
            return Ok(());
        }
        let synced = self.blocking(|output| output.sync()).await?;
        synced.map_err(|error| {
            Error::connect(format!("Could not flush {} to its disk", self.name())).with_source(error)
        })?;
        self.unsynced = false;
        Ok(())
    }
}

/// The text of Java's `toString`. Bytes, whose text in Java is an object identity, are written as they are.
fn write_line(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bytes(content) => bytes.extend_from_slice(content),
        other => other.print_to(bytes),
    }
    bytes.push(b'\n');
}
