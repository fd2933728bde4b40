//! The worker on a real Kafka, as a process that is started, stopped and killed. `cargo xtask kafka` runs it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

mod broken;
mod cluster;
mod create;
mod dead_letters;
mod exactly_once;
mod process;
mod sqlite;
mod stock;
mod travel;

/// Where Kafka is; `None` says so and skips the test.
fn broker() -> Option<String> {
    let broker = std::env::var("CONNECT_TEST_KAFKA").ok();
    if broker.is_none() {
        println!("skipped: no broker, run cargo xtask kafka");
    }
    broker
}
