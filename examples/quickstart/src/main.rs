//! A text file travels through transformations into Kafka and out into another file, in one process.
//!
//! The part to read is `pipeline.rs`; the rest is arguments, progress and a summary that has to add up.

#![expect(clippy::print_stdout, reason = "a program that talks to a person")]

mod input;
mod parse_line;
mod pipeline;
mod summary;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use connect_runtime::{Connect, State};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::input::Input;
use crate::pipeline::{SINK, SOURCE};
use crate::summary::{Side, Summary};

const TEXT: &str = include_str!("../tyger.txt");

/// Sends a text file line by line through transformations into a Kafka topic as JSON, and from the topic into another
/// file. Kafka runs in memory unless you say where a real one is.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  quickstart
  quickstart /etc/services --output services.jsonl
  quickstart /etc/services --bootstrap-servers localhost:9092"
)]
struct Args {
    /// The text file. Without it, a poem that comes with the program.
    file: Option<PathBuf>,
    /// The file to write, one JSON object per line. It is replaced. [default: quickstart.jsonl in the directory for
    /// temporary files]
    #[arg(long)]
    output: Option<PathBuf>,
    /// A Kafka to use, host:port, instead of the one in memory. A topic of its own is created there and stays.
    #[arg(long)]
    bootstrap_servers: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    // The engine's warnings; of the Kafka client below it only errors.
    let levels = Targets::new().with_default(Level::WARN).with_target("krafka", Level::ERROR);
    let log = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    tracing_subscriber::registry().with(log.with_filter(levels)).init();
    match run(Args::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("quickstart failed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let (file, shown) = match args.file {
        Some(file) => (file.clone(), file.display().to_string()),
        None => {
            let file = directory.path().join("tyger.txt");
            fs::write(&file, TEXT)?;
            (file, "a poem that comes with the program; name a text file to take that instead".to_owned())
        }
    };
    let output = args.output.unwrap_or_else(|| std::env::temp_dir().join("quickstart.jsonl"));
    let said = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let input = Input::of(&file, directory.path()).map_err(|error| said(&file, error))?;
    if fs::canonicalize(&output).is_ok_and(|output| fs::canonicalize(&file).is_ok_and(|file| file == output))
    {
        return Err(format!("{} is the input and would be overwritten", output.display()).into());
    }
    File::create(&output).map_err(|error| said(&output, error))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (topic, kafka) = match &args.bootstrap_servers {
        Some(servers) => (format!("quickstart-{}", unix_seconds()), servers.as_str()),
        None => ("quickstart".to_owned(), "in memory"),
    };
    println!("Input:  {shown} ({} lines)", input.lines);
    println!("Kafka:  {kafka}, topic {topic}");
    println!("Output: {}\n", output.display());

    let start = tokio::time::Instant::now();
    let connect = pipeline::worker(args.bootstrap_servers.as_deref()).await?;
    pipeline::create_source(&connect, &input.path, &name, &topic).await?;
    connect.wait_for(SOURCE, State::Running, Duration::from_secs(30)).await?;
    pipeline::create_sink(&connect, &output, &topic).await?;
    let end = tokio::select! {
        end = until_the_end(&connect, input.lines) => end,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    let (source, sink) = (side(&connect, SOURCE)?, side(&connect, SINK)?);
    let report = connect.shutdown().await?;
    end?;

    let (lines_out, _) = input::count(File::open(&output)?)?;
    let summary = Summary { lines_in: input.lines, source, sink, lines_out };
    show_beginning(&output)?;
    println!("\n{summary}");
    let mut problems = summary.problems();
    problems.extend(report.abandoned.iter().map(|left| format!("cut off at the end: {left:?}")));
    if problems.is_empty() {
        println!("It adds up: every line of the input was written or dropped, in {:.1?}.", start.elapsed());
        return Ok(ExitCode::SUCCESS);
    }
    for problem in problems {
        eprintln!("It does not add up: {problem}");
    }
    Ok(ExitCode::FAILURE)
}

/// Until the source has read all lines, and each has come to an end in the output or before.
async fn until_the_end(connect: &Connect, lines: u64) -> Result<(), Box<dyn Error>> {
    let live = io::stderr().is_terminal();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let mut shown = 0;
    loop {
        ticks.tick().await;
        for name in [SOURCE, SINK] {
            let status = connect.status(name)?;
            let tasks = status.tasks.iter().map(|(_, task)| task);
            if let Some(failed) =
                tasks.chain([&status.connector]).find(|status| status.state == State::Failed)
            {
                return Err(format!("{name}: {}", failed.trace.as_deref().unwrap_or("FAILED")).into());
            }
        }
        let (source, sink) = (side(connect, SOURCE)?, side(connect, SINK)?);
        let done = source.settled() >= lines && sink.settled() >= source.written;
        if live && (done || sink.settled() != shown) {
            eprint!("\r{:>10} of {lines} lines read, {:>10} written", source.read, sink.written);
            io::stderr().flush()?;
            shown = sink.settled();
        }
        if done {
            if live {
                eprintln!("\n");
            }
            return Ok(());
        }
    }
}

fn side(connect: &Connect, name: &str) -> Result<Side, connect_runtime::Error> {
    Ok(connect.metrics(name)?.first().map(|(_, metrics)| Side::from(*metrics)).unwrap_or_default())
}

fn show_beginning(output: &Path) -> io::Result<()> {
    println!("The output, one JSON object per line, begins with");
    for line in BufReader::new(File::open(output)?).lines().take(3) {
        let line = line?;
        match line.char_indices().nth(100) {
            Some((end, _)) => println!("  {}…", &line[..end]),
            None => println!("  {line}"),
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the real time makes a name that no earlier run had")]
fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
