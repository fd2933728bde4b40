//! Tests of the SQLite sink, from the outside.
#![allow(clippy::unwrap_used, reason = "test code")]

mod contract;
mod readme;
mod sink;
