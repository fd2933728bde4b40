//! The `rskafka` implementation.
