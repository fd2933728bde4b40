//! Kafka Connect stock transformations and predicates, as ordinary plugins
