//! Kafka Connect file connector
