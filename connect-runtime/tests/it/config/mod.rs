//! Configuration, seen from outside: Kafka's own answers, and whole ways from file to typed value.

mod clients;
mod plugins;
mod validate;
mod vectors;
mod worker;
