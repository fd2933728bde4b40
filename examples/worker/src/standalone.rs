//! `connect-worker standalone` and `connect-worker distributed`: a worker, its connectors, and the way out.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use connect_api::Properties;
use connect_runtime::config::{ConnectorFile, InitialState, read_connector_file, read_properties_file};
use connect_runtime::rest::{self, RestServer};
use connect_runtime::{Connect, Error, Loggers, ShutdownReport, TargetState};

use crate::terminal::Terminal;
use crate::{Failure, live, logging, plugins};

/// How the worker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Alone, with connectors from files.
    Standalone,
    /// In a group, which gets its connectors through the REST API.
    Distributed,
}

/// Runs until a signal. The exit codes are those of Kafka's `connect-standalone` and `connect-distributed`.
pub(crate) fn run(kind: Kind, worker: &OsStr, connectors: &[PathBuf], log_level: Option<&str>) -> ExitCode {
    let (terminal, loggers) = match logging::install(log_level) {
        Ok(installed) => installed,
        Err(error) => {
            eprintln!("{error}");
            return Failure::Usage.into();
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("The threads of the worker could not be started: {error}");
            return Failure::Worker.into();
        }
    };
    match runtime.block_on(work(kind, Path::new(worker), connectors, terminal.as_ref(), loggers)) {
        Ok(()) => ExitCode::SUCCESS,
        Err((failure, text)) => {
            eprintln!("{text}");
            failure.into()
        }
    }
}

type Stopped<T> = Result<T, (Failure, String)>;

async fn work(
    kind: Kind,
    worker: &Path,
    connectors: &[PathBuf],
    terminal: Option<&Terminal>,
    loggers: Loggers,
) -> Stopped<()> {
    let mut signals =
        Signals::new().map_err(|error| (Failure::Worker, format!("Signals cannot be received: {error}")))?;
    let (connect, rest) = tokio::select! {
        started = start(kind, worker, loggers) => started?,
        signal = signals.next() => {
            tracing::info!("{signal} before the worker was started");
            return Ok(());
        }
    };
    let running = async {
        create_all(&connect, connectors).await?;
        std::future::pending::<Stopped<()>>().await
    };
    let end = tokio::select! {
        failed = running => failed,
        () = live::report(&connect, terminal) => Ok(()),
        signal = signals.next() => {
            tracing::info!("{signal}, stopping");
            Ok(())
        }
    };
    if let Some(terminal) = terminal {
        terminal.show(String::new());
    }
    let stopped = async {
        // Nobody asks for a connector any more when they stop.
        rest.shutdown().await;
        connect.shutdown().await
    };
    let report = tokio::select! {
        report = stopped => report,
        signal = signals.next() => {
            eprintln!("{signal} again: ended at once. What was not committed comes again after a restart.");
            std::process::exit(i32::from(Failure::Usage as u8));
        }
    };
    match report {
        Ok(report) => say(&report),
        Err(error) => eprintln!("The worker did not stop cleanly: {error}"),
    }
    end
}

/// Reads the worker's file, starts the worker, and opens its REST API.
async fn start(kind: Kind, file: &Path, loggers: Loggers) -> Stopped<(Connect, RestServer)> {
    let properties = match file.as_os_str().is_empty() {
        true => Properties::new(),
        false => read_properties_file(file).await.map_err(|error| (Failure::Worker, error.trace()))?,
    };
    let worker = match kind {
        Kind::Standalone => Connect::builder().standalone(),
        Kind::Distributed => Connect::builder().distributed(),
    };
    let worker = worker.properties(properties).plugins(plugins::register).loggers(loggers);
    let connect = worker.start().await.map_err(|error| {
        let failure = match &error {
            // The worker was made, and its offset store did not open.
            Error::Plugin(_) => Failure::Start,
            _ => Failure::Worker,
        };
        (failure, format!("Worker, from '{}': {}", file.display(), text(&error)))
    })?;
    let rest = rest::serve(connect.herder())
        .await
        .map_err(|error| (Failure::Worker, format!("Worker, from '{}': {}", file.display(), text(&error))))?;
    for address in rest.addresses() {
        tracing::info!("REST API listening on {address}");
    }
    tracing::info!("the worker is started");
    Ok((connect, rest))
}

/// Creates the connectors in order, each after the one before is there.
async fn create_all(connect: &Connect, files: &[PathBuf]) -> Stopped<()> {
    for file in files {
        let failed = |text: String| (Failure::Start, text);
        let ConnectorFile { name, config, initial_state, .. } =
            read_connector_file(file).await.map_err(|error| failed(error.trace()))?;
        let state = initial_state.map(|state| match state {
            InitialState::Running => TargetState::Started,
            InitialState::Paused => TargetState::Paused,
            InitialState::Stopped => TargetState::Stopped,
        });
        connect.herder().put_connector(&name, config, state, false).await.map_err(|error| {
            failed(format!("Connector {name}, from '{}': {}", file.display(), text(&error)))
        })?;
        tracing::info!(connector = name, "created");
    }
    Ok(())
}

/// The error with its causes. Left out are causes that the line before them quotes, and the advice to ask a REST API
/// that is not there.
pub(crate) fn text(error: &Error) -> String {
    let trace = match error {
        Error::Plugin(error) => error.trace(),
        Error::Kafka { doing, source } => format!("{doing}\ncaused by: {}", source.trace()),
        other => other.to_string(),
    };
    let mut lines: Vec<&str> = Vec::new();
    for line in trace.lines().filter(|line| !line.starts_with("You can also find the above list")) {
        let cause = line.strip_prefix("caused by: ");
        let quoted = |cause: &str| lines.iter().any(|before| before.ends_with(cause));
        if !cause.is_some_and(quoted) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

fn say(report: &ShutdownReport) {
    for (connector, task, metrics) in &report.tasks {
        tracing::info!(
            connector,
            task,
            read = metrics.records_read,
            delivered = metrics.records_delivered,
            dropped = metrics.records_filtered,
            failed = metrics.records_skipped,
            "stopped"
        );
    }
    for left in &report.abandoned {
        let who = match left.task {
            Some(task) => format!("Task {}-{task}", left.connector),
            None => format!("Connector {}", left.connector),
        };
        eprintln!(
            "{who} did not stop in time and was cut off with {} records under way; they come again after a restart.",
            left.records_in_flight
        );
    }
}

/// Ctrl+C, and SIGTERM where there are signals.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl+C"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_quoted_is_not_said_again() {
        let error = connect_api::Error::connect("it failed: no disk");
        let error = Error::Plugin(connect_api::Error::connect("cannot write").with_source(error));
        assert_eq!(text(&error).lines().count(), 2, "{}", text(&error));
        let inner = connect_api::Error::connect("no disk");
        let error = Error::Plugin(connect_api::Error::connect("it failed: no disk").with_source(inner));
        assert_eq!(text(&error), "it failed: no disk");
    }

    #[test]
    fn nobody_is_sent_to_an_api_that_is_not_there() {
        let error =
            Error::Config("2 error(s):\na\nb\nYou can also find the above list of errors at".to_owned());
        assert_eq!(text(&error), "2 error(s):\na\nb");
    }
}
