//! [`FileStreamSource`]: lines of a file become records.

use std::path::Path;
use std::time::Duration;

use connect_api::{
    Error, ExactlyOnceSupport, OffsetValue, Properties, Record, Result, Schema, SchemaAndValue,
    SourceConnector, SourceConnectorContext, SourceOffset, SourcePartition, SourceRecord, SourceTask,
    SourceTaskContext, Str, async_trait,
};
use tokio::time::{Instant, sleep};

use crate::FileStreamSourceConfig;
use crate::input::{FollowedFile, Input, Outcome, stdin};
use crate::lines::Lines;

const FILENAME: &str = "filename";
const POSITION: &str = "position";
/// How long a file that has nothing new is left alone.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// How many bytes of lines are put into one batch before it is handed over, however few they are.
const BATCH_BYTES: u64 = 1024 * 1024;

/// Reads a file line by line, always with one task.
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.file.FileStreamSourceConnector")]
pub struct FileStreamSource {
    config: FileStreamSourceConfig,
}

#[async_trait]
impl SourceConnector for FileStreamSource {
    type Config = FileStreamSourceConfig;
    type Task = FileStreamSourceTask;

    async fn start(config: Self::Config, _context: SourceConnectorContext) -> Result<Self> {
        Ok(Self { config })
    }

    async fn task_configs(&mut self, _max_tasks: usize) -> Result<Vec<Properties>> {
        Ok(vec![self.config.given.clone()])
    }

    fn exactly_once_support(config: &Self::Config) -> ExactlyOnceSupport {
        match config.path() {
            Some(_) => ExactlyOnceSupport::Supported,
            None => ExactlyOnceSupport::Unsupported,
        }
    }

    async fn sample(config: Self::Config) -> Result<Option<Record>> {
        let line = SchemaAndValue::new(Schema::STRING, "a line of the file");
        Ok(Some(Record::new(config.topic, line)))
    }

    async fn alter_offsets(
        config: Self::Config,
        offsets: &[(SourcePartition, Option<SourceOffset>)],
    ) -> Result<bool> {
        if config.path().is_none() {
            return Err(Error::connect(
                "Offsets cannot be modified if the 'file' configuration is unspecified. This is because stdin is used \
                 for input and offsets are not tracked.",
            ));
        }
        for (partition, offset) in offsets {
            // Anything may be removed, so that somebody can clean up.
            let Some(offset) = offset else { continue };
            check_offset(offset)?;
            if partition.get(FILENAME).is_none() {
                return Err(Error::connect("Partition objects should contain the key 'filename'"));
            }
        }
        Ok(true)
    }
}

fn check_offset(offset: &SourceOffset) -> Result<()> {
    let position = match offset.get(POSITION) {
        Some(OffsetValue::Int64(position)) => *position,
        Some(_) => {
            return Err(Error::connect(
                "The value for the 'position' key in the offset is expected to be a Long value",
            ));
        }
        None => {
            return Err(Error::connect("Offset objects should either be null or contain the key 'position'"));
        }
    };
    if position < 0 {
        return Err(Error::connect(
            "The value for the 'position' key in the offset should be a non-negative value",
        ));
    }
    Ok(())
}

/// The task of [`FileStreamSource`].
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.file.FileStreamSourceTask")]
pub struct FileStreamSourceTask {
    topic: Str,
    batch_size: usize,
    partition: SourcePartition,
    /// The byte after the last line that was handed out; `None` for standard input, which cannot be read again.
    position: Option<u64>,
    input: Input,
    lines: Lines,
    announced_missing: bool,
}

impl FileStreamSourceTask {
    fn follow(config: &FileStreamSourceConfig, path: &Path, position: u64) -> Self {
        Self {
            topic: Str::from(config.topic.as_str()),
            batch_size: config.batch_size.get(),
            partition: partition_of(path),
            position: Some(position),
            input: Input::File(FollowedFile::new(path, position)),
            lines: Lines::default(),
            announced_missing: false,
        }
    }

    fn record(&mut self, line: Str, length: usize) -> SourceRecord {
        let offset = match &mut self.position {
            Some(position) => {
                *position += length as u64;
                SourceOffset::of(POSITION, i64::try_from(*position).unwrap_or(i64::MAX))
            }
            None => SourceOffset::of(POSITION, OffsetValue::Null),
        };
        let record = Record::new(self.topic.clone(), SchemaAndValue::new(Schema::STRING, line));
        SourceRecord::new(self.partition.clone(), offset, record)
    }

    fn announce_missing(&mut self) {
        if let (Input::File(file), false) = (&self.input, self.announced_missing) {
            self.announced_missing = true;
            tracing::warn!(file = %file.path().display(), "Couldn't find the file, waiting for it to be created");
        }
    }
}

fn partition_of(path: &Path) -> SourcePartition {
    SourcePartition::of(FILENAME, path.to_string_lossy().as_ref())
}

#[async_trait]
impl SourceTask for FileStreamSourceTask {
    type Config = FileStreamSourceConfig;

    async fn start(config: Self::Config, context: SourceTaskContext) -> Result<Self> {
        let Some(path) = config.path() else {
            return Ok(Self {
                topic: Str::from(config.topic.as_str()),
                batch_size: config.batch_size.get(),
                partition: SourcePartition::of(FILENAME, OffsetValue::Null),
                position: None,
                input: stdin()?,
                lines: Lines::default(),
                announced_missing: false,
            });
        };
        let stored = context.offset_storage_reader().offset(&partition_of(path)).await?;
        let position = match stored.as_ref().map(|offset| (offset, offset.get(POSITION))) {
            None | Some((_, None | Some(OffsetValue::Null))) => 0,
            Some((offset, Some(_))) => {
                check_offset(offset).map_err(|error| error.with("file", path.display()))?;
                offset.i64(POSITION).and_then(|position| u64::try_from(position).ok()).unwrap_or(0)
            }
        };
        Ok(Self::follow(&config, path, position))
    }

    async fn poll(&mut self, max_wait: Duration) -> Result<Vec<SourceRecord>> {
        let deadline = Instant::now() + max_wait;
        let mut records = Vec::new();
        let mut bytes = 0;
        loop {
            if records.is_empty() && self.lines.is_next() {
                records.reserve(self.batch_size.min(4096));
            }
            while records.len() < self.batch_size
                && let Some((line, length)) = self.lines.next()
            {
                bytes += length as u64;
                records.push(self.record(line, length));
            }
            if records.len() >= self.batch_size || bytes >= BATCH_BYTES {
                return Ok(records);
            }
            let wait_until = if records.is_empty() { deadline } else { Instant::now() };
            let outcome = self.input.read(&mut self.lines, wait_until).await?;
            match outcome {
                Outcome::More => {
                    self.announced_missing = false;
                    continue;
                }
                Outcome::NothingYet => {}
                Outcome::Missing => self.announce_missing(),
                Outcome::End => {
                    if let Some((line, length)) = self.lines.finish() {
                        records.push(self.record(line, length));
                    }
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if !records.is_empty() || left.is_zero() {
                return Ok(records);
            }
            sleep(left.min(CHECK_INTERVAL)).await;
        }
    }
}
