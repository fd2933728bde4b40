//! Placeholder until the roster is written.
fn main() {}
