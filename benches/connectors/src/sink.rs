//! [`PerfSink`]: counts.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use async_trait::async_trait;
use connect_api::{
    Config, Error, Properties, Result, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask,
    SinkTaskContext,
};

/// How many records lie between two lines of the log.
const STEP: u64 = 100_000;

/// The configuration of [`PerfSink`].
#[derive(Clone, Debug, Config)]
pub struct PerfSinkConfig {
    /// Where the counts go.
    #[config(importance = High)]
    pub file: PathBuf,
}

/// Counts records, and appends `<count> <milliseconds since the epoch>` to a file with the first ones and each time
/// another 100,000 have arrived. Each of several tasks has a file of its own, `<file>.0` and so on.
#[derive(Debug)]
pub struct PerfSink(PerfSinkConfig);

#[async_trait]
impl SinkConnector for PerfSink {
    type Config = PerfSinkConfig;
    type Task = PerfSinkTask;

    async fn start(config: PerfSinkConfig, _: SinkConnectorContext) -> Result<Self> {
        Ok(Self(config))
    }

    async fn task_configs(&mut self, max_tasks: usize) -> Result<Vec<Properties>> {
        let config = |task: usize| match max_tasks {
            1 => self.0.to_properties(),
            _ => {
                let mut file = self.0.file.clone().into_os_string();
                file.push(format!(".{task}"));
                PerfSinkConfig { file: file.into() }.to_properties()
            }
        };
        Ok((0..max_tasks).map(config).collect())
    }
}

/// The task of [`PerfSink`].
#[derive(Debug)]
pub struct PerfSinkTask {
    log: File,
    count: u64,
    next: u64,
}

#[async_trait]
impl SinkTask for PerfSinkTask {
    type Config = PerfSinkConfig;

    async fn start(config: PerfSinkConfig, _: SinkTaskContext) -> Result<Self> {
        let log = File::options().create(true).append(true).open(&config.file).map_err(|error| {
            Error::connect(format!("the log {} cannot be opened", config.file.display())).with_source(error)
        })?;
        Ok(Self { log, count: 0, next: 1 })
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        self.count += records.len() as u64;
        if self.count >= self.next {
            writeln!(self.log, "{} {}", self.count, now_millis())
                .map_err(|error| Error::connect("the log cannot be written").with_source(error))?;
            self.next = (self.count / STEP + 1) * STEP;
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "another program compares it with its own clock")]
fn now_millis() -> u128 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.unwrap_or_default().as_millis()
}
