//! How the connectors are doing: live lines on a terminal, a line now and then in the log.

use std::collections::BTreeMap;
use std::time::Duration;

use connect_runtime::{Connect, ConnectorStatus, State};
use tokio::time::Instant;

use crate::table::{columns, grouped};
use crate::terminal::Terminal;

const LIVE: Duration = Duration::from_secs(1);
const LOG: Duration = Duration::from_secs(10);

/// A connector at a moment: the sums over its tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reading {
    state: String,
    /// Delivered by a source to Kafka, or by a sink to its system.
    records: u64,
    dropped: u64,
    errors: u64,
    lag: Option<u64>,
}

/// Reports until it is dropped.
pub(crate) async fn report(connect: &Connect, terminal: Option<&Terminal>) {
    let period = if terminal.is_some() { LIVE } else { LOG };
    let mut ticks = tokio::time::interval(period);
    let mut before: BTreeMap<String, Reading> = BTreeMap::new();
    let mut then = Instant::now();
    loop {
        ticks.tick().await;
        let elapsed = then.elapsed().as_secs_f64().max(0.001);
        then = Instant::now();
        let now = read(connect);
        let rate = |name: &str, reading: &Reading| {
            let known = before.get(name).map_or(0, |reading| reading.records);
            (reading.records.saturating_sub(known) as f64 / elapsed) as u64
        };
        match terminal {
            Some(terminal) => terminal.show(lines(&now, rate)),
            None => {
                for (name, reading) in &now {
                    if before.get(name).map_or(reading.records > 0, |old| old != reading) {
                        let Reading { state, records, dropped, errors, lag } = reading;
                        let per_second = rate(name, reading);
                        tracing::info!(
                            connector = name,
                            state,
                            records,
                            per_second,
                            dropped,
                            errors,
                            lag,
                            "progress"
                        );
                    }
                }
            }
        }
        before = now;
    }
}

fn read(connect: &Connect) -> BTreeMap<String, Reading> {
    let mut readings = BTreeMap::new();
    for name in connect.connectors() {
        // A connector that is being deleted may be gone by now.
        let (Ok(status), Ok(metrics)) = (connect.status(&name), connect.metrics(&name)) else { continue };
        let mut reading = Reading { state: state(&status), ..Reading::default() };
        for (_, task) in metrics {
            reading.records += task.records_delivered;
            reading.dropped += task.records_filtered;
            reading.errors += task.record_errors;
            reading.lag = reading.lag.into_iter().chain(task.lag).reduce(|all, task| all + task);
        }
        readings.insert(name, reading);
    }
    readings
}

/// The connector's state, or that of its tasks where they differ from it.
fn state(status: &ConnectorStatus) -> String {
    let own = status.connector.state;
    let other: Vec<State> =
        status.tasks.iter().map(|(_, task)| task.state).filter(|state| *state != own).collect();
    match other.first() {
        None => own.to_string(),
        Some(_) if other.contains(&State::Failed) => {
            let failed = other.iter().filter(|state| **state == State::Failed).count();
            format!("{own}, {failed} of {} tasks FAILED", status.tasks.len())
        }
        Some(state) => format!("{own}, tasks {state}"),
    }
}

fn lines(readings: &BTreeMap<String, Reading>, rate: impl Fn(&str, &Reading) -> u64) -> String {
    let row = |(name, reading): (&String, &Reading)| {
        vec![
            name.clone(),
            reading.state.clone(),
            // As wide as they get, so that the columns stay where they are.
            format!("{:>13} records", grouped(reading.records)),
            format!("{:>9}/s", grouped(rate(name, reading))),
            format!("{:>14}", reading.lag.map(|lag| format!("lag {}", grouped(lag))).unwrap_or_default()),
            format!("{} dropped", grouped(reading.dropped)),
            format!("{} errors", grouped(reading.errors)),
        ]
    };
    columns(&readings.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_how_fast_and_what_is_left() {
        let reading =
            Reading { state: "RUNNING".to_owned(), records: 12_345, dropped: 1, errors: 0, lag: Some(7) };
        let readings = BTreeMap::from([("sink".to_owned(), reading)]);
        assert_eq!(
            lines(&readings, |_, reading| reading.records / 5),
            "sink  RUNNING         12,345 records      2,469/s           lag 7  1 dropped  0 errors\n"
        );
    }
}
