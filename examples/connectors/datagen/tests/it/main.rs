//! Tests of the datagen connector, from the outside.
#![allow(clippy::unwrap_used, reason = "test code")]

mod contract;
mod readme;
mod source;
