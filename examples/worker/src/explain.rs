//! `connect-worker explain`: what each stage of a connector makes of one record.

use std::path::Path;
use std::process::ExitCode;

use connect_api::Properties;
use connect_runtime::config::{ConnectorFile, WorkerConfig, read_connector_file, read_properties_file};
use connect_runtime::explain::{Explanation, Sample, explain};

use crate::{Failure, output, plugins};

/// What the command line says.
pub(crate) struct Request<'a> {
    pub(crate) connector: &'a Path,
    pub(crate) worker: Option<&'a Path>,
    pub(crate) sample: Option<&'a Path>,
    pub(crate) json: bool,
}

/// Prints the explanation. A stage that refuses the sample ends the program with a failure, after the explanation.
pub(crate) fn run(request: &Request<'_>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("The program could not be started: {error}");
            return Failure::Worker.into();
        }
    };
    match runtime.block_on(work(request)) {
        Ok(explanation) => {
            match request.json {
                true => output::line(format_args!("{:#}", explanation.to_json())),
                false => output::print(&explanation),
            }
            match explanation.is_failed() {
                true => Failure::Start.into(),
                false => ExitCode::SUCCESS,
            }
        }
        Err((failure, text)) => {
            eprintln!("{text}");
            failure.into()
        }
    }
}

async fn work(request: &Request<'_>) -> Result<Explanation, (Failure, String)> {
    let worker = match request.worker {
        None => WorkerConfig::embedded(&Properties::new()),
        Some(file) => match read_properties_file(file).await {
            Ok(properties) => WorkerConfig::standalone(&properties),
            Err(error) => Err(error),
        },
    };
    let worker = worker.map_err(|error| (Failure::Worker, error.trace()))?;
    let failed = |error: connect_api::Error| (Failure::Start, error.trace());
    let ConnectorFile { name, config, .. } = read_connector_file(request.connector).await.map_err(failed)?;
    let sample = match request.sample {
        None => Sample::made_up(),
        Some(file) => {
            let shown = file.display();
            let text = std::fs::read_to_string(file)
                .map_err(|error| (Failure::Usage, format!("The sample {shown} cannot be read: {error}")))?;
            let sample = Sample::parse(&text)
                .map_err(|error| (Failure::Usage, format!("{shown}: {}", error.trace())))?;
            sample.from_where(shown.to_string())
        }
    };
    explain(&plugins::all(), &worker, &config, &sample).await.map_err(|error| {
        let text = format!(
            "Connector {name}, from '{}': {}",
            request.connector.display(),
            crate::error_text(&error)
        );
        (Failure::Start, text)
    })
}
