//! Kafka in memory: placeholder until it is written.
