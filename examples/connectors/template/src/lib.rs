//! Kafka Connect template connector
