//! The engine beside the client below it, on a real Kafka, in one run.
//!
//! `cargo xtask bench floor --bootstrap-servers 127.0.0.1:9092` measures raw producing and consuming and our source
//! and sink tasks on the same records. Each cell runs in a process of its own, cells alternate, and the table shows
//! the median with records per second, CPU per record and peak memory.
//!
//! `cargo xtask bench transforms` measures the transformations, `cargo xtask bench converters` the converters, both in
//! nanoseconds and allocations per record.

mod cells;
mod connectors;
mod converters;
mod measure;
mod timing;
mod transforms;

use std::process::Command;

use clap::{Parser, Subcommand};

use crate::measure::Figures;

/// Benchmarks of the engine.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The whole table: every cell, several times, in turn.
    Floor {
        /// Where Kafka is.
        #[arg(long, default_value = "127.0.0.1:9092")]
        bootstrap_servers: String,
        /// How many records each cell moves.
        #[arg(long, default_value_t = 3_000_000)]
        records: u64,
        /// How often each cell runs.
        #[arg(long, default_value_t = 3)]
        runs: usize,
        /// Only cells whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
    },
    /// What each transformation costs; needs no Kafka.
    Transforms {
        /// Only transformations whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
    },
    /// What each converter costs; needs no Kafka.
    Converters {
        /// Only converters whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
    },
    /// One cell, in this process; prints its figures as one line.
    Cell {
        /// Its name, as `floor` lists it.
        name: String,
        /// Where Kafka is.
        #[arg(long)]
        bootstrap_servers: String,
        /// How many records.
        #[arg(long)]
        records: u64,
    },
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Args::parse().command {
        Task::Floor { bootstrap_servers, records, runs, only } => {
            floor(&bootstrap_servers, records, runs, &only)
        }
        Task::Transforms { only } => {
            let lines = transforms::run(&only).map_err(|error| error.to_string())?;
            lines.iter().for_each(|line| print(line));
            Ok(())
        }
        Task::Converters { only } => {
            let lines = converters::run(&only).map_err(|error| error.to_string())?;
            lines.iter().for_each(|line| print(line));
            Ok(())
        }
        Task::Cell { name, bootstrap_servers, records } => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let figures = runtime
                .block_on(cells::run(&name, &bootstrap_servers, records))
                .map_err(|error| error.to_string())?;
            print(&figures.to_line());
            Ok(())
        }
    }
}

#[expect(clippy::print_stdout, reason = "the figures are the program's output")]
fn print(line: &str) {
    println!("{line}");
}

fn floor(servers: &str, records: u64, runs: usize, only: &str) -> Result<(), Box<dyn std::error::Error>> {
    let program = std::env::current_exe()?;
    let cells: Vec<&str> = cells::NAMES.iter().copied().filter(|name| name.contains(only)).collect();
    let mut all: Vec<Vec<Figures>> = vec![Vec::new(); cells.len()];
    for _ in 0..runs {
        for (cell, figures) in cells.iter().zip(&mut all) {
            let records = records.to_string();
            let output = Command::new(&program)
                .args(["cell", cell, "--bootstrap-servers", servers, "--records", &records])
                .output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            match text.lines().last().and_then(Figures::from_line) {
                Some(measured) => figures.push(measured),
                None => {
                    return Err(format!("cell {cell}: {}", String::from_utf8_lossy(&output.stderr)).into());
                }
            }
        }
    }
    print("| cell | records/s: median (min–max) | CPU µs per record | peak RSS MB |");
    print("| --- | ---: | ---: | ---: |");
    for (cell, figures) in cells.iter().zip(&mut all) {
        figures.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
        let median = figures[figures.len() / 2];
        let (low, high) = (figures[0].rate(), figures[figures.len() - 1].rate());
        print(&format!(
            "| {cell} | {:.0}k ({:.0}–{:.0}k) | {:.2} | {:.0} |",
            median.rate() / 1e3,
            low / 1e3,
            high / 1e3,
            median.cpu_micros_per_record(),
            median.peak_mb,
        ));
    }
    Ok(())
}
