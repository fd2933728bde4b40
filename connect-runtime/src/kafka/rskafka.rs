//! The adapter over rskafka: placeholder until it is written.
