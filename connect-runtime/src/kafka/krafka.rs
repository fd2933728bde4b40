//! The adapter over krafka: placeholder until it is written.
