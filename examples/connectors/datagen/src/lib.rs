//! Kafka Connect datagen connector
