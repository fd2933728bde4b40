//! Clusters of worker processes on a real Kafka of their own, beside genuine Java workers where there are any. All of
//! this takes minutes: `cargo xtask cluster` runs it.

mod faults;
mod fencing;
mod http;
mod mixed;
mod proxy;
mod site;
mod topics;
mod trail;
