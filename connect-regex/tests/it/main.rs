//! Tests of the regular expressions against Java's answers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod branches;
mod hostile;
mod vectors;
